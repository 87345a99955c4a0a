"""The API at its edge: good requests, every kind of bad one, and strangers."""

from __future__ import annotations

import dataclasses
import gzip
import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from broadcast import logs
from broadcast.api import errors, shapes
from broadcast.settings import ApiKey, Settings
from broadcast.store import Store
from broadcast.web import create_app, create_webhook_app
from broadcast.wiring import build_services
from tests.builders import TO_COME, a_body, phones

REFERENCE = Path(__file__).parents[2] / "docs" / "reference" / "http.md"
EDGE = "/functions/v1/broadcast_messaging_service"
QUEUE = "/queue/add-broadcast"


@pytest.fixture
def guarded(redis_url: str) -> Iterator[FlaskClient]:
    """An API with two keys: one for everything, one for a single instance."""
    keys = (ApiKey("crm", "secret-of-crm"), ApiKey("loja", "secret-of-loja", frozenset({"loja"})))
    services = build_services(Settings(redis_url=redis_url, api_keys=keys))
    yield create_app(services).test_client()
    services.store.scripts.client.close()


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def test_the_crms_request_is_accepted_with_its_answer(client: FlaskClient) -> None:
    answer = client.post(EDGE, json=a_body("c1", "loja", contacts=[*phones(2), "123"]))

    assert answer.status_code == 202
    assert answer.json == {
        "success": True,
        "campaignId": "c1",
        "queued": 2,
        "skipped": 1,
        "skippedReasons": {"invalid_phone": 1},
        "status": "running",
        "statusUrl": "/broadcast-status/c1",
    }


def test_both_endpoints_mean_the_same_campaign(client: FlaskClient) -> None:
    body = a_body("c1", "loja")
    first = client.post(EDGE, json=body)
    again = client.post(QUEUE, json={name: value for name, value in body.items() if name != "action"})

    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json == again.json
    other = client.post(QUEUE, json={**body, "message": "outra"})
    assert (other.status_code, other.json["code"], other.json["success"]) == (409, "conflict", False)


def test_the_status_has_the_contracts_names(client: FlaskClient) -> None:
    client.post(EDGE, json=a_body("c1", "loja", scheduledFor=f"{TO_COME}-08-29T12:00:00-03:00", rateLimitMs=2000))
    status = client.get("/broadcast-status/c1").json

    assert status["scheduledFor"] == f"{TO_COME}-08-29T15:00:00Z"
    assert status["expectedFinishAt"] == f"{TO_COME}-08-29T15:00:04Z"
    assert set(status) == {
        "success", "campaignId", "instanceId", "status", "priority", "total", "counts", "progress", "rateLimitMs",
        "onUnknown", "slowDown", "sendsPerMinute", "expectedFinishAt", "holdReason", "holdDetail", "lastError",
        "skippedReasons", "createdAt", "scheduledFor", "startedAt", "pausedAt", "finishedAt",
    }  # fmt: skip
    assert list(status["counts"]) == [
        "pending", "booked", "sending", "sent", "delivered", "read", "failed", "skipped", "cancelled", "unconfirmed",
    ]  # fmt: skip


def test_a_campaign_is_steered_both_ways(client: FlaskClient) -> None:
    client.post(EDGE, json=a_body("c1", "loja"))

    paused = client.post(EDGE, json={"action": "pause_broadcast", "campaignId": "c1"})
    assert paused.json == {"success": True, "campaignId": "c1", "status": "paused", "onTheWire": 0}
    assert client.post("/campaigns/c1/pause").json["status"] == "paused"
    assert client.post("/campaigns/c1/resume").json["status"] == "running"
    assert client.post(EDGE, json={"action": "cancel_broadcast", "campaignId": "c1"}).json["status"] == "cancelled"
    conflict = client.post("/campaigns/c1/resume")
    assert (conflict.status_code, conflict.json["code"]) == (409, "conflict")
    looked = client.post(EDGE, json={"action": "broadcast_status", "campaignId": "c1", "instanceId": "loja"})
    assert looked.json["status"] == "cancelled"
    other = client.post(EDGE, json={"action": "broadcast_status", "campaignId": "c1", "instanceId": "outra"})
    assert other.status_code == 404


