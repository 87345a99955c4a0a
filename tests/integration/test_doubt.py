"""What nobody knows the end of: counted, listed, resolved by later news, and sent again only where somebody says so."""

from __future__ import annotations

import itertools
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from broadcast.domain.answer import Busy
from broadcast.domain.campaign import Move, OnUnknown, Scope, State
from broadcast.domain.contact import Status
from broadcast.domain.content import Content, Kind
from broadcast.domain.receipt import Echo, Receipt
from broadcast.engine import accepting, settling, steering, telling
from broadcast.errors import Conflict, Invalid, NotFound
from broadcast.gateways.evolution import Evolution
from broadcast.gateways.waha import Waha
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Go, Gone, Outcome, Ticket
from tests.builders import an_order, phones
from tests.lanes import HORIZON, ask, fan_out, tickets
from tests.processes import wait_for

LEASE_MS = 40_000


@pytest.fixture
def lane(store: Store) -> Store:
    store.workers.beat("broadcast", "w1")
    store.workers.beat("control", "w1")
    return store


def count(store: Store, status: Status, campaign: str = "c1") -> int:
    return telling.progress(store, campaign).counts[status]


def leave(store: Store, ticket: Ticket, *, lease_ms: int = 5000) -> None:
    while not isinstance(found := ask(store, ticket, ahead_ms=5000, lease_ms=lease_ms), Go):
        assert not isinstance(found, Gone)


def lose(store: Store, *, contacts: int = 1, **order: object) -> list[Ticket]:
    """A campaign whose contacts all passed the fence, and whose worker was never heard of again."""
    accepting.accept(store, an_order(contacts=contacts, **order), country="BR")
    held = tickets(fan_out(store))
    for ticket in held:
        leave(store, ticket, lease_ms=1)
    time.sleep(0.02 * contacts + 0.05)
    store.lanes.mend("i1", grace_ms=60_000, most_attempts=3)
    return held


def fail(store: Store, *, contacts: int = 1) -> None:
    accepting.accept(store, an_order(contacts=contacts), country="BR")
    for ticket in tickets(fan_out(store)):
        leave(store, ticket)
        store.contacts.record(ticket, Outcome(status=Status.FAILED, reason="rejected", detail="no"))


def test_the_lost_are_listed_with_what_is_known(lane: Store) -> None:
    lose(lane, contacts=2)

    page = telling.contacts(lane, "c1", status=Status.UNCONFIRMED, limit=10, cursor=None)
    assert [(one.number, one.status, one.reason, one.attempts) for one in page.items] == [
        (0, Status.UNCONFIRMED, "worker_lost", 1),
        (1, Status.UNCONFIRMED, "worker_lost", 1),
    ]
    assert page.next_cursor is None
    assert all(one.departed_ms and one.times[Status.UNCONFIRMED] >= one.departed_ms for one in page.items)


