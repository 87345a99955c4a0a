"""What goes by Redis's clock when that is set back: a real Redis, and a clock that lies to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from broadcast.domain.contact import Status
from broadcast.engine import accepting, planning, slowing, steering, telling, watching
from broadcast.gateways.base import Connection
from broadcast.pacing import Rules, allow
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Go, Outcome, Wait
from tests.builders import an_order
from tests.clock import Clock, needs_liar
from tests.lanes import HORIZON, ask, depart, fan_out, tickets
from tests.processes import RedisServer, wait_for

pytestmark = needs_liar
SetBack = Callable[[str], None]


@pytest.fixture
def clock(tmp_path: Path) -> Clock:
    return Clock(tmp_path)


@pytest.fixture
def lane(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    """A store with live workers, whose clock upkeep has looked at."""
    with RedisServer(tmp_path, env=clock.env) as redis:
        store = Store(redis.url())
        for queue in ("broadcast", "control", "callbacks"):
            store.workers.beat(queue, "w1")
        assert store.workers.keep_time() == 0
        yield store
        store.scripts.client.close()


@pytest.fixture
def set_back(lane: Store, clock: Clock) -> SetBack:
    """Set the clock back, and let upkeep look at it."""

    def by(much: str) -> None:
        before = now_ms(lane)
        clock.set(much)
        wait_for(lambda: now_ms(lane) < before - 60_000, what="a clock that was set back")
        assert lane.workers.keep_time() > 60_000
        assert lane.workers.keep_time() == 0

    return by


def now_ms(store: Store) -> int:
    seconds, micros = store.scripts.client.time()
    return int(seconds) * 1000 + int(micros) // 1000


class IsOpen:
    """A gateway that says its instance is connected."""

    def probe(self, instance: str) -> Connection:
        return Connection(is_open=True, reason="open")


@pytest.mark.parametrize("back", ["-2m", "-30d"])
def test_a_closed_lane_opens_by_a_probe(lane: Store, set_back: SetBack, back: str) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    steering.closed(lane, "i1", "disconnected")

    set_back(back)

    assert watching.probe(lane, "i1", IsOpen())  # type: ignore[arg-type]  # all that probing needs
    assert lane.lanes.look("i1").fields.get("hold") is None


def test_a_closed_lane_opens_by_its_gateways_news(lane: Store, set_back: SetBack) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    steering.hear(lane, "i1", Connection(is_open=False, reason="close"))
    steering.closed(lane, "i1", "disconnected")

    set_back("-30d")

    assert steering.hear(lane, "i1", Connection(is_open=True, reason="open"))


def test_a_slow_down_recovers(lane: Store, set_back: SetBack) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    slowing.slow_down(lane, "i1", reason="too_many_requests")

    set_back("-2m")

    factor, since_ms, now = lane.lanes.slowness("i1")
    assert factor == 2.0
    assert since_ms <= now


def test_a_day_whose_cap_is_used_up_ends_when_it_would_have(lane: Store, set_back: SetBack) -> None:
    accepting.accept(lane, an_order(contacts=3, gap_ms=10), country="BR")
    (first, *_) = tickets(fan_out(lane))
    depart(lane, first)
    rules = Rules(daily_cap=1)

    set_back("-30d")

    seen = lane.lanes.survey("i1")
    allowed = allow(
        rules, now_ms=seen.now_ms, used_day=seen.day, used=seen.used, used_until_ms=seen.day_ends_ms, zone="UTC"
    )
    assert allowed.waits == "daily_cap"
    assert allowed.again_ms is not None
    assert allowed.again_ms <= seen.now_ms + 24 * 3_600_000


def test_what_a_killed_worker_held_is_found_when_its_lease_ends(lane: Store, set_back: SetBack) -> None:
    accepting.accept(lane, an_order(contacts=3, gap_ms=10), country="BR")
    (first, *_) = tickets(fan_out(lane))
    assert isinstance(ask(lane, first, ahead_ms=5000, lease_ms=300), Go)

    set_back("-2m")

    wait_for(lambda: lane.lanes.mend("i1", grace_ms=600_000, most_attempts=3)[1], what="the end of a lease of 0.3 s")
    counts = telling.progress(lane, "c1").counts
    assert (counts[Status.UNCONFIRMED], counts[Status.BOOKED]) == (1, 0)
    assert len(planning.plan_lane(lane, "i1", horizon=HORIZON).departures) == 2


def test_a_campaign_is_expected_to_finish_by_the_new_clock(lane: Store, set_back: SetBack) -> None:
    accepting.accept(lane, an_order(contacts=3, gap_ms=10), country="BR")
    (first, *_) = tickets(fan_out(lane))
    depart(lane, first)
    lane.contacts.record(first, Outcome(status=Status.SENT, message_id="m0"))

    set_back("-30d")

    progress = telling.progress(lane, "c1")
    assert progress.expected_finish_ms is not None
    assert progress.expected_finish_ms <= now_ms(lane) + 60_000


def test_who_waits_for_a_time_waits_no_longer(lane: Store, set_back: SetBack) -> None:
    accepting.accept(lane, an_order(contacts=1, gap_ms=10), country="BR")
    (only,) = tickets(fan_out(lane))
    depart(lane, only)
    lane.contacts.record(only, Outcome(status=Status.PENDING, reason="busy", due_ms=1500))
    lane.lanes.rest("i1", for_ms=1500, reason="busy")

    set_back("-30d")

    wait_for(lambda: fan_out(lane).departures, seconds=10, what="a contact that waited for 1.5 s")


@pytest.mark.parametrize("back", ["-2m", "-30d"])
def test_a_person_who_was_just_written_to_is_written_to_again(lane: Store, set_back: SetBack, back: str) -> None:
    accepting.accept(lane, an_order(contacts=2, gap_ms=10), country="BR")
    (first, *_) = tickets(fan_out(lane))
    assert isinstance(ask(lane, first, identity="p", pair_ms=6000, ahead_ms=5000), Go)

    set_back(back)

    (second, *_) = tickets(fan_out(lane))
    assert isinstance(ask(lane, second, identity="p", pair_ms=6000), Wait | Go)


def test_a_crm_that_rests_is_called_no_later(lane: Store, set_back: SetBack) -> None:
    client = lane.scripts.client
    soon = now_ms(lane) + 1500
    client.hset(key("host", "crm.example"), "rest", soon)
    for list_, name in ((key("hosts"), "crm.example"), (key("calling", "crm.example"), "c1")):
        client.zadd(list_, {name: soon})

    set_back("-30d")

    wait_for(
        lambda: lane.callbacks.due(hands=2, lease_ms=1000, claim="t"), seconds=10, what="a host that rested for 1.5 s"
    )