def test_pages_go_through_all_campaigns_newest_first(client: FlaskClient) -> None:
    for number in range(7):
        client.post(EDGE, json=a_body(f"c{number}", "loja" if number % 2 else "outra"))
    seen: list[str] = []
    cursor = None
    while True:
        page = client.get("/campaigns", query_string={"limit": 3, **({"cursor": cursor} if cursor else {})}).json
        seen += [one["campaignId"] for one in page["campaigns"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break

    assert seen == [f"c{number}" for number in reversed(range(7))]
    listed = client.post(EDGE, json={"action": "list_broadcasts", "instanceId": "loja", "status": "running"})
    assert [one["campaignId"] for one in listed.json["campaigns"]] == ["c5", "c3", "c1"]
    assert client.get("/campaigns?cursor=nonsense").status_code == 422
    assert client.get("/campaigns?limit=0").json["errors"][0]["pointer"] == "/limit"


def test_an_instance_is_paused_and_resumed(client: FlaskClient) -> None:
    assert client.get("/instances/loja").json["state"] == "open"
    assert client.post("/instances/loja/pause").json["state"] == "paused"
    client.post(EDGE, json=a_body("c1", "loja"))
    held = client.get("/broadcast-status/c1").json
    assert (held["holdReason"], held["expectedFinishAt"]) == ("instance_paused", None)
    assert client.post("/instances/loja/resume").json["state"] == "open"
    assert client.get("/broadcast-status/c1").json["expectedFinishAt"] is not None


def test_no_campaign_and_no_instance_may_have_a_name_that_hides_it(client: FlaskClient) -> None:
    """A fixed part of an address, where another has a name, would be answered in its place."""
    rules = [rule for rule in client.application.url_map.iter_rules() if "GET" in (rule.methods or ())]
    parts = re.compile(r"(.*/)<(campaign|instance)>(.*)")
    named = [match for rule in rules if (match := parts.fullmatch(rule.rule))]
    fixed = [re.compile(f"{re.escape(one[1])}([^/<>]+){re.escape(one[3])}") for one in named]
    hidden = {match[1] for rule in rules for one in fixed if (match := one.fullmatch(rule.rule))}
    assert hidden == shapes.TAKEN


LONG = "x" * 5000
BAD_FIELDS = [
    ({"instanceId": None}, "/instanceId"),
    ({"instanceId": "a/b"}, "/instanceId"),
    ({"instanceId": 7}, "/instanceId"),
    ({"campaignId": ""}, "/campaignId"),
    ({"campaignId": "x" * 129}, "/campaignId"),
    ({"campaignId": "a\nb"}, "/campaignId"),
    ({"contacts": []}, "/contacts"),
    ({"contacts": "5511999990001"}, "/contacts"),
    ({"contacts": ["5511999990001", 5511999990002]}, "/contacts/1"),
    ({"contacts": [{"name": "Ana"}]}, "/contacts/0/phone"),
    ({"contacts": [{"phone": "1", "email": "x"}]}, "/contacts/0/email"),
    ({"contacts": [{"phone": "1", "vars": {"a": 1}}]}, "/contacts/0/vars/a"),
    ({"message": ""}, "/message"),
    ({"message": "  \n"}, "/message"),
    ({"message": LONG}, "/message"),
    ({"message": 5}, "/message"),
    ({"message": "a\x00b"}, "/message"),
    ({"mediaType": "sticker"}, "/mediaType"),
    ({"mediaType": "image"}, "/mediaUrl"),
    ({"mediaType": "image", "mediaUrl": "ftp://x/y.jpg"}, "/mediaUrl"),
    ({"mediaType": "image", "mediaUrl": "https://"}, "/mediaUrl"),
    ({"mediaType": "audio", "mediaUrl": "https://x/a.mp3"}, "/message"),
    ({"mediaUrl": "https://x/y.jpg"}, "/mediaUrl"),
    ({"scheduledFor": "2030-08-29T15:00:00"}, "/scheduledFor"),
    ({"scheduledFor": "tomorrow"}, "/scheduledFor"),
    ({"scheduledFor": 1893456000}, "/scheduledFor"),
    ({"scheduledFor": "2020-01-01T00:00:00Z"}, "/scheduledFor"),
    ({"scheduledFor": "9999-12-31T00:00:00Z"}, "/scheduledFor"),
    ({"rateLimitMs": "2000"}, "/rateLimitMs"),
    ({"rateLimitMs": 1.5}, "/rateLimitMs"),
    ({"rateLimitMs": True}, "/rateLimitMs"),
    ({"rateLimitMs": 0}, "/rateLimitMs"),
    ({"rateLimitMs": -1}, "/rateLimitMs"),
    ({"rateLimitMs": 10**12}, "/rateLimitMs"),
    ({"jitterMs": -1}, "/jitterMs"),
    ({"priority": 10}, "/priority"),
    ({"priority": "urgent"}, "/priority"),
    ({"priority": True}, "/priority"),
    ({"surprise": 1}, "/surprise"),
    ({"action": "dance"}, "/action"),
    ({"action": ["send_broadcast"]}, "/action"),
]


@pytest.mark.parametrize(("change", "pointer"), BAD_FIELDS)
def test_a_wrong_field_is_named_and_nothing_is_kept(
    client: FlaskClient, store: Store, change: dict[str, Any], pointer: str
) -> None:
    answer = client.post(EDGE, json={**a_body("c1", "loja"), **change})

    assert answer.status_code == 422, answer.text
    assert answer.content_type == "application/problem+json"
    assert pointer in [error["pointer"] for error in answer.json["errors"]]
    assert (answer.json["success"], answer.json["status"], answer.json["code"]) == (False, 422, "invalid_request")
    assert store.scripts.client.keys("bcast:*") == []


@pytest.mark.parametrize("name", ["instanceId", "campaignId", "contacts"])
def test_a_missing_field_is_named(client: FlaskClient, name: str) -> None:
    body = a_body("c1", "loja")
    del body[name]
    assert client.post(QUEUE, json=body).json["errors"][0]["pointer"] == f"/{name}"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"{", 400, "bad_request"),
        (b"", 400, "bad_request"),
        (b"\xff\xfe", 400, "bad_request"),
        (b'{"a": NaN}', 400, "bad_request"),
        (b'{"action": "send_broadcast", "action": "x"}', 400, "bad_request"),
        (b"[" * 200_000, 400, "bad_request"),
        (b"[]", 422, "invalid_request"),
        (b'"text"', 422, "invalid_request"),
        (b"null", 422, "invalid_request"),
    ],
)
def test_what_is_not_an_object_is_refused(client: FlaskClient, data: bytes, status: int, code: str) -> None:
    answer = client.post(EDGE, data=data, content_type="application/json")
    assert (answer.status_code, answer.json["code"], answer.json["success"]) == (status, code, False)


