"""What Meta's Cloud API is sent, what its answers mean, what its webhooks say."""

from __future__ import annotations

import hmac
import json
import logging
import re
from collections.abc import Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.domain.contact import Status
from broadcast.domain.content import Kind, Template
from broadcast.gateways.base import (
    Accepted,
    Busy,
    Closed,
    Connection,
    Inbound,
    Message,
    News,
    Preference,
    Receipt,
    Refused,
    Scope,
    Unknown,
)
from broadcast.gateways.cloud import Cloud, read_answer, request_of
from broadcast.gateways.http import Response
from broadcast.gateways.meta import MEANINGS

ROOT = Path(__file__).parents[2]
PAYLOADS = ROOT / "tests" / "payloads" / "cloud"
GATEWAY = Cloud("http://127.0.0.1:1", "t", timeout_s=1, phone_number_id="106540352242922")


def a_message(kind: Kind = Kind.TEXT, text: str = "Oi", **changes: Any) -> Message:
    given_ = {"instance": "1065", "phone": "5511999990001", "kind": kind, "text": text, "reference": "natal:7"}
    return Message(**{**given_, **changes})


def answer(status: int, body: Any = None, *, text: str = "", **headers: str) -> Response:
    return Response(status, headers, body, text or json.dumps(body))


def failed(code: Any, status: int = 400, **more: Any) -> Response:
    error = {"message": f"(#{code}) What Meta says", "type": "OAuthException", "code": code, "fbtrace_id": "A"}
    return answer(status, {"error": {**error, **more}})


def accepted(**more: Any) -> Response:
    return answer(200, {"messaging_product": "whatsapp", "messages": [{"id": "wamid.A", **more}]})


def test_a_text_goes_to_a_number_with_its_plus_and_under_our_reference() -> None:
    assert request_of(a_message()) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+5511999990001",
        "type": "text",
        "text": {"body": "Oi", "preview_url": False},
        "biz_opaque_callback_data": "natal:7",
    }


@pytest.mark.parametrize("kind", [Kind.IMAGE, Kind.VIDEO])
def test_media_goes_by_its_link(kind: Kind) -> None:
    body = request_of(a_message(kind, media_url="https://cdn.example/a.jpg?x=1"))
    assert (body["type"], body[kind.value]) == (kind.value, {"link": "https://cdn.example/a.jpg?x=1", "caption": "Oi"})


def test_a_document_is_shown_by_its_name() -> None:
    body = request_of(a_message(Kind.DOCUMENT, media_url="https://cdn.example/a/tabela%20nova.pdf?x=1"))
    assert body["document"]["filename"] == "tabela nova.pdf"


def test_a_document_without_a_name_gets_none() -> None:
    assert "filename" not in request_of(a_message(Kind.DOCUMENT, media_url="https://cdn.example/"))["document"]


@pytest.mark.parametrize(("kind", "text"), [(Kind.AUDIO, "Oi"), (Kind.IMAGE, "")])
def test_where_there_is_no_caption_none_is_sent(kind: Kind, text: str) -> None:
    body = request_of(a_message(kind, text, media_url="https://cdn.example/a"))
    assert body[kind.value] == {"link": "https://cdn.example/a"}


def test_a_template_goes_instead_of_the_text() -> None:
    components = [{"type": "body", "parameters": [{"type": "text", "text": "Ana"}]}]
    body = request_of(a_message(template=Template(name="promo", language="pt_BR", components=components)))
    assert body["type"] == "template"
    assert body["template"] == {"name": "promo", "language": {"code": "pt_BR"}, "components": components}
    assert "text" not in body


def test_a_template_without_variables_has_no_components() -> None:
    body = request_of(a_message(template=Template(name="promo", language="pt_BR")))
    assert body["template"] == {"name": "promo", "language": {"code": "pt_BR"}}


