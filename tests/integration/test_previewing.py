"""A preview says what a send would do, and does nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.engine import accepting, previewing
from broadcast.settings import ApiKey, Settings
from broadcast.store import Store
from broadcast.web import create_app
from broadcast.wiring import Services, build_services
from tests.builders import a_body, a_template, an_order, phones

PREVIEW = "/campaigns/preview"
QUEUE = "/queue/add-broadcast"
NOW_MS = 1_900_000_000_000


@pytest.fixture
def client(services: Services) -> FlaskClient:
    return create_app(services).test_client()


@pytest.fixture
def cloud(redis_url: str) -> Iterator[FlaskClient]:
    """An API whose instances are Meta's, with a key for one of them."""
    keys = (ApiKey("loja", "secret-of-loja", frozenset({"loja"})),)
    settings = Settings(redis_url=redis_url, gateway="cloud", cloud_api_token="t", api_keys=keys)
    services = build_services(settings)
    yield create_app(services).test_client()
    services.store.scripts.client.close()


def previewed(client: FlaskClient, **changes: Any) -> Any:
    answer = client.post(PREVIEW, json=a_body("c1", "loja", **changes), headers={"apikey": "secret-of-loja"})
    assert answer.status_code == 200, answer.text
    return answer.json


def test_a_preview_says_what_a_send_then_does(client: FlaskClient, store: Store) -> None:
    client.post("/suppressions", json={"phones": ["551199990009"]})
    ana = {"phone": "5511999990001", "name": "Ana"}
    people = [ana, "n/a", {**ana, "phone": "551199990001"}, {**ana, "phone": "5511999990009"}, "5511999990002"]
    before = sorted(store.scripts.client.keys("*"))
    seen = previewed(client, contacts=people, message="Oi {{name}}")

    assert seen["contacts"] == {"total": 5, "queued": 1, "skipped": 4}
    assert seen["leftOut"] == [
        {"number": 1, "phone": "n/a", "reason": "invalid_phone"},
        {"number": 2, "phone": "551199990001", "reason": "duplicate"},
        {"number": 3, "phone": "5511999990009", "reason": "opted_out"},
        {"number": 4, "phone": "5511999990002", "reason": "missing_variable"},
    ]
    assert seen["samples"] == [{"phone": "5511999990001", "text": "Oi Ana"}]
    assert (seen["success"], seen["warnings"]) == (True, [])
    assert sorted(store.scripts.client.keys("*")) == before

    sent = client.post(QUEUE, json=a_body("c1", "loja", contacts=people, message="Oi {{name}}")).json
    assert (sent["queued"], sent["skippedReasons"]) == (seen["contacts"]["queued"], seen["skippedReasons"])


def test_only_the_first_are_named_and_shown(client: FlaskClient) -> None:
    seen = previewed(client, contacts=[*phones(10), *["n/a"] * 150])
    assert (len(seen["leftOut"]), len(seen["samples"]), seen["skippedReasons"]) == (100, 3, {"invalid_phone": 150})
    assert [one["phone"] for one in seen["samples"]] == phones(3)


def test_a_preview_needs_no_id_and_takes_the_same_body(client: FlaskClient) -> None:
    body = a_body("c1", "loja")
    del body["campaignId"]
    assert client.post(PREVIEW, json=body).status_code == 200
    assert client.post(PREVIEW, json={**body, "campaignId": None, "priority": "high"}).status_code == 200
    assert client.post(QUEUE, json=body).json["errors"][0]["pointer"] == "/campaignId"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"message": ""}, "/message"),
        ({"campaignId": "a/b"}, "/campaignId"),
        ({"surprise": 1}, "/surprise"),
        ({"scheduledFor": "2020-01-01T00:00:00Z"}, "/scheduledFor"),
        ({"template": a_template()}, "/template"),
    ],
)
def test_what_a_send_refuses_a_preview_refuses(client: FlaskClient, change: dict[str, Any], pointer: str) -> None:
    answer = client.post(PREVIEW, json=a_body("c1", "loja", **change))
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)