def test_pages_show_every_contact_once_in_order(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=25), country="BR")
    seen, cursor = [], None
    while True:
        page = telling.contacts(lane, "c1", status=None, limit=10, cursor=cursor)
        seen += [one.number for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == list(range(25))


def test_a_page_of_a_rare_status_looks_at_so_many_and_goes_on(lane: Store) -> None:
    people = [*phones(2500), "not a number"]
    accepting.accept(lane, an_order(contacts=people, gap_ms=1000), country="BR")

    first = telling.contacts(lane, "c1", status=Status.SKIPPED, limit=10, cursor=None)
    second = telling.contacts(lane, "c1", status=Status.SKIPPED, limit=10, cursor=first.next_cursor)

    assert (list(first.items), first.next_cursor) == ([], "1999")
    assert [(one.number, one.reason) for one in second.items] == [(2500, "invalid_phone")]
    assert second.next_cursor is None


@pytest.mark.parametrize("cursor", ["x", "-1", "1.5", "1" * 40, "٣"])
def test_a_cursor_that_is_none_of_ours_is_named(lane: Store, cursor: str) -> None:
    with pytest.raises(Invalid) as raised:
        telling.contacts(lane, "c1", status=None, limit=10, cursor=cursor)
    assert raised.value.errors[0].pointer == "/cursor"


@pytest.mark.parametrize("scope", Scope)
def test_a_retry_sends_again_from_a_campaign_that_was_over(lane: Store, scope: Scope) -> None:
    if scope is Scope.FAILED:
        fail(lane, contacts=3)
    else:
        lose(lane, contacts=3)
    assert lane.campaigns.finish("c1")

    retried = steering.retry(lane, "c1", scope)

    assert (retried.state, retried.queued, retried.left) == (State.RUNNING, 3, 0)
    assert telling.progress(lane, "c1").finished_ms is None
    again = tickets(fan_out(lane), run="again")
    assert [ticket.number for ticket in again] == [0, 1, 2]
    leave(lane, again[0])
    assert telling.contacts(lane, "c1", status=None, limit=1, cursor=None).items[0].attempts == 1


def test_a_retry_told_twice_is_told_once(lane: Store) -> None:
    fail(lane, contacts=2)
    assert steering.retry(lane, "c1", Scope.FAILED).queued == 2
    assert steering.retry(lane, "c1", Scope.FAILED).queued == 0
    assert (count(lane, Status.PENDING), count(lane, Status.FAILED)) == (2, 0)


def test_a_retry_of_a_paused_campaign_waits_for_its_resume(lane: Store) -> None:
    fail(lane, contacts=2)
    accepting.accept(lane, an_order("c2", contacts=1), country="BR")
    steering.steer(lane, "c1", Move.PAUSE)

    assert steering.retry(lane, "c1", Scope.FAILED).state is State.PAUSED
    assert {one.campaign for one in fan_out(lane).departures} == {"c2"}
    steering.steer(lane, "c1", Move.RESUME)
    assert {one.campaign for one in fan_out(lane).departures} == {"c1"}


def test_nothing_of_a_cancelled_campaign_is_sent_again(lane: Store) -> None:
    fail(lane)
    accepting.accept(lane, an_order("c2"), country="BR")
    steering.steer(lane, "c2", Move.CANCEL)
    with pytest.raises(Conflict, match="cancelled"):
        steering.retry(lane, "c2", Scope.FAILED)
    with pytest.raises(NotFound):
        steering.retry(lane, "c3", Scope.FAILED)


def test_who_opted_out_since_is_skipped_by_a_retry(lane: Store) -> None:
    fail(lane)
    lane.suppressions.add({"551190000000": {"source": "test"}})
    steering.retry(lane, "c1", Scope.FAILED)
    (ticket,) = tickets(fan_out(lane), run="again")

    assert ask(lane, ticket, identity="551190000000") == Gone("skipped")
    (one,) = telling.contacts(lane, "c1", status=Status.SKIPPED, limit=1, cursor=None).items
    assert one.reason == "opted_out"
    assert count(lane, Status.BOOKED) == 0


def test_who_opted_out_is_left_out_at_accepting_in_both_brazilian_forms(lane: Store) -> None:
    lane.suppressions.add({"551190000001": {"source": "test"}})
    acceptance = accepting.accept(lane, an_order(contacts=["5511990000001", "5511990000002"]), country="BR")
    assert (acceptance.queued, acceptance.reasons) == (1, {"opted_out": 1})


def test_an_instance_that_is_closed_sends_no_retry(lane: Store) -> None:
    fail(lane)
    steering.closed(lane, "i1", "logged out")
    steering.retry(lane, "c1", Scope.FAILED)
    assert fan_out(lane).departures == []
    assert telling.progress(lane, "c1").hold_reason == "instance_closed"


def test_a_receipt_of_the_first_attempt_spares_the_second(lane: Store) -> None:
    lose(lane)
    lane.scripts.client.set("bcast:message:i1/m1", "c1:0")
    steering.retry(lane, "c1", Scope.UNCONFIRMED)
    (again,) = tickets(fan_out(lane), run="again")
    receipt = Receipt(message_id="m1", status=Status.DELIVERED)

    assert settling.settle(lane, "i1", [receipt]) == 1
    assert ask(lane, again) == Gone("delivered")
    assert (count(lane, Status.DELIVERED), count(lane, Status.BOOKED)) == (1, 0)


def test_a_failure_of_the_first_attempt_says_nothing_of_the_second(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (first,) = tickets(fan_out(lane))
    leave(lane, first)
    lane.contacts.record(first, Outcome(status=Status.SENT, message_id="m1"))
    settling.settle(lane, "i1", [Receipt(message_id="m1", status=Status.FAILED, reason="gateway_error")])
    steering.retry(lane, "c1", Scope.FAILED)
    (second,) = tickets(fan_out(lane), run="again")
    leave(lane, second)

    assert settling.settle(lane, "i1", [Receipt(message_id="m1", status=Status.FAILED, reason="gateway_error")]) == 0
    assert count(lane, Status.SENDING) == 1


def test_the_late_answer_of_a_lost_worker_does_not_touch_the_next_attempt(lane: Store) -> None:
    (lost,) = lose(lane)
    steering.retry(lane, "c1", Scope.UNCONFIRMED)
    (again,) = tickets(fan_out(lane), run="again")
    leave(lane, again)

    assert lane.contacts.record(lost, Outcome(status=Status.SENT, message_id="old")) == "kept"
    assert count(lane, Status.SENDING) == 1
    assert settling.settle(lane, "i1", [Receipt(message_id="old", status=Status.READ)]) == 1


@pytest.mark.parametrize("is_booked", [False, True])
def test_the_late_answer_of_a_lost_worker_spares_the_next_attempt(lane: Store, is_booked: bool) -> None:
    (lost,) = lose(lane)
    steering.retry(lane, "c1", Scope.UNCONFIRMED)
    if is_booked:
        fan_out(lane)
    settling.settle(lane, "i1", [Receipt(message_id="old", status=Status.DELIVERED)])  # early, and parked

    lane.contacts.record(lost, Outcome(status=Status.SENT, message_id="old"))
    counts = telling.progress(lane, "c1").counts
    assert (counts[Status.DELIVERED], counts[Status.PENDING], counts[Status.BOOKED]) == (1, 0, 0)
    assert fan_out(lane, horizon=HORIZON).departures == []


def test_a_retry_that_is_run_late_means_only_those_of_its_time(lane: Store) -> None:
    asked_ms = int(time.time() * 1000) - 1
    fail(lane, contacts=1)
    found = lane.campaigns.retry("c1", Scope.FAILED, asked_ms=asked_ms)
    assert found is not None
    assert (found.queued, found.left) == (0, 0)
    assert count(lane, Status.FAILED) == 1


def test_a_retry_and_a_cancel_that_nobody_ended_are_ended_by_upkeep(lane: Store) -> None:
    fail(lane, contacts=3)
    lane.campaigns.retry("c1", Scope.FAILED, limit=1)  # and its process dies
    accepting.accept(lane, an_order("c2", contacts=300), country="BR")
    lane.campaigns.steer("c2", Move.CANCEL)  # and its process dies

    chores = lane.campaigns.chores()
    assert set(chores) == {"retry:failed:c1", "sweep:c2"}
    steering.retry(lane, "c1", Scope.FAILED, asked_ms=chores["retry:failed:c1"])
    steering.sweep(lane, "c2", limit=1000)
    assert lane.campaigns.chores() == {}
    assert (count(lane, Status.FAILED), count(lane, Status.CANCELLED, "c2")) == (0, 300)


def test_a_failure_told_by_reference_after_a_retry_says_nothing_of_the_attempt_on_the_wire(lane: Store) -> None:
    lose(lane)
    steering.retry(lane, "c1", Scope.UNCONFIRMED)
    (again,) = tickets(fan_out(lane), run="again")
    leave(lane, again)
    old = Receipt(message_id="wamid.old", status=Status.FAILED, reason="not_on_whatsapp", reference="c1:0")

    assert settling.settle(lane, "i1", [old]) == 0
    assert lane.contacts.record(again, Outcome(status=Status.SENT, message_id="wamid.new")) == "moved"
    assert count(lane, Status.SENT) == 1


def fail_by_receipt(store: Store, message_id: str, **more: Any) -> int:
    receipt = Receipt(message_id=message_id, status=Status.FAILED, reference="c1:0", **more)
    return settling.settle(store, "i1", [receipt], max_attempts=5)


@pytest.mark.parametrize("told", ["later", "again", "by a person"])
def test_a_failure_by_reference_is_of_the_last_attempt_where_the_ids_of_all_before_are_known(
    lane: Store, told: str
) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (first,) = tickets(fan_out(lane))
    leave(lane, first)
    if told == "by a person":  # and the first attempt never left
        lane.contacts.record(first, Outcome(status=Status.FAILED, reason="rejected"))
        steering.retry(lane, "c1", Scope.FAILED)
    else:
        lane.contacts.record(first, Outcome(status=Status.SENT, message_id="id1"))
        means = Busy("gateway_error", after_s=0.01, most_attempts=3)
        assert fail_by_receipt(lane, "id1", reason="gateway_error", means=means) == 1
    (second,) = wait_for(lambda: tickets(fan_out(lane), run="again"), what="the next attempt")
    leave(lane, second)
    lane.contacts.record(second, Outcome(status=Status.UNCONFIRMED, reason="gateway_timeout", answer="unknown"))
    if told == "again":
        assert fail_by_receipt(lane, "id1", reason="gateway_error") == 0
        assert count(lane, Status.UNCONFIRMED) == 1

    assert fail_by_receipt(lane, "id2", reason="not_on_whatsapp") == 1
    assert count(lane, Status.FAILED) == 1


def test_a_failure_by_reference_of_an_attempt_that_was_sent_again_unasked_says_nothing_of_the_next(
    lane: Store,
) -> None:
    lose(lane, on_unknown=OnUnknown.RESEND)
    (again,) = tickets(fan_out(lane), run="again")
    leave(lane, again)
    assert fail_by_receipt(lane, "id1", reason="not_on_whatsapp") == 0
    assert count(lane, Status.SENDING) == 1


def test_an_echo_of_the_first_attempt_spares_the_second(lane: Store) -> None:
    lose(lane)
    steering.retry(lane, "c1", Scope.UNCONFIRMED)
    (again,) = tickets(fan_out(lane), run="again")

    assert settling.adopt(lane, "i1", an_echo(), lease_ms=LEASE_MS)
    assert ask(lane, again) == Gone("sent")
    assert count(lane, Status.BOOKED) == 0


def given_up(store: Store, how: str) -> Status:
    """A contact whose first attempt nobody knows the end of, and that will have no other."""
    if how == "cancelled":
        lose(store, on_unknown=OnUnknown.RESEND)
        steering.steer(store, "c1", Move.CANCEL)
        return Status.CANCELLED
    lose(store)
    steering.retry(store, "c1", Scope.UNCONFIRMED)
    (again,) = tickets(fan_out(store), run="again")
    store.suppressions.add({"551190000000": {"source": "test"}})
    assert ask(store, again, identity="551190000000") == Gone("skipped")
    return Status.SKIPPED


def truth(store: Store) -> dict[Status, int]:
    """The contacts counted one by one, which the tally is to equal."""
    page = telling.contacts(store, "c1", status=None, limit=10, cursor=None)
    counted = Counter(one.status for one in page.items)
    assert {status: count for status, count in telling.progress(store, "c1").counts.items() if count} == counted
    return counted


@pytest.mark.parametrize("how", ["cancelled", "opted out"])
@pytest.mark.parametrize("order", list(itertools.permutations([Status.SENT, Status.DELIVERED, Status.READ])))
def test_what_arrived_counts_as_arrived_whatever_was_decided_since(
    lane: Store, how: str, order: tuple[Status, ...]
) -> None:
    before = given_up(lane, how)
    assert truth(lane) == {before: 1}
    assert settling.settle(lane, "i1", [Receipt(message_id="id1", status=Status.FAILED, reference="c1:0")]) == 0
    assert truth(lane) == {before: 1}

    news = [Receipt(message_id="id1", status=status, reference="c1:0") for status in order]
    settling.settle(lane, "i1", [news[0]])
    # That it was accepted is no news of one that is known to have failed; that it arrived is.
    assert truth(lane) == {before if order[0] is Status.SENT else order[0]: 1}
    settling.settle(lane, "i1", news * 2)
    assert truth(lane) == {Status.READ: 1}
    (one,) = telling.contacts(lane, "c1", status=None, limit=1, cursor=None).items
    assert one.reason is None


@pytest.mark.parametrize("how", ["cancelled", "opted out"])
def test_an_echo_says_so_as_well(lane: Store, how: str) -> None:
    given_up(lane, how)
    settling.settle(lane, "i1", [Receipt(message_id="m1", status=Status.DELIVERED)])
    assert settling.adopt(lane, "i1", an_echo(), lease_ms=LEASE_MS)
    assert truth(lane) == {Status.DELIVERED: 1}


def test_the_late_answer_of_a_lost_worker_says_so_as_well(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1, on_unknown=OnUnknown.RESEND), country="BR")
    (lost,) = tickets(fan_out(lane))
    leave(lane, lost, lease_ms=1)
    time.sleep(0.05)
    lane.lanes.mend("i1", grace_ms=60_000, most_attempts=3)
    steering.steer(lane, "c1", Move.CANCEL)
    assert truth(lane) == {Status.CANCELLED: 1}
    lane.contacts.record(lost, Outcome(status=Status.SENT, message_id="old"))
    assert truth(lane) == {Status.SENT: 1}


def test_an_echo_is_nobodys_when_one_in_doubt_and_one_to_be_resent_fit(lane: Store) -> None:
    lose(lane, on_unknown=OnUnknown.RESEND)
    lose(lane, campaign="c2")
    assert not settling.adopt(lane, "i1", an_echo(), lease_ms=LEASE_MS)
    assert (count(lane, Status.PENDING), count(lane, Status.UNCONFIRMED, "c2")) == (1, 1)


def test_what_a_receipt_took_from_a_batch_is_not_taken_back_by_mending(lane: Store) -> None:
    lose(lane)
    lane.scripts.client.set("bcast:message:i1/m1", "c1:0")
    steering.retry(lane, "c1", Scope.UNCONFIRMED)
    fan_out(lane)
    settling.settle(lane, "i1", [Receipt(message_id="m1", status=Status.DELIVERED)])
    time.sleep(0.2)

    assert lane.lanes.mend("i1", grace_ms=0, most_attempts=3) == (0, 0)
    assert count(lane, Status.DELIVERED) == 1


def test_pausing_takes_back_those_in_back_off_as_well(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=2), country="BR")
    first, _ = tickets(fan_out(lane))
    leave(lane, first)
    lane.contacts.record(first, Outcome(status=Status.BOOKED, reason="busy", due_ms=20_000))
    steering.steer(lane, "c1", Move.PAUSE)
    assert (count(lane, Status.BOOKED), count(lane, Status.PENDING)) == (0, 2)


