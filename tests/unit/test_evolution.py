"""What Evolution is sent, what its answers mean, what its webhooks say."""

from __future__ import annotations

import json
import logging
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from email.utils import formatdate
from functools import partial
from pathlib import Path
from time import time
from typing import Any
from urllib.parse import quote

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.domain.contact import Status
from broadcast.domain.content import Kind
from broadcast.gateways.base import (
    Accepted,
    Answer,
    Busy,
    Closed,
    Connection,
    Echo,
    Inbound,
    Message,
    News,
    Receipt,
    Refused,
    Unknown,
)
from broadcast.gateways.catalogue import build
from broadcast.gateways.evolution import MOST_NUMBERS, Evolution, request_of
from broadcast.gateways.evolution.answers import read_answer, read_numbers
from broadcast.gateways.evolution.webhooks import LEEWAY_S
from broadcast.gateways.http import Response
from broadcast.gateways.meta import MEANINGS
from broadcast.gateways.waha import request_of as waha_request_of
from broadcast.gateways.words import LONGEST_RETRY_S
from tests.departures import Gate
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


@pytest.mark.parametrize(
    ("kind", "name", "mimetype"),
    [
        (Kind.IMAGE, "foto nova.jpg", "image/jpeg"),
        (Kind.VIDEO, "filme.mp4", "video/mp4"),
        (Kind.DOCUMENT, "foto nova.jpg", "image/jpeg"),
        (Kind.DOCUMENT, "página.html", "text/html"),
    ],
)
def test_media_goes_by_address_with_its_name_and_type(kind: Kind, name: str, mimetype: str) -> None:
    url = f"https://cdn.example/a/{quote(name)}?x=1"
    path, body = request_of(a_message(kind, media_url=url))
    assert path == "/message/sendMedia/loja%2001"
    assert (body["mediatype"], body["fileName"], body["mimetype"]) == (kind.value, name, mimetype)
    assert (body["media"], body["caption"]) == (url, "Oi")


@pytest.mark.parametrize(
    ("kind", "name", "sent", "mimetype"),
    [
        (Kind.IMAGE, "x.php", "x.jpg", "image/jpeg"),
        (Kind.IMAGE, "view.html", "view.jpg", "image/jpeg"),
        (Kind.IMAGE, "foto.pdf", "foto.jpg", "image/jpeg"),
        (Kind.IMAGE, "foto", "foto.jpg", "image/jpeg"),
        (Kind.IMAGE, "foto.webp", "foto.webp", "image/webp"),
        (Kind.VIDEO, "watch.aspx", "watch.mp4", "video/mp4"),
        (Kind.VIDEO, "filme.mov", "filme.mov", "video/quicktime"),
    ],
)
def test_a_medium_is_named_as_its_kind_whatever_serves_it(kind: Kind, name: str, sent: str, mimetype: str) -> None:
    url = f"https://cdn.example/{name}?id=7"
    message = a_message(kind, media_url=url)
    _, body = request_of(message)
    assert (body["media"], body["fileName"], body["mimetype"]) == (url, sent, mimetype)
    _, waha = waha_request_of(message, session="loja", chat="c", own_id=None)
    assert waha["file"] == {"url": url, "filename": sent, "mimetype": mimetype}


def test_a_medium_without_a_name_is_left_to_evolution() -> None:
    _, body = request_of(a_message(Kind.IMAGE, media_url="https://cdn.example/"))
    assert body.keys() == {"number", "mediatype", "media", "caption"}


def test_audio_goes_as_a_voice_note() -> None:
    path, body = request_of(a_message(Kind.AUDIO, text="", media_url="https://cdn.example/a.mp3"))
    assert path == "/message/sendWhatsAppAudio/loja%2001"
    assert body == {"number": "5511999990001", "audio": "https://cdn.example/a.mp3"}


