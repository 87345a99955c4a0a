"""Callbacks over HTTP: an address is refused before anything is accepted, and what became of each can be seen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry, generate_latest

from broadcast.settings import ApiKey, Settings
from broadcast.store import Store
from broadcast.tasks import create_celery, telling
from broadcast.tasks.figures import Figures
from broadcast.web import create_app
from broadcast.wiring import Services, build_services
from tests.builders import a_body
from tests.crm import KEYS, Crm, a_crm, call_all, moment

EDGE = "/functions/v1/broadcast_messaging_service"


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(redis_url=redis_url, callback_secret=KEYS, callback_allow_private=True)


@pytest.fixture
def crm() -> Iterator[Crm]:
    with a_crm() as crm:
        yield crm


def refused(settings: Settings, url: Any) -> list[dict[str, str]]:
    client = create_app(build_services(settings)).test_client()
    answer = client.post(EDGE, json=a_body("c1", "loja", callbackUrl=url))
    assert answer.status_code == 422, answer.json
    assert client.get("/campaigns/c1").status_code == 404
    errors: list[dict[str, str]] = answer.json["errors"]
    return errors


@pytest.mark.parametrize(
    "url",
    [
        "ftp://crm.example/x", "file:///etc/passwd", "gopher://crm.example", "crm.example/x", "//crm.example", "http://",
        "https://user:secret@crm.example/", "https://user@crm.example/", "https://:@crm.example/", "http://a b/",
        "http://crm.example:99999/", "https://crm.example/" + "x" * 2048, 7, ["https://crm.example"],
    ],
)  # fmt: skip
def test_an_address_that_is_none_of_the_webs_is_refused(settings: Settings, url: Any) -> None:
    assert [error["pointer"] for error in refused(settings, url)] == ["/callbackUrl"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "10.0.0.1", "169.254.169.254", "2130706433"])
def test_a_private_address_is_refused_where_it_is_accepted(settings: Settings, host: str) -> None:
    (error,) = refused(replace(settings, callback_allow_private=False), f"http://{host}/x")
    assert error["pointer"] == "/callbackUrl"
    assert "internet only" in error["detail"]


def test_without_a_secret_no_address_is_taken_and_the_answer_names_the_setting(settings: Settings) -> None:
    (error,) = refused(replace(settings, callback_secret=()), "https://crm.example/x")
    assert error["pointer"] == "/callbackUrl"
    assert "CALLBACK_SECRET" in error["detail"]


def test_another_address_is_another_body(client: FlaskClient, crm: Crm) -> None:
    assert client.post(EDGE, json=a_body("c1", "loja", callbackUrl=crm.url)).status_code == 202
    assert client.post(EDGE, json=a_body("c1", "loja", callbackUrl=crm.url)).status_code == 202
    assert client.post(EDGE, json=a_body("c1", "loja", callbackUrl=crm.url + "2")).status_code == 409


def test_what_became_of_each_callback_is_shown(client: FlaskClient, store: Store, crm: Crm) -> None:
    client.post(EDGE, json=a_body("c1", "loja", callbackUrl=crm.url))
    call_all(store)
    client.post("/campaigns/c1/cancel")

    page = client.get("/campaigns/c1/callbacks").json
    assert set(page) == {"success", "callbackUrl", "isOff", "callbacks", "nextCursor"}
    assert (page["callbackUrl"], page["isOff"], page["nextCursor"]) == (crm.url, False, None)
    cancelled, started = page["callbacks"]
    assert set(started) == {
        "id", "type", "status", "timestamp", "attempts", "lastStatus", "lastError", "nextAttemptAt", "deliveredAt",
    }  # fmt: skip
    assert (started["id"], started["status"], started["lastStatus"]) == (crm.ids[0], "delivered", 204)
    assert moment(started["deliveredAt"]) >= moment(started["timestamp"])
    assert (cancelled["type"], cancelled["status"], cancelled["attempts"]) == ("campaign.cancelled", "waiting", 0)
    assert cancelled["nextAttemptAt"] is not None
    assert [one["type"] for one in client.get("/campaigns/c1/callbacks?status=delivered").json["callbacks"]] == [
        "campaign.started"
    ]


def test_a_callback_is_replayed_by_a_call(client: FlaskClient, store: Store, crm: Crm) -> None:
    client.post(EDGE, json=a_body("c1", "loja", callbackUrl=crm.url))
    call_all(store)
    answer = client.post(f"/campaigns/c1/callbacks/{crm.ids[0]}/replay")
    assert (answer.status_code, answer.json["queued"]) == (202, 1)
    assert client.post("/campaigns/c1/callbacks/replay").json["queued"] == 0
    call_all(store)
    assert crm.ids[0] == crm.ids[1]


@pytest.mark.parametrize("event", ["cb_0_1", "1", "_1", "cb_", "x" * 300])
def test_a_callback_that_is_not_there_cannot_be_replayed(client: FlaskClient, crm: Crm, event: str) -> None:
    client.post(EDGE, json=a_body("c1", "loja", callbackUrl=crm.url))
    assert client.post(f"/campaigns/c1/callbacks/{event}/replay").status_code == 404


def test_a_campaign_without_callbacks_shows_none_and_replays_none(client: FlaskClient) -> None:
    client.post(EDGE, json=a_body("c1", "loja"))
    page = client.get("/campaigns/c1/callbacks").json
    assert (page["callbackUrl"], page["callbacks"]) == (None, [])
    assert client.post("/campaigns/c1/callbacks/replay").status_code == 409
    assert client.get("/campaigns/c1/callbacks?cursor=x").status_code == 422
    assert client.get("/campaigns/none/callbacks").status_code == 404


def test_a_key_sees_and_replays_only_its_instances_callbacks(settings: Settings, crm: Crm) -> None:
    keys = (ApiKey("crm", "secret-of-crm"), ApiKey("other", "secret-of-other", frozenset({"other"})))
    client = create_app(build_services(replace(settings, api_keys=keys))).test_client()
    client.post(EDGE, json=a_body("c1", "loja", callbackUrl=crm.url), headers={"apikey": "secret-of-crm"})
    stranger = {"apikey": "secret-of-other"}
    assert client.get("/campaigns/c1/callbacks", headers=stranger).status_code == 404
    assert client.post("/campaigns/c1/callbacks/replay", headers=stranger).status_code == 404


# The task


def test_calls_have_a_queue_of_their_own(settings: Settings) -> None:
    app = create_celery(settings)
    assert app.amqp.router.route({}, "broadcast.call")["queue"].name == "callbacks"
    assert app.amqp.router.route({}, "broadcast.tick")["queue"].name == "control"


def queued(services: Services, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """The calls that are queued from now on, and not run."""
    app = create_celery(services.settings, services)
    calls: list[tuple[str, str]] = []
    monkeypatch.setattr(app.tasks["broadcast.call"], "apply_async", lambda args, **_: calls.append(args))
    services.store.workers.beat("callbacks", "w1")
    telling.call_due(app)
    return calls


def test_the_task_delivers_and_asks_for_whoever_is_next(
    client: FlaskClient, services: Services, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    client.post(EDGE, json=a_body("c1", "loja", callbackUrl=crm.url))
    ((host, claim),) = queued(services, monkeypatch)
    assert telling.call(host, claim) == 1
    assert crm.types == ["campaign.started"]


def test_when_every_hand_is_busy_the_host_is_given_back_at_once(
    client: FlaskClient, services: Services, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the control worker's four threads two are upkeep's, however many calls Celery gives it."""
    client.post(EDGE, json=a_body("c1", "loja", callbackUrl=crm.url))
    ((host, claim),) = queued(services, monkeypatch)
    for _ in range(telling.HANDS):
        telling._hands.acquire()
    try:
        assert telling.call(host, claim) == 0
    finally:
        for _ in range(telling.HANDS):
            telling._hands.release()
    assert crm.told == []
    assert call_all(services.store) == 1


def test_prometheus_is_told_how_callbacks_fare(client: FlaskClient, services: Services, crm: Crm) -> None:
    client.post(EDGE, json=a_body("c1", "loja", callbackUrl=crm.url))
    call_all(services.store)
    client.post("/campaigns/c1/pause")
    registry = CollectorRegistry()
    registry.register(Figures(lambda: services))
    text = generate_latest(registry).decode()
    assert "broadcast_callbacks_waiting 1.0" in text
    assert 'broadcast_callbacks_total{state="delivered"} 1.0' in text
    assert 'broadcast_callbacks_total{state="failed"} 0.0' in text
