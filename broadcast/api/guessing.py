"""Wrong keys: so many may be tried from one address, which then is refused before anybody looks at what it presents."""

from __future__ import annotations

import ipaddress
import math
import time
from collections.abc import Callable, Sequence
from typing import Protocol

from broadcast.engine.granting import digest
from broadcast.errors import TooMany, Unavailable

#: Who presented a right key so many seconds ago is not held up by the wrong ones of a neighbour.
RIGHT_S = 86_400.0
#: The most addresses, and right keys, that a process remembers.
MOST_KNOWN = 10_000


class Buckets(Protocol):
    """How much each has left."""

    def spend(self, caller: str, *, count: int, period_ms: int) -> int:
        """0, or so many ms until there is one again. Raises Unavailable."""


class Guesses:
    """Counts wrong keys for all processes, and remembers in this one whom to refuse.

    `limit` is how many may come from one address in so many ms, evenly or at once; `clock` is monotonic seconds.
    """

    def __init__(
        self, buckets: Buckets, limit: tuple[int, int] | None, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._buckets = buckets
        self._limit = limit
        self._clock = clock
        self._refused: dict[str, float] = {}
        self._right: dict[str, float] = {}
        self._strays: dict[str, float] = {}

    def check(self, presented: Sequence[str], *, address: str) -> None:
        """Raise TooMany while the address is refused, but for keys that were right lately."""
        left_s = self._refused.get(network(address), 0.0) - self._clock()
        if left_s > 0 and self._right.get(_mark(presented), 0.0) < self._clock():
            raise _too_many(left_s)

    def right(self, presented: Sequence[str]) -> None:
        """Remember that these opened."""
        self._remember(self._right, _mark(presented), RIGHT_S)

    def wrong(self, presented: Sequence[str], *, address: str) -> None:
        """Count these, which did not open. Raises TooMany when there were too many; while Redis is away none counts."""
        self._right.pop(_mark(presented), None)
        if self._limit is None:
            return
        whose, (count, period_ms) = network(address), self._limit
        try:
            wait_ms = self._buckets.spend(f"wrong/{whose}", count=count, period_ms=period_ms)
        except Unavailable:
            return
        if wait_ms:
            self._remember(self._refused, whose, wait_ms / 1000)
            raise _too_many(wait_ms / 1000)

    def beside(self, strays: Sequence[str], *, address: str) -> None:
        """Count what did not open beside a key that did, each word once: some callers send one with every request."""
        for stray in strays:
            if self._strays.get(_mark([stray]), 0.0) < self._clock():
                self.wrong([stray], address=address)
                self._remember(self._strays, _mark([stray]), RIGHT_S)

    def _remember(self, known: dict[str, float], what: str, for_s: float) -> None:
        now = self._clock()
        if len(known) >= MOST_KNOWN and what not in known:
            for old in [one for one, until in list(known.items()) if until <= now] or list(known):
                known.pop(old, None)
        known[what] = now + for_s


def _mark(presented: Sequence[str]) -> str:
    return digest("\n".join(presented))


def network(address: str) -> str:
    """Whose the address is: who has one of IPv6 has the other 2^64 of its network as well.

    One of IPv4 that a socket for both tells as IPv6 (`::ffff:192.0.2.1`) is itself alone.
    """
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv4Address):
        return address
    return str(found.ipv4_mapped or ipaddress.ip_network(f"{found}/64", strict=False))


def _too_many(wait_s: float) -> TooMany:
    seconds = math.ceil(wait_s)
    return TooMany(f"Too many wrong keys came from this address. Wait {seconds} s.", retry_after_s=seconds)
