"""What is foretold of a campaign, by arithmetic and by letting simulated lanes run."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, time, timedelta
from statistics import median

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from broadcast.pacing import (
    HORIZON_MS,
    Claim,
    Load,
    Outset,
    Rules,
    Window,
    day_of,
    finish_ms,
    forecast_ms,
    handling,
    is_same_step,
    later_ms,
    outlook,
    plan,
    slowed,
    slower,
)
from tests.unit.zones import moments, windows, zones

NOW_MS = 1_900_000_000_000
#: What a campaign that begins at once, and one that the tick finds, takes beside its departures.
AT_ONCE, BY_TICK = handling(is_ticked=False), handling(is_ticked=True)

calm = settings(deadline=None)
contacts = st.integers(1, 5000)
gaps = st.integers(10, 120_000)
jitters = st.integers(0, 60_000)
shares = st.just(0.0) | st.floats(0.001, 0.95)
factors = st.just(1.0) | st.floats(1, 16)
loads = st.builds(Load, left=st.integers(0, 3000), priority=st.integers(0, 9), gap_ms=gaps, jitter_ms=jitters)


@st.composite
def lanes(draw: st.DrawFn, *, with_rules: bool = True) -> Outset:
    """A lane in any state; with rules, or with others on it."""
    window: Window | None = draw(st.none() | windows()) if with_rules else None
    zone = window.zone if window else draw(zones)
    now_ms = draw(moments(zone))
    day = date.fromisoformat(day_of(now_ms, zone))
    age = draw(st.none() | st.integers(-2, 40)) if with_rules else None
    return Outset(
        from_ms=now_ms,
        rests=draw(st.booleans()),
        left_ms=draw(st.none() | st.integers(now_ms - 200_000, now_ms)),
        left_gap_ms=draw(st.just(0) | gaps),
        rules=Rules(
            gap_ms=draw(st.just(0) | gaps),
            jitter_ms=draw(st.just(0) | jitters),
            daily_cap=draw(st.none() | st.integers(1, 500)) if with_rules else None,
            window=window,
            warm_up_since=None if age is None else day - timedelta(days=age),
        ),
        zone=zone,
        used_day=day_of(now_ms, zone),
        used=draw(st.integers(0, 300)),
        slow=draw(factors),
        slow_ms=now_ms - draw(st.integers(0, 300_000)),
        failing=draw(shares),
        others=() if with_rules else draw(st.lists(loads, max_size=4)),
    )


@calm
@given(contacts, gaps)
def test_alone_and_without_chance_it_is_plain_arithmetic(left: int, gap_ms: int) -> None:
    found = outlook(Load(left=left, priority=5, gap_ms=gap_ms), Outset(from_ms=NOW_MS))

    assert found.start_ms == NOW_MS + gap_ms
    assert found.p50_ms == finish_ms(now_ms=NOW_MS, left=left, gap_ms=gap_ms) + AT_ONCE.p50_ms
    assert found.p90_ms == found.p50_ms + AT_ONCE.spread_ms


#: Slow at first, and beyond the horizon at the end.
ONE_A_WEEK = Outset(
    from_ms=1_577_836_800_000,
    rules=Rules(daily_cap=1, window=Window(start=time(0), end=time(0), zone="Africa/Cairo", days=frozenset({0}))),
    zone="Africa/Cairo",
    used_day="2020-01-01",
    used=0,
    slow=2.0,
    slow_ms=1_577_836_800_000,
    failing=0.0,
    others=(),
)


@calm
@given(contacts, gaps, lanes())
def test_without_chance_it_is_the_forecast_within_the_rules(left: int, gap_ms: int, lane: Outset) -> None:
    rules = replace(lane.rules, jitter_ms=0)
    lane = replace(lane, rules=rules, slow=1.0, failing=0.0, rests=False, left_ms=None)
    found = outlook(Load(left=left, priority=5, gap_ms=gap_ms), lane)

    gap_ms = max(gap_ms, rules.gap_ms)
    expected = forecast_ms(lane.from_ms, left, gap_ms, rules=rules, used_today=lane.used, zone=lane.zone)
    besides = BY_TICK if rules.window or rules.has_cap else AT_ONCE
    assert found.p50_ms == min(expected + besides.p50_ms, found.horizon_ms)
    latest_ms = later_ms(expected, besides.spread_ms, rules.window) + besides.p50_ms
    assert found.p90_ms == min(latest_ms, found.horizon_ms)


@calm
@given(contacts, st.integers(1, 3000), gaps, jitters, lanes())
@example(522, 1, 10, 0, ONE_A_WEEK)
def test_more_contacts_never_finish_earlier(left: int, more: int, gap_ms: int, jitter_ms: int, lane: Outset) -> None:
    own = Load(left=left, priority=5, gap_ms=gap_ms, jitter_ms=jitter_ms)
    sooner, later = outlook(own, lane), outlook(own.only(left + more), lane)

    assert lane.from_ms <= sooner.start_ms <= sooner.p50_ms <= sooner.p90_ms <= lane.from_ms + HORIZON_MS
    assert sooner.p50_ms <= later.p50_ms
    assert sooner.p90_ms <= later.p90_ms


@calm
@given(contacts, gaps, st.integers(1, 60_000), jitters, lanes())
def test_a_wider_gap_never_finishes_earlier(left: int, gap_ms: int, more: int, jitter_ms: int, lane: Outset) -> None:
    own = Load(left=left, priority=5, gap_ms=gap_ms, jitter_ms=jitter_ms)
    sooner, later = outlook(own, lane), outlook(replace(own, gap_ms=gap_ms + more), lane)

    assert sooner.p50_ms <= later.p50_ms
    assert sooner.p90_ms <= later.p90_ms


@calm
@given(st.data(), contacts, gaps, jitters, st.integers(0, 9), st.integers(1, 2000), lanes(with_rules=False))
def test_more_that_waits_never_lets_it_finish_earlier(
    data: st.DataObject, left: int, gap_ms: int, jitter_ms: int, priority: int, more: int, lane: Outset
) -> None:
    own = Load(left=left, priority=priority, gap_ms=gap_ms, jitter_ms=jitter_ms)
    # At one pace: among campaigns of several, a quick one may take the turns of a slow one.
    others = [replace(own, left=load.left, priority=load.priority) for load in lane.others or [data.draw(loads)]]
    busier = [replace(others[0], left=others[0].left + more), *others[1:]]
    sooner, later = outlook(own, replace(lane, others=others)), outlook(own, replace(lane, others=busier))

    assert sooner.p50_ms <= sooner.p90_ms
    assert sooner.p50_ms <= later.p50_ms + 1
    assert sooner.p90_ms <= later.p90_ms + 1


def simulated(own: Load, others: Sequence[Load], *, failing: float, slows: bool = True, seed: int) -> tuple[int, int]:
    """When the first contact of a campaign leaves and when the last one has, by the lane's own arithmetic."""
    chance = random.Random(seed)
    named = dict(enumerate([own, *others]))
    claims = {
        str(name): Claim(
            campaign=str(name), priority=load.priority, served=int(name == 0), waiting=int(load.left),
            gap_ms=load.gap_ms, jitter_ms=load.jitter_ms,
        )
        for name, load in named.items()
    }  # fmt: skip
    turn, at_ms, gap_ms, factor, since_ms, first_ms = 1, NOW_MS, own.gap_ms, 1.0, 0, 0
    while claims["0"].waiting:
        now_is = slowed(factor, since_ms=since_ms, now_ms=at_ms)
        (slot,) = plan(
            tuple(claims.values()), turn=turn, first_ms=0, previous_ms=at_ms, previous_gap_ms=gap_ms,
            until_ms=at_ms * 2, limit=1, chance=chance.random, factor=now_is,
        )  # fmt: skip
        turn, at_ms, gap_ms = turn + 1, slot.at_ms, slot.after_ms
        is_busy = chance.random() < failing
        claim = claims[slot.campaign]
        claims[slot.campaign] = replace(claim, served=turn, waiting=claim.waiting - (not is_busy))
        first_ms = first_ms or (at_ms if slot.campaign == "0" else 0)
        if is_busy and slows and not is_same_step(factor, since_ms=since_ms, now_ms=at_ms):
            factor, since_ms = slower(factor, since_ms=since_ms, now_ms=at_ms), at_ms
    return first_ms, at_ms


