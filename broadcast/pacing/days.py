"""Local days: which one a moment belongs to, and where it begins. Times are Unix ms, zones IANA names."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from zoneinfo import ZoneInfo

from broadcast.domain.zone import zone_of

DAY_MS = 86_400_000

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_MS = timedelta(milliseconds=1)
_MIDNIGHT = time()


def day_of(at_ms: int, zone: str) -> str:
    """The local day in `zone`, by which a daily cap counts: "2030-08-29"."""
    return local(at_ms, zone_of(zone)).date().isoformat()


def next_day_ms(at_ms: int, zone: str) -> int:
    """When the next local day in `zone` begins: its midnight, or what the clock shows where it jumps over midnight."""
    there = zone_of(zone)
    return day_start_ms(local(at_ms, there).toordinal() + 1, there)


def local(at_ms: int, zone: ZoneInfo) -> datetime:
    """What the clock on the wall shows; exact to the ms."""
    return (_EPOCH + at_ms * _MS).astimezone(zone)


def to_ms(wall: datetime) -> int:
    """A wall clock's reading (aware; `fold` says which of two) as Unix ms."""
    return (wall - _EPOCH) // _MS


# Remembered, because a forecast walks through years of days, and the next one through the same.
@lru_cache(maxsize=8192)
def day_start_ms(ordinal: int, zone: ZoneInfo) -> int:
    """When the local day (proleptic Gregorian `ordinal`) begins, Unix ms."""
    midnight = datetime.combine(date.fromordinal(ordinal), _MIDNIGHT, zone)
    early, late = to_ms(midnight), to_ms(midnight.replace(fold=1))
    # Of two midnights the first counts. Where the clock jumps over midnight, the two readings come out reversed.
    return early if early <= late else change_ms(late, early, zone)


def change_ms(before_ms: int, after_ms: int, zone: ZoneInfo) -> int:
    """The moment in (`before_ms`, `after_ms`] from which the zone's offset is no longer that of `before_ms`."""
    offset = local(before_ms, zone).utcoffset()
    while after_ms - before_ms > 1:
        middle_ms = (before_ms + after_ms) // 2
        if local(middle_ms, zone).utcoffset() == offset:
            before_ms = middle_ms
        else:
            after_ms = middle_ms
    return after_ms
