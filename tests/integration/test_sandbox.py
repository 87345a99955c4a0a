"""The sandbox gateway over HTTP: a strict dialect, faults on request, and a ledger that tells the truth."""

from __future__ import annotations

import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import requests

from broadcast.domain.contact import Status
from broadcast.domain.content import Kind
from broadcast.domain.phone import identity
from broadcast.gateways.base import Accepted, Busy, Closed, Connection, Echo, Message, Refused, Unknown
from broadcast.gateways.evolution import Evolution
from broadcast.gateways.sandbox import arrival as arrivals
from broadcast.gateways.sandbox.faults import KINDS
from broadcast.gateways.sandbox.ledger import Ledger
from broadcast.gateways.sandbox.server import Behaviour, Sandbox
from tests.builders import phones
from tests.departures import Gate
from tests.processes import wait_for
from tests.stubs import answering

NUMBER = "5511999990001"


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    server = Sandbox(0, ledger=Ledger(), behaviour=Behaviour())
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    server.faults.clear()
    server.ledger.clear()
    server.behaviour = Behaviour(latency_ms=0)
    return server


def send(
    sandbox: Sandbox, number: str = NUMBER, *, instance: str = "loja", reference: str = "c:1", timeout_s: float = 30
) -> Any:
    message = Message(instance=instance, phone=number, kind=Kind.TEXT, text="Oi", reference=reference)
    return Evolution(sandbox.url, "k", timeout_s=timeout_s).send(message, departure=Gate())


def patience(kind: str) -> float:
    """Seconds to wait for the answer to a fault: the one that never comes is not worth many."""
    return 0.5 if kind == "hang" else 30


def post(sandbox: Sandbox, path: str, body: Any, **headers: str) -> requests.Response:
    return requests.post(sandbox.url + path, json=body, headers={"apikey": "k", **headers}, timeout=60)


def fault(sandbox: Sandbox, **fields: Any) -> None:
    answer = post(sandbox, "/faults", fields)
    assert answer.status_code == 200, answer.text


def ledger(sandbox: Sandbox, **query: Any) -> list[dict[str, Any]]:
    answer = requests.get(f"{sandbox.url}/ledger", params=query, timeout=30).json()
    assert answer["count"] == len(answer["arrivals"])
    return list(answer["arrivals"])


def arrived(sandbox: Sandbox, count: int) -> list[dict[str, Any]]:
    """The ledger once it has so many: who gave up waiting for an answer may be quicker than the one who writes it."""
    return list(wait_for(lambda: len(found := ledger(sandbox)) >= count and found, what="the ledger"))


def test_the_ledger_has_every_arrival_with_all_of_its_parts(sandbox: Sandbox) -> None:
    before = time.monotonic()
    answer = send(sandbox, instance="loja 1/2", reference="natal \u2013 ação:7")

    (arrival,) = ledger(sandbox)
    assert isinstance(answer, Accepted)
    assert arrival["id"] == answer.message_id
    assert before < arrival["at"] < time.monotonic()
    assert (arrival["instance"], arrival["number"], arrival["reference"]) == ("loja 1/2", NUMBER, "natal \u2013 ação:7")
    assert (arrival["kind"], arrival["text"], arrival["mediaUrl"], arrival["outcome"]) == (
        "text",
        "Oi",
        None,
        "accepted",
    )
    assert arrival["wall"].endswith("+00:00")


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_that_we_send_is_taken(sandbox: Sandbox, kind: Kind) -> None:
    url = None if kind is Kind.TEXT else "https://cdn.example/catálogo.pdf"
    text = "" if kind is Kind.AUDIO else "Oi"
    message = Message(instance="loja", phone=NUMBER, kind=kind, text=text, media_url=url, reference="c:1")

    assert isinstance(Evolution(sandbox.url, "k", timeout_s=30).send(message, departure=Gate()), Accepted)
    (arrival,) = ledger(sandbox)
    assert (arrival["kind"], arrival["text"], arrival["mediaUrl"]) == (kind.value, text, url)


