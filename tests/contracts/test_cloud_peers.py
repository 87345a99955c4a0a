"""Programs and samples of others on either side of our Cloud dialect, so that it is not only we who think it is right.

Meta's own samples, and those of pywa, lie beside the repository; crabline comes from npm. Without them the tests say so
and are skipped.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import pywa
import pywa.errors
import pywa.types
import requests
from pywa import handlers

from broadcast.api.shapes import order_of
from broadcast.domain.content import Kind, Template, render_template
from broadcast.errors import Invalid
from broadcast.gateways.base import Accepted, Closed, Inbound, Message, Preference, Refused
from broadcast.gateways.cloud import Cloud, request_of
from broadcast.settings import Settings
from tests.builders import a_body
from tests.departures import Gate
from tests.standins.cloud import NUMBER_ID, SECRET, TOKEN, Graph, change, failure, graph
from tests.standins.cloud_checks import MEDIA, Wrong, checked
from tests.stubs import listening

SAMPLES = Path(__file__).parents[2].parent / "shared" / "fixtures" / "samples"
MESSAGE = Message(instance="loja", phone="5511999990001", kind=Kind.TEXT, text="Olá, Ana", reference="natal:7")


# pywa, a client and a webhook handler by others.


class Redirected(httpx.HTTPTransport):
    """What is meant for Meta's host goes to the stand-in."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self._at = urlsplit(url)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.url = request.url.copy_with(scheme="http", host=self._at.hostname, port=self._at.port)
        return super().handle_request(request)


@pytest.fixture
def meta() -> Iterator[Graph]:
    with graph(templates={("promo", "pt_BR"): 1}) as stand_in:
        yield stand_in


@pytest.fixture
def peer(meta: Graph) -> Iterator[pywa.WhatsApp]:
    with httpx.Client(transport=Redirected(meta.url)) as session:
        yield pywa.WhatsApp(
            NUMBER_ID,
            TOKEN,
            session=session,
            app_secret=SECRET,
            verify_token="v3rify",
            api_version=23.0,
        )


def sent_by_peer(peer: pywa.WhatsApp) -> None:
    """One of every kind that we send, by pywa."""
    to, link = "+5511999990001", "https://cdn.example/a/tabela.pdf"
    peer.send_message(to, "Olá, Ana", tracker="natal:7")
    peer.send_image(to, link, caption="Olá, Ana", tracker="natal:7")
    peer.send_video(to, link, caption="Olá, Ana", tracker="natal:7")
    peer.send_audio(to, link, tracker="natal:7")
    peer.send_document(to, link, caption="Olá, Ana", filename="tabela.pdf", tracker="natal:7")


def test_what_we_send_is_what_another_client_sends(meta: Graph, peer: pywa.WhatsApp) -> None:
    gateway = Cloud(meta.url, TOKEN, timeout_s=30, phone_number_id=NUMBER_ID)
    sent_by_peer(peer)
    theirs = [sent.body for sent in meta.ledger]
    for kind in (Kind.TEXT, Kind.IMAGE, Kind.VIDEO, Kind.AUDIO, Kind.DOCUMENT):
        url = None if kind is Kind.TEXT else "https://cdn.example/a/tabela.pdf"
        message = Message(**{**vars(MESSAGE), "kind": kind, "media_url": url})
        assert isinstance(gateway.send(message, departure=Gate()), Accepted)
    ours = [sent.body for sent in meta.ledger[len(theirs) :]]

    assert len(theirs) == len(ours) == 5
    for their, our in zip(theirs, ours, strict=True):
        assert without_defaults(their) == without_defaults(our)


def without_defaults(body: dict[str, Any]) -> dict[str, Any]:
    content = {name: value for name, value in body[body["type"]].items() if value not in (False, None)}
    return {**body, body["type"]: content}


def test_the_strict_server_answers_another_client_as_meta_would(meta: Graph, peer: pywa.WhatsApp) -> None:
    with pytest.raises(pywa.errors.WhatsAppError) as long:
        peer.send_message("+5511999990001", "x" * 4097)
    meta.fail_next(131056, status=403)
    with pytest.raises(pywa.errors.TooManyMessages):
        peer.send_message("+5511999990001", "Oi")
    assert long.value.code == 100
    assert meta.ledger == []


