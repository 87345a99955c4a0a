"""What WAHA is sent, what its answers mean, what its webhooks say."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.domain.contact import Status
from broadcast.domain.content import Kind
from broadcast.gateways.addresses import KEPT_S, Addresses
from broadcast.gateways.base import (
    Accepted,
    Busy,
    Closed,
    Connection,
    Echo,
    Gateway,
    Inbound,
    Message,
    News,
    Receipt,
    Refused,
    Scope,
    Unknown,
)
from broadcast.gateways.http import Response
from broadcast.gateways.waha import OVERLIMIT_S, Waha, read_answer, read_check, request_of
from tests.standins.waha import Reply, faults_of, problem, thrown

PAYLOADS = Path(__file__).parents[1] / "payloads" / "waha"
GATEWAY: Gateway = Waha("http://127.0.0.1:1", "k", timeout_s=1)
CHAT = "551199990001@c.us"


def a_message(kind: Kind = Kind.TEXT, text: str = "Oi", media_url: str | None = None) -> Message:
    return Message(
        instance="loja 01", phone="5511999990001", kind=kind, text=text, media_url=media_url, reference="c1:7"
    )


def request(message: Message, own_id: str | None = None) -> tuple[str, dict[str, Any]]:
    return request_of(message, session="loja 01", chat=CHAT, own_id=own_id)


def answer(status: int, body: Any = None, *, text: str = "", **headers: str) -> Response:
    return Response(status, headers, body, text)


def as_response(reply: Reply) -> Response:
    """The stand-in's reply as our client would see it."""
    if isinstance(reply.body, str):
        return Response(reply.status, reply.headers, None, reply.body)
    return Response(reply.status, reply.headers, reply.body, json.dumps(reply.body)[:1000])


def test_a_text_goes_to_the_address_that_was_found_with_our_id() -> None:
    path, body = request(a_message(), "3EB0AA")
    assert path == "/api/sendText"
    assert body == {"session": "loja 01", "chatId": CHAT, "text": "Oi", "id": "3EB0AA"}


def test_without_an_id_of_ours_none_is_mentioned() -> None:
    assert "id" not in request(a_message())[1]


@pytest.mark.parametrize(
    ("kind", "path", "url", "more"),
    [
        (Kind.IMAGE, "/api/sendImage", "https://cdn.example/a/foto%20nova.jpg?x=1", {"caption": "Oi"}),
        (Kind.DOCUMENT, "/api/sendFile", "https://cdn.example/a.pdf", {"caption": "Oi"}),
        (Kind.VIDEO, "/api/sendVideo", "https://cdn.example/a.mp4", {"caption": "Oi", "convert": False}),
        (Kind.VIDEO, "/api/sendVideo", "https://cdn.example/a.mov", {"caption": "Oi", "convert": True}),
        (Kind.AUDIO, "/api/sendVoice", "https://cdn.example/a.mp3", {"convert": True}),
    ],
)
def test_media_goes_by_address_in_the_form_that_waha_takes(
    kind: Kind, path: str, url: str, more: dict[str, Any]
) -> None:
    sent_to, body = request(a_message(kind, media_url=url), own_id=None)
    assert sent_to == path
    assert faults_of(path, body) == []
    assert body.pop("file")["url"] == url
    assert body == {"session": "loja 01", "chatId": CHAT, **more}


def test_a_medium_is_named_and_typed_and_typed_even_without_a_name() -> None:
    _, named = request(a_message(Kind.IMAGE, media_url="https://cdn.example/a/foto%20nova.png?x=1"))
    _, nameless = request(a_message(Kind.IMAGE, text="", media_url="https://cdn.example/"))
    assert (named["file"]["filename"], named["file"]["mimetype"]) == ("foto nova.png", "image/png")
    assert nameless["file"] == {"url": "https://cdn.example/", "mimetype": "image/jpeg"}
    assert "caption" not in nameless


