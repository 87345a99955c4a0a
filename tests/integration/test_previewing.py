"""A preview says what a send would do, and does nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from math import hypot
from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.domain.instance import Instance
from broadcast.engine import accepting, previewing
from broadcast.pacing import Rules, handling
from broadcast.settings import ApiKey, Settings
from broadcast.store import Store
from broadcast.web import create_app
from broadcast.wiring import build_services
from tests.builders import a_body, a_template, an_order, phones

PREVIEW = "/campaigns/preview"
QUEUE = "/queue/add-broadcast"
NOW_MS = 1_900_000_000_000


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
        {"number": 1, "row": 2, "phone": "n/a", "reason": "invalid_phone", "detail": None},
        {"number": 2, "row": 3, "phone": "551199990001", "reason": "duplicate", "detail": None},
        {"number": 3, "row": 4, "phone": "5511999990009", "reason": "opted_out", "detail": None},
        {"number": 4, "row": 5, "phone": "5511999990002", "reason": "missing_variable", "detail": "name"},
    ]
    assert seen["samples"] == [{"phone": "5511999990001", "text": "Oi Ana"}]
    assert (seen["success"], seen["warnings"], seen["risks"]) == (True, [], [])
    assert sorted(store.scripts.client.keys("*")) == before

    sent = client.post(QUEUE, json=a_body("c1", "loja", contacts=people, message="Oi {{name}}")).json
    assert (sent["queued"], sent["skippedReasons"]) == (seen["contacts"]["queued"], seen["skippedReasons"])


def test_a_row_that_will_not_do_leaves_the_place_to_the_corrected_one(client: FlaskClient) -> None:
    ana = {"phone": "5511999990001", "name": "Ana"}
    people = [ana, {**ana, "vars": {"due": "10/12"}}, {**ana, "vars": {"due": "11/12"}}]
    seen = previewed(client, contacts=people, message="Vence {{due}}")

    assert (seen["contacts"]["queued"], [one["text"] for one in seen["samples"]]) == (1, ["Vence 10/12"])
    assert seen["skippedReasons"] == {"missing_variable": 1, "duplicate": 1}
    sent = client.post(QUEUE, json=a_body("c1", "loja", contacts=people, message="Vence {{due}}")).json
    assert (sent["queued"], sent["skippedReasons"]) == (1, seen["skippedReasons"])


def test_another_tools_mark_is_warned_of(client: FlaskClient) -> None:
    people = ["5511999990001", {"phone": "5511999990002", "vars": {"Vencimento": "10/12"}}]
    (warning,) = previewed(client, contacts=people, message="Vence em [vencimento]")["warnings"]
    assert (warning["code"], warning["text"]) == (
        "foreign_mark",
        "[vencimento] looks like another tool's mark and is sent as it stands; here it is {{name}} and [[Oi|Olá]].",
    )
    assert previewed(client, message="Vence em [vencimento]")["warnings"] == []


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


def test_who_would_get_an_empty_text_is_left_out_of_a_preview_and_of_a_send(client: FlaskClient) -> None:
    people = [{"phone": phone, "vars": {"x": value}} for phone, value in zip(phones(3), ("a", " \n", ""), strict=True)]
    for message in ("{{x|}}", " {{x}} ", "[[{{x|}}|b]]"):
        seen = previewed(client, contacts=people, message=message)
        assert [(one["number"], one["detail"]) for one in seen["leftOut"]] == [(1, "x"), (2, "x")]
    image = {"mediaType": "image", "mediaUrl": "https://cdn.example/a.png"}
    assert previewed(client, contacts=people, message="{{x|}}", **image)["contacts"]["queued"] == 3
    assert previewed(client, contacts=people, message="[[|Oi]]", **image)["contacts"]["queued"] == 3
    sent = client.post(QUEUE, json=a_body("c1", "loja", contacts=people, message="{{x|}}")).json
    assert (sent["queued"], sent["skippedReasons"]) == (1, {"missing_variable": 2})


IMAGE = {"mediaType": "image", "mediaUrl": "https://cdn.example/a.png"}


@pytest.mark.parametrize(
    ("changes", "detail"),
    [({"message": "{{name}}" * 17}, "4352/4096"), ({"message": "{{name}}" * 4 + "!", **IMAGE}, "1025/1024")],
)
def test_who_would_get_too_long_a_text_is_left_out_of_a_preview_and_of_a_send(
    client: FlaskClient, changes: dict[str, Any], detail: str
) -> None:
    people = [{"phone": phone, "name": name} for phone, name in zip(phones(2), ("Ana", "n" * 256), strict=True)]
    seen = previewed(client, contacts=people, **changes)
    assert seen["leftOut"] == [{"number": 1, "row": 2, "phone": phones(2)[1], "reason": "too_long", "detail": detail}]
    sent = client.post(QUEUE, json=a_body("c1", "loja", contacts=people, **changes)).json
    assert (sent["queued"], sent["skippedReasons"]) == (1, {"too_long": 1})
    contacts = client.get("/campaigns/c1/contacts?reason=too_long").json["contacts"]
    assert [(one["number"], one["status"], one["detail"]) for one in contacts] == [(1, "skipped", detail)]


def test_a_columns_title_is_a_variables_name_in_a_preview_and_in_a_send(client: FlaskClient) -> None:
    ana = {"phone": "5511999990001", "name": "Ana", "vars": {"preco": "10"}}
    changes = {"contacts": [ana, "5511999990002"], "message": "{{nome}}: {{Preço}}"}
    seen = previewed(client, **changes)
    assert seen["samples"] == [{"phone": "5511999990001", "text": "Ana: 10"}]
    assert seen["leftOut"][0]["detail"] == "nome, Preço"
    sent = client.post(QUEUE, json=a_body("c1", "loja", **changes)).json
    assert (sent["queued"], sent["skippedReasons"]) == (1, {"missing_variable": 1})


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"message": ""}, "/message"),
        ({"message": "Custa {{}}"}, "/message"),
        ({"message": "[[|Oi]] "}, "/message"),
        ({"campaignId": "a/b"}, "/campaignId"),
        ({"surprise": 1}, "/surprise"),
        ({"scheduledFor": "2020-01-01T00:00:00Z"}, "/scheduledFor"),
        ({"template": a_template()}, "/template"),
    ],
)
def test_what_a_send_refuses_a_preview_refuses(client: FlaskClient, change: dict[str, Any], pointer: str) -> None:
    answer = client.post(PREVIEW, json=a_body("c1", "loja", **change))
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)


def test_the_end_counts_gap_and_half_the_jitter_from_now(client: FlaskClient) -> None:
    def at(name: str) -> float:
        return datetime.fromisoformat(seen["forecast"][name].replace("Z", "+00:00")).timestamp()

    before = datetime.now().astimezone().timestamp()
    seen = previewed(client, contacts=100, rateLimitMs=1000, jitterMs=500)
    assert before + 99 * 1.25 - 0.01 <= at("finishAt") <= before + 129
    assert at("finishAt") == at("finishAtP50")
    besides = handling(is_ticked=False)
    assert at("finishAtP50") - at("startAt") == pytest.approx(99 * 1.25 + besides.p50_ms / 1000)
    # The first leaves at once, as its lane is idle. 100 gaps, the one before it too, spread by 0.5 s / sqrt(12) each.
    # Of ten runs, nine lie below 1.28 of what that makes together.
    by_jitter = 1.28 * 0.5 / 12**0.5 * 10
    assert at("finishAtP90") - at("finishAtP50") == pytest.approx(hypot(by_jitter, besides.spread_ms / 1000), abs=0.01)


def forecast(store: Store, *, is_ticked: bool = False, **changes: Any) -> tuple[int | None, int | None, int]:
    """When it begins, when its departures are over, and how many wait already."""
    order = an_order("new", **{"contacts": 10, "gap_ms": 1000, **changes})
    found = previewing.preview(store, order, country="BR", now_ms=NOW_MS, wants_template=False).forecast
    besides_ms = handling(is_ticked=is_ticked).p50_ms
    finish_ms = found.p50_ms and found.p50_ms - besides_ms - NOW_MS
    return found.start_ms and found.start_ms - NOW_MS, finish_ms, found.waiting


def test_equals_go_turn_by_turn_with_what_is_on_the_lane(store: Store) -> None:
    assert forecast(store) == (0, 9000, 0)
    accepting.accept(store, an_order("old", contacts=20), country="BR")
    assert forecast(store) == (1000, 19_000, 20)
    assert forecast(store, gap_ms=10, contacts=40)[1] == 984, "first at the wider of two gaps"
    assert forecast(store, instance="another") == (0, 9000, 0)


def test_the_first_leaves_at_once_or_a_gap_after_the_last(client: FlaskClient, store: Store) -> None:
    for ago_ms, start_ms in ((1_000_000, 0), (600_000, 0), (400_000, 200_000), (-10, 600_010)):
        store.scripts.client.hset("bcast:lane:i1", "left", NOW_MS - ago_ms)
        assert forecast(store, gap_ms=600_000, contacts=2)[:2] == (start_ms, start_ms + 600_000)
    # After a campaign of a wider gap the first leaves when that one is over.
    store.scripts.client.hset("bcast:lane:i1", mapping={"left": NOW_MS - 1000, "gap": 3000})
    assert forecast(store, gap_ms=500, contacts=3)[:2] == (2000, 3000)
    assert forecast(store, gap_ms=5000, contacts=3)[:2] == (4000, 14_000)
    store.scripts.client.hset("bcast:lane:i1", mapping={"left": NOW_MS + 10, "gap": 600_000})
    client.put("/instances/i1", json={"dailyCap": 100})  # days are gone through then
    assert forecast(store, gap_ms=600_000, contacts=2, is_ticked=True)[:2] == (600_010, 1_200_010)


def test_priority_decides_who_goes_first(store: Store) -> None:
    accepting.accept(store, an_order("old", contacts=20, gap_ms=1000), country="BR")
    assert forecast(store, priority=8)[:2] == (1000, 11_000), "every tenth departure is the lower one's"
    assert forecast(store, priority=2)[:2] == (9000, 29_000)


def test_a_schedule_finds_the_lane_as_it_will_be(store: Store) -> None:
    accepting.accept(store, an_order("old", contacts=20, gap_ms=1000), country="BR")
    assert forecast(store, scheduled_ms=NOW_MS + 60_000, is_ticked=True) == (60_000, 69_000, 20)
    assert forecast(store, scheduled_ms=NOW_MS + 5000) == (7000, 25_000, 20)


def test_what_is_answered_busy_at_present_makes_the_end_later(store: Store) -> None:
    order = an_order("new", contacts=1000, gap_ms=1000)

    def ends() -> tuple[float, float]:
        found = previewing.preview(store, order, country="BR", now_ms=NOW_MS, wants_template=False).forecast
        assert found.p50_ms is not None
        assert found.p90_ms is not None
        return (found.p50_ms - NOW_MS) / 1000, (found.p90_ms - NOW_MS) / 1000

    besides = handling(is_ticked=False)
    assert ends() == (999 + besides.p50_ms / 1000, 999 + (besides.p50_ms + besides.spread_ms) / 1000)
    store.scripts.client.hset("bcast:lane:i1", mapping={"failing": 0.02, "answer_ms": NOW_MS})
    # 20 contacts leave once more, and each busy answer costs the lane about a minute of slow-down.
    assert ends()[0] == pytest.approx(1020 + 20 * 58, rel=0.05)
    assert ends()[1] > ends()[0] + 300
    store.scripts.client.hset("bcast:lane:i1", mapping={"answer_ms": NOW_MS - 7_200_000})
    assert ends()[0] == pytest.approx(1000, rel=0.01), "a share of two hours ago says little"


def test_a_lane_that_rests_begins_when_it_has_rested(store: Store) -> None:
    store.scripts.client.hset("bcast:lane:i1", "rest", NOW_MS + 30_000)
    assert forecast(store, is_ticked=True) == (30_000, 39_000, 0)


def test_an_instances_own_rules_hold_in_the_forecast(client: FlaskClient, store: Store) -> None:
    assert client.put("/instances/i1", json={"rateLimitMs": 5000, "dailyCap": 4}).status_code == 201
    start, finish, _ = forecast(store)
    assert start == 0
    # Four a day: the last two on the third day.
    assert finish is not None
    assert 86_400_000 < finish < 2 * 86_400_000


def test_nobody_to_send_to_has_no_finish(client: FlaskClient) -> None:
    assert previewed(client, contacts=["n/a"])["forecast"] == {
        **dict.fromkeys(("startAt", "finishAt", "finishAtP50", "finishAtP90")), "waiting": 0,
    }  # fmt: skip


def test_what_is_beyond_ten_years_has_no_time(client: FlaskClient, store: Store) -> None:
    client.put("/instances/loja", json={"dailyCap": 1})
    for count, is_foreseen in ((3649, True), (3660, False)):
        seen = previewed(client, contacts=count)["forecast"]
        assert seen["startAt"] is not None
        assert [seen[name] is not None for name in ("finishAt", "finishAtP50", "finishAtP90")] == [is_foreseen] * 3
    client.post(QUEUE, json=a_body("c1", "loja", contacts=3660))
    assert json.loads(store.scripts.client.hget("bcast:campaign:c1", "foretold"))[2:] == [None, None]
    assert client.get("/campaigns/c1").json["expectedFinishAt"] is None
    told = client.get("/campaigns/c1/summary").json["forecast"]
    assert (told["startAt"] is not None, told["finishAtP50"], told["incomparable"]) == (True, None, "running")


def test_a_mark_without_a_partner_is_warned_of_and_sent_as_it_stands(client: FlaskClient) -> None:
    seen = previewed(client, contacts=phones(1), message="Oi {{name")
    assert [one["code"] for one in seen["warnings"]] == ["loose_mark"]
    assert "{{" in seen["warnings"][0]["text"]
    assert seen["samples"][0]["text"] == "Oi {{name"


def test_free_text_on_metas_instance_is_warned_of(cloud: FlaskClient) -> None:
    (warning,) = previewed(cloud)["warnings"]
    assert (warning["code"], "131047" in warning["text"]) == ("template_needed", True)

    ana = {"phone": "5511999990001", "name": "Ana", "vars": {"code": "7"}}
    seen = previewed(cloud, contacts=[ana, "5511999990002"], message="", template=a_template())
    assert (seen["warnings"], seen["skippedReasons"]) == ([], {"missing_variable": 1})
    filled = seen["samples"][0]["template"]
    assert filled["components"][1]["parameters"][0] == {"type": "text", "text": "Olá Ana"}


def test_a_held_instance_is_warned_of(client: FlaskClient, store: Store) -> None:
    for hold, code in (("closed", "instance_closed"), ("paused", "instance_paused")):
        store.lanes.hold("loja", hold, reason="test")
        assert [one["code"] for one in previewed(client)["warnings"]] == [code]


def test_a_key_of_another_instance_previews_nothing(cloud: FlaskClient) -> None:
    loja = {"apikey": "secret-of-loja"}
    assert cloud.post(PREVIEW, json=a_body("c1", "outra"), headers=loja).json["code"] == "forbidden"
    assert cloud.post(PREVIEW, json=a_body("c1", "loja")).status_code == 401


def test_an_id_that_another_body_has_is_warned_of(client: FlaskClient) -> None:
    client.post(QUEUE, json=a_body("c1", "loja"))
    client.post(QUEUE, json=a_body("preview", "loja", message="another"))
    assert previewed(client)["warnings"] == []
    assert [one["code"] for one in previewed(client, message="another")["warnings"]] == ["id_taken"]
    assert previewed(client, campaignId=None)["warnings"] == []
    assert client.post(QUEUE, json=a_body("c1", "loja", message="another")).status_code == 409


def codes(seen: Any) -> list[str]:
    assert all(one["heuristic"] is True and one["text"] for one in seen["risks"])
    return [one["code"] for one in seen["risks"]]


CALM = {"rateLimitMs": 30_000, "message": "[[Oi|Olá]], responda SAIR para sair", "contacts": 100}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"message": "Oi, responda SAIR"}, "same_text"),
        ({"message": "Oi [[a]], responda SAIR"}, "same_text"),
        ({"message": "[[Oi|Olá]]! Saíram as ofertas"}, "no_opt_out"),
        ({"rateLimitMs": 4000, "jitterMs": 1000, "contacts": 50}, "fast_pace"),
        ({"message": "Oi, responda SAIR", "contacts": 50}, None),
        ({"message": "Olá {{name|cliente}}, responda sair."}, None),
        ({"message": "Hi [[a|b]]. Reply STOP"}, None),
        ({"message": "[[Oi|Olá]]", "contacts": 9}, None),
        ({"rateLimitMs": 4000, "jitterMs": 2000}, None),
        ({"rateLimitMs": 100, "contacts": 1}, None),
        ({}, None),
    ],
)
def test_what_is_said_to_get_numbers_blocked_is_told(
    client: FlaskClient, change: dict[str, Any], code: str | None
) -> None:
    asked = {**CALM, **change}
    assert codes(previewed(client, **asked)) == ([code] if code else [])


def test_a_new_number_and_one_of_unknown_age_are_a_risk(client: FlaskClient) -> None:
    assert codes(previewed(client, **{**CALM, "rateLimitMs": 1000})) == ["fast_pace", "unknown_age"]
    # Which day it is where the instance is, only the test below needs to know.
    today = datetime.now(timezone.utc).date()
    for age, found in ((13, ["new_number"]), (16, []), (-1, ["new_number"])):
        since = (today - timedelta(days=age)).isoformat()
        client.put("/instances/loja", json={"warmUp": {"since": since}, "window": None})
        assert codes(previewed(client, **CALM)) == found, age
    # The instance's own pace counts, where it is the slower one.
    client.put("/instances/loja", json={"rateLimitMs": 30_000})
    assert codes(previewed(client, **{**CALM, "rateLimitMs": 1000})) == []


def test_a_number_is_as_old_as_the_date_says_where_its_instance_is(store: Store) -> None:
    store.instances.keep(Instance(id="i1"), Rules(warm_up_since=date(2030, 8, 15)))
    order = an_order(text="Oi", gap_ms=30_000)
    for now, zone, found in (
        ("2030-08-30T02:59:59Z", "America/Sao_Paulo", ["new_number"]),  # a second before midnight there: 14 days old
        ("2030-08-30T03:00:00Z", "America/Sao_Paulo", []),
        ("2030-08-30T00:00:00Z", "UTC", []),
        ("2030-08-29T15:00:00Z", "Asia/Tokyo", []),
    ):
        now_ms = int(datetime.fromisoformat(now.replace("Z", "+00:00")).timestamp() * 1000)
        seen = previewing.preview(store, order, country="BR", now_ms=now_ms, wants_template=False, zone=zone)
        assert [one.code for one in seen.risks] == found, (now, zone)


def test_metas_own_instances_are_asked_for_an_opt_out_alone(cloud: FlaskClient) -> None:
    assert codes(previewed(cloud, contacts=100, message="Oi")) == ["no_opt_out"]
    template = a_template(components=[])
    assert codes(previewed(cloud, contacts=100, message="", template=template)) == []