@pytest.mark.parametrize("dialect", ["evolution", "sandbox"])
def test_a_message_leaves_with_its_key_and_its_reference(dialect: str) -> None:
    with answering(201, {"key": {"id": "3EB0"}}) as (url, seen):
        gateway = build(dialect, url=url + "/", credentials={"apiKey": "k3y"}, timeout_s=5)
        assert gateway.send(a_message(), departure=Gate()) == Accepted("3EB0")
    (request,) = seen
    assert request["path"] == "/message/sendText/loja%2001"
    assert (request["headers"]["apikey"], request["headers"]["X-Broadcast-Reference"]) == ("k3y", "c1:7")


def test_a_campaign_of_any_name_can_be_sent() -> None:
    message = Message(
        instance="loja", phone="5511", kind=Kind.TEXT, text="Oi", reference="natal \U0001f384 \u2013 24.12:7"
    )
    with answering(201, {"key": {"id": "3EB0"}}) as (url, _):
        assert Evolution(url, "k", timeout_s=5).send(message, departure=Gate()) == Accepted("3EB0")


def test_an_accepted_answer_with_the_medium_in_it_is_accepted() -> None:
    # An instance that adds the medium to its webhooks (`base64`) adds it to its answers as well.
    body = {"key": {"remoteJid": "x", "fromMe": True, "id": "3EB0"}, "message": {"base64": "A" * 2_000_000}}
    with answering(201, body) as (url, _):
        assert Evolution(url, "k", timeout_s=5).send(a_message(), departure=Gate()) == Accepted("3EB0")


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
    (wrapped(400, "Unterminated string in JSON at position 9"), Refused, "rejected"),
    # Of our request, body-parser says it, in a text; in a list it is of what was read after the message left.
    (
        wrapped(400, ["SyntaxError: Unexpected token < in JSON at position 0"]),
        Unknown,
        "failed_while_sending",
    ),
    (wrapped(400, ["Unexpected token < in JSON at position 0"]), Unknown, "failed_while_sending"),
    (wrapped(400, ["Error: Connection Closed"]), Closed, "disconnected"),
    (wrapped(400, ["Error: Timed Out"]), Unknown, "failed_while_sending"),
    (wrapped(400, ["PrismaClientKnownRequestError: x"]), Unknown, "failed_while_sending"),
    (wrapped(400, []), Unknown, "failed_while_sending"),
    (wrapped(400, ["DriverError: Connection Closed by the database"]), Unknown, "failed_while_sending"),
    (wrapped(400, ["Error: rate-overlimit"]), Unknown, "rate_overlimit"),
    (wrapped(429, ["Error: rate-overlimit"]), Busy, "rate_overlimit"),
    (wrapped(400, ["Error: Text is required"]), Refused, "rejected"),
    (wrapped(400, ["HttpError: Chatwoot: Text is required"]), Unknown, "failed_while_sending"),
    (wrapped(400, ["AxiosError: typebot: Method not available"]), Unknown, "failed_while_sending"),
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
    (answer(201, {"message": "new", "code": 999999}), Refused, "rejected"),
    (answer(201, {"message": "new", "code": 999999, "is_transient": True}), Busy, "gateway_error"),
    (answer(201, {"message": "what", "code": True}), Unknown, "answer_without_id"),
]


@pytest.mark.parametrize(("given_", "kind", "reason"), ANSWERS)
def test_an_answer_is_read_by_its_shape(given_: Response, kind: type, reason: str) -> None:
    result = read_answer(given_)
    assert isinstance(result, kind), result
    assert getattr(result, "reason", "") == reason


@pytest.mark.parametrize(
    ("code", "meaning"), [*MEANINGS.items(), (300, Refused("rejected")), (999_999, Refused("rejected"))]
)
def test_a_code_of_metas_that_is_passed_on_means_what_it_means_from_meta(code: int, meaning: Answer) -> None:
    result = read_answer(answer(201, {"message": "(#1) words", "type": "OAuthException", "code": code}))
    assert result == replace(meaning, detail=f"{code}: (#1) words")


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
        ("close", Connection(is_open=False, reason="unlinked")),
        ("refused", Connection(is_open=False, reason="unlinked")),
        ("connecting", None),
    ],
)
def test_an_instance_opens_and_closes(state: str, connection: Connection | None) -> None:
    news = GATEWAY.read({"event": "connection.update", "data": {"state": state, "statusReason": 401}})
    assert news.connection == connection


