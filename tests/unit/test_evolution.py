"""What Evolution is sent, what its answers mean, what its webhooks say."""

from __future__ import annotations

import json
import logging
from email.utils import formatdate
from pathlib import Path
from time import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.domain.contact import Status
from broadcast.domain.content import Kind
from broadcast.gateways.base import Accepted, Busy, Closed, Connection, Message, Refused, Unknown
from broadcast.gateways.catalogue import build
from broadcast.gateways.evolution import Evolution, read_answer, request_of
from broadcast.gateways.http import Response
from broadcast.gateways.words import LONGEST_RETRY_S
from tests.stubs import answering

PAYLOADS = Path(__file__).parents[1] / "payloads" / "evolution"
GATEWAY = Evolution("http://127.0.0.1:1", "k", timeout_s=1)


def a_message(kind: Kind = Kind.TEXT, text: str = "Oi", media_url: str | None = None) -> Message:
    return Message(
        instance="loja 01", phone="5511999990001", kind=kind, text=text, media_url=media_url, reference="c1:7"
    )


def answer(status: int, body: Any = None, *, text: str = "", **headers: str) -> Response:
    return Response(status, headers, body, text)


def wrapped(status: int, message: Any) -> Response:
    return answer(status, {"status": status, "error": "x", "response": {"message": message}})


def test_a_text_is_one_field() -> None:
    path, body = request_of(a_message())
    assert path == "/message/sendText/loja%2001"
    assert body == {"number": "5511999990001", "text": "Oi"}


@pytest.mark.parametrize("kind", [Kind.IMAGE, Kind.VIDEO, Kind.DOCUMENT])
def test_media_goes_by_address_with_its_name_and_type(kind: Kind) -> None:
    path, body = request_of(a_message(kind, media_url="https://cdn.example/a/foto%20nova.jpg?x=1"))
    assert path == "/message/sendMedia/loja%2001"
    assert (body["mediatype"], body["fileName"], body["mimetype"]) == (kind.value, "foto nova.jpg", "image/jpeg")
    assert (body["media"], body["caption"]) == ("https://cdn.example/a/foto%20nova.jpg?x=1", "Oi")


def test_audio_goes_as_a_voice_note() -> None:
    path, body = request_of(a_message(Kind.AUDIO, text="", media_url="https://cdn.example/a.mp3"))
    assert path == "/message/sendWhatsAppAudio/loja%2001"
    assert body == {"number": "5511999990001", "audio": "https://cdn.example/a.mp3"}


class Leave:
    """A fence that lets everybody leave at once."""

    def wait(self) -> None:
        pass

    def left(self, at: float) -> None:
        pass


@pytest.mark.parametrize("dialect", ["evolution", "sandbox"])
def test_a_message_leaves_with_its_key_and_its_reference(dialect: str) -> None:
    with answering(201, {"key": {"id": "3EB0"}}) as (url, seen):
        gateway = build(dialect, url=url + "/", api_key="k3y", timeout_s=5)
        assert gateway.send(a_message(), departure=Leave()) == Accepted("3EB0")
    (request,) = seen
    assert request["path"] == "/message/sendText/loja%2001"
    assert (request["headers"]["apikey"], request["headers"]["X-Broadcast-Reference"]) == ("k3y", "c1:7")


def test_a_campaign_of_any_name_can_be_sent() -> None:
    message = Message(
        instance="loja", phone="5511", kind=Kind.TEXT, text="Oi", reference="natal \U0001f384 \u2013 24.12:7"
    )
    with answering(201, {"key": {"id": "3EB0"}}) as (url, _):
        assert Evolution(url, "k", timeout_s=5).send(message, departure=Leave()) == Accepted("3EB0")


def test_an_accepted_answer_with_the_medium_in_it_is_accepted() -> None:
    # An instance that adds the medium to its webhooks (`base64`) adds it to its answers as well.
    body = {"key": {"remoteJid": "x", "fromMe": True, "id": "3EB0"}, "message": {"base64": "A" * 2_000_000}}
    with answering(201, body) as (url, _):
        assert Evolution(url, "k", timeout_s=5).send(a_message(), departure=Leave()) == Accepted("3EB0")


@pytest.mark.parametrize("text", ['{"key": {"id": 7}, ', '{"key": {bad}, ', '{"message": {"key": {"id": "a"}}, ', ""])
def test_what_only_looks_like_a_key_is_no_acceptance(text: str) -> None:
    assert isinstance(read_answer(answer(201, None, text=text)), Unknown)


