"""The dashboard's pages and forms, without a browser: what they show, to whom, and what they refuse."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import re
import time
from collections.abc import Iterator
from functools import partial
from html import unescape
from itertools import count
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, unquote

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from broadcast.api import asking, reports
from broadcast.api.answers import rfc3339
from broadcast.api.auth import REVOKED_S
from broadcast.dashboard import counting, formats, refusing, rights, sheet, wording
from broadcast.dashboard.reasons import REASONS
from broadcast.domain.caller import EVERY_SCOPE, Caller, Scope
from broadcast.domain.campaign import Move, State
from broadcast.domain.contact import Status
from broadcast.domain.table import read_table
from broadcast.engine import accepting, charting, granting, previewing, searching, steering
from broadcast.engine.suppressing import suppress
from broadcast.settings import ApiKey, Settings
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.web import create_app
from broadcast.wiring import Services, build_services
from tests.builders import TO_COME, a_body, an_order, phones
from tests.processes import lateness

HOME = "/dashboard"
KEYS = (ApiKey("crm", "secret-of-crm"), ApiKey("loja", "secret-of-loja", frozenset({"loja"})))
EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


class Browser:
    """A browser without scripts: it keeps cookies, and sends a form with what the page's form has hidden in it."""

    def __init__(self, client: FlaskClient, language: str = "en") -> None:
        self.client = client
        self.headers = {"Accept-Language": language}

    def get(self, path: str) -> TestResponse:
        return self.client.get(HOME + path, headers=self.headers, buffered=True)

    def text(self, path: str) -> str:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        return answer.text

    def token(self, path: str) -> str:
        found = re.search(r'name="csrf_token" value="([^"]+)"', self.get(path).text)
        assert found
        return found[1]

    def post(self, path: str, *, at: str = "/login", **fields: Any) -> TestResponse:
        """Send a form that is on the page `at`."""
        data = {"csrf_token": self.token(at), **fields}
        return self.client.post(HOME + path, data=data, headers=self.headers, buffered=True)

    def preview(self, **fields: Any) -> TestResponse:
        """Send the form of a new campaign, and go where it leads."""
        return self.follow("/new", at="/new", **fields)

    def follow(self, path: str, *, at: str, **fields: Any) -> TestResponse:
        """Send a form, and go where it leads."""
        answer = self.post(path, at=at, **fields)
        return self.get(answer.location.removeprefix(HOME)) if answer.status_code == 303 else answer

    def log_in(self, secret: str) -> TestResponse:
        return self.post("/login", key=secret)


@pytest.fixture
def browser(services: Services) -> Browser:
    return Browser(create_app(services).test_client())


@pytest.fixture
def guarded(redis_url: str) -> Iterator[Services]:
    """Services whose API asks for one of `KEYS`."""
    services = build_services(Settings(redis_url=redis_url, api_keys=KEYS))
    yield services
    services.store.scripts.client.close()


@pytest.fixture
def stranger(guarded: Services) -> Browser:
    """A browser that has not logged in."""
    return Browser(create_app(guarded).test_client())


def send(
    browser: Browser, campaign: str, instance: str = "loja", *, secret: str = "secret-of-crm", **changes: Any
) -> None:
    headers = {"Authorization": f"Bearer {secret}"}
    body = a_body(campaign, instance, **changes)
    body.pop("action")
    answer = browser.client.post("/queue/add-broadcast", json=body, headers=headers)
    assert answer.status_code == 202, answer.text


def ranked(browser: Browser) -> list[tuple[str, str]]:
    """The reasons that the page of a campaign ranks, and how many had each."""
    return re.findall(r"reason=(\w+)\D[^<]*</a><strong>([\d,]+)", browser.text("/campaigns/c1"))


