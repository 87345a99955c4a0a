"""Sessions of the dashboard, in Redis: nothing of those that last, and of those that were logged out their ids."""

from __future__ import annotations

from dataclasses import dataclass

from broadcast.domain.caller import Key
from broadcast.store.callers import key_of
from broadcast.store.keys import key
from broadcast.store.scripts import Scripts, pairs


@dataclass(frozen=True, kw_only=True)
class Visit:
    """A session that a request came with: whether it was logged out, and the created key that it refers to, if any."""

    is_over: bool
    key: Key | None
    wait_ms: int  #: 0, or so many ms until it may ask again


class Sessions:
    """Who is in has a signed cookie, which nobody can take back; so it is remembered who went out."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def visit(self, session: str, *, digest: str = "", name: str = "", limit: tuple[int, int] | None = None) -> Visit:
        """Look at the session of this id, and at the created key of this digest, in one round trip.

        That this key, or the key of the settings of this name, is used is noted, unless the session is over.
        `limit` is how many requests it may make in so many ms, of which this is one; None: it is not counted.
        """
        is_over, fields, wait_ms = self._scripts.run("visit", session, digest, name, *(limit or (0, 0)))
        return Visit(is_over=bool(is_over), key=key_of(pairs(fields)) if fields else None, wait_ms=wait_ms)

    def end(self, session: str, *, keep_s: int) -> None:
        """Log the session out, and remember that for so long."""
        self._scripts.ask(lambda: self._scripts.client.set(key("ended", session), 1, ex=keep_s))
