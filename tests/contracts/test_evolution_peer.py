"""Evolution's own Python client, by others, drives our sandbox: what it takes for an Evolution is one."""

from __future__ import annotations

import threading
from base64 import b64encode
from collections.abc import Iterator
from io import BytesIO

import pytest
from evolutionapi.client import EvolutionClient
from evolutionapi.exceptions import EvolutionAuthenticationError, EvolutionNotFoundError
from evolutionapi.models.chat import CheckIsWhatsappNumber
from evolutionapi.models.message import MediaMessage, MediaType, TextMessage

from broadcast.gateways.sandbox.faults import Fault
from broadcast.gateways.sandbox.ledger import Ledger
from broadcast.gateways.sandbox.server import Behaviour, Sandbox

NUMBER = "5511999990001"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    server = Sandbox(0, ledger=Ledger(), behaviour=Behaviour(latency_ms=0))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def peer(sandbox: Sandbox) -> EvolutionClient:
    return EvolutionClient(base_url=sandbox.url, api_token="k")


def test_the_peer_sends_a_text(sandbox: Sandbox, peer: EvolutionClient) -> None:
    answer = peer.messages.send_text("loja", TextMessage(number=NUMBER, text="Oi,\nAção \U0001f389", delay=0), "k")

    (arrival,) = sandbox.ledger.arrivals()
    assert (answer["key"]["id"], answer["status"]) == (arrival.id, "PENDING")
    assert answer["message"] == {"conversation": "Oi,\nAção \U0001f389"}
    assert (arrival.instance, arrival.number, arrival.text) == ("loja", NUMBER, "Oi,\nAção \U0001f389")


def test_the_peer_sends_a_medium_as_a_form(sandbox: Sandbox, peer: EvolutionClient) -> None:
    content = bytes(range(256)) + b"\r\n--not a boundary\n"
    message = MediaMessage(
        number=NUMBER,
        mediatype=MediaType.DOCUMENT.value,
        mimetype="application/pdf",
        caption="Ação",
        fileName="a.pdf",
    )
    answer = peer.messages.send_media("loja", message, "k", file=BytesIO(content))

    (arrival,) = sandbox.ledger.arrivals()
    assert (answer["key"]["id"], answer["messageType"]) == (arrival.id, "documentMessage")
    assert (arrival.kind, arrival.text, arrival.mediaUrl) == ("document", "Ação", b64encode(content).decode())


def test_the_peer_checks_numbers(sandbox: Sandbox, peer: EvolutionClient) -> None:
    sandbox.faults.add(Fault.read({"kind": "not_on_whatsapp", "numbers": ["5511999990404"]}))
    asked = CheckIsWhatsappNumber(numbers=[NUMBER, "5531999990002", "5511999990404"])

    found = peer.post("chat/whatsappNumbers/loja", data=asked.__dict__, instance_token="k")
    assert [(person["number"], person["jid"], person["exists"]) for person in found] == [
        (NUMBER, f"{NUMBER}@s.whatsapp.net", True),
        ("5531999990002", "553199990002@s.whatsapp.net", True),
        ("5511999990404", "5511999990404@s.whatsapp.net", False),
    ]
    # Its own method asks at an address that Evolution 2 has no more.
    answer = peer.chat.check_is_whatsapp_numbers("loja", asked, "k")
    assert answer["response"]["message"] == ["Cannot POST /chat/checkIsWhatsappNumber/loja"]


def test_the_peer_sees_how_an_instance_is(sandbox: Sandbox, peer: EvolutionClient) -> None:
    states = []
    for kind in (None, "closed"):
        if kind:
            sandbox.faults.add(Fault.read({"kind": kind}))
        states.append(peer.instance_operations.get_connection_state("loja", "k")["instance"])
    assert states == [{"instanceName": "loja", "state": "open"}, {"instanceName": "loja", "state": "close"}]


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("unauthorized", 401, EvolutionAuthenticationError),
        ("unknown_instance", 404, EvolutionNotFoundError),
    ],
)
def test_the_peer_knows_our_errors(
    sandbox: Sandbox, peer: EvolutionClient, kind: str, status: int, error: type[Exception]
) -> None:
    sandbox.faults.add(Fault.read({"kind": kind}))
    assert peer.messages.send_text("loja", TextMessage(number=NUMBER, text="Oi"), "k")["status"] == status
    with pytest.raises(error):
        peer.instance_operations.get_connection_state("loja", "k")
