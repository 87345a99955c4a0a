"""Keys that are created while everything runs: known at once, good for their scopes, limited, and revoked."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator

import pytest
import requests
from click.testing import CliRunner
from flask.testing import FlaskClient

from broadcast.api import scopes
from broadcast.api.edge import ACTIONS
from broadcast.api.headers import HEADERS
from broadcast.cli import main
from broadcast.domain.caller import EVERY_SCOPE, Caller, Scope
from broadcast.engine import granting
from broadcast.errors import Conflict, NotFound
from broadcast.settings import ApiKey, Settings
from broadcast.store import Store
from broadcast.tasks.health import Health, _listen
from broadcast.web import create_app
from broadcast.wiring import Services, build_services
from broadcast.wsgi import _binding
from tests.builders import a_body
from tests.processes import free_port, wait_for
from tests.unit.test_tokens import SECRET, a_token

EDGE = "/functions/v1/broadcast_messaging_service"


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return create_app(services).test_client()


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
    wait_for(lambda: client.get("/campaigns", headers=headers).status_code == 401, seconds=10)
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
        return store.callers.spend("crm", count=10, period_ms=2000)

    waits = [spend() for _ in range(11)]
    assert waits[:10] == [0] * 10
    assert 0 < waits[10] <= 200
    wait_for(lambda: spend() == 0, seconds=5)
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
    def bound(**changes: object) -> str:
        return _binding("web", dataclasses.replace(settings, **changes))["bind"]  # type: ignore[arg-type]

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
            answer = requests.get(f"http://127.0.0.1:{server.server_port}/{path}", timeout=10)
            assert answer.headers["Server"] == "broadcast", path
    finally:
        server.shutdown()
        server.server_close()


def run(settings: Settings, *words: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, ["keys", *words], env={"REDIS_URL": settings.redis_url or "", "COLUMNS": "200"})
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
