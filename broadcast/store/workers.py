"""Signs of life of the workers, deeds that one process does for all, and the clock that all go by."""

from __future__ import annotations

from broadcast.store.keys import key
from broadcast.store.scripts import Scripts

#: Redis's clock was set back when it is so much behind what it was, ms; less is slewed, and costs nobody anything.
SET_BACK_MS = 1000
#: So many of each list are set back with it: a script's time is everybody's.
SET_BACK_AT_ONCE = 10_000
#: A worker that has not been heard of for so long does not count as alive.
ALIVE_S = 15


class Workers:
    """Who is consuming which queue."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def beat(self, queue: str, worker: str) -> None:
        """Note that the worker is alive and consumes the queue."""
        now = self._now_s()
        client = self._scripts.client
        self._scripts.ask(lambda: client.zadd(key("workers", queue), {worker: now * 1000}))
        self._scripts.ask(lambda: client.zremrangebyscore(key("workers", queue), "-inf", (now - 3600) * 1000))

    def leave(self, queue: str, worker: str) -> None:
        """Note that the worker stopped consuming the queue."""
        self._scripts.ask(lambda: self._scripts.client.zrem(key("workers", queue), worker))

    def alive(self, queue: str) -> int:
        """How many workers consume the queue."""
        since = (self._now_s() - ALIVE_S) * 1000
        return int(self._scripts.ask(lambda: self._scripts.client.zcount(key("workers", queue), since, "+inf")))

    def claim(self, deed: str, *, for_ms: int) -> bool:
        """Claim a deed for a while; False when another process has it."""
        return bool(self._scripts.run("deed", deed, for_ms))

    def keep_time(self) -> int:
        """Set back with Redis's clock what goes by it; return by how many ms, 0 when it was not since the last call."""
        return int(self._scripts.run("keep_time", SET_BACK_MS, SET_BACK_AT_ONCE))

    def is_claimed(self, deed: str) -> bool:
        """Whether somebody has claimed the deed just now."""
        return bool(self._scripts.ask(lambda: self._scripts.client.exists(key("claim", deed))))

    def _now_s(self) -> int:
        seconds, _ = self._scripts.ask(self._scripts.client.time)
        return int(seconds)
