"""API keys on the dashboard: a secret is seen once, and only who could do everything anyway makes them."""

from __future__ import annotations

import dataclasses
import logging
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from broadcast.dashboard import keys
from broadcast.domain.caller import Caller, Scope
from broadcast.engine import granting
from broadcast.settings import ApiKey, Settings
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.web import create_app
from broadcast.wiring import Services
from tests.integration.test_dashboard import EVIL, Browser

KEYS = (ApiKey("ops", "secret-of-ops"), ApiKey("loja", "secret-of-loja", frozenset({"loja"})))


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(redis_url=redis_url, api_keys=KEYS)


@pytest.fixture
def stranger(client: FlaskClient) -> Browser:
    return Browser(client)


@pytest.fixture
def admin(stranger: Browser) -> Browser:
    """Somebody who is logged in with a key for everything."""
    stranger.log_in("secret-of-ops")
    return stranger


def create(browser: Browser, **changes: Any) -> TestResponse:
    fields = {"name": "crm", "scopes": ["read", "send"], "instances": "", **changes}
    return browser.follow("/keys", at="/keys", **fields)


def secret_of(answer: TestResponse) -> str:
    found = re.search(r">(bc_[\w-]+)</textarea>", answer.text)
    assert found
    return found[1]


def may(browser: Browser, secret: str, path: str = "/campaigns", method: str = "GET") -> int:
    return browser.client.open(path, method=method, headers={"apikey": secret}, buffered=True).status_code


def test_a_key_is_created_and_its_secret_is_shown_once(admin: Browser, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        answer = create(admin)
    secret = secret_of(answer)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert may(admin, secret) == 200
    shown = admin.text("/keys")
    assert "crm" in shown
    assert secret not in shown
    assert secret not in caplog.text
    assert [record.__dict__["key"] for record in caplog.records if record.message == "key created"] == ["crm"]


def test_a_reload_of_a_new_key_says_that_it_is_shown_only_once(admin: Browser) -> None:
    led_to = admin.post("/keys", at="/keys", name="crm", scopes=["read"])
    assert led_to.status_code == 303
    page = led_to.location.removeprefix("/dashboard")
    secret = secret_of(admin.get(page))
    again = admin.get(page)
    assert again.status_code == 410
    assert "shown only once" in again.text
    assert secret not in again.text
    assert "/dashboard/keys/crm/revoke" in again.text
    admin.post("/keys/crm/revoke", at="/keys")
    assert "no such key, or it is revoked" in admin.get(page).text


def test_a_new_secret_is_in_no_address_and_no_cookie_and_not_to_be_read_in_redis(admin: Browser, store: Store) -> None:
    led_to = admin.post("/keys", at="/keys", name="crm", scopes=["read"])
    (name,) = store.scripts.client.scan_iter(key("note", "*"))
    kept = store.scripts.client.get(name)
    assert 0 < store.scripts.client.ttl(name) <= 60
    token = led_to.location.rpartition("/")[2]
    secret = secret_of(admin.get(led_to.location.removeprefix("/dashboard")))
    for place in (led_to.location, str(led_to.headers), name, kept):
        assert secret not in place
    for place in (name, kept):
        assert token not in place
    assert not list(store.scripts.client.scan_iter(key("note", "*")))


def test_a_new_secret_is_for_the_session_that_made_it(admin: Browser) -> None:
    led_to = admin.post("/keys", at="/keys", name="crm", scopes=["read"])
    page = led_to.location.removeprefix("/dashboard")
    other = Browser(admin.client.application.test_client())
    other.log_in("secret-of-ops")
    assert other.get(page).status_code == 410
    assert secret_of(admin.get(page))  # and who looked in vain took nothing away


def test_sending_the_form_again_makes_no_second_key(admin: Browser, store: Store) -> None:
    create(admin)
    answer = create(admin)
    assert answer.status_code == 409
    assert "There is a key of this name already" in answer.text
    assert len(store.callers.every()) == 1


def test_a_name_of_the_settings_is_taken(admin: Browser, store: Store) -> None:
    answer = create(admin, name="loja")
    assert (answer.status_code, "A key in API_KEYS has this name: take another one." in answer.text) == (409, True)
    assert store.callers.every() == []


def test_a_key_is_good_for_what_was_chosen_and_no_more(admin: Browser, store: Store) -> None:
    secret = secret_of(create(admin, scopes=["read"], instances=" loja \r\n\r\nfilial"))
    assert may(admin, secret) == 200
    assert may(admin, secret, "/suppressions", "POST") == 403
    (key,) = store.callers.every()
    assert key.caller == Caller(name="crm", scopes=frozenset({Scope.READ}), instances=frozenset({"loja", "filial"}))
    assert "filial, loja" in admin.text("/keys")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": ""}, "Use 1 to 64"),
        ({"name": "a b"}, "Use 1 to 64"),
        ({"name": "x" * 65}, "Use 1 to 64"),
        ({"name": EVIL}, "Use 1 to 64"),
        ({"scopes": []}, "Choose at least one."),
        ({"scopes": ["root"]}, "Choose at least one."),
        ({"instances": "loja\n../x"}, "This cannot be an instance: ../x"),
    ],
)
def test_what_is_not_right_is_said_and_nothing_is_made(
    admin: Browser, store: Store, changes: dict[str, Any], said: str
) -> None:
    answer = create(admin, **changes)
    assert answer.status_code == 422
    assert said in answer.text
    assert "<script>alert" not in answer.text
    assert store.callers.every() == []