def test_the_last_contact_of_a_paused_campaign_completes_it(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(lane))
    leave(lane, ticket)
    steering.steer(lane, "c1", Move.PAUSE)
    lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id="m0"))
    assert telling.progress(lane, "c1").state is State.COMPLETED


def test_a_campaign_that_prefers_a_double_sends_again_until_its_attempts_are_used_up(lane: Store) -> None:
    lose(lane, on_unknown=OnUnknown.RESEND)
    for _ in range(2):
        (ticket,) = tickets(fan_out(lane), run=str(time.monotonic()))
        leave(lane, ticket, lease_ms=1)
        time.sleep(0.05)
        lane.lanes.mend("i1", grace_ms=60_000, most_attempts=3)

    assert (count(lane, Status.PENDING), count(lane, Status.UNCONFIRMED)) == (0, 1)


def test_a_cancelled_campaign_keeps_its_doubts_whatever_it_prefers(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1, on_unknown=OnUnknown.RESEND), country="BR")
    (ticket,) = tickets(fan_out(lane))
    leave(lane, ticket, lease_ms=1)
    steering.steer(lane, "c1", Move.CANCEL)
    time.sleep(0.05)
    lane.lanes.mend("i1", grace_ms=60_000, most_attempts=3)

    assert (count(lane, Status.UNCONFIRMED), count(lane, Status.CANCELLED)) == (1, 0)