@pytest.mark.parametrize(
    ("word", "status"),
    [("sent", "SENT"), ("delivered", "DELIVERED"), ("read", "READ"), ("played", "PLAYED"), ("failed", "FAILED")],
)
def test_another_webhook_handler_reads_our_stand_ins_calls(
    meta: Graph, peer: pywa.WhatsApp, word: str, status: str
) -> None:
    gateway = Cloud(meta.url, TOKEN, timeout_s=30, phone_number_id=NUMBER_ID, app_secret=SECRET)
    assert isinstance(gateway.send(MESSAGE, departure=Gate()), Accepted)
    errors = [failure(131049)] if word == "failed" else None
    heard = [*statuses_heard(peer, meta, meta.status(meta.ledger[0], word, errors=errors))]

    assert [(update.id, update.status.name, update.tracker) for update in heard] == [
        (meta.ledger[0].message_id, status, "natal:7")
    ]
    if errors:
        assert isinstance(heard[0].error, pywa.errors.MessageUndeliverableDueToHealthyEcosystemEngagement)


def statuses_heard(peer: pywa.WhatsApp, meta: Graph, payload: dict[str, Any]) -> list[Any]:
    heard: list[Any] = []
    peer.add_handlers(handlers.MessageStatusHandler(callback=lambda _, update: heard.append(update)))
    body, headers = meta.signed(payload)
    assert peer.webhook_update_validator(body, headers["X-Hub-Signature-256"]) is None
    assert peer.webhook_update_handler(body) == ("ok", 200)
    return heard


def test_another_handler_and_we_turn_down_the_same_forgery(meta: Graph, peer: pywa.WhatsApp) -> None:
    gateway = Cloud(meta.url, TOKEN, timeout_s=30, app_secret=SECRET)
    meta.app_secret = "not the app's"
    body, headers = meta.signed(change("messages", statuses=[]))

    assert peer.webhook_update_validator(body, headers["X-Hub-Signature-256"]) is not None
    assert not gateway.verify(headers, body, path="")


# Meta's own samples, and pywa's.


def samples(*names: str) -> dict[str, dict[str, Any]]:
    """file/case -> its payload."""
    paths = [path for name in names for path in sorted(SAMPLES.glob(f"{name}*.json"))]
    return {
        f"{path.stem}/{case}": content
        for path in paths
        for case, content in json.loads(path.read_text(encoding="utf-8")).items()
    }


CALLS = samples("meta_openapi_v23_webhook_examples", "pywa_")
SENDS = samples("meta_openapi_v23_send_examples")
needs_samples = pytest.mark.skipif(not CALLS or not SENDS, reason=f"no samples in {SAMPLES}")
READER = Cloud("http://127.0.0.1:1", "t", timeout_s=1)

#: sample -> the status, reference and reason in it
STATUSES = {
    "pywa_message_status/sent": ("sent", None, None),
    "pywa_message_status/delivered": ("delivered", None, None),
    "pywa_message_status/read": ("read", None, None),
    "pywa_message_status/played": ("read", None, None),
    "pywa_message_status/failed": ("failed", None, "in_experiment"),
    "pywa_message_status/with_tracker": ("sent", "some data", None),
    "pywa_message_status/group": ("read", None, None),
}
#: sample -> what the person wrote, be it below a medium
WRITTEN = {
    "meta_openapi_v23_webhook_examples/Text Message": "Does it come in another color?",
    "meta_openapi_v23_webhook_examples/Text Message with Context (Product Inquiry)": "Is this still available?",
    "meta_openapi_v23_webhook_examples/Text Message from Click to WhatsApp Ad": "Hello! Can I get more info on this?",
    "meta_openapi_v23_webhook_examples/Button Message": "Unsubscribe",
    "meta_openapi_v23_webhook_examples/Interactive List Reply Message": "Priority Mail Express",
    "meta_openapi_v23_webhook_examples/Interactive Button Reply Message": "Cancel",
    "meta_openapi_v23_webhook_examples/Image Message": "Taj Mahal",
    "pywa_message/video": "caption",
    "pywa_message/document": "caption",
    "pywa_callback_button/button": "title",
    "pywa_callback_button/quick_reply": "title",
    "pywa_callback_button/quick_reply_without_context": "title",
    "pywa_callback_selection/callback": "title",
    "pywa_callback_selection/description": "title",
    "pywa_message/text": "Body Text",
    "pywa_message/reply": "replied text",
    "pywa_message/forwarded": "forwarded text",
    "pywa_message/forwarded_many_times": "text forwarded many times",
    "pywa_message/referral": "BODY",
}
#: the taps among them -> what is behind the button
BEHIND = {
    "meta_openapi_v23_webhook_examples/Button Message": "Unsubscribe",
    "meta_openapi_v23_webhook_examples/Interactive List Reply Message": "priority_express",
    "meta_openapi_v23_webhook_examples/Interactive Button Reply Message": "cancel-button",
    "pywa_callback_button/button": "callback_data",
    "pywa_callback_button/quick_reply": "callback_data",
    "pywa_callback_button/quick_reply_without_context": "callback_data",
    "pywa_callback_selection/callback": "callback_data",
    "pywa_callback_selection/description": "callback_data",
}
CLOSES = {"account_deleted", "account_restriction", "account_offboarded"}


