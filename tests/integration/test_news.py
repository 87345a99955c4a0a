"""What the gateways' news say of more than one contact is acted on: once, however often it is told, and not never."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import redis

from broadcast.domain.answer import Answer, Busy, Closed, Refused
from broadcast.domain.answer import Scope as Shuts
from broadcast.domain.campaign import Move, Scope, State
from broadcast.domain.contact import Status
from broadcast.domain.phone import identity
from broadcast.domain.receipt import Receipt
from broadcast.engine import accepting, inspecting, settling, steering, telling
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.scripts import sources
from broadcast.store.tickets import Go, Outcome, Ticket
from tests.builders import an_order, phones
from tests.lanes import ask, fan_out, have_left, tickets

RESTRICTED = Closed("restricted", "131048: spam")
PAUSED = Closed("template_paused", "132015: paused", scope=Shuts.CAMPAIGN)
OPTED_OUT = Refused("opted_out", "131050: stopped", opts_out=True)
THROTTLED = Busy("too_many_requests", "130429: rate", after_s=60)
CAPPED = Busy("marketing_capped", "131049: capped", after_s=86_400, contact_only=True, most_attempts=2)


def failed(number: int, means: Closed | Refused | Busy) -> Receipt:
    return Receipt(
        message_id=f"m{number}",
        status=Status.FAILED,
        reason=means.reason,
        detail=means.detail,
        reference=f"c1:{number}",
        means=means,
    )


def sent(store: Store, count: int) -> None:
    """A running campaign whose first `count` messages were taken and one is still to be sent."""
    accepting.accept(store, an_order(contacts=count + 1), country="BR")
    receipts = [
        Receipt(message_id=f"m{number}", status=Status.SENT, reference=f"c1:{number}") for number in range(count)
    ]
    have_left(store, contacts=count)
    for number in range(count):
        store.scripts.client.hset(key("contact", "c1", number), "attempts", 1)
    assert settling.settle(store, "i1", receipts) == count


@contextmanager
def round_trips(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """How often this thread writes to Redis; nothing is changed by looking."""
    count, ours = [0], threading.get_ident()
    send = redis.connection.Connection.send_packed_command

    def counted(self: Any, *args: Any, **options: Any) -> Any:
        count[0] += threading.get_ident() == ours
        return send(self, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(redis.connection.Connection, "send_packed_command", counted)
        yield count


# Redis may fail between a receipt and what it means: the gateway is told to come again, and does.


def test_a_campaign_is_halted_by_the_receipt_that_comes_again(store: Store) -> None:
    sent(store, 1)
    store.contacts.settle("i1", [failed(0, PAUSED)])  # as far as it came before Redis failed

    settling.settle(store, "i1", [failed(0, PAUSED)])

    assert telling.progress(store, "c1").state is State.PAUSED
    assert telling.progress(store, "c1").hold_detail == "template_paused: 132015: paused"


def test_a_lane_slows_down_and_rests_by_the_receipt_that_comes_again(store: Store) -> None:
    sent(store, 1)
    store.contacts.settle("i1", [failed(0, THROTTLED)])

    settling.settle(store, "i1", [failed(0, THROTTLED)], max_attempts=5)

    view = inspecting.lane(store, "i1")
    assert view.slow_down > 1.9
    assert view.rest_until_ms is not None
    assert telling.progress(store, "c1").counts[Status.PENDING] == 2


def test_a_number_is_found_restricted_by_the_error_that_comes_again(store: Store) -> None:
    sent(store, 3)
    errors = [Receipt(message_id=f"m{number}", status=Status.FAILED, reason="gateway_error") for number in range(3)]
    store.contacts.settle("i1", errors)

    settling.settle(store, "i1", errors[2:])

    assert inspecting.lane(store, "i1").reason == "error_share"


@pytest.mark.parametrize("words", [None, "131048: restricted until Friday"])
def test_a_lane_that_a_receipt_closes_says_in_which_words(store: Store, words: str | None) -> None:
    sent(store, 1)
    means = Closed("restricted", "463: the number may not begin chats")
    receipt = Receipt(message_id="m0", status=Status.FAILED, reason="restricted", detail=words, means=means)

    settling.settle(store, "i1", [receipt])

    assert inspecting.lane(store, "i1").detail == (words or "463: the number may not begin chats")


# A person may have decided otherwise since.


def test_a_restriction_that_is_told_again_does_not_undo_a_persons_resume(store: Store) -> None:
    sent(store, 2)
    settling.settle(store, "i1", [failed(0, RESTRICTED)])
    assert inspecting.lane(store, "i1").state == "restricted"
    steering.open_lane(store, "i1")

    settling.settle(store, "i1", [failed(0, RESTRICTED)] * 2)
    assert inspecting.lane(store, "i1").state == "open"

    settling.settle(store, "i1", [failed(0, RESTRICTED), failed(1, RESTRICTED)])
    assert inspecting.lane(store, "i1").state == "restricted"  # of a message that nobody had heard of


def test_a_halt_that_is_told_again_does_not_undo_a_persons_resume(store: Store) -> None:
    sent(store, 2)
    settling.settle(store, "i1", [failed(0, PAUSED)])
    steering.steer(store, "c1", Move.RESUME)

    settling.settle(store, "i1", [failed(0, PAUSED)])
    assert telling.progress(store, "c1").state is State.RUNNING

    settling.settle(store, "i1", [failed(1, PAUSED)])
    assert telling.progress(store, "c1").state is State.PAUSED


def test_an_opt_out_that_is_told_again_does_not_undo_a_persons_removal(store: Store) -> None:
    sent(store, 1)
    settling.settle(store, "i1", [failed(0, OPTED_OUT)])
    (person,) = map(identity, phones(1))
    assert store.suppressions.remove(person)

    settling.settle(store, "i1", [failed(0, OPTED_OUT)])

    assert not store.suppressions.among([person])


def test_whose_message_is_forgotten_or_nobodys_is_suppressed_by_the_number_that_the_gateway_names(store: Store) -> None:
    sent(store, 2)
    forgotten, unknown = phones(2)
    store.scripts.client.hset(key("contact", "c1", 0), "phone", "5511*******00")
    of_nobody = replace(failed(1, OPTED_OUT), message_id="removed", reference="gone:1", phone=unknown)

    for _ in range(2):
        settling.settle(store, "i1", [replace(failed(0, OPTED_OUT), phone=forgotten), of_nobody])

        people, _ = store.suppressions.page(cursor=0, limit=10)
        assert {one["phone"] for one in people.values()} == {forgotten, unknown}
    # Told again, it does not undo what a person decided since.
    assert store.suppressions.remove(identity(unknown))
    settling.settle(store, "i1", [of_nobody])
    assert not store.suppressions.among([identity(unknown)])


def test_an_opt_out_of_whom_nobody_knows_yet_counts_when_it_is_told_again(store: Store) -> None:
    sent(store, 1)
    early = replace(failed(0, OPTED_OUT), message_id="early", reference=None, phone=None)
    settling.settle(store, "i1", [early])
    assert store.suppressions.page(cursor=0, limit=10)[0] == {}

    store.scripts.client.set(key("message", "i1", "early"), "c1:0")
    settling.settle(store, "i1", [early])
    assert store.suppressions.among([identity(phones(1)[0])])


def test_what_was_acted_on_is_kept_for_as_long_as_receipts_come_again_and_names_nobody(store: Store) -> None:
    sent(store, 1)
    settling.settle(store, "i1", [failed(0, RESTRICTED)])

    client = store.scripts.client
    assert 29 * 86_400 < client.ttl(key("acted", "i1")) <= 30 * 86_400
    (name,) = client.zrange(key("acted", "i1"), 0, -1)
    assert len(name) == 40
    client.zadd(key("acted", "i1"), {name: 1})
    settling.settle(store, "i1", [failed(0, PAUSED)])
    assert client.zrange(key("acted", "i1"), 0, -1) != [name]


# A receipt may come before the answer that names its message.


def on_the_wire(store: Store, *, contacts: int = 3, campaign: str = "c1") -> Ticket:
    """A running campaign with more than one contact, the first of which is on its way."""
    store.workers.beat("broadcast", "w1")
    accepting.accept(store, an_order(campaign, contacts=contacts), country="BR")
    ticket = tickets(fan_out(store))[0]
    while not isinstance(ask(store, ticket, ahead_ms=5000), Go):
        pass
    return ticket


def early(means: Answer = PAUSED) -> Receipt:
    """A failure that nobody can say whose it is, from a gateway that echoes no reference."""
    return replace(failed(0, means), reference=None)  # type: ignore[arg-type]  # a failure that means more


def taken(store: Store, ticket: Ticket) -> str:
    return store.contacts.record(ticket, Outcome(status=Status.SENT, message_id="m0"))


def test_a_campaign_is_halted_by_a_receipt_that_came_before_the_answer_to_its_send(store: Store) -> None:
    ticket = on_the_wire(store)
    settling.settle(store, "i1", [early()] * 2)
    assert telling.progress(store, "c1").state is State.RUNNING  # nobody knows whose it is

    assert taken(store, ticket) == "halted"

    progress = telling.progress(store, "c1")
    assert (progress.state, progress.hold_detail) == (State.PAUSED, "template_paused: 132015: paused")
    assert (progress.counts[Status.FAILED], progress.counts[Status.PENDING]) == (1, 2)
    assert store.scripts.client.zcard(key("booked", "i1")) == 0  # what was booked went back
    assert fan_out(store).departures == []


def test_it_is_halted_once_however_often_and_whenever_that_is_told(store: Store) -> None:
    ticket = on_the_wire(store)
    settling.settle(store, "i1", [early()])
    taken(store, ticket)
    steering.steer(store, "c1", Move.RESUME)

    assert taken(store, ticket) != "halted"  # the worker's record, told twice
    settling.settle(store, "i1", [early(), failed(0, PAUSED)])
    assert telling.progress(store, "c1").state is State.RUNNING


def test_what_halted_a_campaign_before_does_not_when_it_is_found_parked(store: Store) -> None:
    ticket = on_the_wire(store)
    settling.settle(store, "i1", [early(), failed(0, PAUSED)])  # the second says whose it is
    assert telling.progress(store, "c1").state is State.PAUSED
    steering.steer(store, "c1", Move.RESUME)

    assert taken(store, ticket) != "halted"
    assert telling.progress(store, "c1").state is State.RUNNING


def test_an_answer_that_comes_late_and_an_echo_find_it_too(store: Store) -> None:
    for campaign in ("c1", "c2"):
        store.scripts.client.flushdb()
        ticket = on_the_wire(store, campaign=campaign)
        settling.settle(store, "i1", [early()])
        store.scripts.client.zadd(key("sending", "i1"), {f"{campaign}:0": 1})
        store.lanes.mend("i1", grace_ms=60_000, most_attempts=3)  # the worker was given up
        if campaign == "c1":
            assert taken(store, ticket) == "halted"
        else:
            (doubt,) = store.contacts.doubts("i1", "m0", since_ms=3_600_000)
            assert store.contacts.adopt("i1", doubt, "m0")
        assert telling.progress(store, campaign).state is State.PAUSED


def test_the_answer_of_a_worker_that_lost_its_contact_to_another_finds_it_too(store: Store) -> None:
    lost = on_the_wire(store, contacts=1)
    settling.settle(store, "i1", [early()])
    store.scripts.client.zadd(key("sending", "i1"), {"c1:0": 1})
    store.lanes.mend("i1", grace_ms=60_000, most_attempts=3)
    steering.retry(store, "c1", Scope.UNCONFIRMED)
    (again,) = tickets(fan_out(store), run="again")
    while not isinstance(ask(store, again, ahead_ms=5000), Go):
        pass

    assert taken(store, lost) == "halted"
    progress = telling.progress(store, "c1")
    assert (progress.state, progress.counts[Status.SENDING]) == (State.PAUSED, 1)


def test_the_last_contact_of_a_campaign_that_it_halts_ends_it(store: Store) -> None:
    ticket = on_the_wire(store, contacts=1)
    settling.settle(store, "i1", [early()])
    taken(store, ticket)
    assert telling.progress(store, "c1").state is State.COMPLETED


@pytest.mark.parametrize("means", [THROTTLED, RESTRICTED, None])
def test_other_early_failures_halt_no_campaign(store: Store, means: Answer | None) -> None:
    ticket = on_the_wire(store)
    receipt = early(means) if means else Receipt(message_id="m0", status=Status.FAILED, reason="gateway_error")
    assert not receipt.halts
    settling.settle(store, "i1", [receipt])
    assert taken(store, ticket) == ("moved" if means else "failed")
    assert telling.progress(store, "c1").state is State.RUNNING


def test_a_receipt_that_an_earlier_version_parked_is_applied(store: Store) -> None:
    ticket = on_the_wire(store)
    parked = json.dumps(["failed", "sent", "rejected", "", ""])
    store.scripts.client.rpush(key("parked", "i1", "m0"), parked)
    assert taken(store, ticket) == "moved"
    assert telling.progress(store, "c1").counts[Status.FAILED] == 1


# Meta puts up to a thousand into one call.


@pytest.mark.parametrize("means", [RESTRICTED, PAUSED, OPTED_OUT, THROTTLED, CAPPED], ids=lambda means: means.reason)
def test_a_thousand_failures_of_one_meaning_are_a_few_round_trips(
    store: Store, monkeypatch: pytest.MonkeyPatch, means: Answer
) -> None:
    sent(store, 1000)
    receipts = [failed(number, means) for number in range(1000)]
    for source in sources().values():  # Redis learns each script once in its life, whichever test comes first
        store.scripts.client.script_load(source)

    with round_trips(monkeypatch) as first:
        assert settling.settle(store, "i1", receipts, max_attempts=5) == 1000
    with round_trips(monkeypatch) as again:
        settling.settle(store, "i1", receipts, max_attempts=5)

    print(f"round trips: {means.reason} {first[0]}, told again {again[0]}")  # noqa: T201 - a figure
    assert first[0] <= 12
    assert again[0] <= 2
    counts = telling.progress(store, "c1").counts
    assert counts[Status.PENDING if isinstance(means, Busy) else Status.FAILED] >= 1000
