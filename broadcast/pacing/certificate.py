"""The pacing certificate: what the departures of a campaign say about the pace it kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

#: ms of the window in which the most departures are looked for
WINDOW_MS = 60_000


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What was kept. Gaps are in ms, between neighbours in time."""

    departures: int
    least_gap_ms: int | None  #: None where there are not two
    most_in_window: int  #: the largest number in any `WINDOW_MS`, the window's end not included
    breaches: int  #: gaps shorter than `gap_ms`
    gap_ms: int  #: what was asked for


def certify(departures: Iterable[int], *, gap_ms: int) -> Certificate:
    """The certificate of departures (Unix ms, in whatever order) for which a least gap was asked."""
    times = sorted(departures)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    return Certificate(
        departures=len(times),
        least_gap_ms=min(gaps, default=None),
        most_in_window=_most_in_window(times),
        breaches=sum(gap < gap_ms for gap in gaps),
        gap_ms=gap_ms,
    )


def _most_in_window(times: list[int]) -> int:
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= WINDOW_MS:
            first += 1
        most = max(most, last - first + 1)
    return most