def test_a_huge_body_is_refused_before_it_is_read(client: FlaskClient) -> None:
    answer = client.post(EDGE, data=b"x" * (33 * 1024 * 1024), content_type="application/json")
    assert (answer.status_code, answer.json["code"], answer.json["success"]) == (413, "too_large", False)


@pytest.mark.parametrize(
    ("path", "kind", "plain"),
    [
        ("/campaigns/c1/contacts?chunk=1", "text/csv", b"telefone\n5511999990001\n"),
        ("/campaigns/c1/contacts?chunk=1", "application/x-ndjson", b'"5511999990001"\n'),
        ("/campaigns/c1/contacts?chunk=1", "application/json", b'["5511999990001"]'),
        ("/suppressions", "text/csv", b"telefone\n5511999990001\n"),
        (QUEUE, "application/json", b"{}"),
        (EDGE, "application/json", b"{}"),
    ],
)
@pytest.mark.parametrize("coding", ["gzip", "identity, BR"])
def test_a_compressed_body_is_refused_before_it_is_read(
    client: FlaskClient, path: str, kind: str, plain: bytes, coding: str
) -> None:
    client.post(QUEUE, json={"campaignId": "c1", "instanceId": "loja", "message": "Oi", "open": True})
    headers = {"Content-Type": kind, "Content-Encoding": coding}
    for answer in (
        client.post(path, data=gzip.compress(plain), headers=headers),
        client.post(path, input_stream=io.BytesIO(plain), headers={**headers, "Transfer-Encoding": "chunked"}),
    ):
        assert (answer.status_code, answer.json["code"]) == (415, "encoded")
        assert answer.json.get("success") is (False if path in {QUEUE, EDGE} else None)
        assert coding.rsplit(maxsplit=1)[-1].lower() in answer.json["detail"]
        assert answer.headers["Accept-Encoding"] == "identity"
    assert client.get("/broadcast-status/c1").json["total"] == 0
    assert client.get("/suppressions").json["suppressions"] == []

    answer = client.post(path, data=plain, headers={**headers, "Content-Encoding": "identity"})
    assert answer.status_code == (422 if path in {QUEUE, EDGE} else 200)


