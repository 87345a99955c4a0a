"""The sandbox gateway: it speaks the dialect, goes wrong on request, and its ledger tells the truth."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from broadcast.gateways.base import Accepted, Answer, Busy, Closed, Message, Refused, Unknown
from broadcast.gateways.evolution import Evolution
from broadcast.gateways.sandbox.faults import KINDS
from broadcast.gateways.sandbox.ledger import Ledger
from broadcast.gateways.sandbox.server import Behaviour, Sandbox
from tests.unit.test_evolution import a_message


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    server = Sandbox(0, ledger=Ledger(), behaviour=Behaviour(latency_ms=0))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


class Always:
    """A departure at any time."""

    def wait(self) -> None:
        pass

    def left(self, at: float) -> None:
        pass


def send(sandbox: Sandbox, message: Message | None = None) -> Answer:
    return Evolution(sandbox.url, "k", timeout_s=1).send(message or a_message(), departure=Always())


def ledger(sandbox: Sandbox, **query: Any) -> list[dict[str, Any]]:
    answer = requests.get(f"{sandbox.url}/ledger", params=query, timeout=5).json()
    assert answer["count"] == len(answer["arrivals"])
    return list(answer["arrivals"])


def test_an_accepted_send_is_in_the_ledger_with_all_it_said(sandbox: Sandbox) -> None:
    answer = send(sandbox)

    (arrival,) = ledger(sandbox, instance="loja 01")
    assert isinstance(answer, Accepted)
    assert (arrival["id"], arrival["outcome"], arrival["number"]) == (answer.message_id, "accepted", "5511999990001")
    assert (arrival["text"], arrival["reference"], arrival["kind"]) == ("Oi", "c1:7", "text")
    assert ledger(sandbox, instance="outra") == []
    assert ledger(sandbox, after=1) == []


#: kind of fault -> what it is for us, and whether the message reached WhatsApp all the same
EXPECTED: dict[str, tuple[type, bool]] = {
    "not_on_whatsapp": (Refused, False),
    "schema": (Refused, False),
    "closed": (Closed, False),
    "closed_before": (Closed, False),
    "unauthorized": (Closed, False),
    "unknown_instance": (Closed, False),
    "busy": (Busy, False),
    "rate_overlimit": (Busy, False),
    "too_many": (Busy, False),
    "unavailable": (Busy, False),
    "bad_gateway": (Unknown, False),
    "gateway_timeout": (Unknown, False),
    "html": (Unknown, False),
    "ambiguous": (Unknown, False),
    "no_id": (Unknown, True),
    "reset_before": (Unknown, False),
    "reset_after": (Unknown, True),
    "hang": (Unknown, True),
    "truncated": (Unknown, True),
    "raw": (Unknown, False),
}


@pytest.mark.parametrize("kind", KINDS)
def test_each_fault_is_what_it_says_and_the_ledger_knows_the_truth(sandbox: Sandbox, kind: str) -> None:
    requests.post(f"{sandbox.url}/faults", json={"kind": kind}, timeout=5).raise_for_status()
    answer = send(sandbox)

    expected, delivered = EXPECTED[kind]
    assert isinstance(answer, expected), answer
    assert (ledger(sandbox)[0]["outcome"] == "accepted") is delivered


def test_a_fault_may_hit_some_and_only_so_often(sandbox: Sandbox) -> None:
    fault = {"kind": "busy", "numbers": ["5511999990001"], "times": 2}
    requests.post(f"{sandbox.url}/faults", json=fault, timeout=5).raise_for_status()
    assert [type(send(sandbox)) for _ in range(3)] == [Busy, Busy, Accepted]

    requests.delete(f"{sandbox.url}/faults", timeout=5)
    requests.post(f"{sandbox.url}/faults", json={"kind": "busy", "share": 0.3}, timeout=5).raise_for_status()
    numbers = [f"55119{index:08d}" for index in range(300)]
    hit = [number for number in numbers if sandbox.faults.strike("i", number, 0)]
    assert 60 <= len(hit) <= 120
    assert hit == [number for number in numbers if sandbox.faults.strike("i", number, 0)]


def test_a_fault_or_a_behaviour_that_makes_no_sense_is_refused(sandbox: Sandbox) -> None:
    assert requests.post(f"{sandbox.url}/faults", json={"kind": "earthquake"}, timeout=5).status_code == 422
    assert requests.put(f"{sandbox.url}/behaviour", json={"mood": "bad"}, timeout=5).status_code == 422
    assert requests.get(f"{sandbox.url}/nowhere", timeout=5).status_code == 404


def test_latency_is_injected(sandbox: Sandbox) -> None:
    requests.put(f"{sandbox.url}/behaviour", json={"latencyMs": 300}, timeout=5).raise_for_status()
    began = time.monotonic()
    send(sandbox)
    assert time.monotonic() - began >= 0.3


def test_an_arrival_is_stamped_at_its_first_byte_not_at_its_connection(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.server_port)) as early:
        send(sandbox)  # the server has certainly taken the earlier connection by now
        body = b'{"number": "5511999990002", "text": "x"}'
        head = f"POST /message/sendText/i HTTP/1.1\r\nHost: x\r\napikey: k\r\nContent-Length: {len(body)}\r\n\r\n"
        before = time.monotonic()
        early.sendall(head.encode() + body)
        after = time.monotonic()
        early.recv(1000)

    (arrival,) = ledger(sandbox, instance="i")
    assert before - 0.001 <= arrival["at"] <= after + 0.001  # the kernel's stamp: no thread had to wake up for it


def test_gaps_are_told(sandbox: Sandbox) -> None:
    for _ in range(3):
        send(sandbox)
    gaps = requests.get(f"{sandbox.url}/ledger/gaps", params={"instance": "loja 01"}, timeout=5).json()
    assert gaps["count"] == 3
    assert 0 < gaps["least"] <= gaps["median"] <= gaps["greatest"]
    requests.delete(f"{sandbox.url}/ledger", timeout=5)
    assert requests.get(f"{sandbox.url}/ledger/gaps", timeout=5).json()["count"] == 0
