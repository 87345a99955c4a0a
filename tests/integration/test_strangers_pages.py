"""While no key is asked for, no page that is open in a browser on this host may use its place."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest
from flask.testing import FlaskClient

from broadcast.settings import Settings
from broadcast.web import create_app, create_webhook_app
from broadcast.wiring import Services, build_services
from tests.builders import a_body

EDGE = "/functions/v1/broadcast_messaging_service"
EVIL = "http://evil.example"
#: what a browser sends along with what a page of others has it ask for
FOREIGN = [
    {"Origin": EVIL},
    {"Origin": "null"},
    {"Origin": "http://localhost:8080"},
    {"Origin": EVIL, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
    {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
    {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
]
#: and what comes with that of our own pages, and of what is no browser
OURS: list[Mapping[str, str]] = [
    {},
    {"Host": "127.0.0.1:3001"},
    {"Host": "[::1]:3001", "Origin": "http://[::1]:3001"},
    {"Host": "192.168.1.5:3001"},
    {"Host": "LOCALHOST.:3001"},
    {"Host": "crm.localhost"},
    {"Host": "broadcast:3001", "Origin": "http://broadcast:3001"},
    {"Origin": "http://localhost"},
    {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"},
    {"Origin": "null", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"},
]
#: names that may lead here by somebody else's will
NAMES = [
    "evil.example",
    "evil.example:3001",
    "localhost.evil.example",
    "127.0.0.1.nip.io",
    "evillocalhost",
    "x@127.0.0.1",
]


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(redis_url=redis_url, allowed_hosts=frozenset({"broadcast"}))


@pytest.fixture
def client(services: Services) -> FlaskClient:
    client = create_app(services).test_client()
    assert client.post(EDGE, json=a_body("c1", "loja")).status_code == 202
    return client


def state(client: FlaskClient) -> str:
    return str(client.get("/broadcast-status/c1").json["status"])


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_strangers_page_changes_nothing(client: FlaskClient, headers: dict[str, str]) -> None:
    answer = client.post("/campaigns/c1/cancel", headers=headers)

    assert (answer.status_code, answer.json["code"]) == (403, "forbidden")
    assert "broadcast keys create" in answer.json["detail"]
    assert state(client) == "running"


@pytest.mark.parametrize("headers", OURS)
def test_our_own_pages_and_servers_go_on(client: FlaskClient, headers: dict[str, str]) -> None:
    assert client.post("/campaigns/c1/cancel", headers=headers).status_code == 200
    assert client.get("/metrics", headers=headers).status_code == 200
    assert client.get("/dashboard", headers=headers).status_code == 200


@pytest.mark.parametrize("host", NAMES)
@pytest.mark.parametrize("path", ["/campaigns", "/campaigns/c1/contacts", "/metrics", "/dashboard"])
def test_a_name_that_may_be_a_strangers_is_not_answered(client: FlaskClient, host: str, path: str) -> None:
    answer = client.get(path, headers={"Host": host, "Origin": f"http://{host}", "Sec-Fetch-Site": "same-origin"})
    assert (answer.status_code, "ALLOWED_HOSTS" in answer.text) == (403, True)


def test_a_name_that_is_refused_still_hears_whether_we_live(client: FlaskClient) -> None:
    for path in ("/health/live", "/health/ready", "/openapi.json", "/docs"):
        assert client.get(path, headers={"Host": "evil.example"}).status_code != 403, path


def test_a_strangers_page_holds_no_streams_and_its_link_is_followed(client: FlaskClient) -> None:
    site = {"Sec-Fetch-Site": "cross-site"}
    assert client.get("/campaigns/events", headers={**site, "Sec-Fetch-Mode": "no-cors"}).status_code == 403
    assert client.get("/dashboard", headers={**site, "Sec-Fetch-Mode": "navigate"}).status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
def test_no_form_of_the_dashboard_is_taken_from_a_strangers_page(client: FlaskClient, headers: dict[str, str]) -> None:
    page = client.get("/dashboard/campaigns/c1/cancel").text
    token = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert token is not None

    sent = {"data": {"csrf_token": token[1]}, "headers": headers}
    assert client.post("/dashboard/campaigns/c1/cancel", **sent).status_code == 403
    assert state(client) == "running"
    ours = {**sent, "headers": {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}}
    assert client.post("/dashboard/campaigns/c1/cancel", **ours).status_code == 303
    assert state(client) == "cancelled"


def test_who_presents_a_key_is_known_by_it_and_by_nothing_else(redis_url: str) -> None:
    services = build_services(Settings.read({"REDIS_URL": redis_url, "API_KEYS": "crm:secret-of-crm"}))
    headers = {"Authorization": "Bearer secret-of-crm", "Host": "evil.example", "Origin": EVIL}
    assert create_app(services).test_client().post(EDGE, json=a_body("c2", "loja"), headers=headers).status_code == 202
    services.store.scripts.client.close()


@pytest.mark.parametrize("headers", FOREIGN)
def test_a_strangers_page_is_no_gateway(services: Services, headers: dict[str, str]) -> None:
    webhooks = create_webhook_app(services).test_client()
    call = {"event": "messages.update", "instance": "loja", "data": []}
    assert webhooks.post("/webhooks/evolution/loja", json=call, headers=headers).status_code == 403
    assert webhooks.post("/webhooks/evolution/loja", json=call, headers={"Host": "gw.example"}).status_code < 300


@pytest.mark.parametrize("text", ["http://broadcast", "broadcast:3001", "a b", "*"])
def test_only_names_are_allowed(text: str) -> None:
    with pytest.raises(Exception, match="ALLOWED_HOSTS"):
        Settings.read({"ALLOWED_HOSTS": text})


CRM = "https://crm.example"
ASKED = {
    "Origin": CRM,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "apikey,authorization,content-type,x-client-info",
}


def allowing(redis_url: str, **environ: str) -> FlaskClient:
    given = {"REDIS_URL": redis_url, "CORS_ORIGINS": f"{CRM}/, http://localhost:5173", **environ}
    return create_app(build_services(Settings.read(given))).test_client()


def test_a_page_of_an_allowed_origin_calls_with_its_key(redis_url: str) -> None:
    client = allowing(redis_url, API_KEYS="crm:secret-of-crm")
    first = client.options(EDGE, headers=ASKED)
    assert (first.status_code, first.headers["Access-Control-Allow-Origin"]) == (204, CRM)
    let = first.headers["Access-Control-Allow-Headers"].lower().split(", ")
    assert set(ASKED["Access-Control-Request-Headers"].split(",")) <= set(let)
    assert "POST" in first.headers["Access-Control-Allow-Methods"]

    headers = {"Origin": CRM, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
    sent = client.post(EDGE, json=a_body("c1", "loja"), headers={**headers, "apikey": "secret-of-crm"})
    assert (sent.status_code, sent.headers["Access-Control-Allow-Origin"]) == (202, CRM)
    refused = client.post(EDGE, json=a_body("c1", "loja"), headers=headers)
    assert (refused.status_code, refused.headers["Access-Control-Allow-Origin"]) == (401, CRM)  # the page may read why
    for answer in (first, sent, refused):
        assert "Access-Control-Allow-Credentials" not in answer.headers
        assert "Origin" in answer.headers["Vary"]


@pytest.mark.parametrize("origin", [EVIL, "null", "https://crm.example.evil.example", "http://crm.example", ""])
def test_no_other_page_is_told_that_it_may(redis_url: str, origin: str) -> None:
    client = allowing(redis_url, API_KEYS="crm:secret-of-crm")
    first = client.options(EDGE, headers={**ASKED, "Origin": origin})
    sent = client.get("/campaigns", headers={"Origin": origin, "apikey": "secret-of-crm"})
    assert (first.status_code, sent.status_code) == (401, 200)
    assert not [name for name, _ in [*first.headers, *sent.headers] if name.startswith("Access-Control")]


def test_without_the_setting_no_page_is(client: FlaskClient) -> None:
    assert "Access-Control-Allow-Origin" not in client.options(EDGE, headers=ASKED).headers
    assert "Access-Control-Allow-Origin" not in client.get("/health/live", headers=ASKED).headers


def test_the_dashboard_is_no_other_origins(redis_url: str) -> None:
    client = allowing(redis_url)
    for path in ("/dashboard", "/dashboard/login", "/dashboard/campaigns/c1/cancel"):
        for answer in (client.get(path, headers=ASKED), client.options(path, headers=ASKED)):
            assert "Access-Control-Allow-Origin" not in answer.headers
    assert client.post("/dashboard/language", headers={"Origin": CRM}).status_code >= 400


def test_an_allowed_page_needs_no_key_where_nobody_does(redis_url: str) -> None:
    client = allowing(redis_url)
    for origin, status in ((CRM, 202), ("http://localhost:5173", 202), (EVIL, 403)):
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}
        assert client.post(EDGE, json=a_body("c1", "loja"), headers=headers).status_code == status


@pytest.mark.parametrize("text", ["*", "https://*.crm.example", "crm.example", "https://crm.example/app", "null"])
def test_only_origins_are_allowed(text: str) -> None:
    with pytest.raises(Exception, match="CORS_ORIGINS"):
        Settings.read({"CORS_ORIGINS": text})
