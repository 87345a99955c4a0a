"""How many contacts a lane may have with the send workers."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.pacing import CROWD_MS, FIRST, IDLE_MS, LATE_MS, ON_TIME_MS, SETTLED_MS, Flow, credited

NOW = 1_000_000_000
#: Changed so long ago that what was due since has been heard of, whatever is the matter.
LONG_AGO = NOW - 20_000

credit_of = st.integers(1, 2000)
behinds = st.integers(0, 10_000)
wishes = st.integers(0, 3000)


def a_flow(
    credit: int, *, behind_ms: int = 0, since_ms: int = LONG_AGO, heard_ms: int = NOW, on_time_ms: int | None = None
) -> Flow:
    """`on_time_ms` None: somebody is, if the last one was."""
    if on_time_ms is None:
        on_time_ms = heard_ms if behind_ms <= ON_TIME_MS else LONG_AGO
    return Flow(credit=credit, since_ms=since_ms, heard_ms=heard_ms, behind_ms=behind_ms, on_time_ms=on_time_ms)


@pytest.mark.parametrize(
    ("credit", "behind_ms", "wanted", "then"),
    [
        (20, 0, 500, 30),  # on time, and a hindrance
        (20, 0, 25, 25),
        (20, ON_TIME_MS // 2, 500, 25),  # the nearer to it, the less
        (20, ON_TIME_MS, 500, 21),
        (1, ON_TIME_MS - 1, 500, 2),
        (20, 0, 20, 20),  # no hindrance
        (100, 0, 20, 100),
        (20, ON_TIME_MS + 1, 500, 20),  # full, and no worse
        (20, LATE_MS, 500, 20),
        (500, 1600, 500, 250),  # late
        (20, 1600, 15, 10),
        (20, 9000, 15, 7),  # not to less than half of what one wants that has all
        (1, 9000, 500, 1),
    ],
)
def test_credit_follows_how_late_messages_are_taken(credit: int, behind_ms: int, wanted: int, then: int) -> None:
    assert credited(a_flow(credit, behind_ms=behind_ms), now_ms=NOW, held=0, wanted=wanted, is_lost=False) == then


@pytest.mark.parametrize(
    ("on_time_ms", "behind_ms", "then"),
    [
        (NOW - CROWD_MS, ON_TIME_MS, 21),
        (NOW - CROWD_MS, LATE_MS, 21),
        (NOW - CROWD_MS, 1600, 20),
        (NOW - CROWD_MS - 1, 1600, 10),
        (NOW, 3000, 7),  # what was booked for later is on time still
    ],
)
def test_the_last_of_a_crowd_is_late_and_the_workers_are_not_behind(on_time_ms: int, behind_ms: int, then: int) -> None:
    crowd = a_flow(20, behind_ms=behind_ms, on_time_ms=on_time_ms)
    assert credited(crowd, now_ms=NOW, held=0, wanted=500, is_lost=False) == then


@given(credit_of, behinds, wishes, st.booleans())
def test_there_is_always_some_and_never_more_than_is_wanted_or_was(
    credit: int, behind_ms: int, wanted: int, is_lost: bool
) -> None:
    then = credited(a_flow(credit, behind_ms=behind_ms), now_ms=NOW, held=0, wanted=wanted, is_lost=is_lost)

    assert 1 <= then <= max(credit, min(wanted, 1.5 * credit + 1))
    if (behind_ms > LATE_MS and wanted > 2 * credit) or is_lost:
        assert then <= max(math.ceil(0.8 * credit), 1)


@pytest.mark.parametrize(
    ("since_ms", "behind_ms", "then"), [(499, 0, 20), (500, 0, 30), (699, 200, 20), (700, 200, 24)]
)
def test_more_is_given_when_it_is_known_what_came_of_the_last_change(since_ms: int, behind_ms: int, then: int) -> None:
    changed = a_flow(20, since_ms=NOW - since_ms, behind_ms=behind_ms)
    assert credited(changed, now_ms=NOW, held=0, wanted=500, is_lost=False) == then


@pytest.mark.parametrize(("since_ms", "then"), [(499, 20), (500, 7)])
def test_less_is_given_soon(since_ms: int, then: int) -> None:
    changed = a_flow(20, since_ms=NOW - since_ms, behind_ms=3000)
    assert credited(changed, now_ms=NOW, held=0, wanted=500, is_lost=False) == then


def test_a_lane_that_has_more_than_the_credit_still_does_not_lower_it() -> None:
    late = a_flow(20, behind_ms=3000)
    assert credited(late, now_ms=NOW, held=21, wanted=500, is_lost=False) == 20
    assert credited(late, now_ms=NOW, held=20, wanted=500, is_lost=False) == 7


def test_lanes_that_lose_at_once_cost_half_once() -> None:
    just_now = a_flow(40, since_ms=NOW - SETTLED_MS + 1)
    assert credited(just_now, now_ms=NOW, held=0, wanted=40, is_lost=True) == 40
    assert credited(a_flow(40), now_ms=NOW, held=0, wanted=40, is_lost=True) == 20


@pytest.mark.parametrize("credit", [0, 1, 500])
def test_who_comes_after_a_silence_starts_with_few(credit: int) -> None:
    silent = a_flow(credit, since_ms=NOW - IDLE_MS - 1, heard_ms=NOW - IDLE_MS - 1)
    assert credited(silent, now_ms=NOW, held=0, wanted=500, is_lost=False) == FIRST


@pytest.mark.parametrize("credit", [1, FIRST, 100])
@pytest.mark.parametrize(
    ("asked", "capacity"),
    [([100, 1], 20), ([100] * 5 + [1, 1, 2, 4], 40), ([4] * 40, 80), ([1] * 30, 40)],
)
def test_before_workers_that_take_too_few_nobody_stands_long_and_nobody_goes_short(
    asked: list[int], capacity: int, credit: int
) -> None:
    """Lanes that ask for so many a second, planned once a second, before workers that take so many in turn."""
    queue: list[tuple[float, int]] = []  #: slot and lane
    flow = Flow(credit=credit, since_ms=0, heard_ms=0, behind_ms=0, on_time_ms=0)
    free_ms, behinds, taken = 0.0, list[float](), Counter[int]()
    for now_ms in range(1000, 121_000, 1000):
        while queue and max(free_ms, queue[0][0]) < now_ms:
            slot_ms, lane = queue.pop(0)
            begun_ms = max(free_ms, slot_ms)
            free_ms, behind_ms = begun_ms + 1000 / capacity, begun_ms - slot_ms
            flow = replace(flow, heard_ms=int(begun_ms), behind_ms=int(behind_ms))
            flow = replace(flow, on_time_ms=flow.heard_ms if behind_ms <= ON_TIME_MS else flow.on_time_ms)
            if now_ms > 60_000:
                taken[lane] += 1
                behinds.append(behind_ms)
        held = Counter(lane for _, lane in queue)
        for lane, most in enumerate(asked):
            then = credited(flow, now_ms=now_ms, held=held[lane], wanted=most + held[lane], is_lost=False)
            if then != flow.credit:
                line_ms = flow.behind_ms if then < flow.credit else 0
                flow = replace(flow, credit=then, since_ms=now_ms + line_ms)
            count = min(most, max(flow.credit - held[lane], 0 if held[lane] else 1))
            queue += [(now_ms + number * 1000 / max(count, 1), lane) for number in range(count)]
        queue.sort()
    assert max(behinds) <= 1500 + 1000 * len(asked) / capacity  # one contact of each lane is always there
    assert sum(taken.values()) >= 0.75 * 60 * min(capacity, sum(asked))
    fair = capacity / len(asked)
    assert all(taken[lane] >= 0.7 * 60 * min(most, fair) for lane, most in enumerate(asked))
