"""A short seeded run of the chaos that `make chaos` runs at length."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from broadcast.engine.steps import Step
from tests.acceptance.chaos import AT, VICTIMS, Outcome, run, schedule
from tests.acceptance.measuring import measuring


@pytest.mark.slow
def test_under_blows_nothing_is_lost_and_nothing_is_doubled(tmp_path: Path) -> None:
    with measuring() as judge:
        outcome = run(seed=7, kills=6, lanes=2, gap_ms=250, folder=tmp_path)
    print(outcome.line())  # noqa: T201 - the seed and the figures, for whoever reads a failure
    assert replace(outcome, recoveries={}, held=[]).is_clean, outcome.line()
    assert outcome.kills == 6
    judge(outcome.is_clean, outcome.line())  # how soon all went on


def test_a_schedule_strikes_at_every_step_and_is_the_same_for_a_seed() -> None:
    blows = schedule(random.Random(3), 10)
    assert blows == schedule(random.Random(3), 10)
    assert blows != schedule(random.Random(4), 10)
    assert {blow.step for blow in blows if blow.deed == "kill" and blow.step} == set(Step)
    assert {blow.victim for blow in blows} <= set(VICTIMS)
    assert all(blow.victim == AT[blow.step] for blow in blows if blow.step)
    assert Counter(blow.deed for blow in blows) == {"kill": 10, "freeze": 2, "restart": 1}


@pytest.mark.parametrize(
    "harm",
    [
        {"doubled": 1},
        {"lost": 1},
        {"counts": Counter(pending=1)},
        {"gap_violations": [(1.0, "c:1", "c:2")]},
        {"wrong_failures": 1},
        {"recoveries": {"beat": [10.1]}},
        {"held": [60.1]},
        {"counts": Counter(unconfirmed=1)},
        {"tally_is_true": False},
    ],
    ids=lambda harm: next(iter(harm)),
)
def test_the_judge_is_not_lenient(harm: dict[str, object]) -> None:
    assert Outcome(1).is_clean
    assert not Outcome(1, **harm).is_clean  # type: ignore[arg-type]  # each value fits its own field
