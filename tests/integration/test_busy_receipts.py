"""Receipts by which a gateway says that it is busy, or that a person has had enough: no failure without a reason."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from broadcast.domain.answer import Answer, Closed, Unknown
from broadcast.domain.campaign import Move, OnUnknown, Scope, State
from broadcast.domain.contact import Status
from broadcast.domain.phone import identity
from broadcast.domain.receipt import Receipt
from broadcast.engine import accepting, inspecting, settling, steering, telling
from broadcast.engine.outcomes import outcome_of
from broadcast.gateways.meta import MEANINGS
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Back, Go, Leave, Outcome, Ticket, Wait
from tests.builders import an_order, phones
from tests.lanes import ask, fan_out, tickets

DAY_MS = 86_400_000


@pytest.fixture
def lane(store: Store) -> Store:
    store.workers.beat("broadcast", "w1")
    store.workers.beat("control", "w1")
    return store


def leave(store: Store, ticket: Ticket) -> None:
    while not isinstance(ask(store, ticket, ahead_ms=5000), Go):
        pass


def sent(store: Store, *, contacts: int) -> None:
    """A campaign whose messages have all been taken, under the ids m0, m1 …"""
    accepting.accept(store, an_order(contacts=contacts, gap_ms=10), country="BR")
    for ticket in tickets(fan_out(store)):
        leave(store, ticket)
        store.contacts.record(ticket, Outcome(status=Status.SENT, message_id=f"m{ticket.number}"))


def failed(number: int, code: int) -> Receipt:
    """As the Cloud API's webhook reads a code of Meta's."""
    means = MEANINGS[code]
    return Receipt(message_id=f"m{number}", status=Status.FAILED, reason=means.reason, means=means)  # type: ignore[arg-type]  # Meaning is a part of Answer


@pytest.mark.parametrize("code", [1, 2, 131000, 131016, 133004])
def test_a_gateway_that_says_that_it_is_busy_restricts_nobody(lane: Store, code: int) -> None:
    sent(lane, contacts=4)
    settling.settle(lane, "i1", [failed(number, code) for number in range(4)], max_attempts=3)
    view = inspecting.lane(lane, "i1")
    assert (view.state, view.error_share) == ("open", 0.0)
    assert view.slow_down > 1.9
    assert telling.progress(lane, "c1").counts[Status.PENDING] == 4


def test_one_that_says_so_before_its_answer_comes_restricts_nobody_either(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=3, gap_ms=10), country="BR")
    for ticket in tickets(fan_out(lane)):
        leave(lane, ticket)
        settling.settle(lane, "i1", [failed(ticket.number, 131016)], max_attempts=3)
        word = lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id=f"m{ticket.number}"))
        assert word != "failed"
    assert inspecting.lane(lane, "i1").error_share == 0.0


def due_in_a_day(store: Store) -> bool:
    due_ms = store.scripts.client.zscore(key("later", "c1"), "0")
    return due_ms is not None and abs(due_ms - (time.time() * 1000 + DAY_MS)) < 60_000


@pytest.mark.parametrize("max_attempts", [1, 5])
def test_who_has_had_enough_is_sent_to_once_more_a_day_later_by_receipt_as_by_answer(
    lane: Store, max_attempts: int
) -> None:
    sent(lane, contacts=1)
    settling.settle(lane, "i1", [failed(0, 131049)], max_attempts=max_attempts)
    assert telling.progress(lane, "c1").counts[Status.PENDING] == 1
    answered = outcome_of(MEANINGS[131049], attempt=1, max_attempts=max_attempts, quick_left=0)  # type: ignore[arg-type]  # Meaning is a part of Answer
    assert (answered.status, answered.due_ms) == (Status.PENDING, DAY_MS)
    assert due_in_a_day(lane)

    lane.scripts.client.zadd(key("later", "c1"), {"0": 0})  # the day is over
    lane.scripts.client.delete(*lane.scripts.client.keys("bcast:capped:*"))
    (ticket,) = tickets(fan_out(lane))
    leave(lane, ticket)
    lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id="m0-again"))
    again = replace(failed(0, 131049), message_id="m0-again")
    settling.settle(lane, "i1", [again], max_attempts=max_attempts)
    assert telling.progress(lane, "c1").counts[Status.FAILED] == 1

    # Nobody hurries them, though Meta's tries are used up.
    assert steering.retry(lane, "c1", Scope.FAILED).queued == 1
    assert due_in_a_day(lane)
    assert fan_out(lane).departures == []


@pytest.mark.parametrize("attempt", [1, 2, 3, 8])
def test_a_pair_that_gets_too_many_waits_longer_with_each_attempt_by_receipt_as_by_answer(
    lane: Store, attempt: int
) -> None:
    sent(lane, contacts=1)
    lane.scripts.client.hset(key("contact", "c1", 0), "attempts", attempt)
    settling.settle(lane, "i1", [failed(0, 131056)], max_attempts=9)
    answered = outcome_of(MEANINGS[131056], attempt=attempt, max_attempts=9, quick_left=0)  # type: ignore[arg-type]  # Meaning is a part of Answer
    due_ms = lane.scripts.client.zscore(key("later", "c1"), "0")
    assert due_ms == pytest.approx(time.time() * 1000 + (answered.due_ms or 0), abs=2000)


def asked(store: Store, ticket: Ticket, phone: str) -> Leave:
    """What the fence says in the end of a contact who is this person."""
    while isinstance(leave := ask(store, ticket, identity=identity(phone), ahead_ms=5000), Wait):
        pass
    return leave


def capped_by_receipt(store: Store, ticket: Ticket, phone: str) -> None:
    message_id = f"m-{ticket.campaign}"
    store.contacts.record(ticket, Outcome(status=Status.SENT, message_id=message_id))
    settling.settle(store, "i1", [replace(failed(0, 131049), message_id=message_id)], max_attempts=5)


def capped_by_answer(store: Store, ticket: Ticket, phone: str) -> None:
    busy = MEANINGS[131049]
    outcome = outcome_of(busy, attempt=1, max_attempts=5, quick_left=0)  # type: ignore[arg-type]  # Meaning is a part of Answer
    store.contacts.record(ticket, outcome, identity=identity(phone))


@pytest.mark.parametrize("capped", [capped_by_receipt, capped_by_answer])
def test_who_has_had_enough_is_left_alone_by_every_campaign_that_met_such_a_one(
    lane: Store, capped: Callable[[Store, Ticket, str], None]
) -> None:
    first, second, third = phones(3)
    accepting.accept(lane, an_order(contacts=[first, third], gap_ms=10), country="BR")
    for ticket, phone in zip(tickets(fan_out(lane)), (first, third), strict=True):
        assert isinstance(asked(lane, ticket, phone), Go)
        if phone == first:
            capped(lane, ticket, phone)
        else:
            lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id="told"))
    # The same person, whose number is written without its ninth digit here.
    again = first[:4] + first[5:]
    accepting.accept(lane, an_order(campaign="c2", contacts=[second, again, third], gap_ms=10), country="BR")
    met, held, free = tickets(fan_out(lane))
    assert isinstance(asked(lane, met, second), Go)
    capped(lane, met, second)

    assert asked(lane, held, again) == Back("marketing_capped")
    waiting = telling.contacts(lane, "c2", status=Status.PENDING, limit=5, cursor=None).items[1]
    assert (waiting.number, waiting.reason, waiting.attempts) == (1, "marketing_capped", 0)
    due_ms = lane.scripts.client.zscore(key("later", "c2"), "1")
    assert abs(due_ms - (time.time() * 1000 + DAY_MS)) < 60_000
    assert isinstance(asked(lane, free, third), Go)
    # Utility, of which Meta counts nothing.
    accepting.accept(lane, an_order(campaign="c3", contacts=[first], gap_ms=10), country="BR")
    (other,) = tickets(fan_out(lane))
    assert isinstance(asked(lane, other, first), Go)
    assert not any(first[-8:] in name for name in lane.scripts.client.keys("bcast:capped:*"))


def test_a_cap_that_is_told_of_a_cancelled_campaign_holds_for_the_others(lane: Store) -> None:
    sent(lane, contacts=2)
    steering.steer(lane, "c1", Move.CANCEL)
    settling.settle(lane, "i1", [failed(0, 131049)], max_attempts=5)
    assert telling.progress(lane, "c1").counts[Status.FAILED] == 1
    assert len(lane.scripts.client.keys("bcast:capped:*")) == 1


@pytest.mark.parametrize("answer", [Unknown("gateway_timeout"), Closed("unauthorized")], ids=lambda one: one.reason)
def test_whom_a_receipt_told_as_failed_no_late_answer_puts_back(lane: Store, answer: Answer) -> None:
    accepting.accept(lane, an_order(contacts=1, gap_ms=10), country="BR")
    (ticket,) = tickets(fan_out(lane))
    leave(lane, ticket)
    created = lane.scripts.client.hget(key("campaign", "c1"), "created_ms")
    told = replace(failed(0, 131026), message_id="wamid.1", reference=f"c1:0/{created}.0")
    assert settling.settle(lane, "i1", [told]) == 1
    assert lane.campaigns.finish("c1")
    late = outcome_of(answer, attempt=1, max_attempts=5, quick_left=0, on_unknown=OnUnknown.RESEND)
    assert late.status is Status.PENDING
    lane.contacts.record(ticket, late)
    seen = telling.progress(lane, "c1")
    assert (seen.state, seen.counts[Status.FAILED], seen.counts[Status.PENDING]) == (State.COMPLETED, 1, 0)
