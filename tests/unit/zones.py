"""Moments and windows for the tests of sending windows, with the days on which clocks are changed well to the fore."""

from __future__ import annotations

from datetime import datetime, time, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from hypothesis import strategies as st

from broadcast.pacing import Window

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
DAY_MS = 24 * HOUR_MS

#: Midnights that are missing or there twice, shifts of half an hour and of two and three hours, odd offsets, summer
#: time that is suspended for Ramadan, and the far ends of the day.
TRICKY = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Asuncion",
    "America/Havana",
    "America/Nuuk",
    "America/Santiago",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Antarctica/Casey",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Asia/Kathmandu",
    "Asia/Tehran",
    "Atlantic/Azores",
    "Australia/Lord_Howe",
    "Europe/Dublin",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Pacific/Kiritimati",
    "UTC",
)

#: Names of files beside the zones, which mean whatever the host made of them, are none; see `zone_of`.
NO_ZONES = {"Factory", "localtime", "posixrules"}
zones = st.sampled_from(TRICKY) | st.sampled_from(sorted(available_timezones() - NO_ZONES))
minutes = st.builds(time, st.integers(0, 23), st.integers(0, 59))
night_hours = st.builds(time, st.sampled_from((23, 0, 1, 2, 3)), st.sampled_from((0, 15, 30, 59)))
weekdays = st.frozensets(st.integers(0, 6), min_size=1) | st.just(frozenset(range(7)))


def ms(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> int:
    """A moment in UTC as Unix ms."""
    return int(datetime(year, month, day, hour, minute, tzinfo=timezone.utc).timestamp()) * 1000


@cache
def changes(zone: str, year: int) -> list[int]:
    """Within an hour, the moments of a year at which the zone's clocks are changed, Unix ms."""
    hours = range(ms(year, 1, 1), ms(year + 1, 1, 1), HOUR_MS)
    offsets = [wall(at_ms, zone).utcoffset() for at_ms in hours[::12]]
    return [at_ms for at_ms, one, other in zip(hours[::12], offsets, offsets[1:], strict=False) if one != other]


def wall(at_ms: int, zone: str) -> datetime:
    """What the clock on the wall shows."""
    return datetime.fromtimestamp(at_ms // 1000, ZoneInfo(zone)) + timedelta(milliseconds=at_ms % 1000)


@st.composite
def moments(draw: st.DrawFn, zone: str) -> int:
    """Unix ms in 2020 to 2040; where the clocks are changed, every other one within a day and a half of a change."""
    year = draw(st.integers(2020, 2040))
    near = changes(zone, year)
    if near and draw(st.booleans()):
        return draw(st.sampled_from(near)) + draw(st.integers(-36 * HOUR_MS, 36 * HOUR_MS))
    return draw(st.integers(ms(year, 1, 1), ms(year + 1, 1, 1) - 1))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    """Windows of every kind: in one day, past midnight, the whole day; short ones at night, when clocks are changed."""
    edges = draw(st.sampled_from((minutes, night_hours)))
    start = draw(edges)
    return Window(start, draw(edges | st.just(start)), draw(zones), draw(weekdays))


@st.composite
def windows_and_moments(draw: st.DrawFn) -> tuple[Window, int]:
    """A window, and a moment at which somebody asks."""
    window = draw(windows())
    return window, draw(moments(window.zone))


def allowed(window: Window, at_ms: int) -> bool:
    """The oracle: read the clock, find the day on which the window that this belongs to would have opened."""
    now = wall(at_ms, window.zone)
    today, yesterday = now.weekday(), (now.weekday() + 6) % 7
    shown = now.time().replace(tzinfo=None)
    if window.start == window.end:
        return today in window.days
    if window.start < window.end:
        return today in window.days and window.start <= shown < window.end
    return (shown >= window.start and today in window.days) or (shown < window.end and yesterday in window.days)
