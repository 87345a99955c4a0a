"""What one page hands to the next, and no address may have: kept for a while, encrypted, for one session.

The address has a token, the cookie the session, and Redis what is sealed with both, under the token's digest: whoever
has but one of the three (a proxy's log, a copy of Redis) can read nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping

from flask import current_app, session

from broadcast.api.asking import services
from broadcast.engine import sealing


def hand(what: Mapping[str, str], *, keep_s: int) -> str:
    """Keep it for so many seconds; the token for the next page's address."""
    token = secrets.token_urlsafe(16)
    sealed = sealing.seal(what, secret_key=_key(token), binding=_session())
    services().store.desk.keep_note(_place(token), sealed, keep_s=keep_s)
    return token


def look(token: str) -> Mapping[str, str] | None:
    """What was handed over with the token to this session, while it is kept."""
    return _opened(token, services().store.desk.note(_place(token)))


def take(token: str) -> Mapping[str, str] | None:
    """The same, once."""
    return _opened(token, services().store.desk.take_note(_place(token)))


def _opened(token: str, sealed: str | None) -> Mapping[str, str] | None:
    return sealing.unseal(sealed, secret_key=_key(token), binding=_session()) if sealed else None


def _place(token: str) -> str:
    """Of the session as well: nobody takes away what is another's."""
    return hashlib.sha256(f"{_session()}/{token}".encode()).hexdigest()


def _key(token: str) -> str:
    return f"{current_app.secret_key!s}/{token}"


def _session() -> str:
    return str(session.get("id", ""))
