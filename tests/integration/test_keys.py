"""Keys that are created while everything runs: known at once, good for their scopes, limited, and revoked."""

from __future__ import annotations

import dataclasses
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from click.testing import CliRunner
from flask.testing import FlaskClient
from redis.connection import Connection

from broadcast.api import answers, guessing, scopes
from broadcast.api.auth import REVOKED_S
from broadcast.api.edge import ACTIONS
from broadcast.api.guessing import Guesses
from broadcast.api.headers import HEADERS
from broadcast.cli import main
from broadcast.cli.checking import CHECKS
from broadcast.domain.caller import EVERY_SCOPE, Caller, Scope
from broadcast.domain.campaign import Move
from broadcast.domain.finding import Level
from broadcast.engine import accepting, granting, steering
from broadcast.engine.judging import warn_of_redis
from broadcast.errors import Conflict, NotFound, TooMany
from broadcast.settings import ApiKey, Settings
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.tasks.health import Health, _listen
from broadcast.web import create_app
from broadcast.wiring import Services, build_services
from broadcast.wsgi import _binding
from tests.builders import a_body, an_order
from tests.integration.test_dashboard import Browser
from tests.processes import free_port, lateness, wait_for
from tests.unit.test_tokens import SECRET, a_token

EDGE = "/functions/v1/broadcast_messaging_service"
#: Wrong keys that one address may present in so many ms: there is room for another once an hour, which no test lasts.
LIMIT = (MOST_WRONG, WRONG_MS) = (20, 20 * 3_600_000)


@pytest.fixture
def asked_rarely(redis_url: str) -> Iterator[FlaskClient]:
    """An API with two keys, each good for three requests an hour."""
    keys = (ApiKey("crm", "secret-of-crm"), ApiKey("loja", "secret-of-loja"))
    services = build_services(Settings(redis_url=redis_url, api_keys=keys, api_rate_limit=(3, 3_600_000)))
    yield create_app(services).test_client()
    services.store.scripts.client.close()


def a_key(store: Store, name: str = "crm", *words: Scope, instances: frozenset[str] | None = None) -> dict[str, str]:
    """The header of a new key."""
    caller = Caller(name=name, scopes=frozenset(words) or EVERY_SCOPE, instances=instances)
    return {"Authorization": f"Bearer {granting.grant(store, caller)}"}


def test_every_view_says_what_it_needs_and_no_row_is_stale(services: Services) -> None:
    views = {rule.endpoint for rule in create_app(services).url_map.iter_rules()} - {"static"}
    views = {view for view in views if view.partition(".")[0] not in scopes.OPEN_ROOMS}
    assert views == scopes.VIEWS.keys() | scopes.OPEN
    assert not scopes.VIEWS.keys() & scopes.OPEN
    assert scopes.ACTIONS.keys() == ACTIONS.keys()


def test_the_first_key_is_asked_for_at_once_in_every_process(services: Services, store: Store) -> None:
    processes = [create_app(services).test_client(), create_app(services).test_client()]
    assert [one.get("/campaigns").status_code for one in processes] == [200, 200]
    headers = a_key(store)
    assert [one.get("/campaigns").status_code for one in processes] == [401, 401]
    assert [one.get("/campaigns", headers=headers).status_code for one in processes] == [200, 200]
    assert processes[0].get("/health/live").status_code == 200


def test_a_revoked_key_is_refused_within_seconds_and_the_door_stays_shut(client: FlaskClient, store: Store) -> None:
    headers = a_key(store)
    assert client.get("/campaigns", headers=headers).status_code == 200
    granting.revoke(store, "crm")
    wait_for(lambda: client.get("/campaigns", headers=headers).status_code == 401)
    assert client.get("/campaigns").status_code == 401
    with pytest.raises(NotFound):
        granting.revoke(store, "crm")