@needs_samples
def test_every_sample_status_is_read() -> None:
    found = {name: READER.read(call).receipts for name, call in CALLS.items()}
    said = {
        name: (receipt.status.value, receipt.reference, receipt.reason)
        for name, receipts in found.items()
        for receipt in receipts
    }
    assert said == STATUSES


@needs_samples
def test_every_sample_text_is_read_and_nothing_else_is_taken_for_one() -> None:
    found = {name: READER.read(call).inbound for name, call in CALLS.items()}
    assert {name: inbound for name, inbound in found.items() if inbound} == {
        name: (
            Inbound(
                phone="16505551234" if name.startswith("meta_") else "972987654321",
                text=text,
                is_tap=name in BEHIND,
                behind=BEHIND.get(name),
            ),
        )
        for name, text in WRITTEN.items()
    }


@needs_samples
def test_every_sample_preference_is_read() -> None:
    found = [preference for call in CALLS.values() for preference in READER.read(call).preferences]
    assert found == [Preference(phone="16505551234", stops=False)] * 2


@needs_samples
def test_only_a_sample_that_stops_the_account_closes_it() -> None:
    closes = {
        name.split("/")[1]
        for name, call in CALLS.items()
        for news in READER.read(call).others.values()  # each is of an account that was not said to be ours
        if news.connection is not None and not news.connection.is_open
    }
    assert closes == CLOSES


#: Meta's example -> the message of ours that says the same
SAME = {
    "Send Text Message": (Kind.TEXT, "text-message-content", None),
    "Send Image Message by URL": (Kind.IMAGE, "", "http(s)://image-url"),
    "Send Audio Message by URL": (Kind.AUDIO, "", "<http(s)://audio-url>"),
    "Send Video Message by URL": (Kind.VIDEO, "<VIDEO_CAPTION_TEXT>", "<http(s)://video-url>"),
}


@needs_samples
@pytest.mark.parametrize("name", sorted(SAME))
def test_our_request_is_metas_example(name: str) -> None:
    kind, text, url = SAME[name]
    example = SENDS[f"meta_openapi_v23_send_examples/{name}"]
    ours = request_of(Message(**{**vars(MESSAGE), "kind": kind, "text": text, "media_url": url}))
    assert ours == {**example, "to": "+5511999990001", "biz_opaque_callback_data": "natal:7"}


@needs_samples
@pytest.mark.parametrize("name", ["Send Message Template Text", "Send Message Template Media", "Send Test Message"])
def test_our_template_is_metas_example_and_the_strict_server_takes_it(name: str) -> None:
    example = SENDS[f"meta_openapi_v23_send_examples/{name}"]
    given = example["template"]
    template = Template(name=given["name"], language=given["language"]["code"], components=given.get("components", []))
    ours = request_of(Message(**{**vars(MESSAGE), "template": template}))
    assert ours["template"] == given
    assert (ours["type"], ours["to"]) == (example["type"], "+5511999990001")
    content = json.loads(json.dumps(ours["template"]).replace("http(s)://", "https://"))
    checked({**ours, "template": content}, {})


#: Meta's placeholder -> something of the kind that it stands for
MEANT = {
    "http(s)://": "https://",
    "<TEMPLATE_NAME>": "promo",
    "template-name": "promo",
    "language-and-locale-code": "pt",
}


@needs_samples
@pytest.mark.parametrize("name", [name for name, example in SENDS.items() if example.get("type") == "template"])
def test_a_crm_may_order_every_template_of_metas_examples(name: str) -> None:
    text = json.dumps(SENDS[name]["template"])
    for placeholder, meant in MEANT.items():
        text = text.replace(placeholder, meant)
    given = said = json.loads(text)
    if name.partition("/")[2] in NOT_TAKEN:
        with pytest.raises(Invalid):
            order_of(a_body("c1", "loja", message="", template=said), Settings())
        return

    template = order_of(a_body("c1", "loja", message="", template=said), Settings()).content.template

    assert template
    ours = request_of(Message(**{**vars(MESSAGE), "template": render_template(template, {}, variant="c1:0")}))
    by_text = json.loads(re.sub(r'"index": ([0-9])', r'"index": "\1"', json.dumps(given)))
    assert ours["template"] == by_text
    checked(ours, {})