def test_a_texts_id_is_always_the_same_for_one_reference_and_looks_like_whatsapps() -> None:
    own_id = GATEWAY.own_id(a_message())
    assert own_id == GATEWAY.own_id(a_message(text="Outro"))
    editions = [GATEWAY.own_id(replace(a_message(), edition=edition)) for edition in ("", "1", "2", "2")]
    assert editions[0] == own_id
    assert len({*editions[:3]}) == 3
    assert editions[2] == editions[3]
    assert own_id is not None
    assert re.fullmatch(r"3EB0[0-9A-F]{18}", own_id)
    other = Message(instance="loja 01", phone="5511", kind=Kind.TEXT, text="Oi", reference="natal \U0001f384\ud800:7")
    assert GATEWAY.own_id(other) not in {own_id, None}


@pytest.mark.parametrize("kind", [Kind.IMAGE, Kind.VIDEO, Kind.AUDIO, Kind.DOCUMENT])
def test_media_takes_no_id_of_ours(kind: Kind) -> None:
    assert GATEWAY.own_id(a_message(kind, media_url="https://cdn.example/a")) is None


ID = "3EB0AA11BB22CC33DD44EE"
STATE = {"error": "Session status is not as expected.", "session": "x", "status": "FAILED", "expected": ["WORKING"]}
ANSWERS = [
    (answer(201, {"id": f"true_{CHAT}_{ID}", "ack": 1}), Accepted, ""),
    (answer(201, {"id": f"true_10000000000001@lid_{ID}", "_data": {"key": {"id": "other"}}}), Accepted, ""),
    (answer(201, {"key": {"remoteJid": "x", "fromMe": True, "id": ID}, "status": 1}), Accepted, ""),
    (answer(201, {"id": {"fromMe": True, "id": ID, "_serialized": f"true_{CHAT}_{ID}"}}), Accepted, ""),
    (answer(200, {"id": ID}), Accepted, ""),
    (answer(201, None, text=f'{{"id":"true_{CHAT}_{ID}","media":{{"data":"AAAA'), Accepted, ""),
    (answer(201, None, text=""), Unknown, "answer_without_id"),
    (answer(201, None, text='{"media":{"id":"true_551199990001@c.us_3EB0",'), Unknown, "answer_without_id"),
    (answer(201, {"ack": 1}), Unknown, "answer_without_id"),
    (answer(201, {"id": None}), Unknown, "answer_without_id"),
    (answer(201, {"id": ""}), Unknown, "answer_without_id"),
    (answer(201, {"id": f"true_{CHAT}"}), Unknown, "answer_without_id"),
    (answer(201, {"id": f"true_120300000000000001@g.us_{ID}_1@lid"}), Unknown, "answer_without_id"),
    (answer(201, []), Unknown, "answer_without_id"),
    (as_response(problem(400, ["text must be a string"], "Bad Request")), Refused, "rejected"),
    (answer(401, {"message": "Unauthorized", "statusCode": 401}), Closed, "unauthorized"),
    (as_response(problem(403, "Forbidden resource", "Forbidden")), Closed, "unauthorized"),
    (as_response(problem(404, "We didn't find a session with name 'x'.", "Not Found")), Closed, "unknown_instance"),
    (as_response(problem(404, "Cannot POST /waha/api/sendText", "Not Found")), Closed, "gateway_address_wrong"),
    (answer(422, STATE), Closed, "session_failed"),
    (answer(422, {**STATE, "status": "STARTING", "error": "Other words"}), Closed, "session_starting"),
    (answer(422, {**STATE, "status": "SCAN_QR_CODE"}), Closed, "unlinked"),
    (answer(422, {**STATE, "status": "A_STATE_FROM_TOMORROW"}), Closed, "disconnected"),
    (as_response(problem(422, "WAHA Core support only 'default' session.", "x")), Closed, "unknown_instance"),
    (as_response(problem(422, "Session 'x' does not exist", "x")), Closed, "unknown_instance"),
    (as_response(problem(422, "The method is not implemented by the engine.", "x")), Closed, "not_implemented"),
    (as_response(problem(422, "available only in Plus version for 'WEBJS'", "x")), Closed, "not_implemented"),
    (as_response(problem(501, "The method is not implemented by 'WPP' engine.", "x")), Closed, "not_implemented"),
    (as_response(problem(422, "something else", "Unprocessable Entity")), Refused, "rejected"),
    (as_response(problem(429, "ThrottlerException", "Too Many Requests")), Busy, "too_many_requests"),
    (as_response(problem(503, "Service Unavailable", "x")), Busy, "gateway_unavailable"),
    (as_response(problem(502, "Bad Gateway", "x")), Unknown, "unknown_answer"),
    (as_response(thrown("Timed Out")), Unknown, "failed_while_sending"),
    (as_response(thrown("Request failed with status code 404")), Unknown, "failed_while_sending"),
    (as_response(thrown("2 UNKNOWN: server returned error 463")), Closed, "restricted"),
    (as_response(thrown("2 UNKNOWN: server returned error 475")), Closed, "restricted"),
    (as_response(thrown("2 UNKNOWN: server returned error 4630")), Unknown, "failed_while_sending"),
    # not WAHA's
    (answer(500, None, text="<html>500</html>"), Unknown, "unknown_answer"),
    (answer(502, None, text="<html>"), Unknown, "unknown_answer"),
    (answer(504, None, text="<html>"), Unknown, "unknown_answer"),
    (answer(408, None, text="<html>"), Unknown, "unknown_answer"),
    (answer(503, None, text="<html>"), Busy, "gateway_unavailable"),
    (answer(429, None, text=""), Busy, "too_many_requests"),
    (answer(401, None, text="<html>"), Closed, "unauthorized"),
    (answer(404, None, text="<html>nginx"), Closed, "gateway_address_wrong"),
    (answer(301, None, text=""), Closed, "gateway_address_wrong"),
    # Half of an error of WAHA's own, whose text was to come.
    (answer(422, None, text='{"statusCode":422,"mess'), Unknown, "unknown_answer"),
    (answer(503, None, text=' {"exception":{"mess'), Unknown, "unknown_answer"),
    (answer(400, {"status": 400, "response": {"message": ["x"]}}), Closed, "gateway_address_wrong"),
]