def test_a_coding_of_no_body_does_not_matter(client: FlaskClient) -> None:
    assert client.get("/campaigns", headers={"Content-Encoding": "gzip"}).status_code == 200


def test_many_wrong_contacts_are_counted_not_all_named(client: FlaskClient) -> None:
    answer = client.post(EDGE, json=a_body("c1", "loja", contacts=[1] * 5000))
    assert len(answer.json["errors"]) == 101
    assert answer.json["errors"][-1]["detail"] == "and 4900 more"


def test_what_is_not_there_is_a_problem_too(client: FlaskClient) -> None:
    assert client.post(EDGE, data="x", content_type="text/plain").status_code == 415
    assert client.get("/broadcast-status/nobody").json["code"] == "not_found"
    assert client.get("/nowhere").content_type == "application/problem+json"
    wrong = client.get(EDGE)
    assert (wrong.status_code, wrong.json["code"]) == (405, "method_not_allowed")
    assert "POST" in wrong.headers["Allow"]


def test_a_request_id_goes_through(client: FlaskClient) -> None:
    answer = client.get("/broadcast-status/nobody", headers={"X-Request-Id": "abc-1"})
    assert answer.headers["X-Request-Id"] == answer.json["requestId"] == "abc-1"
    strange = client.get("/broadcast-status/nobody", headers={"X-Request-Id": "a b\tc"})
    assert len(strange.headers["X-Request-Id"]) == 32


def test_a_full_redis_is_a_503_and_keeps_nothing_by_halves(client: FlaskClient, store: Store) -> None:
    redis_ = store.scripts.client
    client.post(EDGE, json=a_body("c0", "loja"))
    before = set(redis_.keys("bcast:*"))
    redis_.config_set("maxmemory", "1")
    try:
        answer = client.post(EDGE, json=a_body("c1", "loja", contacts=600))
        steered = client.post("/campaigns/c0/pause")
        registered = client.put("/instances/loja", json={"dailyCap": 10})
    finally:
        redis_.config_set("maxmemory", "0")

    assert (answer.status_code, answer.content_type) == (503, "application/problem+json")
    assert (answer.json["code"], answer.json["success"]) == ("unavailable", False)
    assert int(answer.headers["Retry-After"]) > 0
    assert (steered.status_code, registered.status_code) == (503, 503)
    assert set(redis_.keys("bcast:*")) == before
    assert client.post(EDGE, json=a_body("c1", "loja", contacts=600)).json["queued"] == 600


def test_doubt_is_listed_and_sent_again_over_http(client: FlaskClient, store: Store) -> None:
    client.post(EDGE, json=a_body("c1", "loja", onUnknown="resend"))
    page = client.get("/campaigns/c1/contacts", query_string={"limit": 2}).json
    rest = client.get("/campaigns/c1/contacts", query_string={"limit": 2, "cursor": page["nextCursor"]}).json

    assert [one["number"] for one in (*page["contacts"], *rest["contacts"])] == [0, 1, 2]
    assert set(page["contacts"][0]) == {
        "number", "phone", "name", "status", "reason", "detail", "attempts", "messageId", "departedAt", "sentAt",
        "deliveredAt", "readAt", "failedAt", "skippedAt", "cancelledAt", "unconfirmedAt",
    }  # fmt: skip
    assert client.get("/broadcast-status/c1").json["onUnknown"] == "resend"
    answer = client.post("/campaigns/c1/retry", json={"scope": "failed"})
    assert (answer.status_code, answer.json) == (
        202,
        {"success": True, "campaignId": "c1", "scope": "failed", "queued": 0, "status": "running"},
    )