def test_reasons_are_ranked_over_everybody_who_failed_and_counted_once(
    browser: Browser, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(browser, "c1", contacts=phones(1200))
    for number in range(1200):
        why = {} if number >= 1150 else {"reason": "rejected" if number < 500 else "window_closed"}
        store.scripts.client.hset(key("contact", "c1", number), mapping={"status": "failed", **why})
    store.scripts.client.hset(key("tally", "c1"), mapping={"pending": 0, "failed": 1200})
    store.scripts.client.zadd(key("listed", "c1", "failed"), {str(number): number for number in range(1200)})
    counted = []
    outcomes = store.contacts.outcomes
    monkeypatch.setattr(store.contacts, "outcomes", lambda *args, **kw: counted.append(1) or outcomes(*args, **kw))

    assert ranked(browser) == [("window_closed", "650"), ("rejected", "500"), ("unknown", "50")]
    once = len(counted)
    store.scripts.client.hincrby(key("campaign", "c1"), "rev", 1)  # it goes on
    assert ranked(browser) == ranked(browser)
    assert len(counted) == once
    assert "no reason given" in browser.text("/campaigns/c1")
    listed = store.contacts.page("c1", status=Status.FAILED, reason="unknown", after=-1, limit=100)[0]
    assert [number for number, _ in listed] == list(range(1150, 1200))


def test_many_reasons_are_shown_as_ten_and_the_others(browser: Browser, store: Store) -> None:
    send(browser, "c1", contacts=phones(24))
    for number in range(24):
        fail(store, "c1", number, f"reason{number // 2}")
    shown = browser.text("/campaigns/c1")
    assert len(ranked(browser)) == 10
    assert re.search(r"<span>other reasons</span><strong>4</strong>", shown)
    assert "As counted at" not in shown

    store.scripts.client.hincrby(key("tally", "c1"), "failed", 1)
    store.scripts.client.hincrby(key("campaign", "c1"), "rev", 1)
    assert re.search(r"As counted at \d+:\d\d:\d\d", browser.text("/campaigns/c1"))


def test_who_was_left_out_or_cancelled_is_among_those_who_did_not_get_it(browser: Browser) -> None:
    send(browser, "c1", contacts=[*phones(20), "nobody"], scheduledFor=f"{TO_COME}-07-02T13:30:00Z")
    browser.post("/campaigns/c1/cancel", at="")
    shown = browser.text("/campaigns/c1")
    assert "20 contacts were not sent to" in shown
    assert "Nobody so far." not in shown
    links = re.findall(r'"/dashboard(/campaigns/c1/contacts\?[^"]+)">(?:not a phone|20 contacts)', shown)
    links = [link.replace("&amp;", "&") for link in links]
    assert [browser.text(link).count('<li class="card">') for link in links] == [1, 20]


def test_a_page_does_not_wait_for_a_long_count(browser: Browser, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    send(browser, "c1", contacts=phones(2))
    fail(store, "c1", 0, "rejected")
    monkeypatch.setattr(counting, "COUNT_S", 0.1)
    monkeypatch.setattr(store.summaries, "claim", lambda *_, **__: None)  # another counts
    assert "Being counted." in browser.text("/campaigns/c1")
    monkeypatch.undo()
    assert ranked(browser) == [("rejected", "1")]


def test_a_preview_is_kept_a_quarter_of_an_hour(browser: Browser, store: Store) -> None:
    fields = {"instance": "loja", "campaign": "c1", "message": "Oi", "kind": "text", "priority": "normal"}
    assert browser.preview(contacts="11999990001", **fields).status_code == 200
    kept = [name for name in store.scripts.client.scan_iter() if "draft" in name]
    assert [0 < store.scripts.client.ttl(name) <= 15 * 60 for name in kept] == [True]


# Who may come in


@pytest.mark.parametrize(
    ("page", "kind", "name"), [("", "campaigns", "campaignId"), ("/instances", "instances", "instanceId")]
)
def test_the_lists_are_told_as_it_happens_and_of_the_callers_own_alone(
    stranger: Browser, page: str, kind: str, name: str
) -> None:
    send(stranger, "ours", "loja")
    send(stranger, "theirs", "other")
    stranger.log_in("secret-of-loja")
    address = re.search(r'data-(?:events|lanes)="([^"]+)"', stranger.text(page))
    assert address

    stream = stranger.client.get(address[1]).iter_encoded()
    data = next(line for text in stream for line in text.decode().splitlines() if line.startswith("data:"))
    assert [one[name] for one in json.loads(data[5:])[kind]] == [{"campaignId": "ours", "instanceId": "loja"}[name]]


def test_a_list_that_is_filtered_is_asked_for(browser: Browser) -> None:
    send(browser, "c1")
    assert "data-events" in browser.text("")
    assert "data-events" not in browser.text("?status=running")


def test_an_open_page_hears_no_more_when_its_key_is_revoked(browser: Browser, store: Store) -> None:
    secret = granting.grant(store, Caller(name="loja", scopes=EVERY_SCOPE))
    assert browser.log_in(secret).status_code == 303
    accepting.accept(store, an_order(), country="BR")
    steering.steer(store, "c1", Move.PAUSE)  # so that nothing else ends the stream
    stream = browser.client.get(f"{HOME}/campaigns/c1/events").iter_encoded()
    next(stream)

    granting.revoke(store, "loja")
    revoked = time.monotonic()
    with lateness(store.scripts.client.ping) as late:
        list(stream)
        assert time.monotonic() - revoked <= REVOKED_S + 0.5 + late()


def test_who_has_no_session_is_led_to_the_log_in(stranger: Browser) -> None:
    rules = [
        rule for rule in stranger.client.application.url_map.iter_rules() if rule.endpoint.startswith("dashboard.")
    ]
    assert len(rules) > 20
    for rule in rules:
        if rule.endpoint.rpartition(".")[2] in rights.OPEN:
            continue
        path = re.sub(r"<[^>]*deed>", "pause", rule.rule)
        path = re.sub(r"<[^>]+>", "x", path)
        for method in rule.methods - {"HEAD", "OPTIONS"}:
            answer = stranger.client.open(path, method=method)
            assert answer.status_code == 303, (method, path, answer.status_code)
            assert answer.location.startswith("/dashboard/login")


def test_a_key_opens_the_door_and_is_not_in_the_cookie(stranger: Browser) -> None:
    assert stranger.log_in("secret-of-nobody").status_code == 401
    answer = stranger.log_in("secret-of-crm")
    assert (answer.status_code, answer.location) == (303, "/dashboard")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert "Path=/dashboard" in cookie
    assert "secret-of-crm" not in cookie
    assert "crm" in stranger.text("")


def test_the_page_that_was_wanted_is_shown_after_the_log_in(stranger: Browser) -> None:
    assert "next=/dashboard/instances" in stranger.get("/instances").location
    assert stranger.post("/login", key="secret-of-crm", next="/dashboard/instances").location == "/dashboard/instances"


@pytest.mark.parametrize(
    "elsewhere",
    ["//evil.example", "https://evil.example/dashboard", "/dashboardx", "/\\evil", "/dashboard/\r\nX",
     "/dashboard/\nX: y", "/dashboard/\x00", "/dashboard/../..//evil.example", "/dashboard/%2e%2E//evil.example",
     "/dashboard/\\evil"],
)  # fmt: skip
def test_the_log_in_leads_nowhere_else(stranger: Browser, elsewhere: str) -> None:
    assert stranger.post("/login", key="secret-of-crm", next=elsewhere).location == "/dashboard"


@pytest.mark.parametrize(
    "wanted", ["/dashboard/campaigns/a%20..b", "/dashboard?instance=loja%0A&x=../y", "/dashboard/ação"]
)
def test_whatever_page_of_ours_was_wanted_is_shown(stranger: Browser, wanted: str) -> None:
    assert stranger.post("/login", key="secret-of-crm", next=wanted).status_code == 303
    assert unquote(stranger.get(f"/login?next={quote(wanted)}").location) == unquote(wanted)


def test_who_logs_out_is_out(stranger: Browser) -> None:
    stranger.log_in("secret-of-crm")
    stranger.post("/logout", at="")
    assert stranger.get("").status_code == 303


def test_a_revoked_key_is_out_at_once(stranger: Browser, guarded: Services) -> None:
    stranger.log_in("secret-of-loja")
    assert stranger.get("").status_code == 200
    fewer = dataclasses.replace(guarded, settings=dataclasses.replace(guarded.settings, api_keys=KEYS[:1]))
    stranger.client.application.extensions["services"] = fewer
    assert stranger.get("").status_code == 303


def test_a_key_with_another_secret_under_the_same_name_is_another_key(stranger: Browser, guarded: Services) -> None:
    stranger.log_in("secret-of-crm")
    changed = dataclasses.replace(guarded.settings, api_keys=(ApiKey("crm", "secret-anew"),))
    stranger.client.application.extensions["services"] = dataclasses.replace(guarded, settings=changed)
    assert stranger.get("").status_code == 303


def test_every_process_knows_every_session(stranger: Browser, guarded: Services) -> None:
    stranger.log_in("secret-of-crm")
    cookie = stranger.client.get_cookie("broadcast", path="/dashboard")
    other = create_app(guarded).test_client()
    other.set_cookie("broadcast", cookie.value, path="/dashboard")
    assert other.get("/dashboard").status_code == 200


def test_a_session_is_no_key_of_the_api(stranger: Browser) -> None:
    stranger.log_in("secret-of-crm")
    cookie = stranger.client.get_cookie("broadcast", path="/dashboard")
    stranger.client.set_cookie("broadcast", cookie.value, path="/")
    assert stranger.client.get("/campaigns").status_code == 401


def test_without_keys_nobody_is_asked_for_one(browser: Browser) -> None:
    assert browser.get("").status_code == 200
    assert browser.get("/login").location == "/dashboard"
    assert "Log out" not in browser.text("")


def test_a_key_of_one_instance_sees_that_one(stranger: Browser, store: Store) -> None:
    send(stranger, "hers")
    send(stranger, "theirs", "outra")
    stranger.log_in("secret-of-loja")
    shown = stranger.text("")
    assert "hers" in shown
    assert "theirs" not in shown
    assert "outra" not in stranger.text("/instances")
    for path in ("", "/contacts", "/contacts?number=55", "/state.json", "/chart", "/pause"):
        assert stranger.get(f"/campaigns/theirs{path}").status_code == 404, path
    assert stranger.post("/campaigns/theirs/cancel", at="").status_code == 404
    assert stranger.post("/instances/outra/pause", at="").status_code == 403
    assert stranger.post("/suppressions/5511999999999/remove", at="").status_code == 403
    assert stranger.get("/suppressions/5511999999999/remove").status_code == 403


def test_who_is_refused_reads_why_in_their_language(stranger: Browser, store: Store) -> None:
    send(stranger, "c1")
    stranger.headers = {"Accept-Language": "pt-BR"}
    stranger.log_in("secret-of-loja")
    assert "Esta chave não pode usar a instância outra." in stranger.get("?instance=outra").text
    assert "só uma chave de todas elas" in stranger.get("/suppressions/5511999999999/remove").text
    assert "Não há campanha nenhuma." in stranger.get("/campaigns/nenhuma").text
    stranger.post("/campaigns/c1/cancel", at="")
    stranger.post("/campaigns/c1/resume", at="")
    assert "A campanha c1 está cancelada" in stranger.text("/campaigns/c1")
    stranger.post("/logout", at="")
    stranger.log_in(a_key(store, "ana", Scope.SEND))
    assert "Isto precisa de uma chave com o escopo read; os escopos desta: send." in stranger.get("/instances").text
    shown = stranger.preview(**{**FORM, "contacts": "11999990001", "message": "a\x00b"})
    assert "tem caracteres que não podem ser enviados" in shown.text


def test_who_is_refused_by_flask_reads_why_in_their_language(browser: Browser) -> None:
    browser.headers = {"Accept-Language": "pt-BR"}
    address, asked = f"{HOME}/new", {"headers": browser.headers, "buffered": True}
    forged = browser.client.post(address, data={"csrf_token": "x"}, **asked)
    large = browser.client.post(
        address, data={"message": "x" * (33 << 20), "csrf_token": browser.token("/new")}, **asked
    )
    nowhere = browser.get("/static/none.js")
    wrong = [browser.post(path, at="/new") for path in ("", "/callbacks", "/campaigns/c1")]
    assert [one.status_code for one in (forged, large, nowhere, *wrong)] == [400, 413, 404, 404, 404, 404]
    assert "Este formulário é antigo demais" in forged.text
    assert "como um arquivo de no máximo 32 MB" in large.text
    for answer in (forged, large, nowhere, *wrong):
        assert not re.search(r"CSRF|\b(?:the|not|this)\b", answer.text.partition("<main")[2].partition("</main>")[0])


def test_the_source_of_an_opt_out_is_in_the_readers_language(browser: Browser, store: Store) -> None:
    people = {
        "5511999990001": "message to loja",
        "5511999990002": "preference at loja, gateway of a, b",
        "5511999990003": "dashboard",
        "5511999990004": "feira de 2024",
    }
    for phone, source in people.items():
        suppress(store, phone, source=source)
    shown = browser.text("/suppressions")
    assert set(re.findall(r"From: ([^<]+)<", shown)) == {
        "message to loja", "WhatsApp&#39;s menu, at loja, the gateway of a, b", "this page", "feira de 2024",
    }  # fmt: skip
    browser.headers = {"Accept-Language": "pt-BR"}
    assert set(re.findall(r"Origem: ([^<]+)<", browser.text("/suppressions"))) == {
        "mensagem para loja", "menu do WhatsApp, em loja, o gateway de a, b", "esta página", "feira de 2024",
    }  # fmt: skip


def test_every_refusal_has_all_the_names_that_it_is_told_with() -> None:
    for pattern, text in refusing.REFUSALS.items():
        assert set(re.findall(r"%\((\w+)\)s", str(text))) <= set(re.compile(pattern).groupindex), pattern


def a_key(store: Store, name: str, *words: Scope, instances: frozenset[str] | None = None) -> str:
    return granting.grant(store, Caller(name=name, scopes=frozenset(words), instances=instances))


def test_a_created_key_opens_the_door_until_it_is_revoked(browser: Browser, store: Store) -> None:
    assert browser.get("").status_code == 200  # there is no key yet
    secret = a_key(store, "ana", Scope.READ, Scope.SEND)
    assert browser.get("").status_code == 303
    assert browser.log_in(secret).status_code == 303
    assert "ana" in browser.text("")
    granting.revoke(store, "ana")
    assert browser.get("").status_code == 303
    assert browser.log_in(secret).status_code == 401


def test_a_key_that_may_look_may_not_send(browser: Browser, store: Store) -> None:
    send(browser, "c1")
    browser.log_in(a_key(store, "ana", Scope.READ))
    for path in ("", "/campaigns/c1", "/instances", "/suppressions"):
        shown = browser.text(path)
        for deed in ("/new", "/pause", "/cancel", 'name="phones"'):
            assert deed not in shown, (path, deed)
    for path in ("/new", "/campaigns/c1/pause", "/instances/loja/pause", "/suppressions/5511999999999/remove"):
        assert browser.get(path).status_code == 403, path
    for path in ("/new", "/new/x/start", "/campaigns/c1/pause", "/instances/loja/pause", "/suppressions"):
        assert browser.post(path, at="").status_code == 403, path


def links(page: str) -> list[str]:
    """Where the page leads on the dashboard, but for the files that it is made of."""
    found = re.findall(r'<a [^>]*href="/dashboard([^"#]*)"', page)
    return [link.replace("&amp;", "&") for link in found]


@pytest.mark.parametrize("one_instance", [False, True])
@pytest.mark.parametrize("scopes", [("read",), ("send",), ("read", "send"), ("admin",)])
def test_no_key_is_led_to_what_it_may_not_see(
    browser: Browser, store: Store, scopes: tuple[str, ...], one_instance: bool
) -> None:
    send(browser, "c1")
    instances = frozenset({"loja"}) if one_instance else None
    browser.log_in(a_key(store, "ana", *map(Scope, scopes), instances=instances))
    for path in ("/new", "/instances", "/suppressions", "/people", "/keys", "/campaigns/c1", "/nowhere"):
        leads = links(browser.get(path).text)
        assert leads
        assert {link: browser.get(link).status_code for link in leads} == dict.fromkeys(leads, 200), path


def test_a_key_that_may_only_send_begins_with_a_new_campaign_and_is_told_of_its_start(
    browser: Browser, store: Store
) -> None:
    secret = a_key(store, "ana", Scope.SEND)
    assert browser.post("/login", key=secret, next="/dashboard").location == "/dashboard/new"
    assert browser.get("/login").location == "/dashboard/new"

    shown = browser.preview(**{**FORM, "contacts": "11999990001"}).text
    draft = re.search(r"/new/([\w-]+)/start", shown)[1]
    data = {"csrf_token": browser.token("/new")}
    after = browser.client.post(f"{HOME}/new/{draft}/start", data=data, headers=browser.headers, follow_redirects=True)
    assert (after.status_code, after.request.path) == (200, "/dashboard/new")
    assert "promo is accepted." in after.text
    assert store.campaigns.find("promo") is not None


def test_a_key_that_may_only_send_adds_contacts_and_starts(browser: Browser, store: Store) -> None:
    browser.log_in(a_key(store, "ana", Scope.SEND))
    shown = browser.preview(**{**FORM, "is_open": "y"}).text
    draft = re.search(r"/new/([\w-]+)/start", shown)[1]
    place = browser.post(f"/new/{draft}/start", at="/new").location.removeprefix(HOME)
    chunk = re.search(r'name="chunk" value="(\d+)"', browser.text(place))[1]
    assert browser.follow(place, at="/new", chunk=chunk, file=upload("telefone\n11999990001")).status_code == 200
    for path in (place, "/campaigns/promo/start"):
        assert {browser.get(link).status_code for link in links(browser.text(path))} == {200}
    data = {"csrf_token": browser.token("/new")}
    path = f"{HOME}/campaigns/promo/start"
    after = browser.client.post(path, data=data, headers=browser.headers, follow_redirects=True)
    assert (after.status_code, after.request.path) == (200, "/dashboard/new")
    assert "The campaign is now: running." in after.text


def test_every_page_says_what_it_needs_and_no_row_is_stale(browser: Browser) -> None:
    rules = browser.client.application.url_map.iter_rules()
    pages = {rule.endpoint.rpartition(".")[2] for rule in rules if rule.endpoint.startswith("dashboard.")}
    assert pages == rights.VIEWS.keys() | rights.OPEN


def test_keys_cannot_be_tried_one_after_another(stranger: Browser) -> None:
    answers = [stranger.log_in(f"guess-{number}").status_code for number in range(21)]
    assert answers == [401] * 20 + [429]


def test_keys_cannot_be_tried_from_one_address_of_a_network_after_another(stranger: Browser) -> None:
    def guess(address: str) -> int:
        stranger.client.environ_base["REMOTE_ADDR"] = address
        return stranger.log_in("guess").status_code

    assert [guess(f"2001:db8::{number:x}") for number in range(21)] == [401] * 20 + [429]
    assert guess("2001:db8:0:1::1") == 401


def test_a_stranger_on_another_host_is_nobody_while_there_is_no_key(browser: Browser) -> None:
    answer = browser.client.get("/dashboard", environ_base={"REMOTE_ADDR": "203.0.113.9"}, buffered=True)
    assert answer.status_code == 303


# Forms


def test_a_form_that_is_not_ours_is_not_taken(stranger: Browser, guarded: Services) -> None:
    send(stranger, "c1")
    stranger.log_in("secret-of-crm")
    rules = [rule for rule in stranger.client.application.url_map.iter_rules() if "POST" in rule.methods]
    ours = [rule for rule in rules if rule.endpoint.startswith("dashboard.")]
    assert len(ours) >= 8
    for rule in ours:
        path = re.sub(r"<[^>]+>", "c1", re.sub(r"<[^>]*deed>", "pause", rule.rule))
        assert stranger.client.post(path, data={"key": "secret-of-crm"}).status_code == 400, path
        assert stranger.client.post(path, data={"csrf_token": "made-up"}).status_code == 400, path
    look = guarded.store.campaigns.look("c1")
    assert look
    assert look.order["status"] == "running"


@pytest.mark.parametrize(
    ("deeds", "state"), [(["pause"], "paused"), (["pause", "resume"], "running"), (["cancel"], "cancelled")]
)
def test_a_campaign_is_steered_after_a_question(browser: Browser, deeds: list[str], state: str) -> None:
    send(browser, "c1")
    for deed in deeds:
        assert f"/dashboard/campaigns/c1/{deed}" in browser.text("/campaigns/c1")
        assert "c1" in browser.text(f"/campaigns/c1/{deed}")
        assert browser.post(f"/campaigns/c1/{deed}", at=f"/campaigns/c1/{deed}").location == "/dashboard/campaigns/c1"
    assert browser.get("/campaigns/c1/state.json").json["status"] == state


def test_a_move_that_cannot_be_is_said_so(browser: Browser) -> None:
    send(browser, "c1")
    browser.post("/campaigns/c1/cancel", at="")
    answer = browser.post("/campaigns/c1/resume", at="")
    assert answer.location == "/dashboard/campaigns/c1"
    shown = browser.text("/campaigns/c1")
    assert "Campaign c1 is cancelled: this cannot be done with it." in shown
    assert "alert-danger" in shown


@pytest.mark.parametrize("deed", ["pause", "resume", "cancel", "start", "retry-failed"])
def test_nobody_is_asked_whether_they_mean_what_cannot_be_done(browser: Browser, deed: str) -> None:
    send(browser, "c1")
    browser.post("/campaigns/c1/cancel", at="")
    assert browser.get(f"/campaigns/c1/{deed}").location == "/dashboard/campaigns/c1"
    assert "Campaign c1 is cancelled: this cannot be done with it." in browser.text("/campaigns/c1")


def test_a_campaign_that_is_over_is_removed_after_a_question(browser: Browser, store: Store) -> None:
    send(browser, "c1")
    assert "/campaigns/c1/remove" not in browser.text("/campaigns/c1")
    browser.post("/campaigns/c1/cancel", at="")
    assert "/dashboard/campaigns/c1/remove" in browser.text("/campaigns/c1")
    asked = browser.text("/campaigns/c1/remove")
    for text in ("the report", "The list of opt-outs", "send to everybody anew"):
        assert text in asked, text

    assert browser.post("/campaigns/c1/remove", at="/campaigns/c1/remove").location == "/dashboard"
    assert "c1 is removed." in browser.text("")
    assert browser.get("/campaigns/c1").status_code == 404
    state = browser.get("/campaigns/c1/state.json")  # which an open page asks for
    assert (state.status_code, state.json) == (404, {"removed": True})
    assert store.campaigns.look("c1") is None
    assert browser.post("/campaigns/c1/remove", at="").status_code == 404


def test_a_campaign_that_is_not_over_is_not_removed_and_its_page_says_so(browser: Browser) -> None:
    send(browser, "c1")
    assert browser.get("/campaigns/c1/remove").location == "/dashboard/campaigns/c1"
    assert browser.post("/campaigns/c1/remove", at="").location == "/dashboard/campaigns/c1"
    shown = browser.text("/campaigns/c1")
    assert "cancel it first" in shown
    assert "alert-danger" in shown


def test_what_is_on_the_wire_is_waited_for_before_a_removal(browser: Browser, store: Store) -> None:
    send(browser, "c1")
    browser.post("/campaigns/c1/cancel", at="")
    store.scripts.client.hincrby(key("tally", "c1"), "sending", 1)
    shown = browser.text("/campaigns/c1")
    assert "/campaigns/c1/remove" not in shown
    assert "data-left" in shown


def test_a_key_that_may_send_removes_nothing(browser: Browser, store: Store) -> None:
    send(browser, "c1")
    steering.steer(store, "c1", Move.CANCEL)
    browser.log_in(a_key(store, "ana", Scope.READ, Scope.SEND))
    assert "/campaigns/c1/remove" not in browser.text("/campaigns/c1")
    assert browser.get("/campaigns/c1/remove").status_code == 403
    assert browser.post("/campaigns/c1/remove", at="").status_code == 403
    assert store.campaigns.look("c1")


def test_failed_contacts_are_sent_to_again(browser: Browser, store: Store) -> None:
    send(browser, "c1")
    fail(store, "c1", 0, "not_on_whatsapp")
    shown = browser.text("/campaigns/c1")
    assert "not on WhatsApp" in shown
    assert "/dashboard/campaigns/c1/retry-failed" in shown
    browser.post("/campaigns/c1/retry-failed", at="/campaigns/c1")
    assert "1 contact is sent to again." in browser.text("/campaigns/c1")
    assert browser.get("/campaigns/c1/state.json").json["counts"]["failed"] == 0


def fail(store: Store, campaign: str, number: int, reason: str) -> None:
    """A contact that failed, as the scripts leave it."""
    client = store.scripts.client
    client.hset(
        key("contact", campaign, number), mapping={"status": "failed", "reason": reason, "at_failed": "1700000000000"}
    )
    client.lrem(key("pending", campaign), 0, str(number))
    client.hincrby(key("tally", campaign), "pending", -1)
    client.hincrby(key("tally", campaign), "failed", 1)
    client.zadd(key("listed", campaign, "failed"), {str(number): number})


def test_a_retry_that_nobody_needs_is_not_offered(browser: Browser) -> None:
    send(browser, "c1")
    assert "retry-" not in browser.text("/campaigns/c1")


def test_an_instance_is_paused_and_resumed_after_a_question(browser: Browser, store: Store) -> None:
    send(browser, "c1")
    assert "nstance" in browser.text("/instances/loja/pause")
    browser.post("/instances/loja/pause", at="/instances/loja/pause")
    assert store.lanes.look("loja")[0]["hold"] == "paused"
    assert "/dashboard/instances/loja/resume" in browser.text("/instances")
    assert "The instance is paused" in browser.text("/campaigns/c1")
    browser.post("/instances/loja/resume", at="/instances/loja/resume")
    assert "hold" not in store.lanes.look("loja")[0]


def test_contacts_have_their_names_and_a_day_is_said_once(browser: Browser, store: Store) -> None:
    send(browser, "c1", contacts=[{"phone": "5511999990001", "name": "Ana <b>"}])
    times = {"at_sent": 1_900_000_000_000, "at_delivered": 1_900_000_001_000, "at_read": 1_900_090_000_000}
    store.scripts.client.hset(key("contact", "c1", 0), mapping={"status": "read", **times})
    shown = browser.text("/campaigns/c1/contacts")
    assert "Ana &lt;b&gt;" in shown
    assert re.findall(r"<span>((?:sent|delivered|read) [^<]+)</span>", shown) == [
        "sent 17 Mar 2030, 14:46", "delivered 14:46", "read 18 Mar 2030, 15:46",
    ]  # fmt: skip
    browser.headers = {"Accept-Language": "pt-BR"}
    assert "<span>enviado 17/03/2030 14:46</span><span>entregue 14:46</span>" in browser.text("/campaigns/c1/contacts")


def test_an_instance_says_on_lines_of_their_own_what_holds_it_and_why(browser: Browser, store: Store) -> None:
    send(browser, "c1")
    assert "<dt>Health</dt>" in browser.text("/instances")
    store.lanes.hold("loja", "closed", reason="disconnected", detail="Error: Connection Closed")
    shown = browser.text("/instances")
    assert ">Reason: the telephone was not connected: Error: Connection Closed</div>" in shown
    assert "<dt>Health</dt>" not in shown  # "good" beside "closed" is no help


def test_who_cancels_sees_how_many_get_nothing_and_who_starts_how_many_get_it(browser: Browser) -> None:
    shown = browser.preview(instance="loja", campaign="c1", message="Oi", contacts="\n".join(phones(3)))
    assert ">Start: send to 3 contacts</button>" in shown.text
    send(browser, "c2", contacts=1)
    assert "1 contact was not sent to." in browser.text("/campaigns/c2/cancel")
    assert "not sent to" not in browser.text("/campaigns/c2/pause")


def test_an_empty_list_says_whether_the_filter_is_why(browser: Browser) -> None:
    assert "No campaigns here yet." in browser.text("")
    assert "No campaign is like that." in browser.text("?status=paused")


def test_a_new_campaign_has_the_only_instance_and_a_name_in_the_readers_language(browser: Browser) -> None:
    send(browser, "c1", "loja")
    browser.headers = {"Accept-Language": "pt-BR"}
    form = browser.text("/new")
    assert re.search(r'<input[^>]* id="instance"[^>]* value="loja"', form)
    assert re.search(r'value="campanha-[0-9a-f]{6}"', form)
    assert re.search(r'value="pt" lang="pt-BR" aria-current="true"', form)
    send(browser, "c2", "outra")
    assert not re.search(r'<input[^>]* id="instance"[^>]* value="[^"]', browser.text("/new"))


def test_a_campaign_that_is_held_is_not_called_running(browser: Browser, store: Store) -> None:
    send(browser, "c1")
    store.lanes.hold("loja", "closed", reason="unauthorized", detail="")
    for page in ("", "/campaigns/c1"):
        shown = browser.text(page)
        assert '<span class="state state-waiting">on hold</span>' in shown
        assert 'class="state state-running"' not in shown
        assert 'data-hold="instance_closed"' in shown
    assert "expected finish" not in browser.text("")  # there is none, and a dash says nothing


def test_of_a_cancelled_campaign_it_is_said_to_how_many_it_was_sent(browser: Browser, store: Store) -> None:
    send(browser, "c1", contacts=5)
    store.scripts.client.hset(key("tally", "c1"), mapping={"pending": 2, "sent": 1, "read": 2})
    browser.post("/campaigns/c1/cancel", at="")
    for page, of in (("", "of 5"), ("/campaigns/c1", "of 5 contacts")):
        shown = browser.text(page)
        assert re.search(rf'sent to</span> <strong [^>]*data-as="reached">3</strong> <span>{of}<', shown), page
        assert "100%" not in shown


@pytest.mark.parametrize(
    ("hold", "reason", "english", "portuguese"),
    [
        ("paused", "paused by an operator", "paused", "pausada"),
        ("closed", "unauthorized", "closed", "desconectada"),
        ("restricted", "restricted", "restricted", "restrita"),
    ],
)
def test_a_campaign_that_waits_for_its_instance_says_so_and_why(
    browser: Browser, store: Store, hold: str, reason: str, english: str, portuguese: str
) -> None:
    send(browser, "c1")
    assert 'data-live="expectedFinishAt"' in browser.text("/campaigns/c1")
    store.lanes.hold("loja", hold, reason=reason, detail="131048: 24 h")
    shown = browser.text("/campaigns/c1")
    assert 'data-live="expectedFinishAt"' not in shown
    assert f"<dd>waits for the instance: {english}</dd>" in shown
    assert f"Reason: {REASONS[reason]}: 131048: 24 h" in shown
    browser.headers = {"Accept-Language": "pt-BR"}
    assert f"<dd>espera pela instância: {portuguese}</dd>" in browser.text("/campaigns/c1")


def test_what_a_gateway_said_during_a_pause_is_shown_before_the_resume(browser: Browser, store: Store) -> None:
    send(browser, "c1")
    browser.post("/instances/loja/pause", at="/instances/loja/pause")
    store.lanes.hold("loja", "restricted", reason="restricted", detail="131048", only_if="open,closed,restricted")
    for page in ("/instances", "/instances/loja", "/instances/loja/resume"):
        shown = browser.text(page)
        assert "WhatsApp restricted the instance" in shown
        assert "131048" in shown
    assert "resume it once more" in shown
    browser.post("/instances/loja/resume", at="/instances/loja/resume")
    assert store.lanes.look("loja")[0]["hold"] == "restricted"


def test_people_are_put_on_the_list_and_taken_off(browser: Browser) -> None:
    browser.post("/suppressions", at="/suppressions", phones="11 99999-0001\r\n123\r\n")
    shown = browser.text("/suppressions")
    assert "1 number was added." in shown
    assert "Not a phone number: 123" in shown
    assert "+55 11 99999-0001" in shown
    browser.post("/suppressions/5511999990001/remove", at="/suppressions/5511999990001/remove")
    assert "Nobody is on the list." in browser.text("/suppressions")
    assert browser.post("/suppressions/5511999990001/remove", at="").status_code == 404


# A new campaign

FORM = {
    "instance": "loja", "campaign": "promo", "message": "Oi {{name|cliente}}!", "kind": "text", "media_url": "",
    "contacts": "", "scheduled": "", "gap_s": "2", "priority": "normal",
}  # fmt: skip


def upload(text: str, encoding: str = "utf-8") -> tuple[io.BytesIO, str]:
    return io.BytesIO(text.encode(encoding)), "contatos.csv"


def test_a_campaign_from_a_brazilian_spreadsheet_is_shown_and_then_started(browser: Browser) -> None:
    browser.post("/suppressions", at="/suppressions", phones="11999990003")
    rows = "Telefone;Nome\n11999990001;João\n11 99999-0002;\n11999990001;Outra vez\n123;Ninguém\n11999990003;Sai\n"
    shown = browser.preview(**FORM, file=upload(rows, "latin-1"))
    assert shown.status_code == 200
    assert "Oi João!" in shown.text
    assert "Oi cliente!" in shown.text
    for reason in ("there twice", "not a phone number", "wants no messages"):
        assert reason in shown.text
    assert browser.get("/campaigns/promo").status_code == 404  # nothing has been started

    draft = re.search(r"/dashboard/new/([\w-]+)/start", shown.text)[1]
    for _ in range(2):  # a double click
        assert browser.post(f"/new/{draft}/start", at="").location == "/dashboard/campaigns/promo"
    status = browser.get("/campaigns/promo/state.json").json
    assert (status["total"], status["counts"]["skipped"], status["rateLimitMs"]) == (5, 3, 2000)


def test_who_goes_back_finds_the_form_as_it_was(browser: Browser) -> None:
    fields = {**FORM, "contacts": "11999990001\n11999990002", "scheduled": f"{TO_COME}-07-02T10:30", "priority": "high"}
    shown = browser.preview(**fields)
    draft = re.search(r"draft=([\w-]+)", shown.text)[1]
    again = browser.text(f"/new?draft={draft}")
    assert "2 contacts are kept" in again
    assert f'value="{TO_COME}-07-02T10:30"' in again
    assert '<option selected value="high">' in again
    changed = browser.preview(**{**FORM, "message": "Outra", "draft": draft})
    assert "Outra" in changed.text
    assert "of 2 contacts" in changed.text


@pytest.mark.parametrize("wrong", [{"message": ""}, {"gap_s": "0"}, {"campaign": ""}, {"media_url": "http://x.y/a"}])
def test_a_chosen_file_is_kept_while_another_field_is_corrected(browser: Browser, wrong: dict[str, str]) -> None:
    fields = {name: value for name, value in FORM.items() if name != "contacts"}
    rows = "nome;celular\nAna;11999990001\nZé;123\n"
    refused = browser.preview(**{**fields, **wrong}, file=upload(rows))
    assert refused.status_code == 422
    assert refused.text.index("2 contacts are kept") < refused.text.index("<form method")  # where one looks
    draft = re.search(r'name="draft" value="([\w-]+)"', refused.text)[1]
    for answer in (browser.get(f"/new/{draft}"), browser.post(f"/new/{draft}/start", at="")):  # nobody was shown it
        assert answer.location == f"/dashboard/new?draft={draft}"

    shown = browser.preview(**fields, draft=draft)
    assert "of 2 contacts" in shown.text
    assert re.search(r"Row 3: .*123", shown.text)


def test_who_says_that_they_come_in_several_files_means_none_that_were_kept(browser: Browser) -> None:
    fields = {name: value for name, value in FORM.items() if name != "contacts"}
    refused = browser.preview(**{**fields, "message": ""}, file=upload("nome;celular\nAna;11999990001\n"))
    draft = re.search(r'name="draft" value="([\w-]+)"', refused.text)[1]
    assert browser.preview(**fields, draft=draft, is_open="y").status_code == 200


def test_of_two_columns_that_may_have_the_numbers_a_person_says_which(browser: Browser) -> None:
    fields = {name: value for name, value in FORM.items() if name != "contacts"}
    rows = "Nome;Telefone do devedor;Celular do avalista\nAna;1133334444;11999990009\n"
    refused = browser.preview(**fields, file=upload(rows))
    assert (refused.status_code, "Call the one that has them telefone" in refused.text) == (422, True)


def test_a_file_that_is_at_fault_is_not_kept(browser: Browser) -> None:
    fields = {name: value for name, value in FORM.items() if name != "contacts"}
    refused = browser.preview(**fields, file=upload("nome;celular\n"))
    assert refused.status_code == 422
    assert "kept" not in refused.text.partition("</form>")[0].replace("data-kept-for", "")


def test_a_preview_has_an_address_that_is_asked_again_before_and_after_the_start(
    browser: Browser, store: Store
) -> None:
    answer = browser.post("/new", at="/new", **{**FORM, "contacts": "11999990001"})
    place = answer.location.removeprefix(HOME)
    assert (answer.status_code, place.startswith("/new/")) == (303, True)
    for _ in range(2):
        assert "Oi cliente!" in browser.text(place)
    assert "started already" not in browser.text(place)

    (kept,) = [name for name in store.scripts.client.scan_iter() if "draft" in name]
    store.scripts.client.expire(kept, 100)
    browser.post(f"{place}/start", at=place)
    assert 0 < store.scripts.client.ttl(kept) <= 100  # no longer than without the start
    after = browser.text(place)
    assert "started already" in after
    assert 'href="/dashboard/campaigns/promo"' in after
    assert f"{place}/start" not in after
    assert browser.get("/new/gone").status_code == 404


def test_a_time_is_read_in_the_settings_zone(browser: Browser) -> None:
    shown = browser.preview(**{**FORM, "contacts": "11999990001", "scheduled": f"{TO_COME}-07-02T10:30"})
    draft = re.search(r"/new/([\w-]+)/start", shown.text)[1]
    browser.post(f"/new/{draft}/start", at="")
    assert browser.get("/campaigns/promo/state.json").json["scheduledFor"] == f"{TO_COME}-07-02T13:30:00Z"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"message": " "}, "Write something here."),
        ({"instance": "a/b"}, "Use 1 to 128 characters"),
        ({"campaign": ""}, "Give the campaign a name."),
        ({"campaign": "events"}, "Choose another name"),
        ({"instance": "events"}, "Choose another name"),
        ({"contacts": ""}, "at least one contact"),
        ({"contacts": "cidade;bairro\nx;y"}, "names no column"),
        ({"kind": "image"}, "begins with https"),
        ({"scheduled": "2001-01-01T00:00"}, "in the past"),
        ({"gap_s": "0"}, "between 1 and 86400"),
        ({"gap_s": "abc"}, "Not a valid integer value"),
        ({"kind": "audio", "media_url": "https://a.example/a.mp3"}, "Audio has no caption"),
    ],
)  # fmt: skip
def test_what_is_not_right_is_said_at_its_field(browser: Browser, changes: dict[str, str], said: str) -> None:
    answer = browser.preview(**{**FORM, "contacts": "11999990001", **changes})
    assert answer.status_code == 422
    assert said in answer.text
    assert answer.text.count("is-invalid") == 1
    assert answer.text.count("invalid-feedback") == 1  # and nothing that contradicts it