def an_echo(number: int = 0, *, message_id: str = "m1", text: str = "Oi", **more: Any) -> Echo:
    return Echo(message_id=message_id, phone=phones(1, start=number)[0], text=text, **more)


def test_an_echo_resolves_whom_a_lost_worker_sent_to(lane: Store) -> None:
    lose(lane, contacts=2)
    settling.settle(lane, "i1", [Receipt(message_id="m1", status=Status.DELIVERED)])  # comes early, and is parked

    assert settling.adopt(lane, "i1", an_echo(1), lease_ms=LEASE_MS)

    counts = telling.progress(lane, "c1").counts
    assert (counts[Status.UNCONFIRMED], counts[Status.DELIVERED]) == (1, 1)
    assert not settling.adopt(lane, "i1", an_echo(1), lease_ms=LEASE_MS)
    page = telling.contacts(lane, "c1", status=Status.UNCONFIRMED, limit=9, cursor=None)
    assert [one.number for one in page.items] == [0]


def test_an_echo_that_comes_before_the_answer_names_the_id_and_the_answer_changes_nothing(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(lane))
    leave(lane, ticket)

    assert settling.adopt(lane, "i1", an_echo(), lease_ms=LEASE_MS)
    lane.contacts.record(ticket, Outcome(status=Status.UNCONFIRMED, reason="gateway_timeout"))
    assert (count(lane, Status.SENT), count(lane, Status.UNCONFIRMED)) == (1, 0)


