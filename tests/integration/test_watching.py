"""A lane that should be sending and is not: found, its cause said, and mended where it can be."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from broadcast.domain.contact import Status
from broadcast.domain.instance import Instance
from broadcast.engine import accepting, inspecting, steering, telling, watching
from broadcast.engine.planning import Horizon
from broadcast.engine.registering import Registration, register
from broadcast.engine.sending import Policy, Sending
from broadcast.engine.watching import Standing, cause
from broadcast.gateways.cloud import Cloud
from broadcast.pacing import Rules, closed_for_ms
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Go, Outcome
from broadcast.web import create_app
from broadcast.wiring import Services
from tests.builders import an_order
from tests.lanes import ask, depart, fan_out, tickets
from tests.standins.cloud import NUMBER_ID, TOKEN, Graph, graph

NOW = 1_000_000_000


def a_standing(**lane: str) -> Standing:
    return Standing(lane=lane, now_ms=NOW, gap_ms=2000, send_workers=1, control_workers=1, waiting=3)


@pytest.mark.parametrize(
    ("lane", "code"),
    [
        ({"left": str(NOW - 5999)}, None),
        ({"left": str(NOW - 6001)}, "stalled"),
        ({"left": str(NOW - 60_000), "joined_ms": str(NOW - 5999)}, None),
        ({"left": str(NOW - 60_000), "opened_ms": str(NOW - 5999)}, None),
        ({"left": str(NOW - 60_000), "rest": str(NOW + 1)}, "gateway_busy"),
        ({"left": str(NOW - 60_000), "rest": str(NOW - 1)}, "stalled"),
        ({"left": str(NOW), "hold": "closed", "reason": "logged out"}, "instance_closed"),
        ({"left": str(NOW), "hold": "paused"}, "instance_paused"),
        ({"left": str(NOW + 3_600_000)}, "stalled"),
        ({"left": str(NOW + 3_600_000), "joined_ms": str(NOW - 5999)}, None),
        ({"left": str(NOW - 5999), "joined_ms": str(NOW + 3_600_000)}, None),
        ({"left": str(NOW + 15), "joined_ms": str(NOW - 60_000)}, None),
    ],
)
def test_the_surest_cause_is_said_first(lane: dict[str, str], code: str | None) -> None:
    found = cause(a_standing(**lane))
    assert (found.code if found else None) == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"send_workers": 0}, "no_worker"),
        ({"control_workers": 0}, "no_control_worker"),
        ({"waiting": 0}, "retry_later"),
        ({"gap_ms": 30_000}, None),
        ({"behind_ms": 5000}, "workers_behind"),
        ({"behind_ms": 5000, "gap_ms": 30_000}, None),
    ],
)
def test_a_long_silence_has_other_causes_too(changes: dict[str, int], code: str | None) -> None:
    standing = {"now_ms": NOW, "gap_ms": 2000, "send_workers": 1, "control_workers": 1, "waiting": 3, **changes}
    found = cause(Standing(lane={"left": str(NOW - 60_000)}, **standing))
    assert (found.code if found else None) == code


def make_quiet(store: Store, instance: str = "i1") -> None:
    """As if its campaign had joined a minute ago, and nothing had left since."""
    long_ago = int(time.time() * 1000) - 60_000
    store.scripts.client.hset(key("lane", instance), mapping={"joined_ms": long_ago, "left": long_ago})


@pytest.fixture
def lane(store: Store) -> Store:
    store.workers.beat("broadcast", "w1")
    store.workers.beat("control", "w1")
    accepting.accept(store, an_order(contacts=3), country="BR")
    return store


def codes(store: Store) -> list[str | None]:
    return [one.cause.code if one.cause else None for one in watching.watch(store).changed]


def test_a_lane_that_nobody_looks_at_is_found_and_looked_at_again(lane: Store) -> None:
    lane.scripts.client.delete(key("lanes"))  # lost, however that came about
    make_quiet(lane)

    (found,) = watching.watch(lane).changed
    assert (found.instance, found.may_be_mended) == ("i1", True)
    assert lane.lanes.due() == ["i1"]
    assert inspecting.lane(lane, "i1").stuck == "stalled"
    assert telling.progress(lane, "c1").hold_reason == "stalled"

    (first, *_) = tickets(fan_out(lane))
    assert isinstance(ask(lane, first, ahead_ms=5000), Go)
    assert codes(lane) == [None]
    assert inspecting.lane(lane, "i1").stuck is None


def test_a_lane_goes_on_at_its_pace_when_redis_clock_was_set_back(lane: Store) -> None:
    (first, *_) = tickets(fan_out(lane))
    assert isinstance(ask(lane, first, ahead_ms=5000), Go)
    steering.closed(lane, "i1", "logged out")
    steering.open_lane(lane, "i1")
    client, hour = lane.scripts.client, 3_600_000
    # To Redis it is an hour before what it noted.
    for name in ("left", "joined_ms", "opened_ms"):
        client.hincrby(key("lane", "i1"), name, hour)
    client.hincrby(key("campaign", "c1"), "last_ms", hour)
    client.zincrby(key("lanes"), hour, "i1")
    assert lane.lanes.due() == []

    assert codes(lane) == ["stalled"]
    assert lane.lanes.due() == ["i1"]
    lane.lanes.restart("i1")
    second, third = tickets(fan_out(lane))
    departures = [depart(lane, ticket).departure_ms for ticket in (second, third)]

    assert departures[1] - departures[0] >= 20
    assert departures[0] < time.time() * 1000 + 1000
    assert float(client.hget(key("campaign", "c1"), "mean_ms")) >= 0
    assert codes(lane) == [None]


def test_a_cause_is_news_once(lane: Store) -> None:
    lane.workers.leave("broadcast", "w1")
    make_quiet(lane)
    assert codes(lane) == ["no_worker"]
    assert codes(lane) == []
    steering.closed(lane, "i1", "logged out")
    assert codes(lane) == ["instance_closed"]


def test_a_lane_with_nothing_to_send_is_not_stuck(lane: Store) -> None:
    for ticket in tickets(fan_out(lane)):
        while not isinstance(ask(lane, ticket, ahead_ms=5000), Go):
            pass
        lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id=f"m{ticket.number}"))
    make_quiet(lane)
    assert codes(lane) == []


def test_contacts_that_wait_for_their_next_attempt_do_not_make_a_lane_stuck(lane: Store) -> None:
    (ticket,) = tickets(fan_out(lane, horizon=Horizon(ms=10_000, contacts=1)))
    assert isinstance(ask(lane, ticket, ahead_ms=5000), Go)
    lane.contacts.record(ticket, Outcome(status=Status.PENDING, reason="busy", due_ms=60_000))
    for other in tickets(fan_out(lane)):
        while not isinstance(ask(lane, other, ahead_ms=5000), Go):
            pass
        lane.contacts.record(other, Outcome(status=Status.SENT, message_id=f"m{other.number}"))
    make_quiet(lane)

    assert codes(lane) == []
    assert telling.progress(lane, "c1").hold_reason == "retry_later"


def test_stuck_lanes_are_counted_by_cause(lane: Store, services: Services) -> None:
    client: FlaskClient = create_app(services).test_client()
    assert "broadcast_lanes_stuck{" not in client.get("/metrics").text
    lane.workers.leave("broadcast", "w1")
    make_quiet(lane)
    watching.watch(lane)

    text = client.get("/metrics").text
    assert 'broadcast_lanes_stuck{cause="no_worker"} 1.0' in text
    assert 'broadcast_workers{queue="control"} 1.0' in text


def test_what_lapsed_in_a_lane_that_nobody_looks_at_is_found(lane: Store) -> None:
    (first, *_) = tickets(fan_out(lane))
    assert isinstance(ask(lane, first, ahead_ms=5000, lease_ms=1), Go)
    lane.scripts.client.zadd(key("sending", "i1"), {"c1:0": 1})
    lane.scripts.client.delete(key("lanes"))
    assert [one.may_be_mended for one in watching.watch(lane).changed] == [True]
    assert lane.lanes.due() == ["i1"]


@pytest.mark.parametrize("lane_fields", [{"slow": "15", "slow_ms": "now"}, {"gap": "60000"}])
def test_a_lane_that_is_slow_on_purpose_is_not_stalled(lane: Store, lane_fields: dict[str, str]) -> None:
    now = int(time.time() * 1000)
    make_quiet(lane)
    fields = {name: str(now) if value == "now" else value for name, value in lane_fields.items()}
    lane.scripts.client.hset(key("campaign", "c1"), "gap_ms", 2000)
    lane.scripts.client.hset(key("lane", "i1"), mapping={**fields, "left": now - 20_000, "joined_ms": 1})
    assert codes(lane) == []
    assert telling.progress(lane, "c1").hold_reason is None


def test_an_instances_own_gap_counts_when_it_is_asked_whether_its_lane_is_stuck(lane: Store) -> None:
    lane.instances.keep(Instance(id="i1"), Rules(gap_ms=30_000))
    lane.scripts.client.hset(key("lane", "i1"), mapping={"left": int(time.time() * 1000) - 60_000, "joined_ms": 1})
    assert codes(lane) == []
    assert telling.progress(lane, "c1").hold_reason is None


@pytest.fixture
def meta() -> Iterator[Graph]:
    with graph() as stand_in:
        yield stand_in


def rewind(store: Store, ms: int) -> None:
    """As if the lane had closed so much sooner."""
    lane = key("lane", "i1")
    store.scripts.client.hincrby(lane, "held_ms", -ms)


def turned_down(store: Store, meta: Graph, gateway: Cloud) -> None:
    """One send is turned down by a code that the number's state does not show, and closes the lane."""
    meta.fail_next(131005)
    ticket = tickets(fan_out(store, horizon=Horizon(ms=10_000, contacts=1)), run=f"r{len(meta.seen)}")[0]
    sending = Sending(store, lambda _: gateway, Policy(max_attempts=3, timeout_s=5))
    assert sending.send(ticket, quick_left=0) == "pending"
    assert inspecting.lane(store, "i1").reason == "unauthorized"
    store.scripts.client.delete(*store.scripts.client.keys("bcast:pair:*"))  # as if 6 s were over