#: what the reading looks at, with anything in it
KEY = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just("3EB0") | JSON,
        "fromMe": st.booleans() | JSON,
        "remoteJid": st.sampled_from(["551100000001@s.whatsapp.net", "100000000000001@lid"]) | JSON,
        "remoteJidAlt": st.just("551100000001:2@s.whatsapp.net") | JSON,
    },
)
MESSAGE = st.recursive(
    JSON,
    lambda inner: st.dictionaries(
        st.sampled_from(["conversation", "imageMessage", "caption", "ephemeralMessage", "message"]), inner
    ),
    max_leaves=8,
)
ITEM = st.dictionaries(
    st.sampled_from(["keyId", "status", "state", "statusReason", "messageStubParameters"]), JSON
) | st.fixed_dictionaries({"key": KEY, "message": MESSAGE})
EVENT = (
    st.sampled_from(
        [
            "messages.update",
            "CONNECTION_UPDATE",
            "connection.update",
            "send.message",
            "messages.upsert",
            "status.instance",
        ]
    )
    | JSON
)


@given(st.fixed_dictionaries({}, optional={"event": EVENT, "data": ITEM | st.lists(ITEM | JSON, max_size=3) | JSON}))
def test_no_webhook_breaks_the_reading(payload: dict[str, Any]) -> None:
    GATEWAY.read(payload)


def test_an_instance_that_was_logged_out_ends_closed() -> None:
    # In the order in which a real one comes.
    files = (
        "status_instance_closed", "logout_instance", "connection_update_logged_out", "connection_update_connecting",
        "qrcode_updated",
    )  # fmt: skip
    news = [GATEWAY.read(json.loads((PAYLOADS / f"{file}.json").read_text())).connection for file in files]
    assert [told.is_open for told in news if told] == [False, False, False]


@pytest.mark.parametrize("data", [None, {}, {"status": "open"}, {"status": ["closed"]}, []])
def test_a_status_that_is_none_closes_nothing(data: Any) -> None:
    assert GATEWAY.read({"event": "status.instance", "data": data}) == News()


@pytest.mark.parametrize("codes", [None, [], "463", [None], [["463"]], ["500"], {"0": "463"}])
def test_an_error_without_a_known_code_says_nothing_of_the_instance(codes: Any) -> None:
    call = {"event": "messages.update", "data": {"keyId": "a", "status": "ERROR", "messageStubParameters": codes}}
    (receipt,) = GATEWAY.read(call).receipts
    assert (receipt.reason, receipt.means) == ("gateway_error", None)


@pytest.mark.parametrize("codes", [["463", "479"], ["479", "463"], ["a word", 463]])
def test_of_several_codes_the_most_telling_counts(codes: Any) -> None:
    call = {"event": "messages.update", "data": {"keyId": "a", "status": "ERROR", "messageStubParameters": codes}}
    assert GATEWAY.read(call).receipts[0].reason == "restricted"


def test_a_code_without_an_error_closes_nothing() -> None:
    call = {"event": "messages.update", "data": {"keyId": "a", "status": "READ", "messageStubParameters": ["463"]}}
    assert GATEWAY.read(call).receipts[0].means is None


@pytest.mark.parametrize(
    ("why", "closed", "ended"),
    [
        (401, "unlinked", "unlinked"),
        ("401", "unlinked", "unlinked"),
        (403, "shut_out", "shut_out"),
        (406, "close 406", "closed 406"),
        (None, "disconnected", "disconnected"),
    ],
)
def test_how_a_session_ended_is_told_apart(why: Any, closed: str, ended: str) -> None:
    calls = (
        {"event": "connection.update", "data": {"state": "close", "statusReason": why}},
        {"event": "status.instance", "data": {"status": "closed", "disconnectionReasonCode": why}},
    )
    told = [GATEWAY.read(call).connection for call in calls]
    assert told == [Connection(is_open=False, reason=reason) for reason in (closed, ended)]


