"""API keys: made, and known again. A secret is shown once and kept nowhere; what is kept is its SHA-256.

That is enough, and quick enough for every request, because the secret is 32 random bytes and not a word of somebody's.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Collection

from broadcast.domain.caller import Caller
from broadcast.errors import Conflict, NotFound
from broadcast.store import Store

#: So that people, and scanners of source code, know a key of ours when they see one.
PREFIX = "bc_"
SECRET_BYTES = 32


def grant(
    store: Store,
    caller: Caller,
    *,
    of_settings: Collection[str] = (),
    random: Callable[[int], str] = secrets.token_urlsafe,
) -> str:
    """Create a key; its secret. Raises Conflict when a key of the settings, or one that is not revoked, has the name.

    Two of one name would share a limit and drafts, and no log line could tell them apart.
    """
    if caller.name in of_settings:
        raise Conflict(f"There is a key {caller.name} in API_KEYS: take another name.")
    secret = PREFIX + random(SECRET_BYTES)
    if not store.callers.grant(digest(secret), caller):
        raise Conflict(f"There is a key {caller.name} already: revoke it first, or take another name.")
    return secret


def revoke(store: Store, name: str) -> None:
    """Revoke a key, for good. Raises NotFound."""
    if not store.callers.revoke(name):
        raise NotFound(f"There is no key {name}, or it is revoked already.")


def digest(secret: str) -> str:
    """What is kept of a secret."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