#: what the strict server does not take, of the kinds that it knows
NOT_TAKEN = {"Send Sample Issue Resolution Template": "its buttons have true and false for texts"}


@needs_samples
def test_the_strict_server_takes_metas_own_examples_of_every_kind_that_it_knows() -> None:
    known = {"text", "template", *MEDIA}
    examples = {name.partition("/")[2]: example for name, example in SENDS.items() if example.get("type") in known}
    refused = set()
    for name, example in examples.items():
        content = json.loads(re.sub(r"<?http\(s\)://", "https://", json.dumps(example)))
        try:
            checked({**content, "to": "+5511999990001"}, {})
        except Wrong:
            refused.add(name)
    assert {example["type"] for example in examples.values()} == known
    assert refused == set(NOT_TAKEN)


# crabline, a Cloud API server by others.


@contextmanager
def crabline_server(program: Path, folder: Path) -> Iterator[str]:
    """The server, started; yields the base of its Graph."""
    ready = folder / "ready.json"
    command = [program, "--json", "serve", "whatsapp", "--port", "0", "--recorder", folder / "seen.jsonl"]
    secrets = {"CRABLINE_ACCESS_TOKEN": TOKEN, "CRABLINE_ADMIN_TOKEN": "adm1n"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [*command, "--ready-file", ready], env={**os.environ, **secrets}, stdout=log, stderr=log
        )
    try:
        deadline = time.monotonic() + 20
        while not ready.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        if not ready.exists():
            pytest.skip(f"crabline does not start here: {(folder / 'log').read_text()[-300:]}")
        yield json.loads(ready.read_text())["endpoints"]["apiRoot"]
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def crabline(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not (shutil.which("node") and shutil.which("npm")):
        pytest.skip("there is no node here to run crabline with")
    assert request.config.cache is not None
    folder = Path(request.config.cache.mkdir("crabline"))
    program = folder / "node_modules" / ".bin" / "crabline"
    if not program.exists():
        install = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "@openclaw/crabline@0.1"]
        done = subprocess.run([*install, "--prefix", folder], check=False, capture_output=True, text=True)
        if done.returncode or not program.exists():
            pytest.skip(f"crabline cannot be installed: {done.stderr[-300:]}")
    with crabline_server(program, tmp_path_factory.mktemp("crabline")) as url:
        yield url


@contextmanager
def without_plus(url: str) -> Iterator[str]:
    """A hop in front of crabline that takes the plus away, and changes nothing else.

    Meta wants it: a number without one gets the country of the business put before it. Crabline takes digits alone, and
    so no spelling of a number suits both.
    """

    def pass_on(_: str, path: str, headers: dict[str, str], raw: bytes) -> tuple[int, dict[str, str], bytes]:
        body = json.loads(raw)
        body["to"] = body["to"].removeprefix("+")
        known = {"Authorization": headers["Authorization"]}
        answer = requests.post(url + path, json=body, headers=known, timeout=10)
        return answer.status_code, {}, answer.content

    with listening(pass_on) as hop:
        yield hop


#: crabline's own
CRABLINE_NUMBER = "100000000000000"


def test_another_server_takes_our_text_but_for_the_plus(crabline: str) -> None:
    with without_plus(crabline) as url:
        answer = Cloud(url, TOKEN, timeout_s=10).send(
            Message(**{**vars(MESSAGE), "instance": CRABLINE_NUMBER}), departure=Gate()
        )
    assert isinstance(answer, Accepted), answer


def test_another_servers_envelope_is_read_as_metas(crabline: str) -> None:
    gateway = Cloud(crabline, TOKEN, timeout_s=10, phone_number_id=CRABLINE_NUMBER)
    answer = gateway.send(MESSAGE, departure=Gate())
    assert isinstance(answer, Refused), answer
    assert answer.reason == "rejected"
    assert "Invalid parameter: to" in answer.detail


def test_another_server_turns_down_a_token_that_is_not_its_own(crabline: str) -> None:
    gateway = Cloud(crabline, "other", timeout_s=10, phone_number_id=CRABLINE_NUMBER)
    answer = gateway.send(MESSAGE, departure=Gate())
    assert isinstance(answer, Closed), answer
    assert answer.reason == "unauthorized"
    connection = gateway.probe("loja")
    assert connection is not None
    assert not connection.is_open


def test_a_number_that_another_server_does_not_have_closes_the_instance(crabline: str) -> None:
    answer = Cloud(crabline, TOKEN, timeout_s=10, phone_number_id="7").send(MESSAGE, departure=Gate())
    assert isinstance(answer, Closed), answer
    assert answer.reason == "gateway_address_wrong"
