"""A template whose places do not fit the order: the campaign waits for somebody, and does not burn its contacts."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from broadcast.domain.campaign import Move, Scope, State
from broadcast.domain.contact import Status
from broadcast.domain.content import Content, Kind, Template
from broadcast.domain.receipt import Receipt
from broadcast.engine import accepting, settling, steering, telling
from broadcast.engine.planning import Horizon
from broadcast.engine.sending import Policy, Sending
from broadcast.gateways.cloud import Cloud
from broadcast.gateways.meta import ALIKE, MEANINGS, meaning_of
from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Go, Outcome, Ticket, Wait
from broadcast.wiring import build_services
from tests.builders import an_order, phones
from tests.lanes import ask, fan_out, tickets
from tests.standins.cloud import NUMBER_ID, TOKEN, Graph, graph

ONE, TWO = ([{"type": "text", "text": "Ana"}] * count for count in (1, 2))
WORKERS = 4


@pytest.fixture
def meta() -> Iterator[Graph]:
    with graph(templates={("promo", "pt_BR"): 1}) as stand_in:
        yield stand_in


@pytest.fixture
def lane(store: Store) -> Store:
    store.workers.beat("broadcast", "w1")
    store.workers.beat("control", "w1")
    return store


def order(
    store: Store, *, contacts: int | list[str], parameters: list[dict[str, str]] = ONE, campaign: str = "c1"
) -> None:
    template = Template(
        name="promo", language="pt_BR", components=[{"type": "body", "parameters": parameters}] if parameters else []
    )
    content = Content(kind=Kind.TEXT, text="", template=template)
    changes = {"content": content, "gap_ms": 5, "callback_url": "https://crm.example/x"}
    accepting.accept(store, an_order(campaign, contacts=contacts, **changes), country="BR")


def sending(store: Store, meta: Graph) -> Sending:
    gateway = Cloud(meta.url, TOKEN, timeout_s=30, phone_number_id=NUMBER_ID)
    return Sending(store, lambda _: gateway, Policy(max_attempts=3, timeout_s=5))


def send_all(store: Store, meta: Graph, *, run: str = "run") -> list[str]:
    """All that the lane can book, one after the other."""
    engine = sending(store, meta)
    return [engine.send(ticket, quick_left=0) for ticket in tickets(fan_out(store), run=run)]


def kinds(store: Store) -> list[str]:
    client = store.scripts.client
    return [client.hget(key("callback", "c1", number), "kind") for number in client.zrange(key("told", "c1"), 0, -1)]


def test_three_in_a_row_pause_the_campaign_once_whoever_sends(lane: Store, meta: Graph, settings: Settings) -> None:
    order(lane, contacts=40, parameters=TWO)
    order(lane, contacts=phones(2, start=100), campaign="c2")
    due = tickets(fan_out(lane))
    stores = [build_services(settings).store for _ in range(WORKERS)]

    def work(number: int) -> list[str]:
        engine = sending(stores[number], meta)
        return [engine.send(ticket, quick_left=0) for ticket in due[number::WORKERS]]

    with ThreadPoolExecutor(WORKERS) as workers:
        words = [word for said in workers.map(work, range(WORKERS)) for word in said]
    for store in stores:
        store.scripts.client.close()

    progress = telling.progress(lane, "c1")
    failed = progress.counts[Status.FAILED]
    assert (progress.state, progress.hold_reason) == (State.PAUSED, "message_refused")
    assert (progress.hold_detail or "").startswith("template_parameters: 132000: ")
    assert "3 in a row. Compare the places of the template" in (progress.hold_detail or "")
    assert 3 <= failed < 3 + WORKERS  # those that were on the wire
    assert progress.counts[Status.PENDING] == 40 - failed
    assert words.count("failed") == failed
    assert kinds(lane).count("campaign.paused") == 1
    assert telling.progress(lane, "c2").counts[Status.SENT] == 2
    assert steering.retry(lane, "c1", Scope.FAILED).queued == failed


def test_one_that_is_accepted_begins_the_count_anew(lane: Store, meta: Graph) -> None:
    order(lane, contacts=7)
    for code in (132000, 132012):
        meta.fail_next(code)
    meta.answer_next(200, {"messaging_product": "whatsapp", "messages": [{"id": "wamid.1"}]})
    for code in (132012, 131026, 132000, 132018):
        meta.fail_next(code)

    words = send_all(lane, meta)

    assert words == ["failed", "failed", "sent", *["failed"] * 4]
    assert telling.progress(lane, "c1").state is State.COMPLETED  # the third in a row was the last: nobody to wait for


def test_others_that_fail_between_change_nothing_and_a_resume_begins_anew(lane: Store, meta: Graph) -> None:
    order(lane, contacts=20, parameters=TWO)
    send_all(lane, meta)
    steering.steer(lane, "c1", Move.RESUME)
    assert telling.progress(lane, "c1").hold_detail is None
    for code in (132000, 131026, 132000):
        meta.fail_next(code)

    send_all(lane, meta, run="again")

    progress = telling.progress(lane, "c1")
    assert (progress.state, progress.counts[Status.FAILED]) == (State.PAUSED, 3 + 4)
    assert kinds(lane).count("campaign.paused") == 2


def test_a_retry_begins_the_count_anew(lane: Store, meta: Graph) -> None:
    order(lane, contacts=3, parameters=TWO)
    send_all(lane, meta)
    assert telling.progress(lane, "c1").state is State.COMPLETED
    assert lane.scripts.client.hexists(key("campaign", "c1"), "misfits")
    steering.retry(lane, "c1", Scope.FAILED)
    assert not lane.scripts.client.hexists(key("campaign", "c1"), "misfits")


MISFIT = replace(MEANINGS[132000], detail="132000: no")


def depart(store: Store, count: int, *, run: str = "run") -> list[Ticket]:
    """So many of the campaign's messages are on the wire."""
    found = tickets(fan_out(store, horizon=Horizon(ms=10_000, contacts=count)), run=run)
    for ticket in found:
        while isinstance(leave := ask(store, ticket), Wait):
            time.sleep(leave.wait_us / 1_000_000)
        assert isinstance(leave, Go)
    return found