@pytest.mark.parametrize(
    ("left", "gap_ms", "jitter_ms", "failing"),
    [(300, 2000, 2000, 0.0), (400, 2000, 1000, 0.02), (100, 30_000, 30_000, 0.1), (200, 5000, 5000, 0.05)],
)
def test_nine_in_ten_simulated_lanes_are_done_by_p90_and_half_by_p50(
    left: int, gap_ms: int, jitter_ms: int, failing: float
) -> None:
    own = Load(left=left, priority=5, gap_ms=gap_ms, jitter_ms=jitter_ms)
    found = outlook(own, Outset(from_ms=NOW_MS, failing=failing))
    finishes = [simulated(own, (), failing=failing, seed=seed)[1] for seed in range(300)]

    assert 0.85 <= sum(finish <= found.p90_ms for finish in finishes) / 300 <= 0.97
    assert found.p50_ms - NOW_MS == pytest.approx(median(finishes) - NOW_MS, rel=0.05)


@pytest.mark.parametrize("failing", [0.01, 0.1, 0.3])
def test_what_busy_answers_cost_is_what_they_cost_simulated_lanes(failing: float) -> None:
    own = Load(left=300, priority=5, gap_ms=2000)
    found = outlook(own, Outset(from_ms=NOW_MS, failing=failing))
    finishes = [simulated(own, (), failing=failing, seed=seed)[1] for seed in range(60)]

    assert found.p50_ms - NOW_MS == pytest.approx(median(finishes) - NOW_MS, rel=0.1)
    assert found.p90_ms >= sorted(finishes)[48]