@pytest.mark.parametrize(("given_", "kind", "reason"), ANSWERS)
def test_an_answer_is_read_by_its_shape(given_: Response, kind: type, reason: str) -> None:
    result = read_answer(given_)
    assert isinstance(result, kind), result
    assert getattr(result, "reason", "") == reason
    if isinstance(result, Accepted):
        assert result.message_id == ID


def test_what_the_engine_cannot_do_closes_the_campaign_and_not_the_instance() -> None:
    result = read_answer(as_response(problem(501, "The method is not implemented by 'WPP' engine.", "x")))
    assert isinstance(result, Closed)
    assert result.scope is Scope.CAMPAIGN


def test_a_retry_after_is_obeyed() -> None:
    for given_ in (answer(429, None, **{"retry-after": "7"}), answer(429, {"statusCode": 429}, **{"Retry-After": "7"})):
        result = read_answer(given_)
        assert isinstance(result, Busy)
        assert result.after_s == 7


def test_an_errors_echo_of_our_request_is_not_kept() -> None:
    body = thrown("Timed Out asking 5511999990001", body={"chatId": CHAT, "text": "Segredo"}).body
    body = {"request": body.pop("request"), **body}
    whole = Response(500, {}, body, json.dumps(body))
    cut = Response(500, {}, None, json.dumps(body)[:200])
    for result in (read_answer(whole), read_answer(cut), read_check(whole), read_check(cut)):
        assert isinstance(result, Unknown | Busy)
        assert "Segredo" not in result.detail
        assert "5511999990001" not in result.detail
    assert getattr(read_answer(whole), "detail", "").startswith("Timed Out asking 5511*")


CHECKS = [
    ({"numberExists": True, "chatId": CHAT}, CHAT),
    ({"numberExists": True, "chatId": "551199990001@s.whatsapp.net"}, CHAT),
    ({"numberExists": True, "chatId": "10000000000001@lid"}, "10000000000001@lid"),
    ({"numberExists": False, "chatId": CHAT}, Refused("not_on_whatsapp")),
    ({"numberExists": False}, Refused("not_on_whatsapp")),
    ({"numberExists": True}, Busy("number_check_failed", "HTTP 200", contact_only=True)),
    (
        {"numberExists": True, "chatId": "120300000000000001@g.us"},
        Busy("number_check_failed", "HTTP 200", contact_only=True),
    ),
    ({"chatId": CHAT}, Busy("number_check_failed", "HTTP 200", contact_only=True)),
    ({}, Busy("number_check_failed", "HTTP 200", contact_only=True)),
    ([], Busy("number_check_failed", "HTTP 200", contact_only=True)),
]