def test_the_ledger_can_be_read_in_part_and_emptied(sandbox: Sandbox) -> None:
    for instance in ("a", "b", "a"):
        send(sandbox, instance=instance)
    first, _, last = ledger(sandbox)
    assert [arrival["seq"] for arrival in ledger(sandbox, instance="a")] == [first["seq"], last["seq"]]
    assert [arrival["seq"] for arrival in ledger(sandbox, instance="a", after=first["seq"])] == [last["seq"]]

    requests.delete(f"{sandbox.url}/ledger", timeout=30).raise_for_status()
    assert ledger(sandbox) == []


def test_gaps_are_those_within_an_instance(sandbox: Sandbox) -> None:
    for instance, at in (("a", 1.0), ("b", 1.05), ("a", 1.1), ("a", 1.3)):
        sandbox.ledger.add(
            at=at, wall="", instance=instance, number="1", kind="text", text="", mediaUrl=None, reference=None,
            outcome="accepted", id="x",
        )  # fmt: skip
    gaps = requests.get(f"{sandbox.url}/ledger/gaps", params={"instance": "a"}, timeout=30).json()
    everything = requests.get(f"{sandbox.url}/ledger/gaps", timeout=30).json()

    assert {name: round(value) for name, value in gaps.items()} == {
        "count": 3, "least": 100, "median": 150, "greatest": 200, "span": 300,
    }  # fmt: skip
    assert (everything["count"], round(everything["least"])) == (4, 100)


#: kind of fault -> how our dialect reads it, and whether the message reached WhatsApp
FAULTS: dict[str, tuple[type, str, bool]] = {
    "not_on_whatsapp": (Refused, "not_on_whatsapp", False),
    "schema": (Refused, "rejected", False),
    "closed": (Closed, "disconnected", False),
    "closed_before": (Closed, "disconnected", False),
    "unauthorized": (Closed, "unauthorized", False),
    "unknown_instance": (Closed, "unknown_instance", False),
    "busy": (Busy, "number_check_timed_out", False),
    "media_missing": (Refused, "media_unreachable", False),
    "media_unreachable": (Busy, "media_unreachable", False),
    "rate_overlimit": (Busy, "rate_overlimit", False),
    "too_many": (Busy, "too_many_requests", False),
    "unavailable": (Busy, "gateway_unavailable", False),
    "bad_gateway": (Unknown, "unknown_answer", False),
    "gateway_timeout": (Unknown, "unknown_answer", False),
    "html": (Unknown, "unknown_answer", False),
    "ambiguous": (Unknown, "failed_while_sending", False),
    "no_id": (Unknown, "answer_without_id", True),
    "reset_before": (Unknown, "gateway_connection_lost", False),
    "reset_after": (Unknown, "gateway_connection_lost", True),
    "hang": (Unknown, "gateway_timeout", True),
    "truncated": (Unknown, "gateway_connection_lost", True),
    "raw": (Unknown, "answer_without_id", False),
    "graph": (Busy, "gateway_error", False),
    "graph_lost": (Unknown, "failed_while_sending", False),
}


def test_every_kind_of_fault_is_in_the_table() -> None:
    assert set(FAULTS) == set(KINDS)


@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_is_what_it_says_and_the_ledger_says_whether_it_was_delivered(sandbox: Sandbox, kind: str) -> None:
    read_as, reason, is_delivered = FAULTS[kind]
    fault(sandbox, kind=kind)
    answer = send(sandbox, timeout_s=patience(kind))

    assert isinstance(answer, read_as), answer
    assert answer.reason == reason
    (arrival,) = arrived(sandbox, 1)
    assert arrival["outcome"] == ("accepted" if is_delivered else kind)
    assert bool(arrival["id"]) is is_delivered


@pytest.mark.parametrize("kind", ["bad_gateway", "gateway_timeout", "ambiguous", "hang", "graph_lost"])
def test_whether_a_doubtful_message_was_delivered_can_be_said(sandbox: Sandbox, kind: str) -> None:
    for count, is_delivered in enumerate((True, False), start=1):
        requests.delete(f"{sandbox.url}/faults", timeout=30)
        fault(sandbox, kind=kind, delivered=is_delivered)
        assert isinstance(send(sandbox, timeout_s=patience(kind)), Unknown)
        arrived(sandbox, count)
    assert [arrival["outcome"] for arrival in ledger(sandbox)] == ["accepted", kind]