ANSWERS = [
    (answer(201, {"key": {"id": "3EB0"}, "status": "PENDING"}), Accepted, ""),
    (answer(200, {"key": {"id": "3EB0"}}), Accepted, ""),
    (answer(201, {"status": "PENDING"}), Unknown, "answer_without_id"),
    (answer(201, {"key": {"id": ""}}), Unknown, "answer_without_id"),
    (answer(201, None, text="<html>"), Unknown, "answer_without_id"),
    (answer(201, []), Unknown, "answer_without_id"),
    (wrapped(400, [{"jid": "x", "exists": False, "number": "551199"}]), Refused, "not_on_whatsapp"),
    (wrapped(400, [['instance requires property "text"']]), Refused, "rejected"),
    (wrapped(400, ["Text is required"]), Refused, "rejected"),
    (wrapped(400, ["Owned media must be a url or base64"]), Refused, "rejected"),
    (wrapped(400, "Expected property name or '}' in JSON at position 1"), Refused, "rejected"),
    (wrapped(400, ["Error: Connection Closed"]), Closed, "disconnected"),
    (wrapped(400, ["Error: Timed Out"]), Unknown, "failed_while_sending"),
    (wrapped(400, ["PrismaClientKnownRequestError: x"]), Unknown, "failed_while_sending"),
    (wrapped(400, []), Unknown, "failed_while_sending"),
    (wrapped(400, ["DriverError: Connection Closed by the database"]), Unknown, "failed_while_sending"),
    (
        wrapped(400, ["TypeError: Cannot read properties of undefined (reading 'message')"]),
        Unknown,
        "failed_while_sending",
    ),
    (wrapped(400, {"a": [[]]}), Unknown, "failed_while_sending"),
    (wrapped(401, "Unauthorized"), Closed, "unauthorized"),
    (wrapped(403, ["Forbidden"]), Closed, "unauthorized"),
    (wrapped(404, ['The "x" instance does not exist']), Closed, "unknown_instance"),
    (wrapped(404, ["Cannot POST /message/sendText/x"]), Closed, "gateway_address_wrong"),
    (wrapped(429, ["Too many requests"]), Busy, "too_many_requests"),
    (wrapped(500, "Connection Closed"), Closed, "disconnected"),
    (wrapped(500, ["Error: Connection Closed"]), Closed, "disconnected"),
    (wrapped(500, "Timed Out"), Busy, "number_check_timed_out"),
    (wrapped(500, "Cannot read properties of undefined (reading 'find')"), Busy, "number_check_timed_out"),
    (wrapped(500, "Cannot read properties of undefined (reading 'textMessage')"), Closed, "instance_not_loaded"),
    (wrapped(500, "rate-overlimit"), Busy, "rate_overlimit"),
    (wrapped(500, ["AxiosError: Request failed with status code 404"]), Refused, "media_unreachable"),
    (wrapped(500, ["AxiosError: Request failed with status code 503"]), Busy, "media_unreachable"),
    (wrapped(500, ["AxiosError: Request failed with status code 429"]), Busy, "media_unreachable"),
    (wrapped(500, ["Error: connect ECONNREFUSED 127.0.0.1:1"]), Busy, "media_unreachable"),
    (wrapped(502, "Bad Gateway"), Unknown, "unknown_answer"),
    (wrapped(500, ["something else before the send"]), Busy, "gateway_error"),
    (answer(500, None, text="<html>500</html>"), Unknown, "unknown_answer"),
    (answer(502, None, text="<html>"), Unknown, "unknown_answer"),
    (answer(504, None, text="<html>"), Unknown, "unknown_answer"),
    (answer(503, None, text="<html>"), Busy, "gateway_unavailable"),
    (answer(429, None, text=""), Busy, "too_many_requests"),
    (answer(401, {"message": "no"}), Closed, "unauthorized"),
    (answer(404, None, text="<html>nginx"), Closed, "gateway_address_wrong"),
    (answer(301, None, text=""), Closed, "gateway_address_wrong"),
    (answer(408, None, text="<html>"), Unknown, "unknown_answer"),
    (answer(201, {"message": "(#131026)", "code": 131026}), Refused, "not_on_whatsapp"),
    (answer(201, {"message": "(#131047)", "code": 131047}), Refused, "window_closed"),
    (answer(201, {"message": "(#131050)", "code": 131050}), Refused, "opted_out"),
    (answer(201, {"message": "(#130429)", "code": 130429}), Busy, "too_many_requests"),
    (answer(201, {"message": "(#131056)", "code": 131056}), Busy, "too_many_requests"),
    (answer(201, {"message": "(#131048)", "code": 131048}), Closed, "restricted"),
    (answer(201, {"message": "expired", "code": 190}), Closed, "unauthorized"),
    (answer(201, {"message": "permission", "code": 230}), Closed, "unauthorized"),
    (answer(201, {"message": "billing", "code": 131042}), Closed, "billing"),
    (answer(201, {"message": "what", "code": 999_999}), Refused, "rejected"),
]


