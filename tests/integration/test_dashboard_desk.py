"""The dashboard's desk: callbacks, without a browser; what each page shows, to whom, and what it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.dashboard import callbacks
from broadcast.domain.callback import Delivery, News
from broadcast.domain.caller import Caller, Scope
from broadcast.engine import calling, granting
from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.store.keys import key
from tests.builders import a_body
from tests.crm import KEYS, Crm, a_crm, aged, call_all
from tests.integration.test_dashboard import EVIL, Browser


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(redis_url=redis_url, callback_secret=KEYS, callback_allow_private=True, secret_key="s" * 32)


@pytest.fixture
def browser(client: FlaskClient) -> Browser:
    return Browser(client)


@pytest.fixture
def crm() -> Iterator[Crm]:
    with a_crm() as crm:
        yield crm


def send(browser: Browser, campaign: str, instance: str = "loja", *, secret: str = "", **changes: Any) -> None:
    body = {name: value for name, value in a_body(campaign, instance, **changes).items() if name != "action"}
    answer = browser.client.post("/queue/add-broadcast", json=body, headers={"apikey": secret} if secret else {})
    assert answer.status_code == 202, answer.text


def log_in(browser: Browser, store: Store, *scopes: Scope, instances: frozenset[str] | None = None) -> str:
    """Log in with a new key; its secret."""
    secret = granting.grant(store, Caller(name="ana", scopes=frozenset(scopes), instances=instances))
    assert browser.log_in(secret).status_code == 303
    return secret


# Callbacks


def given_up(store: Store, campaign: str) -> str:
    """Let the campaign's first callback be a day old, so that its next failure is its last; its id."""
    aged(store, campaign, 1, ms=calling.PATIENCE_MS)
    return store.callbacks.page(campaign, state=None, before=None, limit=1).items[0].id


def test_the_campaigns_that_have_callbacks_are_listed_with_what_goes_wrong(
    browser: Browser, store: Store, crm: Crm
) -> None:
    crm.answer = lambda _: 500
    send(browser, "told", callbackUrl=crm.url)
    send(browser, "silent")
    call_all(store)
    shown = browser.text("/callbacks")
    assert "/dashboard/callbacks?campaign=told" in shown
    assert crm.host in shown
    assert "The last attempt failed" in shown
    assert "silent" not in shown


def test_what_became_of_each_callback_is_a_page(browser: Browser, store: Store, crm: Crm) -> None:
    send(browser, "c1", callbackUrl=crm.url)
    call_all(store)
    crm.answer = lambda _: 503
    browser.post("/campaigns/c1/pause", at="")
    call_all(store)
    assert "/dashboard/callbacks?campaign=c1" in browser.text("/campaigns/c1")
    shown = browser.text("/callbacks?campaign=c1")
    for text in (
        crm.url,
        "campaign started",
        "The CRM answered 204",
        "campaign paused",
        "answered 503",
        "Next attempt",
    ):
        assert text in shown, text
    delivered = browser.text("/callbacks?campaign=c1&status=delivered")
    assert "campaign started" in delivered
    assert "campaign paused" not in delivered
    assert browser.get("/callbacks?campaign=c1&status=nonsense").status_code == 422
    assert browser.get("/callbacks?campaign=nobody").status_code == 404


def test_one_callback_is_delivered_again(browser: Browser, store: Store, crm: Crm) -> None:
    send(browser, "c1", callbackUrl=crm.url)
    call_all(store)
    (action,) = re.findall(
        r'action="/dashboard(/campaigns/c1/callbacks/[^"]+/replay)"', browser.text("/callbacks?campaign=c1")
    )
    answer = browser.post(action, at="/callbacks?campaign=c1")
    assert answer.location == "/dashboard/callbacks?campaign=c1"
    assert "1 callback is delivered again." in browser.text("/callbacks?campaign=c1")
    call_all(store)
    assert crm.ids[0] == crm.ids[1]
    assert browser.post("/campaigns/c1/callbacks/cb_0_1/replay", at="").status_code == 404


def test_all_that_were_given_up_are_delivered_again_after_a_question(browser: Browser, store: Store, crm: Crm) -> None:
    crm.answer = lambda _: 500
    send(browser, "c1", callbackUrl=crm.url)
    event = given_up(store, "c1")
    call_all(store)
    assert "given up" in browser.text("/callbacks?campaign=c1&status=failed")
    assert "same id" in browser.text("/campaigns/c1/callbacks/replay")
    crm.answer = lambda _: 204
    browser.post("/campaigns/c1/callbacks/replay", at="/campaigns/c1/callbacks/replay")
    call_all(store)
    assert crm.ids == [event, event]
    assert "1 callback is delivered again." in browser.text("/callbacks?campaign=c1")
    browser.post("/campaigns/c1/callbacks/replay", at="")
    assert "There was nothing to deliver again." in browser.text("/callbacks?campaign=c1")


def test_callbacks_that_the_crm_switched_off_say_so(browser: Browser, store: Store, crm: Crm) -> None:
    crm.answer = lambda _: 410
    send(browser, "c1", callbackUrl=crm.url)
    call_all(store)
    assert "wants no more of this campaign (410)" in browser.text("/callbacks?campaign=c1")
    assert "The CRM wants no more (410)" in browser.text("/callbacks")


def test_a_campaign_without_callbacks_says_so_and_replays_none(browser: Browser) -> None:
    send(browser, "c1")
    shown = browser.text("/callbacks?campaign=c1")
    assert "without an address for callbacks" in shown
    assert "/replay" not in shown
    assert browser.post("/campaigns/c1/callbacks/replay", at="").status_code == 409


def test_callbacks_are_for_who_may_see_the_campaign_and_replayed_by_who_may_send(
    browser: Browser, store: Store, crm: Crm
) -> None:
    send(browser, "hers", callbackUrl=crm.url)
    send(browser, "theirs", "outra", callbackUrl=crm.url)
    call_all(store)
    log_in(browser, store, Scope.READ, instances=frozenset({"loja"}))
    shown = browser.text("/callbacks")
    assert "hers" in shown
    assert "theirs" not in shown
    assert "/replay" not in browser.text("/callbacks?campaign=hers")
    assert browser.get("/callbacks?campaign=theirs").status_code == 404
    for path in ("/campaigns/hers/callbacks/replay", "/campaigns/hers/callbacks/x/replay"):
        assert browser.post(path, at="").status_code == 403, path


def test_every_callback_has_words() -> None:
    assert {news.value for news in News} == set(callbacks.NEWS)
    assert {delivery.value for delivery in Delivery} == set(callbacks.DELIVERIES)


def test_what_a_crm_answered_stays_text(browser: Browser, store: Store, crm: Crm) -> None:
    send(browser, "c1", callbackUrl=crm.url)
    store.scripts.client.hset(key("callback", "c1", 1), mapping={"error": EVIL})
    shown = browser.text("/callbacks?campaign=c1")
    assert "<script>alert" not in shown
    assert "&lt;script&gt;alert" in shown