def test_a_fault_hits_the_same_share_of_the_numbers_every_time(sandbox: Sandbox) -> None:
    fault(sandbox, kind="busy", share=0.3)
    numbers = [f"55119999{index:05d}" for index in range(200)]

    def hit() -> set[str]:
        sandbox.ledger.clear()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: send(sandbox, number), numbers))
        return {arrival["number"] for arrival in ledger(sandbox) if arrival["outcome"] == "busy"}

    first = hit()
    assert 40 <= len(first) <= 80
    assert hit() == first
    requests.put(f"{sandbox.url}/behaviour", json={"seed": 1}, timeout=30).raise_for_status()
    assert hit() != first


def test_a_fault_can_pass_after_some_arrivals_of_each_number(sandbox: Sandbox) -> None:
    fault(sandbox, kind="busy", numbers=["1111", "2222"], times=2)
    outcomes = {number: [type(send(sandbox, number)) for _ in range(3)] for number in ("1111", "2222", "3333")}
    assert outcomes == {"1111": [Busy, Busy, Accepted], "2222": [Busy, Busy, Accepted], "3333": [Accepted] * 3}


def test_a_fault_can_be_one_instances(sandbox: Sandbox) -> None:
    fault(sandbox, kind="unknown_instance", instance="outra")
    assert isinstance(send(sandbox), Accepted)
    answer = send(sandbox, instance="outra")
    assert isinstance(answer, Closed)
    assert answer.detail == 'The "outra" instance does not exist'


def test_a_fault_can_name_its_answer(sandbox: Sandbox) -> None:
    fault(sandbox, kind="too_many", numbers=["1111"], retryAfterS=7)
    fault(sandbox, kind="raw", numbers=["2222"], status=418, body={"error": "teapot"})
    fault(sandbox, kind="unavailable", numbers=["3333"], body="<html>closed for today</html>")

    answers = [send(sandbox, number) for number in ("1111", "2222", "3333")]
    assert answers[0] == Busy("too_many_requests", "Too many requests", after_s=7)
    assert isinstance(answers[1], Closed)
    assert answers[2] == Busy("gateway_unavailable", "HTTP 503: <html>closed for today</html>")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/faults", {"kind": "no such kind"}),
        ("POST", "/faults", {}),
        ("POST", "/faults", []),
        ("POST", "/faults", None),
        ("POST", "/faults", {"kind": "busy", "number": "5511"}),
        ("POST", "/faults", {"kind": "busy", "numbers": "5511"}),
        ("POST", "/faults", {"kind": "busy", "share": 2}),
        ("POST", "/faults", {"kind": "busy", "times": "x"}),
        ("POST", "/faults", {"kind": "busy", "delayMs": -1}),
        ("POST", "/faults", {"kind": "raw", "status": 9000}),
        ("POST", "/faults", {"kind": "graph", "code": "190"}),
        ("POST", "/faults", {"kind": "busy", "code": 190}),
        ("PUT", "/behaviour", {"latencyMs": "fast"}),
        ("PUT", "/behaviour", {"latency": 5}),
        ("PUT", "/behaviour", {"mood": "bad"}),
        ("PUT", "/behaviour", {"readShare": True}),
        ("PUT", "/behaviour", []),
        ("GET", "/ledger?after=x", None),
    ],
)
def test_an_order_that_makes_no_sense_changes_nothing(sandbox: Sandbox, method: str, path: str, body: Any) -> None:
    answer = requests.request(method, sandbox.url + path, json=body, timeout=30)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert isinstance(send(sandbox), Accepted)


TEXT, MEDIA = "/message/sendText/loja", "/message/sendMedia/loja"
KNOWN, NO_MEDIUM = "image,document,video,audio", "Owned media must be a url or base64"


