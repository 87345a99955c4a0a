"""The Redis itself: what it says about its version, its memory, its persistence and its clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from broadcast.store.scripts import Scripts

#: Asked of CONFIG; everything else that is judged stands in INFO, which no provider forbids.
CONFIGURED = ("save", "appendfsync")


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What Redis says about itself. None, and a name that is not in `config`: it would not say."""

    info: Mapping[str, Any] | None  #: INFO, its default sections, by field
    config: Mapping[str, str]  #: CONFIG GET of `CONFIGURED`
    clock_ahead_s: float | None  #: Redis's clock minus ours, as far as the way there and back lets it be known


class Server:
    """The server that holds the state."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def look(self, *, clock: Callable[[], float] = time.time) -> Seen:
        """What is judged of a Redis, in one round trip; `clock` is Unix s. Raises Unavailable."""
        asked_at = clock()
        at, info, *config = self._scripts.ask(self._ask)
        answered_at = clock()
        return Seen(
            info=info if isinstance(info, dict) else None,
            config={name: value for found in config if isinstance(found, dict) for name, value in found.items()},
            clock_ahead_s=_beyond(at, asked_at, answered_at) if isinstance(at, tuple) else None,
        )

    def write_anew(self) -> bool:
        """Have Redis write its append-only file anew if what was removed is in it still; True when that began.

        One that goes on is not disturbed; who asks again later finds it over, or begins it again. Raises Unavailable.
        """

        def ask() -> tuple[Mapping[str, Any], Mapping[str, Any]]:
            with self._scripts.client.pipeline(transaction=False) as pipe:
                pipe.info("persistence")
                pipe.info("server")
                file, server = pipe.execute()
            return file, server

        file, server = self._scripts.ask(ask)
        if not file["aof_enabled"] or file["aof_rewrite_in_progress"] or file["aof_rewrite_scheduled"]:
            return False
        is_well = file["aof_last_bgrewrite_status"] == "ok"
        if not self._scripts.run("rewrite", server["run_id"], "1" if is_well else ""):
            return False
        self._scripts.ask(self._scripts.client.bgrewriteaof)
        return True

    def _ask(self) -> list[Any]:
        """An error in place of each answer that Redis will not give."""
        with self._scripts.client.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.info()
            for name in CONFIGURED:
                pipe.config_get(name)
            return list(pipe.execute(raise_on_error=False))


def _beyond(at: tuple[int, int], asked_at: float, answered_at: float) -> float:
    """How far Redis's time lies outside the moments of question and answer, in s; 0 when it may be the same."""
    theirs = at[0] + at[1] / 1_000_000
    return theirs - min(max(theirs, asked_at), answered_at)
