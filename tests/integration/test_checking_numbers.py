"""A number is asked about before its message leaves, where its instance says so: it costs the pace nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from broadcast.domain.instance import Instance
from broadcast.engine.registering import Registration, register
from broadcast.errors import Invalid
from broadcast.gateways.addresses import KEPT_S
from broadcast.gateways.base import Accepted, Answer, Busy, Closed, Refused
from broadcast.gateways.catalogue import build
from broadcast.gateways.evolution import Evolution
from broadcast.pacing import Rules
from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.wiring import build_services
from tests.builders import a_message
from tests.departures import Gate
from tests.integration.test_waha import unasked
from tests.standins.waha import StandIn, waha
from tests.stubs import answering

ANA = "5511999990001"
THERE = [{"jid": f"{ANA}@s.whatsapp.net", "exists": True, "number": ANA}]
NOBODY = [{"jid": f"{ANA}@s.whatsapp.net", "exists": False, "number": ANA}]
GONE = {"isBoom": True, "output": {"statusCode": 428, "payload": {"message": "Connection Closed"}}}
WRONG = {"status": 400, "error": "Bad Request", "message": [["numbers[0] is odd"]]}
NO_CHECK = {"status": 400, "error": "Bad Request", "message": ["Method not available"]}
SLOWER = {"isBoom": True, "output": {"statusCode": 429, "payload": {"message": "rate-overlimit"}}}


def ask(url: str, *, check: bool | None = True, gate: Gate | None = None, times: int = 1) -> list[Answer]:
    gateway = build("evolution", url=url, credentials={"apiKey": "k"}, timeout_s=30, check_numbers=check)
    return [gateway.send(a_message(phone=ANA), departure=gate or Gate()) for _ in range(times)]


def test_who_has_no_whatsapp_is_left_out_before_the_fence_is_asked() -> None:
    with answering(200, NOBODY) as (url, seen):
        assert ask(url, gate=unasked()) == [Refused("not_on_whatsapp")]
    assert [one["path"] for one in seen] == ["/chat/whatsappNumbers/i1"]


@pytest.mark.parametrize(
    ("status", "body", "answer"),
    [
        (400, GONE, Closed("disconnected", "Connection Closed")),
        (400, SLOWER, Busy("rate_overlimit", "rate-overlimit", after_s=120.0)),
        (401, {"status": 401, "response": {"message": "Unauthorized"}}, Closed("unauthorized", "Unauthorized")),
    ],
)
def test_what_keeps_everybody_from_being_asked_about_is_acted_on(status: int, body: Any, answer: Answer) -> None:
    with answering(status, body) as (url, _):
        assert ask(url, gate=unasked()) == [answer]


@pytest.mark.parametrize("body", [WRONG, NO_CHECK])
def test_a_question_that_the_gateway_does_not_take_keeps_nobody_from_being_sent_to(body: Any) -> None:
    gate = Gate()
    with answering(400, body) as (url, seen):
        ask(url, gate=gate)
    assert [one["path"] for one in seen] == ["/chat/whatsappNumbers/i1", "/message/sendText/i1"]
    assert len(gate.waited) == 1


def test_a_number_is_asked_about_once_a_day() -> None:
    assert KEPT_S == 86_400
    with answering(200, THERE) as (url, seen):
        ask(url, times=3)
    assert [one["path"] for one in seen].count("/chat/whatsappNumbers/i1") == 1
    assert len(seen) == 4


@pytest.mark.parametrize("check", [None, False])
def test_evolution_is_not_asked_unless_somebody_wants_it_since_its_send_asks_itself(check: bool | None) -> None:
    with answering(201, {"key": {"id": "3EB0"}}) as (url, seen):
        assert ask(url, check=check) == [Accepted("3EB0")]
    assert len(seen) == 1


@pytest.fixture
def server() -> Iterator[StandIn]:
    with waha(numbers={ANA: "551199990001@c.us"}) as standin:
        yield standin


@pytest.mark.parametrize(
    ("check", "chat"), [(None, "551199990001@c.us"), (True, "551199990001@c.us"), (False, f"{ANA}@c.us")]
)
def test_waha_is_asked_unless_somebody_does_not_want_it(server: StandIn, check: bool | None, chat: str) -> None:
    gateway = build("waha", url=server.url, credentials={"apiKey": server.api_key}, timeout_s=30, check_numbers=check)
    assert isinstance(gateway.send(a_message(phone=ANA, instance="loja-01"), departure=Gate()), Accepted)
    assert [one.body["chatId"] for one in server.ledger] == [chat]


def registration(dialect: str | None, *, check: bool | None) -> Registration:
    credentials = {"token": "t", "appSecret": "s"} if dialect == "cloud" else {"apiKey": "k", "webhookToken": "t"}
    url = "http://127.0.0.1:1" if dialect else None
    given = credentials if dialect else None
    return Registration(
        instance="loja", dialect=dialect, url=url, credentials=given, rules=Rules(), check_numbers=check
    )


@pytest.mark.parametrize(("dialect", "says"), [("cloud", "cannot be asked"), (None, "dialect")])
def test_where_nobody_can_be_asked_it_cannot_be_wanted(store: Store, dialect: str | None, says: str) -> None:
    with pytest.raises(Invalid, match=says):
        register(store, registration(dialect, check=True), secret_key="k" * 40, only_sandbox=False)


def test_what_an_instance_wants_is_kept_and_changed_without_its_credentials(store: Store, redis_url: str) -> None:
    services = build_services(Settings(redis_url=redis_url, secret_key="k" * 40))
    wanted = registration("evolution", check=True)
    register(store, wanted, secret_key="k" * 40, only_sandbox=False)
    assert store.instances.find("loja") == services.store.instances.find("loja")
    found: Instance | None = store.instances.find("loja")
    assert found is not None
    assert found.check_numbers is True
    gateway = services.gateways.of("loja")
    assert isinstance(gateway, Evolution)
    assert gateway.checks_numbers

    again = Registration(
        instance="loja", dialect="evolution", url="http://127.0.0.1:1", credentials=None, rules=Rules()
    )
    register(store, again, secret_key="k" * 40, only_sandbox=False)
    found = store.instances.find("loja")
    assert found is not None
    assert (found.check_numbers, found.secret_names) == (None, frozenset({"apiKey", "webhookToken"}))
    services.store.scripts.client.close()