def test_a_list_beside_a_file_is_not_dropped_without_a_word(browser: Browser) -> None:
    both = {**FORM, "contacts": "11999990001\n11999990002", "file": upload("Telefone\n11999990003\n")}
    answer = browser.preview(**both)
    assert answer.status_code == 422
    assert "A file is chosen as well" in answer.text
    assert "11999990001\n11999990002" in answer.text.replace("\r", "")  # what was typed is there still


@pytest.mark.parametrize("raw", ["", "Telefone;Nome\n", "\n \n"])
def test_a_file_without_anybody_is_said_to_be_so(browser: Browser, raw: str) -> None:
    answer = browser.preview(**FORM, file=upload(raw))
    assert answer.status_code == 422
    assert "The list has no numbers." in answer.text
    assert "at least one contact" not in answer.text


@pytest.mark.parametrize("name", ["contatos.xlsx", "contatos.csv"])
def test_a_workbook_is_not_taken_and_it_is_said_what_to_do(browser: Browser, name: str) -> None:
    answer = browser.preview(**FORM, file=(io.BytesIO(b"PK\x03\x04" + bytes(range(256)) * 9), name))
    assert answer.status_code == 422
    assert "This is no table in text" in answer.text


def test_what_is_no_number_is_shown_as_it_was_written_with_what_is_wrong_with_it(browser: Browser) -> None:
    shown = browser.preview(**FORM, file=upload("Telefone\n11999990001\n999990001\n5,51199E+12\n"))
    listed = " ".join(re.findall(r'<ul class="left-out">.*?</ul>', shown.text, re.DOTALL))
    assert ">999990001</span> · not a phone number (it has no area code)" in listed
    assert (
        ">5,51199E+12</span> · not a phone number (a spreadsheet rounded it: show the column as whole numbers" in listed
    )


