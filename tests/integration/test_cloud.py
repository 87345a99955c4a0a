"""Our Cloud dialect against the stand-in Graph server, both ways, over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from broadcast.domain.contact import Status
from broadcast.domain.content import Kind, Template
from broadcast.domain.phone import identity
from broadcast.engine import accepting, removing, settling, telling
from broadcast.gateways.base import Accepted, Busy, Closed, Connection, Message, Receipt, Refused, Unknown
from broadcast.gateways.cloud import Cloud
from broadcast.store import Store
from tests.builders import an_order, phones
from tests.departures import Gate
from tests.lanes import sends
from tests.processes import wait_for
from tests.standins.cloud import NUMBER_ID, SECRET, TOKEN, Graph, Sent, failure, graph
from tests.stubs import raw_server, read_request, reset


@pytest.fixture
def meta() -> Iterator[Graph]:
    with graph(templates={("promo", "pt_BR"): 1}) as stand_in:
        yield stand_in


def the_gateway(meta: Graph, **changes: Any) -> Cloud:
    given = {"token": TOKEN, "timeout_s": 5, "app_secret": SECRET, "phone_number_id": NUMBER_ID}
    return Cloud(meta.url, **{**given, **changes})


def a_message(kind: Kind = Kind.TEXT, **changes: Any) -> Message:
    given = {"instance": "loja", "phone": "5511999990001", "kind": kind, "text": "Olá", "reference": "natal:7"}
    return Message(**{**given, **changes})


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_taken_by_a_strict_server(meta: Graph, kind: Kind) -> None:
    url = None if kind is Kind.TEXT else "https://cdn.example/a/foto%20nova.jpg?x=1"
    fence = Gate()
    answer = the_gateway(meta).send(a_message(kind, media_url=url), departure=fence)

    (sent,) = meta.ledger
    assert answer == Accepted(sent.message_id)
    assert (sent.wa_id, sent.reference, sent.number_id) == ("5511999990001", "natal:7", NUMBER_ID)
    assert (len(fence.waited), len(fence.left_at)) == (1, 1)


def test_a_template_is_taken_with_its_texts(meta: Graph) -> None:
    parts = [
        {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://cdn.example/p.jpg"}}]},
        {"type": "body", "parameters": [{"type": "text", "text": "Ana"}]},
        {
            "type": "button",
            "sub_type": "quick_reply",
            "index": "0",
            "parameters": [{"type": "payload", "payload": "x"}],
        },
    ]
    template = Template(name="promo", language="pt_BR", components=parts)
    assert isinstance(the_gateway(meta).send(a_message(template=template), departure=Gate()), Accepted)


@pytest.mark.parametrize(
    ("template", "kind", "reason"),
    [
        (Template(name="natal", language="pt_BR"), Closed, "template_missing"),
        (Template(name="promo", language="en_US"), Closed, "template_missing"),
        (Template(name="promo", language="pt_BR"), Refused, "template_parameters"),
    ],
)
def test_a_template_that_is_none_is_the_campaigns_fault(
    meta: Graph, template: Template, kind: type, reason: str
) -> None:
    answer = the_gateway(meta).send(a_message(template=template), departure=Gate())
    assert isinstance(answer, kind)
    assert answer.reason == reason
    assert meta.ledger == []


def test_a_number_keeps_its_country(meta: Graph) -> None:
    the_gateway(meta).send(a_message(phone="16505551234"), departure=Gate())
    assert [sent.wa_id for sent in meta.ledger] == ["16505551234"]


def test_without_a_number_of_its_own_the_instance_is_the_number(meta: Graph) -> None:
    gateway = the_gateway(meta, phone_number_id=None)
    assert isinstance(gateway.send(a_message(instance=NUMBER_ID), departure=Gate()), Accepted)
    assert gateway.send(a_message(instance="loja"), departure=Gate()).reason == "unknown_instance"


def test_a_wrong_token_closes_the_instance(meta: Graph) -> None:
    answer = the_gateway(meta, token="other").send(a_message(), departure=Gate())
    assert isinstance(answer, Closed)
    assert answer.reason == "unauthorized"


def test_an_address_without_its_version_closes_the_instance(meta: Graph) -> None:
    meta.url = meta.url.removesuffix("/v23.0")
    assert the_gateway(meta).send(a_message(), departure=Gate()).reason == "gateway_address_wrong"


@pytest.mark.parametrize(
    "changes",
    [
        {"text": "x" * 4097},
        {"text": ""},
        {"kind": Kind.IMAGE, "media_url": "ftp://cdn.example/a.jpg"},
        {"kind": Kind.IMAGE, "media_url": "https://cdn.example/a.jpg", "text": "x" * 1025},
        {"kind": Kind.AUDIO, "media_url": None},
        {"phone": "not a number"},
    ],
)
def test_what_the_server_cannot_take_is_refused_and_never_sent(meta: Graph, changes: dict[str, Any]) -> None:
    answer = the_gateway(meta).send(a_message(**changes), departure=Gate())
    assert isinstance(answer, Refused)
    assert answer.reason == "rejected"
    assert meta.ledger == []


def test_an_error_is_read_as_it_comes_over_the_wire(meta: Graph) -> None:
    meta.fail_next(131056, status=403, details="pair rate limit")
    meta.answer_next(429, "<html>", {"Retry-After": "9"})
    meta.answer_next(502, "<html>Bad Gateway</html>")
    pair, throttled, lost = (the_gateway(meta).send(a_message(), departure=Gate()) for _ in range(3))

    assert isinstance(pair, Busy)
    assert pair.contact_only
    assert throttled == Busy("too_many_requests", "HTTP 429: <html>", after_s=9)
    assert isinstance(lost, Unknown)


def test_an_answer_cut_off_says_nothing() -> None:
    def half(connection: Any) -> None:
        read_request(connection)
        connection.sendall(b'HTTP/1.1 400 X\r\nContent-Length: 200\r\n\r\n{"error":{"message":"(#131026)')
        connection.close()

    def lost(connection: Any) -> None:
        read_request(connection)
        reset(connection)

    for serve in (half, lost):
        with raw_server(serve) as url:
            gateway = Cloud(url, "t", timeout_s=30)
            assert isinstance(gateway.send(a_message(), departure=Gate()), Unknown)


@pytest.mark.parametrize(
    ("number", "connection"),
    [
        ({"status": "CONNECTED", "quality_rating": "GREEN"}, Connection(is_open=True, reason="open")),
        ({"status": "BANNED", "quality_rating": "RED"}, Connection(is_open=False, reason="restricted")),
        ({"status": "PENDING", "quality_rating": None}, Connection(is_open=False, reason="unregistered")),
        ({"status": "A_STATE_FROM_TOMORROW"}, Connection(is_open=False, reason="A_STATE_FROM_TOMORROW")),
        ({"status": "FLAGGED", "quality_rating": "RED"}, None),
        ({"status": "UNKNOWN", "quality_rating": "NA"}, None),
        ({"status": None, "quality_rating": "NA"}, None),
    ],
)
def test_a_probe_says_what_meta_has_of_the_number(
    meta: Graph, number: dict[str, Any], connection: Connection | None
) -> None:
    meta.numbers[NUMBER_ID] = number
    assert the_gateway(meta).probe("loja") == connection
    assert meta.seen[0]["path"].split("?")[0] == f"/v23.0/{NUMBER_ID}"


def test_a_probe_finds_a_wrong_token_and_a_wrong_number(meta: Graph) -> None:
    assert the_gateway(meta, token="x").probe("loja") == Connection(is_open=False, reason="unauthorized")
    wrong = the_gateway(meta, phone_number_id=None).probe("999")
    assert wrong == Connection(is_open=False, reason="unknown_instance")


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_probe_that_meets_a_busy_server_says_nothing(meta: Graph, status: int) -> None:
    meta.answer_next(status, "<html>")
    assert the_gateway(meta).probe("loja") is None


@pytest.mark.parametrize("names_user", [True, False])
def test_a_signed_status_finds_its_contact_by_our_reference(meta: Graph, names_user: bool) -> None:
    gateway = the_gateway(meta)
    gateway.send(a_message(reference="Promoção \U0001f384:7"), departure=Gate())
    call, headers = meta.signed(meta.status(meta.ledger[0], "failed", errors=[failure(131048)], names_user=names_user))

    assert gateway.verify(headers, call, path="")
    assert not gateway.verify(headers, call.replace(b"failed", b"read  "), path="")
    (receipt,) = gateway.read(meta.status(meta.ledger[0], "failed", errors=[failure(131048)])).receipts
    assert (receipt.message_id, receipt.status) == (meta.ledger[0].message_id, Status.FAILED)
    assert receipt.reference == "Promoção \U0001f384:7"
    assert isinstance(receipt.means, Closed)


TEXT = {"messaging_product": "whatsapp", "to": "+5511999990001", "type": "text", "text": {"body": "Oi"}}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"messaging_product": "sms"}, 100),
        ({"recipient_type": "group"}, 100),
        ({"number": "5511"}, 100),
        ({"to": None}, 100),
        ({"to": "Ana"}, 131009),
        ({"type": "sms"}, 100),
        ({"type": "image"}, 131008),
        ({"text": {"body": "Oi", "caption": "Oi"}}, 100),
        ({"text": {"body": 7}}, 131009),
        ({"text": {"body": "Oi", "preview_url": "no"}}, 131009),
        ({"image": {"link": "https://cdn.example/a.jpg"}}, 100),
        ({"type": "template", "template": {"name": "promo", "language": {}}}, 131008),
        ({"type": "template", "template": {"name": "promo", "language": "pt_BR"}}, 131008),
        ({"biz_opaque_callback_data": "x" * 513}, 100),
    ],
)
def test_the_stand_in_refuses_what_the_real_one_does(meta: Graph, change: dict[str, Any], code: int) -> None:
    body = {name: value for name, value in {**TEXT, **change}.items() if name != "text" or change.get("type") is None}
    assert posted(meta, body).json()["error"]["code"] == code
    assert meta.ledger == []


def test_the_stand_in_gives_a_number_without_a_plus_our_own_country(meta: Graph) -> None:
    assert posted(meta, {**TEXT, "to": "16505551234"}).json()["contacts"][0]["wa_id"] == "5516505551234"
    assert posted(meta, {**TEXT, "to": "+5531999990001"}).json()["contacts"][0]["wa_id"] == "553199990001"


def posted(meta: Graph, body: dict[str, Any]) -> requests.Response:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return requests.post(f"{meta.url}/{NUMBER_ID}/messages", json=body, headers=headers, timeout=30)


#: what comes late of the message that an earlier campaign of the same name sent
LATE: list[tuple[str, list[dict[str, Any]] | None]] = [
    ("delivered", None),
    ("failed", [failure(131050)]),  # that person opted out
]


@pytest.mark.parametrize("is_sent", [True, False])
@pytest.mark.parametrize(("word", "errors"), LATE)
def test_what_comes_late_of_a_removed_campaign_is_not_of_the_next_one_of_its_name(
    meta: Graph, store: Store, word: str, errors: list[dict[str, Any]] | None, *, is_sent: bool
) -> None:
    first, second = phones(2)
    gateway = the_gateway(meta)
    store.workers.beat("broadcast", "w1")
    accepting.accept(store, an_order(contacts=[first]), country="BR")
    assert sends(store, gateway, "r1") == "sent"
    store.campaigns.finish("c1")
    removing.remove(store, "c1")
    wait_for(lambda: removing.erase(store, "c1", limit=250) < 0, what="the end of the campaign")
    accepting.accept(store, an_order(contacts=[second]), country="BR")
    assert not is_sent or sends(store, gateway, "r2") == "sent"

    receipts = gateway.read(meta.status(meta.ledger[0], word, errors=errors)).receipts
    assert settling.settle(store, "i1", receipts) == 0

    status = Status.SENT if is_sent else Status.PENDING
    assert telling.progress(store, "c1").counts[status] == 1
    gone = {identity(first)} if word == "failed" else set()  # it is theirs, who want no more of anybody's
    assert set(store.suppressions.among([identity(first), identity(second)])) == gone


def test_a_receipt_of_this_campaign_finds_the_contact_whose_answer_was_lost(meta: Graph, store: Store) -> None:
    gateway = the_gateway(meta)
    store.workers.beat("broadcast", "w1")
    accepting.accept(store, an_order(contacts=1), country="BR")
    meta.answer_next(502, "<html>")
    assert sends(store, gateway, "r1") == "unconfirmed"

    taken = Sent("wamid.1", NUMBER_ID, phones(1)[0], meta.seen[-1]["body"])
    assert settling.settle(store, "i1", gateway.read(meta.status(taken, "delivered")).receipts) == 1
    assert telling.progress(store, "c1").counts[Status.DELIVERED] == 1


def test_a_reference_of_an_earlier_version_is_believed_where_it_is_of_no_other(meta: Graph, store: Store) -> None:
    gateway = the_gateway(meta)
    store.workers.beat("broadcast", "w1")
    accepting.accept(store, an_order(contacts=2), country="BR")
    old = [Receipt(message_id=f"old{number}", status=Status.DELIVERED, reference=f"c1:{number}") for number in range(2)]
    assert settling.settle(store, "i1", old) == 0  # nothing has left yet
    assert sends(store, gateway, "r1") == "sent"
    meta.answer_next(502, "<html>")
    assert sends(store, gateway, "r2") == "unconfirmed"

    assert settling.settle(store, "i1", old[:1]) == 0  # it is known under another id
    assert settling.settle(store, "i1", old[1:]) == 1