ANSWERS: list[tuple[Response, type, str]] = [
    (accepted(), Accepted, ""),
    (accepted(message_status="accepted"), Accepted, ""),
    (accepted(message_status="held_for_quality_assessment"), Accepted, ""),
    (accepted(message_status="a word from tomorrow"), Accepted, ""),
    (accepted(message_status="paused"), Closed, "template_paused"),
    (answer(200, {"messages": [{"id": ""}]}), Unknown, "answer_without_id"),
    (answer(200, {"messages": [{"id": 7}]}), Unknown, "answer_without_id"),
    (answer(200, {"messages": []}), Unknown, "answer_without_id"),
    (answer(200, {"success": True}), Unknown, "answer_without_id"),
    (answer(200, []), Unknown, "answer_without_id"),
    (answer(200, None, text='{"messaging_product":"whatsapp","mess'), Unknown, "answer_without_id"),
    (answer(400, {"messages": [{"id": "wamid.A"}]}), Unknown, "unknown_answer"),
    # Whatever the HTTP status, the code decides; below 200 and above 499 as well.
    (failed(131026, 500), Refused, "not_on_whatsapp"),
    (failed(131026, 200), Refused, "not_on_whatsapp"),
    (failed(190, 500), Closed, "unauthorized"),
    (failed(130429, 403), Busy, "too_many_requests"),
    (failed("131047"), Refused, "window_closed"),
    (failed(100, error_subcode=33, type="GraphMethodException"), Closed, "unknown_instance"),
    (failed(100, error_subcode=2494010), Refused, "rejected"),
    # A code of tomorrow.
    (failed(139_999), Refused, "rejected"),
    (failed(139_999, 403), Refused, "rejected"),
    (failed(139_999, is_transient=True), Busy, "gateway_error"),
    (failed(139_999, 401), Closed, "unauthorized"),
    (failed(139_999, 429), Busy, "too_many_requests"),
    (failed(139_999, 500), Unknown, "unknown_answer"),
    (failed(139_999, 503), Unknown, "unknown_answer"),
    (failed(139_999, 200), Unknown, "unknown_answer"),
    # No envelope of Meta's.
    (answer(400, {"error": {"code": 131026, "message": "Who says so?", "status": "X"}}), Unknown, "unknown_answer"),
    (answer(502, {"error": {"code": 4, "message": "Bad Gateway"}}), Unknown, "unknown_answer"),
    (answer(400, {"error": {"message": "x", "type": "OAuthException"}}), Unknown, "unknown_answer"),
    (answer(400, {"error": {"message": "x", "type": "OAuthException", "code": True}}), Unknown, "unknown_answer"),
    (answer(400, {"error": "rejected"}), Unknown, "unknown_answer"),
    (answer(400, None, text='{"error":{"message":"(#1310'), Unknown, "unknown_answer"),
    (answer(401, None, text='{"error":{"message":"(#1310'), Unknown, "unknown_answer"),
    (answer(503, None, text='{"error":{"message":"(#1310'), Unknown, "unknown_answer"),
    (answer(400, None, text="<html>Bad Request"), Closed, "gateway_address_wrong"),
    (answer(408, None, text="<html>"), Unknown, "unknown_answer"),
    (answer(500, None, text="<html>"), Unknown, "unknown_answer"),
    (answer(502, None, text="<html>"), Unknown, "unknown_answer"),
    (answer(504, None, text="<html>"), Unknown, "unknown_answer"),
    (answer(429, None, text="<html>"), Busy, "too_many_requests"),
    (answer(503, None, text="<html>"), Busy, "gateway_unavailable"),
    (answer(401, None, text="<html>"), Closed, "unauthorized"),
    (answer(403, None, text="<html>"), Closed, "unauthorized"),
    (answer(404, None, text="<html>"), Closed, "gateway_address_wrong"),
    (answer(301, None, text=""), Closed, "gateway_address_wrong"),
]


@pytest.mark.parametrize(("given_", "kind", "reason"), ANSWERS)
def test_an_answer_is_read_by_its_code_and_only_in_metas_envelope(given_: Response, kind: type, reason: str) -> None:
    result = read_answer(given_)
    assert isinstance(result, kind), result
    assert getattr(result, "reason", "") == reason