def test_the_form_says_that_the_numbers_column_is_no_variable(browser: Browser) -> None:
    assert "but the numbers' own" in unescape(browser.text("/new"))


def test_an_instance_that_the_key_may_not_use_is_said_at_its_field_and_nothing_is_lost(stranger: Browser) -> None:
    stranger.log_in("secret-of-loja")
    fields = {**FORM, "instance": "outra", "message": "Um texto longo", "contacts": "11999990001"}
    answer = stranger.preview(**fields)
    assert answer.status_code == 403
    assert "This key may not use the instance outra." in answer.text
    assert "is-invalid" in answer.text
    assert "Um texto longo" in answer.text
    assert "11999990001" in answer.text


def test_a_form_that_is_too_old_leads_back_to_a_fresh_one(browser: Browser) -> None:
    """Where the tab keeps what was written, which the pages between must not end."""
    data = {**FORM, "csrf_token": "x", "contacts": "11999990001"}
    answer = browser.client.post(f"{HOME}/new", data=data, headers=browser.headers)
    assert answer.status_code == 400
    assert "data-keeping" in answer.text
    assert '<a href="/dashboard/new">Back to the form</a>' in answer.text
    assert "Back to the form" not in browser.get("/campaigns/none").text


def test_another_campaign_of_the_same_name_is_not_sent(browser: Browser) -> None:
    send(browser, "promo")
    shown = browser.preview(**{**FORM, "contacts": "11999990001"})
    assert "another campaign of this name" in shown.text
    draft = re.search(r"/new/([\w-]+)/start", shown.text)[1]
    answer = browser.post(f"/new/{draft}/start", at="")
    assert answer.location == f"/dashboard/new?draft={draft}"
    assert "another campaign of this name" in browser.text(f"/new?draft={draft}")


