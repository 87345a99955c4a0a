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
        ([], None, 0, 0),
        ([5], None, 1, 0),
        ([4000, 0, 2000], 2000, 3, 0),
        ([0, 1999, 4000], 1999, 3, 1),
        ([0, 0], 0, 2, 1),
        ([0, 30_000, 60_000], 30_000, 2, 0),
        ([0, 30_000, 59_999], 29_999, 3, 0),
    ],
)
def test_gaps_and_the_fullest_minute_are_counted(
    departures: list[int], least_gap_ms: int | None, most_in_window: int, breaches: int
) -> None:
    assert certify(departures, gap_ms=2000) == Certificate(
        departures=len(departures),
        least_gap_ms=least_gap_ms,
        most_in_window=most_in_window,
        breaches=breaches,
        gap_ms=2000,
    )


@given(st.lists(st.integers(0, 300_000), max_size=40))
def test_no_window_has_more_than_the_fullest(departures: list[int]) -> None:
    most = max((sum(0 <= at - first < WINDOW_MS for at in departures) for first in departures), default=0)
    found = certify(departures, gap_ms=1)
    assert found.most_in_window == most
    assert found.least_gap_ms == min((abs(one - other) for one, other in combinations(departures, 2)), default=None)