#: The class that each code of Meta's error-codes page must have, apart from the table that is tested.
CLASSES: Mapping[str, tuple[int, ...]] = {
    "Busy": (1, 2, 4, 80007, 130429, 131000, 131016, 133004, 131057),
    "Busy contact": (131056, 131049, 131053),
    "Closed instance": (
        *(0, 3, 10, 190, *range(200, 300), 131005, 33, 131045, 133010, 131037, 133016),
        *(131048, 131064, 368, 131031, 130497, 131042, 134011),
    ),
    "Closed campaign": (131063, 132001, 132007, 132015, 132016, 132068, 132069),
    "Refused": (
        *(132000, 132005, 132012, 132018, 131026, 131047, 130403, 131021, 131030, 130472),
        *(100, 131008, 131009, 131051, 131055, 135000, 131052),
    ),
    "Refused and opted out": (131050,),
}
#: Codes of the Graph API itself, one that its page calls by another name, and one that it leaves out.
OTHERS = {17, 102, 104, 613, 803, 2500, 132008, 2494100}


def class_of(code: int) -> str:
    means = MEANINGS[code]
    if isinstance(means, Closed):
        return f"Closed {means.scope.value}"
    if isinstance(means, Busy):
        return "Busy contact" if means.contact_only else "Busy"
    return "Refused and opted out" if means.opts_out else "Refused"


@pytest.mark.parametrize(("class_", "code"), [(name, code) for name, codes in CLASSES.items() for code in codes])
def test_a_code_has_the_class_that_says_what_can_be_done(class_: str, code: int) -> None:
    assert class_of(code) == class_


def test_no_code_is_in_the_table_by_accident() -> None:
    assert set(MEANINGS) == {code for codes in CLASSES.values() for code in codes} | OTHERS


def test_the_pair_limit_holds_up_one_person_for_six_seconds_and_longer_each_time() -> None:
    result = read_answer(failed(131056))
    assert isinstance(result, Busy)
    assert (result.contact_only, result.after_s, result.growth, result.most_attempts) == (True, 6, 4, None)


def test_a_capped_person_is_tried_once_more_and_not_within_a_day() -> None:
    result = read_answer(answer(400, failed(131049).json, **{"Retry-After": "5"}))
    assert isinstance(result, Busy)
    assert (result.contact_only, result.after_s, result.most_attempts) == (True, 86_400, 2)


def test_media_that_meta_could_not_fetch_are_tried_once_more() -> None:
    result = read_answer(failed(131053))
    assert isinstance(result, Busy)
    assert (result.contact_only, result.most_attempts) == (True, 2)


def test_a_retry_after_is_obeyed() -> None:
    for given_ in (answer(429, None, **{"Retry-After": "7"}), answer(400, failed(130429).json, **{"retry-after": "7"})):
        result = read_answer(given_)
        assert isinstance(result, Busy)
        assert result.after_s == 7


def test_a_paused_template_stops_its_campaign_alone() -> None:
    for given_ in (failed(132015), accepted(message_status="paused")):
        result = read_answer(given_)
        assert isinstance(result, Closed)
        assert result.scope is Scope.CAMPAIGN


def test_the_detail_is_metas_words_without_a_number() -> None:
    result = read_answer(failed(131026, error_data={"messaging_product": "whatsapp", "details": "To 5511999990001"}))
    assert isinstance(result, Refused)
    assert result.detail.startswith("131026: (#131026) What Meta says; To 5511")
    assert "5511999990001" not in result.detail


def test_the_detail_has_metas_message_and_its_title_and_neither_twice() -> None:
    answered = read_answer(failed(131026, message="Not reached", title="Undeliverable"))
    assert getattr(answered, "detail", "") == "131026: Not reached; Undeliverable"
    assert getattr(read_answer(failed(131026, message="No", title="No")), "detail", "") == "131026: No"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=20,
)
ERROR = st.dictionaries(
    st.sampled_from(["code", "type", "message", "error_data", "error_subcode", "is_transient", "fbtrace_id"]), JSON
)


@given(st.integers(100, 599), JSON | st.fixed_dictionaries({"error": ERROR | JSON}))
def test_no_answer_breaks_the_reading_and_only_an_id_is_accepted(status: int, body: Any) -> None:
    assert not isinstance(read_answer(answer(status, body)), Accepted)