def test_a_draft_is_its_authors_alone(stranger: Browser, guarded: Services) -> None:
    stranger.log_in("secret-of-crm")
    shown = stranger.preview(**{**FORM, "contacts": "11999990001"})
    draft = re.search(r"/new/([\w-]+)/start", shown.text)[1]
    other = Browser(create_app(guarded).test_client())
    other.log_in("secret-of-loja")
    assert other.post(f"/new/{draft}/start", at="").status_code == 404
    for page in (f"/new?draft={draft}", f"/new/{draft}"):
        assert other.get(page).status_code == 404
        assert stranger.get(page).status_code == 200


def test_a_key_of_one_instance_starts_nothing_on_another(stranger: Browser) -> None:
    stranger.log_in("secret-of-loja")
    answer = stranger.preview(**{**FORM, "instance": "outra", "contacts": "11999990001"})
    assert answer.status_code == 403


# What is shown


def test_what_strangers_wrote_stays_text(browser: Browser, store: Store) -> None:
    send(browser, "c1", contacts=[{"phone": EVIL, "name": EVIL}, *phones(1)], message=EVIL)
    fail(store, "c1", 1, EVIL)
    store.scripts.client.hset(key("contact", "c1", 1), "detail", EVIL)
    store.scripts.client.hset(key("campaign", "c1"), "last_error", EVIL)
    store.lanes.hold("loja", "closed", reason=EVIL, detail=EVIL)
    preview = browser.preview(**{**FORM, "message": EVIL + "{{name}}", "contacts": f"phone,name\n11999990001,{EVIL}"})
    pages = [preview.text, *(browser.text(path) for path in (
        "", "/campaigns/c1", "/campaigns/c1/contacts", "/campaigns/c1/chart", "/instances", f"?instance={EVIL[:8]}",
        f"/campaigns/c1/contacts?number={EVIL}", f"/new?instance={EVIL}",
    ))]  # fmt: skip
    for page in pages:
        assert "<script>alert" not in page
        assert "<img src=x" not in page
    assert "&lt;script&gt;alert" in pages[0]
    assert "&lt;script&gt;alert" in pages[2]