@pytest.mark.parametrize(("body", "expected"), CHECKS)
def test_a_message_goes_only_where_the_check_points(body: Any, expected: Any) -> None:
    assert read_check(answer(200, body)) == expected


@pytest.mark.parametrize(
    ("given_", "kind", "reason"),
    [
        (answer(401, {"message": "Unauthorized", "statusCode": 401}), Closed, "unauthorized"),
        (answer(422, STATE), Closed, "session_failed"),
        (as_response(problem(400, ["phone must be digits"], "Bad Request")), Refused, "rejected"),
        (as_response(thrown("Timed Out")), Busy, "number_check_failed"),
        (answer(502, None, text="<html>"), Busy, "number_check_failed"),
        (as_response(thrown("rate-overlimit")), Busy, "rate_overlimit"),
    ],
)
def test_an_error_of_the_check_is_as_one_of_a_send_but_never_unknown(given_: Response, kind: type, reason: str) -> None:
    result = read_check(given_)
    assert isinstance(result, kind), result
    assert getattr(result, "reason", "") == reason


def test_a_throttled_check_rests_for_minutes() -> None:
    result = read_check(as_response(thrown("rate-overlimit")))
    assert isinstance(result, Busy)
    assert result.after_s == OVERLIMIT_S


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
#: what the reading looks at, with anything in it
BODY = st.dictionaries(
    st.sampled_from(
        ["statusCode", "message", "error", "session", "status", "expected", "exception", "numberExists", "chatId"]
    ),
    JSON | st.fixed_dictionaries({"message": JSON}),
)


@given(st.integers(100, 599), BODY | JSON)
def test_no_answer_breaks_the_reading_and_only_an_id_is_accepted(status: int, body: Any) -> None:
    assert not isinstance(read_answer(answer(status, body, text=str(body))), Accepted)


@given(st.integers(100, 599), BODY | JSON)
def test_no_answer_breaks_the_reading_of_a_check(status: int, body: Any) -> None:
    result = read_check(answer(status, body, text=str(body)))
    assert not isinstance(result, Accepted | Unknown)
    if isinstance(result, str):
        assert re.fullmatch(r"[0-9]{5,20}@(c\.us|lid)", result)


@given(st.one_of(JSON, st.fixed_dictionaries({"_serialized": JSON}), st.fixed_dictionaries({"id": JSON})))
def test_an_id_of_any_shape_is_one_word_or_none(given_: Any) -> None:
    for body in ({"id": given_}, {"key": given_}):
        result = read_answer(answer(201, body))
        if isinstance(result, Accepted):
            assert re.fullmatch(r"[!-~]{1,256}", result.message_id)
            assert "_" not in result.message_id


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_an_address_is_kept_for_an_hour_for_its_session_and_number_alone() -> None:
    clock = Clock()
    addresses = Addresses(clock)
    addresses.keep("s1", "5511", "a@c.us")
    clock.now += KEPT_S - 1
    assert addresses.of("s1", "5511") == "a@c.us"
    assert addresses.of("s2", "5511") is None
    assert addresses.of("s1", "5512") is None
    clock.now += 1
    assert addresses.of("s1", "5511") is None


def test_the_address_that_was_not_needed_for_longest_makes_room() -> None:
    addresses = Addresses(Clock(), most=2)
    addresses.keep("s", "1", "a")
    addresses.keep("s", "2", "b")
    addresses.of("s", "1")
    addresses.keep("s", "3", "c")
    assert [addresses.of("s", phone) for phone in "123"] == ["a", None, "c"]