@pytest.mark.parametrize(
    ("path", "body", "status", "message"),
    [
        (TEXT, {"number": NUMBER}, 400, [['instance requires property "text"']]),
        (TEXT, {"number": 7, "text": "x"}, 400, [["Invalid format"]]),
        (TEXT, {"number": NUMBER, "text": 7}, 400, [["text is not of a type(s) string"]]),
        (TEXT, {"number": NUMBER, "text": "x", "delay": True}, 400, [["Enter a value in milliseconds"]]),
        (TEXT, {"number": NUMBER, "text": " "}, 400, ["Text is required"]),
        (MEDIA, {"number": NUMBER, "mediatype": "gif"}, 400, [[f"mediatype is not one of enum values: {KNOWN}"]]),
        (MEDIA, {"number": NUMBER, "mediatype": "image"}, 400, [NO_MEDIUM]),
        (MEDIA, {"number": NUMBER, "mediatype": "image", "media": "ftp://x/y.jpg"}, 400, [NO_MEDIUM]),
        (MEDIA, {"number": NUMBER, "mediatype": "image", "media": "data:image/png;base64,AA"}, 400, [NO_MEDIUM]),
        ("/message/sendWhatsAppAudio/loja", {"number": NUMBER}, 400, [['instance requires property "audio"']]),
        ("/message/sendTexts/loja", {"number": NUMBER, "text": "x"}, 404, ["Cannot POST /message/sendTexts/loja"]),
    ],
)  # fmt: skip
def test_a_wrong_request_is_answered_in_the_envelope_and_never_arrives(
    sandbox: Sandbox, path: str, body: Any, status: int, message: Any
) -> None:
    answer = post(sandbox, path, body)
    assert answer.status_code == answer.json()["status"] == status
    assert answer.json()["response"]["message"] == message
    assert ledger(sandbox) == []


def test_a_stranger_is_turned_away(sandbox: Sandbox) -> None:
    answer = requests.post(sandbox.url + TEXT, json={"number": NUMBER, "text": "x"}, timeout=30)
    assert (answer.status_code, answer.json()["response"]["message"]) == (401, "Unauthorized")
    assert ledger(sandbox) == []


def test_an_instance_that_is_not_there_is_nobodys_whatever_key_is_shown(sandbox: Sandbox) -> None:
    sandbox.instances.answer_to("DELETE", "/instance/delete/gone")(None)  # type: ignore[misc]  # it is there
    fault(sandbox, kind="unknown_instance", instance="never")
    for name in ("gone", "never"):
        for key in ({}, {"apikey": "k"}):
            answers = [
                requests.post(f"{sandbox.url}/message/sendText/{name}", json={}, headers=key, timeout=30),
                requests.post(
                    f"{sandbox.url}/chat/whatsappNumbers/{name}", json={"numbers": [NUMBER]}, headers=key, timeout=10
                ),
                requests.get(f"{sandbox.url}/instance/connectionState/{name}", headers=key, timeout=30),
            ]
            said = {(answer.status_code, answer.json()["response"]["message"][0]) for answer in answers}
            assert said == {(404, f'The "{name}" instance does not exist')}
        answer = send(sandbox, instance=name)
        assert isinstance(answer, Closed)
        assert answer.reason == "unknown_instance"
    assert [arrival["outcome"] for arrival in ledger(sandbox)] == ["unknown_instance"] * 2


def test_an_instance_of_metas_fetches_no_medium_and_takes_templates_that_others_do_not_know(sandbox: Sandbox) -> None:
    post(sandbox, "/instance/create", {"instanceName": "metas", "integration": "WHATSAPP-BUSINESS"})
    fault(sandbox, kind="media_missing")
    medium = {"number": NUMBER, "mediatype": "image", "media": "https://cdn.example/1.png"}
    template = {"number": NUMBER, "name": "promo", "language": "pt_BR", "components": []}
    for route, body, statuses in (("sendMedia", medium, (201, 500)), ("sendTemplate", template, (201, 404))):
        answers = [post(sandbox, f"/message/{route}/{name}", body) for name in ("metas", "loja")]
        assert tuple(answer.status_code for answer in answers) == statuses
    assert [arrival["outcome"] for arrival in ledger(sandbox)] == ["accepted", "media_missing", "accepted"]


def gateway(sandbox: Sandbox) -> Evolution:
    return Evolution(sandbox.url, "k", timeout_s=30)