EQUAL = Load(left=150, priority=5, gap_ms=1000)
ABOVE = Load(left=400, priority=8, gap_ms=3000)
BELOW = Load(left=400, priority=2, gap_ms=500)


@pytest.mark.parametrize(
    "others", [(EQUAL,), (EQUAL, EQUAL), (ABOVE,), (BELOW,), (ABOVE, BELOW), (ABOVE, EQUAL, BELOW)]
)
def test_campaigns_share_the_lane_as_they_do_turn_by_turn(others: tuple[Load, ...]) -> None:
    own = Load(left=200, priority=5, gap_ms=2000, jitter_ms=1000)
    found = outlook(own, Outset(from_ms=NOW_MS, others=others))
    runs = [simulated(own, others, failing=0, seed=seed) for seed in range(20)]

    assert found.p50_ms - NOW_MS == pytest.approx(median(finish for _, finish in runs) - NOW_MS, rel=0.03)
    assert found.start_ms - NOW_MS == pytest.approx(median(first for first, _ in runs) - NOW_MS, abs=40_000)


def test_a_more_urgent_campaign_does_not_wait_for_those_below() -> None:
    urgent = replace(BELOW, priority=9, left=90)
    found = outlook(urgent, Outset(from_ms=NOW_MS, others=[replace(BELOW, left=10**6)]))
    assert found.p50_ms == NOW_MS + 100 * 500 + AT_ONCE.p50_ms


def test_a_slow_down_in_force_goes_away_by_and_by() -> None:
    own = Load(left=1000, priority=5, gap_ms=1000)
    found = outlook(own, Outset(from_ms=NOW_MS, slow=16.0, slow_ms=NOW_MS))
    # ln 16 / ln 2 minutes: four halvings.
    assert found.p50_ms - NOW_MS == pytest.approx(1_000_000 + 240_000, abs=3000)


def test_a_schedule_finds_what_is_left_on_the_lane_then() -> None:
    own, lane = Load(left=10, priority=5, gap_ms=1000), Outset(from_ms=NOW_MS, others=[EQUAL])

    def over_ms(begins_ms: int) -> int:
        return outlook(own, lane, begins_ms=NOW_MS + begins_ms).p50_ms - NOW_MS

    assert over_ms(150_000) == 160_000 + BY_TICK.p50_ms
    # 100 of the others have left, and 50 are left to share with: the lane is busy, and need not be found.
    assert over_ms(100_000) == 120_000 + AT_ONCE.p50_ms
    assert over_ms(145_000) == 160_000 + AT_ONCE.p50_ms


def test_a_lane_that_rests_or_may_have_to_wait_is_found_by_the_tick() -> None:
    own = Load(left=1, priority=5, gap_ms=1000)
    for lane in (
        Outset(from_ms=NOW_MS, rests=True),
        Outset(from_ms=NOW_MS, rules=Rules(daily_cap=10)),
        Outset(from_ms=NOW_MS, rules=Rules(window=Window(time(0), time(0), "UTC"))),
    ):
        found = outlook(own, lane)
        assert (found.start_ms, found.p50_ms) == (NOW_MS + 1000, NOW_MS + 1000 + BY_TICK.p50_ms)
        assert found.p90_ms == found.p50_ms + BY_TICK.spread_ms


def test_nine_in_ten_campaigns_are_seen_to_be_over_by_p90_whether_or_not_chance_has_a_hand_in_their_pace() -> None:
    chance = random.Random(1)
    for jitter_ms in (0, 2000):
        own = Load(left=5, priority=5, gap_ms=1000, jitter_ms=jitter_ms)
        found = outlook(own, Outset(from_ms=NOW_MS))
        # As measured: until the first message is there, and the answers of two gateways, a quick one and a slow one.
        answers = ((60, 110), (400, 1150))
        besides = [chance.uniform(30, 135) + chance.uniform(*answers[number % 2]) for number in range(300)]
        finishes = [simulated(own, (), failing=0, seed=seed)[1] + besides[seed] for seed in range(300)]

        assert sum(finish <= found.p90_ms for finish in finishes) / 300 >= 0.85
        assert 0.4 <= sum(finish <= found.p50_ms for finish in finishes) / 300 <= 0.6