def take(store: Store, gone: list[Ticket]) -> list[str]:
    """The gateway takes them, which says no more than that it has them; their ids."""
    for ticket in gone:
        store.contacts.record(
            ticket, Outcome(status=Status.SENT, message_id=f"m{ticket.run}{ticket.number}", answer="accepted")
        )
    return [f"m{ticket.run}{ticket.number}" for ticket in gone]


def tell(store: Store, *ids: str, status: Status = Status.FAILED) -> None:
    """Receipts of these messages, each in a call of its own."""
    for message_id in ids:
        fails = {"reason": MISFIT.reason, "detail": MISFIT.detail, "means": MISFIT} if status is Status.FAILED else {}
        settling.settle(store, "i1", [Receipt(message_id=message_id, status=status, **fails)])


def state(store: Store) -> State:
    return telling.progress(store, "c1").state


def test_three_receipts_in_a_row_pause_the_campaign_as_answers_do(lane: Store) -> None:
    order(lane, contacts=20)
    ids = take(lane, depart(lane, 6))

    tell(lane, *ids[:2])
    assert state(lane) is State.RUNNING
    take(lane, depart(lane, 2, run="later"))  # that they are taken says nothing of the template
    tell(lane, ids[2])

    progress = telling.progress(lane, "c1")
    assert (progress.state, progress.hold_reason) == (State.PAUSED, "message_refused")
    assert (progress.hold_detail or "").startswith("template_parameters: 132000: no. So 3 in a row. Compare the places")
    assert kinds(lane).count("campaign.paused") == 1
    tell(lane, *ids[3:])
    assert kinds(lane).count("campaign.paused") == 1


@pytest.mark.parametrize(
    ("code", "says"), [(131047, "order anew with a template"), (100, "does not take this message")]
)
def test_what_so_many_are_told_in_a_row_would_be_told_to_everybody(
    lane: Store, meta: Graph, code: int, says: str
) -> None:
    order(lane, contacts=40)
    for _ in range(25):
        meta.fail_next(code)
    words = send_all(lane, meta)

    progress = telling.progress(lane, "c1")
    assert (progress.state, words.count("failed")) == (State.PAUSED, ALIKE)
    assert says in (progress.hold_detail or "")