@pytest.mark.parametrize("outcome", [Status.UNCONFIRMED, Status.FAILED, Status.PENDING, Status.BOOKED])
def test_an_answer_that_comes_after_the_delivery_says_nothing_of_the_contact(lane: Store, outcome: Status) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(lane))
    leave(lane, ticket)
    settling.adopt(lane, "i1", an_echo(), lease_ms=LEASE_MS)
    settling.settle(lane, "i1", [Receipt(message_id="m1", status=Status.DELIVERED)])
    lane.contacts.record(ticket, Outcome(status=outcome, reason="gateway_timeout", detail="it took too long", due_ms=9))

    (contact,) = telling.contacts(lane, "c1", status=Status.DELIVERED, limit=9, cursor=None).items
    assert (contact.reason, contact.detail) == (None, None)
    assert telling.progress(lane, "c1").last_error is None


@pytest.mark.parametrize(
    "echo",
    [
        lambda: an_echo(1),
        lambda: an_echo(text="Olá"),
        lambda: an_echo(at_ms=1_000),
        lambda: an_echo(at_ms=int(time.time() * 1000) + 600_000),
        lambda: an_echo(kinds=(Kind.AUDIO,)),
    ],
    ids=["another person", "another text", "before it left", "after its lease", "another kind"],
)
def test_an_echo_of_something_else_resolves_nothing(lane: Store, echo: Callable[[], Echo]) -> None:
    lose(lane)
    assert not settling.adopt(lane, "i1", echo(), lease_ms=LEASE_MS)
    assert not settling.adopt(lane, "i2", an_echo(), lease_ms=LEASE_MS)
    assert count(lane, Status.UNCONFIRMED) == 1


