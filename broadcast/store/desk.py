"""What the dashboard keeps in Redis: the secret that signs its sessions, and for a while what came of a form."""

from __future__ import annotations

import zlib

from broadcast.store.keys import key
from broadcast.store.scripts import Scripts


class Desk:
    """Nothing here is needed to send: a desk that was cleared asks people to log in, or to fill a form, again."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def signing(self, proposed: str) -> str:
        """The secret that every process signs sessions with: the one that is there, or else the proposed one."""

        def ask() -> str:
            with self._scripts.client.pipeline() as pipe:
                pipe.set(key("signing"), proposed, nx=True)
                pipe.get(key("signing"))
                return str(pipe.execute()[1])

        return str(self._scripts.ask(ask))

    def keep_draft(self, token: str, text: str, *, keep_s: int) -> None:
        """Keep a draft for a while. A hundred thousand contacts are a few hundred kB."""
        self._scripts.ask(lambda: self._scripts.client.set(key("draft", token), _packed(text), ex=keep_s))

    def change_draft(self, token: str, text: str) -> None:
        """Keep this instead, no longer than it would have been kept; nothing where that is over."""
        self._scripts.ask(lambda: self._scripts.client.set(key("draft", token), _packed(text), xx=True, keepttl=True))

    def draft(self, token: str) -> str | None:
        """The draft, while it is kept."""
        packed = self._scripts.ask(lambda: self._scripts.client.get(key("draft", token)))
        return zlib.decompress(bytes.fromhex(packed)).decode() if packed else None

    def keep_note(self, place: str, sealed: str, *, keep_s: int) -> None:
        """Keep what is encrypted already for a while."""
        self._scripts.ask(lambda: self._scripts.client.set(key("note", place), sealed, ex=keep_s))

    def note(self, place: str) -> str | None:
        """What is kept there, while it is."""
        found: str | None = self._scripts.ask(lambda: self._scripts.client.get(key("note", place)))
        return found

    def take_note(self, place: str) -> str | None:
        """The same, for the first who asks: it is there no more."""
        found: str | None = self._scripts.ask(lambda: self._scripts.client.getdel(key("note", place)))
        return found


def _packed(text: str) -> str:
    return zlib.compress(text.encode()).hex()