def test_a_preview_shows_how_the_file_was_read_and_names_its_rows(browser: Browser) -> None:
    rows = "sep=;\nNome;Telefone Celular\n\nAna;11998765432\nZé “€”;123\n"
    file = (io.BytesIO(rows.encode("windows-1252")), "people.csv")
    fields = {name: value for name, value in FORM.items() if name != "contacts"}
    shown = browser.preview(**fields, file=file)
    draft = re.search(r"/new/([^/]+)/start", shown.text)
    assert draft
    again = browser.preview(**fields, draft=draft[1])  # the list is kept, and how it was read
    for page in (shown.text, again.text):
        assert "Separator: <code>;</code> · Encoding: windows-1252" in page
        assert "nome, telefone celular" in page
        assert re.search(r"Numbers: <span[^>]*>column telefone celular<", page)
        assert re.search(r"Row 4: .*123", page)
    plain = browser.preview(**{**FORM, "contacts": "\n11998765432\n123\n"})
    assert "no header" in plain.text
    assert "Numbers:" not in plain.text
    assert re.search(r"Row 3: .*123", plain.text)


def test_a_preview_says_when_it_is_over_and_what_is_a_risk(browser: Browser) -> None:
    given = {**FORM, "message": "Oi", "contacts": "\n".join(phones(60))}
    shown = browser.preview(**given).text
    for text in ("Finishes about", "At the latest about", "exactly the same text", "WhatsApp publishes no figures"):
        assert text in shown, text
    browser.headers = {"Accept-Language": "pt-BR"}
    shown = browser.preview(**given).text
    for text in ("Termina por volta de", "No mais tardar por volta de", "exatamente o mesmo texto"):
        assert text in shown, text


def test_the_times_of_a_preview_are_the_forecasts_own(redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(redis_url=redis_url, default_jitter_ms=3_600_000)  # so that P50 and P90 are hours apart
    services, now_ms = build_services(settings), 1_900_000_000_000
    monkeypatch.setattr(asking, "time", SimpleNamespace(time=lambda: now_ms / 1000))
    browser = Browser(create_app(services).test_client())
    page = browser.preview(**{**FORM, "contacts": "\n".join(phones(30))}).text

    order = an_order("promo", contacts=30, instance="loja", gap_ms=2000, jitter_ms=3_600_000)
    zone = settings.default_time_zone
    seen = previewing.preview(services.store, order, country="BR", now_ms=now_ms, wants_template=False, zone=zone)
    with browser.client.application.test_request_context(headers=browser.headers):
        p50, p90 = (formats.when(rfc3339(at)) for at in (seen.forecast.p50_ms, seen.forecast.p90_ms))
    assert p50 != p90
    shown = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page))
    assert (shown["Finishes about"], shown["At the latest about"]) == (p50, p90)
    services.store.scripts.client.close()