def heard(lane: Store, dialect: str, item: dict[str, Any]) -> list[bool]:
    """Take the echo in a call of this dialect."""
    event = {"evolution": {"event": "send.message", "data": item}, "waha": {"event": "message.any", "payload": item}}
    gateway = {"evolution": Evolution, "waha": Waha}[dialect]("http://x", "k", timeout_s=1)
    return [settling.adopt(lane, "i1", echo, lease_ms=LEASE_MS) for echo in gateway.read(event[dialect]).echoes]


#: message or its medium -> whether it may be the image without a caption that nobody knows the end of
SHOWN: list[tuple[str, dict[str, Any], list[bool]]] = [
    ("evolution", {"imageMessage": {"url": "x"}}, [True]),
    ("evolution", {"ephemeralMessage": {"message": {"imageMessage": {"url": "x"}}}}, [True]),
    ("evolution", {"audioMessage": {"url": "x", "ptt": True}}, [False]),
    ("evolution", {"documentMessage": {"url": "x"}}, [False]),
    ("evolution", {"stickerMessage": {"url": "x"}}, []),
    ("evolution", {"locationMessage": {"degreesLatitude": 1}}, []),
    ("waha", {"hasMedia": True, "media": {"mimetype": "image/jpeg"}}, [True]),
    ("waha", {"hasMedia": True, "media": None}, [True]),
    ("waha", {}, [True]),
    ("waha", {"hasMedia": True, "media": {"mimetype": "audio/ogg; codecs=opus"}}, [False]),
    ("waha", {"hasMedia": True, "media": {"mimetype": "application/pdf"}}, [False]),
    ("waha", {"hasMedia": False}, [False]),
]


@pytest.mark.parametrize(("dialect", "message", "adopted"), SHOWN)
def test_what_somebody_sends_the_same_person_meanwhile_is_not_taken_for_ours(
    lane: Store, dialect: str, message: dict[str, Any], adopted: list[bool]
) -> None:
    lose(lane, content=Content(kind=Kind.IMAGE, text="", media_url="http://x/a.jpg"))
    person, now = phones(1)[0], int(time.time())
    key = {"remoteJid": f"{person}@s.whatsapp.net", "fromMe": True, "id": "3EB0AA"}
    own = {"id": f"true_{person}@c.us_3EB0AA", "fromMe": True, "source": "api", "body": "", "timestamp": now}
    item = {"evolution": {"key": key, "message": message, "messageTimestamp": now}, "waha": {**own, **message}}

    assert heard(lane, dialect, item[dialect]) == adopted
    assert count(lane, Status.UNCONFIRMED) == (adopted != [True])


@pytest.mark.parametrize(("after_s", "adopted"), [(0, True), (90, True), (45 * 60, False), (-300, False)])
def test_the_same_words_much_later_are_another_message(lane: Store, after_s: int, adopted: bool) -> None:
    lose(lane)
    item = {"id": f"true_{phones(1)[0]}@c.us_3EB0AA", "fromMe": True, "source": "api", "body": "Oi", "hasMedia": False}
    assert heard(lane, "waha", {**item, "timestamp": int(time.time()) + after_s}) == [adopted]


def test_an_echo_of_either_of_two_resolves_neither(lane: Store) -> None:
    lose(lane)
    lose(lane, campaign="c2")
    assert not settling.adopt(lane, "i1", an_echo(), lease_ms=LEASE_MS)
    assert (count(lane, Status.UNCONFIRMED), count(lane, Status.UNCONFIRMED, "c2")) == (1, 1)


