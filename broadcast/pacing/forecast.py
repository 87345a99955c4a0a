"""How fast a campaign goes, and when it will be over. Times are Unix ms."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import date
from itertools import count

from broadcast.domain.zone import zone_of
from broadcast.pacing.caps import room
from broadcast.pacing.days import DAY_MS, day_start_ms, local
from broadcast.pacing.rules import Rules
from broadcast.pacing.windows import Span, Window, spans

#: No forecast looks further ahead: ten years.
HORIZON_MS = 3650 * DAY_MS


def sends_per_minute(mean_gap_ms: float, *, since_last_ms: float) -> float:
    """The present rate: the mean of the last gaps, sinking while a departure is overdue."""
    gap_ms = max(mean_gap_ms, since_last_ms)
    return round(60_000 / gap_ms, 1) if gap_ms > 0 else 0.0


def finish_ms(*, now_ms: int, left: int, gap_ms: float, last_ms: int | None = None) -> int:
    """When `left` more departures will be over, one each `gap_ms`; see `forecast_ms`."""
    return math.ceil(_since_ms(now_ms, gap_ms, last_ms) + left * gap_ms)


def forecast_ms(
    now_ms: int,
    left: int,
    gap_ms: float,
    *,
    rules: Rules,
    used_today: int,
    zone: str,
    last_ms: int | None = None,
) -> int:
    """When `left` more departures will be over, one each `gap_ms`, within the rules' window and the cap of each day.

    The gap is the caller's, who knows more than the rules. The days of the cap are those of `zone`, and each has the
    cap that the number's age then allows; `used_today` departures have already left on the present one. The first
    departure leaves a gap after the one before, `last_ms`, and not before `now_ms` (None: one leaves right now); what
    cannot leave before the window closes leaves when it opens again. Works day by day, whatever the number of contacts,
    with a mean gap rounded up to whole ms. The answer never lies more than `HORIZON_MS` ahead.
    """
    horizon_ms = now_ms + HORIZON_MS
    if rules.window is None and not rules.has_cap:
        return min(finish_ms(now_ms=now_ms, left=left, gap_ms=gap_ms, last_ms=last_ms), horizon_ms)
    gap_ms = math.ceil(gap_ms)
    last_ms = math.ceil(_since_ms(now_ms, gap_ms, last_ms))
    first_day, today, today_room = local(now_ms, zone_of(zone)).toordinal(), -1, 0
    for day, opens, closes in _stretches(now_ms, horizon_ms, rules.window, zone if rules.has_cap else None):
        if left <= 0:
            break
        if day != today:
            cap = rules.cap_on(date.fromordinal(first_day + day))
            today, today_room = day, _most(room(cap, 0 if day else used_today), left)
        first_ms = max(last_ms + gap_ms, opens)
        leaving = min(today_room, _fitting(first_ms, closes, gap_ms, left))
        if leaving:
            last_ms = first_ms + (leaving - 1) * gap_ms
            left, today_room = left - leaving, today_room - leaving
    return last_ms if left <= 0 else horizon_ms


def later_ms(from_ms: int, by_ms: float, window: Window | None) -> int:
    """The moment so much later, of which only the time counts in which the window is open."""
    left_ms = math.ceil(by_ms)
    if window is None:
        return from_ms + left_ms
    for opens, closes in spans(window, from_ms):
        if left_ms < closes - opens or opens > from_ms + HORIZON_MS:
            break
        left_ms -= closes - opens
    return opens + left_ms


def _since_ms(now_ms: int, gap_ms: float, last_ms: int | None) -> float:
    """A gap before the first departure."""
    return now_ms if last_ms is None else max(last_ms, now_ms - gap_ms)


def _most(day_room: int | None, left: int) -> int:
    return left if day_room is None else min(day_room, left)


def _fitting(first_ms: int, closes: int, gap_ms: int, left: int) -> int:
    """How many departures, the first at `first_ms`, leave before `closes`; without a gap, all that are `left`."""
    if first_ms >= closes:
        return 0
    return 1 + (closes - 1 - first_ms) // gap_ms if gap_ms else left


def _stretches(
    now_ms: int, horizon_ms: int, window: Window | None, cap_zone: str | None
) -> Iterator[tuple[int, int, int]]:
    """The open spans up to the horizon, cut where a day of the cap ends: (days from today, from, to)."""
    open_spans: Iterable[Span] = [(now_ms, horizon_ms)] if window is None else spans(window, now_ms)
    days = _days(now_ms, horizon_ms, cap_zone)
    day, day_ends = next(days)
    for opens, closes in open_spans:
        from_ms = opens
        while from_ms < min(closes, horizon_ms):
            while day_ends <= from_ms:
                day, day_ends = next(days)
            until_ms = min(closes, day_ends, horizon_ms)
            yield day, from_ms, until_ms
            from_ms = until_ms
        if closes >= horizon_ms:
            return


def _days(now_ms: int, horizon_ms: int, cap_zone: str | None) -> Iterator[tuple[int, int]]:
    """(days from today, when that day ends) by the cap's zone; without a cap, one day as long as the horizon."""
    if cap_zone is None:
        yield 0, horizon_ms
        return
    zone = zone_of(cap_zone)
    today = local(now_ms, zone).toordinal()
    for day in count():
        yield day, day_start_ms(today + day + 1, zone)
