"""A worker that is behind catches up: its timers do not wait for each other."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from time import monotonic

import pytest
from kombu.asynchronous.hub import Hub

from broadcast.tasks.consumer import TIMERS_AT_ONCE, SteadyConsumer, punctual
from tests.processes import wait_for


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


class Gathering(SteadyConsumer):
    """One that has no worker around it, and counts how often it flushes."""

    def __init__(self, hub: Hub) -> None:
        self.hub, self.flushed = hub, 0

    def _flush_events(self) -> None:
        self.flushed += 1

    def gather(self) -> None:
        """An event of a task that has ended, in a thread of the pool as these do."""
        thread = Thread(target=self.on_send_event_buffered)
        thread.start()
        thread.join()

    def has_flushed(self, times: int) -> bool:
        self.hub.run_once()
        return self.flushed >= times


@pytest.fixture
def hub() -> Iterator[Hub]:
    hub = Hub()
    yield hub
    hub.close()


def test_events_of_the_pools_threads_are_flushed_by_the_loop_which_alone_sets_timers(hub: Hub) -> None:
    consumer = Gathering(hub)
    for _ in range(20):
        consumer.gather()
    assert len(hub.timer) == 0

    wait_for(lambda: consumer.has_flushed(1), what="the flush")
    assert consumer.flushed < 20


def test_events_are_flushed_again_after_a_lost_connection_took_the_timers_away(hub: Hub) -> None:
    consumer = Gathering(hub)
    consumer.gather()
    hub.run_once()
    hub.timer.clear()

    def is_flushed() -> bool:
        consumer.gather()
        return consumer.has_flushed(1)

    wait_for(is_flushed, what="the flush")
