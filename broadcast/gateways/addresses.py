"""Which address a number has at its gateway, kept for a while so that not every message asks again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

#: Seconds that an address is believed; a number may leave WhatsApp, or come to it in another form.
KEPT_S = 86_400.0
#: So many are kept; the one that was not needed for longest makes room.
MOST_KEPT = 10_000


@dataclass
class Addresses:
    """What was found of late, by session and phone. Only what exists is kept. Thread-safe.

    `clock` is monotonic seconds.
    """

    clock: Callable[[], float] = time.monotonic
    most: int = MOST_KEPT
    _known: OrderedDict[tuple[str, str], tuple[str, float]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def of(self, session: str, phone: str) -> str | None:
        """The address, or None where it is to be asked for."""
        with self._lock:
            address, until = self._known.get((session, phone), ("", 0.0))
            if not address or self.clock() >= until:
                return None
            self._known.move_to_end((session, phone))
            return address

    def keep(self, session: str, phone: str, address: str) -> None:
        """Believe this address from now on, for a while."""
        with self._lock:
            self._known[session, phone] = (address, self.clock() + KEPT_S)
            self._known.move_to_end((session, phone))
            while len(self._known) > self.most:
                self._known.popitem(last=False)