@pytest.mark.parametrize(
    ("path", "body", "pointer"),
    [
        ("/campaigns/c1/retry", {}, "/scope"),
        ("/campaigns/c1/retry", {"scope": "sent"}, "/scope"),
        ("/campaigns/c1/retry", {"scope": "failed", "more": 1}, "/more"),
    ],
)
def test_a_retry_names_its_wrong_field(client: FlaskClient, path: str, body: dict[str, object], pointer: str) -> None:
    client.post(EDGE, json=a_body("c1", "loja"))
    answer = client.post(path, json=body)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)


def test_a_redis_that_is_away_is_a_503_and_the_process_lives(settings: Settings) -> None:
    away = dataclasses.replace(settings, redis_url="redis://127.0.0.1:1/0")
    client = create_app(build_services(away)).test_client()
    answer = client.post(EDGE, json=a_body("c1", "loja"))

    assert (answer.status_code, answer.json["code"], answer.json["success"]) == (503, "unavailable", False)
    assert int(answer.headers["Retry-After"]) > 0
    assert client.get("/health/live").status_code == 200
    assert client.get("/health/ready").status_code == 503


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=15,
)


@hypothesis_settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.sampled_from([*a_body("c", "i"), "priority", "jitterMs", "new"]), JSON)
def test_no_value_of_any_field_breaks_the_process(client: FlaskClient, name: str, value: Any) -> None:
    answer = client.post(EDGE, json={**a_body("c1", "loja"), name: value})
    assert answer.status_code in {202, 409, 422}, answer.text


def test_strangers_stay_out(guarded: FlaskClient) -> None:
    paths = [("POST", EDGE), ("POST", QUEUE), ("GET", "/broadcast-status/c1"), ("GET", "/campaigns"),
             ("GET", "/metrics"), ("POST", "/campaigns/c1/pause"), ("POST", "/instances/loja/pause"),
             ("GET", "/nowhere")]  # fmt: skip
    for method, path in paths:
        for headers in ({}, bearer("wrong-secret"), {"apikey": "wrong"}, {"Authorization": "Basic eDp5"}):
            answer = guarded.open(path, method=method, json=a_body("c1", "loja"), headers=headers)
            assert (answer.status_code, answer.json["code"]) == (401, "unauthorized"), path
    assert guarded.get("/health/live").status_code == 200
    assert guarded.get("/openapi.json").status_code == 200


def test_a_key_of_one_instance_sees_no_other(guarded: FlaskClient) -> None:
    crm, loja = bearer("secret-of-crm"), {"apikey": "secret-of-loja"}
    assert guarded.post(EDGE, json=a_body("theirs", "outra"), headers=crm).status_code == 202
    assert guarded.post(EDGE, json=a_body("ours", "loja"), headers=loja).status_code == 202

    assert guarded.post(EDGE, json=a_body("x", "outra"), headers=loja).json["code"] == "forbidden"
    assert guarded.get("/broadcast-status/theirs", headers=loja).status_code == 404
    assert guarded.post("/campaigns/theirs/cancel", headers=loja).status_code == 404
    assert guarded.post("/instances/outra/pause", headers=loja).status_code == 403
    listed = guarded.get("/campaigns", headers=loja).json["campaigns"]
    assert [one["campaignId"] for one in listed] == ["ours"]
    assert guarded.get("/broadcast-status/theirs", headers=crm).json["status"] == "running"


def test_every_view_is_in_the_openapi_document(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    assert document["openapi"] == "3.1.0"
    assert {EDGE, QUEUE, "/broadcast-status/{campaign}", "/campaigns", "/campaigns/{campaign}/pause"} <= set(
        document["paths"]
    )


@pytest.fixture
def webhooks(redis_url: str) -> Iterator[FlaskClient]:
    services = build_services(Settings(redis_url=redis_url, webhook_token="hook-secret"))
    yield create_webhook_app(services).test_client()
    services.store.scripts.client.close()


UPDATE = {"event": "messages.update", "data": {"keyId": "m1", "status": "READ"}}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/webhooks/evolution/loja", bearer("hook-secret"), 204),
        ("/webhooks/evolution/loja/hook-secret", {}, 204),
        ("/webhooks/evolution/loja/hook-secret/messages-update", {}, 204),
        ("/webhooks/evolution/loja/messages-update", bearer("hook-secret"), 204),
        ("/webhooks/evolution/loja", {}, 401),
        ("/webhooks/evolution/loja/wrong", {}, 401),
        ("/webhooks/evolution/loja/messages-update", bearer("wrong"), 401),
    ],
)
def test_a_webhook_call_is_verified_first(
    webhooks: FlaskClient, path: str, headers: dict[str, str], status: int
) -> None:
    assert webhooks.post(path, json=UPDATE, headers=headers).status_code == status
    assert webhooks.post(path, data=b"{broken", headers=headers).status_code == (202 if status == 204 else 401)