def many_in_doubt(lane: Store, count: int, *, campaign: str = "c1") -> int:
    """As if nobody knew the end of so many, the first of which departed first; when that was, Unix ms."""
    accepting.accept(lane, an_order(campaign, contacts=count), country="BR")
    first_ms = int(time.time() * 1000) - 600_000
    with lane.scripts.client.pipeline(transaction=False) as pipe:
        for number in range(count):
            at_ms = first_ms + number // 2
            state: dict[Any, Any] = {"status": "unconfirmed", "departed": at_ms}
            pipe.hset(key("contact", campaign, number), mapping=state)
            pipe.zadd(key("doubtful", "i1"), {f"{campaign}:{number}": at_ms})
        pipe.execute()
    return first_ms


def resolved(lane: Store, campaign: str = "c1") -> list[int]:
    page = telling.contacts(lane, campaign, status=Status.SENT, limit=9, cursor=None)
    return [one.number for one in page.items]


@pytest.mark.parametrize("says_when", [True, False])
@pytest.mark.parametrize("number", [0, 1, 609])
def test_an_echo_finds_its_contact_among_however_many_in_doubt(lane: Store, number: int, says_when: bool) -> None:
    first_ms = many_in_doubt(lane, 1250)
    at_ms = first_ms + number // 2 if says_when else None
    assert settling.adopt(lane, "i1", an_echo(number, at_ms=at_ms), lease_ms=LEASE_MS)
    assert resolved(lane) == [number]


def test_an_echo_is_nobodys_where_one_far_behind_in_doubt_fits_as_well(lane: Store) -> None:
    first_ms = many_in_doubt(lane, 501)
    lose(lane, campaign="c2")
    lane.scripts.client.zadd(key("doubtful", "i1"), {"c2:0": first_ms + 500})
    lane.scripts.client.hset(key("contact", "c2", 0), "departed", first_ms + 500)
    assert not settling.adopt(lane, "i1", an_echo(at_ms=first_ms), lease_ms=LEASE_MS)
    assert resolved(lane) == resolved(lane, "c2") == []


def test_a_reference_finds_the_contact_whose_id_nobody_learned(lane: Store) -> None:
    lose(lane)
    receipt = Receipt(message_id="wamid.1", status=Status.READ, reference="c1:0")

    assert settling.settle(lane, "i1", [receipt]) == 1
    assert count(lane, Status.READ) == 1
    assert telling.contacts(lane, "c1", status=None, limit=1, cursor=None).items[0].message_id == "wamid.1"


@pytest.mark.parametrize("reference", ["c1:7", "c9:0", "c1", "", ":"])
def test_a_reference_of_nobody_is_parked(lane: Store, reference: str) -> None:
    lose(lane)
    receipt = Receipt(message_id="wamid.1", status=Status.READ, reference=reference)
    assert settling.settle(lane, "i1", [receipt]) == 0
    assert settling.settle(lane, "i2", [Receipt(message_id="x", status=Status.READ, reference="c1:0")]) == 0
    assert count(lane, Status.UNCONFIRMED) == 1


def test_an_id_of_our_own_finds_its_contact_before_any_answer(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(lane))
    assert isinstance(ask(lane, ticket, ahead_ms=5000, own_id="3EB0AA"), Go)

    assert settling.settle(lane, "i1", [Receipt(message_id="3EB0AA", status=Status.SENT)]) == 1
    assert count(lane, Status.SENT) == 1


def lose_named(store: Store, own_id: str = "3EB0AA") -> None:
    """A contact whose message had an id of ours, and nobody knows how that ended."""
    accepting.accept(store, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(store))
    assert isinstance(ask(store, ticket, ahead_ms=5000, own_id=own_id), Go)
    store.contacts.record(ticket, Outcome(status=Status.UNCONFIRMED, reason="gateway_error", detail="500"))
    assert count(store, Status.UNCONFIRMED) == 1


