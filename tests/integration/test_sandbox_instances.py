"""Instances of the sandbox: what a client of Evolution does with them has the effects that it would have there."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from broadcast.domain.content import Kind
from broadcast.gateways.base import Accepted, Busy, Closed, Connection, Message
from broadcast.gateways.evolution import Evolution
from broadcast.gateways.sandbox.ledger import Ledger
from broadcast.gateways.sandbox.server import Behaviour, Sandbox
from tests.departures import Gate

MESSAGE = Message(instance="loja 1", phone="5511999990001", kind=Kind.TEXT, text="Oi", reference="c:1")
#: what asks for something about an instance
ROUTES = [
    ("POST", "/instance/create"),
    ("GET", "/instance/fetchInstances"),
    ("GET", "/instance/connect/loja"),
    ("POST", "/instance/restart/loja"),
    ("DELETE", "/instance/logout/loja"),
    ("DELETE", "/instance/delete/loja"),
    ("POST", "/webhook/set/loja"),
    ("GET", "/webhook/find/loja"),
    ("POST", "/chat/sendPresence/loja"),
]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    server = Sandbox(0, ledger=Ledger(), behaviour=Behaviour(latency_ms=0), api_key="k3y")
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def ask(sandbox: Sandbox, method: str, path: str, body: Any = None, *, key: str = "k3y") -> requests.Response:
    return requests.request(method, sandbox.url + path, json=body, headers={"apikey": key}, timeout=60)


def test_an_instance_that_is_logged_out_sends_no_more_until_it_is_paired_again(sandbox: Sandbox) -> None:
    gateway = Evolution(sandbox.url, "k3y", timeout_s=30)
    ask(sandbox, "DELETE", "/instance/logout/loja%201")
    answer = gateway.send(MESSAGE, departure=Gate())
    assert isinstance(answer, Closed)
    assert answer.reason == "disconnected"
    assert gateway.exists("loja 1", [MESSAGE.phone]) == Closed("disconnected", "Connection Closed")
    assert gateway.probe("loja 1") is None
    assert gateway.probe("loja 2") == Connection(is_open=True, reason="open")
    assert [(arrival.outcome, arrival.id) for arrival in sandbox.ledger.arrivals()] == [("closed", None)]

    assert "code" in ask(sandbox, "GET", "/instance/connect/loja%201").json()
    assert gateway.probe("loja 1") == Connection(is_open=True, reason="open")
    assert isinstance(gateway.send(MESSAGE, departure=Gate()), Accepted)
    assert not isinstance(gateway.exists("loja 1", [MESSAGE.phone]), Busy | Closed)


def test_an_instance_that_is_paired_is_not_asked_to_be_paired(sandbox: Sandbox) -> None:
    answer = ask(sandbox, "GET", "/instance/connect/loja").json()
    assert answer == {"instance": {"instanceName": "loja", "state": "open"}}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nobody_manages_instances_without_the_key(sandbox: Sandbox, method: str, path: str) -> None:
    for key in ("", "wrong"):
        assert ask(sandbox, method, path, {}, key=key).status_code == 401
    assert not sandbox.instances.is_logged_out("loja")


def test_a_sandbox_with_a_key_takes_no_other(sandbox: Sandbox) -> None:
    for key, kind in (("k3y", Accepted), ("wrong", Closed)):
        assert isinstance(Evolution(sandbox.url, key, timeout_s=30).send(MESSAGE, departure=Gate()), kind)


def test_a_deleted_instance_may_be_made_again_and_all_are_listed(sandbox: Sandbox) -> None:
    made = [ask(sandbox, "POST", "/instance/create", {"instanceName": name, "token": "t"}) for name in ("a", "b", "a")]
    assert [answer.status_code for answer in made] == [201, 201, 403]
    ask(sandbox, "DELETE", "/instance/delete/a")
    assert [one["name"] for one in ask(sandbox, "GET", "/instance/fetchInstances").json()] == ["b"]
    assert ask(sandbox, "POST", "/instance/create", {"instanceName": "a", "webhook": 7}).json()["hash"] != "t"


@pytest.mark.parametrize("body", [None, [], {}, {"instanceName": ""}, {"instanceName": 7}])
def test_an_instance_without_a_name_is_not_made(sandbox: Sandbox, body: Any) -> None:
    answer = ask(sandbox, "POST", "/instance/create", body)
    assert (answer.status_code, ask(sandbox, "GET", "/instance/fetchInstances").json()) == (400, [])


def test_an_instance_without_a_webhook_has_none(sandbox: Sandbox) -> None:
    assert ask(sandbox, "GET", "/webhook/find/loja").json() is None
