"""One send, from the fence to the record, with a gateway that answers as it is told."""

from __future__ import annotations

import dataclasses
import time
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pytest

from broadcast.domain import content
from broadcast.domain.campaign import Scope, State
from broadcast.domain.contact import Recipient, Status
from broadcast.domain.filling import render
from broadcast.domain.receipt import Echo
from broadcast.engine import accepting, inspecting, planning, settling, steering, telling
from broadcast.engine.planning import Horizon
from broadcast.engine.sending import Policy, Sending
from broadcast.errors import NotNow, Unavailable
from broadcast.gateways.base import (
    Accepted,
    Answer,
    Busy,
    Connection,
    Departure,
    Gateway,
    Message,
    News,
    Refused,
    Unknown,
)
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Leave, Ticket, Wait
from tests.builders import an_order, phones
from tests.lanes import fan_out, tickets, trust


@dataclass
class Told:
    """A gateway that gives these answers, in order; a callable is asked before the fence is."""

    answers: list[Answer | Callable[[], Answer]]
    sent: list[Message] = field(default_factory=list)
    pair_ms: int = 0

    def send(self, message: Message, *, departure: Departure) -> Answer:
        answer = self.answers.pop(0)
        if callable(answer):
            return answer()
        departure.wait()
        self.sent.append(message)
        return answer

    def own_id(self, message: Message) -> str | None:
        return None

    def probe(self, instance: str) -> Connection | None:
        raise NotImplementedError

    def verify(self, headers: Mapping[str, str], body: bytes, *, path: str) -> bool:
        raise NotImplementedError

    def session_of(self, instance: str) -> str | None:
        raise NotImplementedError

    def trusts(self, other: Gateway) -> bool:
        raise NotImplementedError

    def challenge(self, query: Mapping[str, str]) -> str | None:
        raise NotImplementedError

    def read(self, payload: Mapping[str, object]) -> News:
        raise NotImplementedError


def send_once(store: Store, gateway: Told, *, quick_left: int = 0, sending: Sending | None = None) -> str:
    """Plan one contact of the lane and send it."""
    store.workers.beat("broadcast", "w1")
    (departure,) = planning.plan_lane(store, "i1", horizon=Horizon(ms=5000, contacts=1)).departures
    return send_again(store, gateway, departure.campaign, departure.number, quick_left=quick_left, sending=sending)


def send_again(
    store: Store, gateway: Told, campaign: str, number: int, *, quick_left: int = 0, sending: Sending | None = None
) -> str:
    batch = store.scripts.client.hget(f"bcast:contact:{campaign}:{number}", "batch")
    engine = sending or Sending(store, lambda _: gateway, Policy(max_attempts=3, timeout_s=5))
    ticket = Ticket(instance="i1", campaign=campaign, number=number, batch=str(batch), run=f"r{len(gateway.answers)}")
    return engine.send(ticket, quick_left=quick_left)


def count(store: Store, status: Status) -> int:
    return telling.progress(store, "c1").counts[status]


def test_an_accepted_message_is_recorded_with_its_id(store: Store) -> None:
    accepting.accept(store, an_order(contacts=1, text="Oi"), country="BR")
    gateway = Told([Accepted("m1")])

    assert send_once(store, gateway) == "sent"
    assert (gateway.sent[0].text, gateway.sent[0].reference) == ("Oi", "c1:0")
    assert store.scripts.client.get("bcast:message:i1/m1") == "c1:0"


def test_a_short_fault_stays_with_the_batch_and_works_the_next_time(store: Store) -> None:
    accepting.accept(store, an_order(contacts=1), country="BR")
    gateway = Told([Busy("not_now"), Accepted("m1")])

    with pytest.raises(NotNow):
        send_once(store, gateway, quick_left=1)
    assert count(store, Status.BOOKED) == 1
    assert send_again(store, gateway, "c1", 0) == "sent"


def test_a_connection_that_never_opened_costs_no_attempt_and_no_departure(store: Store) -> None:
    accepting.accept(store, an_order(contacts=1), country="BR")
    unreached = Busy("gateway_unreachable", reached=False)
    gateway = Told([lambda: unreached, lambda: unreached])

    with pytest.raises(NotNow):
        send_once(store, gateway, quick_left=1)
    assert count(store, Status.BOOKED) == 1
    assert send_again(store, gateway, "c1", 0) == "pending"
    contact = store.scripts.client.hgetall("bcast:contact:c1:0")
    assert (contact["status"], contact.get("attempts"), contact["reason"]) == ("pending", None, "gateway_unreachable")
    assert telling.progress(store, "c1").last_error == "gateway_unreachable"
    assert inspecting.lane(store, "i1").rest_until_ms is not None


def test_who_is_refused_before_the_fence_is_skipped_and_holds_nothing_up(store: Store) -> None:
    accepting.accept(store, an_order(contacts=1), country="BR")

    assert send_once(store, Told([lambda: Refused("not_on_whatsapp")])) == "skipped"
    contact = store.scripts.client.hgetall("bcast:contact:c1:0")
    assert (contact["status"], contact.get("attempts"), contact["reason"]) == ("skipped", None, "not_on_whatsapp")
    assert store.scripts.client.zcard("bcast:booked:i1") == 0
    assert store.campaigns.finish("c1")


