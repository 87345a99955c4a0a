"""Pseudonyms: what stands for somebody who was forgotten, so that a later message to them can still be left out."""

from __future__ import annotations

import hashlib
import hmac

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

#: What the key is derived for; another purpose is to have another key of the same secret.
_PURPOSE = b"broadcast: people who were forgotten"


class Pseudonyms:
    """Keyed hashes of people's identities: without SECRET_KEY nobody can try all numbers and compare.

    Each begins with the fingerprint of its key, so that those of another SECRET_KEY are known for what they are.
    Where there is none, a plain hash stands for them: that hides a number from a reader, and from nobody who tries.
    """

    def __init__(self, secret_key: str | None) -> None:
        self._key = _derive(secret_key) if secret_key else None
        #: Tells one key from another, and nothing of either; "" where there is none.
        self.fingerprint = _digest(self._key, "fingerprint")[:8] if self._key else ""

    def of(self, identity: str) -> str:
        """What stands for this person (`domain.phone.identity`)."""
        if self._key is None:
            return plain(identity)
        return f"{self.fingerprint}:{_digest(self._key, identity)[:32]}"


def plain(identity: str) -> str:
    """A hash that needs no key, as every one was before there were keyed ones; `is_suppressed` makes the same."""
    return hashlib.sha1(identity.encode(), usedforsecurity=False).hexdigest()


def fingerprint_of(name: str) -> str | None:
    """The fingerprint of the key that a name on the suppression list was made with: "" for a plain hash.

    None for a name that is an identity itself.
    """
    fingerprint, is_keyed, _ = name.partition(":")
    if is_keyed:
        return fingerprint
    return "" if len(name) == hashlib.sha1(usedforsecurity=False).digest_size * 2 else None


def _derive(secret_key: str) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=_PURPOSE).derive(secret_key.encode())


def _digest(key: bytes, text: str) -> str:
    return hmac.digest(key, text.encode(), "sha256").hex()
