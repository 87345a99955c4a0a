"""How an instance slows down, recovers, and is found to be restricted."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.pacing import MOST, ONE_STEP_MS, TIPS_OF_LAST, TIPS_STREAK, is_same_step, slowed, slower, tips

factors = st.floats(1, MOST)
times = st.integers(0, 2 * 10**12)
later = st.integers(0, 10**8)


@given(factors, times, st.lists(later, min_size=2, max_size=8))
def test_recovery_only_ever_goes_one_way(factor: float, since_ms: int, waits: list[int]) -> None:
    seen = [slowed(factor, since_ms=since_ms, now_ms=since_ms + wait) for wait in sorted(waits)]

    assert all(sooner >= later for sooner, later in pairwise([factor, *seen]))
    assert all(1.0 <= one <= MOST for one in seen)


@given(st.floats(0, 1000), times, times)
def test_the_factor_never_leaves_its_bounds(factor: float, since_ms: int, now_ms: int) -> None:
    assert 1.0 <= slowed(factor, since_ms=since_ms, now_ms=now_ms) <= MOST
    assert slower(factor, since_ms=since_ms, now_ms=now_ms) <= MOST


@given(factors, times, st.integers(0, 10**6), st.integers(0, 10**6))
def test_recovering_in_two_stages_is_recovering_in_one(factor: float, since_ms: int, first: int, second: int) -> None:
    between = slowed(factor, since_ms=since_ms, now_ms=since_ms + first)
    there_ms = since_ms + first + second

    in_two = slowed(between, since_ms=since_ms + first, now_ms=there_ms)
    assert in_two == pytest.approx(slowed(factor, since_ms=since_ms, now_ms=there_ms), abs=0.011)


def test_what_is_above_one_halves_every_minute() -> None:
    assert [slowed(9, since_ms=0, now_ms=minute * 60_000) for minute in (0, 1, 2, 3)] == [9, 5, 3, 2]


def test_a_hundredth_is_as_good_as_recovered() -> None:
    assert slowed(1.02, since_ms=0, now_ms=59_000) > 1.01
    assert slowed(1.02, since_ms=0, now_ms=61_000) == 1.0


def test_a_clock_that_goes_back_recovers_nothing() -> None:
    assert slowed(4, since_ms=60_000, now_ms=0) == 4


@given(factors, times, st.integers(ONE_STEP_MS, 10**7))
def test_a_busy_answer_doubles_what_is_in_force(factor: float, since_ms: int, wait: int) -> None:
    now_ms = since_ms + wait
    in_force = slowed(factor, since_ms=since_ms, now_ms=now_ms)

    assert slower(factor, since_ms=since_ms, now_ms=now_ms) == min(2 * in_force, 16)


@given(st.floats(1.5, MOST), times, st.lists(st.integers(1 - ONE_STEP_MS, ONE_STEP_MS - 1), min_size=1))
def test_the_requests_of_one_moment_slow_down_once(factor: float, since_ms: int, spread: list[int]) -> None:
    for shift in spread:
        assert is_same_step(factor, since_ms=since_ms, now_ms=since_ms + shift)
        assert slower(factor, since_ms=since_ms, now_ms=since_ms + shift) == factor


def test_the_first_busy_answer_counts_however_recent_the_last_change() -> None:
    assert slower(1.0, since_ms=1000, now_ms=1001) == 2.0


def test_busy_answers_that_trickle_in_still_add_up() -> None:
    factor, since_ms = 1.0, 0
    for now_ms in range(10_000, 20_000, 400):
        if not is_same_step(factor, since_ms=since_ms, now_ms=now_ms):
            factor, since_ms = slower(factor, since_ms=since_ms, now_ms=now_ms), now_ms

    assert factor == MOST


@pytest.mark.parametrize(
    ("errors", "total", "streak", "restricted"),
    [
        (0, 0, 0, False),
        (2, 2, 2, False),
        (3, 3, 3, True),
        (3, 20, 2, False),
        (5, 20, 1, False),
        (6, 20, 1, True),
        (5, 6, 2, False),
        (6, 9, 2, True),
        (12, 40, 0, True),
        (11, 40, 0, False),
    ],
)
def test_three_errors_in_a_row_or_three_in_ten_tip(errors: int, total: int, streak: int, restricted: bool) -> None:
    assert tips(errors, total, streak=streak) is restricted


@given(st.lists(st.booleans(), max_size=60))
def test_an_early_verdict_is_never_taken_back_by_later_successes(receipts: list[bool]) -> None:
    errors = sum(receipts)
    if len(receipts) <= TIPS_OF_LAST and tips(errors, len(receipts), streak=0):
        assert tips(errors, TIPS_OF_LAST, streak=0)
    assert tips(errors, len(receipts), streak=TIPS_STREAK)