def test_who_was_accepted_unmeasured_is_skipped_where_the_filled_text_is_too_long(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = [Recipient(phone=phone, name="n" * 256) for phone in phones(1)]
    with monkeypatch.context() as before:
        before.setattr(content, "MOST_TEXT", 10_000)
        accepting.accept(store, an_order(recipients=people, text="{{name}}" * 17), country="BR")

    gateway = Told([Accepted("m1")])
    assert send_once(store, gateway) == "skipped"
    assert gateway.sent == []
    contact = store.scripts.client.hgetall("bcast:contact:c1:0")
    assert (contact["reason"], contact["detail"]) == ("too_long", "4352/4096")
    assert store.campaigns.finish("c1")


def test_who_is_refused_before_the_fence_after_a_short_wait_holds_nothing_up_either(store: Store) -> None:
    accepting.accept(store, an_order(contacts=1), country="BR")
    gateway = Told([lambda: Busy("number_check_failed"), lambda: Refused("not_on_whatsapp")])

    with pytest.raises(NotNow):
        send_once(store, gateway, quick_left=1)
    assert send_again(store, gateway, "c1", 0) == "skipped"
    assert store.scripts.client.zcard("bcast:booked:i1") + store.scripts.client.zcard("bcast:sending:i1") == 0


def test_what_may_have_been_sent_is_unconfirmed_and_ends_the_campaign(store: Store) -> None:
    accepting.accept(store, an_order(contacts=1), country="BR")

    assert send_once(store, Told([Unknown("gateway_timeout")]), quick_left=2) == "unconfirmed"
    assert store.campaigns.finish("c1")


def test_an_id_used_anew_in_an_emptied_redis_brings_no_old_text(store: Store) -> None:
    gateway = Told([Accepted("m1"), Accepted("m2")])
    engine = Sending(store, lambda _: gateway, Policy(max_attempts=3, timeout_s=5))
    for text in ("antes", "depois"):
        store.scripts.client.flushdb()
        accepting.accept(store, an_order(contacts=1, text=text), country="BR")
        send_once(store, gateway, sending=engine)

    assert [message.text for message in gateway.sent] == ["antes", "depois"]


def test_each_contact_keeps_its_own_wording_from_try_to_try_and_an_echo_finds_it(store: Store) -> None:
    text = "[[Oi|Olá|Bom dia]] [[1|2|3|4|5]]"
    accepting.accept(store, an_order(contacts=4, text=text), country="BR")
    gateway = Told([*[Unknown("gateway_timeout")] * 4, Accepted("m1")])
    for _ in range(4):
        send_once(store, gateway)
    first = [message.text for message in gateway.sent]
    assert first == [render(text, {}, variant=f"c1:{number}") for number in range(4)]
    assert len(set(first)) > 1

    echoes = [Echo(message_id=f"e{place}", phone=phones(4)[place], text=first[place]) for place in range(4)]
    assert settling.adopt(store, "i1", echoes[2], lease_ms=9000)
    assert not settling.adopt(store, "i1", dataclasses.replace(echoes[1], text=first[2]), lease_ms=9000)
    steering.retry(store, "c1", Scope.UNCONFIRMED)
    send_once(store, gateway)
    assert gateway.sent[-1].text == first[0]


def test_a_redis_that_goes_away_after_the_write_does_not_lose_the_answer(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepting.accept(store, an_order(contacts=1), country="BR")

    @dataclass
    class Late(Told):
        """Tells that its request left a second late."""

        def send(self, message: Message, *, departure: Departure) -> Answer:
            answer = super().send(message, departure=departure)
            departure.left(time.monotonic() + 1)
            return answer

    def away(*_: object, **__: object) -> bool:
        raise Unavailable("away")

    monkeypatch.setattr(store.contacts, "slip", away)
    assert send_once(store, Late([Accepted("m1")])) == "sent"


def test_an_answer_that_redis_cannot_take_yet_is_recorded_when_it_can(store: Store) -> None:
    accepting.accept(store, an_order(contacts=1), country="BR")
    slept: list[float] = []

    def fill() -> Answer:
        store.scripts.client.config_set("maxmemory", "1")
        return Accepted("m0")

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) > 2:
            store.scripts.client.config_set("maxmemory", "0")

    gateway = Told([])
    sending = Sending(store, lambda _: gateway, Policy(max_attempts=3, timeout_s=5), sleep=sleep)

    def leave_and_fill(message: Message, *, departure: Departure) -> Answer:
        departure.wait()
        return fill()

    gateway.send = leave_and_fill  # type: ignore[method-assign]  # the answer comes, and Redis is full
    try:
        assert send_once(store, gateway, sending=sending) == "sent"
    finally:
        store.scripts.client.config_set("maxmemory", "0")
    assert count(store, Status.SENT) == 1


def test_a_gateway_that_is_not_there_slows_its_lane_down_and_one_lost_message_does_not(store: Store) -> None:
    accepting.accept(store, an_order(contacts=20, gap_ms=10), country="BR")
    gateway = Told([*[Unknown("unknown_answer")] * 4, Accepted("m4"), *[Unknown("unknown_answer")] * 5])
    store.workers.beat("broadcast", "w1")
    engine = Sending(store, lambda _: gateway, Policy(max_attempts=3, timeout_s=5))
    due = iter(tickets(fan_out(store)))
    factors = []
    for ticket, _ in zip(due, range(10), strict=False):
        engine.send(ticket, quick_left=0)
        factors.append(store.lanes.slowness("i1")[0])
    assert factors == [*[1.0] * 9, 2.0]


@pytest.mark.parametrize("is_forgotten", [False, True])
@pytest.mark.parametrize(
    ("answer", "status", "state"),
    [
        (Accepted("m0"), Status.SENT, State.COMPLETED),
        (Refused("rejected", "no"), Status.FAILED, State.COMPLETED),
        (Busy("too_many_requests", after_s=60), Status.PENDING, State.RUNNING),
        (Busy("gateway_error"), Status.PENDING, State.RUNNING),  # which the batch would try again at once
    ],
    ids=lambda value: getattr(value, "reason", type(value).__name__),
)
def test_an_answer_that_redis_can_take_only_after_the_lease_still_counts(
    store: Store, answer: Answer, status: Status, state: State, *, is_forgotten: bool
) -> None:
    accepting.accept(store, an_order(contacts=1), country="BR")
    passed = [0.0]

    def sleep(_: float) -> None:
        if store.scripts.client.config_get("maxmemory")["maxmemory"] == "0":
            return
        passed[0] += 60
        if passed[0] > 180:  # Redis has room again, and upkeep is there first
            store.scripts.client.config_set("maxmemory", "0")
            store.scripts.client.zadd(key("sending", "i1"), {"c1:0": 0})
            assert store.lanes.mend("i1", grace_ms=3000, most_attempts=5) == (0, 1)
            assert count(store, Status.UNCONFIRMED) == 1
            assert store.campaigns.finish("c1")
            if is_forgotten:
                store.scripts.client.hset(key("contact", "c1", 0), mapping={"phone": "5511*******00", "forgotten": 1})

    gateway = Told([])
    policy = Policy(max_attempts=3, timeout_s=5)
    sending = Sending(store, lambda _: gateway, policy, clock=lambda: time.monotonic() + passed[0], sleep=sleep)

    def leave_and_fill(message: Message, *, departure: Departure) -> Answer:
        departure.wait()
        store.scripts.client.config_set("maxmemory", "1")
        return answer

    gateway.send = leave_and_fill  # type: ignore[method-assign]  # the answer comes, and Redis is full
    try:
        with suppress(NotNow):
            send_once(store, gateway, sending=sending, quick_left=2)
    finally:
        store.scripts.client.config_set("maxmemory", "0")
    is_left = is_forgotten and status is Status.PENDING  # nobody sends to them again
    assert count(store, Status.UNCONFIRMED if is_left else status) == 1
    state = State.COMPLETED if is_left else state
    assert telling.progress(store, "c1").state is state
    assert (store.scripts.client.zscore(key("ready", "i1"), "c1") is not None) == (state is State.RUNNING)


def test_the_smallest_gap_there_is_never_asks_to_wait_for_less_than_nothing(store: Store) -> None:
    accepting.accept(store, an_order(contacts=40, gap_ms=10), country="BR")
    store.workers.beat("broadcast", "w1")
    trust(store)
    due = planning.plan_lane(store, "i1", horizon=Horizon(ms=5000, contacts=40))
    gateway = Told([Accepted(f"m{number}") for number in range(40)])
    tickets = [
        Ticket(instance="i1", campaign=one.campaign, number=one.number, batch=due.id, run=f"r{one.number}")
        for one in due.departures
    ]
    sending = Sending(store, lambda _: gateway, Policy(max_attempts=3, timeout_s=5))
    assert [sending.send(ticket, quick_left=0) for ticket in tickets] == ["sent"] * 40


def test_of_a_crowd_that_waits_in_one_process_the_first_alone_asks_the_fence(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepting.accept(store, an_order(contacts=12, gap_ms=60), country="BR")
    store.workers.beat("broadcast", "w1")
    batch = fan_out(store)
    waiting, most, leave = set[int](), [0], store.contacts.leave

    def watched(ticket: Ticket, **options: Any) -> Leave:
        waiting.add(ticket.number)
        most[0] = max(most[0], len(waiting))
        found = leave(ticket, **options)
        if not isinstance(found, Wait):
            waiting.discard(ticket.number)
        return found

    monkeypatch.setattr(store.contacts, "leave", watched)
    sending = Sending(store, lambda _: Told([Accepted(uuid.uuid4().hex)]), Policy(max_attempts=3, timeout_s=5))
    with ThreadPoolExecutor(12) as pool:
        words = list(pool.map(lambda ticket: sending.send(ticket, quick_left=0), tickets(batch)))

    assert words == ["sent"] * 12
    assert most == [1]
