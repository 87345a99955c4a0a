"""A worker that is behind catches up: its timers do not wait for each other."""

from __future__ import annotations

from time import monotonic

import pytest
from kombu.asynchronous.hub import Hub

from broadcast.tasks.consumer import TIMERS_AT_ONCE, punctual


@pytest.mark.parametrize("due", [11, 50, TIMERS_AT_ONCE])
def test_timers_that_are_due_are_fired_at_once(due: int) -> None:
    hub, fired = Hub(), []
    for number in range(due):
        hub.call_at(monotonic() - 1, fired.append, number)
    hub.call_later(30, fired.append, "not yet")

    wait_s = punctual(hub)()

    assert len(fired) == due
    assert "not yet" not in fired
    assert due == TIMERS_AT_ONCE or wait_s >= 1  # at the limit, the next look finds out


def test_when_more_are_due_the_loop_does_not_sleep() -> None:
    hub, fired = Hub(), []
    for number in range(TIMERS_AT_ONCE + 1):
        hub.call_at(monotonic() - 1, fired.append, number)

    assert punctual(hub)() == 0
    assert punctual(hub)() > 0
    assert len(fired) == TIMERS_AT_ONCE + 1