def test_a_name_is_free_again_once_its_key_is_revoked(store: Store) -> None:
    granting.grant(store, Caller(name="crm"))
    with pytest.raises(Conflict):
        granting.grant(store, Caller(name="crm"))
    granting.revoke(store, "crm")
    granting.grant(store, Caller(name="crm", instances=frozenset({"loja"})))

    every = {key.caller: key.revoked_ms is not None for key in store.callers.every()}
    assert every == {Caller(name="crm"): True, Caller(name="crm", instances=frozenset({"loja"})): False}


def test_no_secret_is_kept(store: Store) -> None:
    secret = granting.grant(store, Caller(name="crm"))
    client = store.scripts.client
    kept = [str(key) + str(client.dump(key)) for key in client.keys("*")]
    assert secret.startswith("bc_")
    assert len(secret) == len("bc_") + 43
    assert not any(secret[3:] in text for text in kept)


#: who -> what each of these calls is answered
MAY = {
    "read": (Scope.READ, {"look": 200, "list": 200, "status": 200, "send": 403, "pause": 403, "register": 403}),
    "send": (Scope.SEND, {"look": 403, "list": 403, "status": 403, "send": 202, "pause": 200, "register": 403}),
    "admin": (Scope.ADMIN, {"look": 200, "list": 200, "status": 200, "send": 202, "pause": 200, "register": 201}),
}


@pytest.mark.parametrize(("scope", "answers"), MAY.values(), ids=MAY)
def test_a_scope_is_good_for_its_calls(
    client: FlaskClient, store: Store, scope: Scope, answers: dict[str, int]
) -> None:
    client.post(EDGE, json=a_body("c1", "loja"))
    headers = a_key(store, "caller", scope)
    got = {
        "look": client.get("/campaigns/c1", headers=headers),
        "list": client.post(EDGE, json={"action": "list_broadcasts"}, headers=headers),
        "status": client.post(EDGE, json={"action": "broadcast_status", "campaignId": "c1"}, headers=headers),
        "send": client.post(EDGE, json=a_body("c2", "loja"), headers=headers),
        "pause": client.post("/campaigns/c1/pause", headers=headers),
        "register": client.put("/instances/loja", json={"dailyCap": 200}, headers=headers),
    }
    assert {name: answer.status_code for name, answer in got.items()} == answers


def test_a_key_of_one_instance_sees_no_other(client: FlaskClient, store: Store) -> None:
    client.post(EDGE, json=a_body("theirs", "outra"))
    headers = a_key(store, "loja", instances=frozenset({"loja"}))
    assert client.post(EDGE, json=a_body("ours", "loja"), headers=headers).status_code == 202
    assert client.post(EDGE, json=a_body("x", "outra"), headers=headers).status_code == 403
    assert client.get("/campaigns/theirs", headers=headers).status_code == 404


def test_a_users_token_is_good_for_its_instances(redis_url: str) -> None:
    services = build_services(Settings(redis_url=redis_url, supabase_jwt_secret=SECRET))
    client = create_app(services).test_client()

    def ask(**metadata: object) -> list[int]:
        headers = {"Authorization": f"Bearer {a_token(app_metadata=metadata)}", "apikey": "the-anon-key"}
        return [
            client.post(EDGE, json=a_body("c1", "loja"), headers=headers).status_code,
            client.post(EDGE, json=a_body("c2", "outra"), headers=headers).status_code,
            client.get("/campaigns", headers=headers).status_code,
            client.put("/instances/loja", json={}, headers=headers).status_code,
        ]

    assert ask() == [403, 403, 403, 403]
    assert ask(broadcast_instances=["loja"]) == [202, 403, 200, 403]
    assert ask(broadcast_instances=["loja"], broadcast_scopes=["read"]) == [403, 403, 200, 403]
    assert ask(broadcast_instances=["loja"], broadcast_scopes=["admin"]) == [202, 403, 200, 201]
    assert client.get("/campaigns", headers={"Authorization": f"Bearer {a_token(exp=1)}"}).status_code == 401
    assert client.get("/campaigns").status_code == 401
    services.store.scripts.client.close()


