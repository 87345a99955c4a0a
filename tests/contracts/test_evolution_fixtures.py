"""Every recorded answer and webhook of a real Evolution 2.3.7, read by our dialect and matched by our sandbox.

The recordings lie beside the repository; without them the tests say so and are skipped.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from broadcast.domain.contact import Status
from broadcast.domain.content import Kind
from broadcast.gateways.base import Accepted, Busy, Closed, Message, Refused, Unknown
from broadcast.gateways.evolution import Evolution
from broadcast.gateways.sandbox.faults import Fault
from broadcast.gateways.sandbox.ledger import Ledger
from broadcast.gateways.sandbox.server import Behaviour, Sandbox
from tests.stubs import raw_server, read_request

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
STATES = {"open": True, "close": False, "refused": False}


class Leave:
    """A fence that lets everybody leave at once."""

    def wait(self) -> None:
        pass

    def is_now(self) -> bool:
        return True

    def left(self, at: float) -> None:
        pass


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
        result = Evolution(url, "k", timeout_s=5).send(MESSAGE, departure=Leave())

    assert isinstance(result, kind), result
    assert getattr(result, "reason", "") == reason
    if isinstance(result, Accepted):
        assert result.message_id == case["response"]["body"]["key"]["id"]


def test_the_table_names_only_what_was_recorded() -> None:
    if len(FILES) == 2:
        assert {*NOT_ACCEPTED, *BUSINESS} <= {param.values[0]["name"] for param in sends()}


@pytest.mark.parametrize(("case", "call"), list(calls()))
def test_a_recorded_webhook_says_what_it_said(case: dict[str, Any], call: dict[str, Any]) -> None:
    data = call["data"] if isinstance(call.get("data"), dict) else {}
    news = Evolution("http://127.0.0.1:1", "k", timeout_s=1).read(call)

    status = WORDS.get(data.get("status", "")) if call["event"] == "messages.update" else None
    assert [(receipt.message_id, receipt.status) for receipt in news.receipts] == (
        [(data["keyId"], status)] if status else []
    )
    is_open = STATES.get(data.get("state", "")) if call["event"] == "connection.update" else None
    assert (news.connection and news.connection.is_open) is is_open
    answered = (case.get("response") or {}).get("body")
    if news.receipts and isinstance(answered, dict) and isinstance(answered.get("key"), dict):
        assert news.receipts[0].message_id == answered["key"]["id"]


#: recorded case -> the fault with which the sandbox answers the same
PROVOKED = {
    "send_text_wrong_key": "unauthorized",
    "send_text_unknown_instance": "unknown_instance",
    "send_media_image_url_unreachable": "media_unreachable",
    "send_media_image_url_404": "media_missing",
    "number_not_on_whatsapp": "not_on_whatsapp",
    "connection_closed_during_send": "closed",
    "timed_out_during_send": "ambiguous",
    "connection_closed_during_number_check": "closed_before",
    "send_while_logged_out": "closed",
}
#: what the sandbox does not claim: it knows every instance unless it is told otherwise, and then asks for the key first
NOT_CLAIMED = {"send_text_unknown_instance_no_key"}
#: errors whose text is the parser's or the library's, and differs in its details
OWN_WORDS = {"send_text_bad_json", "send_text_letters_as_number"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    server = Sandbox(0, ledger=Ledger(), behaviour=Behaviour(latency_ms=0))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def same_request(sandbox: Sandbox, request: dict[str, Any]) -> requests.Response:
    body = request["body"]
    return requests.post(
        sandbox.url + request["path"],
        data=body if isinstance(body, str) else json.dumps(body),
        headers={**(request.get("headers") or {}), "Content-Type": "application/json"},
        timeout=10,
    )


@pytest.mark.parametrize("case", list(sends(of="baileys")))
def test_the_sandbox_answers_as_the_real_one_did(case: dict[str, Any], sandbox: Sandbox) -> None:
    if case["name"] in NOT_CLAIMED:
        pytest.skip("the sandbox does not claim this answer")
    sandbox.faults.clear()
    if case["name"] in PROVOKED:
        sandbox.faults.add(Fault.read({"kind": PROVOKED[case["name"]]}))
    answer, theirs = same_request(sandbox, case["request"]), case["response"]["body"]
    ours = answer.json()

    assert answer.status_code == case["response"]["status"], ours
    if answer.status_code == 201:
        assert ours.keys() <= theirs.keys()
        assert ours["key"].keys() == theirs["key"].keys()
        assert (ours["status"], ours["messageType"]) == (theirs["status"], theirs["messageType"])
    elif case["name"] in OWN_WORDS:
        assert (ours.keys(), ours["error"]) == (theirs.keys(), theirs["error"])
        assert type(ours["response"]["message"]) is type(theirs["response"]["message"])
    else:
        assert ours == theirs
