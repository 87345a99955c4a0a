"""What a marketer is told before a campaign starts: when it begins, and when it is over, likely and at the latest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from broadcast.pacing.allowance import used_on
from broadcast.pacing.forecast import HORIZON_MS, forecast_ms, later_ms
from broadcast.pacing.handling import handling
from broadcast.pacing.rules import Rules
from broadcast.pacing.sharing import Load, Share, after, until_done
from broadcast.pacing.slowing import lasting, lateness_ms, lateness_spread_ms, slowed

#: So many standard deviations above the mean, nine of ten lie below.
_NINE_OF_TEN = 1.2816
#: No forecast takes a larger share of attempts to be in vain: nothing would ever end.
MOST_FAILING = 0.9


@dataclass(frozen=True, kw_only=True)
class Outset:
    """A lane as a campaign finds it. Times are Unix ms."""

    from_ms: int  #: nothing leaves before
    rests: bool = False  #: whether that is still to come, so that the tick has to find it
    left_ms: int | None = None  #: the last departure; None: one leaves right then
    left_gap_ms: int = 0  #: the gap after it, of two neighbours the wider counting
    rules: Rules = field(default_factory=Rules)
    zone: str = "UTC"  #: IANA zone of the days that a cap counts by
    used_day: str = ""  #: the local day …
    used: int = 0  #: … on which so many departures were made, …
    used_until_ms: int = 0  #: … and when that day ends
    slow: float = 1.0  #: the slow-down as it is kept …
    slow_ms: int = 0  #: … since then; see `slowed`
    failing: float = 0.0  #: the share of attempts that is answered busy, and comes again
    others: Sequence[Load] = ()  #: the campaigns that are running


@dataclass(frozen=True, kw_only=True)
class Outlook:
    """When the first contact leaves, and when it is over: as likely before as after, and in nine cases of ten."""

    start_ms: int
    p50_ms: int
    p90_ms: int
    horizon_ms: int  #: no look goes further: what lies there lies there or anywhere beyond

    def within(self, at_ms: int) -> int | None:
        """The moment, if it is foreseen; None beyond the horizon."""
        return at_ms if at_ms < self.horizon_ms else None


def outlook(own: Load, lane: Outset, *, begins_ms: int | None = None) -> Outlook:
    """The outlook of a campaign that joins the lane now, or at `begins_ms`.

    Every contact that is answered busy leaves once more and slows the lane down, as many as do at present. Campaigns
    share the departures by priority and turn, each at its own gap. What is to be done beside the pace takes its time;
    see `handling`. That a gateway closes, that a person pauses, and what joins the lane later are not foreseen.
    """
    own, others = own.under(lane.rules), [load.under(lane.rules) for load in lane.others]
    from_ms, ahead, is_ticked = lane.from_ms, after(0, others), lane.rests
    if begins_ms is not None and begins_ms > from_ms:
        ahead = _before(begins_ms, lane, others)
        if not any(load.left for load in ahead.rest):
            from_ms, ahead, is_ticked = begins_ms, after(0, []), True
    whole = _both(ahead, until_done(own, ahead.rest))
    besides = handling(is_ticked=is_ticked or lane.rules.window is not None or lane.rules.has_cap)
    horizon_ms = from_ms + HORIZON_MS
    return Outlook(
        start_ms=_over_ms(lane, from_ms, _both(ahead, until_done(own.only(1), ahead.rest)), is_first=True),
        p50_ms=min(_over_ms(lane, from_ms, whole) + besides.p50_ms, horizon_ms),
        p90_ms=min(
            _over_ms(lane, from_ms, whole, deviations=_NINE_OF_TEN, besides_ms=besides.spread_ms) + besides.p50_ms,
            horizon_ms,
        ),
        horizon_ms=horizon_ms,
    )


def _before(begins_ms: int, lane: Outset, others: Sequence[Load]) -> Share:
    """What the others have done by then."""
    low, high = 0, math.ceil(sum(load.left for load in others))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if _over_ms(lane, lane.from_ms, after(middle, others)) <= begins_ms else (low, middle - 1)
        )
    return after(low, others)


def _both(first: Share, then: Share) -> Share:
    count = first.departures + then.departures
    of_first, of_then = first.departures / count, then.departures / count
    return Share(
        departures=count,
        gap_ms=of_first * first.gap_ms + of_then * then.gap_ms,
        variance=of_first * first.variance + of_then * then.variance,
        rest=then.rest,
    )


def _over_ms(
    lane: Outset,
    from_ms: int,
    share: Share,
    *,
    deviations: float = 0.0,
    besides_ms: float = 0.0,
    is_first: bool = False,
) -> int:
    """When these departures are over, or (with `deviations`) would be if chance is so unkind.

    Chance may be as unkind to something else, which then takes `besides_ms` longer.
    """
    failing = 0.0 if is_first else min(lane.failing, MOST_FAILING)
    busy = share.departures * failing / (1 - failing)
    busy_spread = math.sqrt(share.departures * failing) / (1 - failing)
    departures = math.ceil(round(share.departures + busy + deviations * busy_spread, 6))
    settles_at = lasting(failing, gap_ms=share.gap_ms)
    now_is = slowed(lane.slow, since_ms=lane.slow_ms, now_ms=from_ms)
    late_ms = lateness_ms(departures * share.gap_ms, gap_ms=share.gap_ms, now_is=now_is, failing=failing)
    gap_ms = settles_at * share.gap_ms
    if late_ms < 0:  # it starts at a better pace than it will have, so that the mean gap is shorter
        gap_ms, late_ms = gap_ms + late_ms / departures, 0.0
    horizon_ms = from_ms + HORIZON_MS
    from_ms += math.ceil(late_ms)
    used_today = used_on(
        from_ms, used=lane.used, used_day=lane.used_day, used_until_ms=lane.used_until_ms, zone=lane.zone
    )
    wider_ms = max(lane.left_gap_ms - math.floor(gap_ms), 0)
    over_ms = forecast_ms(
        from_ms,
        departures,
        gap_ms,
        rules=lane.rules,
        used_today=used_today,
        zone=lane.zone,
        last_ms=None if lane.left_ms is None else lane.left_ms + wider_ms,
    )
    jitter_spread = settles_at * math.sqrt(departures * share.variance)
    busy_lateness = lateness_spread_ms(busy, gap_ms=share.gap_ms, settles_at=settles_at)
    spread_ms = math.hypot(deviations * jitter_spread, deviations * busy_lateness, besides_ms)
    return min(later_ms(over_ms, spread_ms, lane.rules.window), horizon_ms)