@pytest.mark.parametrize("state", [[], {}, ["close"], None, 7, True])
def test_a_state_that_is_none_is_no_news(state: Any) -> None:
    assert GATEWAY.read({"event": "connection.update", "data": {"state": state}}).connection is None


@pytest.mark.parametrize("why", [None, [], "x" * 100_000])
def test_a_reason_that_is_none_is_left_out_and_a_long_one_cut(why: Any) -> None:
    connection = GATEWAY.read(
        {"event": "connection.update", "data": {"state": "close", "statusReason": why}}
    ).connection
    assert connection is not None
    assert connection.reason.startswith("close" if why else "disconnected")
    assert len(connection.reason) <= 200


def test_an_unknown_word_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            GATEWAY.read(update("A_WORD_FROM_TOMORROW"))
    assert caplog.text.count("A_WORD_FROM_TOMORROW") == 1


def receipts(*pairs: tuple[str, Status]) -> News:
    failed = {Status.FAILED: "gateway_error"}
    return News(
        receipts=tuple(Receipt(message_id=key, status=status, reason=failed.get(status)) for key, status in pairs)
    )


def echoed(text: str, kind: Kind = Kind.TEXT) -> News:
    at_ms, message_id = 1_894_699_860_000, "3EB0AA11BB22CC33DD44EE"
    return News(echoes=(Echo(message_id=message_id, phone="551100000001", text=text, kinds=(kind,), at_ms=at_ms),))


def wrote(text: str) -> News:
    return News(inbound=(Inbound(phone="551100000001", text=text),))


def tapped(text: str, behind: str | None) -> News:
    return News(inbound=(Inbound(phone="551100000001", text=text, is_tap=True, behind=behind),))


def failed(reason: str, means: Answer | None = None) -> News:
    key = "3EB0AA11BB22CC33DD44EE"
    return News(receipts=(Receipt(message_id=key, status=Status.FAILED, reason=reason, means=means),))


def connection(*, is_open: bool, reason: str) -> News:
    return News(connection=Connection(is_open=is_open, reason=reason))


#: payload file -> what is in it
NEWS: dict[str, News] = {
    "messages_update_sent": receipts(("3EB0AA11BB22CC33DD44EE", Status.SENT)),
    "messages_update_delivered": receipts(("3EB0AA11BB22CC33DD44EE", Status.DELIVERED)),
    "messages_update_played": receipts(("3EB0AA11BB22CC33DD44EE", Status.READ)),
    "messages_update_error": receipts(("3EB0AA11BB22CC33DD44EE", Status.FAILED)),
    "messages_update_error_restricted": failed(
        "restricted", Closed("restricted", "463: the number may not begin chats")
    ),
    "messages_update_error_stale_session": failed("stale_session"),
    "messages_update_deleted": News(),
    "messages_update_business_failed": receipts(("wamid.HBgINVENTED0001", Status.FAILED)),
    "messages_update_many": receipts(("3EB0000000000000000001", Status.READ), ("3EB0000000000000000003", Status.SENT)),
    "send_message_text": echoed("Oi, Ana!\nTudo bem? \U0001f389"),
    "send_message_extended": echoed("Oi, https://loja.example"),
    "send_message_image": echoed("Oferta", Kind.IMAGE),
    "send_message_document_wrapped": echoed("Tabela", Kind.DOCUMENT),
    "send_message_audio": echoed("", Kind.AUDIO),
    "send_message_hidden_id": echoed("Oi"),
    "send_message_hidden_id_alone": News(),
    "send_message_group": News(),
    "messages_upsert": wrote("oi"),
    "messages_upsert_hidden_id": wrote("SAIR"),
    "messages_upsert_hidden_id_older": wrote("SAIR"),
    "messages_upsert_swapped_id": wrote("SAIR"),
    "messages_upsert_disappearing": wrote("SAIR"),
    "messages_upsert_image": wrote("SAIR"),
    "messages_upsert_button": tapped("SAIR", "out"),
    "messages_upsert_template_button": tapped("SAIR", "out"),
    "messages_upsert_list": tapped("SAIR", "out"),
    "messages_upsert_interactive": tapped("SAIR", None),
    "messages_upsert_button_of_meta": tapped("Cancelar", None),
    "messages_upsert_quick_reply": tapped("Cancelar", "PARAR"),
    "messages_upsert_audio": News(),
    "messages_upsert_reaction": News(),
    "messages_upsert_group": News(),
    "messages_upsert_status": News(),
    "messages_upsert_channel": News(),
    "messages_upsert_own_telephone": News(),
    "logout_instance": connection(is_open=False, reason="unlinked"),
    "status_instance_closed": connection(is_open=False, reason="unlinked"),
    "qrcode_updated": News(),
    "connection_update_open": connection(is_open=True, reason="open"),
    "connection_update_logged_out": connection(is_open=False, reason="unlinked"),
    "connection_update_refused": connection(is_open=False, reason="unlinked"),
    "connection_update_connecting": News(),
}