def test_an_end_beyond_ten_years_is_said_to_be(browser: Browser) -> None:
    browser.client.put("/instances/loja", json={"dailyCap": 1})
    page = browser.preview(**{**FORM, "contacts": "\n".join(phones(3660))}).text
    shown = dict(re.findall(r"<dt>([^<]+)</dt><dd>([^<]+)</dd>", page))
    assert shown["Finishes about"] == shown["At the latest about"] == "in more than ten years"
    assert shown["First message"] != "in more than ten years"


def test_a_name_cannot_leave_its_place_in_a_page(browser: Browser) -> None:
    odd = "a\"b'c<d>&e"
    send(browser, odd)
    shown = browser.text("")
    assert odd not in shown
    assert browser.get("/campaigns/a%22b'c%3Cd%3E&e").status_code == 200


def test_every_page_is_strict_with_the_browser(browser: Browser) -> None:
    send(browser, "c1")
    for path in ("", "/campaigns/c1", "/campaigns/c1/contacts", "/instances", "/new", "/suppressions", "/nowhere"):
        answer = browser.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "script-src 'self'" in policy
        assert "form-action 'self'" in policy
        assert answer.headers["Referrer-Policy"] == "same-origin"  # which forms over https are looked at for
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert not re.search(r"<script(?![^>]*\bsrc=)", answer.text)
        assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:", answer.text)
        assert not re.search(r'(?:src|href)="(?:https?:)?//(?!localhost)', answer.text), "no outside host"


def test_what_pages_are_made_of_is_served_here(browser: Browser) -> None:
    for path in re.findall(r'(?:src|href)="(/[^"]+\.(?:css|js|svg))"', browser.text("")):
        answer = browser.client.get(path, buffered=True)
        assert answer.status_code == 200, path
        assert "max-age=3600" in answer.headers["Cache-Control"]


def test_portuguese_is_for_browsers_that_ask_for_it_and_can_be_chosen(browser: Browser) -> None:
    send(browser, "c1", contacts=1500, rateLimitMs=48000)
    browser.headers = {"Accept-Language": "pt-BR,pt;q=0.9,en;q=0.8"}
    shown = browser.text("/campaigns/c1")
    assert '<html lang="pt-BR"' in shown
    assert "Ritmo permitido" in shown
    assert "1.500" in shown
    assert "1,2" in shown
    browser.post("/language", at="", language="en")
    assert "1,500" in browser.text("/campaigns/c1")
    browser.post("/language", at="", language="xx")
    assert "1.500" in browser.text("/campaigns/c1")


def test_nobody_reads_the_language_of_whoever_came_first(browser: Browser, store: Store) -> None:
    send(browser, "c1", contacts=1)
    fail(store, "c1", 0, "rejected")
    shown = []
    for language in ("pt-BR", "en"):
        browser.headers = {"Accept-Language": language}
        shown += re.findall(r'<span class="bad">(\w+): 1<', browser.text(""))
    assert shown == ["falhou", "failed"]


def test_no_filter_of_ours_is_worked_out_when_a_template_is_compiled(browser: Browser) -> None:
    filters = browser.client.application.jinja_env.filters
    ours = {name: each for name, each in filters.items() if each.__module__.startswith("broadcast.")}
    assert {"status", "when", "row_problem"} <= ours.keys()
    assert [name for name, each in ours.items() if not hasattr(each, "jinja_pass_arg")] == []


def test_times_are_shown_in_the_settings_zone(browser: Browser) -> None:
    send(browser, "c1", scheduledFor=f"{TO_COME}-07-02T13:30:00Z")
    browser.headers = {"Accept-Language": "pt"}
    assert f"02/07/{TO_COME} 10:30" in browser.text("/campaigns/c1")


def test_campaigns_are_filtered_and_go_on_over_the_page(browser: Browser) -> None:
    for index in range(21):
        send(browser, f"campaign-{index:02d}", contacts=1)
    send(browser, "other", "outra")
    first = browser.text("?instance=loja")
    assert "other" not in first
    assert first.count('data-campaign="') == 20
    following = re.search(r'rel="next" href="/dashboard([^"]+)"', first)[1].replace("&amp;", "&")
    assert browser.text(following).count('data-campaign="') == 1
    browser.post("/campaigns/other/pause", at="")
    assert browser.text("?status=paused").count('data-campaign="') == 1
    browser.headers = {"Accept-Language": "pt-BR"}
    for path in ("", "/campaigns/other/contacts"):
        for name, said in {"status": "Não há essa opção", "cursor": "não leva a nenhuma página"}.items():
            answer = browser.get(f"{path}?{name}=nonsense")
            assert (answer.status_code, said in answer.text) == (422, True), answer.text


def test_contacts_are_found_by_status_and_by_digits(browser: Browser, store: Store) -> None:
    send(browser, "c1", contacts=120)
    fail(store, "c1", 7, "not_on_whatsapp")
    assert browser.text("/campaigns/c1/contacts?status=failed").count('<li class="card">') == 1
    assert "/dashboard/campaigns/c1/contacts?status=failed&amp;reason=not_on_whatsapp" in browser.text("/campaigns/c1")
    assert browser.text("/campaigns/c1/contacts?reason=not_on_whatsapp").count('<li class="card">') == 1
    assert browser.text("/campaigns/c1/contacts?reason=other").count('<li class="card">') == 0
    named = browser.text("/campaigns/c1/contacts?number=+Maria+%3Cb%3E")
    assert "not by name" in named
    assert 'value="Maria &lt;b&gt;"' in named
    assert named.count('<li class="card">') == 0
    assert browser.text("/campaigns/c1/contacts?number=+").count('<li class="card">') == 50
    found = browser.text("/campaigns/c1/contacts?number=0000042")
    assert found.count('<li class="card">') == 1
    assert "+55 11 99000-0042" in found
    assert browser.text("/campaigns/c1/contacts?status=failed&number=55").count('<li class="card">') == 1
    assert "None." in browser.text("/campaigns/c1/contacts?status=failed&number=0000042")
    assert "None." in browser.text("/campaigns/c1/contacts?reason=unknown&number=55")
    everybody = browser.text("/campaigns/c1/contacts?number=55")
    assert everybody.count('<li class="card">') == 50
    following = re.search(r'rel="next" href="/dashboard([^"]+)"', everybody)[1].replace("&amp;", "&")
    assert "+55 11 99000-0050" in browser.text(following)
    assert "None." in browser.text("/campaigns/c1/contacts?number=7777777")


@pytest.mark.parametrize(
    "number",
    [
        "(011) 99000-0042", "011 99000-0042", "11 99000-0042", "(11) 9000-0042", "+55 11 99000-0042", "551190000042",
        "99000-0042", "9000-0042", "990000042", "000-0042", "1 99000-0042",
    ],
)  # fmt: skip
@pytest.mark.parametrize("is_short", [False, True])
def test_a_contact_is_found_by_any_form_of_the_number(browser: Browser, number: str, is_short: bool) -> None:
    stored = "551190000042" if is_short else "5511990000042"
    send(browser, "c1", contacts=["5521990000042", "5511990000043", stored, "5511880000042", "5541990000042"])
    shown = browser.text(f"/campaigns/c1/contacts?number={quote(number)}")
    found = set(re.findall(r'<strong class="text-break">([^<]+)<', shown))
    ours = formats.phone(stored)
    assert f'value="{number}"' in shown
    assert ours in found
    if len(re.sub(r"\D", "", number)) > 9 and not number.startswith("1 "):  # who says more means one person
        assert found == {ours}
    assert formats.phone("5511990000043") not in found


def test_who_has_the_digits_without_a_plus_is_found_as_well(browser: Browser) -> None:
    send(browser, "c1", contacts=["+14155552671", "5514155552671"])
    shown = browser.text("/campaigns/c1/contacts?number=14155552671")
    assert shown.count('<li class="card">') == 2
    assert browser.text(f"/campaigns/c1/contacts?number={quote('+1 415 555-2671')}").count('<li class="card">') >= 1


def test_the_ways_of_a_campaign_are_drawn_over_time(browser: Browser, store: Store) -> None:
    send(browser, "c1", contacts=4)
    assert "Nothing has left yet." in browser.text("/campaigns/c1")
    for number, at in enumerate((1_900_000_000_000, 1_900_000_060_000)):
        # Receipts come in any order, and not every one comes: who has read it was sent it.
        fields = {"status": "read", "at_read": at + 5000}
        store.scripts.client.hset(key("contact", "c1", number), mapping=fields)
    assert "Nothing has left yet." in browser.text("/campaigns/c1/chart")  # as it was drawn a moment ago
    browser.client.application.extensions["charts"].clear()
    shown = browser.text("/campaigns/c1/chart")
    assert shown.count("<polyline") == 3  # nobody failed, so there is no line for it
    legend = dict(re.findall(r"</svg>\s*(\w+) <strong>(\d+)</strong>", shown))
    assert legend == {"sent": "2", "delivered": "2", "read": "2", "failed": "0"}