# What the webhooks say.

ID = "wamid.HBgINVENTED0001"
OPTED_OUT = "131050: User stopped marketing messages; The recipient has chosen to stop receiving marketing messages"

#: payload file -> id, status, reference, reason and what it means beyond its contact, of each receipt
RECEIPTS: dict[str, list[tuple[Any, ...]]] = {
    "status_sent": [(ID, Status.SENT, "natal:7", None, None)],
    "status_delivered": [(ID, Status.DELIVERED, "natal:7", None, None)],
    "status_read": [(ID, Status.READ, "natal:7", None, None)],
    "status_played": [(ID, Status.READ, "natal:7", None, None)],
    "status_without_user_id": [(ID, Status.DELIVERED, "natal:7", None, None)],
    "status_without_contacts": [(ID, Status.DELIVERED, "natal:7", None, None)],
    "status_without_reference": [(ID, Status.READ, None, None, None)],
    "status_of_a_word_from_tomorrow": [],
    "status_failed_not_on_whatsapp": [(ID, Status.FAILED, "natal:7", "not_on_whatsapp", None)],
    "status_failed_in_experiment": [(ID, Status.FAILED, "natal:7", "in_experiment", None)],
    "status_failed_capped": [(ID, Status.FAILED, "natal:7", "marketing_capped", Busy)],
    "status_failed_opted_out": [(ID, Status.FAILED, "natal:7", "opted_out", Refused)],
    "status_failed_restricted": [(ID, Status.FAILED, "natal:7", "restricted", Closed)],
    "status_failed_blocked_account": [(ID, Status.FAILED, "natal:7", "restricted", Closed)],
    "status_failed_template_paused": [(ID, Status.FAILED, "natal:7", "template_paused", Closed)],
    "status_failed_media": [(ID, Status.FAILED, "natal:7", "media_unreachable", Busy)],
    "status_failed_unknown_code": [(ID, Status.FAILED, "natal:7", "rejected", None)],
    "status_failed_without_errors": [(ID, Status.FAILED, "natal:7", "gateway_error", None)],
    "statuses_of_two_numbers": [
        (ID, Status.DELIVERED, "natal:7", None, None),
        ("wamid.HBgINVENTED0003", Status.READ, "natal:7", None, None),
    ],
}


#: payload file -> its news of numbers that are not ours
NEWS_OF_OTHERS = {
    "statuses_of_two_numbers": {
        "number/106540352249999": News(
            receipts=(Receipt(message_id="wamid.HBgINVENTED0002", status=Status.READ, reference="natal:7"),)
        )
    }
}


def said(text: str) -> News:
    return News(inbound=(Inbound(phone="551199990001", text=text),))


def tapped(text: str, behind: str) -> News:
    return News(inbound=(Inbound(phone="551199990001", text=text, is_tap=True, behind=behind),))


def wish(*, stops: bool) -> News:
    return News(preferences=(Preference(phone="551199990001", stops=stops),))


def banned(reason: str) -> News:
    # Of an account that this instance was not told to be its own.
    return News(others={"account/102290129340398": News(connection=Connection(is_open=False, reason=reason))})


#: payload file without receipts -> its news
NEWS: dict[str, News] = {
    "message_text": said("SAIR"),
    "message_image": said("Sair"),
    "message_button": tapped("Parar de receber", "stop-1"),
    "message_button_reply": tapped("Sair da lista", "b1"),
    "message_list_reply": tapped("Cancelar", "l1"),
    "message_reaction": News(),
    "message_unsupported": News(),
    "message_in_a_group": News(),
    "message_without_a_number": News(),
    "preference_stop": wish(stops=True),
    "preference_resume": wish(stops=False),
    "preference_signup": wish(stops=False),
    "preference_from_tomorrow": News(),
    "preference_of_another_sort": News(),
    "error_account_locked": News(connection=Connection(is_open=False, reason="restricted")),
    "error_throughput": News(),
    "error_of_a_message": News(),
    "account_disabled": banned("restricted"),
    "account_deleted": banned("restricted"),
    "account_offboarded": banned("restricted"),
    "account_restricted_from_writing": banned("restricted"),
    "account_restricted_from_adding_numbers": News(),
    "account_reinstated": News(),
    "account_to_be_disabled": News(),
    "account_violation": News(),
    "number_quality": News(),
    "template_paused": News(),
}


