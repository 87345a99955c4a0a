"""The pacing certificate: what the departures of a campaign say about the pace it kept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil

#: ms of the window in which the most departures are looked for
WINDOW_MS = 60_000
#: breaches that are shown, the first ones
SHOWN_BREACHES = 5


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """What was kept. Gaps are in ms, between neighbours in time."""

    departures: int
    least_gap_ms: int | None  #: None where there are not two
    most_in_window: int  #: the largest number in any `WINDOW_MS`, the window's end not included
    breaches: int  #: gaps shorter than `gap_ms`
    first_breaches: Sequence[tuple[int, int]]  #: when the later one departed, Unix ms, and the gap
    gap_ms: int  #: what was asked for
    allowed_in_window: int  #: as many as that pace lets out in any `WINDOW_MS`


def certify(departures: Iterable[int], *, gap_ms: int) -> Certificate:
    """The certificate of departures (Unix ms, in whatever order) for which a least gap was asked."""
    times = sorted(departures)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    breaches = [(at, gap) for at, gap in zip(times[1:], gaps, strict=True) if gap < gap_ms]
    return Certificate(
        departures=len(times),
        least_gap_ms=min(gaps, default=None),
        most_in_window=_most_in_window(times),
        breaches=len(breaches),
        first_breaches=breaches[:SHOWN_BREACHES],
        gap_ms=gap_ms,
        allowed_in_window=ceil(WINDOW_MS / gap_ms),
    )


def _most_in_window(times: list[int]) -> int:
    most = first = 0
    for last, at in enumerate(times):
        while at - times[first] >= WINDOW_MS:
            first += 1
        most = max(most, last - first + 1)
    return most
