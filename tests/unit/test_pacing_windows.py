"""Sending windows and local days, on the days when clocks are changed and on the others."""

from __future__ import annotations

from datetime import time, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcast.pacing import EVERY_DAY, Window, closes_ms, day_of, is_open, next_day_ms, opens_ms
from tests.unit.zones import (
    DAY_MS,
    HOUR_MS,
    MINUTE_MS,
    allowed,
    moments,
    ms,
    wall,
    windows,
    windows_and_moments,
    zones,
)

# Examples scan days minute by minute, on a machine that may be busy.
scanning = settings(deadline=None, max_examples=150)


def grid(from_ms: int, to_ms: int, *, points: int = 400) -> range:
    """Moments in [from, to): whole minutes, or so many of them, and never more than a few hundred."""
    step = max(MINUTE_MS, (to_ms - from_ms) // points // MINUTE_MS * MINUTE_MS)
    return range(from_ms, to_ms, step)


@scanning
@given(windows_and_moments())
def test_a_moment_is_open_when_the_clock_on_the_wall_says_so(asked: tuple[Window, int]) -> None:
    window, now_ms = asked
    for at_ms in (*grid(now_ms - DAY_MS, now_ms + DAY_MS, points=100), now_ms):
        assert is_open(window, at_ms) == allowed(window, at_ms)


@scanning
@given(windows_and_moments())
def test_sending_opens_at_the_first_allowed_moment(asked: tuple[Window, int]) -> None:
    window, now_ms = asked
    opens = opens_ms(window, now_ms)

    assert opens >= now_ms
    assert allowed(window, opens)
    assert is_open(window, opens)
    if opens > now_ms:
        assert not allowed(window, opens - 1)
    assert not any(allowed(window, at_ms) for at_ms in grid(now_ms, opens))


@scanning
@given(windows_and_moments())
def test_sending_closes_at_the_first_moment_that_is_not_allowed(asked: tuple[Window, int]) -> None:
    window, now_ms = asked
    opens = opens_ms(window, now_ms)
    closes = closes_ms(window, opens)

    if closes is None:
        assert window.start == window.end
        assert window.days == EVERY_DAY
        return
    assert closes > opens
    assert not allowed(window, closes)
    assert allowed(window, closes - 1)
    assert all(allowed(window, at_ms) for at_ms in grid(opens, closes))


@scanning
@given(windows())
def test_the_spans_of_three_days_are_those_of_a_clock_read_every_minute(window: Window) -> None:
    start_ms = ms(2021, 3, 27)  # the night of 28 March 2021 changes clocks from the Azores to Beirut
    end_ms = start_ms + 3 * DAY_MS
    read = {at_ms for at_ms in range(start_ms, end_ms, MINUTE_MS) if allowed(window, at_ms)}

    spanned: set[int] = set()
    at_ms = opens_ms(window, start_ms)
    while at_ms < end_ms:
        closes = closes_ms(window, at_ms) or end_ms
        spanned.update(range(at_ms, min(closes, end_ms), MINUTE_MS))
        at_ms = opens_ms(window, closes)

    assert spanned == read


def test_an_hour_that_does_not_exist_is_left_out() -> None:
    window = Window(time(2, 30), time(4), "Europe/Lisbon")  # 28 March 2021: 00:59 UTC is followed by 02:00 in Lisbon
    skipped = Window(time(1, 15), time(1, 45), "Europe/Lisbon")

    assert opens_ms(window, ms(2021, 3, 28)) == ms(2021, 3, 28, 1, 30)
    assert closes_ms(window, ms(2021, 3, 28, 1, 30)) == ms(2021, 3, 28, 3)
    assert opens_ms(skipped, ms(2021, 3, 28)) == ms(2021, 3, 29, 0, 15)


def test_a_window_whose_only_day_lacks_its_hour_opens_a_week_later() -> None:
    sundays = Window(time(1, 15), time(1, 45), "Europe/Lisbon", frozenset({6}))

    assert opens_ms(sundays, ms(2021, 3, 22)) == ms(2021, 4, 4, 0, 15)


def test_an_hour_that_is_there_twice_is_open_twice() -> None:
    window = Window(time(1, 15), time(1, 45), "Europe/Lisbon")  # 31 October 2021: 01:00 to 02:00 comes twice

    assert opens_ms(window, ms(2021, 10, 31)) == ms(2021, 10, 31, 0, 15)
    assert closes_ms(window, ms(2021, 10, 31, 0, 15)) == ms(2021, 10, 31, 0, 45)
    assert opens_ms(window, ms(2021, 10, 31, 0, 45)) == ms(2021, 10, 31, 1, 15)
    assert closes_ms(window, ms(2021, 10, 31, 1, 15)) == ms(2021, 10, 31, 1, 45)


def test_the_night_after_the_last_day_still_belongs_to_it() -> None:
    fridays = Window(time(22), time(6), "America/Sao_Paulo", frozenset({4}))  # three hours behind UTC

    assert opens_ms(fridays, ms(2030, 8, 29, 12)) == ms(2030, 8, 31, 1)
    assert closes_ms(fridays, ms(2030, 8, 31, 1)) == ms(2030, 8, 31, 9)


def test_whole_days_in_a_row_are_one_span() -> None:
    weekdays = Window(time(0), time(0), "America/Sao_Paulo", frozenset(range(5)))

    assert closes_ms(weekdays, opens_ms(weekdays, ms(2030, 8, 25, 12))) == ms(2030, 8, 31, 3)


def test_a_window_that_is_always_open_never_closes() -> None:
    assert closes_ms(Window(time(9), time(9), "Asia/Kathmandu"), ms(2030, 1, 1)) is None


def test_a_closed_window_cannot_say_when_it_closes() -> None:
    with pytest.raises(ValueError, match="not open"):
        closes_ms(Window(time(8), time(9), "UTC"), ms(2030, 1, 1))


@pytest.mark.parametrize("days", [frozenset[int](), frozenset({7}), frozenset({-1, 0})])
def test_a_window_without_a_day_to_open_on_is_refused(days: frozenset[int]) -> None:
    with pytest.raises(ValueError, match="0 \\(Monday\\) to 6"):
        Window(time(8), time(20), "UTC", days)


#: The last three are files of the database, and whatever this host makes of them.
NO_ZONES = ("", "Brazil/Nowhere", "America", "/etc/passwd", "../UTC", "UTC\0", "localtime", "posixrules", "Factory")


@pytest.mark.parametrize("zone", NO_ZONES)
def test_a_zone_that_nobody_knows_is_refused(zone: str) -> None:
    with pytest.raises(ValueError, match="unknown time zone"):
        Window(time(8), time(20), zone)
    with pytest.raises(ValueError, match="unknown time zone"):
        day_of(0, zone)


@pytest.mark.parametrize("edge", [time(8, microsecond=1), time(8, tzinfo=timezone(timedelta(hours=1)))])
def test_an_edge_that_no_clock_in_ms_can_show_is_refused(edge: time) -> None:
    with pytest.raises(ValueError, match="whole milliseconds"):
        Window(edge, time(20), "UTC")
    with pytest.raises(ValueError, match="whole milliseconds"):
        Window(time(20), edge, "UTC")


@scanning
@given(st.data(), zones)
def test_the_next_day_is_the_first_moment_of_a_later_date(data: st.DataObject, zone: str) -> None:
    now_ms = data.draw(moments(zone))
    tomorrow = next_day_ms(now_ms, zone)

    assert day_of(now_ms, zone) == wall(now_ms, zone).date().isoformat()
    assert 0 < tomorrow - now_ms <= DAY_MS + 3 * HOUR_MS
    assert day_of(tomorrow - 1, zone) == day_of(now_ms, zone)
    assert day_of(tomorrow, zone) == (wall(now_ms, zone).date() + timedelta(days=1)).isoformat()
    assert all(day_of(at_ms, zone) == day_of(now_ms, zone) for at_ms in grid(now_ms, tomorrow, points=100))


def test_a_day_without_midnight_begins_when_the_clock_has_jumped() -> None:
    # Santiago, 5 September 2021: 23:59 is followed by 01:00, at 04:00 UTC.
    assert next_day_ms(ms(2021, 9, 5, 1), "America/Santiago") == ms(2021, 9, 5, 4)
    assert wall(ms(2021, 9, 5, 4), "America/Santiago").hour == 1


def test_a_jump_from_before_midnight_to_after_it_starts_the_day_too() -> None:
    # Toronto, 30 March 1919: 23:29 is followed by 00:30.
    jump_ms = ms(1919, 3, 31, 4, 30)
    assert [wall(jump_ms + shift, "America/Toronto").strftime("%H:%M") for shift in (-MINUTE_MS, 0)] == [
        "23:29",
        "00:30",
    ]
    assert next_day_ms(jump_ms - HOUR_MS, "America/Toronto") == jump_ms
