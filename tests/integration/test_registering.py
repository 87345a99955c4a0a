"""Instances registered one by one: what is refused, what is kept secret, and what takes effect without a restart."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import json
import logging
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from broadcast.domain.instance import Instance
from broadcast.engine import accepting, inspecting, planning
from broadcast.engine.planning import Horizon
from broadcast.engine.registering import Registration, register
from broadcast.engine.sending import Policy, Sending
from broadcast.pacing import Rules, Window
from broadcast.settings import ApiKey, Settings
from broadcast.store import Store
from broadcast.store.tickets import Ticket
from broadcast.web import create_app, create_webhook_app
from broadcast.wiring import BELIEVED_S, Gateways, build_services
from tests.builders import a_body, an_order
from tests.stubs import answering

SECRET_KEY = "a-secret-key-of-32-characters-or-more"
EVOLUTION = {"apiKey": "the-api-key", "webhookToken": "the-webhook-token"}
CRM, LOJA = {"apikey": "secret-of-crm"}, {"apikey": "secret-of-loja"}
WHOLE: dict[str, Any] = {
    "dialect": "evolution",
    "url": "https://evolution.example/",
    "credentials": EVOLUTION,
    "rateLimitMs": 15_000,
    "jitterMs": 30_000,
    "dailyCap": 200,
    "window": {"start": "08:00", "end": "20:00", "timeZone": "America/Sao_Paulo", "days": ["mon", "sat"]},
    "warmUp": {"since": "2025-11-01"},
}


def settings(redis_url: str, **changes: Any) -> Settings:
    keys = (ApiKey("crm", "secret-of-crm"), ApiKey("loja", "secret-of-loja", frozenset({"loja"})))
    return Settings(**{"redis_url": redis_url, "api_keys": keys, "secret_key": SECRET_KEY, **changes})


@pytest.fixture
def api(redis_url: str) -> Iterator[FlaskClient]:
    services = build_services(settings(redis_url))
    yield create_app(services).test_client()
    services.store.scripts.client.close()


def put(api: FlaskClient, body: Any, instance: str = "loja", headers: Any = CRM) -> Any:
    return api.put(f"/instances/{instance}", json=body, headers=headers)


def pointers(answer: Any) -> set[str]:
    assert (answer.status_code, answer.content_type) == (422, "application/problem+json"), answer.text
    return {error["pointer"] for error in answer.json["errors"]}


def test_an_instance_is_not_called_what_has_an_address_of_its_own(api: FlaskClient) -> None:
    assert pointers(put(api, {"dailyCap": 200}, "events")) == {"/instanceId"}


# --- what is kept, and shown ---


def test_an_instance_is_shown_as_it_was_registered_but_for_its_secrets(api: FlaskClient) -> None:
    answer = put(api, WHOLE)

    assert (answer.status_code, put(api, WHOLE).status_code) == (201, 200)
    shown = api.get("/instances/loja", headers=CRM).json
    assert shown == answer.json
    assert shown["registered"]
    assert shown["url"] == "https://evolution.example"
    assert shown["credentials"] == {"apiKey": True, "webhookToken": True}
    same = {name: value for name, value in WHOLE.items() if name not in {"url", "credentials"}}
    assert {name: shown[name] for name in same} == same
    assert (shown["state"], shown["waiting"]) == ("open", 0)


def test_an_instance_that_nobody_registered_has_the_settings_gateway_and_no_rules(api: FlaskClient) -> None:
    shown = api.get("/instances/outra", headers=CRM).json
    assert (shown["registered"], shown["dialect"], shown["url"], shown["credentials"]) == (False, "sandbox", None, {})
    assert [shown[name] for name in ("rateLimitMs", "jitterMs", "dailyCap", "window", "warmUp")] == [None] * 5


@pytest.mark.parametrize("wrong", [1, "true", [], {}])
def test_whether_numbers_are_checked_is_true_or_false_or_nobodys_wish(api: FlaskClient, wrong: Any) -> None:
    for wish in (True, False, None):
        assert put(api, {**WHOLE, "checkNumbers": wish}).json["checkNumbers"] is wish
    assert pointers(put(api, {**WHOLE, "checkNumbers": wrong})) == {"/checkNumbers"}
    assert pointers(put(api, {"checkNumbers": True})) == {"/dialect"}


@pytest.mark.parametrize(
    ("secrets", "credentials", "code"),
    [
        ({"cloud_app_secret": "s"}, None, 422),
        ({"cloud_app_secret": "s"}, {"apiKey": "k"}, 422),
        ({"cloud_app_secret": "s"}, {"webhookToken": "t"}, 201),
        ({"cloud_app_secret": "s", "webhook_token": "t"}, None, 201),
        ({}, None, 201),
    ],
)
def test_a_sandbox_needs_a_webhook_secret_only_where_strangers_can_call(
    redis_url: str, secrets: dict[str, str], credentials: dict[str, str] | None, code: int
) -> None:
    services = build_services(settings(redis_url, gateway="cloud", cloud_api_token="EAA", **secrets))
    answer = put(create_app(services).test_client(), {"dialect": "sandbox", "credentials": credentials})
    services.store.scripts.client.close()
    assert answer.status_code == code, answer.text
    if code == 422:
        assert pointers(answer) == {"/credentials/webhookToken"}
        assert "WEBHOOK_TOKEN is unset" in answer.text


def test_what_is_no_secret_is_shown(api: FlaskClient) -> None:
    credentials = {"token": "EAA", "appSecret": "s", "phoneNumberId": "106540352242922", "verifyToken": None}
    shown = put(api, {"dialect": "cloud", "credentials": credentials}).json
    assert shown["credentials"] == {
        "token": True,
        "appSecret": True,
        "verifyToken": False,
        "phoneNumberId": "106540352242922",
        "wabaId": False,
    }
    assert shown["url"] == "https://graph.facebook.com/v23.0"


def test_rules_alone_take_no_gateway_away_without_a_word(api: FlaskClient) -> None:
    assert put(api, WHOLE).status_code == 201
    answer = put(api, {"dailyCap": 300})
    assert (answer.status_code, pointers(answer), "is evolution now" in answer.text) == (422, {"/dialect"}, True)
    assert put(api, {"dialect": None, "dailyCap": 300}).status_code == 200
    assert put(api, {"dailyCap": 200}).status_code == 200


NUMBER = {"dialect": "cloud", "credentials": {"token": "EAA", "appSecret": "s", "phoneNumberId": "5550077"}}


@pytest.fixture
def cloud_api(redis_url: str) -> Iterator[FlaskClient]:
    services = build_services(settings(redis_url, gateway="cloud", cloud_api_token="EAA", cloud_app_secret="s"))
    yield create_app(services).test_client()
    services.store.scripts.client.close()


def send_from(api: FlaskClient, instance: str, campaign: str = "c1") -> Any:
    return api.post("/queue/add-broadcast", json=a_body(campaign, instance), headers=CRM)


def test_one_number_is_no_two_instances(cloud_api: FlaskClient) -> None:
    assert put(cloud_api, NUMBER).status_code == 201
    answer = cloud_api.put("/instances/outra", json=NUMBER, headers=CRM)
    assert (answer.status_code, "loja sends from this number already" in answer.text) == (409, True)
    another_app = {**NUMBER, "credentials": {**NUMBER["credentials"], "appSecret": "another"}}
    assert cloud_api.put("/instances/outra", json=another_app, headers=CRM).status_code == 201
    assert put(cloud_api, NUMBER).status_code == 200  # its own again

    refused = send_from(cloud_api, "5550077")
    assert (refused.status_code, pointers(refused)) == (422, {"/instanceId"})
    assert "registered instance loja" in refused.text
    assert send_from(cloud_api, "5550078").status_code == 202


def test_who_has_a_number_already_keeps_it_and_its_rules_are_nobody_elses(cloud_api: FlaskClient) -> None:
    assert put(cloud_api, NUMBER).status_code == 201
    rules = cloud_api.put("/instances/5550077", json={"dailyCap": 3}, headers=CRM)
    assert (rules.status_code, "registered instance loja" in rules.text) == (409, True)
    # As an earlier version let it: both are there, and each can still be given another token.
    services = cloud_api.application.extensions["services"]
    services.store.scripts.client.sadd("bcast:by_default", "5550077")
    another = {**NUMBER, "credentials": {**NUMBER["credentials"], "token": "EAB"}}
    assert put(cloud_api, another).status_code == 200


def test_a_session_that_sends_unregistered_is_no_second_instances(redis_url: str) -> None:
    given = {"gateway": "waha", "waha_url": "http://waha:3000", "waha_api_key": "k", "waha_hmac_key": "h"}
    services = build_services(settings(redis_url, **given))
    api = create_app(services).test_client()

    def waha(name: str, session: str, url: str = "http://waha:3000/") -> int:
        credentials = {"apiKey": "k", "hmacKey": "h", "session": session}
        return int(put(api, {"dialect": "waha", "url": url, "credentials": credentials}, instance=name).status_code)

    assert send_from(api, "default").status_code == 202
    assert (waha("vendas", "default"), waha("vendas", "default", "http://another:3000")) == (409, 201)
    assert waha("suporte", "segunda") == 201
    refused = send_from(api, "segunda", "c2")
    assert (refused.status_code, pointers(refused)) == (422, {"/instanceId"})
    services.store.scripts.client.close()


def test_one_session_is_no_two_instances(api: FlaskClient) -> None:
    def waha(name: str, session: str | None, url: str = "http://waha:3000") -> int:
        credentials = {"apiKey": "k", "hmacKey": "h", "session": session}
        body = {"dialect": "waha", "url": url, "credentials": credentials}
        return int(put(api, body, instance=name).status_code)

    assert waha("loja", "default") == 201
    assert (waha("outra", "default"), waha("default", None)) == (409, 409)
    assert (waha("outra", "default", "http://another:3000"), waha("terceira", None), waha("loja", "default")) == (
        201,
        201,
        200,
    )
    assert waha("quarta", "terceira") == 409


def test_a_number_that_sends_unregistered_is_registered_under_its_name(cloud_api: FlaskClient) -> None:
    assert send_from(cloud_api, "5550077").status_code == 202
    answer = put(cloud_api, NUMBER)
    assert (answer.status_code, "Register it as 5550077" in answer.text) == (409, True)
    assert cloud_api.put("/instances/5550077", json=NUMBER, headers=CRM).status_code == 201
    assert send_from(cloud_api, "5550077", "c2").status_code == 202


@pytest.mark.parametrize(
    ("credentials", "wrong"),
    [
        ({"phoneNumberId": "../me"}, "phoneNumberId"),
        ({"phoneNumberId": "+5511999990001"}, "phoneNumberId"),
        ({"wabaId": "WX3"}, "wabaId"),
        ({"token": True}, "token"),  # what a GET showed
        ({"wabaId": False}, "wabaId"),
    ],
)
def test_what_cannot_be_a_credential_is_refused_by_its_name(
    api: FlaskClient, credentials: dict[str, Any], wrong: str
) -> None:
    answer = put(api, {"dialect": "cloud", "credentials": {"token": "EAA", "appSecret": "s", **credentials}})
    assert (answer.status_code, pointers(answer)) == (422, {f"/credentials/{wrong}"})


def test_no_secret_is_anywhere_but_encrypted(api: FlaskClient, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        answers = [put(api, WHOLE), api.get("/instances/loja", headers=CRM)]
        answers.append(put(api, {**WHOLE, "credentials": {**EVOLUTION, "apiKey": "the-api-key with a blank"}}))
        answers.append(put(api, {**WHOLE, "credentials": {**EVOLUTION, "other": "the-webhook-token"}}))

    kept = store.scripts.client.hgetall("bcast:instance:loja")
    seen = "".join(
        [*kept, *kept.values(), *(answer.text for answer in answers), caplog.text, repr(store.instances.find("loja"))]
    )
    assert [secret in seen for secret in (*EVOLUTION.values(), SECRET_KEY)] == [False] * 3
    assert kept["version"] == "1"


def test_rules_alone_leave_the_gateway_that_the_settings_name(api: FlaskClient, store: Store) -> None:
    shown = put(api, {"dailyCap": 50}).json
    assert (shown["registered"], shown["dialect"], shown["dailyCap"]) == (True, "sandbox", 50)
    assert store.instances.rules("loja") == Rules(daily_cap=50)


def test_what_is_left_out_is_unset_but_the_credentials(api: FlaskClient, store: Store) -> None:
    put(api, WHOLE)
    shown = put(api, {"dialect": "evolution", "url": WHOLE["url"]}).json
    assert (shown["credentials"], shown["dailyCap"]) == ({"apiKey": True, "webhookToken": True}, None)
    assert store.instances.rules("loja") == Rules()


windows = st.builds(
    Window,
    start=st.builds(time, st.integers(0, 23), st.integers(0, 59)),
    end=st.builds(time, st.integers(0, 23), st.integers(0, 59)),
    zone=st.sampled_from(["America/Sao_Paulo", "UTC", "Asia/Kolkata"]),
    days=st.frozensets(st.integers(0, 6), min_size=1),
)


@hypothesis_settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.builds(
        Rules,
        gap_ms=st.integers(0, 10**8),
        jitter_ms=st.integers(0, 10**8),
        daily_cap=st.none() | st.integers(1, 10**6),
        window=st.none() | windows,
        warm_up_since=st.none() | st.dates(),
    )
)
def test_rules_come_back_as_they_were_kept(store: Store, rules: Rules) -> None:
    store.instances.keep(Instance(id="loja"), rules)
    assert store.instances.rules("loja") == rules


# --- what is refused ---


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"dialect": "telegram"}, "/dialect"),
        ({"url": "evolution.example"}, "/url"),
        ({"url": "https://user:word@evolution.example"}, "/url"),
        ({"url": "https://evolution.example/?key=x"}, "/url"),
        ({"credentials": "k"}, "/credentials"),
        ({"credentials": {**EVOLUTION, "token": "x"}}, "/credentials/token"),
        ({"credentials": {**EVOLUTION, "apiKey": ""}}, "/credentials/apiKey"),
        ({"credentials": {**EVOLUTION, "apiKey": "a\nb"}}, "/credentials/apiKey"),
        ({"credentials": {**EVOLUTION, "apiKey": 7}}, "/credentials/apiKey"),
        ({"credentials": {"webhookToken": "t"}}, "/credentials/apiKey"),
        ({"credentials": {"apiKey": "k"}}, "/credentials/webhookToken"),
        ({"credentials": None}, "/credentials"),
        ({"dialect": None}, "/dialect"),
        ({"dialect": "waha", "url": None}, "/url"),
        ({"rateLimitMs": 5}, "/rateLimitMs"),
        ({"rateLimitMs": "15000"}, "/rateLimitMs"),
        ({"jitterMs": -1}, "/jitterMs"),
        ({"dailyCap": 0}, "/dailyCap"),
        ({"window": {**WHOLE["window"], "start": "8h00"}}, "/window/start"),
        ({"window": {**WHOLE["window"], "start": "8:5"}}, "/window/start"),
        ({"window": {**WHOLE["window"], "start": "008:00"}}, "/window/start"),
        ({"window": {**WHOLE["window"], "end": "24:00"}}, "/window/end"),
        ({"window": {**WHOLE["window"], "timeZone": "Brazil/Nowhere"}}, "/window/timeZone"),
        ({"window": {**WHOLE["window"], "days": []}}, "/window/days"),
        ({"window": {**WHOLE["window"], "days": ["monday"]}}, "/window/days/0"),
        ({"window": {"start": "08:00", "end": "20:00"}}, "/window/timeZone"),
        ({"window": {**WHOLE["window"], "from": 1}}, "/window/from"),
        ({"warmUp": {"since": "yesterday"}}, "/warmUp/since"),
        ({"warmUp": {"since": "2999-08-29"}}, "/warmUp/since"),
        ({"pace": 3}, "/pace"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_kept(
    api: FlaskClient, store: Store, changes: dict[str, Any], pointer: str
) -> None:
    assert pointers(put(api, {**WHOLE, **changes})) == {pointer}
    assert store.instances.find("loja") is None


def test_an_hour_may_have_one_digit_and_is_shown_with_two(api: FlaskClient) -> None:
    kept = put(api, {**WHOLE, "window": {**WHOLE["window"], "start": "8:00", "end": "0:30"}})
    assert (kept.json["window"]["start"], kept.json["window"]["end"]) == ("08:00", "00:30")


def test_a_number_has_begun_to_send_by_tomorrow(api: FlaskClient) -> None:
    today = datetime.now(timezone.utc).date()
    assert put(api, {**WHOLE, "warmUp": {"since": f"{today + timedelta(days=1)}"}}).status_code in {200, 201}
    refused = put(api, {**WHOLE, "warmUp": {"since": f"{today + timedelta(days=3)}"}})
    assert refused.json["errors"][0]["detail"].startswith("must not be ahead")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.sampled_from([*WHOLE, "new"]), JSON)
def test_no_value_of_any_field_breaks_the_process(api: FlaskClient, name: str, value: Any) -> None:
    assert put(api, {**WHOLE, name: value}).status_code in {200, 201, 422}


def test_a_key_registers_its_own_instances_alone(api: FlaskClient, store: Store) -> None:
    assert put(api, WHOLE, headers=LOJA).status_code == 201
    refused = [put(api, WHOLE, "outra", LOJA), api.get("/instances/outra", headers=LOJA), put(api, WHOLE, headers={})]
    assert [answer.status_code for answer in refused] == [403, 403, 401]
    assert put(api, WHOLE, "a%20%20%20b%2Fc").status_code == 404
    assert store.instances.find("outra") is None


def test_without_a_secret_key_no_credentials_are_taken(redis_url: str, store: Store) -> None:
    services = build_services(settings(redis_url, secret_key=None))
    api = create_app(services).test_client()

    answer = put(api, WHOLE)
    assert (answer.status_code, answer.json["code"]) == (409, "conflict")
    assert "SECRET_KEY" in answer.json["detail"]
    assert store.instances.find("loja") is None
    # What is no secret needs none.
    assert put(api, {"dialect": "sandbox"}).status_code == 201
    services.store.scripts.client.close()


def test_where_faults_are_injected_only_the_sandbox_is_registered(redis_url: str, store: Store) -> None:
    services = build_services(settings(redis_url, api_keys=(), fault_injection=True))
    api = create_app(services).test_client()

    answer = put(api, WHOLE)
    assert (answer.status_code, "FAULT_INJECTION" in answer.json["detail"]) == (409, True)
    assert put(api, {"dialect": "sandbox", "dailyCap": 5}).status_code == 201
    assert put(api, {"dialect": None, "dailyCap": 6}).status_code == 200
    services.store.scripts.client.close()


@pytest.mark.parametrize("change", [{"url": "https://thief.example"}, {"dialect": "waha"}])
def test_kept_credentials_go_to_no_other_address(api: FlaskClient, store: Store, change: dict[str, str]) -> None:
    put(api, WHOLE)
    body = {name: value for name, value in WHOLE.items() if name != "credentials"}
    assert pointers(put(api, {**body, **change})) == {"/credentials"}
    found = store.instances.find("loja")
    assert found is not None
    assert (found.url, found.version) == ("https://evolution.example", 1)


# --- what it does ---


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def registered(store: Store, url: str, **changes: Any) -> None:
    wanted = {
        "instance": "i1",
        "dialect": "evolution",
        "url": url,
        "credentials": EVOLUTION,
        "rules": Rules(),
        **changes,
    }
    register(store, Registration(**wanted), secret_key=SECRET_KEY, only_sandbox=False)


def send_one(store: Store, gateways: Gateways, campaign: str) -> str:
    """Accept a campaign of one contact, and take it to its gateway."""
    store.workers.beat("broadcast", "w1")
    accepting.accept(store, an_order(campaign, contacts=1), country="BR")
    (one,) = (batch := planning.plan_lane(store, "i1", horizon=Horizon(ms=5000, contacts=1))).departures
    ticket = Ticket(instance="i1", campaign=campaign, number=one.number, batch=batch.id, run=campaign)
    sending = Sending(store, gateways.of, Policy(max_attempts=3, timeout_s=5))
    return sending.send(ticket, quick_left=0)


def test_another_address_and_key_take_effect_without_a_restart(redis_url: str, store: Store) -> None:
    clock = Clock()
    gateways = Gateways(settings(redis_url), store.instances.find, clock=clock)
    with (
        answering(201, {"key": {"id": "3EB01"}}) as (first, at_first),
        answering(201, {"key": {"id": "3EB02"}}) as (
            second,
            at_second,
        ),
    ):
        registered(store, first)
        assert send_one(store, gateways, "c1") == "sent"
        registered(store, second, credentials={**EVOLUTION, "apiKey": "the-next-key"})
        clock.now = BELIEVED_S
        assert send_one(store, gateways, "c2") == "sent"

    assert [request["headers"]["apikey"] for request in at_first] == ["the-api-key"]
    assert [request["headers"]["apikey"] for request in at_second] == ["the-next-key"]


def test_the_registry_is_asked_once_in_five_seconds_and_an_unchanged_gateway_stays(
    store: Store, redis_url: str
) -> None:
    clock, asked = Clock(), []

    def find(instance: str) -> Instance | None:
        asked.append(instance)
        return store.instances.find(instance)

    gateways = Gateways(settings(redis_url), find, clock=clock)
    registered(store, "https://evolution.example")
    first = gateways.of("i1")
    clock.now = BELIEVED_S - 0.1
    assert gateways.of("i1") is first
    assert asked == ["i1"]
    clock.now = BELIEVED_S
    assert gateways.of("i1") is first
    assert asked == ["i1", "i1"]
    assert gateways.of("i2") is gateways.of("i3")


def test_while_one_asks_the_registry_the_others_go_on(store: Store, redis_url: str) -> None:
    clock, found_by_others = Clock(), []

    def find(instance: str) -> Instance | None:
        if clock.now:
            found_by_others.append(gateways.of(instance))
        return store.instances.find(instance)

    gateways = Gateways(settings(redis_url), find, clock=clock)
    registered(store, "https://evolution.example")
    first = gateways.of("i1")
    registered(store, "https://another.example")
    clock.now = BELIEVED_S
    assert gateways.of("i1") is not first
    assert found_by_others == [first]


def test_another_registration_under_a_version_that_was_there_is_seen(store: Store, redis_url: str) -> None:
    clock = Clock()
    gateways = Gateways(settings(redis_url), store.instances.find, clock=clock)
    registered(store, "https://evolution.example")
    first = gateways.of("i1")
    store.scripts.client.flushdb()
    registered(store, "https://another.example")
    clock.now = BELIEVED_S
    assert gateways.of("i1") is not first


@pytest.mark.parametrize("secret_key", [None, "another-secret-key-of-32-characters"])
def test_credentials_that_cannot_be_read_close_the_lane_and_nobody_fails(
    store: Store, redis_url: str, secret_key: str | None
) -> None:
    registered(store, "https://evolution.example")
    gateways = Gateways(settings(redis_url, secret_key=secret_key), store.instances.find)

    assert send_one(store, gateways, "c1") == "pending"
    lane = inspecting.lane(store, "i1")
    assert (lane.state, lane.reason) == ("closed", "credentials_unreadable")
    assert "SECRET_KEY" in (lane.detail or "")
    assert store.scripts.client.zcard("bcast:booked:i1") == 0


def test_where_faults_are_injected_a_registered_gateway_is_not_spoken_to(store: Store, redis_url: str) -> None:
    registered(store, "https://evolution.example")
    gateways = Gateways(settings(redis_url, fault_injection=True), store.instances.find)
    assert send_one(store, gateways, "c1") == "pending"
    assert inspecting.lane(store, "i1").reason == "fault_injection"


def test_a_registered_instance_is_called_in_its_own_dialect_with_its_own_secret(redis_url: str, store: Store) -> None:
    registered(store, "http://waha.example", dialect="waha", credentials={"apiKey": "k", "hmacKey": "its-own"})
    services = build_services(settings(redis_url, webhook_token="the-settings-token"))
    client = create_webhook_app(services).test_client()
    body = json.dumps({"event": "session.status", "payload": {"status": "FAILED"}}).encode()

    def call(path: str, key: str) -> int:
        signature = hmac.new(key.encode(), body, hashlib.sha512).hexdigest()
        headers = {"X-Webhook-Hmac": signature, "Authorization": "Bearer the-settings-token"}
        return client.post(path, data=body, headers=headers).status_code

    assert call("/webhooks/evolution/i1", "its-own") == 404
    assert call("/webhooks/waha/i1", "another") == 401
    assert call("/webhooks/waha/i2", "its-own") == 404
    assert "hold" not in store.lanes.look("i1")[0]
    assert call("/webhooks/waha/i1", "its-own") == 204
    assert store.lanes.look("i1")[0]["hold"] == "closed"
    services.store.scripts.client.close()


def test_a_registered_sandbox_is_called_with_the_settings_token_alone(redis_url: str, store: Store) -> None:
    registered(store, "http://127.0.0.1:1", dialect="sandbox", credentials={})
    services = build_services(settings(redis_url, webhook_token="the-settings-token"))
    client = create_webhook_app(services).test_client()

    statuses = [
        client.post(f"/webhooks/evolution/i1/{rest}", json={}).status_code for rest in ("", "the-settings-token")
    ]
    assert statuses == [401, 204]
    services.store.scripts.client.close()


def test_a_warm_up_counts_from_the_numbers_first_day() -> None:
    rules = Rules(daily_cap=60, warm_up_since=date(2026, 11, 1))
    caps = [rules.cap_on(date(2026, 11, day)) for day in (1, 4, 5, 9)]
    assert caps == [20, 20, 50, 60]
    assert dataclasses.replace(rules, warm_up_since=None).cap_on(date(2026, 11, 1)) == 60


def test_before_a_gateway_is_refused_for_good_the_registry_is_asked_again(redis_url: str, store: Store) -> None:
    services = build_services(settings(redis_url, webhook_token="the-settings-token"))
    client = create_webhook_app(services).test_client()

    def call(key: str) -> int:
        body = json.dumps({"event": "session.status", "payload": {"status": "STARTING"}}).encode()
        signature = hmac.new(key.encode(), body, hashlib.sha512).hexdigest()
        return client.post("/webhooks/waha/i1", data=body, headers={"X-Webhook-Hmac": signature}).status_code

    assert call("first") == 404  # and for a while it is believed that i1 is the settings' own
    registered(store, "http://waha.example", dialect="waha", credentials={"apiKey": "k", "hmacKey": "first"})
    assert call("first") == 204
    registered(store, "http://waha.example", dialect="waha", credentials={"apiKey": "k", "hmacKey": "second"})
    assert (call("second"), call("first")) == (204, 401)
    services.store.scripts.client.close()


def test_a_webhook_that_cannot_be_checked_by_a_fault_of_ours_is_asked_for_again(redis_url: str, store: Store) -> None:
    registered(store, "http://evolution.example", credentials={"apiKey": "k", "webhookToken": "a-webhook-token"})
    services = build_services(settings(redis_url, secret_key=None))
    answer = create_webhook_app(services).test_client().post("/webhooks/evolution/i1/a-webhook-token", json={})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "60")
    services.store.scripts.client.close()
