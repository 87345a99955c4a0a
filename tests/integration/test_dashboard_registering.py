"""Instances registered on the dashboard: what the form asks for, keeps to itself, and says at which field."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from broadcast.dashboard import registering, registration
from broadcast.domain.caller import Caller, Scope
from broadcast.engine import granting, remedies, steering
from broadcast.gateways import waha_news
from broadcast.gateways.catalogue import DIALECTS
from broadcast.gateways.evolution.webhooks import connection_of
from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.web import create_app
from broadcast.wiring import build_services
from tests import forms
from tests.integration.test_dashboard import EVIL, Browser, send

#: What somebody writes who fills everything in.
WHOLE: dict[str, Any] = {
    "instance": "loja",
    "dialect": "evolution",
    "url": "https://evolution.example/",
    "evolution_apiKey": "the-api-key",
    "evolution_webhookToken": "the-webhook-token",
    "check_numbers": "yes",
    "gap_s": "15",
    "jitter_s": "2.5",
    "daily_cap": "200",
    "since": "2025-11-01",
    "start": "08:00",
    "end": "20:00",
    "zone": "America/Manaus",
    "days": ["mon", "sat"],
}


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(redis_url=redis_url, secret_key="a-secret-key-of-32-characters-or-more")


@pytest.fixture
def browser(client: FlaskClient) -> Browser:
    return Browser(client)


def register(browser: Browser, **changes: Any) -> TestResponse:
    """Fill the empty form in and send it."""
    return browser.post("/register", at="/register", **{**forms.fields(browser.text("/register")), **WHOLE, **changes})


def change(browser: Browser, **changes: Any) -> TestResponse:
    """Send the form of an instance with nothing changed but this."""
    page = "/instances/loja/change"
    return browser.post(page, at=page, **{**forms.fields(browser.text(page)), **changes})


def shown(browser: Browser) -> dict[str, Any]:
    found: dict[str, Any] = browser.client.get("/instances/loja").json
    return found


def test_an_instance_is_registered_whole(browser: Browser) -> None:
    answer = register(browser)
    assert (answer.status_code, answer.location) == (303, "/dashboard/instances/loja")
    kept = shown(browser)
    assert kept["registered"]
    assert (kept["dialect"], kept["url"], kept["checkNumbers"]) == ("evolution", "https://evolution.example", True)
    assert kept["credentials"] == {"apiKey": True, "webhookToken": True}
    assert (kept["rateLimitMs"], kept["jitterMs"], kept["dailyCap"]) == (15_000, 2_500, 200)
    assert kept["window"] == {"start": "08:00", "end": "20:00", "timeZone": "America/Manaus", "days": ["mon", "sat"]}
    assert kept["warmUp"] == {"since": "2025-11-01"}


def test_what_is_registered_is_listed_before_its_first_campaign(browser: Browser) -> None:
    register(browser)
    assert "/dashboard/instances/loja" in browser.text("/instances")


def test_nothing_written_is_nothing_asked_for(browser: Browser) -> None:
    empty = {name: "" for name in WHOLE if name not in {"instance", "days"}}
    assert register(browser, **empty).status_code == 303
    kept = shown(browser)
    assert kept["registered"]
    assert all(kept[name] is None for name in ("url", "checkNumbers", "rateLimitMs", "jitterMs", "dailyCap", "warmUp"))
    assert kept["window"] is None


def test_saving_what_is_shown_changes_nothing(browser: Browser, store: Store) -> None:
    register(browser)
    before, sealed = shown(browser), store.instances.find("loja")
    assert change(browser).status_code == 303
    assert shown(browser) == before
    after = store.instances.find("loja")
    assert after
    assert sealed
    assert (after.sealed, after.version) == (sealed.sealed, 2)


def test_no_secret_is_ever_shown_again(browser: Browser) -> None:
    wrong = register(browser, gap_s="0")
    register(browser)
    change_form = browser.text("/instances/loja/change")
    pages = [wrong.text, change_form, browser.text("/instances/loja"), browser.text("/instances")]
    pages.append(change(browser, evolution_apiKey="another-key", url="nonsense").text)
    for page in pages:
        assert "the-api-key" not in page
        assert "the-webhook-token" not in page
        assert "another-key" not in page
    kinds = forms.types(change_form)
    secret = {
        f"{name}_{word}" for name, known in DIALECTS.items() for word, one in known.credentials.items() if one.is_secret
    }
    assert {kinds[name] for name in secret} == {"password"}


def test_one_secret_anew_asks_for_all_of_them(browser: Browser, store: Store) -> None:
    register(browser)
    answer = change(browser, evolution_apiKey="another-key")
    assert answer.status_code == 422
    assert "anybody&#39;s webhook calls would be taken" in at_field(answer.text, "evolution_webhookToken")
    before = store.instances.find("loja")
    assert change(browser, evolution_apiKey="another-key", evolution_webhookToken="another").status_code == 303
    after = store.instances.find("loja")
    assert before
    assert after
    assert after.sealed != before.sealed


def test_what_is_no_secret_is_shown_and_kept(browser: Browser) -> None:
    cloud = {
        "dialect": "cloud",
        "url": "",
        "check_numbers": "",
        "cloud_token": "the-token",
        "cloud_appSecret": "the-secret",
    }
    assert register(browser, **cloud, cloud_phoneNumberId="1065", cloud_wabaId="5010").status_code == 303
    kept = shown(browser)["credentials"]
    assert (kept["phoneNumberId"], kept["wabaId"], kept["token"]) == ("1065", "5010", True)
    sent = forms.fields(browser.text("/instances/loja/change"))
    assert (sent["cloud_phoneNumberId"], sent["cloud_token"]) == (["1065"], [""])
    assert change(browser, daily_cap="9").status_code == 303
    assert shown(browser)["credentials"] == kept


def test_credentials_do_not_follow_to_another_address(browser: Browser) -> None:
    register(browser)
    answer = change(browser, url="https://elsewhere.example")
    assert answer.status_code == 422
    assert "This is needed." in at_field(answer.text, "evolution_apiKey")
    assert shown(browser)["url"] == "https://evolution.example"


def at_field(page: str, name: str) -> str:
    """From the field on to the next one."""
    found = re.search(rf'<(?:input|select)[^>]* name="{name}".*?(?=<(?:input|select)|</form)', page, re.DOTALL)
    assert found, name
    return found[0]


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"url": "nonsense"}, "url", "begins with http://"),
        ({"dialect": "waha", "url": "", "waha_apiKey": "k", "waha_hmacKey": "k"}, "url", "This is needed."),
        ({"evolution_apiKey": "two words"}, "evolution_apiKey", "without blanks"),
        ({"gap_s": "0.001"}, "gap_s", "Number must be between"),
        ({"gap_s": "fast"}, "gap_s", "Not a valid decimal"),
        ({"daily_cap": "0"}, "daily_cap", "Number must be between"),
        ({"since": "tomorrow"}, "since", "must be a date"),
        ({"start": "8"}, "start", "time of day"),
        ({"end": ""}, "end", "needed with a sending window"),
        ({"zone": "Mars/North"}, "zone", "no IANA time zone"),
        ({"days": []}, "days", "Choose at least one day"),
        ({"instance": "a/b"}, "instance", "Use 1 to 128 characters"),
        ({"instance": "events"}, "instance", "Choose another name"),
        ({"dialect": "cloud", "cloud_token": "t", "cloud_appSecret": "s"}, "check_numbers", "cannot be asked that"),
    ],
)  # fmt: skip
def test_what_is_not_right_is_said_at_its_field(
    browser: Browser, changes: dict[str, Any], field: str, said: str
) -> None:
    answer = register(browser, **changes)
    assert answer.status_code == 422
    assert said in (answer.text.split('name="days"')[-1] if field == "days" else at_field(answer.text, field))
    assert not shown(browser)["registered"]


def test_a_registered_instance_is_not_registered_over_by_the_way(browser: Browser) -> None:
    register(browser)
    answer = register(browser, gap_s="1")
    assert answer.status_code == 422
    assert "registered already" in at_field(answer.text, "instance")
    assert shown(browser)["rateLimitMs"] == 15_000


def test_without_a_secret_key_the_form_says_what_to_set(redis_url: str) -> None:
    services = build_services(Settings(redis_url=redis_url))
    answer = register(Browser(create_app(services).test_client()))
    assert answer.status_code == 409
    assert "SECRET_KEY is not set" in answer.text
    services.store.scripts.client.close()


def test_how_the_gateway_says_it_is_is_shown_with_what_to_do(browser: Browser, store: Store) -> None:
    register(browser)
    assert "It has not said yet." in browser.text("/instances/loja")
    store.lanes.examine("loja", "unauthorized")
    page = browser.text("/instances/loja")
    assert "the gateway does not take the key" in page
    assert "Correct the credentials here, then resume the instance." in page
    store.lanes.examine("loja", "open")
    assert "connected" in browser.text("/instances/loja")
    store.lanes.hold("loja", "closed", reason="disconnected", detail=EVIL)
    page = browser.text("/instances/loja")
    assert "Connect it in the gateway." in page
    assert "<script>alert" not in page


@pytest.mark.parametrize(("why", "advice"), [(401, "Read the QR code"), (403, "Open WhatsApp on the telephone")])
def test_a_session_that_ended_is_advised_on(browser: Browser, store: Store, why: int, advice: str) -> None:
    news = connection_of({"state": "close", "statusReason": why})
    assert news
    steering.hear(store, "loja", news)
    shown = browser.text("/instances/loja")
    assert advice in shown
    assert f"close {why}" not in shown
    browser.headers = {"Accept-Language": "pt-BR"}
    assert "eia o código QR no gateway" in browser.text("/instances/loja")


@pytest.mark.parametrize(
    ("state", "advice", "same"),
    [
        ("SCAN_QR_CODE", "Read the QR code", "Leia o código QR"),
        ("STOPPED", "Start the session in the gateway", "Inicie a sessão no gateway"),
        ("FAILED", "Restart the session in the gateway", "Reinicie a sessão no gateway"),
        ("PASSKEY_REQUIRED", "Confirm it in the gateway", "Confirme no gateway"),
    ],
)
def test_a_session_that_does_not_work_is_advised_on(
    browser: Browser, store: Store, state: str, advice: str, same: str
) -> None:
    news = waha_news.connection_of({"status": state})
    assert news
    steering.hear(store, "loja", news)
    answer = browser.client.get("/instances/loja").json
    assert advice in answer["remedy"]
    shown = browser.text("/instances/loja")
    assert advice in shown
    assert state not in shown
    browser.headers = {"Accept-Language": "pt-BR"}
    assert same in browser.text("/instances/loja")


def test_a_closed_lane_with_work_says_when_it_is_next_tried(browser: Browser, store: Store) -> None:
    send(browser, "c1")
    store.lanes.hold("loja", "closed", reason="disconnected")
    store.scripts.client.hset(key("lane", "loja"), mapping={"held_ms": 1_900_000_000_000, "reopened": 1})
    answer = browser.client.get("/instances/loja").json
    assert answer["nextTryAt"] == "2030-03-17T17:47:40Z"  # a minute later
    for page in ("/instances/loja", "/instances"):
        assert re.search(r"Tried again from 17 Mar 2030, 14:47 on", browser.text(page))
    steering.hold_lane(store, "loja")
    assert "Tried again" not in browser.text("/instances/loja")


def test_every_reason_and_credential_has_words() -> None:
    assert set(remedies._KNOWN) <= set(registering.ADVICE)
    assert set(waha_news._CLOSED.values()) <= set(remedies._KNOWN)
    assert set(DIALECTS) == set(registering.NAMES)
    assert {name for known in DIALECTS.values() for name in known.credentials} == set(registration.CREDENTIALS)


def test_an_instance_is_registered_by_admins_and_only_their_own(browser: Browser, store: Store) -> None:
    register(browser)
    looker = granting.grant(store, Caller(name="ana", scopes=frozenset({Scope.READ, Scope.SEND})))
    admin = granting.grant(store, Caller(name="lea", scopes=frozenset({Scope.ADMIN}), instances=frozenset({"loja"})))
    browser.log_in(looker)
    assert "/change" not in browser.text("/instances/loja")
    assert "/register" not in browser.text("/instances")
    for path in ("/register", "/instances/loja/change"):
        assert browser.get(path).status_code == 403
        assert browser.post(path, at="", **WHOLE).status_code == 403
    browser.post("/logout", at="")
    browser.log_in(admin)
    assert browser.get("/instances/outra").status_code == 403
    assert browser.get("/instances/outra/change").status_code == 403
    assert register(browser, instance="outra").status_code == 403
    assert change(browser, gap_s="3").status_code == 303
    assert store.instances.rules("loja").gap_ms == 3000
    assert store.instances.find("outra") is None


def test_the_pages_are_strict_with_the_browser(browser: Browser) -> None:
    register(browser)
    for path in ("/register", "/instances/loja", "/instances/loja/change"):
        page = browser.get(path)
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*\bsrc=)|\sstyle=|\son[a-z]+=", page.text)