def test_who_asks_too_often_waits_and_nobody_else_does(asked_rarely: FlaskClient) -> None:
    crm, loja = {"apikey": "secret-of-crm"}, {"apikey": "secret-of-loja"}
    assert [asked_rarely.get("/campaigns", headers=crm).status_code for _ in range(4)] == [200, 200, 200, 429]

    answer = asked_rarely.post(EDGE, json=a_body("c1", "loja"), headers=crm)
    assert (answer.status_code, answer.content_type) == (429, "application/problem+json")
    assert (answer.json["code"], answer.json["success"]) == ("too_many_requests", False)
    assert 1100 <= int(answer.headers["Retry-After"]) <= 1200
    assert asked_rarely.get("/campaigns", headers=loja).status_code == 200
    assert asked_rarely.get("/health/live", headers=crm).status_code == 200


def test_a_bucket_fills_up_evenly_and_never_over(store: Store) -> None:
    def spend() -> int:
        return store.callers.spend("crm", count=10, period_ms=20_000_000)

    waits = [spend() for _ in range(11)]
    assert waits[:10] == [0] * 10
    assert 0 < waits[10] <= 2_000_000
    store.scripts.client.hincrby("bcast:bucket:crm", "at", -waits[10] - 1)  # as if it had been waited for, to the ms
    assert spend() == 0
    assert spend() > 0
    assert store.scripts.client.pttl("bcast:bucket:crm") > 0


def test_a_bucket_never_holds_more_than_it_may(store: Store) -> None:
    def spend() -> int:
        return store.callers.spend("crm", count=10, period_ms=3_600_000)

    spend()
    store.scripts.client.hincrby("bcast:bucket:crm", "at", -3_500_000)
    assert [spend() for _ in range(12)].count(0) == 10


def test_without_any_key_nobody_is_limited(redis_url: str) -> None:
    services = build_services(Settings(redis_url=redis_url, api_rate_limit=(1, 3_600_000)))
    client = create_app(services).test_client()
    assert {client.get("/campaigns").status_code for _ in range(5)} == {200}
    services.store.scripts.client.close()


def test_a_redis_that_is_away_is_not_told_as_too_many_requests(settings: Settings) -> None:
    away = dataclasses.replace(settings, redis_url="redis://127.0.0.1:1/0", api_keys=(ApiKey("crm", "secret-of-crm"),))
    answer = create_app(build_services(away)).test_client().get("/campaigns", headers={"apikey": "secret-of-crm"})
    assert (answer.status_code, answer.json["code"]) == (503, "unavailable")


def test_every_answer_has_the_headers_that_bind_a_browser(client: FlaskClient) -> None:
    for path in ("/campaigns", "/nowhere", "/openapi.json", "/health/live", "/metrics"):
        headers = client.get(path).headers
        assert {name: headers[name] for name in HEADERS} == HEADERS, path
        assert headers["Content-Security-Policy"].startswith("default-src 'none'; ")
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "Strict-Transport-Security" not in headers


@pytest.mark.parametrize(("trust", "is_told"), [(False, False), (True, True)])
def test_https_is_insisted_on_where_a_trusted_proxy_says_so(settings: Settings, trust: bool, is_told: bool) -> None:
    services = build_services(dataclasses.replace(settings, trust_proxy=trust))
    client = create_app(services).test_client()
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"}
    assert ("Strict-Transport-Security" in client.get("/health/live", headers=said).headers) is is_told
    # Whom the proxy names, and not the proxy, is who asks.
    outside = client.get("/campaigns", headers={**said, "X-Forwarded-For": "127.0.0.1, 203.0.113.9"})
    assert outside.status_code == (401 if trust else 200)
    services.store.scripts.client.close()


def test_the_page_of_the_api_needs_nothing_of_another_host(client: FlaskClient, store: Store) -> None:
    a_key(store)
    page = client.get("/docs")
    assert page.status_code == 200
    assert "script-src 'self';" in page.headers["Content-Security-Policy"]
    files = [word.split('"')[1] for word in page.text.replace("src=", "href=").split("href=")[1:]]
    assert len(files) == 5
    for file in files:
        answer = client.get(file)
        assert (answer.status_code, len(answer.data) > 100) == (200, True), file
    assert "http" not in page.text
    assert "http" not in client.get("/docs/start.js").text
    for path in ("/docs/docs.html", "/docs/swagger-ui.js", "/docs/../web.py"):
        assert client.get(path).status_code in {401, 404}, path


