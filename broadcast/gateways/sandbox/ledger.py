"""The ledger: every request to send, in the order of arrival, stamped when its first byte was seen."""

from __future__ import annotations

import json
import statistics
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """One request to send. `outcome` says "accepted" exactly when the message would have reached WhatsApp."""

    seq: int
    at: float  #: seconds of the server's monotonic clock
    wall: str  #: RFC 3339
    instance: str
    number: str
    kind: str
    text: str
    mediaUrl: str | None  # noqa: N815 - as it is shown
    reference: str | None
    outcome: str
    id: str | None


class Ledger:
    """Arrivals in memory, and in a file of JSON lines if one is given. Thread-safe."""

    def __init__(self, file: Path | None = None) -> None:
        self._arrivals: list[Arrival] = []
        self._seq = 0
        self._lock = threading.Lock()
        self._file = file.open("a") if file else None

    def add(self, **fields: Any) -> Arrival:
        """Enter one arrival; `seq` is given here."""
        with self._lock:
            self._seq += 1
            arrival = Arrival(seq=self._seq, **fields)
            self._arrivals.append(arrival)
            if self._file:
                self._file.write(json.dumps(asdict(arrival)) + "\n")
                self._file.flush()
            return arrival

    def arrivals(self, *, instance: str | None = None, after: int = 0) -> list[Arrival]:
        """The arrivals, by the time they came."""
        with self._lock:
            found = [
                arrival for arrival in self._arrivals if arrival.seq > after and instance in {None, arrival.instance}
            ]
        return sorted(found, key=lambda arrival: arrival.at)

    def gaps(self, *, instance: str | None = None) -> dict[str, float | int | None]:
        """The time between neighbouring arrivals of one instance (or of each, taken together), in ms."""
        arrivals = self.arrivals(instance=instance)
        gaps = sorted(self._gaps_ms(arrivals))
        return {
            "count": len(arrivals),
            "least": gaps[0] if gaps else None,
            "median": statistics.median(gaps) if gaps else None,
            "greatest": gaps[-1] if gaps else None,
            "span": (arrivals[-1].at - arrivals[0].at) * 1000 if arrivals else 0.0,
        }

    def _gaps_ms(self, arrivals: list[Arrival]) -> Iterator[float]:
        for instance in {arrival.instance for arrival in arrivals}:
            times = [arrival.at for arrival in arrivals if arrival.instance == instance]
            yield from ((later - earlier) * 1000 for earlier, later in pairwise(times))

    def clear(self) -> None:
        """Forget every arrival. The file, if any, stays."""
        with self._lock:
            self._arrivals.clear()

    def close(self) -> None:
        """Let go of the file, if any. What still arrives is kept in memory."""
        with self._lock:
            if self._file:
                self._file.close()
            self._file = None
