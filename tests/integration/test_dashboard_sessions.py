"""Sessions of the dashboard: who logs out is out everywhere, also where somebody has a copy of the cookie."""

from __future__ import annotations

import dataclasses
import html
import re
import threading
import time
from typing import Any

import pytest
from redis.client import Redis

from broadcast.api.auth import REVOKED_S
from broadcast.dashboard import session as sessions
from broadcast.domain.caller import EVERY_SCOPE, Caller
from broadcast.domain.campaign import Move
from broadcast.engine import accepting, granting, steering
from broadcast.settings import ApiKey, Settings
from broadcast.store.keys import key
from broadcast.web import create_app
from broadcast.wiring import Services, build_services
from tests.builders import an_order
from tests.integration.test_dashboard import HOME, Browser
from tests.processes import lateness

LASTS_S = sessions.LASTS.total_seconds()
AWAY = "redis://127.0.0.1:1/0"


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(redis_url=redis_url, api_keys=(ApiKey("ops", "secret-of-ops"),), secret_key="s" * 32)


@pytest.fixture(params=["a key of the settings", "a key that was created"])
def secret(request: pytest.FixtureRequest, services: Services) -> str:
    """One of either kind."""
    if request.param == "a key of the settings":
        return "secret-of-ops"
    return granting.grant(services.store, Caller(name="ana", scopes=EVERY_SCOPE))


@pytest.fixture
def browser(services: Services, secret: str) -> Browser:
    """Somebody who is logged in."""
    browser = Browser(create_app(services).test_client())
    assert browser.log_in(secret).status_code == 303
    return browser


def a_copy(browser: Browser, services: Services) -> Browser:
    """Another browser, with the same cookie."""
    cookie = browser.client.get_cookie("broadcast", path=HOME)
    assert cookie
    client = create_app(services).test_client()
    client.set_cookie("broadcast", cookie.value, path=HOME)
    return Browser(client)


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """So many seconds later it is, by this process's clock."""
    ahead, real = [0.0], time.time
    monkeypatch.setattr(time, "time", lambda: real() + ahead[0])
    return ahead


def test_a_copied_cookie_is_out_with_the_log_out(browser: Browser, services: Services) -> None:
    thief = a_copy(browser, services)
    assert thief.get("").status_code == 200
    browser.post("/logout", at="")
    assert (answer := thief.get("/keys")).status_code == 303
    assert answer.location.startswith("/dashboard/login")
    assert thief.get("/login").status_code == 200  # the form, and not the way on


