"""When a callback is tried again, and how long a host is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.callbacks.posting import Answered, Unanswered
from broadcast.engine.calling import (
    BACKOFF_S,
    JITTER,
    MOST_RETRY_AFTER_S,
    PATIENCE_MS,
    RESTS_S,
    judge,
    next_ms,
    rest_s,
)

CHANCES = st.floats(0, 1, exclude_max=True)
FAILURES = st.integers(0, 10_000)


@given(failures=FAILURES, chance=CHANCES)
def test_a_wait_is_near_the_table_and_never_without_an_end(failures: int, chance: float) -> None:
    base_ms = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)] * 1000
    assert base_ms * (1 - JITTER) - 1 <= next_ms(failures, chance=lambda: chance) <= base_ms * (1 + JITTER)


@given(failures=FAILURES, chance=CHANCES)
def test_the_waits_grow_whatever_chance_says(failures: int, chance: float) -> None:
    assert next_ms(failures, chance=lambda: chance) <= next_ms(failures + 1, chance=lambda: chance)


@given(st.lists(CHANCES, min_size=120, max_size=120))
def test_a_day_has_many_attempts_and_not_too_many(chances: list[float]) -> None:
    at_ms, attempts = 0, 1
    for failures, chance in enumerate(chances):
        at_ms += next_ms(failures, chance=lambda chance=chance: chance)  # type: ignore[misc]  # bound to this one
        attempts += at_ms < PATIENCE_MS
    assert at_ms > PATIENCE_MS
    assert 40 <= attempts <= 75


@given(fails=st.integers(1, 10_000))
def test_a_host_that_stays_silent_rests_longer_up_to_the_last_rest(fails: int) -> None:
    assert rest_s(fails) <= rest_s(fails + 1) <= RESTS_S[-1]


def test_one_silence_is_no_reason_to_rest() -> None:
    assert [rest_s(fails) for fails in (1, 2, 3)] == [0, 0, 30]


@given(failures=FAILURES, asked_s=st.floats(0, allow_nan=False))
def test_a_crm_may_ask_for_a_later_attempt_but_for_none_sooner_or_without_end(failures: int, asked_s: float) -> None:
    own = next_ms(failures, chance=lambda: 0.5)
    wait = judge(Answered(503, asked_s), failures=failures, fails=0, chance=lambda: 0.5).next_ms
    assert own <= wait <= max(own, MOST_RETRY_AFTER_S * 1000)
    assert wait >= int(min(asked_s, MOST_RETRY_AFTER_S)) * 1000


@pytest.mark.parametrize(
    ("status", "word"),
    [(200, "delivered"), (204, "delivered"), (299, "delivered"), (301, "failed"), (302, "failed"), (307, "failed"),
     (400, "failed"), (404, "failed"), (410, "gone"), (429, "failed"), (500, "failed"), (503, "failed")],
)  # fmt: skip
def test_only_2xx_is_a_delivery_and_410_the_end_of_them(status: int, word: str) -> None:
    result = judge(Answered(status), failures=0, fails=5, chance=lambda: 0.5)
    assert (result.word, result.rest_ms) == (word, 0)


def test_only_silence_makes_a_host_rest() -> None:
    assert judge(Unanswered("timeout", ""), failures=0, fails=2, chance=lambda: 0.5).rest_ms == 30_000
