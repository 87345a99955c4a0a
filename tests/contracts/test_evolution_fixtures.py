"""Every recorded answer and webhook of a real Evolution 2.3.7, read by our dialect and matched by our sandbox.

The recordings lie beside the repository; without them the tests say so and are skipped.
"""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests

from broadcast.domain.contact import Status
from broadcast.domain.content import Kind
from broadcast.domain.phone import identity
from broadcast.gateways.base import (
    Accepted,
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
from broadcast.gateways.evolution import Evolution
from broadcast.gateways.evolution.webhooks import is_ours
from broadcast.gateways.sandbox.dialect import Send, read_send
from broadcast.gateways.sandbox.faults import Fault
from broadcast.gateways.sandbox.instances import Instances
from broadcast.gateways.sandbox.ledger import Ledger
from broadcast.gateways.sandbox.receipts import Postman
from broadcast.gateways.sandbox.server import Behaviour, Sandbox
from tests.departures import Gate
from tests.processes import wait_for
from tests.stubs import listening, raw_server, read_request

FOLDER = Path(__file__).parents[2].parent / "shared" / "fixtures"
FILES = [path for name in ("baileys", "business") if (path := FOLDER / f"evolution-2.3.7-{name}.json").exists()]
pytestmark = pytest.mark.skipif(not FILES, reason=f"no recordings in {FOLDER}")


def recorded(*, of: str = "") -> Iterator[Any]:
    for path in FILES:
        for case in json.loads(path.read_text())["fixtures"]:
            name = f"{path.stem.rsplit('-', 1)[1]}-{case['name']}"
            if name.startswith(of):
                yield pytest.param(case, id=name)


def sends(*, of: str = "") -> Iterator[Any]:
    for param in recorded(of=of):
        case = param.values[0]
        path = (case.get("request") or {}).get("path", "")
        if path.startswith("/message/send") and (case.get("response") or {}).get("status"):
            yield param


def calls() -> Iterator[Any]:
    for param in recorded():
        for number, call in enumerate(param.values[0].get("webhooks") or []):
            yield pytest.param(param.values[0], call["body"], id=f"{param.id}-{number}-{call['body'].get('event')}")


#: recorded case -> what it is, where it is not an accepted message
NOT_ACCEPTED: dict[str, tuple[type, str]] = {
    "send_text_missing_text": (Refused, "rejected"),
    "send_text_empty_text": (Refused, "rejected"),
    "send_text_number_as_integer": (Refused, "rejected"),
    "send_text_delay_string": (Refused, "rejected"),
    "send_text_bad_json": (Refused, "rejected"),
    "send_text_empty_body": (Refused, "rejected"),
    "send_text_letters_as_number": (Refused, "rejected"),
    "send_text_wrong_key": (Closed, "unauthorized"),
    "send_text_no_key": (Closed, "unauthorized"),
    "send_text_unknown_instance": (Closed, "unknown_instance"),
    "send_text_unknown_instance_no_key": (Closed, "unknown_instance"),
    "unknown_route": (Closed, "gateway_address_wrong"),
    "send_media_document_base64_no_filename": (Refused, "rejected"),
    "send_media_bad_mediatype": (Refused, "rejected"),
    "send_media_data_uri": (Refused, "rejected"),
    "send_media_no_media": (Refused, "rejected"),
    "send_media_image_url_unreachable": (Busy, "media_unreachable"),
    "send_media_image_url_404": (Refused, "media_unreachable"),
    "number_not_on_whatsapp": (Refused, "not_on_whatsapp"),
    "connection_closed_during_send": (Closed, "disconnected"),
    "timed_out_during_send": (Unknown, "failed_while_sending"),
    "connection_closed_during_number_check": (Closed, "disconnected"),
    "send_while_logged_out": (Closed, "disconnected"),
    "graph_error_131026_in_response": (Refused, "not_on_whatsapp"),
    "graph_error_131056_in_response": (Busy, "too_many_requests"),
    "graph_error_190_token": (Closed, "unauthorized"),
    "graph_http_500_empty": (Unknown, "failed_while_sending"),
    "graph_connection_dropped": (Unknown, "failed_while_sending"),
}
#: where an instance of the Cloud API differs: media goes to Meta unfetched, and an empty text fails in its own way
BUSINESS: dict[str, tuple[type, str]] = {
    "send_text_empty_text": (Unknown, "failed_while_sending"),
    "send_media_image_url_unreachable": (Accepted, ""),
    "send_media_image_url_404": (Accepted, ""),
}
#: their word -> ours; other words and other events are no news
WORDS = {
    "SERVER_ACK": Status.SENT,
    "SENT": Status.SENT,
    "DELIVERY_ACK": Status.DELIVERED,
    "DELIVERED": Status.DELIVERED,
    "READ": Status.READ,
    "ERROR": Status.FAILED,
    "FAILED": Status.FAILED,
}
#: event and state -> whether it opens, and why
STATES: dict[tuple[str, str | None], tuple[bool, str]] = {
    ("connection.update", "open"): (True, "open"),
    ("connection.update", "close"): (False, "unlinked"),
    ("status.instance", None): (False, "unlinked"),
    ("logout.instance", None): (False, "unlinked"),
}
NO_NEWS = {("connection.update", "connecting"), ("qrcode.updated", None)}
#: name of a template -> what its echo has for a text
TEMPLATES = {"promo_jan": "\u25b6\ufe0fpromo_jan\u25c0\ufe0f"}


#: what `jwt_key` was set to for the recorded webhooks
JWT_KEY = "s3cret"


MESSAGE = Message(instance="loja", phone="5511999990001", kind=Kind.TEXT, text="Oi", reference="c:1")


def replay(response: dict[str, Any]) -> Callable[[socket.socket], None]:
    """What serves the recorded answer, framed as Evolution does."""
    content = json.dumps(response["body"], separators=(",", ":"), ensure_ascii=False).encode()
    head = (
        f"HTTP/1.1 {response['status']} X\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    )

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(head.encode() + content)

    return serve


@pytest.mark.parametrize("case", list(sends()))
def test_a_recorded_answer_is_what_it_was(case: dict[str, Any], request: pytest.FixtureRequest) -> None:
    table = {**NOT_ACCEPTED, **BUSINESS} if "business-" in request.node.name else NOT_ACCEPTED
    kind, reason = table.get(case["name"], (Accepted, ""))
    with raw_server(replay(case["response"])) as url:
        result = Evolution(url, "k", timeout_s=30).send(MESSAGE, departure=Gate())

    assert isinstance(result, kind), result
    assert getattr(result, "reason", "") == reason
    if isinstance(result, Accepted):
        assert result.message_id == case["response"]["body"]["key"]["id"]


def test_the_table_names_only_what_was_recorded() -> None:
    if len(FILES) == 2:
        assert {*NOT_ACCEPTED, *BUSINESS} <= {param.values[0]["name"] for param in sends()}


def said(case: dict[str, Any], call: dict[str, Any]) -> News:
    """What a recorded webhook says, by what was asked for when it came."""
    data, request = call["data"] or {}, (case.get("request") or {}).get("body") or {}
    if call["event"] == "messages.update" and (status := WORDS.get(data["status"])):
        reason = "gateway_error" if status is Status.FAILED else None
        return News(receipts=(Receipt(message_id=data["keyId"], status=status, reason=reason),))
    if call["event"] == "send.message":
        text = TEMPLATES.get(request.get("name"), request.get("text") or request.get("caption") or "")
        phone = data["key"]["remoteJid"].partition("@")[0]
        assert identity(phone) == identity(re.sub(r"\D", "", request["number"]))
        answered = case["response"]["body"]
        at_ms = answered["messageTimestamp"] * 1000
        kinds = (Kind(request.get("mediatype", "audio" if "audio" in request else "text")),)
        return News(echoes=(Echo(message_id=answered["key"]["id"], phone=phone, text=text, kinds=kinds, at_ms=at_ms),))
    if call["event"] == "messages.upsert":
        return News(inbound=(Inbound(phone="5511999990001", text="SAIR"),))
    if (state := (call["event"], data.get("state"))) in STATES:
        is_open, reason = STATES[state]
        return News(connection=Connection(is_open=is_open, reason=reason))
    return News()


@pytest.mark.parametrize(("case", "call"), list(calls()))
def test_a_recorded_webhook_says_what_it_said(case: dict[str, Any], call: dict[str, Any]) -> None:
    news = Evolution("http://127.0.0.1:1", "k", timeout_s=1).read(call)
    assert news == said(case, call)
    if news == News():
        assert (call["event"], (call["data"] or {}).get("state")) in NO_NEWS
    answered = (case.get("response") or {}).get("body")
    if news.receipts and isinstance(answered, dict) and isinstance(answered.get("key"), dict):
        assert news.receipts[0].message_id == answered["key"]["id"]


def test_every_event_that_was_recorded_has_its_expectation() -> None:
    # 118 cases, and each of their 100 calls is read above.
    if len(FILES) == 2:
        assert (len(list(recorded())), len(list(calls()))) == (118, 100)
        bodies = [param.values[1] for param in calls()]
        events = {(body["event"], (body["data"] or {}).get("state")) for body in bodies}
        others = {("send.message", None), ("messages.update", None), ("messages.upsert", None)}
        assert events == {*STATES, *NO_NEWS, *others}


def test_an_instance_that_was_logged_out_ends_closed() -> None:
    gateway = Evolution("http://127.0.0.1:1", "k", timeout_s=1)
    for param in recorded(of="baileys-logged_out_401"):
        news = [gateway.read(call["body"]).connection for call in param.values[0]["webhooks"]]
        assert [told.is_open for told in news if told] == [False, False, False]


@pytest.mark.filterwarnings("ignore:The HMAC key:jwt.warnings.InsecureKeyLengthWarning")
@pytest.mark.parametrize("name", ["baileys", "business"])
def test_a_recorded_signature_is_made_with_the_key_that_was_set(name: str) -> None:
    calls = [call for param in recorded(of=name) for call in param.values[0].get("webhooks") or []]
    for bearer in {call["headers"]["authorization"] for call in calls}:
        made = jwt.decode(bearer.removeprefix("Bearer "), options={"verify_signature": False})["iat"]
        for key, after_s, is_good in ((JWT_KEY, 1200, True), (JWT_KEY, 3000, False), ("other", 1200, False)):
            assert is_ours({"Authorization": bearer}, path="", token=key, now=made + after_s) is is_good


#: recorded check of numbers -> what it says
CHECKS: dict[str, Any] = {
    "baileys-whatsapp_numbers": {
        "5511999990001": "5511999990001",
        "5531999990002": "553199990002",
        "5511999990404": None,
    },
    "baileys-whatsapp_numbers_empty": Closed("rejected", '[["numbers does not meet minimum length of 1"]]'),
    "baileys-whatsapp_numbers_while_disconnected": Closed("disconnected", "Connection Closed"),
    "business-whatsapp_numbers": Closed("method_not_available", '["Method not available on WhatsApp Business API"]'),
    "business-whatsapp_numbers_empty": Closed("rejected", '[["numbers does not meet minimum length of 1"]]'),
}


def checks() -> Iterator[Any]:
    for param in recorded():
        if ((param.values[0].get("request") or {}).get("path") or "").startswith("/chat/whatsappNumbers/"):
            yield pytest.param(param.values[0], CHECKS[str(param.id)], id=param.id)


@pytest.mark.parametrize(("case", "expected"), list(checks()))
def test_a_recorded_check_of_numbers_says_what_it_said(case: dict[str, Any], expected: Any) -> None:
    # Nobody asks about nobody, so that an answer to it is read by asking about someone.
    numbers = case["request"]["body"]["numbers"] or ["5511999990001"]
    with raw_server(replay(case["response"])) as url:
        assert Evolution(url, "k", timeout_s=30).exists("loja", numbers) == expected


def recorded_states() -> Iterator[Any]:
    for param in recorded():
        if ((param.values[0].get("request") or {}).get("path") or "").startswith("/instance/connectionState/"):
            yield param


@pytest.mark.parametrize("case", list(recorded_states()))
def test_a_recorded_state_says_what_it_said(case: dict[str, Any]) -> None:
    state = case["response"]["body"].get("instance", {}).get("state")
    with raw_server(replay(case["response"])) as url:
        found = Evolution(url, "k", timeout_s=30).probe("loja")
    refused = {401: "unauthorized", 404: "unknown_instance"}.get(case["response"]["status"])
    reason = "open" if state == "open" else refused
    assert found == (Connection(is_open=reason == "open", reason=reason) if reason else None)


#: recorded case -> the fault with which the sandbox answers the same
PROVOKED: dict[str, dict[str, Any]] = {
    "send_text_wrong_key": {"kind": "unauthorized"},
    "send_text_unknown_instance": {"kind": "unknown_instance"},
    "send_text_unknown_instance_no_key": {"kind": "unknown_instance"},
    "send_media_image_url_unreachable": {"kind": "media_unreachable"},
    "send_media_image_url_404": {"kind": "media_missing"},
    "number_not_on_whatsapp": {"kind": "not_on_whatsapp"},
    "connection_closed_during_send": {"kind": "closed"},
    "timed_out_during_send": {"kind": "ambiguous"},
    "connection_closed_during_number_check": {"kind": "closed_before"},
    "whatsapp_numbers": {"kind": "not_on_whatsapp", "numbers": ["5511999990404"]},
    "whatsapp_numbers_while_disconnected": {"kind": "closed"},
    "connection_state_unknown_instance": {"kind": "unknown_instance"},
    "connection_state_wrong_key": {"kind": "unauthorized"},
    "graph_error_131026_in_response": {"kind": "graph", "code": 131026},
    "graph_error_131056_in_response": {"kind": "graph", "code": 131056},
    "graph_error_190_token": {"kind": "graph", "code": 190},
    "graph_http_500_empty": {"kind": "graph_lost"},
    "graph_connection_dropped": {"kind": "graph_lost"},
}
#: recorded case -> the recorded cases that came before it and matter to it
AFTER = {
    "create_instance_duplicate": ["create_instance"],
    "webhook_set_again": ["webhook_set"],
    "webhook_find": ["webhook_set"],
    "fetch_instances": ["create_instance"],
    "state_after_logout": ["logout"],
    "send_while_logged_out": ["logout"],
    "connect_asks_for_qr": ["logout"],
    "state_after_pairing": ["logout", "connect_asks_for_qr"],
    "restart": ["logout"],
}
#: errors whose text is the parser's or the library's, and differs in its details
OWN_WORDS = {"send_text_bad_json", "send_text_letters_as_number"}
#: what each server, instance and moment has its own of
OWN = {"id", "instanceId", "hash", "token", "createdAt", "updatedAt", "ownerJid", "profileName", "code", "base64"}
OWN |= {"webhookWaBusiness", "fbtrace_id"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    server = Sandbox(0, ledger=Ledger(), behaviour=Behaviour(latency_ms=0))
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def same_request(sandbox: Sandbox, request: dict[str, Any]) -> requests.Response:
    body = request["body"]
    return requests.request(
        request["method"],
        sandbox.url + request["path"],
        data=body if isinstance(body, str) else json.dumps(body),
        headers={**(request.get("headers") or {}), "Content-Type": "application/json"},
        timeout=10,
    )


def asked(*, of: str = "") -> Iterator[Any]:
    """What was asked of the real server, and answered."""
    for param in recorded(of=of):
        if param.values[0].get("request") and (param.values[0].get("response") or {}).get("status"):
            yield param


def test_only_webhooks_were_recorded_without_a_request() -> None:
    if len(FILES) == 2:
        others = {str(param.id) for param in recorded()} - {str(param.id) for param in asked()}
        of_both = {"inbound_text", "webhook_retry_after_500", "webhook_dropped_after_404"}
        of_baileys = {"socket_dropped_428_reconnects", "logged_out_401", "paired_again"}
        assert others == {
            *(f"{server}-{name}" for server in ("baileys", "business") for name in of_both),
            *(f"baileys-{name}" for name in of_baileys),
        }


@pytest.mark.parametrize("case", list(asked()))
def test_the_sandbox_answers_as_the_real_one_did(
    case: dict[str, Any], sandbox: Sandbox, request: pytest.FixtureRequest
) -> None:
    server = request.node.callspec.id.partition("-")[0]
    before = {param.values[0]["name"]: param.values[0]["request"] for param in asked(of=server)}
    # Nobody need make a telephone's instance; but only one that was made is known to be Meta's.
    made = ["create_instance"] if server == "business" and case["name"] != "create_instance" else []
    for name in dict.fromkeys([*made, *AFTER.get(case["name"], [])]):
        assert same_request(sandbox, before[name]).ok
    if case["name"] in PROVOKED:
        sandbox.faults.add(Fault.read(PROVOKED[case["name"]]))
    answer, theirs = same_request(sandbox, case["request"]), case["response"]["body"]
    ours = answer.json()

    assert answer.status_code == case["response"]["status"], ours
    if "key" in theirs:
        assert_is_accepted(ours, theirs)
    elif case["name"] in OWN_WORDS and answer.status_code == 400:
        assert (ours.keys(), ours.get("error")) == (theirs.keys(), theirs.get("error"))
        assert type(ours["response"]["message"]) is type(theirs["response"]["message"])
    elif case["name"] == "api_root":
        assert (ours["status"], ours["version"]) == (theirs["status"], theirs["version"])
    else:
        assert without_own(ours) == without_own(theirs)


def assert_is_accepted(ours: dict[str, Any], theirs: dict[str, Any]) -> None:
    assert ours["key"].keys() == theirs["key"].keys()
    assert ours["status"] == theirs["status"]
    assert ours["key"]["id"][:4] == theirs["key"]["id"][:4]
    assert same_keys(ours, theirs)
    for name in ("messageType", "pushName", "source"):
        assert ours.get(name) == theirs.get(name)
    assert ours["key"]["remoteJid"] == theirs["key"]["remoteJid"]


def without_own(given: Any) -> Any:
    """The same, with a mere type for whatever each server has its own of."""
    if isinstance(given, list):
        return [without_own(item) for item in given]
    if not isinstance(given, dict):
        return given
    return {name: type(value) if name in OWN else without_own(value) for name, value in given.items()}


def same_keys(ours: dict[str, Any], theirs: dict[str, Any]) -> bool:
    """Whether ours has all that theirs has, and within a message nothing that theirs has not."""
    kind = theirs["messageType"]
    inner = (ours["message"][kind], theirs["message"][kind])
    is_text = kind == "conversation"
    return ours.keys() == theirs.keys() and (inner[0] == inner[1] if is_text else inner[0].keys() <= inner[1].keys())


@pytest.mark.parametrize("server", ["baileys", "business"])
def test_the_sandbox_echoes_and_acknowledges_in_the_recorded_shapes(sandbox: Sandbox, server: str) -> None:
    for param in recorded(of=f"{server}-send"):
        case = param.values[0]
        if not case.get("webhooks"):
            continue
        send = read_send(case["request"]["path"], case["request"]["body"], is_metas=server == "business")
        assert isinstance(send, Send)
        calls = [call for _, call in sandbox.calls(send, "3EB0D3A461DFD9C46D0F13")]
        theirs = [call["body"] for call in case["webhooks"]]
        assert [call["event"] for call in calls] == [call["event"] for call in theirs][: len(calls)]
        for our, their in zip(calls, theirs, strict=False):
            assert our.keys() <= their.keys()
            assert our["data"].keys() <= their["data"].keys()
            for name in ("status", "fromMe"):
                assert our["data"].get(name) == their["data"].get(name)
        assert same_keys(calls[0]["data"], theirs[0]["data"])


@pytest.mark.parametrize("name", ["logout", "restart", "paired_again"])
def test_the_sandbox_tells_of_an_instance_as_the_real_one_did(name: str) -> None:
    told: list[dict[str, Any]] = []
    instances = Instances(lambda _, calls: told.extend(calls))
    cases = {param.values[0]["name"]: param.values[0] for param in recorded(of="baileys")}
    for asked_for in ("logout", "connect_asks_for_qr") if name == "paired_again" else (name,):
        told.clear()
        asked_now = cases[asked_for]["request"]
        answer = instances.answer_to(asked_now["method"], asked_now["path"])
        assert answer is not None
        answer(asked_now["body"])

    theirs = [call["body"] for call in cases[name]["webhooks"]]
    assert [call["event"] for call in told] == [call["event"] for call in theirs]
    for our, their in zip(told, theirs, strict=True):
        for field in ("instance", "state", "status", "statusReason", "disconnectionReasonCode"):
            assert (our["data"] or {}).get(field) == (their["data"] or {}).get(field)


@pytest.mark.parametrize("case", [param for param in recorded() if "deliveries" in param.values[0]])
def test_the_sandbox_repeats_a_call_when_the_real_one_did(case: dict[str, Any]) -> None:
    theirs = case["deliveries"]
    seen: list[tuple[str, str]] = []

    def hear(_: str, __: str, ___: dict[str, str], raw: bytes) -> tuple[int, dict[str, str], bytes]:
        call = json.loads(raw)
        seen.append((call["event"], call["data"]["status"]))
        return theirs[len(seen) - 1]["answered"] if len(seen) <= len(theirs) else 200, {}, b""

    step_ms = int(round(theirs[1]["t"], 1) * 1000)
    behaviour = Behaviour(latency_ms=0, read_share=1, receipt_delay_ms=step_ms)
    with listening(hear) as url:
        server = Sandbox(0, ledger=Ledger(), behaviour=behaviour, postman=Postman(url, None))
        is_metas = any(one["status"] == "SENT" for one in theirs)
        server.take(Send("loja", "5511999990001", "text", "Oi", None, is_metas), at=0.0, reference=None)
        wait_for(lambda: len(seen) >= len(theirs), what="the calls")
        time.sleep(1.2)  # longer than until it would come again
        server.server_close()
    expected = [(one["event"], one["status"]) for one in theirs]
    assert (list(dict.fromkeys(seen)), Counter(seen)) == (list(dict.fromkeys(expected)), Counter(expected))
