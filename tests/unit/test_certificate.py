"""The pacing certificate says what the departures say, in whatever order they are told."""

from __future__ import annotations

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.pacing import WINDOW_MS, Certificate, certify


@pytest.mark.parametrize(
    ("departures", "least_gap_ms", "most_in_window", "breaches"),
    [
        ([], None, 0, []),
        ([5], None, 1, []),
        ([4000, 0, 2000], 2000, 3, []),
        ([4000, 0, 1999], 1999, 3, [(1999, 1999)]),
        ([0, 0], 0, 2, [(0, 0)]),
        ([0, 30_000, 60_000], 30_000, 2, []),
        ([0, 30_000, 59_999], 29_999, 3, []),
    ],
)
def test_gaps_and_the_fullest_minute_are_counted(
    departures: list[int], least_gap_ms: int | None, most_in_window: int, breaches: list[tuple[int, int]]
) -> None:
    assert certify(departures, gap_ms=2000) == Certificate(
        departures=len(departures),
        least_gap_ms=least_gap_ms,
        most_in_window=most_in_window,
        breaches=len(breaches),
        first_breaches=breaches,
        gap_ms=2000,
        allowed_in_window=30,
    )


@pytest.mark.parametrize(("gap_ms", "allowed"), [(2000, 30), (7000, 9), (60_000, 1), (90_000, 1), (10, 6000)])
def test_the_pace_allows_so_many_in_the_fullest_minute(gap_ms: int, allowed: int) -> None:
    kept = certify(range(0, 600_000, gap_ms), gap_ms=gap_ms)
    assert (kept.allowed_in_window, kept.most_in_window, kept.breaches) == (allowed, allowed, 0)


def test_of_many_breaches_the_first_are_shown() -> None:
    kept = certify(range(0, 100_000, 1000), gap_ms=2000)
    assert kept.breaches == 99
    assert kept.first_breaches == [(1000, 1000), (2000, 1000), (3000, 1000), (4000, 1000), (5000, 1000)]


@given(st.lists(st.integers(0, 300_000), max_size=40))
def test_no_window_has_more_than_the_fullest(departures: list[int]) -> None:
    most = max((sum(0 <= at - first < WINDOW_MS for at in departures) for first in departures), default=0)
    found = certify(departures, gap_ms=1)
    assert found.most_in_window == most
    assert found.least_gap_ms == min((abs(one - other) for one, other in combinations(departures, 2)), default=None)
