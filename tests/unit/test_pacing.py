"""Who gets the next departures, and when."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from broadcast.pacing import LOWER_TURN, Claim, Slot, back_off_ms, finish_ms, plan, sends_per_minute


def a_claim(campaign: str, *, priority: int = 5, waiting: int = 1000, gap_ms: int = 100, jitter_ms: int = 0) -> Claim:
    return Claim(campaign=campaign, priority=priority, served=0, waiting=waiting, gap_ms=gap_ms, jitter_ms=jitter_ms)


def planned(claims: Sequence[Claim], *, limit: int = 100, until_ms: int = 10**9, **changes: Any) -> list[Slot]:
    values = {"turn": 0, "first_ms": 1000, "previous_ms": 0, "previous_gap_ms": 0, **changes}
    return plan(claims, until_ms=until_ms, limit=limit, chance=random.Random(7).random, **values)


claims = st.lists(
    st.builds(
        Claim,
        campaign=st.text("abcdefgh", min_size=1, max_size=3),
        priority=st.integers(0, 9),
        served=st.integers(0, 50),
        waiting=st.integers(0, 60),
        gap_ms=st.integers(10, 5000),
        jitter_ms=st.integers(0, 3000),
    ),
    max_size=6,
    unique_by=lambda claim: claim.campaign,
)


@given(claims, st.integers(0, 10_000), st.integers(0, 10_000), st.integers(0, 5000))
def test_neighbours_keep_the_larger_of_their_gaps(
    claims: list[Claim], first_ms: int, previous_ms: int, previous_gap_ms: int
) -> None:
    slots = planned(claims, first_ms=first_ms, previous_ms=previous_ms, previous_gap_ms=previous_gap_ms)

    for earlier, later in pairwise(slots):
        assert later.at_ms - earlier.at_ms >= max(earlier.after_ms, later.before_ms)
    if slots:
        assert slots[0].at_ms >= max(first_ms, previous_ms + max(previous_gap_ms, slots[0].before_ms))


@given(claims)
def test_jitter_only_ever_lengthens_a_gap(claims: list[Claim]) -> None:
    by_name = {claim.campaign: claim for claim in claims}
    for slot in planned(claims):
        claim = by_name[slot.campaign]
        assert claim.gap_ms <= slot.before_ms <= claim.gap_ms + claim.jitter_ms


@given(claims, st.integers(0, 40))
def test_nobody_gets_more_than_waits(claims: list[Claim], limit: int) -> None:
    slots = planned(claims, limit=limit)
    served = Counter(slot.campaign for slot in slots)

    assert all(served[claim.campaign] <= claim.waiting for claim in claims)
    assert len(slots) == min(limit, sum(claim.waiting for claim in claims))


def test_nothing_is_planned_beyond_the_horizon() -> None:
    slots = planned([a_claim("a")], first_ms=1000, until_ms=1450)

    assert [slot.at_ms for slot in slots] == [1000, 1100, 1200, 1300, 1400]


def test_missed_departures_are_not_caught_up() -> None:
    slots = planned([a_claim("a")], limit=3, previous_ms=1000, first_ms=9_000)

    assert [slot.at_ms for slot in slots] == [9000, 9100, 9200]


def test_equals_take_turns() -> None:
    slots = planned([a_claim("a"), a_claim("b"), a_claim("c")], limit=9)

    assert "".join(slot.campaign for slot in slots) == "abcabcabc"


def test_the_urgent_one_takes_the_lane_and_the_lower_never_starve() -> None:
    slots = planned([a_claim("low", priority=2), a_claim("lower", priority=0), a_claim("high", priority=8)], limit=200)
    turns = Counter(slot.campaign for slot in slots)

    assert turns["high"] == 200 - 200 // LOWER_TURN
    assert turns["low"] == turns["lower"] == 100 // LOWER_TURN


@given(st.integers(1, 5), st.integers(0, 9))
def test_every_lower_campaign_gets_a_turn_within_the_documented_bound(lower: int, turn: int) -> None:
    claims = [a_claim("urgent", priority=9), *(a_claim(f"low{index}", priority=index) for index in range(lower))]
    slots = planned(claims, turn=turn, limit=lower * LOWER_TURN)

    assert {slot.campaign for slot in slots} == {claim.campaign for claim in claims}


def test_the_rate_sinks_while_a_departure_is_overdue() -> None:
    assert sends_per_minute(2000, since_last_ms=500) == 30.0
    assert sends_per_minute(2000, since_last_ms=60_000) == 1.0


def test_the_finish_is_the_remaining_gaps_away() -> None:
    assert finish_ms(now_ms=1000, left=30, gap_ms=2000) == 61_000


def test_back_off_doubles_up_to_its_most() -> None:
    assert [back_off_ms(streak) for streak in (1, 2, 3, 7, 400)] == [1000, 2000, 4000, 60_000, 60_000]


@given(claims, st.integers(0, 40), st.integers(0, 60))
def test_no_more_leave_than_the_day_has_room_for(claims: list[Claim], limit: int, room: int) -> None:
    free = planned(claims, limit=limit)

    assert planned(claims, limit=limit, room=room) == free[:room]


@given(claims, st.integers(0, 100_000))
def test_nothing_leaves_once_the_window_is_closed(claims: list[Claim], closes_ms: int) -> None:
    free = planned(claims)

    assert planned(claims, allowed_until_ms=closes_ms) == [slot for slot in free if slot.at_ms < closes_ms]


def test_the_moment_at_which_the_window_closes_is_too_late() -> None:
    assert [slot.at_ms for slot in planned([a_claim("a")], allowed_until_ms=1200)] == [1000, 1100]
    assert [slot.at_ms for slot in planned([a_claim("a")], allowed_until_ms=1201)] == [1000, 1100, 1200]


def test_the_window_does_not_put_off_the_horizon() -> None:
    slots = planned([a_claim("a")], until_ms=1200, allowed_until_ms=5000)

    assert [slot.at_ms for slot in slots] == [1000, 1100, 1200]


@given(claims, st.floats(1, 16), st.integers(0, 10_000))
def test_a_slow_down_lengthens_every_gap_by_its_factor(claims: list[Claim], factor: float, previous_ms: int) -> None:
    usual = planned(claims, previous_ms=previous_ms)
    slow = planned(claims, previous_ms=previous_ms, factor=factor)

    assert [slot.campaign for slot in slow] == [slot.campaign for slot in usual]
    for then, now in zip(usual, slow, strict=True):
        assert now.before_ms == math.ceil(then.before_ms * factor)
        assert now.after_ms == math.ceil(then.after_ms * factor)
    for earlier, later in pairwise(slow):
        assert later.at_ms - earlier.at_ms == max(earlier.after_ms, later.before_ms)