def test_a_lane_that_probes_open_in_vain_stays_closed_longer_and_longer(lane: Store, meta: Graph) -> None:
    gateway = Cloud(meta.url, TOKEN, timeout_s=30, phone_number_id=NUMBER_ID)
    minutes = []
    for times in range(9):
        turned_down(lane, meta, gateway)
        after_ms = closed_for_ms(times)
        minutes.append(after_ms / 60_000)
        if after_ms:
            rewind(lane, after_ms - 5000)
            assert not watching.probe(lane, "i1", gateway)
            assert inspecting.lane(lane, "i1").health == "open"
            rewind(lane, 5000)
        assert watching.probe(lane, "i1", gateway)
        assert inspecting.lane(lane, "i1").state == "open"
    assert minutes == [0, 1, 2, 4, 8, 16, 32, 60, 60]
    assert meta.ledger == []


def test_a_closed_lane_with_work_says_when_it_is_next_tried(lane: Store, meta: Graph) -> None:
    gateway = Cloud(meta.url, TOKEN, timeout_s=30, phone_number_id=NUMBER_ID)

    def next_try() -> int | None:
        return inspecting.lane(lane, "i1").next_try_ms

    assert next_try() is None
    turned_down(lane, meta, gateway)
    held_ms = int(lane.scripts.client.hget(key("lane", "i1"), "held_ms"))
    assert next_try() == held_ms  # at once: whoever is asked first opens it
    lane.scripts.client.hset(key("lane", "i1"), "reopened", 3)
    assert next_try() == held_ms + 4 * 60_000
    rewind(lane, 3 * 60_000)
    assert not watching.probe(lane, "i1", gateway)
    assert next_try() == held_ms + 60_000
    rewind(lane, 50_000)  # and the gateway is not asked again before 30 s are over
    assert next_try() == (inspecting.lane(lane, "i1").health_ms or 0) + 30_000
    lane.scripts.client.hset(key("tally", "c1"), "pending", 0)
    assert next_try() is None
    steering.hold_lane(lane, "i1")
    assert next_try() is None


