"""Who of one process waits for the fence of a lane stands in line, and the first alone asks.

Were all to ask, each departure would cost as many round trips as there are tasks that wait, which a worker that is
behind can afford least.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager


class Lines:
    """A line for each lane, first come, first served; a lane for which nobody waits takes no memory."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[str, deque[threading.Event]] = {}

    def length(self, lane: str) -> int:
        """How many stand there, the first among them."""
        with self._lock:
            return len(self._lines.get(lane, ()))

    @contextmanager
    def first(self, lane: str) -> Iterator[None]:
        """Wait until all who came before are gone; the next one's turn comes when the block is left."""
        turn = threading.Event()
        with self._lock:
            line = self._lines.setdefault(lane, deque())
            line.append(turn)
            line[0].set()
        try:
            turn.wait()
            yield
        finally:
            with self._lock:
                line.remove(turn)
                if line:
                    line[0].set()
                else:
                    del self._lines[lane]