#: body, key, signature. The first is the example in WAHA's documentation; the second was made with openssl.
VECTORS = [
    (
        '{"event":"message","session":"default","engine":"WEBJS"}',
        "my-secret-key",
        (
            "208f8a55dde9e05519e898b10b89bf0d0b3b0fdf11fdbf09b6b90476301b98d8"
            "097c462b2b17a6ce93b6b47a136cf2e78a33a63f6752c2c1631777076153fa89"
        ),
    ),
    (
        '{"event":"message.ack","payload":{"body":"olá"}}',
        "chave-ção",
        (
            "90e38fec92fa93aae10c67fc604cd61c94cf20a7110e00bc6900796ffddd88b1"
            "42cb5b183673c84bce633e11667b397c28a82183aa2b9dc256a32bac93392990"
        ),
    ),
]


@pytest.mark.parametrize(("body", "key", "signature"), VECTORS)
@pytest.mark.parametrize("name", ["X-Webhook-Hmac", "x-webhook-hmac", "X-WEBHOOK-HMAC"])
def test_a_webhook_carries_the_signature_of_its_body(body: str, key: str, signature: str, name: str) -> None:
    gateway = Waha("http://127.0.0.1:1", "k", timeout_s=1, hmac_key=key)
    assert gateway.verify({name: signature}, body.encode(), path="")
    assert not gateway.verify({name: signature}, body.encode() + b" ", path="")
    assert not gateway.verify({name: signature[:-1] + "f"}, body.encode(), path="")
    assert not gateway.verify({"X-Webhook-Hmac-Algorithm": signature}, body.encode(), path="")


@pytest.mark.parametrize("given_", ["", "ç" * 128, "\ud800", " "])
def test_a_signature_that_is_none_is_refused(given_: str) -> None:
    gateway = Waha("http://127.0.0.1:1", "k", timeout_s=1, hmac_key="s")
    assert not gateway.verify({"X-Webhook-Hmac": given_}, b"{}", path="")
    assert not gateway.verify({}, b"{}", path="")


def test_without_a_key_every_call_is_taken() -> None:
    assert GATEWAY.verify({}, b"", path="")


def test_nothing_is_challenged() -> None:
    assert GATEWAY.challenge({"hub.mode": "subscribe", "hub.challenge": "x"}) is None


def sent(status: Status) -> News:
    reason = "gateway_error" if status is Status.FAILED else None
    return News(receipts=(Receipt(message_id=ID, status=status, reason=reason),))


def connected(is_open: bool, reason: str) -> News:
    return News(connection=Connection(is_open=is_open, reason=reason))


DELIVERED = Receipt(message_id=ID, status=Status.DELIVERED)


def echoed(receipt: Receipt | None = None, **more: Any) -> News:
    usual = {"phone": "551100000001", "text": "Oi, Ana!", "kinds": (Kind.TEXT,), "at_ms": 1_893_456_000_000}
    return News(echoes=(Echo(message_id=ID, receipt=receipt, **{**usual, **more}),))


WROTE = News(inbound=(Inbound(phone="551100000001", text="SAIR"),))
TAPPED = News(inbound=(Inbound(phone="551100000001", text="Cancelar", is_tap=True, behind="PARAR"),))
#: payload file -> what it says
NEWS: dict[str, News] = {
    "message_ack_error": sent(Status.FAILED),
    "message_ack_pending": News(),
    "message_ack_server": sent(Status.SENT),
    "message_ack_device": sent(Status.DELIVERED),
    "message_ack_read": sent(Status.READ),
    "message_ack_played": sent(Status.READ),
    "message_ack_number_alone": sent(Status.DELIVERED),
    "message_ack_hidden_id": sent(Status.READ),
    "message_ack_webjs_object": sent(Status.READ),
    "message_ack_not_ours": News(),
    "message_ack_group": News(),
    "session_status_working": connected(True, "open"),
    "session_status_stopped": connected(False, "session_stopped"),
    "session_status_failed": connected(False, "session_failed"),
    "session_status_scan_qr_code": connected(False, "unlinked"),
    "session_status_passkey_required": connected(False, "passkey_wanted"),
    "session_status_starting": News(),
    "session_status_timelocked": connected(False, "restricted"),
    "session_status_timelock_lifted": connected(True, "open"),
    "session_status_capped": connected(False, "restricted"),
    "session_status_cap_warned": connected(True, "open"),
    "message_text": WROTE,
    "message_tap_noweb": TAPPED,
    "message_tap_without_body": TAPPED,
    "message_tap_gows": TAPPED,
    "message_tap_webjs": TAPPED,
    "message_any_text": WROTE,
    "message_without_text": News(),
    "message_hidden_id_noweb": WROTE,
    "message_hidden_id_noweb_before": WROTE,
    "message_hidden_id_gows": WROTE,
    "message_hidden_id_alone": News(),
    "message_group": News(),
    "message_status_broadcast": News(),
    "message_newsletter": News(),
    "message_any_by_api": echoed(),
    "message_any_by_phone": echoed(DELIVERED),
    "message_any_by_phone_medium": echoed(DELIVERED, phone=None, text="", kinds=(Kind.IMAGE, Kind.DOCUMENT)),
    "message_any_acked": echoed(Receipt(message_id=ID, status=Status.SENT)),
    "message_any_failed": echoed(Receipt(message_id=ID, status=Status.FAILED, reason="gateway_error")),
    "message_any_by_api_hidden_id": echoed(DELIVERED, phone=None),
    "message_any_hidden_id_noweb": echoed(Receipt(message_id=ID, status=Status.SENT)),
    "message_any_hidden_id_gows": echoed(Receipt(message_id=ID, status=Status.SENT)),
    "message_any_group": News(),
    "message_revoked": News(),
}