def test_what_else_a_client_of_evolution_asks_is_answered(sandbox: Sandbox) -> None:
    assert requests.get(sandbox.url, timeout=30).json()["version"]
    assert gateway(sandbox).probe("loja 1") == Connection(is_open=True, reason="open")
    assert requests.get(f"{sandbox.url}/instance/connectionState/loja", timeout=30).status_code == 401
    assert requests.post(f"{sandbox.url}/chat/whatsappNumbers/loja", json={}, timeout=30).status_code == 401
    assert requests.get(f"{sandbox.url}/nowhere", timeout=30).status_code == 404


def test_who_has_no_whatsapp_is_found_before_anything_is_sent(sandbox: Sandbox) -> None:
    fault(sandbox, kind="not_on_whatsapp", numbers=["1111"])
    asking = Evolution(sandbox.url, "k", timeout_s=30, check_numbers=True)
    gates = [Gate(), Gate()]
    answers = [
        asking.send(Message(instance="loja", phone=phone, kind=Kind.TEXT, text="Oi", reference="c:1"), departure=gate)
        for phone, gate in zip(("1111", NUMBER), gates, strict=True)
    ]
    assert [type(answer) for answer in answers] == [Refused, Accepted]
    assert [len(gate.waited) for gate in gates] == [0, 1]
    assert len(ledger(sandbox)) == 1


def test_everybody_has_whatsapp_but_those_under_a_fault(sandbox: Sandbox) -> None:
    fault(sandbox, kind="not_on_whatsapp", numbers=["1111"], times=1)
    fault(sandbox, kind="ambiguous", numbers=[NUMBER])
    for _ in range(2):  # to ask uses none of the fault's times up
        found = gateway(sandbox).exists("loja", [NUMBER, "5531999990002", "1111"])
        assert found == {NUMBER: NUMBER, "5531999990002": "553199990002", "1111": None}
    assert [type(send(sandbox, "1111")) for _ in range(2)] == [Refused, Accepted]
    assert gateway(sandbox).exists("loja", ["1111"]) == {"1111": "1111"}


@pytest.mark.parametrize("numbers", [7, [], [7], [NUMBER, NUMBER], None])
def test_a_check_that_makes_no_sense_is_refused_without_the_envelope(sandbox: Sandbox, numbers: Any) -> None:
    answer = post(sandbox, "/chat/whatsappNumbers/loja", {"numbers": numbers})
    assert (answer.status_code, answer.json().keys()) == (400, {"status", "error", "message"})


#: kind of fault -> what a check of a number under it says
CHECKED: dict[str, Any] = {
    "closed": Closed("disconnected", "Connection Closed"),
    "closed_before": Closed("disconnected", "Connection Closed"),
    "busy": Busy("number_check_timed_out", "Timed Out"),
    "rate_overlimit": Busy("rate_overlimit", "rate-overlimit", after_s=120),
    "too_many": Busy("too_many_requests", "Too many requests", after_s=7),
    "unauthorized": Closed("unauthorized", "Unauthorized"),
    "unknown_instance": Closed("unknown_instance", 'The "loja" instance does not exist'),
    "unavailable": Busy("gateway_unavailable", "HTTP 503: <html><h1>503 Service Temporarily Unavailable</h1></html>"),
}


@pytest.mark.parametrize("kind", CHECKED)
def test_a_check_meets_the_faults_that_a_send_would(sandbox: Sandbox, kind: str) -> None:
    fault(sandbox, kind=kind, numbers=["1111"], **({"retryAfterS": 7} if kind == "too_many" else {}))
    assert gateway(sandbox).exists("loja", [NUMBER, "1111"]) == CHECKED[kind]
    assert gateway(sandbox).exists("loja", [NUMBER]) == {NUMBER: NUMBER}


@pytest.mark.parametrize(("kind", "status"), [("closed", 400), ("unauthorized", 401), ("unavailable", 503)])
def test_a_check_of_metas_meets_only_what_comes_before_the_telephone(sandbox: Sandbox, kind: str, status: int) -> None:
    post(sandbox, "/instance/create", {"instanceName": "metas", "integration": "WHATSAPP-BUSINESS"})
    fault(sandbox, kind=kind)
    answer = post(sandbox, "/chat/whatsappNumbers/metas", {"numbers": [NUMBER]})
    assert answer.status_code == status
    assert ("Method not available" in answer.text) is (kind == "closed")