def test_web_listens_for_everybody_once_there_is_a_key_to_ask_for(
    settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bound(**changes: Any) -> str:
        return _binding("web", dataclasses.replace(settings, **changes))["bind"]

    assert bound() == "127.0.0.1:3001"
    assert bound(api_keys=(ApiKey("crm", "secret-of-crm"),)) == "0.0.0.0:3001"
    assert bound(supabase_jwt_secret="s" * 32) == "0.0.0.0:3001"
    a_key(store)
    assert bound() == "0.0.0.0:3001"
    # Nobody knows: whoever asks is told to come back, until it is known.
    monkeypatch.setattr("broadcast.wsgi.PATIENCE", 0)
    assert bound(redis_url="redis://127.0.0.1:1/0") == "0.0.0.0:3001"


def test_a_workers_health_page_does_not_say_what_serves_it() -> None:
    server = _listen("127.0.0.1", free_port(), Health()._answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        for path in ("health", "metrics", "nothing"):
            answer = requests.get(f"http://127.0.0.1:{server.server_port}/{path}", timeout=60)
            assert answer.headers["Server"] == "broadcast", path
    finally:
        server.shutdown()
        server.server_close()


def run(settings: Settings, *words: str, **env: str) -> tuple[int, str, str]:
    given = {"REDIS_URL": settings.redis_url or "", "COLUMNS": "200", **env}
    result = CliRunner().invoke(main, ["keys", *words], env=given)
    return result.exit_code, result.stdout, result.stderr


def test_a_key_is_created_listed_and_revoked_from_the_command_line(
    settings: Settings, store: Store, client: FlaskClient
) -> None:
    code, secret, said = run(settings, "create", "crm", "--scope", "read", "--instance", "loja", "--instance", "b")
    assert (code, "crm: read; b, loja" in said) == (0, True)
    (key,) = store.callers.every()
    assert key.caller == Caller(name="crm", scopes=frozenset({Scope.READ}), instances=frozenset({"loja", "b"}))
    assert client.get("/campaigns", headers={"apikey": secret.strip()}).status_code == 200

    code, listed, _ = run(settings, "list")
    assert (code, "crm" in listed, secret.strip() in listed) == (0, True, False)
    assert run(settings, "create", "crm")[0] == 1
    assert run(settings, "revoke", "crm")[0] == 0
    code, _, said = run(settings, "revoke", "crm")
    assert (code, "no key crm" in said) == (1, True)


def test_a_name_of_the_settings_is_taken(settings: Settings, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    code, _, said = run(settings, "create", "crm", API_KEYS="crm:secret-of-crm")
    assert (code, "There is a key crm in API_KEYS" in said) == (1, True)
    assert store.callers.every() == []

    assert run(settings, "create", "crm")[0] == 0  # before it was in the settings
    assert run(settings, "create", "loja")[0] == 0
    named = dataclasses.replace(settings, api_keys=(ApiKey("crm", "secret-of-crm"), ApiKey("ops", "secret-of-ops")))
    (found,) = CHECKS["keys"](named)
    assert (found.level, found.text.startswith("crm: created, and in API_KEYS as well")) == (Level.WARNING, True)
    with caplog.at_level(logging.WARNING):
        assert warn_of_redis(store, of_settings=named.key_names)
    assert "keys: crm: created, and in API_KEYS as well" in caplog.text

    assert run(settings, "revoke", "crm")[0] == 0
    assert CHECKS["keys"](named) == []


# When a key was last used


def used_ms(store: Store, name: str = "crm") -> int | None:
    (found,) = [key for key in store.callers.every() if key.caller.name == name]
    return found.used_ms


def make_older(store: Store, ms: int) -> int:
    """Let the only key's last use be so much older; when it is then."""
    client = store.scripts.client
    (name,) = client.scan_iter(key("api_key", "*"))
    return int(client.hincrby(name, "used", -ms))


def test_a_call_says_when_its_key_was_last_used(services: Services, store: Store) -> None:
    headers = a_key(store)
    assert used_ms(store) == 0  # never
    before = time.time() * 1000
    create_app(services).test_client().get("/campaigns", headers=headers)
    assert before - 1000 <= (used_ms(store) or 0) <= time.time() * 1000 + 1000


def test_the_last_use_is_written_once_a_minute_at_the_most(services: Services, store: Store) -> None:
    headers = a_key(store)

    def call() -> None:
        """In a process that has not met the key yet."""
        assert create_app(services).test_client().get("/campaigns", headers=headers).status_code == 200

    call()
    older = make_older(store, 50_000)
    call()
    assert used_ms(store) == older
    older = make_older(store, 11_000)
    call()
    assert (used_ms(store) or 0) > older + 60_000


def test_a_revoked_key_is_not_used_by_who_tries_it(services: Services, store: Store) -> None:
    headers = a_key(store)
    granting.revoke(store, "crm")
    assert create_app(services).test_client().get("/campaigns", headers=headers).status_code == 401
    assert used_ms(store) == 0


def test_a_page_of_the_dashboard_uses_the_key_of_its_session(services: Services, store: Store) -> None:
    secret = a_key(store)["Authorization"].partition(" ")[2]
    browser = Browser(create_app(services).test_client())
    browser.log_in(secret)
    browser.get("")
    assert (used_ms(store) or 0) > 0


def test_noting_the_use_asks_nothing_more_of_redis(
    services: Services, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    headers, client = a_key(store), create_app(services).test_client()
    create_app(services).test_client().get("/nowhere", headers=headers)  # loads the scripts
    asked: list[object] = []
    send = Connection.send_packed_command
    monkeypatch.setattr(
        Connection, "send_packed_command", lambda self, *args, **more: asked.append(1) or send(self, *args, **more)
    )
    assert client.get("/nowhere", headers=headers).status_code == 404
    assert len(asked) == 2  # whose key it is, and whether they may ask again
    assert client.get("/nowhere", headers=headers).status_code == 404
    assert len(asked) == 3  # it is believed to be one still


def test_a_key_of_the_settings_says_when_it_was_last_used(asked_rarely: FlaskClient, store: Store) -> None:
    names = ["crm", "loja"]
    assert store.callers.used(names) == {}
    for _ in range(5):
        asked_rarely.get("/campaigns", headers={"apikey": "secret-of-crm"})
    assert store.callers.used(names).keys() == {"crm"}


def test_nobody_elses_calls_are_kept_among_the_settings_keys(redis_url: str, store: Store) -> None:
    services = build_services(Settings(redis_url=redis_url, supabase_jwt_secret=SECRET))
    token = {"Authorization": f"Bearer {a_token(app_metadata={'broadcast_instances': ['loja']})}"}
    client = create_app(services).test_client()
    assert client.get("/campaigns", headers=token).status_code == 200
    assert client.get("/campaigns", headers=a_key(store)).status_code == 200
    assert not store.scripts.client.exists(key("api_keys_used"))
    services.store.scripts.client.close()


def test_a_redis_that_is_full_lets_callers_look(services: Services, store: Store) -> None:
    """Reading needs no room, so neither the note of a use nor a count may keep anybody out."""
    headers, browser = a_key(store), Browser(create_app(services).test_client())
    browser.log_in(headers["Authorization"].partition(" ")[2])

    def look() -> list[int]:
        """In a process that has not met the key yet, and on the dashboard."""
        called = create_app(services).test_client().get("/campaigns", headers=headers)
        return [called.status_code, browser.get("/people").status_code]

    assert look() == [200, 200]  # and the scripts are loaded
    older = make_older(store, 3_600_000)
    store.scripts.client.config_set("maxmemory", "1")
    try:
        assert look() == [200, 200]
    finally:
        store.scripts.client.config_set("maxmemory", "0")
    assert used_ms(store) == older


def test_the_list_says_when_each_key_was_last_used(settings: Settings, services: Services, store: Store) -> None:
    headers = a_key(store)
    listed = run(settings, "list")[1]
    assert "last used" in listed
    assert "never" in listed
    create_app(services).test_client().get("/campaigns", headers=headers)
    assert "never" not in run(settings, "list")[1]
    assert str(answers.rfc3339(used_ms(store))) in run(settings, "list")[1]
    (name,) = store.scripts.client.scan_iter(key("api_key", "*"))
    store.scripts.client.hdel(name, "used")  # as an earlier version has made it
    assert "not known" in run(settings, "list")[1]


@pytest.fixture
def guessed_at(redis_url: str) -> Iterator[tuple[FlaskClient, FlaskClient]]:
    """Two processes of an API that asks for keys."""
    keys = (ApiKey("crm", "secret-of-crm"), ApiKey("loja", "secret-of-loja"))
    services = build_services(Settings(redis_url=redis_url, api_keys=keys, supabase_jwt_secret=SECRET))
    yield create_app(services).test_client(), create_app(services).test_client()
    services.store.scripts.client.close()


def guess(client: FlaskClient, secret: str, address: str = "203.0.113.7", **headers: str) -> int:
    given = {"apikey": secret, **headers}
    return client.get("/campaigns", headers=given, environ_base={"REMOTE_ADDR": address}).status_code


def test_who_tries_many_keys_is_refused_whatever_comes_next(guessed_at: tuple[FlaskClient, FlaskClient]) -> None:
    first, second = guessed_at
    assert guess(first, "secret-of-loja") == 200
    tried = [guess(one, f"guess-{number}") for number in range(MOST_WRONG // 2) for one in guessed_at]
    assert tried == [401] * MOST_WRONG
    assert [guess(one, "one-more") for one in guessed_at] == [429, 429]

    assert guess(first, "secret-of-crm") == 429  # the right one tells nobody that it is
    answer = first.get("/campaigns", headers={"apikey": "x"}, environ_base={"REMOTE_ADDR": "203.0.113.7"})
    assert answer.json is not None
    assert answer.json["code"] == "too_many_requests"
    assert 1 <= int(answer.headers["Retry-After"]) <= WRONG_MS // MOST_WRONG // 1000
    assert guess(first, "secret-of-loja") == 200  # who was in already is not locked out by a neighbour
    assert guess(first, "secret-of-crm", address="203.0.113.8") == 200
    assert second.get("/health/live", environ_base={"REMOTE_ADDR": "203.0.113.7"}).status_code == 200


def test_a_network_of_ipv6_is_one_address(guessed_at: tuple[FlaskClient, FlaskClient]) -> None:
    first, _ = guessed_at
    words = [guess(first, "guess", address=f"2001:db8::{number:x}") for number in range(MOST_WRONG + 1)]
    assert words == [401] * MOST_WRONG + [429]
    assert guess(first, "guess", address="2001:db8:0:1::1") == 401


@pytest.mark.parametrize(
    ("address", "whose"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),  # two of these have nothing in common
        ("2001:db8::7", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_an_address_is_its_owners(address: str, whose: str) -> None:
    assert guessing.network(address) == whose


def test_no_key_and_an_old_token_are_no_guesses_and_a_token_beside_one_hides_none(
    guessed_at: tuple[FlaskClient, FlaskClient],
) -> None:
    first, _ = guessed_at
    old = f"Bearer {a_token(exp=1)}"
    assert {first.get("/campaigns").status_code for _ in range(MOST_WRONG + 2)} == {401}
    assert {guess(first, "", Authorization=old) for _ in range(MOST_WRONG + 2)} == {401}
    assert [guess(first, "guess", Authorization=old) for _ in range(MOST_WRONG + 1)][-1] == 429


def test_a_right_key_hides_no_guess_beside_it(guessed_at: tuple[FlaskClient, FlaskClient]) -> None:
    first, _ = guessed_at
    words = [guess(first, "secret-of-loja", Authorization=f"Bearer guess-{number}") for number in range(MOST_WRONG + 2)]
    assert words == [200] * MOST_WRONG + [429, 429]
    assert (
        guess(first, "secret-of-loja", Authorization="Bearer secret-of-crm") == 429
    )  # and so the right one is not told


def test_the_same_word_beside_keys_and_tokens_is_one_guess(guessed_at: tuple[FlaskClient, FlaskClient]) -> None:
    first, _ = guessed_at
    for number in range(MOST_WRONG + 2):
        user = a_token(sub=f"user-{number}", app_metadata={"broadcast_instances": ["loja"]})
        assert guess(first, "sb_publishable_x", Authorization=f"Bearer {user}") == 200
        assert guess(first, "secret-of-loja", Authorization=f"Bearer {user}") == 200
        assert guess(first, "secret-of-loja", Authorization="Bearer anon") == 200


@pytest.mark.parametrize("word", ["guess.{}.x", "..{}", "eyJhbGciOiJIUzI1NiJ9.{}.x"])
def test_two_dots_make_no_token(guessed_at: tuple[FlaskClient, FlaskClient], word: str) -> None:
    first, _ = guessed_at
    words = [guess(first, word.format(number)) for number in range(MOST_WRONG + 1)]
    assert words == [401] * MOST_WRONG + [429]


def test_a_refused_address_may_try_again_after_what_it_was_told(store: Store) -> None:
    now = [1000.0]
    guesses = Guesses(store.callers, LIMIT, clock=lambda: now[0])
    for _ in range(MOST_WRONG):
        guesses.wrong(["x"], address="203.0.113.7")
    with pytest.raises(TooMany) as told:
        guesses.wrong(["x"], address="203.0.113.7")
    with pytest.raises(TooMany):
        guesses.check(["y"], address="203.0.113.7")
    now[0] += told.value.retry_after_s
    guesses.check(["y"], address="203.0.113.7")


def test_a_process_remembers_no_more_addresses_than_it_may(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guessing, "MOST_KNOWN", 3)
    guesses = Guesses(store.callers, (1, WRONG_MS))
    for number in range(8):
        guesses.wrong(["x"], address=f"203.0.113.{number}")
        with pytest.raises(TooMany):
            guesses.wrong(["x"], address=f"203.0.113.{number}")
    assert len(guesses._refused) <= 3


def test_a_key_without_options_may_read_and_send(settings: Settings, store: Store) -> None:
    run(settings, "create", "crm")
    assert store.callers.every()[0].caller == Caller(name="crm", scopes=frozenset({Scope.READ, Scope.SEND}))


@pytest.mark.parametrize(
    "words",
    [("create", "a b"), ("create", ""), ("create", "crm", "--scope", "all"), ("create", "c", "--instance", "a/b")],
)
def test_a_wrong_word_creates_nothing(settings: Settings, store: Store, words: tuple[str, ...]) -> None:
    assert run(settings, *words)[0] == 2
    assert store.callers.every() == []


def test_the_command_line_says_that_redis_is_away() -> None:
    code, _, said = run(Settings(redis_url="redis://127.0.0.1:1/0"), "list")
    assert (code, "Redis does not answer" in said, "Traceback" in said) == (1, True, False)


def test_an_open_stream_ends_when_its_key_is_revoked(client: FlaskClient, store: Store) -> None:
    accepting.accept(store, an_order(), country="BR")
    steering.steer(store, "c1", Move.PAUSE)  # so that nothing else ends the stream
    stream = client.get("/campaigns/c1/events", headers=a_key(store, "crm")).iter_encoded()
    next(stream)

    granting.revoke(store, "crm")
    revoked = time.monotonic()
    with lateness(store.scripts.client.ping) as late:
        assert not [text for text in stream if b"data:" in text][1:]  # the first is what was asked for
        assert time.monotonic() - revoked <= REVOKED_S + 0.5 + late()