def test_free_text_that_some_may_get_goes_on(lane: Store) -> None:
    order(lane, contacts=60)
    closed = meaning_of({"code": 131047, "message": "Re-engagement message"})
    assert closed is not None
    ids = take(lane, depart(lane, 2 * ALIKE))
    for index, message_id in enumerate(ids):
        is_open = index % ALIKE == ALIKE - 1  # who wrote lately
        found = Receipt(message_id=message_id, status=Status.FAILED, reason=closed.reason, means=closed)
        settling.settle(lane, "i1", [replace(found, status=Status.DELIVERED, means=None) if is_open else found])
    assert state(lane) is State.RUNNING


def test_three_receipts_of_one_call_do_so_too(lane: Store) -> None:
    order(lane, contacts=20)
    receipts = [
        Receipt(message_id=message_id, status=Status.FAILED, reason=MISFIT.reason, means=MISFIT)
        for message_id in take(lane, depart(lane, 3))
    ]
    settling.settle(lane, "i1", receipts)
    assert state(lane) is State.PAUSED


def test_a_receipt_that_is_told_again_counts_once(lane: Store) -> None:
    order(lane, contacts=20)
    first, second, third = take(lane, depart(lane, 3))
    tell(lane, first, second, first, second, first)
    assert state(lane) is State.RUNNING
    tell(lane, third)
    assert state(lane) is State.PAUSED


@pytest.mark.parametrize("status", [Status.SENT, Status.DELIVERED, Status.READ])
def test_a_message_that_went_out_begins_the_count_of_receipts_anew_once(lane: Store, status: Status) -> None:
    order(lane, contacts=20)
    ids = take(lane, depart(lane, 6))
    tell(lane, *ids[:2])
    tell(lane, ids[2], status=status)
    tell(lane, *ids[3:5])
    assert state(lane) is State.RUNNING
    tell(lane, ids[2], status=Status.READ)  # it is told of again, and that is no other message
    tell(lane, ids[5])
    assert state(lane) is State.PAUSED


def test_receipts_that_beat_the_answers_count_as_well(lane: Store) -> None:
    order(lane, contacts=20)
    gone = depart(lane, 3)
    tell(lane, *[f"m{ticket.run}{ticket.number}" for ticket in gone])
    assert state(lane) is State.RUNNING
    take(lane, gone)
    assert state(lane) is State.PAUSED
    assert (telling.progress(lane, "c1").hold_detail or "").startswith("template_parameters: 132000: no. So 3 in a row")


@pytest.mark.parametrize("retries", [False, True])
def test_what_left_before_a_resume_or_a_retry_counts_no_more(lane: Store, retries: bool) -> None:
    order(lane, contacts=20)
    ids = take(lane, depart(lane, 9))
    tell(lane, *ids[:2] if retries else ids[:3])
    if retries:
        assert steering.retry(lane, "c1", Scope.FAILED).queued == 2
    else:
        steering.steer(lane, "c1", Move.RESUME)
    tell(lane, *ids[3:])
    assert state(lane) is State.RUNNING

    tell(lane, *take(lane, depart(lane, 3, run="after")))
    assert state(lane) is State.PAUSED


def test_receipts_of_a_campaign_that_has_nothing_left_pause_nothing(lane: Store) -> None:
    order(lane, contacts=3)
    tell(lane, *take(lane, depart(lane, 3)))
    assert state(lane) is State.COMPLETED
    assert telling.progress(lane, "c1").counts[Status.FAILED] == 3


def test_the_first_failure_receipt_of_meta_says_what_it_means() -> None:
    item = {"id": "wamid.1", "status": "failed", "errors": [{"code": 132012, "title": "Parameter format"}]}
    call = {"entry": [{"changes": [{"field": "messages", "value": {"statuses": [item]}}]}]}
    (receipt,) = Cloud("http://x", "t", timeout_s=1).read(call).receipts
    assert receipt.means == replace(MISFIT, detail="132012: Parameter format")