@pytest.mark.parametrize(
    ("url", "host", "link"),
    [
        ("", "localhost:3001", "http://localhost:5555"),
        ("", "[::1]", "http://[::1]:5555"),
        ("https://flower.example/", "localhost", "https://flower.example/"),
    ],
)
def test_flower_is_linked_where_it_is(redis_url: str, url: str, host: str, link: str) -> None:
    services = build_services(Settings.read({"REDIS_URL": redis_url, "FLOWER_URL": url}))
    page = create_app(services).test_client().get(HOME, headers={"Host": host})
    assert f'<a href="{link}" rel="noopener">Flower</a>' in page.text
    services.store.scripts.client.close()


def test_evolutions_licence_is_kept(redis_url: str) -> None:
    settings = Settings(
        redis_url=redis_url, gateway="evolution", evolution_url="http://e.example", evolution_api_key="k"
    )
    services = build_services(settings)
    browser = Browser(create_app(services).test_client())
    send(browser, "c1")
    assert "This system uses Evolution API." in browser.text("/instances")
    services.store.scripts.client.close()


def test_without_redis_a_page_says_so(browser: Browser, services: Services) -> None:
    broken = build_services(Settings(redis_url="redis://127.0.0.1:1/0", api_keys=KEYS))
    answer = Browser(create_app(broken).test_client()).get("")
    assert answer.status_code in {303, 503}
    lone = build_services(Settings(redis_url="redis://127.0.0.1:1/0"))
    answer = Browser(create_app(lone).test_client()).get("")
    assert answer.status_code == 503
    assert "Try again in a moment" in answer.text


def test_a_session_follows_what_it_may_see_as_it_happens(stranger: Browser, store: Store) -> None:
    send(stranger, "hers")
    send(stranger, "theirs", "outra")
    stranger.log_in("secret-of-loja")
    assert stranger.get("/campaigns/theirs/events").status_code == 404
    with stranger.client.get(f"{HOME}/campaigns/hers/events") as stream:
        assert stream.mimetype == "text/event-stream"
        event = next(text for part in stream.response if "data: " in (text := part.decode()))
    stranger.client.application.extensions["live"].close()
    data = json.loads(event.split("data: ")[1].splitlines()[0])
    state = stranger.get("/campaigns/hers/state.json").json
    assert {name: data[name] for name in state if name != "expectedFinishAt"} == {
        name: state[name] for name in state if name != "expectedFinishAt"
    }


def test_the_report_is_for_excel_and_for_whoever_may_see_the_campaign(stranger: Browser) -> None:
    send(stranger, "hers", contacts=[*phones(2), "123"])
    send(stranger, "theirs", "outra")
    stranger.log_in("secret-of-loja")
    assert "/dashboard/campaigns/hers/report.csv" in stranger.text("/campaigns/hers")
    answer = stranger.get("/campaigns/hers/report.csv")
    assert answer.data.startswith(b"\xef\xbb\xbfNo.,Phone,")
    stranger.headers = {"Accept-Language": "pt-BR"}  # whose decimals have a comma
    assert stranger.get("/campaigns/hers/report.csv").data.startswith("\ufeffNº;Telefone;".encode())
    assert answer.text.count("\n") == 4
    assert stranger.get("/campaigns/theirs/report.csv").status_code == 404
    send(stranger, 'Promoção "x"; y')
    named = stranger.get('/campaigns/Promoção "x"; y/report.csv').headers["Content-Disposition"]
    assert named == "attachment; filename=report.csv; filename*=UTF-8''Promo%C3%A7%C3%A3o%20%22x%22%3B%20y.csv"


def test_the_report_speaks_as_the_page_does(browser: Browser, store: Store) -> None:
    browser.headers = {"Accept-Language": "pt-BR"}
    people = [*phones(2), "999990001", "=1+1"]
    browser.client.post("/queue/add-broadcast", json=a_body("c1", "i1", contacts=people))
    fail(store, "c1", 0, "not_on_whatsapp")
    fail(store, "c1", 1, "whatever a gateway says")
    store.scripts.client.hset(key("contact", "c1", 0), mapping={"at_failed": 1_900_000_000_123})

    report = browser.get("/campaigns/c1/report.csv").text

    found = list(csv.DictReader(io.StringIO(report.removeprefix("\ufeff"), newline=""), delimiter=";"))
    assert list(found[0]) == [
        "Nº", "Telefone", "Nome", "Situação", "Motivo", "Detalhe", "Tentativas", "Id da mensagem", "Saiu em",
        "Enviado em", "Entregue em", "Lido em", "Falhou em", "Fora do envio em", "Cancelado em", "Sem confirmação em",
    ]  # fmt: skip
    assert [(row["Nº"], row["Telefone"], row["Situação"], row["Motivo"], row["Detalhe"]) for row in found] == [
        ("1", "55 11 99000-0000", "falhou", "não está no WhatsApp", ""),
        ("2", "55 11 99000-0001", "falhou", "whatever a gateway says", ""),
        ("3", "999990001", "fora do envio", "não é um número de telefone", "falta o DDD"),
        ("4", "'=1+1", "fora do envio", "não é um número de telefone", ""),
    ]
    assert found[0]["Falhou em"] == "2030-03-17 14:46:40"  # in São Paulo
    assert found[0]["Enviado em"] == ""
    people_again = read_table(report.encode())
    assert [people_again.number(row) for row in people_again.rows][:2] == ["55 11 99000-0000", "55 11 99000-0001"]


def test_every_title_of_the_report_has_a_word() -> None:
    assert tuple(sheet.TITLES) == reports.TITLES
    assert [f"{status.value}At" for status in sheet.TIMED] == list(reports.TITLES[9:])


def test_every_status_and_state_has_a_word() -> None:
    assert {state.value for state in State} <= set(wording.STATES)
    assert {status.value for status in Status} == set(wording.STATUSES)


def test_a_large_campaign_is_charted_from_some_of_its_contacts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charting, "MOST_LOOKED_AT", 10)
    monkeypatch.setattr(charting, "AT_ONCE", 3)
    for number in range(95):
        store.scripts.client.hset(key("contact", "c9", number), mapping={"at_sent": 1_900_000_000_000 + number})
    chart = charting.chart(store, "c9", total=95)
    assert chart
    assert (chart.every, chart.start_ms, chart.end_ms) == (10, 1_900_000_000_000, 1_900_000_000_090)
    assert chart.lines[Status.SENT][-1] == 100  # ten were looked at, and each stands for ten
    assert chart.lines[Status.READ][-1] == 0


def test_a_large_campaign_that_has_just_begun_is_charted_from_those_it_has_reached(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(charting, "MOST_LOOKED_AT", 10)
    for number in range(12):  # every tenth of 100 is nearly nobody
        fields = {"at_sent": 1_900_000_000_000 + number, **({"at_read": 1_900_000_000_100} if number % 4 == 0 else {})}
        store.scripts.client.hset(key("contact", "c9", number), mapping=fields)
    chart = charting.chart(store, "c9", total=100)
    assert chart
    assert chart.every == 2
    assert (chart.lines[Status.SENT][-1], chart.lines[Status.READ][-1]) == (12, 6)
    assert charting.chart(store, "c8", total=100) is None


def test_a_search_goes_on_where_it_stopped(browser: Browser, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "SEARCHED", 7)
    monkeypatch.setattr(searching, "SEARCHED_AT_ONCE", 2)
    send(browser, "c1", contacts=20)
    found, cursor = [], None
    for _ in range(3):
        page = searching.search(store, "c1", "5511", country="BR", cursor=cursor)
        found += [one.number for one in page.items]
        cursor = page.next_cursor
    assert found == list(range(20))
    assert cursor is None


def test_a_search_that_found_nobody_goes_on_for_a_second(
    browser: Browser, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "SEARCHED", 4)
    monkeypatch.setattr(searching, "SEARCHED_AT_ONCE", 2)
    send(browser, "c1", contacts=20)

    def search(number: str, passing_s: float) -> tuple[list[int], str | None]:
        clock = partial(next, count(step=passing_s))
        page = searching.search(store, "c1", number, country="BR", cursor=None, clock=clock)
        return [one.number for one in page.items], page.next_cursor

    assert search("0000019", 0.1) == ([19], None)
    assert search("0000002", 0.1) == ([2], "3")  # somebody was found: who looks need not wait
    assert search("0000019", 0.5) == ([], "5")
    assert search("0000019", 2.0) == ([], "3")  # so many are looked at anyhow