def typed(**more: Any) -> dict[str, Any]:
    """WAHA's echo of a message of ours that says to be typed by hand."""
    chat = f"{phones(1)[0]}@c.us"
    item = {"id": f"true_{chat}_3EB0AA", "fromMe": True, "source": "app", "body": "Oi", "hasMedia": False}
    return {**item, "timestamp": int(time.time()), "ack": 1, "ackName": "SERVER", **more}


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"source": "api"}, Status.SENT),
        ({}, Status.SENT),
        ({"ack": 0, "ackName": "PENDING"}, Status.SENT),
        ({"ack": 2, "ackName": "DEVICE"}, Status.DELIVERED),
        ({"ack": -1, "ackName": "ERROR"}, Status.FAILED),
        ({"id": "true_10000000000001@lid_3EB0AA"}, Status.SENT),
        ({"body": "what WhatsApp made of it", "timestamp": 1}, Status.SENT),
    ],
    ids=["by the API", "by hand", "pending", "delivered", "failed", "a hidden id", "another text"],
)
def test_an_echo_with_our_own_id_is_of_its_contact_without_a_doubt(
    lane: Store, more: dict[str, Any], status: Status
) -> None:
    lose_named(lane)
    assert heard(lane, "waha", typed(**more)) == [True]
    assert count(lane, status) == 1
    (contact,) = telling.contacts(lane, "c1", status=status, limit=9, cursor=None).items
    assert contact.message_id == "3EB0AA"
    assert (contact.reason or "") == ("gateway_error" if status is Status.FAILED else "")
    assert heard(lane, "waha", typed(**more)) == [False]


def test_an_echo_with_our_own_id_that_nothing_acknowledged_counts_for_no_arrival(lane: Store) -> None:
    lose_named(lane)
    heard(lane, "waha", typed(ack=0, ackName="PENDING"))
    assert lane.scripts.client.lrange(key("recent", "i1"), 0, -1) == []
    settling.settle(lane, "i1", [Receipt(message_id="3EB0AA", status=Status.FAILED, reason="gateway_error")])
    assert lane.scripts.client.lrange(key("recent", "i1"), 0, -1) == ["e"]


def test_an_echo_of_a_message_that_is_known_to_have_failed_says_nothing(lane: Store) -> None:
    lose_named(lane)
    settling.settle(lane, "i1", [Receipt(message_id="3EB0AA", status=Status.FAILED, reason="gateway_error")])
    steering.retry(lane, "c1", Scope.FAILED)
    assert heard(lane, "waha", typed(ack=0, ackName="PENDING")) == [False]
    assert count(lane, Status.PENDING) == 1


def test_an_echo_of_another_instances_id_is_nobodys(lane: Store) -> None:
    lose_named(lane)
    assert not settling.adopt(lane, "i2", an_echo(message_id="3EB0AA"), lease_ms=LEASE_MS)
    assert count(lane, Status.UNCONFIRMED) == 1


@pytest.mark.parametrize(
    ("more", "adopted"),
    [
        ({}, True),
        ({"body": "Oi!"}, False),
        ({"timestamp": int(time.time()) + 45 * 60}, False),
        ({"id": "true_10000000000001@lid_3EB0AA"}, False),
        (
            {
                "id": "true_10000000000001@lid_3EB0AA",
                "_data": {"key": {"remoteJidAlt": f"{phones(1)[0]}@s.whatsapp.net"}},
            },
            True,
        ),
    ],
    ids=["ours", "another text", "much later", "hidden", "hidden, and the number beside it"],
)
def test_what_says_to_be_typed_is_ours_where_person_words_and_time_are(
    lane: Store, more: dict[str, Any], adopted: bool
) -> None:
    lose(lane)
    assert heard(lane, "waha", typed(**more)) == [adopted]
    assert count(lane, Status.SENT) == adopted


def test_what_says_to_be_typed_is_nobodys_where_two_fit_or_where_it_has_no_words(lane: Store) -> None:
    lose(lane)
    lose(lane, campaign="c2")
    assert heard(lane, "waha", typed()) == [False]
    lose(lane, campaign="c3", content=Content(kind=Kind.IMAGE, text="", media_url="http://x/a.jpg"))
    assert heard(lane, "waha", typed(body="", hasMedia=True, media={"mimetype": "image/jpeg"})) == [False]
    assert lane.contacts.unknown() == 0
    assert not lane.scripts.client.keys("*parked*")


def test_when_no_worker_is_left_what_is_booked_goes_back_in_its_order(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=5, gap_ms=1000), country="BR")
    first, *_ = tickets(fan_out(lane))
    leave(lane, first)
    lane.contacts.record(first, Outcome(status=Status.BOOKED, reason="busy", due_ms=20_000))

    assert lane.lanes.unbook_all() == 5
    assert (count(lane, Status.BOOKED), count(lane, Status.PENDING)) == (0, 5)
    assert sorted(one.number for one in fan_out(lane).departures) == [0, 1, 2, 3, 4]