@pytest.mark.parametrize(("given_", "kind", "reason"), ANSWERS)
def test_an_answer_is_read_by_its_shape(given_: Response, kind: type, reason: str) -> None:
    result = read_answer(given_)
    assert isinstance(result, kind), result
    assert getattr(result, "reason", "") == reason


def test_a_retry_after_is_obeyed_in_both_of_its_forms() -> None:
    seconds = read_answer(answer(429, None, **{"Retry-After": "7"}))
    date = read_answer(answer(503, None, **{"retry-after": formatdate(time() + 60, usegmt=True)}))
    nonsense = read_answer(answer(429, None, **{"Retry-After": "soon"}))

    assert isinstance(seconds, Busy)
    assert seconds.after_s == 7
    assert isinstance(date, Busy)
    assert 55 < (date.after_s or 0) <= 60
    assert isinstance(nonsense, Busy)
    assert nonsense.after_s is None


@pytest.mark.parametrize(
    ("given_", "after_s"),
    [
        ("9" * 400, LONGEST_RETRY_S),
        pytest.param(formatdate(time() + 10 * LONGEST_RETRY_S, usegmt=True), LONGEST_RETRY_S, id="in ten days"),
        pytest.param(formatdate(time() - 60, usegmt=True), None, id="a minute ago"),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
        ("Mon, 01 Jan 0001 00:00:00 +2300", None),
        ("-5", None),
        ("", None),
    ],
)
def test_no_retry_after_stops_a_lane_for_ever(given_: str, after_s: float | None) -> None:
    result = read_answer(answer(429, None, **{"Retry-After": given_}))
    assert isinstance(result, Busy)
    assert (result.after_s or None) == after_s


def test_the_gateways_words_are_short_and_on_one_line() -> None:
    result = read_answer(answer(502, None, text="<html>\r\n  <h1>502</h1>\n" + "x " * 500))
    assert isinstance(result, Unknown)
    assert result.detail.startswith("HTTP 502: <html> <h1>502</h1> x x")
    assert len(result.detail) <= 220


def test_the_gateways_words_carry_no_full_number() -> None:
    result = read_answer(wrapped(400, [{"exists": False, "number": "5511999990001"}]))
    assert isinstance(result, Refused)
    assert "5511999990001" not in result.detail
    assert result.detail


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)


@given(st.integers(100, 599), JSON)
def test_no_answer_breaks_the_reading_and_only_an_id_is_accepted(status: int, body: Any) -> None:
    result = read_answer(answer(status, body, text=str(body)))
    assert not isinstance(result, Accepted)


@given(JSON)
def test_no_error_of_any_shape_breaks_the_reading(message: Any) -> None:
    assert not isinstance(read_answer(wrapped(400, message)), Accepted)


def update(status: Any, key: Any = "3EB0", event: str = "messages.update") -> dict[str, Any]:
    return {"event": event, "instance": "x", "data": {"keyId": key, "status": status}}


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("SERVER_ACK", Status.SENT),
        ("DELIVERY_ACK", Status.DELIVERED),
        ("READ", Status.READ),
        ("PLAYED", Status.READ),
        ("ERROR", Status.FAILED),
        ("FAILED", Status.FAILED),
    ],
)
def test_their_words_are_ours(word: str, status: Status) -> None:
    (receipt,) = GATEWAY.read(update(word)).receipts
    assert (receipt.message_id, receipt.status) == ("3EB0", status)


@pytest.mark.parametrize("word", ["PENDING", "DELETED", "NEWWORD", 3, None])
def test_what_is_no_news_is_left_out(word: Any) -> None:
    assert GATEWAY.read(update(word)).receipts == ()


@pytest.mark.parametrize("key", ["", " ", "a b", "\ud800", "x" * 300, 7, None])
def test_an_id_that_is_none_is_left_out(key: Any) -> None:
    assert GATEWAY.read(update("READ", key)).receipts == ()


def test_events_come_in_either_spelling_and_alone_or_many() -> None:
    many = {"event": "MESSAGES_UPDATE", "data": [{"keyId": "a", "status": "READ"}, {"keyId": "b", "status": "READ"}]}
    assert [receipt.message_id for receipt in GATEWAY.read(many).receipts] == ["a", "b"]


@pytest.mark.parametrize(
    ("state", "connection"),
    [
        ("open", Connection(is_open=True, reason="open")),
        ("close", Connection(is_open=False, reason="close 401")),
        ("refused", Connection(is_open=False, reason="refused 401")),
        ("connecting", None),
    ],
)
def test_an_instance_opens_and_closes(state: str, connection: Connection | None) -> None:
    news = GATEWAY.read({"event": "connection.update", "data": {"state": state, "statusReason": 401}})
    assert news.connection == connection