@pytest.mark.parametrize("resets", ["accepted", "resumed", "registered"])
def test_a_message_that_is_accepted_or_a_person_makes_probes_believed_again(
    lane: Store, meta: Graph, resets: str
) -> None:
    gateway = Cloud(meta.url, TOKEN, timeout_s=30, phone_number_id=NUMBER_ID)
    turned_down(lane, meta, gateway)
    assert watching.probe(lane, "i1", gateway)
    turned_down(lane, meta, gateway)
    assert not watching.probe(lane, "i1", gateway)

    if resets == "registered":
        asked = Registration(instance="i1", dialect=None, url=None, credentials=None, rules=Rules())
        register(lane, asked, secret_key=None, only_sandbox=False)
    else:
        steering.open_lane(lane, "i1")
    if resets == "accepted":
        lane.scripts.client.hset(key("lane", "i1"), "reopened", 3)
        (ticket,) = tickets(fan_out(lane, horizon=Horizon(ms=10_000, contacts=1)), run="accepted")
        sending = Sending(lane, lambda _: gateway, Policy(max_attempts=3, timeout_s=5))
        assert sending.send(ticket, quick_left=0) == "sent"
    if resets != "registered":
        turned_down(lane, meta, gateway)
    assert watching.probe(lane, "i1", gateway)


def test_of_two_probes_at_once_one_opens_the_lane(lane: Store) -> None:
    steering.closed(lane, "i1", "unauthorized")
    assert [lane.lanes.reopen("i1", times=0), lane.lanes.reopen("i1", times=0)] == [True, False]
    steering.closed(lane, "i1", "unauthorized")
    assert not lane.lanes.reopen("i1", times=0)