@pytest.mark.parametrize("path", sorted(PAYLOADS.glob("*.json")), ids=lambda path: path.stem)
def test_a_payload_says_what_it_says(path: Path) -> None:
    assert GATEWAY.read(json.loads(path.read_text())) == NEWS[path.stem]


@pytest.mark.parametrize(
    "key",
    [
        {"remoteJid": "551100000001@s.whatsapp.net", "fromMe": False, "id": "3EB0"},
        {"remoteJid": "551100000001@s.whatsapp.net", "fromMe": "true", "id": "3EB0"},
        {"remoteJid": "551100000001@s.whatsapp.net", "id": "3EB0"},
        {"remoteJid": "551100000001@s.whatsapp.net", "fromMe": True, "id": "a b"},
        {"remoteJid": "551100000001@s.whatsapp.net", "fromMe": True},
        {"remoteJid": "status@broadcast", "fromMe": True, "id": "3EB0"},
        {"remoteJid": "\u0661\u0662\u0663\u0664\u0665\u0666@s.whatsapp.net", "fromMe": True, "id": "3EB0"},
        {"fromMe": True, "id": "3EB0"},
        None,
    ],
)
def test_what_is_no_send_of_ours_is_no_echo(key: Any) -> None:
    call = {"event": "send.message", "data": {"key": key, "message": {"conversation": "Oi"}}}
    assert GATEWAY.read(call) == News()


def test_every_payload_is_there() -> None:
    assert {path.stem for path in PAYLOADS.glob("*.json")} == set(NEWS)


@pytest.mark.parametrize(
    ("headers", "path", "is_ours"),
    [
        ({"Authorization": "Bearer s3cret"}, "", True),
        ({"Authorization": "bearer s3cret"}, "", True),
        ({"authorization": "BEARER  s3cret"}, "", True),
        ({"Authorization": "Bearers3cret"}, "", False),
        ({"Authorization": "Basic s3cret"}, "", False),
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


TOKEN = "a webhook token " * 4  # as long as the longest of the algorithms asks for


def signed(*, key: str = TOKEN, algorithm: str = "HS256", made: float = 0.0, **claims: Any) -> dict[str, str]:
    """The header of a call that was signed so many s from now, as Evolution signs."""
    at = int(time() + made)
    whole = {"iat": at, "exp": at + 600, "app": "evolution", "action": "webhook", **claims}
    whole = {name: value for name, value in whole.items() if value is not None}
    return {"Authorization": f"Bearer {jwt.encode(whole, key if algorithm != 'none' else None, algorithm=algorithm)}"}


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        (partial(signed), True),
        pytest.param(partial(signed, made=-600 - LEEWAY_S + 60), True, id="a late retry"),
        pytest.param(partial(signed, made=-600 - LEEWAY_S - 60), False, id="too late a retry"),
        pytest.param(partial(signed, made=LEEWAY_S - 60), True, id="its clock is ahead"),
        pytest.param(partial(signed, made=LEEWAY_S + 60), False, id="its clock is far ahead"),
        pytest.param(partial(signed, key=TOKEN + "."), False, id="another key"),
        pytest.param(partial(signed, algorithm="none"), False, id="unsigned"),
        pytest.param(partial(signed, algorithm="HS512"), False, id="another algorithm"),
        pytest.param(partial(signed, app="other"), False, id="another app"),
        pytest.param(partial(signed, action=None), False, id="no action"),
        pytest.param(partial(signed, iat=None), False, id="no beginning"),
        pytest.param(partial(signed, exp=None), False, id="no end"),
        pytest.param(partial(signed, exp="tomorrow"), False, id="no time"),
        (lambda: {"Authorization": "Bearer a.b.c"}, False),
        (lambda: {"Authorization": "Bearer ..\udc80"}, False),
        pytest.param(lambda: {"Authorization": f"Bearer {b64encode(b'[' * 9000).decode()}.a.b"}, False, id="deep"),
    ],
)
def test_a_webhook_is_signed_with_our_token(headers: Callable[[], dict[str, str]], is_ours: bool) -> None:
    gateway = Evolution("http://127.0.0.1:1", "k", timeout_s=1, webhook_token=TOKEN)
    assert gateway.verify(headers(), b"", path="") is is_ours


