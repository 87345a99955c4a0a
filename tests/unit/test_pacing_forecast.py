"""When a campaign will be over, by arithmetic and by letting every contact leave."""

from __future__ import annotations

import time as clocks
from datetime import date, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broadcast.pacing import (
    HORIZON_MS,
    Rules,
    Window,
    day_of,
    finish_ms,
    forecast_ms,
    is_open,
    later_ms,
    next_day_ms,
    opens_ms,
)
from tests.unit.zones import DAY_MS, HOUR_MS, moments, ms, windows, zones

NOON_MS = ms(2030, 8, 29, 15)  # Thursday, 12:00 in São Paulo
OFFICE = Window(time(8), time(20), "America/Sao_Paulo", frozenset(range(5)))

calm = settings(deadline=None)
caps = st.none() | st.integers(1, 12)
ages = st.none() | st.integers(-2, 40) | st.sampled_from((2, 3, 7))
gaps = st.integers(1, 5 * HOUR_MS) | st.sampled_from((1000, 30_000, HOUR_MS))


def forecast(
    left: int,
    gap_ms: float,
    *,
    now_ms: int = NOON_MS,
    window: Window | None = None,
    cap: int | None = None,
    used: int = 0,
) -> int:
    rules = Rules(window=window, daily_cap=cap)
    return forecast_ms(now_ms, left, gap_ms, rules=rules, used_today=used, zone="America/Sao_Paulo")


def simulated(now_ms: int, left: int, gap_ms: int, rules: Rules, used: int, zone: str) -> int:
    """Let one contact after another leave as soon as the gap, the window and the day's cap allow."""
    at_ms = last_ms = now_ms
    window = rules.window
    day = day_of(now_ms, zone)
    for _ in range(left):
        at_ms = last_ms + gap_ms
        while True:
            if window and not is_open(window, at_ms):
                at_ms = opens_ms(window, at_ms)
            if day_of(at_ms, zone) != day:
                day, used = day_of(at_ms, zone), 0
            cap = rules.cap_on(date.fromisoformat(day))
            if cap is None or used < cap:
                break
            at_ms = next_day_ms(at_ms, zone)
        used += 1
        last_ms = at_ms
    return last_ms


@calm
@given(
    st.data(),
    st.integers(0, 60) | st.integers(20, 200),
    gaps,
    st.none() | windows(),
    caps,
    ages,
    st.integers(0, 15),
    zones,
)
def test_the_forecast_is_what_happens_when_everyone_leaves_in_turn(
    data: st.DataObject,
    left: int,
    gap_ms: int,
    window: Window | None,
    cap: int | None,
    age: int | None,
    used: int,
    zone: str,
) -> None:
    now_ms = data.draw(moments(window.zone if window else zone))
    since = None if age is None else date.fromisoformat(day_of(now_ms, zone)) - timedelta(days=age)
    rules = Rules(window=window, daily_cap=cap, warm_up_since=since)
    finish = forecast_ms(now_ms, left, gap_ms, rules=rules, used_today=used, zone=zone)

    assert finish == simulated(now_ms, left, gap_ms, rules, used, zone)


def test_a_young_numbers_cap_grows_while_the_campaign_runs() -> None:
    # 20 a day for four days, 50 a day for four, 100 a day for seven, then 200.
    rules = Rules(warm_up_since=date(2030, 8, 29))

    def days(left: int) -> float:
        return (forecast_ms(NOON_MS, left, 1000, rules=rules, used_today=0, zone="UTC") - NOON_MS) / DAY_MS

    assert days(80) == pytest.approx(3, abs=0.7)
    assert days(80 + 200) == pytest.approx(7, abs=0.7)
    assert days(80 + 200 + 700) == pytest.approx(14, abs=0.7)


@calm
@given(st.data(), st.none() | windows(), st.integers(0, 10**9), st.integers(0, 10**9))
def test_later_counts_the_time_in_which_the_window_is_open(
    data: st.DataObject, window: Window | None, by_ms: int, more_ms: int
) -> None:
    now_ms = data.draw(moments(window.zone if window else "UTC"))
    sooner = later_ms(now_ms, by_ms, window)

    assert later_ms(sooner, more_ms, window) == later_ms(now_ms, by_ms + more_ms, window)
    assert sooner >= now_ms + by_ms
    assert window is None or is_open(window, sooner)


@given(st.integers(0, 10**6), st.floats(0, 60_000))
def test_without_window_and_cap_the_finish_is_the_remaining_gaps_away(left: int, gap_ms: float) -> None:
    assert forecast(left, gap_ms) == finish_ms(now_ms=NOON_MS, left=left, gap_ms=gap_ms)


@calm
@given(st.data(), windows(), caps, st.integers(0, 10**6), st.integers(1, 10**6), st.floats(0, 120_000), zones)
def test_more_contacts_never_finish_earlier_and_always_in_the_window(
    data: st.DataObject, window: Window, cap: int | None, left: int, more: int, gap_ms: float, zone: str
) -> None:
    now_ms = data.draw(moments(window.zone))
    sooner, later = (
        forecast_ms(now_ms, count, gap_ms, rules=Rules(window=window, daily_cap=cap), used_today=0, zone=zone)
        for count in (left, left + more)
    )

    assert now_ms <= sooner <= later <= now_ms + HORIZON_MS
    if later < now_ms + HORIZON_MS:
        assert is_open(window, later)


def test_a_campaign_with_nobody_left_is_over() -> None:
    assert forecast(0, 1000, window=OFFICE, cap=5, used=9) == NOON_MS


def test_what_does_not_fit_before_the_weekend_leaves_on_monday() -> None:
    # Thursday 13:00 to 19:00, Friday 08:00 to 19:00, then Monday 08:00.
    assert forecast(7 + 12, HOUR_MS, window=OFFICE) == ms(2030, 8, 30, 22)
    assert forecast(7 + 12 + 1, HOUR_MS, window=OFFICE) == ms(2030, 9, 2, 11)


def test_the_cap_of_today_is_what_is_left_of_it() -> None:
    assert forecast(5, 60_000, cap=10, used=5) == NOON_MS + 5 * 60_000
    assert forecast(6, 60_000, cap=10, used=5) == ms(2030, 8, 30, 3)
    assert forecast(6, 60_000, cap=10, used=5, window=OFFICE) == ms(2030, 8, 30, 11)


def test_what_left_today_does_not_count_against_the_day_on_which_the_window_opens() -> None:
    evening_ms = ms(2030, 8, 29, 23)

    assert forecast(3, 1000, now_ms=evening_ms, window=OFFICE, cap=3, used=3) == ms(2030, 8, 30, 11) + 2000


def test_without_a_gap_everyone_leaves_when_the_window_opens() -> None:
    assert forecast(10**6, 0, now_ms=ms(2030, 8, 31), window=OFFICE) == ms(2030, 9, 2, 11)


@pytest.mark.parametrize("cap", [0, 1])
def test_nobody_is_promised_more_than_ten_years(cap: int) -> None:
    assert forecast(10**6, 1000, cap=cap) == NOON_MS + HORIZON_MS
    assert forecast(10**6, 1000, cap=cap, window=OFFICE) == NOON_MS + HORIZON_MS
    assert forecast(10**6, DAY_MS) == NOON_MS + HORIZON_MS


def test_a_million_contacts_are_foretold_in_a_twentieth_of_a_second() -> None:
    def takes_s() -> float:
        started = clocks.process_time()
        forecast(10**6, 30_000, window=OFFICE, cap=300)
        return clocks.process_time() - started

    assert min(takes_s() for _ in range(5)) < 0.05