def test_a_closed_instance_is_told_by_its_webhook(webhooks: FlaskClient, store: Store) -> None:
    def call(state: str) -> None:
        body = {"event": "connection.update", "data": {"state": state, "statusReason": 401}}
        assert webhooks.post("/webhooks/evolution/loja", json=body, headers=bearer("hook-secret")).status_code == 204

    call("close")
    fields, *_ = store.lanes.look("loja")
    assert (fields["hold"], fields["reason"]) == ("closed", "unlinked")
    call("open")
    fields, *_ = store.lanes.look("loja")
    assert "hold" not in fields


def test_a_webhook_that_cannot_be_stored_is_a_503(settings: Settings) -> None:
    away = dataclasses.replace(settings, redis_url="redis://127.0.0.1:1/0")
    client = create_webhook_app(build_services(away)).test_client()
    assert client.post("/webhooks/evolution/loja", data=json.dumps(UPDATE)).status_code == 503


def test_a_persons_pause_stands_whatever_the_gateway_says(webhooks: FlaskClient, store: Store) -> None:
    store.lanes.hold("loja", "paused", reason="paused by an operator")
    for state in ("close", "open"):
        body = {"event": "connection.update", "data": {"state": state}}
        webhooks.post("/webhooks/evolution/loja/hook-secret", json=body)

    fields, *_ = store.lanes.look("loja")
    assert fields["hold"] == "paused"


def test_a_token_may_hold_a_slash_and_counts_only_whole(redis_url: str) -> None:
    services = build_services(Settings(redis_url=redis_url, webhook_token="hook/secret"))
    client = create_webhook_app(services).test_client()
    paths = {
        "hook/secret": 204,
        "hook/secret/messages-update": 204,
        "hook": 401,
        "hook/secrets": 401,
        "hook/secre": 401,
    }
    for rest, status in paths.items():
        assert client.post(f"/webhooks/evolution/loja/{rest}", json=UPDATE).status_code == status, rest
    services.store.scripts.client.close()


def test_a_webhook_call_with_media_in_it_is_not_asked_for_again(webhooks: FlaskClient) -> None:
    huge = b"x" * (33 * 1024 * 1024)
    assert webhooks.post("/webhooks/evolution/loja/hook-secret", data=huge).status_code == 202
    assert webhooks.post("/webhooks/evolution/loja/wrong", data=huge).status_code == 401


def test_the_webhooks_serve_nothing_else(webhooks: FlaskClient) -> None:
    assert webhooks.get("/health/live").status_code == 200
    for path in ("/metrics", "/campaigns", "/openapi.json", EDGE, "/webhooks/evolution"):
        assert webhooks.get(path).status_code == 404, path