@given(st.text(), st.text())
def test_no_stranger_breaks_the_check(bearer: str, path: str) -> None:
    gateway = Evolution("http://127.0.0.1:1", "k", timeout_s=1, webhook_token=TOKEN)
    assert not gateway.verify({"Authorization": f"Bearer {bearer}"}, b"", path=path)


def test_without_a_token_every_call_is_taken() -> None:
    assert GATEWAY.verify({}, b"", path="")


@pytest.mark.parametrize(
    ("answer", "connection"),
    [
        ({"instance": {"instanceName": "loja", "state": "open"}}, Connection(is_open=True, reason="open")),
        ({"instance": {"instanceName": "loja", "state": "close"}}, Connection(is_open=False, reason="disconnected")),
        ({"instance": {"instanceName": "loja", "state": "connecting"}}, None),
        ({"instance": {"instanceName": "loja"}}, None),
        ("<html>", None),
    ],
)
def test_a_probe_says_what_the_gateway_knows(answer: Any, connection: Connection | None) -> None:
    with answering(200, answer) as (url, seen):
        assert Evolution(url, "k", timeout_s=5).probe("loja 1") == connection
        assert seen[0]["path"] == "/instance/connectionState/loja%201"


@pytest.mark.parametrize(
    ("status", "message", "reason"),
    [
        (401, "Unauthorized", "unauthorized"),
        (404, ['The "loja" instance does not exist'], "unknown_instance"),
        (404, ["Cannot GET /evolution/instance/connectionState/loja"], "gateway_address_wrong"),
        (500, ["Connection Closed"], "disconnected"),
        (500, "PrismaClientInitializationError", None),
        (429, ["Too Many Requests"], None),
        (503, ["Service Unavailable"], None),
    ],
)
def test_a_probe_that_is_refused_says_why_and_one_that_is_only_late_says_nothing(
    status: int, message: Any, reason: str | None
) -> None:
    with answering(status, {"status": status, "error": "x", "response": {"message": message}}) as (url, _):
        found = Evolution(url, "k", timeout_s=5).probe("loja")
    assert found == (Connection(is_open=False, reason=reason) if reason else None)


def test_a_probe_of_a_gateway_that_is_away_says_nothing() -> None:
    assert GATEWAY.probe("loja") is None