@pytest.mark.parametrize(
    ("sent_from", "shown"),
    [
        ("http://localhost/dashboard/new?draft=x", "/dashboard/new?draft=x"),
        ("http://localhost/dashboard/campaigns/c1/pause", "/dashboard/campaigns/c1/pause"),
        ("http://localhost/dashboardx", "/dashboard"),
        ("http://localhost//evil.example", "/dashboard"),
        ("http://[", "/dashboard"),
        (None, "/dashboard"),
    ],
)
def test_who_sends_a_form_after_their_session_is_told_so_and_led_back_to_it(
    browser: Browser, secret: str, sent_from: str | None, shown: str
) -> None:
    said = "what you sent last was not taken"
    fields = {"csrf_token": browser.token("/new"), "message": "Oi"}
    browser.post("/logout", at="")
    assert said not in browser.client.get(browser.get("/new").location, headers=browser.headers).text

    headers = {**browser.headers, **({"Referer": sent_from} if sent_from else {})}
    answer = browser.client.post(f"{HOME}/new", data=fields, headers=headers)
    assert answer.status_code == 303
    page = browser.client.get(answer.location, headers=browser.headers).text
    assert said in page
    form = page.partition('action="/dashboard/login"')[2].partition("</form>")[0]
    hidden = dict(re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', form))
    wrong = browser.client.post(f"{HOME}/login", data={**hidden, "key": "wrong"}, headers=browser.headers)
    assert (wrong.status_code, said in wrong.text) == (401, True)
    onward = re.search(r'name="next" value="([^"]*)"', wrong.text.partition('action="/dashboard/language"')[2])[1]
    token = re.search(r'name="csrf_token" value="([^"]+)"', wrong.text)[1]
    chosen = {"csrf_token": token, "next": html.unescape(onward), "language": "pt"}
    again = browser.client.post(f"{HOME}/language", data=chosen, follow_redirects=True).text
    assert f'name="next" value="{shown}"' in again
    assert "não foi recebido" in again
    right = browser.client.post(f"{HOME}/login", data={**hidden, "key": secret}, headers=browser.headers)
    assert (right.status_code, right.location) == (303, shown)


def test_who_logs_out_in_a_tab_whose_session_is_over_already_is_led_to_the_log_in(browser: Browser) -> None:
    left_open = {"csrf_token": browser.token("/new")}
    browser.post("/logout", at="")
    assert browser.get("/login").status_code == 200  # another tab has a token of its own by now
    answer = browser.client.post(f"{HOME}/logout", data=left_open, headers=browser.headers)
    assert (answer.status_code, answer.location) == (303, "/dashboard/login")


def test_a_log_out_is_of_one_session_and_no_other_of_its_key(browser: Browser, services: Services, secret: str) -> None:
    other = Browser(create_app(services).test_client())
    other.log_in(secret)
    browser.post("/logout", at="")
    assert other.get("").status_code == 200
    browser.log_in(secret)
    assert browser.get("").status_code == 200


def test_a_log_out_is_remembered_for_longer_than_any_cookie_of_it_counts(browser: Browser, services: Services) -> None:
    client = services.store.scripts.client
    browser.post("/logout", at="")
    (ended,) = [name for name in client.scan_iter() if name.startswith(key("ended", ""))]
    assert client.ttl(ended) > LASTS_S


def test_nobody_keeps_a_copy_fresh_until_the_log_out_is_forgotten(
    browser: Browser, services: Services, later: list[float]
) -> None:
    thief = a_copy(browser, services)
    browser.post("/logout", at="")
    for _ in range(3):  # pages for everybody are answered with the cookie, signed anew
        later[0] += LASTS_S / 2
        assert thief.get("/login").status_code == 200
        thief.post("/language", at="/login", language="pt")
    for name in services.store.scripts.client.scan_iter(key("ended", "*")):
        services.store.scripts.client.delete(name)
    assert thief.get("").status_code == 303


def test_a_session_lasts_as_long_as_it_is_used(browser: Browser, later: list[float]) -> None:
    for _ in range(3):
        later[0] += LASTS_S * 0.9
        assert browser.get("").status_code == 200
    later[0] += LASTS_S + 1
    assert browser.get("").status_code == 303


def test_a_cookie_of_an_earlier_version_logs_in_again(browser: Browser) -> None:
    with browser.client.session_transaction(HOME) as session:
        assert session.pop("id")
        session.pop("seen")
    assert browser.get("").status_code == 303


def test_an_open_page_hears_no_more_once_its_session_is_logged_out(browser: Browser, services: Services) -> None:
    accepting.accept(services.store, an_order(), country="BR")
    steering.steer(services.store, "c1", Move.PAUSE)  # so that nothing else ends the stream
    stream = a_copy(browser, services).client.get(f"{HOME}/campaigns/c1/events").iter_encoded()
    next(stream)

    browser.post("/logout", at="")
    left = time.monotonic()
    with lateness(services.store.scripts.client.ping) as late:
        list(stream)
        assert time.monotonic() - left <= REVOKED_S + 0.5 + late()


def test_who_is_asked_of_redis_once_a_request(
    browser: Browser, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that asks nothing itself. The first request loads the script."""
    browser.get("/nowhere")
    asked: list[object] = []
    send, ours = Redis.execute_command, threading.get_ident()

    def note(*args: Any, **more: Any) -> Any:
        if threading.get_ident() == ours:  # streams of other tests may still be looking
            asked.append(args[1])
        return send(*args, **more)

    monkeypatch.setattr(Redis, "execute_command", note)
    assert browser.get("/nowhere").status_code == 404
    assert asked == ["EVALSHA"]


@pytest.fixture
def asked_rarely(services: Services, secret: str) -> Browser:
    """Somebody who is logged in, and may ask for three pages an hour."""
    few = dataclasses.replace(services.settings, dashboard_rate_limit=(3, 3_600_000))
    browser = Browser(create_app(dataclasses.replace(services, settings=few)).test_client())
    assert browser.log_in(secret).status_code == 303
    return browser


def test_who_asks_for_pages_too_often_is_told_so_and_nobody_else_is(asked_rarely: Browser, secret: str) -> None:
    assert [asked_rarely.get(path).status_code for path in ("", "/instances", "/nowhere")] == [200, 200, 404]
    answer = asked_rarely.get("")
    assert (answer.status_code, answer.mimetype) == (429, "text/html")
    assert 1100 <= int(answer.headers["Retry-After"]) <= 1200
    assert "Too many pages were asked for" in answer.text
    assert "DASHBOARD_RATE_LIMIT" in answer.text
    assert "Log out" in answer.text
    asked_rarely.headers = {"Accept-Language": "pt"}
    assert "Foram pedidas páginas demais" in asked_rarely.get("").text

    other = Browser(asked_rarely.client.application.test_client())
    other.log_in(secret)
    assert other.get("").status_code == 200
    if secret == "secret-of-ops":  # its calls have a limit of their own
        assert other.client.get("/campaigns", headers={"apikey": secret}).status_code == 200


def test_who_may_ask_no_more_may_still_log_out(asked_rarely: Browser) -> None:
    page = [asked_rarely.get("") for _ in range(4)][-1]
    assert page.status_code == 429
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token
    assert asked_rarely.client.post(f"{HOME}/logout", data={"csrf_token": token[1]}).status_code == 303
    assert asked_rarely.get("").status_code == 303


def test_fifty_open_pages_may_each_ask_every_second() -> None:
    assert Settings().dashboard_rate_limit is not None
    count, period_ms = Settings().dashboard_rate_limit
    assert count * 1000 / period_ms >= 2 * 50


def test_without_a_limit_nobody_waits(services: Services, secret: str) -> None:
    any_number = dataclasses.replace(services.settings, dashboard_rate_limit=None)
    browser = Browser(create_app(dataclasses.replace(services, settings=any_number)).test_client())
    browser.log_in(secret)
    assert {browser.get("/nowhere").status_code for _ in range(5)} == {404}


def test_who_tries_too_many_keys_is_told_for_how_long_to_wait(browser: Browser) -> None:
    tries = [browser.post("/login", at="", key="wrong") for _ in range(sessions.MOST_TRIES + 1)]
    assert tries[-1].status_code == 429
    assert 1 <= int(tries[-1].headers["Retry-After"]) <= 60


def test_while_redis_is_away_who_logs_out_is_still_led_to_the_log_in(browser: Browser, services: Services) -> None:
    away = build_services(dataclasses.replace(services.settings, redis_url=AWAY))
    token = re.search(r'name="csrf_token" value="([^"]+)"', browser.text(""))
    assert token
    lone = a_copy(browser, away)
    assert lone.get("").status_code == 503
    answer = lone.client.post(f"{HOME}/logout", data={"csrf_token": token[1]})
    assert (answer.status_code, answer.location) == (303, "/dashboard/login")
    assert not lone.client.get_cookie("broadcast", path=HOME)