def payload(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((PAYLOADS / f"{name}.json").read_text())
    return content


@pytest.mark.parametrize("name", sorted(RECEIPTS))
def test_a_status_says_what_it_says(name: str) -> None:
    news = GATEWAY.read(payload(name))
    found = [(receipt.message_id, receipt.status, receipt.reference, receipt.reason) for receipt in news.receipts]
    assert found == [row[:4] for row in RECEIPTS[name]]
    for receipt, (*_, kind) in zip(news.receipts, RECEIPTS[name], strict=True):
        assert receipt.means is None if kind is None else isinstance(receipt.means, kind)
    assert news == News(receipts=news.receipts, others=NEWS_OF_OTHERS.get(name, {}))


@pytest.mark.parametrize("name", sorted(NEWS))
def test_a_payload_says_what_it_says(name: str) -> None:
    assert GATEWAY.read(payload(name)) == NEWS[name]


def test_every_payload_is_there() -> None:
    assert {path.stem for path in PAYLOADS.glob("*.json")} == {*RECEIPTS, *NEWS}


@pytest.mark.parametrize(
    ("code", "reason"),
    [(368, "restricted"), (131048, "restricted"), (131042, "billing"), (190, "unauthorized"), (133010, "unregistered"),
     (131051, None), (131050, None), (132015, None), (2500, None), (803, None), (999999, None), ("x", None)],
)  # fmt: skip
def test_an_error_of_no_message_closes_the_instance_that_it_is_of(code: Any, reason: str | None) -> None:
    given_ = payload("error_throughput")
    (entry,) = given_["entry"]
    value = entry["changes"][0]["value"]
    value["errors"] = [{"code": code, "title": "x"}]
    means = Connection(is_open=False, reason=reason) if reason else None
    news = GATEWAY.read(given_)
    assert news == News(connection=means)
    if news.connection:
        assert (news.connection.at_ms, news.connection.tried_for_ms) == (entry["time"] * 1000, 7 * 86_400_000)

    value["metadata"]["phone_number_id"] = "106540352249999"
    assert GATEWAY.read(given_) == News(others={"number/106540352249999": News(connection=means)} if means else {})
    del value["metadata"]
    assert GATEWAY.read(given_) == News(others={"account/102290129340398": News(connection=means)} if means else {})
    del entry["id"]
    assert GATEWAY.read(given_) == News(connection=means)


def test_an_error_of_no_message_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    given_ = payload("error_throughput")
    given_["entry"][0]["changes"][0]["value"]["errors"][0]["title"] = "an error told once of 5511999990001"
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert GATEWAY.read(given_) == News()
    assert caplog.text.count("an error told once") == 1
    assert "5511999990001" not in caplog.text


def test_a_failed_receipt_means_what_the_same_answer_does() -> None:
    (capped,) = GATEWAY.read(payload("status_failed_capped")).receipts
    (opted_out,) = GATEWAY.read(payload("status_failed_opted_out")).receipts
    (paused,) = GATEWAY.read(payload("status_failed_template_paused")).receipts

    assert isinstance(capped.means, Busy)
    assert (capped.means.contact_only, capped.means.after_s, capped.means.most_attempts) == (True, 86_400, 2)
    assert isinstance(opted_out.means, Refused)
    assert opted_out.means.opts_out
    assert (opted_out.detail or "").startswith(OPTED_OUT)
    assert (opted_out.phone, capped.phone) == ("551199990001", None)  # more than an opt-out needs is not kept
    assert isinstance(paused.means, Closed)
    assert paused.means.scope is Scope.CAMPAIGN


def failed_for(*errors: Any) -> Receipt:
    given_ = payload("status_failed_not_on_whatsapp")
    given_["entry"][0]["changes"][0]["value"]["statuses"][0]["errors"] = list(errors)
    (receipt,) = GATEWAY.read(given_).receipts
    return receipt


#: the most telling first; 999999 is in no table
RANKED = (131048, 132015, 131050, 130429, 131056, 132000, 131026, 999999)


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("pair", list(combinations(RANKED, 2)))
def test_of_several_errors_the_most_telling_counts_wherever_it_stands(pair: tuple[int, int], order: int) -> None:
    errors = [{"code": code, "title": "x"} for code in pair]
    receipt = failed_for(*[{"href": "no code"}, "no error", *errors][::order])
    assert (receipt.reason, receipt.detail) == (MEANINGS[pair[0]].reason, f"{pair[0]}: x")


def test_of_errors_that_tell_as_much_the_first_counts() -> None:
    assert failed_for({"code": 190}, {"code": 368}).reason == "unauthorized"
    assert failed_for({"code": 368}, {"code": 190}).reason == "restricted"


def test_without_a_number_of_our_own_every_status_is_ours() -> None:
    gateway = Cloud("http://127.0.0.1:1", "t", timeout_s=1)
    assert len(gateway.read(payload("statuses_of_two_numbers")).receipts) == 3


def test_an_unknown_word_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    given_ = payload("status_read")
    given_["entry"][0]["changes"][0]["value"]["statuses"][0]["status"] = "a_word_told_once"
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            assert GATEWAY.read(given_) == News()
    assert caplog.text.count("a_word_told_once") == 1


@pytest.mark.parametrize("message_id", ["", " ", "a b", "\ud800", "x" * 300, 7, None])
def test_an_id_that_is_none_is_left_out(message_id: Any) -> None:
    given_ = payload("status_read")
    given_["entry"][0]["changes"][0]["value"]["statuses"][0]["id"] = message_id
    assert GATEWAY.read(given_) == News()


@pytest.mark.parametrize("id_", ["", "a b", "\ud800", "x" * 300])
def test_an_account_or_a_number_by_what_can_be_no_id_has_none(id_: str) -> None:
    change = {"field": "account_update", "value": {"event": "ACCOUNT_DELETED"}}
    banned_ = GATEWAY.read({"entry": [{"id": id_, "changes": [change]}]})
    assert (banned_.connection is not None, banned_.others) == (True, {})

    given_ = payload("status_read")
    given_["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = id_
    assert len(GATEWAY.read(given_).receipts) == 1


@pytest.mark.parametrize("entry", [7, True, "x", {"changes": []}, [7, None, {"changes": 7}], None])
def test_a_call_of_another_shape_is_no_news(entry: Any) -> None:
    assert GATEWAY.read({"object": "whatsapp_business_account", "entry": entry}) == News()


def test_half_a_character_is_no_trouble() -> None:
    given_ = payload("message_text")
    given_["entry"][0]["changes"][0]["value"]["messages"][0]["text"]["body"] = "SAIR \ud83c"
    assert GATEWAY.read(given_) == said("SAIR ?")


def nested(name: str, item: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    value = st.fixed_dictionaries({}, optional={name: st.lists(item | JSON, max_size=3) | JSON, "metadata": JSON})
    field = st.sampled_from(["messages", "user_preferences", "account_update"])
    change = st.fixed_dictionaries({"field": field | JSON, "value": value | JSON})
    entry = st.fixed_dictionaries({"changes": st.lists(change | JSON, max_size=2) | JSON})
    return st.fixed_dictionaries({"entry": st.lists(entry | JSON, max_size=2) | JSON})


def some(*names: str, **words: list[str]) -> st.SearchStrategy[Any]:
    known = {name: st.sampled_from(values) | JSON for name, values in words.items()}
    return st.fixed_dictionaries({}, optional={**dict.fromkeys(names, JSON), **known})


CALL = (
    nested("statuses", some("errors", "biz_opaque_callback_data", id=["a"], status=["sent", "failed"]))
    | nested("messages", some("text", "interactive", "button", type=["text", "interactive"], **{"from": ["5511999"]}))
    | nested("user_preferences", some(wa_id=["5511999"], category=["marketing_messages"], value=["stop"]))
    | nested("errors", some("title", "error_data", "error_subcode", code=["131031", "130429", "100"]))
    | nested("restriction_info", some(restriction_type=["RESTRICTED_BIZ_INITIATED_MESSAGING"]))
)


@given(CALL)
def test_no_webhook_breaks_the_reading(call: dict[str, Any]) -> None:
    GATEWAY.read(call)


BODY = b'{"entry":[{"id":"\\u00e9"}]}'


def signature(secret: str, body: bytes = BODY) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, "sha256").hexdigest()


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        ({"X-Hub-Signature-256": signature("s3cret")}, True),
        ({"x-hub-signature-256": signature("s3cret")}, True),
        ({"X-HUB-SIGNATURE-256": signature("s3cret")}, True),
        ({"X-Hub-Signature-256": signature("other")}, False),
        ({"X-Hub-Signature-256": signature("s3cret", BODY + b" ")}, False),
        ({"X-Hub-Signature-256": signature("s3cret").removeprefix("sha256=")}, False),
        ({"X-Hub-Signature": signature("s3cret")}, False),
        ({"X-Hub-Signature-256": ""}, False),
        ({"X-Hub-Signature-256": "sha256=\u00e9\ud800"}, False),
        ({}, False),
    ],
)
def test_a_webhook_is_signed_with_the_apps_secret(headers: dict[str, str], is_ours: bool) -> None:
    gateway = Cloud("http://127.0.0.1:1", "t", timeout_s=1, app_secret="s3cret")
    assert gateway.verify(headers, BODY, path="") is is_ours


