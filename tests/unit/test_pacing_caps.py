"""Daily caps, and how a young number is warmed up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.pacing import Warmup, cap_of, room

caps = st.none() | st.integers(0, 1000)


@st.composite
def warmups(draw: st.DrawFn) -> Warmup:
    ages = [0, *sorted(draw(st.sets(st.integers(1, 90), max_size=5)))]
    return Warmup(tuple((age, draw(caps)) for age in ages))


@pytest.mark.parametrize(
    ("age_days", "cap"),
    [(-1, 20), (0, 20), (3, 20), (4, 50), (7, 50), (8, 100), (14, 100), (15, 200), (30, 200), (31, None), (999, None)],
)
def test_a_young_number_is_warmed_up_over_a_month(age_days: int, cap: int | None) -> None:
    assert cap_of(None, Warmup(), age_days) == cap


@given(caps, warmups(), st.integers(-5, 100))
def test_the_smaller_of_the_two_caps_holds(daily_cap: int | None, warmup: Warmup, age_days: int) -> None:
    warm = [cap for age, cap in warmup.steps if age <= max(age_days, 0)][-1]
    both = {cap for cap in (daily_cap, warm) if cap is not None}

    assert cap_of(daily_cap, warmup, age_days) == (min(both) if both else None)
    assert cap_of(daily_cap, None, age_days) == daily_cap


@pytest.mark.parametrize("steps", [(), ((1, 20),), ((0, 20), (8, 50), (4, 100)), ((0, 20), (0, 50)), ((0, -1),)])
def test_a_warm_up_with_holes_is_refused(steps: tuple[tuple[int, int | None], ...]) -> None:
    with pytest.raises(ValueError, match=r"warm-up ascend|cap is 0 or more"):
        Warmup(steps)


@given(caps, st.integers(0, 2000))
def test_what_is_used_and_what_is_left_make_the_cap(cap: int | None, used: int) -> None:
    left = room(cap, used)

    if cap is None:
        assert left is None
    else:
        assert left == (cap - used if used < cap else 0)