@pytest.mark.parametrize("name", sorted(NEWS))
def test_a_payload_says_what_it_says(name: str) -> None:
    assert GATEWAY.read(json.loads((PAYLOADS / f"{name}.json").read_text())) == NEWS[name]


def test_every_payload_is_there() -> None:
    assert {path.stem for path in PAYLOADS.glob("*.json")} == set(NEWS)


def test_a_session_that_failed_says_so_even_if_it_was_barred_before() -> None:
    barred = {"reachoutTimelock": {"isActive": True}}
    event = {"event": "session.status", "payload": {"status": "FAILED", "data": barred}}
    assert GATEWAY.read(event) == connected(False, "session_failed")


def ack(**payload: Any) -> News:
    return GATEWAY.read({"event": "message.ack", "payload": {"id": ID, "fromMe": True, **payload}})


@pytest.mark.parametrize("number", [-2, 5, True, "2", None, 2.0])
def test_an_ack_that_is_none_is_no_news(number: Any) -> None:
    assert ack(ack=number) == News()


@pytest.mark.parametrize("message_id", ["", " ", "a b", "\ud800", "x" * 300, 7, None, [], {"_serialized": 7}])
def test_an_id_that_is_none_is_left_out(message_id: Any) -> None:
    assert ack(ackName="READ", id=message_id) == News()


def test_an_unknown_word_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert ack(ackName="AN_ACK_FROM_TOMORROW") == News()
    assert caplog.text.count("AN_ACK_FROM_TOMORROW") == 1


NAMES = ["id", "from", "fromMe", "ack", "ackName", "status", "data", "me", "body", "source", "_data"]
ITEM = st.dictionaries(st.sampled_from(NAMES), JSON)
EVENT = st.sampled_from(["message", "message.any", "message.ack", "session.status"]) | JSON


@given(st.fixed_dictionaries({}, optional={"event": EVENT, "payload": ITEM | JSON}))
def test_no_webhook_breaks_the_reading(payload: dict[str, Any]) -> None:
    GATEWAY.read(payload)


@given(
    event=st.sampled_from(["message", "message.any"]),
    data=st.fixed_dictionaries({}, optional={"key": ITEM | JSON, "Info": ITEM | JSON}) | JSON,
    sender=st.sampled_from(["10000000000001@lid", "551100000001@c.us"]) | JSON,
    is_ours=st.booleans() | JSON,
)
def test_no_message_breaks_the_reading(event: str, data: Any, sender: Any, is_ours: Any) -> None:
    item = {"id": f"true_{CHAT}_{ID}", "from": sender, "fromMe": is_ours, "source": "api", "body": "x", "_data": data}
    news = GATEWAY.read({"event": event, "payload": item})
    assert all(inbound.phone.isdigit() for inbound in news.inbound)
    assert all(echo.phone is None or echo.phone.isdigit() for echo in news.echoes)
