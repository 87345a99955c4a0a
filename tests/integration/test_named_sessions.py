"""A call that names another session than the one that its address is of: its news are that session's, or nobody's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.domain.contact import Status
from broadcast.domain.phone import identity
from broadcast.engine import accepting, telling
from broadcast.engine.registering import Registration, register
from broadcast.gateways.evolution import Evolution
from broadcast.gateways.waha import Waha
from broadcast.pacing import Rules
from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.store.tickets import Go, Outcome
from broadcast.web import create_webhook_app
from broadcast.wiring import build_services
from tests.builders import an_order
from tests.integration.test_webhooks import SETTINGS, SIGNED
from tests.lanes import ask, fan_out, tickets
from tests.processes import wait_for

KEY = "k" * 40
ANA = "5511999990001"


@dataclass
class World:
    dialect: str
    client: FlaskClient
    store: Store

    def put(self, instance: str, secret: str, **more: str) -> None:
        own = {"evolution": "webhookToken", "waha": "hmacKey"}[self.dialect]
        credentials = {"apiKey": "k", own: secret, **more}
        wanted = Registration(
            instance=instance, dialect=self.dialect, url="http://127.0.0.1:1", credentials=credentials, rules=Rules()
        )
        register(self.store, wanted, secret_key=KEY, only_sandbox=False)

    def post(self, call: dict[str, Any], *, to: str) -> int:
        body = json.dumps(call).encode()
        headers = SIGNED[self.dialect](body)
        return self.client.post(f"/webhooks/{self.dialect}/{to}", data=body, headers=headers).status_code

    def closed(self, session: Any) -> dict[str, Any]:
        if self.dialect == "waha":
            return {"event": "session.status", "session": session, "payload": {"status": "STOPPED"}}
        data = {"instance": session, "state": "close", "statusReason": 401}
        return {"event": "connection.update", "instance": session, "data": data}

    def delivered(self, session: str, message_id: str) -> dict[str, Any]:
        if self.dialect == "waha":
            item = {"id": f"true_{ANA}@c.us_{message_id}", "fromMe": True, "ackName": "DEVICE"}
            return {"event": "message.ack", "session": session, "payload": item}
        return {
            "event": "messages.update",
            "instance": session,
            "data": {"keyId": message_id, "status": "DELIVERY_ACK"},
        }

    def written(self, session: str, text: str) -> dict[str, Any]:
        if self.dialect == "waha":
            item = {"id": f"false_{ANA}@c.us_3A01", "from": f"{ANA}@c.us", "fromMe": False, "body": text}
            return {"event": "message", "session": session, "payload": item}
        key = {"remoteJid": f"{ANA}@s.whatsapp.net", "fromMe": False}
        return {
            "event": "messages.upsert",
            "instance": session,
            "data": {"key": key, "message": {"conversation": text}},
        }

    def held(self, *instances: str) -> list[str | None]:
        return [self.store.lanes.look(instance).fields.get("hold") for instance in instances]

    def left_out(self) -> int:
        return self.store.webhooks.tally().get("of_nobody", 0)


@pytest.fixture(params=["evolution", "waha"])
def world(redis_url: str, store: Store, request: pytest.FixtureRequest) -> Iterator[World]:
    settings = Settings(redis_url=redis_url, gateway=request.param, secret_key=KEY, **SETTINGS[request.param])
    services = build_services(settings)
    yield World(request.param, create_webhook_app(services).test_client(), store)
    services.store.scripts.client.close()


SECRET = "5ecre7-of-the-webhooks"


def test_another_sessions_end_closes_that_one_and_not_the_one_of_the_address(world: World) -> None:
    assert world.post(world.closed("outra"), to="loja") == 204
    assert world.held("loja", "outra") == [None, "closed"]

    assert world.post(world.closed("loja"), to="loja") == 204
    assert world.held("loja") == ["closed"]
    assert world.left_out() == 0


def test_nobody_speaks_of_an_instance_with_another_secret(world: World, caplog: pytest.LogCaptureFixture) -> None:
    name = f"vizinho-{world.dialect}"
    world.put(name, "another-secret-altogether")
    assert world.post(world.closed(name), to="loja") == 204
    assert world.held("loja", name) == [None, None]
    assert world.left_out() == 1
    assert f"session/{name} is no instance" in caplog.text


def test_a_receipt_finds_the_instance_that_is_named(world: World, store: Store) -> None:
    world.put("filial", SECRET)
    store.workers.beat("broadcast", "w1")
    accepting.accept(store, an_order("natal", contacts=[ANA], instance="filial"), country="BR")
    (ticket,) = tickets(fan_out(store, "filial"))
    wait_for(lambda: isinstance(ask(store, ticket, ahead_ms=5000), Go), what="the fence")
    store.contacts.record(ticket, Outcome(status=Status.SENT, message_id="3EB0AA"))

    assert world.post(world.delivered("filial", "3EB0AA"), to="loja") == 204
    assert telling.progress(store, "natal").counts[Status.DELIVERED] == 1


@pytest.mark.parametrize("session", ["loja", "filial", "vizinho"])
def test_whoever_wants_no_more_is_heard_whatever_the_session(world: World, store: Store, session: str) -> None:
    world.put("vizinho", "another-secret-altogether")
    assert world.post(world.written(session, "SAIR"), to="loja") == 204
    assert store.suppressions.among([identity(ANA)])


@pytest.mark.parametrize("session", [None, "", 7, [], {}])
def test_a_call_that_names_no_session_is_of_its_address(world: World, session: Any) -> None:
    assert world.post(world.closed(session), to="loja") == 204
    assert world.held("loja") == ["closed"]


def test_a_name_that_cannot_be_stored_is_nobodys(world: World, store: Store) -> None:
    for session in ("\ud83d", "x" * 5000, "a/b:c d,e"):
        assert world.post(world.closed(session), to="loja") == 204
    assert world.held("loja") == [None]


def test_an_instance_is_found_by_the_session_that_it_is_sent_through(redis_url: str, store: Store) -> None:
    settings = Settings(redis_url=redis_url, gateway="waha", secret_key=KEY, **SETTINGS["waha"])
    services = build_services(settings)
    world = World("waha", create_webhook_app(services).test_client(), store)
    world.put("loja", SECRET, session="default")
    world.put("vizinho", "another-secret-altogether", session="default")

    assert world.post(world.closed("loja"), to="loja") == 204  # no session of that name is ours
    assert world.held("loja", "vizinho") == [None, None]
    assert world.post(world.closed("default"), to="nova") == 204
    services.store.scripts.client.close()
    assert world.held("loja", "vizinho", "nova") == ["closed", None, None]


def test_each_dialect_says_whose_session_its_calls_name() -> None:
    evolution, waha = Evolution("http://x", "k", timeout_s=1), Waha("http://x", "k", timeout_s=1, session="s")
    assert (evolution.session_of("loja"), waha.session_of("loja")) == ("loja", "s")
    assert not evolution.trusts(waha)
    assert not waha.trusts(evolution)