#: what the reading looks at, with anything in it
ITEM = st.dictionaries(st.sampled_from(["keyId", "status", "state", "statusReason"]), JSON)
EVENT = st.sampled_from(["messages.update", "CONNECTION_UPDATE", "connection.update"]) | JSON


@given(st.fixed_dictionaries({}, optional={"event": EVENT, "data": ITEM | st.lists(ITEM | JSON, max_size=3) | JSON}))
def test_no_webhook_breaks_the_reading(payload: dict[str, Any]) -> None:
    GATEWAY.read(payload)


@pytest.mark.parametrize("state", [[], {}, ["close"], None, 7, True])
def test_a_state_that_is_none_is_no_news(state: Any) -> None:
    assert GATEWAY.read({"event": "connection.update", "data": {"state": state}}).connection is None


@pytest.mark.parametrize("why", [None, [], "x" * 100_000])
def test_a_reason_that_is_none_is_left_out_and_a_long_one_cut(why: Any) -> None:
    connection = GATEWAY.read(
        {"event": "connection.update", "data": {"state": "close", "statusReason": why}}
    ).connection
    assert connection is not None
    assert connection.reason.startswith("close")
    assert len(connection.reason) <= 200


def test_an_unknown_word_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            GATEWAY.read(update("A_WORD_FROM_TOMORROW"))
    assert caplog.text.count("A_WORD_FROM_TOMORROW") == 1


#: payload file -> the receipts and the connection in it
NEWS: dict[str, Any] = {
    "messages_update_sent": [("3EB0AA11BB22CC33DD44EE", Status.SENT)],
    "messages_update_delivered": [("3EB0AA11BB22CC33DD44EE", Status.DELIVERED)],
    "messages_update_played": [("3EB0AA11BB22CC33DD44EE", Status.READ)],
    "messages_update_error": [("3EB0AA11BB22CC33DD44EE", Status.FAILED)],
    "messages_update_deleted": [],
    "messages_update_business_failed": [("wamid.HBgINVENTED0001", Status.FAILED)],
    "messages_update_many": [("3EB0000000000000000001", Status.READ), ("3EB0000000000000000003", Status.SENT)],
    "messages_upsert": [],
    "logout_instance": [],
    "connection_update_open": Connection(is_open=True, reason="open"),
    "connection_update_logged_out": Connection(is_open=False, reason="close 401"),
    "connection_update_refused": Connection(is_open=False, reason="refused 428"),
    "connection_update_connecting": None,
}


@pytest.mark.parametrize("path", sorted(PAYLOADS.glob("*.json")), ids=lambda path: path.stem)
def test_a_payload_says_what_it_says(path: Path) -> None:
    news, expected = GATEWAY.read(json.loads(path.read_text())), NEWS[path.stem]
    if isinstance(expected, list):
        assert [(receipt.message_id, receipt.status) for receipt in news.receipts] == expected
        assert news.connection is None
    else:
        assert news.receipts == ()
        assert news.connection == expected


def test_every_payload_is_there() -> None:
    assert {path.stem for path in PAYLOADS.glob("*.json")} == set(NEWS)


@pytest.mark.parametrize(
    ("headers", "path", "is_ours"),
    [
        ({"Authorization": "Bearer s3cret"}, "", True),
        ({}, "s3cret", True),
        ({}, "s3cret/messages-update", True),
        ({"Authorization": "Bearer other"}, "", False),
        ({}, "", False),
        ({}, "s3cret-not", False),
        ({}, "messages-update/s3cret", False),
    ],
)
def test_a_webhook_carries_our_token(headers: dict[str, str], path: str, is_ours: bool) -> None:
    gateway = Evolution("http://127.0.0.1:1", "k", timeout_s=1, webhook_token="s3cret")
    assert gateway.verify(headers, b"", path=path) is is_ours


def test_without_a_token_every_call_is_taken() -> None:
    assert GATEWAY.verify({}, b"", path="")


@pytest.mark.parametrize(
    ("answer", "connection"),
    [
        ({"instance": {"instanceName": "loja", "state": "open"}}, Connection(is_open=True, reason="open")),
        ({"instance": {"instanceName": "loja", "state": "close"}}, Connection(is_open=False, reason="close")),
        ({"instance": {"instanceName": "loja", "state": "connecting"}}, None),
        ({"instance": {"instanceName": "loja"}}, None),
        ("<html>", None),
    ],
)
def test_a_probe_says_what_the_gateway_knows(answer: Any, connection: Connection | None) -> None:
    with answering(200, answer) as (url, seen):
        assert Evolution(url, "k", timeout_s=5).probe("loja 1") == connection
        assert seen[0]["path"] == "/instance/connectionState/loja%201"


def test_a_probe_of_a_gateway_that_is_away_says_nothing() -> None:
    assert GATEWAY.probe("loja") is None