def test_a_webhooks_token_and_body_are_not_in_the_log(webhooks: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        webhooks.post("/webhooks/evolution/loja/hook-secret", json={**UPDATE, "apikey": "instance-key"})
        webhooks.post("/webhooks/evolution/loja/hook-secret", data=b'{"apikey": "instance-key"')
        webhooks.put("/webhooks/evolution/loja/hook-secret/x")
        webhooks.post("/webhooks/nobody/loja/hook-secret")

    lines = [record.getMessage() for record in caplog.records if record.name == "broadcast.web"]
    rule = "/webhooks/evolution/<instance>/<path:rest>"
    assert lines == [f"POST {rule} 204", f"POST {rule} 202", "PUT /webhooks/ 405", "POST /webhooks/ 404"]
    assert "hook-secret" not in caplog.text
    assert "instance-key" not in caplog.text


def test_each_request_is_one_line_in_the_log_with_who_asked(
    guarded: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        guarded.get("/campaigns", headers={**bearer("secret-of-crm"), "X-Request-Id": "r-1"})
        guarded.get("/campaigns", headers=bearer("wrong-secret"))
        guarded.get("/health/live")

    lines = [record for record in caplog.records if record.name == "broadcast.web"]
    assert [line.getMessage() for line in lines] == ["GET /campaigns 200", "GET /campaigns 401"]
    assert (lines[0].request, lines[0].caller) == ("r-1", "crm")  # type: ignore[attr-defined]  # what `extra` puts there
    assert not hasattr(lines[1], "caller")
    assert "secret" not in caplog.text


LISTS = ["/campaigns", "/campaigns/c1/contacts", "/campaigns/c1/callbacks", "/callbacks?status=failed", "/suppressions"]


@pytest.mark.parametrize("path", LISTS)
def test_an_empty_cursor_is_the_beginning_and_a_name_twice_is_refused(client: FlaskClient, path: str) -> None:
    client.post(EDGE, json=a_body("c1", "loja"))
    sign = "&" if "?" in path else "?"

    whole, empty = client.get(path), client.get(f"{path}{sign}cursor=")
    assert (whole.status_code, empty.status_code) == (200, 200)
    assert [len(found) for found in empty.json.values() if isinstance(found, list)] == [
        len(found) for found in whole.json.values() if isinstance(found, list)
    ]
    answer = client.get(f"{path}{sign}limit=1&limit=2&x=1&x=1")
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")
    twice = {"pointer": "/limit", "detail": "is there twice"}, {"pointer": "/x", "detail": "is there twice"}
    assert all(one in answer.json["errors"] for one in twice)


def test_the_type_of_each_error_leads_to_what_it_means(client: FlaskClient, guarded: FlaskClient) -> None:
    table = REFERENCE.read_text(encoding="utf-8").split("## Errors")[1].split("## Webhooks")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == set(errors.MEANINGS) | {"code"}
    assert set(errors.CODES.values()) <= set(errors.MEANINGS)

    for code in errors.MEANINGS:
        assert guarded.get(f"/problems/{code}").text.startswith(f"{code}: ")
    assert guarded.get(client.get("/campaigns/nobody").json["type"]).status_code == 200
    assert guarded.get("/problems/nothing").status_code == 404


INSIDE = [
    "http://169.254.169.254/latest/meta-data/", "http://127.0.0.1:6379/", "http://127.1/", "http://0x7f.1/x", "http://2130706433/",
    "https://10.0.0.5/a.jpg", "http://192.168.1.5/a.jpg", "http://172.17.0.1/a.jpg", "http://[::1]/a.jpg", "http://[fd00::1]/",
    "http://[::ffff:10.0.0.5]/", "http://localhost:3001/campaigns", "http://x.LOCALHOST./", "http://u:p@127.0.0.1/",
]  # fmt: skip


@pytest.mark.parametrize("url", INSIDE)
def test_no_gateway_is_sent_into_its_own_network(client: FlaskClient, redis_url: str, url: str) -> None:
    body = a_body("c1", "loja", mediaType="image", mediaUrl=url)
    for path, sent in ((EDGE, body), ("/campaigns/preview", {n: v for n, v in body.items() if n != "action"})):
        answer = client.post(path, json=sent)
        assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/mediaUrl")
        assert "MEDIA_ALLOW_PRIVATE" in answer.json["errors"][0]["detail"]
    assert client.get("/campaigns/c1").status_code == 404

    services = build_services(Settings(redis_url=redis_url, media_allow_private=True))
    assert create_app(services).test_client().post(EDGE, json=body).status_code == 202
    services.store.scripts.client.close()


@pytest.mark.parametrize("url", ["https://cdn.example/a.jpg", "http://8.8.8.8/a.jpg", "http://minio:9000/a.jpg"])
def test_media_on_the_internet_or_behind_a_name_are_taken(client: FlaskClient, url: str) -> None:
    assert client.post(EDGE, json=a_body("c1", "loja", mediaType="image", mediaUrl=url)).status_code == 202


@pytest.mark.parametrize(
    "number", ["5511987654399", "+55 (11) 98765-4399", "11 98765-4399", "55.11.98765.4399", "tel:5511987654399",
               "55_11_98765_4399", "55%2011%2098765-4399", "%2B5511987654399"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/people/{}", "/dashboard/suppressions/{}/remove", "/x/{}/y"])
def test_no_path_shows_a_number_in_the_log(
    client: FlaskClient, caplog: pytest.LogCaptureFixture, path: str, number: str
) -> None:
    with caplog.at_level(logging.INFO):
        client.open(path.format(number), method="GET" if "dashboard" in path else "DELETE")

    if "_" in number and "/x/" in path:
        return  # as an unknown address it is as good as an id
    (line,) = [logs.masked(record.getMessage()) for record in caplog.records if record.name == "broadcast.web"]
    assert re.search(r"/(people|suppressions|x)/.* [0-9]{3}$", line), line
    assert not re.search("98765.?4399", line), line


def test_a_chunked_body_meets_the_same_limit(client: FlaskClient) -> None:
    body = io.BytesIO(json.dumps(a_body("c1", "loja")).encode() + b" " * (33 * 1024 * 1024))
    answer = client.post(
        EDGE, input_stream=body, content_type="application/json", headers={"Transfer-Encoding": "chunked"},
        environ_overrides={"wsgi.input_terminated": True},
    )  # fmt: skip
    assert (answer.status_code, answer.json["code"], answer.json["success"]) == (413, "too_large", False)


@pytest.mark.parametrize("name", ["%00", "a%0Ab", "%20a", "..", "x" * 129, "%25"])
def test_an_instance_that_cannot_be_is_not_made_by_asking(client: FlaskClient, store: Store, name: str) -> None:
    for method, path in (("GET", ""), ("POST", "/pause"), ("POST", "/resume")):
        assert client.open(f"/instances/{name}{path}", method=method).status_code == 404
    assert store.scripts.client.keys("bcast:*") == []


def test_a_slash_at_the_end_changes_nothing(client: FlaskClient) -> None:
    assert client.post(f"{QUEUE}/", json=a_body("c1", "loja")).status_code == 202
    for path in ("/campaigns/", "/campaigns/c1/", "/broadcast-status/c1/", "/instances/loja/"):
        assert client.get(path).status_code == 200
    assert client.get("/campaigns//c1").status_code == 404


def test_every_answer_forbids_sniffing_and_keeping(client: FlaskClient) -> None:
    for path in ("/campaigns", "/nowhere", "/openapi.json", "/health/live", "/metrics"):
        headers = client.get(path).headers
        assert (headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("nosniff", "no-store"), path


def test_ready_means_a_worker_on_every_queue(client: FlaskClient, store: Store) -> None:
    def ready() -> tuple[int, Any]:
        answer = client.get("/health/ready")
        return answer.status_code, answer.json

    assert ready() == (503, {"ready": False, "redis": True, "workers": {"broadcast": 0, "control": 0}})
    store.workers.beat("broadcast", "w1")
    assert ready()[0] == 503
    store.workers.beat("control", "w2")
    assert ready() == (200, {"ready": True, "redis": True, "workers": {"broadcast": 1, "control": 1}})


def test_what_may_go_on_is_asked_for_at_once_and_what_waits_is_not(client: FlaskClient, store: Store) -> None:
    def asked() -> int:
        keys = [key for key in store.scripts.client.keys("control*") if store.scripts.client.type(key) == "list"]
        return sum(store.scripts.client.llen(key) for key in keys)

    client.post(EDGE, json=a_body("later", "loja", scheduledFor=f"{TO_COME}-08-29T15:00:00Z"))
    assert asked() == 0
    client.post(EDGE, json=a_body("now", "loja"))
    assert asked() == 1
    client.post("/campaigns/now/pause")
    assert asked() == 1
    client.post("/campaigns/now/resume")
    client.post("/instances/loja/pause")
    client.post("/instances/loja/resume")
    assert asked() == 3


def test_the_openapi_document_shows_the_shapes_that_are_checked(client: FlaskClient) -> None:
    document = client.get("/openapi.json").json
    shapes = document["components"]["schemas"]

    assert set(shapes["Send"]["properties"]) >= {*a_body("c", "i"), "priority", "jitterMs"}
    assert shapes["Send"]["required"] == ["campaignId", "instanceId"]
    error = document["components"]["responses"]["DEFAULT_ERROR"]["content"]["application/problem+json"]["schema"]
    assert error == {"$ref": "#/components/schemas/Problem"}
    shown = client.get("/nowhere").json
    assert set(shown) | {"success"} == set(shapes["Problem"]["properties"])
    assert re.findall(r"https?://[\w.]+", json.dumps(document)) == []