#: what the check of numbers is answered -> what it says. The shapes are those of a real Evolution 2.3.7.
CHECKS: list[tuple[Response, Any]] = [
    (
        answer(
            200,
            [
                {"jid": "553199990002@s.whatsapp.net", "exists": True, "number": "5531999990002"},
                {"jid": "5511999990404@s.whatsapp.net", "exists": False, "number": "5511999990404"},
                {"jid": "100000000000001@lid", "exists": True, "number": "5511999990003"},
                {"jid": "5511999990005@s.whatsapp.net", "exists": "yes", "number": "5511999990005"},
                {"exists": True},
                None,
            ],
        ),
        {"5531999990002": "553199990002", "5511999990404": None, "5511999990003": "5511999990003"},
    ),
    (answer(200, {}, text="{}"), Busy("unknown_answer", "{}")),
    (
        answer(400, {"isBoom": True, "output": {"statusCode": 428, "payload": {"message": "Connection Closed"}}}),
        Closed("disconnected", "Connection Closed"),
    ),
    (
        answer(400, {"isBoom": True, "output": {"statusCode": 408, "payload": {"message": "Timed Out"}}}),
        Busy("number_check_timed_out", "Timed Out"),
    ),
    (answer(400, {"isBoom": True, "output": {"statusCode": 500}}), Busy("gateway_error", "")),
    (answer(400, {}, text="{}"), Busy("gateway_error", "{}")),
    (
        answer(400, {"status": 400, "error": "Bad Request", "message": ["Method not available on WhatsApp"]}),
        Closed("method_not_available", '["Method not available on WhatsApp"]'),
    ),
    (
        answer(400, {"status": 400, "error": "Bad Request", "message": [["numbers contains duplicate item"]]}),
        Closed("rejected", '[["numbers contains duplicate item"]]'),
    ),
    (
        answer(429, {"status": 429, "error": "Too Many Requests", "retryAfter": 9}, text="{}", **{"Retry-After": "9"}),
        Busy("too_many_requests", "HTTP 429: {}", after_s=9),
    ),
    (wrapped(429, ["Too many"]), Busy("too_many_requests", "Too many")),
    (wrapped(401, "Unauthorized"), Closed("unauthorized", "Unauthorized")),
    (wrapped(404, ['The "x" instance does not exist']), Closed("unknown_instance", 'The "x" instance does not exist')),
    (wrapped(400, [["numbers is wrong"]]), Closed("rejected", "numbers is wrong")),
    (wrapped(400, ["Error: Timed Out"]), Busy("unknown_answer", "Error: Timed Out")),
    (answer(502, None, text="<html>"), Busy("unknown_answer", "HTTP 502: <html>")),
]


@pytest.mark.parametrize(("given_", "expected"), CHECKS)
def test_a_check_of_numbers_is_read_by_its_shape(given_: Response, expected: Any) -> None:
    assert read_numbers(given_) == expected


@given(st.integers(100, 599), JSON)
def test_no_answer_breaks_a_check_and_nobody_is_said_to_have_no_whatsapp(status: int, body: Any) -> None:
    result = read_numbers(answer(status, body, text=str(body)))
    assert not isinstance(result, dict) or result == {}


def test_a_check_of_many_is_made_in_parts() -> None:
    phones = [f"55119999{index:05d}" for index in range(MOST_NUMBERS + 1)]
    with answering(200, [{"jid": f"{phones[0]}@s.whatsapp.net", "exists": True, "number": phones[0]}]) as (url, seen):
        found = Evolution(url, "k", timeout_s=5).exists("loja 1", [*phones, *phones])
    assert [call["body"]["numbers"] for call in seen] == [phones[:MOST_NUMBERS], phones[MOST_NUMBERS:]]
    assert {call["path"] for call in seen} == {"/chat/whatsappNumbers/loja%201"}
    assert found == {phones[0]: phones[0]}


def test_a_check_ends_with_the_first_part_that_fails() -> None:
    with answering(429, {}, {"Retry-After": "9"}) as (url, seen):
        found = Evolution(url, "k", timeout_s=5).exists("loja", [str(number) for number in range(10_000, 10_200)])
    assert isinstance(found, Busy)
    assert (found.reason, found.after_s, len(seen)) == ("too_many_requests", 9, 1)


def test_nobody_is_asked_about_nobody() -> None:
    assert GATEWAY.exists("loja", []) == {}


def test_a_check_by_a_gateway_that_is_away_is_put_off() -> None:
    found = GATEWAY.exists("loja", ["5511999990001"])
    assert isinstance(found, Busy)
    assert not found.reached
