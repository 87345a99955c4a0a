"""Receipts only move forward, and the tally tells the truth at every instant."""

from __future__ import annotations

import itertools
import random
from collections import Counter

import pytest

from broadcast.domain.answer import Busy
from broadcast.domain.campaign import Scope
from broadcast.domain.contact import Status
from broadcast.domain.receipt import Receipt
from broadcast.engine import accepting, planning, settling, steering, telling
from broadcast.engine.planning import Horizon
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Outcome, Ticket
from tests.builders import an_order
from tests.lanes import ask, send_all

ORDERS = list(itertools.permutations([Status.SENT, Status.DELIVERED, Status.READ]))


def scan(store: Store, campaign: str = "c1") -> Counter[str]:
    """The truth: every contact's own status."""
    client = store.scripts.client
    names = client.keys(key("contact", campaign, "*"))
    return Counter(client.hget(name, "status") for name in names)


def tally(store: Store, campaign: str = "c1") -> Counter[str]:
    counts = telling.progress(store, campaign).counts
    return Counter({status.value: count for status, count in counts.items() if count})


@pytest.mark.parametrize("order", ORDERS)
def test_every_order_twice_over_ends_in_read(store: Store, order: tuple[Status, ...]) -> None:
    send_all(store, 1)
    for status in [*order, *order]:
        settling.settle(store, "i1", [Receipt(message_id="m0", status=status)])

    assert scan(store) == tally(store) == Counter(read=1)


def test_shuffled_receipts_leave_tally_and_truth_equal(store: Store) -> None:
    send_all(store, 200)
    words = [Status.SENT, Status.DELIVERED, Status.READ, Status.FAILED]
    receipts = [Receipt(message_id=f"m{number}", status=word) for number in range(200) for word in words] * 2
    random.Random(11).shuffle(receipts)
    for receipt in receipts:
        settling.settle(store, "i1", [receipt])

    assert scan(store) == tally(store) == Counter(read=200)


def test_a_receipt_that_beats_the_answer_is_parked_and_applied(store: Store) -> None:
    store.workers.beat("broadcast", "w1")
    accepting.accept(store, an_order(contacts=1), country="BR")
    batch = planning.plan_lane(store, "i1", horizon=Horizon(ms=5000, contacts=10))
    ticket = Ticket(instance="i1", campaign="c1", number=0, batch=batch.id, run="r")
    ask(store, ticket, ahead_ms=5000)
    assert settling.settle(store, "i1", [Receipt(message_id="m0", status=Status.DELIVERED)]) == 0

    assert store.contacts.record(ticket, Outcome(status=Status.SENT, message_id="m0")) == "moved"

    assert scan(store) == tally(store) == Counter(delivered=1)


def test_a_delivery_wins_over_an_earlier_failure_and_not_the_other_way(store: Store) -> None:
    send_all(store, 2)
    failed = [Receipt(message_id=f"m{number}", status=Status.FAILED, reason="gateway_error") for number in (0, 1)]
    delivered = [Receipt(message_id=f"m{number}", status=Status.DELIVERED) for number in (0, 1)]
    settling.settle(store, "i1", [failed[0], delivered[0], delivered[1], failed[1]])

    assert tally(store) == Counter(delivered=2)


#: A failure after which the contact is tried again, but not today.
CAPPED = Busy("marketing_capped", contact_only=True, after_s=86_400, most_attempts=2)


def failed(message_id: str, reference: str | None = None) -> Receipt:
    return Receipt(message_id=message_id, status=Status.FAILED, reason=CAPPED.reason, means=CAPPED, reference=reference)


def test_a_failure_that_beats_the_answer_is_not_forgotten_for_it(store: Store) -> None:
    store.workers.beat("broadcast", "w1")
    accepting.accept(store, an_order(contacts=1), country="BR")
    batch = planning.plan_lane(store, "i1", horizon=Horizon(ms=5000, contacts=10))
    ticket = Ticket(instance="i1", campaign="c1", number=0, batch=batch.id, run="r")
    ask(store, ticket, ahead_ms=5000)
    settling.settle(store, "i1", [failed("m0", reference="c1:0")], max_attempts=3)
    assert tally(store) == Counter(pending=1)

    store.contacts.record(ticket, Outcome(status=Status.SENT, message_id="m0"))

    assert scan(store) == tally(store) == Counter(pending=1)
    settling.settle(store, "i1", [Receipt(message_id="m0", status=Status.DELIVERED)])
    assert scan(store) == tally(store) == Counter(delivered=1)  # so it arrived after all


@pytest.mark.parametrize("again", ["by itself", "by a person"])
def test_that_a_failed_message_was_sent_is_no_news(store: Store, again: str) -> None:
    send_all(store, 1)
    sent = Receipt(message_id="m0", status=Status.SENT)
    if again == "by itself":
        settling.settle(store, "i1", [sent, failed("m0")], max_attempts=3)
    else:
        settling.settle(store, "i1", [sent, Receipt(message_id="m0", status=Status.FAILED, reason="rejected")])
        steering.retry(store, "c1", Scope.FAILED)
    assert tally(store) == Counter(pending=1)

    assert settling.settle(store, "i1", [sent, failed("m0"), sent]) == 0

    assert scan(store) == tally(store) == Counter(pending=1)


def test_a_receipt_of_another_instance_changes_nothing(store: Store) -> None:
    send_all(store, 1)

    assert settling.settle(store, "i2", [Receipt(message_id="m0", status=Status.READ)]) == 0
    assert tally(store) == Counter(sent=1)