def test_a_key_is_revoked_after_a_question(admin: Browser) -> None:
    secret = secret_of(create(admin))
    assert "/dashboard/keys/crm/revoke" in admin.text("/keys")
    assert "crm" in admin.text("/keys/crm/revoke")
    admin.post("/keys/crm/revoke", at="/keys/crm/revoke")
    assert may(admin, secret) == 401
    assert "Revoked keys (1)" in admin.text("/keys")
    assert admin.post("/keys/crm/revoke", at="/keys").status_code == 404


def test_who_revokes_their_own_key_is_told_and_is_out(stranger: Browser, store: Store) -> None:
    secret = granting.grant(store, Caller(name="lea", scopes=frozenset({Scope.ADMIN})))
    stranger.log_in(secret)
    assert "you will be out as well" in stranger.text("/keys/lea/revoke")
    stranger.post("/keys/lea/revoke", at="/keys/lea/revoke")
    assert stranger.get("/keys").status_code == 303


@pytest.mark.parametrize(
    "caller",
    [
        Caller(name="ana", scopes=frozenset({Scope.READ, Scope.SEND})),
        Caller(name="ana", instances=frozenset({"loja"})),
    ],
    ids=["no admin", "an admin of one instance"],
)
def test_nobody_makes_a_key_that_is_good_for_more_than_their_own(
    stranger: Browser, store: Store, caller: Caller
) -> None:
    stranger.log_in(granting.grant(store, caller))
    assert "/dashboard/keys" not in stranger.text("")
    for path in ("/keys", "/keys/ana/revoke"):
        assert stranger.get(path).status_code == 403, path
        assert stranger.post(path, at="", name="root", scopes=["admin"]).status_code == 403, path
    (key,) = store.callers.every()
    assert key.revoked_ms is None


@pytest.fixture
def anybody(redis_url: str, services: Services) -> Browser:
    """A browser on this host while there is no key at all."""
    open_services = dataclasses.replace(services, settings=Settings(redis_url=redis_url))
    return Browser(create_app(open_services).test_client())


def test_the_first_key_is_made_on_the_command_line(anybody: Browser, store: Store) -> None:
    shown = anybody.text("/keys")
    assert "broadcast keys create" in shown
    assert 'name="scopes"' not in shown
    assert anybody.post("/keys", at="", name="crm", scopes=["admin"]).status_code == 403
    assert store.callers.every() == []


def test_keys_of_the_settings_are_named_without_their_secrets(admin: Browser) -> None:
    shown = admin.text("/keys")
    assert "Keys of the settings" in shown
    assert "secret-of" not in shown


def test_each_key_says_when_it_was_last_used(admin: Browser, settings: Settings, store: Store) -> None:
    secret = secret_of(create(admin))
    shown = admin.text("/keys")
    assert "Never used" in shown
    assert shown.count("Last used") == 1  # the key of this session
    assert "Last use not known" in shown
    may(admin, secret)
    may(admin, "secret-of-loja")
    shown = admin.text("/keys")
    assert shown.count("Last used") == 3
    assert "Never used" not in shown
    assert "not known" not in shown

    (name,) = store.scripts.client.scan_iter(key("api_key", "*"))
    store.scripts.client.hdel(name, "used")  # as an earlier version has made it
    assert "Last use not known" in admin.text("/keys")


def test_where_calls_are_not_counted_nobody_knows_when_a_key_of_the_settings_was_used(
    redis_url: str, services: Services
) -> None:
    settings = Settings(redis_url=redis_url, api_keys=KEYS, api_rate_limit=None)
    admin = Browser(create_app(dataclasses.replace(services, settings=settings)).test_client())
    admin.log_in("secret-of-ops")
    may(admin, "secret-of-loja")
    shown = admin.text("/keys")
    assert "Last used" not in shown
    assert shown.count("Last use not known") == 2


def test_every_scope_is_explained() -> None:
    assert {scope.value for scope in Scope} == set(keys.SCOPES)
