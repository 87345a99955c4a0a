"""What an instance's rules allow at a moment: from when, until when, and how many departures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from broadcast.pacing.caps import room
from broadcast.pacing.days import day_of, next_day_ms
from broadcast.pacing.rules import Rules
from broadcast.pacing.windows import closes_ms, opens_ms


@dataclass(frozen=True, kw_only=True)
class Allowance:
    """Times are Unix ms."""

    day: str  #: the local day by which departures are counted
    cap: int | None  #: departures that this day may have; None: no cap
    room: int | None  #: how many of them are left
    used: int  #: departures that count for it
    day_ends_ms: int | None  #: when the day does, by which departures are counted; None where they have no cap
    until_ms: int | None  #: when the window closes that is open now; None: never
    waits: str  #: "quiet_hours" or "daily_cap" when nothing may leave now, else ""
    again_ms: int | None  #: when something may leave again, if it waits

    @property
    def ends_ms(self) -> int | None:
        """When what holds now does no longer: the window closes, or another day begins to count; None: never."""
        return min((end for end in (self.until_ms, self.day_ends_ms) if end), default=None)


def allow(rules: Rules, *, now_ms: int, used_day: str, used: int, zone: str, used_until_ms: int = 0) -> Allowance:
    """What the rules allow. `used` departures were made on the local day `used_day`; days are those of `zone`.

    They count until `used_until_ms` at least; see `used_on`.
    """
    day = day_of(now_ms, zone)
    cap = rules.cap_on(date.fromisoformat(day))
    counted = used_on(now_ms, used=used, used_day=used_day, used_until_ms=used_until_ms, zone=zone)
    left = room(cap, counted)
    ends = [next_day_ms(now_ms, zone), *([used_until_ms] if used_until_ms > now_ms else [])]
    day_ends = None if cap is None else min(ends)
    window = rules.window
    opens = opens_ms(window, now_ms) if window else now_ms
    until = closes_ms(window, now_ms) if window and opens == now_ms else None
    waits, again = "", None
    if opens > now_ms:
        waits, again = "quiet_hours", opens
    elif left == 0:
        tomorrow = _fresh_ms(max(now_ms, used_until_ms), used_day, zone) if counted else next_day_ms(now_ms, zone)
        waits, again = "daily_cap", opens_ms(window, tomorrow) if window else tomorrow
    return Allowance(
        day=day, cap=cap, room=left, used=counted, day_ends_ms=day_ends, until_ms=until, waits=waits, again_ms=again
    )


def used_on(at_ms: int, *, used: int, used_day: str, used_until_ms: int, zone: str) -> int:
    """How many of the departures count for the day of this moment.

    Those of a day count to its end in the zone in which it began, `used_until_ms`, and as long as the date is the same:
    who moves an instance to another zone gets no second cap.
    """
    return used if at_ms < used_until_ms or day_of(at_ms, zone) == used_day else 0


def _fresh_ms(from_ms: int, used_day: str, zone: str) -> int:
    """From when on nothing counts any more."""
    return next_day_ms(from_ms, zone) if day_of(from_ms, zone) == used_day else from_ms


def zone_for(rules: Rules, default: str) -> str:
    """The IANA zone of the instance's days: that of its window, if it has one."""
    return rules.window.zone if rules.window else default
