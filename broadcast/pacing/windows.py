"""Sending windows: when the wall clock of a zone allows sending.

Times are Unix ms. A span includes the moment it starts, not the one it ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time
from itertools import count, pairwise

from broadcast.domain.zone import zone_of
from broadcast.pacing.days import DAY_MS, change_ms, day_start_ms, local, to_ms

EVERY_DAY = frozenset(range(7))

#: (from, to) in ms: of Unix time, or of the wall clock's day.
Span = tuple[int, int]


@dataclass(frozen=True)
class Window:
    """Sending is allowed while the wall clock in `zone` shows `start` or later and not yet `end`.

    `days` are those on which it opens, 0 for Monday. `end` before `start` is on the morning after; equal, the window
    lasts the whole day. It is the reading of the clock that counts: an hour that does not exist is left out, and an
    hour that is there twice is open (or closed) both times.
    """

    start: time
    end: time
    zone: str  #: an IANA name
    days: frozenset[int] = EVERY_DAY

    def __post_init__(self) -> None:
        """Raise ValueError for a window that could never open or never be understood."""
        if not self.days or not self.days <= EVERY_DAY:
            raise ValueError(f"days must be some of 0 (Monday) to 6 (Sunday), not {sorted(self.days)}")
        if any(edge.tzinfo or edge.microsecond % 1000 for edge in (self.start, self.end)):
            raise ValueError("start and end are whole milliseconds of the wall clock, without a zone of their own")
        zone_of(self.zone)


def is_open(window: Window, at_ms: int) -> bool:
    """Whether sending is allowed at that moment."""
    return _shows(local(at_ms, zone_of(window.zone)), _wall_spans(window))


def opens_ms(window: Window, now_ms: int) -> int:
    """The earliest moment, not before `now_ms`, at which sending is allowed."""
    return next(spans(window, now_ms))[0]


def closes_ms(window: Window, at_ms: int) -> int | None:
    """When the window that is open at `at_ms` closes, that is the first moment it is closed; None for never.

    Raises ValueError when it is not open at `at_ms`: ask `opens_ms` first.
    """
    if not is_open(window, at_ms):
        raise ValueError("the window is not open then; ask opens_ms for a moment at which it is")
    if window.start == window.end and window.days == EVERY_DAY:
        return None
    for (_, closes), (opens, _) in pairwise(spans(window, at_ms)):
        if closes < opens:
            return closes
    raise AssertionError("spans never end")  # pragma: no cover


def spans(window: Window, from_ms: int) -> Iterator[Span]:
    """The open spans from `from_ms` on, in order and without end, each within one local day of the window's zone."""
    zone, wall_spans = zone_of(window.zone), _wall_spans(window)
    today = local(from_ms, zone).toordinal()
    starts = (day_start_ms(ordinal, zone) for ordinal in count(today))
    for ordinal, day in zip(count(today), pairwise(starts), strict=False):
        for opens, closes in _day_spans(window, ordinal, day, wall_spans):
            if closes > from_ms:
                yield max(opens, from_ms), closes


def _day_spans(window: Window, ordinal: int, day: Span, wall_spans: list[list[Span]]) -> list[Span]:
    """The open spans of one local day; `day` says when it begins and ends."""
    begins, ends = day
    if ends - begins == DAY_MS:
        return [(begins + lo, begins + hi) for lo, hi in wall_spans[date.fromordinal(ordinal).weekday()]]
    zone = zone_of(window.zone)
    cuts = sorted({begins, ends, *_cuts(window, ordinal, day)})
    return [piece for piece in pairwise(cuts) if _shows(local(piece[0], zone), wall_spans)]


def _cuts(window: Window, ordinal: int, day: Span) -> Iterator[int]:
    """Every moment of a day of more or less than 24 h at which the window may open or close.

    They are the edges, read as the earlier and as the later of two, and the moment at which the clock is changed.
    """
    begins, ends = day
    zone = zone_of(window.zone)
    edges = [datetime.combine(date.fromordinal(ordinal), edge, zone) for edge in (window.start, window.end)]
    moments = [to_ms(edge.replace(fold=fold)) for edge in edges for fold in (0, 1)]
    moments.append(change_ms(begins, ends, zone))
    return (moment for moment in moments if begins < moment < ends)


def _wall_spans(window: Window) -> list[list[Span]]:
    """Per day of the week (0 Monday) the open spans of a day of 24 h, in ms of the wall clock."""
    start, end = _wall_ms(window.start), _wall_ms(window.end)
    if start == end:
        start, end = 0, DAY_MS
    week: list[list[Span]] = []
    for day in range(7):
        evening, morning = day in window.days, (day - 1) % 7 in window.days
        if start < end:
            week.append([(start, end)] if evening else [])
        else:
            week.append([(0, end)] * (morning and end > 0) + [(start, DAY_MS)] * evening)
    return week


def _shows(wall: datetime, wall_spans: list[list[Span]]) -> bool:
    """Whether the window is open while the wall clock shows this."""
    wall_ms = _wall_ms(wall.time())
    return any(lo <= wall_ms < hi for lo, hi in wall_spans[wall.weekday()])


def _wall_ms(wall: time) -> int:
    return ((wall.hour * 60 + wall.minute) * 60 + wall.second) * 1000 + wall.microsecond // 1000
