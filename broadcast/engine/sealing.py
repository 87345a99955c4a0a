"""Secrets at rest: encrypted with a key that Redis has not, for one use alone, so that a copy of Redis has none.

Credentials are for one instance at one address, with SECRET_KEY; what the dashboard hands over is for one session.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

#: What the key is derived for; another purpose is to have another key of the same secret.
_PURPOSE = b"broadcast: credentials of instances"
_LIKENESS = b"broadcast: instances with the same secret"


def seal(credentials: Mapping[str, str], *, secret_key: str, binding: str) -> str:
    """These, encrypted and signed. Only who has the key, and names the same `binding`, can open them."""
    text = json.dumps({"binding": binding, "credentials": dict(credentials)})
    return _fernet(secret_key).encrypt(text.encode()).decode()


def unseal(sealed: str, *, secret_key: str, binding: str) -> Mapping[str, str] | None:
    """What was sealed; None where the key is another, the binding is, or the text was touched."""
    try:
        found = json.loads(_fernet(secret_key).decrypt(sealed.encode()))
    except InvalidToken:
        return None
    credentials: Mapping[str, str] = found["credentials"]
    return credentials if found["binding"] == binding else None


def stand_in(secret: str, *, secret_key: str) -> str:
    """What tells that two secrets are the same, and nothing else of them, to whoever has not the key."""
    return hmac.new(_derived(secret_key, _LIKENESS), secret.encode(), "sha256").hexdigest()[:32]


@lru_cache(maxsize=4)
def _fernet(secret_key: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_derived(secret_key, _PURPOSE)))


def _derived(secret_key: str, purpose: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose).derive(secret_key.encode())
