"""The API is what /openapi.json says: its examples run, its answers have the shapes, and schemathesis finds nothing."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient
from jsonschema_rs import validator_for

from broadcast.api.shown import SCHEMAS
from broadcast.api.templates import Template
from broadcast.settings import Settings
from broadcast.web import create_app
from broadcast.wiring import build_services
from tests.builders import a_body, a_template
from tests.crm import KEYS
from tests.processes import Process, free_port, wait_for

SETTINGS = Path(__file__).parents[1] / "schemathesis.toml"
CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance", "response_schema_conformance",
    "response_headers_conformance", "negative_data_rejection", "unsupported_method", "ignored_auth",
)  # fmt: skip
QUEUE = "/queue/add-broadcast"
CONTACTS = "/campaigns/{campaign}/contacts"
#: What is asked of a campaign that takes contacts.
OF_OPEN = {("post", CONTACTS), ("get", "/campaigns/{campaign}/preview")}


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(redis_url=redis_url, callback_secret=KEYS)


def the_document() -> dict[str, Any]:
    """Made without any Redis: the description needs none."""
    app = create_app(build_services(Settings(redis_url="redis://127.0.0.1:1/0")))
    document: dict[str, Any] = app.test_client().get("/openapi.json").json
    return document


DOCUMENT = the_document()


def defaults() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Every field of a shape that says what it is where it is left out."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        for field, told in schema.get("properties", {}).items():
            if "default" in told:
                yield name, field, told


def order_button(action: dict[str, Any], sub_type: str = "order_details") -> dict[str, Any]:
    return {"type": "button", "sub_type": sub_type, "index": 0, "parameters": [{"type": "action", "action": action}]}


def test_what_a_field_is_where_it_is_left_out_fits_its_own_shape() -> None:
    assert len(list(defaults())) > 10
    for name, field, told in defaults():
        validator = validator_for({**told, "components": DOCUMENT["components"]})
        assert validator.is_valid(told["default"]), (name, field, told)


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"language": {"code": "pt_BR", "policy": "deterministic"}}, True),
        ({"language": {"code": "pt-BR"}}, False),
        ({"language": {"code": "pt_BR", "policy": "fallback"}}, False),
        ({"namespace": "x"}, False),
        ({"components": [{"type": "BODY", "parameters": [{"type": "text", "text": "{{name}}"}]}]}, True),
        ({"components": [{"type": "footer", "parameters": []}]}, False),
        ({"components": [order_button({"order_details": {"total_amount": {"value": "{{cents}}"}}})]}, True),
        ({"components": [order_button({"order_details": "PIX"})]}, False),
        ({"components": [order_button({"sections": [], "thumbnail_product_retailer_id": "7"}, "mpm")]}, False),
        ({"components": [{**order_button({}), "parameters": [{"type": "ttl_minutes", "ttl_minutes": 0}]}]}, False),
    ],
)
def test_a_template_is_taken_as_it_is_described(changes: dict[str, Any], fits: bool) -> None:
    template = {**a_template(), **changes}
    described = validator_for({**DOCUMENT["components"]["schemas"]["Template"], "components": DOCUMENT["components"]})
    assert described.is_valid(template) == fits
    assert (Template().validate(template) == {}) == fits


def calls() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in DOCUMENT["paths"].items():
        for method, operation in item.items():
            if method != "parameters":
                yield method, path, operation


def is_stream(operation: Mapping[str, Any]) -> bool:
    """Whether it is answered for minutes; `test_live` reads those."""
    return "text/event-stream" in operation["responses"].get("200", {}).get("content", {})


def path_of(path: str) -> str:
    """With the examples of its parameters."""
    for parameter in DOCUMENT["paths"][path].get("parameters", ()):
        path = path.replace(f"{{{parameter['name']}}}", parameter["example"])
    return path


def examples() -> Iterator[Any]:
    for method, path, operation in calls():
        if is_stream(operation):
            continue
        content = operation.get("requestBody", {}).get("content", {})
        for kind, body in content.items() or [(None, {})]:
            shown = body.get("examples", {"": {"value": None}})
            for name, example in shown.items():
                yield pytest.param(method, path, kind, example["value"], id=f"{method} {path} {name}".strip())


def validate(schema: Mapping[str, Any], value: Any) -> None:
    """Raise ValidationError; what the schema refers to is in the document."""
    validator_for({**schema, "components": DOCUMENT["components"]}).validate(value)


@pytest.mark.parametrize(("method", "path", "kind", "body"), list(examples()))
def test_every_example_runs_and_is_answered_as_described(
    client: FlaskClient, method: str, path: str, kind: str | None, body: Any
) -> None:
    if method == "delete":
        client.post("/suppressions", json={"phones": ["5511999990001"]})
    if path != QUEUE and "send_broadcast" not in str(body):
        is_open = {"open": True, "contacts": None} if (method, path) in OF_OPEN else {}
        client.post(QUEUE, json={**a_body("campaign-123", "loja", callbackUrl="https://crm.example/news"), **is_open})
    if (method, path) == ("delete", "/campaigns/{campaign}"):
        client.post("/campaigns/campaign-123/cancel")
    query = {"chunk": 1} if (method, path) == ("post", CONTACTS) else None
    data = json.dumps(body) if kind == "application/json" else body
    asked = path_of(path)
    if "{event}" in path:
        event = client.get("/campaigns/campaign-123/callbacks").json["callbacks"][0]["id"]
        asked = f"/campaigns/campaign-123/callbacks/{event}/replay"
    answer = client.open(asked, method=method, data=data, content_type=kind, query_string=query)

    assert 200 <= answer.status_code < 300, answer.text
    shown = DOCUMENT["paths"][path][method]["responses"][str(answer.status_code)]["content"][answer.mimetype]
    validate(shown["schema"], answer.json)


@pytest.mark.parametrize("name", [name for name, schema in SCHEMAS.items() if "examples" in schema])
def test_the_example_of_an_answer_has_its_shape(name: str) -> None:
    for example in SCHEMAS[name]["examples"]:
        validate(SCHEMAS[name], example)
        assert example.keys() == SCHEMAS[name]["properties"].keys()


def test_an_answer_has_what_the_document_says_and_nothing_else(client: FlaskClient) -> None:
    answers = {
        "Acceptance": client.post(QUEUE, json=a_body("c1", "loja", callbackUrl="https://crm.example/news")).json,
        "Campaign": client.get("/campaigns/c1").json,
        "Campaigns": client.get("/campaigns").json,
        "Summary": client.get("/campaigns/c1/summary").json,
        "Contacts": client.get("/campaigns/c1/contacts").json,
        "Contact": client.get("/campaigns/c1/contacts").json["contacts"][0],
        "Callbacks": client.get("/campaigns/c1/callbacks").json,
        "Callback": client.get("/campaigns/c1/callbacks").json["callbacks"][0],
        "FailedCallbacks": client.get("/callbacks?status=failed").json,
        "Replayed": client.post("/campaigns/c1/callbacks/replay").json,
        "Retried": client.post("/campaigns/c1/retry", json={"scope": "failed"}).json,
        "Steered": client.post("/campaigns/c1/pause").json,
        "Lane": client.post("/instances/loja/pause").json,
        "Instance": client.get("/instances/loja").json,
    }
    for name, answer in answers.items():
        validate(SCHEMAS[name], answer)
        assert list(answer) == list(SCHEMAS[name]["properties"]), name


def test_every_call_says_who_may_make_it_what_it_answers_and_how_it_fails() -> None:
    assert DOCUMENT["security"] == [{"bearer": []}, {"apikey": []}]
    assert DOCUMENT["components"]["securitySchemes"].keys() == {"bearer", "apikey"}
    names = [operation["operationId"] for _, _, operation in calls()]
    assert len(names) == len(set(names))
    for method, path, operation in calls():
        answers = operation["responses"]
        assert {"401", "403", "429", "503", "default"} <= answers.keys(), path
        fine = [answer for status, answer in answers.items() if status.startswith("2") and status != "204"]
        assert fine, f"{method} {path} names no answer"
        assert all("content" in answer for answer in fine), f"{method} {path} shows no answer"
        if "requestBody" in operation:
            assert {"400", "413", "415", "422"} <= answers.keys(), path
    for response in DOCUMENT["components"]["responses"].values():
        if "content" in response:
            assert response["content"] == {
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
            }


def test_a_pages_choices_are_described() -> None:
    parameters = {one["name"]: one for one in DOCUMENT["paths"]["/campaigns"]["get"]["parameters"]}
    assert parameters.keys() == {"status", "instance", "limit", "cursor"}
    assert parameters["limit"]["schema"]["maximum"] == 200


@pytest.fixture
def running(redis_url: str, tmp_path: Path) -> Iterator[str]:
    """The product's own process, whose address this is; the campaign and the instance of the examples are there."""
    port = free_port()
    env = {
        "REDIS_URL": redis_url, "PORT": str(port), "API_KEYS": "crm:secret-of-crm", "API_RATE_LIMIT": "0",
        "WRONG_KEY_LIMIT": "0", "SECRET_KEY": "k" * 32, "LOG_LEVEL": "WARNING",
    }  # fmt: skip
    process, url = Process("web", [sys.executable, "-m", "broadcast.cli", "web"], folder=tmp_path, env=env), ""

    def answers() -> bool:
        with suppress(requests.RequestException):
            return requests.get(f"http://127.0.0.1:{port}/health/live", timeout=5).ok
        return False

    try:
        wait_for(answers, what=f"the API; see {process.log}")
        url = f"http://127.0.0.1:{port}"
        headers = {"apikey": "secret-of-crm"}
        for name, changes in (("campaign-123", {}), ("campaign-open", {"open": True, "contacts": None})):
            body = {**a_body(name, "loja"), **changes}
            requests.post(url + QUEUE, json=body, headers=headers, timeout=30).raise_for_status()
        yield url
    finally:
        process.stop()
        sys.stdout.write(process.output()[-3000:])


@pytest.mark.slow
def test_schemathesis_finds_nothing(running: str, tmp_path: Path) -> None:
    found = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"), "--config-file", str(SETTINGS), "run",
            f"{running}/openapi.json", "--header", "Authorization: Bearer secret-of-crm",
            "--checks", ",".join(CHECKS), "--exclude-path-regex", "/events$",
            "--phases", "examples,coverage,fuzzing,stateful", "--max-examples", "10",
            "--seed", "1", "--generation-database", "none", "--no-color",
            "--request-timeout", "60", "--suppress-health-check", "too_slow",
        ],
        check=False, cwd=tmp_path, capture_output=True, text=True, timeout=1800,
    )  # fmt: skip
    assert found.returncode == 0, found.stdout[-6000:] + found.stderr[-2000:]
    assert f"Tested: {sum(not is_stream(operation) for _, _, operation in calls())}\n" in found.stdout


def test_the_running_product_shows_no_version_and_believes_no_proxy(running: str) -> None:
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "203.0.113.9"}
    answer = requests.get(f"{running}/health/live", headers=said, timeout=60)
    assert answer.headers.get("Server", "") in {"", "gunicorn"}
    assert "Strict-Transport-Security" not in answer.headers
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