def test_the_finish_counts_gap_and_half_the_jitter_from_now(client: FlaskClient) -> None:
    def at(name: str) -> float:
        return datetime.fromisoformat(seen["forecast"][name].replace("Z", "+00:00")).timestamp()

    before = datetime.now().astimezone().timestamp()
    seen = previewed(client, contacts=100, rateLimitMs=1000, jitterMs=500)
    assert before + 125 - 0.01 <= at("finishAt") <= before + 130
    assert at("finishAt") - at("startAt") == pytest.approx(99 * 1.25)


def forecast(store: Store, **changes: Any) -> tuple[int | None, int | None, int]:
    order = an_order("new", contacts=10, gap_ms=1000, **changes)
    found = previewing.preview(store, order, country="BR", now_ms=NOW_MS, wants_template=False).forecast
    return found.start_ms and found.start_ms - NOW_MS, found.finish_ms and found.finish_ms - NOW_MS, found.waiting


def test_what_waits_on_the_lane_goes_first(store: Store) -> None:
    assert forecast(store) == (1000, 10_000, 0)
    accepting.accept(store, an_order("old", contacts=20), country="BR")
    assert forecast(store) == (21_000, 30_000, 20)
    assert forecast(store, instance="another") == (1000, 10_000, 0)


def test_a_schedule_begins_in_its_time_or_when_the_lane_is_free(store: Store) -> None:
    accepting.accept(store, an_order("old", contacts=20), country="BR")
    assert forecast(store, scheduled_ms=NOW_MS + 60_000) == (61_000, 70_000, 20)
    assert forecast(store, scheduled_ms=NOW_MS + 5000) == (21_000, 30_000, 20)


def test_a_lane_that_rests_begins_when_it_has_rested(store: Store) -> None:
    store.scripts.client.hset("bcast:lane:i1", "rest", NOW_MS + 30_000)
    assert forecast(store) == (31_000, 40_000, 0)


def test_an_instances_own_rules_hold_in_the_forecast(client: FlaskClient, store: Store) -> None:
    assert client.put("/instances/i1", json={"rateLimitMs": 5000, "dailyCap": 4}).status_code == 201
    start, finish, _ = forecast(store)
    assert start == 5000
    # Four a day: the last two on the third day.
    assert finish is not None
    assert 86_400_000 < finish < 2 * 86_400_000


def test_nobody_to_send_to_has_no_finish(client: FlaskClient) -> None:
    assert previewed(client, contacts=["n/a"])["forecast"] == {"startAt": None, "finishAt": None, "waiting": 0}


def test_free_text_on_metas_instance_is_warned_of(cloud: FlaskClient) -> None:
    (warning,) = previewed(cloud)["warnings"]
    assert (warning["code"], "131047" in warning["text"]) == ("template_needed", True)

    ana = {"phone": "5511999990001", "name": "Ana", "vars": {"code": "7"}}
    seen = previewed(cloud, contacts=[ana, "5511999990002"], message="", template=a_template())
    assert (seen["warnings"], seen["skippedReasons"]) == ([], {"missing_variable": 1})
    filled = seen["samples"][0]["template"]
    assert filled["components"][1]["parameters"][0] == {"type": "text", "text": "Olá Ana"}


def test_a_held_instance_is_warned_of(client: FlaskClient, store: Store) -> None:
    for hold, code in (("paused", "instance_paused"), ("closed", "instance_closed")):
        store.lanes.hold("loja", hold, reason="test")
        assert [one["code"] for one in previewed(client)["warnings"]] == [code]


def test_a_key_of_another_instance_previews_nothing(cloud: FlaskClient) -> None:
    loja = {"apikey": "secret-of-loja"}
    assert cloud.post(PREVIEW, json=a_body("c1", "outra"), headers=loja).json["code"] == "forbidden"
    assert cloud.post(PREVIEW, json=a_body("c1", "loja")).status_code == 401