def test_without_a_secret_every_call_is_taken() -> None:
    assert GATEWAY.verify({}, b"", path="")


@pytest.mark.parametrize(
    ("query", "answered"),
    [
        ({"hub.mode": "subscribe", "hub.challenge": "11", "hub.verify_token": "v3rify"}, "11"),
        ({"hub.mode": "subscribe", "hub.challenge": "11", "hub.verify_token": "other"}, None),
        ({"hub.mode": "unsubscribe", "hub.challenge": "11", "hub.verify_token": "v3rify"}, None),
        ({"hub.challenge": "11", "hub.verify_token": "v3rify"}, None),
        ({"hub.mode": "subscribe", "hub.verify_token": "v3rify"}, None),
        ({}, None),
    ],
)
def test_a_challenge_is_met_for_who_knows_our_word(query: dict[str, str], answered: str | None) -> None:
    assert Cloud("http://127.0.0.1:1", "t", timeout_s=1, verify_token="v3rify").challenge(query) == answered


@pytest.mark.parametrize("token", [None, ""])
def test_without_a_word_of_ours_nobody_knows_it(token: str | None) -> None:
    gateway = Cloud("http://127.0.0.1:1", "t", timeout_s=1, verify_token=token)
    assert gateway.challenge({"hub.mode": "subscribe", "hub.challenge": "11", "hub.verify_token": ""}) is None


def test_meta_chooses_the_id() -> None:
    assert GATEWAY.own_id(a_message()) is None


def test_a_probe_of_a_gateway_that_is_away_says_nothing() -> None:
    assert GATEWAY.probe("1065") is None


def codes_in(cell: str) -> set[int]:
    ranges = re.findall(r"(\d+)(?:-(\d+))?", cell)
    return {code for first, last in ranges for code in range(int(first), int(last or first) + 1)}


#: class -> how the guide puts it
IN_WORDS = {
    "Busy contact": "Busy, this contact",
    "Closed instance": "Closed",
    "Closed campaign": "Closed, this campaign",
    "Refused and opted out": "Refused",
}


def test_the_guide_says_of_every_code_what_the_table_does() -> None:
    guide = (ROOT / "docs" / "howto" / "cloud.md").read_text(encoding="utf-8").split("## The codes")[1]
    rows = [row.split(" | ") for row in guide.splitlines() if re.match(r"\| \d", row)]
    said = {code: (class_, reason.strip("`")) for cell, class_, reason, _ in rows for code in codes_in(cell)}
    assert said == {
        code: (IN_WORDS.get(class_of(code), class_of(code)), means.reason) for code, means in MEANINGS.items()
    }
