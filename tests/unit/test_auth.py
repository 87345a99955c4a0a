"""Whoever presents a key is known by it; whoever does not stays outside."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from flask import Flask
from flask.testing import FlaskClient

from broadcast.api import auth, errors
from broadcast.api.auth import BELIEVED_S, Guard, Keyring
from broadcast.domain.caller import Caller, Key, Scope
from broadcast.engine.granting import PREFIX, digest
from broadcast.errors import Unauthorized, Unavailable
from broadcast.settings import ApiKey
from broadcast.store.callers import Found

CRM = ApiKey("crm", "secret-of-crm")
LOJA = ApiKey("loja", "secret-of-loja", frozenset({"loja"}))
CAFE = ApiKey("café", "segredo-do-café")
KEYS = (CRM, LOJA, CAFE)
SECRET = f"{PREFIX}of-the-reports"
REPORTS = Key(caller=Caller(name="reports", scopes=frozenset({Scope.READ})), created_ms=1)


class InMemory:
    """Keys that were created; `asked` counts how often."""

    def __init__(self, **keys: Key) -> None:
        self.keys = {digest(f"{PREFIX}{name.replace('_', '-')}"): key for name, key in keys.items()}
        self.asked = 0
        self.is_away = False

    def use(self, digests: Sequence[str]) -> Found:
        self.asked += 1
        if self.is_away:
            raise Unavailable("away")
        return Found(keys=[self.keys.get(known) for known in digests], is_any=bool(self.keys))

    def spend(self, caller: str, *, count: int, period_ms: int, is_of_settings: bool = False) -> int:
        raise Unavailable("away")


def app(*keys: ApiKey, stored: InMemory | None = None) -> FlaskClient:
    """Views that say who asked, and what they may use and see."""
    flask = Flask(__name__)
    guard = Guard(stored=stored or InMemory(), keys=keys, limit=(1, 1000))
    scopes = {name: frozenset({Scope.READ}) for name in ("who", "use", "see")} | {"do": frozenset({Scope.SEND})}
    auth.install(flask, guard, views=scopes, open_views={"live"})
    errors.install(flask)
    for name in ("who", "do", "unlisted"):
        flask.add_url_rule(f"/{name}", name, lambda: auth.caller().name)
    flask.add_url_rule("/health/live", "live", lambda: auth.caller().name)
    flask.add_url_rule("/use/<instance>", "use", lambda instance: auth.may_use(instance) or "yes")
    flask.add_url_rule("/see/<instance>", "see", lambda instance: auth.may_see(instance, "c1") or "yes")
    return flask.test_client()


def who(headers: dict[str, str], path: str = "/who") -> tuple[int, str]:
    answer = app(*KEYS).get(path, headers=headers)
    return answer.status_code, answer.text if answer.status_code == 200 else answer.json["code"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer secret-of-crm"},
        {"Authorization": "bearer  secret-of-crm"},
        {"apikey": "secret-of-crm"},
        {"Authorization": "Bearer a-users-token", "apikey": "secret-of-crm"},
        {"Authorization": "Basic eDp5", "apikey": "secret-of-crm"},
    ],
)
def test_a_key_is_taken_from_either_header(headers: dict[str, str]) -> None:
    assert who(headers) == (200, "crm")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "secret-of-crm"},
        {"Authorization": "Basic secret-of-crm"},
        {"Authorization": "Bearer secret-of-cr"},
        {"Authorization": "Bearer secret-of-crm2"},
        {"apikey": ""},
        {"apikey": "Bearer secret-of-crm"},
        {"apikey": "\xff\xfe"},
    ],
)
def test_whatever_is_not_the_whole_key_is_no_key(headers: dict[str, str]) -> None:
    assert who(headers) == (401, "unauthorized")


def test_a_refusal_says_how_to_present_a_key_and_not_which() -> None:
    answer = app(*KEYS).get("/who", headers={"apikey": "secret-of-cr"})
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "secret" not in answer.text


def test_a_key_beyond_ascii_arrives_as_it_was_sent() -> None:
    # A WSGI server hands the bytes of a header over as Latin-1.
    assert who({"apikey": CAFE.secret.encode().decode("latin-1")}) == (200, CAFE.name)


def test_health_answers_everybody_even_with_a_wrong_key() -> None:
    assert who({}, "/health/live") == (200, "anybody")
    assert who({"apikey": "wrong"}, "/health/live") == (200, "anybody")
    assert who({}, "/health/live/../../who")[0] == 401


def test_without_keys_everybody_may_do_everything() -> None:
    client = app()
    assert client.get("/who").text == "anybody"
    assert client.get("/use/loja").text == client.get("/see/outra").text == "yes"


def test_a_key_of_one_instance_is_refused_another_and_does_not_see_its_campaigns() -> None:
    client, headers = app(*KEYS), {"apikey": LOJA.secret}
    assert client.get("/use/loja", headers=headers).text == client.get("/see/loja", headers=headers).text == "yes"
    assert client.get("/use/outra", headers=headers).status_code == 403
    assert client.get("/see/outra", headers=headers).status_code == 404


def test_every_key_finds_its_own_caller() -> None:
    ring = Keyring(Guard(stored=InMemory(), keys=KEYS))
    assert [ring.find([key.secret], is_near=True).name for key in KEYS] == [key.name for key in KEYS]
    with pytest.raises(Unauthorized):
        ring.find([], is_near=True)


def test_a_key_is_good_for_its_scopes_and_nothing_else() -> None:
    client, headers = app(stored=InMemory(of_the_reports=REPORTS)), {"apikey": SECRET}
    assert client.get("/who", headers=headers).text == "reports"
    refused = client.get("/do", headers=headers)
    assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
    assert refused.json["detail"] == "This needs a key of the scope send; the scopes of this one: read."
    assert client.get("/nowhere", headers=headers).status_code == 404
    assert client.post("/who", headers=headers).status_code == 405


def test_a_view_that_nobody_listed_is_for_admins() -> None:
    assert app(stored=InMemory(of_the_reports=REPORTS)).get("/unlisted", headers={"apikey": SECRET}).status_code == 403
    assert app(CRM).get("/unlisted", headers={"apikey": CRM.secret}).text == "crm"


def test_a_limit_that_cannot_be_kept_stops_nobody() -> None:
    assert app(CRM, stored=InMemory()).get("/who", headers={"apikey": CRM.secret}).status_code == 200


def test_a_stored_key_is_believed_for_seconds() -> None:
    stored, now = InMemory(of_the_reports=REPORTS), [0.0]
    ring = Keyring(Guard(stored=stored), clock=lambda: now[0])
    assert ring.find([SECRET], is_near=False) == ring.find([SECRET], is_near=False) == REPORTS.caller
    assert stored.asked == 1

    stored.keys[digest(SECRET)] = Key(caller=REPORTS.caller, created_ms=1, revoked_ms=2)
    now[0] = BELIEVED_S - 0.1
    assert ring.find([SECRET], is_near=False) == REPORTS.caller
    now[0] = BELIEVED_S
    with pytest.raises(Unauthorized):
        ring.find([SECRET], is_near=False)


def test_the_first_key_is_asked_for_at_once_and_a_revoked_one_shuts_the_door_for_good() -> None:
    stored = InMemory()
    ring = Keyring(Guard(stored=stored))
    assert ring.find([], is_near=True) is auth.ANYBODY
    stored.keys[digest(SECRET)] = Key(caller=REPORTS.caller, created_ms=1, revoked_ms=2)
    for presented in ([], [SECRET], ["x"]):
        with pytest.raises(Unauthorized):
            ring.find(presented, is_near=True)


@pytest.mark.parametrize(
    ("address", "status"),
    [("127.0.0.1", 200), ("127.9.9.9", 200), ("::1", 200), ("10.0.0.7", 401), ("203.0.113.9", 401), ("", 401)],
)
def test_without_any_key_only_this_host_may_ask(address: str, status: int) -> None:
    assert app().get("/who", environ_overrides={"REMOTE_ADDR": address}).status_code == status


def test_while_nobody_can_look_keys_up_only_those_of_the_settings_open() -> None:
    stored = InMemory()
    stored.is_away = True
    assert app(stored=stored).get("/who").status_code == 503
    assert app(CRM, stored=stored).get("/who", headers={"apikey": SECRET}).status_code == 503
    assert app(CRM, stored=stored).get("/who", headers={"apikey": CRM.secret}).status_code == 200
    assert app(CRM, stored=stored).get("/who", headers={"apikey": "wrong"}).status_code == 401
    assert app(stored=stored).get("/health/live").status_code == 200