def test_an_instance_that_everything_is_closed_to_says_so(sandbox: Sandbox) -> None:
    fault(sandbox, kind="closed", numbers=[NUMBER])
    fault(sandbox, kind="closed", share=0.99)
    fault(sandbox, kind="closed", times=1)
    assert gateway(sandbox).probe("loja") == Connection(is_open=True, reason="open")
    fault(sandbox, kind="closed", instance="loja")
    assert gateway(sandbox).probe("loja") == Connection(is_open=False, reason="disconnected")
    assert gateway(sandbox).probe("outra") == Connection(is_open=True, reason="open")


def test_a_reset_is_a_reset(sandbox: Sandbox) -> None:
    fault(sandbox, kind="reset_after")
    body = json.dumps({"number": NUMBER, "text": "x"})
    address = urlsplit(sandbox.url)
    with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
        connection.sendall(f"POST {TEXT} HTTP/1.1\r\napikey: k\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
        with pytest.raises(ConnectionResetError):
            connection.recv(1000)


def test_latency_is_injected(sandbox: Sandbox) -> None:
    requests.put(f"{sandbox.url}/behaviour", json={"latencyMs": 300}, timeout=30).raise_for_status()
    began = time.monotonic()
    send(sandbox)
    assert time.monotonic() - began >= 0.3


def test_hundreds_of_slow_sends_are_served_at_once(sandbox: Sandbox) -> None:
    requests.put(f"{sandbox.url}/behaviour", json={"latencyMs": 1000}, timeout=30).raise_for_status()
    began = time.monotonic()
    with ThreadPoolExecutor(300) as pool:
        bodies = [{"number": f"55119999{index:05d}", "text": "x"} for index in range(300)]
        answers = list(pool.map(lambda body: post(sandbox, TEXT, body).status_code, bodies))
    assert set(answers) == {201}
    assert time.monotonic() - began < 60  # one after the other they take 300 s
    assert len({arrival["number"] for arrival in ledger(sandbox)}) == 300


@contextmanager
def alone(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The sandbox as a process of its own: the process, and the address that it printed."""
    command = [sys.executable, "-m", "broadcast.gateways.sandbox", "--port", "0", *options]
    with (folder / "stderr").open("w") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, start_new_session=True)
    assert process.stdout is not None
    with process.stdout:
        try:
            word, _, url = process.stdout.readline().strip().partition(" ")
            assert word == "sandbox"
            yield process, url
        finally:
            process.kill()
            process.wait()


def test_an_arrival_is_stamped_when_it_came(tmp_path: Path) -> None:
    # The clock is one for all processes of a host, so the stamp can be held against the moment of writing.
    written: dict[str, float] = {}
    with alone(tmp_path, "--latency-ms", "200") as (_, url):
        address = urlsplit(url)
        connections = []
        for number in phones(40):
            request = json.dumps({"number": number, "text": "x"})
            head = f"POST {TEXT} HTTP/1.1\r\napikey: k\r\nContent-Length: {len(request)}\r\n\r\n"
            connection = socket.create_connection((address.hostname, address.port), timeout=30)
            connections.append(connection)
            written[number] = time.monotonic()
            connection.sendall((head + request).encode())
            time.sleep(max(written[phones(1)[0]] + 0.025 * len(written) - time.monotonic(), 0))
        for connection in connections:
            connection.recv(100)
            connection.close()
        stamped = requests.get(f"{url}/ledger", timeout=30).json()["arrivals"]

    late_ms = sorted((arrival["at"] - written[arrival["number"]]) * 1000 for arrival in stamped)
    assert len(late_ms) == 40
    assert late_ms[0] > -1
    assert late_ms[len(late_ms) // 2] < 5


def test_an_arrival_is_stamped_at_its_first_byte_not_at_its_connection(sandbox: Sandbox) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.server_port)) as early:
        send(sandbox)  # the server has certainly taken the earlier connection by now
        body = json.dumps({"number": "5511999990002", "text": "x"})
        before = time.monotonic()
        early.sendall(
            f"POST /message/sendText/i HTTP/1.1\r\napikey: k\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        after = time.monotonic()
        early.recv(1000)

    (arrival,) = ledger(sandbox, instance="i")
    assert before - 0.001 <= arrival["at"] <= after + 0.001  # the kernel's stamp: no thread had to wake up for it


@pytest.mark.parametrize("looks_before", [0, 1, 2, 3, 4])
def test_losing_the_processor_between_two_clocks_moves_no_stamp(
    monkeypatch: pytest.MonkeyPatch, looks_before: int
) -> None:
    pauses = iter([0.0] * looks_before + [0.05])

    class Clocks:
        @staticmethod
        def monotonic() -> float:
            now = time.monotonic()
            time.sleep(next(pauses, 0.0))
            return now

        time = staticmethod(time.time)

    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        socket.create_connection(listener.getsockname()) as client,
        listener.accept()[0] as connection,
    ):
        arrivals.ask_for_stamps(connection)
        before = time.monotonic()
        client.sendall(b"x")
        after = time.monotonic()
        monkeypatch.setattr(arrivals, "time", Clocks)
        stamp = arrivals.first_byte(connection)
    assert before - 0.001 <= stamp <= after + 0.001


def test_the_stamp_does_not_wait_for_the_body(tmp_path: Path) -> None:
    body = json.dumps({"number": NUMBER, "text": "x"})
    with alone(tmp_path) as (_, url):
        address = urlsplit(url)
        with socket.create_connection((address.hostname, address.port), timeout=30) as connection:
            connection.sendall(f"POST {TEXT} HTTP/1.1\r\napikey: k\r\nContent-Length: {len(body)}\r\n\r\n".encode())
            head_written = time.monotonic()
            time.sleep(0.5)
            connection.sendall(body.encode())
            connection.recv(100)
        (arrival,) = requests.get(f"{url}/ledger", timeout=30).json()["arrivals"]
    assert arrival["at"] < head_written + 0.4  # the kernel has it by then, whoever is slow


@contextmanager
def telling(tmp_path: Path, **behaviour: Any) -> Iterator[tuple[Evolution, str, list[dict[str, Any]]]]:
    """A sandbox that posts its webhooks: a gateway for it, its address, and the calls in the order they came."""
    with answering(204, "") as (hook, calls):
        options = ["--latency-ms", "0", "--webhook-url", hook + "/hooks/{instance}", "--webhook-token", "s3cret"]
        with alone(tmp_path, *options) as (_, url):
            order = {"receiptDelayMs": 100, "readShare": 1, **behaviour}
            requests.put(f"{url}/behaviour", json=order, timeout=30).raise_for_status()
            yield Evolution(url, "k", timeout_s=30, webhook_token="s3cret"), url, calls


def to(number: str, *, kind: Kind = Kind.TEXT, text: str = "Oi", url: str | None = None) -> Message:
    return Message(instance="loja 1", phone=number, kind=kind, text=text, media_url=url, reference="c:1")


def test_receipts_come_back_in_the_dialect(tmp_path: Path) -> None:
    with telling(tmp_path) as (gateway, _, calls):
        answer = gateway.send(to(NUMBER), departure=Gate())
        wait_for(lambda: len(calls) == 4, what="an echo and three receipts")

    assert isinstance(answer, Accepted)
    assert {call["path"] for call in calls} == {"/hooks/loja%201"}
    assert all(gateway.verify(call["headers"], b"", path="") for call in calls)
    receipts = list(itertools.chain.from_iterable(gateway.read(call["body"]).receipts for call in calls))
    assert {receipt.message_id for receipt in receipts} == {answer.message_id}
    assert [receipt.status for receipt in receipts] == [Status.SENT, Status.DELIVERED, Status.READ]


def assert_echo(gateway: Evolution, body: dict[str, Any], expected: Echo) -> None:
    """The call is this echo, of a moment ago."""
    (echo,) = gateway.read(body).echoes
    assert echo.at_ms is not None
    assert abs(echo.at_ms / 1000 - time.time()) < 60
    assert replace(echo, at_ms=None) == expected


@pytest.mark.parametrize("kind", list(Kind))
def test_a_delivered_message_is_echoed_before_its_receipts(tmp_path: Path, kind: Kind) -> None:
    text = "" if kind is Kind.AUDIO else "Oi,\nAna \U0001f389"
    message = to(NUMBER, kind=kind, text=text, url=None if kind is Kind.TEXT else "https://cdn.example/a.pdf")
    with telling(tmp_path) as (gateway, _, calls):
        answer = gateway.send(message, departure=Gate())
        wait_for(lambda: len(calls) >= 2, what="an echo and a receipt")

    assert isinstance(answer, Accepted)
    assert calls[0]["body"]["event"] == "send.message"
    assert_echo(gateway, calls[0]["body"], Echo(message_id=answer.message_id, phone=NUMBER, text=text, kinds=(kind,)))


def test_audio_has_no_caption_whatever_was_asked(sandbox: Sandbox) -> None:
    body = {"number": NUMBER, "mediatype": "audio", "media": "https://cdn.example/a.mp3", "caption": "Oi"}
    message = post(sandbox, MEDIA, body).json()["message"]
    (arrival,) = ledger(sandbox)
    assert (arrival["kind"], arrival["text"]) == ("audio", "")
    assert message["audioMessage"].keys() == {"url"}


def test_a_message_whose_answer_was_lost_is_echoed_all_the_same(tmp_path: Path) -> None:
    with telling(tmp_path, receipts=False) as (gateway, url, calls):
        requests.post(f"{url}/faults", json={"kind": "reset_after", "numbers": [NUMBER]}, timeout=30).raise_for_status()
        requests.post(f"{url}/faults", json={"kind": "reset_before"}, timeout=30).raise_for_status()
        answers = [gateway.send(to(number), departure=Gate()) for number in (NUMBER, "5511999990002")]
        wait_for(lambda: calls, what="an echo")
        (arrival, _) = requests.get(f"{url}/ledger", timeout=30).json()["arrivals"]

    assert [type(answer) for answer in answers] == [Unknown, Unknown]
    (call,) = calls
    assert_echo(gateway, call["body"], Echo(message_id=arrival["id"], phone=NUMBER, text="Oi", kinds=(Kind.TEXT,)))


def test_a_brazilian_number_is_echoed_in_the_form_that_whatsapp_has(tmp_path: Path) -> None:
    with telling(tmp_path, receipts=False) as (gateway, _, calls):
        gateway.send(to("5531999990002"), departure=Gate())
        wait_for(lambda: calls, what="an echo")
    (echo,) = gateway.read(calls[0]["body"]).echoes
    assert echo.phone == "553199990002"
    assert identity(echo.phone) == identity("5531999990002")


def test_echoes_can_be_turned_off(tmp_path: Path) -> None:
    with telling(tmp_path, echoes=False, receiptDelayMs=10) as (gateway, _, calls):
        gateway.send(to(NUMBER), departure=Gate())
        wait_for(lambda: len(calls) == 3, what="three receipts")
    assert {call["body"]["event"] for call in calls} == {"messages.update"}


def test_a_message_with_nothing_to_tell_does_not_stop_those_after_it(tmp_path: Path) -> None:
    with telling(tmp_path, echoes=False, receipts=False) as (gateway, url, calls):
        gateway.send(to(NUMBER), departure=Gate())
        requests.put(f"{url}/behaviour", json={"echoes": True}, timeout=30).raise_for_status()
        gateway.send(to("5511999990002"), departure=Gate())
        wait_for(lambda: calls, what="an echo")
    assert [echo.phone for echo in gateway.read(calls[0]["body"]).echoes] == ["5511999990002"]


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_without_a_word_and_leaves_its_ledger(tmp_path: Path, ending: signal.Signals) -> None:
    file = tmp_path / "ledger"
    with alone(tmp_path, "--webhook-url", "http://127.0.0.1:1/", "--ledger", str(file)) as (process, url):
        requests.post(url + TEXT, json={"number": NUMBER, "text": "x"}, headers={"apikey": "k"}, timeout=30)
        (posting,) = psutil.Process(process.pid).children()
        os.killpg(process.pid, ending)  # a terminal's Ctrl-C is for the whole group
        assert process.wait(60) == 0
        wait_for(lambda: not posting.is_running(), what="the end of the posting process")
    assert (tmp_path / "stderr").read_text() == ""
    assert [json.loads(line)["number"] for line in file.read_text().splitlines()] == [NUMBER]
