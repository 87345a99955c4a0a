"""A campaign over time: how many contacts were sent to, reached, read and failed by when, from bounded work."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broadcast.domain.contact import Status
from broadcast.store import Store
from broadcast.store.contacts import MOMENTS

#: So many contacts are looked at, evenly spread over those that were reached, and so many points are drawn: a million
#: cost what four thousand do, since it is found out first how far the campaign is.
MOST_LOOKED_AT = 2000
#: So many by one script, so that no departure waits for it.
AT_ONCE = 500
POINTS = 60

#: What a later status says about an earlier one: who has read was reached, and who was reached was sent to.
IMPLIES: Mapping[Status, tuple[Status, ...]] = {
    Status.SENT: (Status.SENT, Status.DELIVERED, Status.READ),
    Status.DELIVERED: (Status.DELIVERED, Status.READ),
    Status.READ: (Status.READ,),
    Status.FAILED: (Status.FAILED,),
}


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Cumulated counts at evenly spaced moments from `start_ms` to `end_ms` (Unix ms), by status."""

    start_ms: int
    end_ms: int
    lines: Mapping[Status, Sequence[int]]
    every: int  #: one contact in so many was looked at, and stands for all of them


def chart(store: Store, campaign: str, *, total: int) -> Chart | None:
    """The chart of a campaign; None while nothing has happened."""
    every = _every(total)
    rows = _rows(store, campaign, every=every, total=total)
    reached = min(max(rows, default=-every) + every, total)  # nothing has become of whoever is behind it
    if every > _every(reached):
        every = _every(reached)
        rows = _rows(store, campaign, every=every, total=reached)
    return _drawn(list(rows.values()), every)


def _every(total: int) -> int:
    return max(-(-total // MOST_LOOKED_AT), 1)


def _rows(store: Store, campaign: str, *, every: int, total: int) -> dict[int, Mapping[Status, int]]:
    """What became of one contact in so many, by its number."""
    found: dict[int, Mapping[Status, int]] = {}
    for first in range(0, total, every * AT_ONCE):
        found |= store.contacts.moments(campaign, first=first, last=min(first + every * AT_ONCE, total), every=every)
    return found


def _drawn(rows: Sequence[Mapping[Status, int]], every: int) -> Chart | None:
    times = {status: sorted(_times(rows, IMPLIES[status])) for status in MOMENTS}
    moments = [moment for row in times.values() for moment in row]
    if not moments:
        return None
    start, end = min(moments), max(moments)
    steps = [start + (end - start) * point // POINTS for point in range(POINTS + 1)]
    lines = {status: [bisect_right(row, at) * every for at in steps] for status, row in times.items()}
    return Chart(start_ms=start, end_ms=end, lines=lines, every=every)


def _times(rows: Sequence[Mapping[Status, int]], any_of: Sequence[Status]) -> list[int]:
    known = ([row[status] for status in any_of if status in row] for row in rows)
    return [min(moments) for moments in known if moments]
