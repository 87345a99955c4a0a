"""Every recorded answer and webhook of a real Evolution 2.3.7, read by our dialect and matched by our sandbox.

The recordings lie beside the repository; without them the tests say so and are skipped.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from broadcast.gateways.base import Accepted, Busy, Closed, Refused, Unknown
from broadcast.gateways.evolution import Evolution, read_answer
from broadcast.gateways.http import Response
from broadcast.gateways.sandbox.dialect import Send, read_send
from broadcast.gateways.sandbox.faults import Reply

FOLDER = Path(__file__).parents[2].parent / "shared" / "fixtures"
FILES = [path for name in ("baileys", "business") if (path := FOLDER / f"evolution-2.3.7-{name}.json").exists()]
pytestmark = pytest.mark.skipif(not FILES, reason=f"no recordings in {FOLDER}")


def recorded() -> Iterator[Any]:
    for path in FILES:
        for case in json.loads(path.read_text())["fixtures"]:
            yield pytest.param(case, id=f"{path.stem.rsplit('-', 1)[1]}-{case['name']}")


def sends(*, of: str = "") -> Iterator[Any]:
    for param in recorded():
        if not str(param.id).startswith(of):
            continue
        case = param.values[0]
        path = (case.get("request") or {}).get("path", "")
        if path.startswith("/message/send") and (case.get("response") or {}).get("status"):
            yield param


#: recorded case -> what it is, where it is not an accepted message
NOT_ACCEPTED = {
    "send_text_missing_text": Refused,
    "send_text_empty_text": Refused,
    "send_text_number_as_integer": Refused,
    "send_text_delay_string": Refused,
    "send_text_bad_json": Refused,
    "send_text_empty_body": Refused,
    "send_text_letters_as_number": Refused,
    "send_text_wrong_key": Closed,
    "send_text_no_key": Closed,
    "send_text_unknown_instance": Closed,
    "send_text_unknown_instance_no_key": Closed,
    "unknown_route": Closed,
    "send_media_document_base64_no_filename": Refused,
    "send_media_bad_mediatype": Refused,
    "send_media_data_uri": Refused,
    "send_media_no_media": Refused,
    "send_media_image_url_unreachable": Busy,
    "send_media_image_url_404": Refused,
    "number_not_on_whatsapp": Refused,
    "connection_closed_during_send": Closed,
    "timed_out_during_send": Unknown,
    "connection_closed_during_number_check": Closed,
    "send_while_logged_out": Closed,
}
#: where an instance of the Cloud API differs: media goes to Meta unfetched, and an empty text fails in its own way
BUSINESS = {
    "send_text_empty_text": Unknown,
    "send_media_image_url_unreachable": Accepted,
    "send_media_image_url_404": Accepted,
}


def response(case: dict[str, Any]) -> Response:
    answer = case["response"]
    return Response(answer["status"], {}, answer["body"], json.dumps(answer["body"]))


@pytest.mark.parametrize("case", list(sends()))
def test_a_recorded_answer_is_what_it_was(case: dict[str, Any], request: pytest.FixtureRequest) -> None:
    expected = {**NOT_ACCEPTED, **BUSINESS} if "business-" in request.node.name else NOT_ACCEPTED
    result = read_answer(response(case))
    body = case["response"]["body"]
    has_id = isinstance(body, dict) and isinstance(body.get("key"), dict) and body["key"].get("id")
    if case["name"] in expected:
        assert isinstance(result, expected[case["name"]]), result
    assert isinstance(result, Accepted) == bool(has_id), result
    if isinstance(result, Accepted):
        assert result.message_id == body["key"]["id"]


@pytest.mark.parametrize("case", list(recorded()))
def test_a_recorded_webhook_names_the_message_that_was_answered(case: dict[str, Any]) -> None:
    gateway = Evolution("http://127.0.0.1:1", "k", timeout_s=1)
    body = (case.get("response") or {}).get("body")
    sent_id = body["key"]["id"] if isinstance(body, dict) and isinstance(body.get("key"), dict) else None
    for call in case.get("webhooks") or []:
        for receipt in gateway.read(call["body"]).receipts:
            assert sent_id in {None, receipt.message_id}


@pytest.mark.parametrize("case", list(sends(of="baileys")))
def test_the_sandbox_answers_a_wrong_request_as_the_real_one_did(case: dict[str, Any]) -> None:
    request, answer = case["request"], case["response"]
    message = (answer["body"].get("response") or {}).get("message") if isinstance(answer["body"], dict) else None
    is_schema = answer["status"] == 400 and isinstance(message, list) and message and isinstance(message[0], list)
    ours = read_send(request["path"], request["body"])
    if is_schema:
        assert isinstance(ours, Reply), ours
        assert (ours.status, ours.body) == (400, answer["body"])
    elif answer["status"] == 201 and not str(request["body"].get("media", "http")).startswith(("JVBER", "data")):
        assert isinstance(ours, Send), ours
