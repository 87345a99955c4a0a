"""What was not delivered to any CRM, over all campaigns: one list, newest first, from which each may be tried again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.api.shown import SCHEMAS
from broadcast.domain.caller import Caller, Scope
from broadcast.domain.campaign import Move
from broadcast.engine import calling, granting, removing, steering
from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.store import callbacks as kept
from broadcast.store.keys import key
from tests.builders import a_body
from tests.crm import KEYS, Crm, a_crm, aged, call_all, hurry, moment
from tests.integration.test_dashboard import Browser
from tests.integration.test_openapi import validate

DAY_MS = 86_400_000
QUEUE = "/queue/add-broadcast"


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(redis_url=redis_url, callback_secret=KEYS, callback_allow_private=True)


@pytest.fixture
def crm() -> Iterator[Crm]:
    """One that answers 500, until it is told otherwise."""
    with a_crm() as crm:
        crm.answer = lambda _: 500
        yield crm


def send(client: FlaskClient, crm: Crm, campaign: str, instance: str = "loja", **headers: str) -> None:
    body = a_body(campaign, instance, callbackUrl=crm.url)
    body.pop("action")
    answer = client.post(QUEUE, json=body, headers=headers)
    assert answer.status_code == 202, answer.text


def give_up(store: Store, *campaigns: str) -> None:
    """Let the first callback of each be a day old and fail once more, one after the other."""
    for campaign in campaigns:
        aged(store, campaign, 1, ms=calling.PATIENCE_MS)
        hurry(store, store.scripts.client.hget(key("campaign", campaign), "callback_host"), campaign)
        call_all(store)


def listed(client: FlaskClient, **query: Any) -> list[tuple[str, str]]:
    """Campaign and type of each on all pages."""
    found, cursor = [], None
    while True:
        page = client.get("/callbacks", query_string={"status": "failed", **query, "cursor": cursor}).json
        found += [(one["campaignId"], one["type"]) for one in page["callbacks"]]
        assert len(page["callbacks"]) <= query.get("limit", 100)
        cursor = page["nextCursor"]
        if cursor is None:
            return found


def names(client: FlaskClient, **query: Any) -> list[str]:
    return [campaign for campaign, _ in listed(client, **query)]


def test_what_failed_is_listed_over_all_campaigns_the_newest_first(client: FlaskClient, store: Store, crm: Crm) -> None:
    for campaign in ("a", "b", "fine"):
        send(client, crm, campaign)
    give_up(store, "b", "a")
    crm.answer = lambda _: 204
    hurry(store, crm.host, "fine")
    call_all(store)

    page = client.get("/callbacks?status=failed").json
    assert page.keys() == {"success", "callbacks", "nextCursor"}
    assert [one["campaignId"] for one in page["callbacks"]] == ["a", "b"]
    first = page["callbacks"][0]
    of_campaign = client.get("/campaigns/a/callbacks").json["callbacks"][-1]
    assert {name: first[name] for name in of_campaign} == of_campaign
    assert (first["status"], first["type"], first["lastStatus"]) == ("failed", "campaign.started", 500)
    assert first["instanceId"] == "loja"
    assert moment(first["failedAt"]) >= moment(page["callbacks"][1]["failedAt"])


def test_pages_of_any_size_have_each_once(client: FlaskClient, store: Store, crm: Crm) -> None:
    campaigns = [f"c{number}" for number in range(7)]
    for campaign in campaigns:
        send(client, crm, campaign)
    give_up(store, *campaigns)
    for name in store.scripts.client.zrange(key("given_up"), 0, -1):
        store.scripts.client.zadd(key("given_up"), {name: 1_900_000_000_000})  # all in the same ms
    assert names(client) == campaigns[::-1]
    for limit in (1, 2, 3, 7):
        assert names(client, limit=limit) == campaigns[::-1], limit


def test_who_looks_at_few_finds_all_of_them_in_the_end(
    client: FlaskClient, store: Store, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page may be short, even empty, while there is a next one."""
    for campaign, instance in (("a", "loja"), ("x", "other"), ("y", "other"), ("z", "other"), ("b", "loja")):
        send(client, crm, campaign, instance)
    give_up(store, "a", "x", "y", "z", "b")
    monkeypatch.setattr(kept, "LOOKED_AT", 2)
    secret = granting.grant(store, Caller(name="loja", instances=frozenset({"loja"})))
    client.environ_base["HTTP_APIKEY"] = secret
    assert names(client) == ["b", "a"]


def test_a_key_sees_what_failed_on_its_own_instances(client: FlaskClient, store: Store, crm: Crm) -> None:
    send(client, crm, "hers")
    send(client, crm, "theirs", "other")
    give_up(store, "hers", "theirs")
    assert names(client) == ["theirs", "hers"]
    for scope, instances, status in (
        (Scope.READ, frozenset({"loja"}), 200),
        (Scope.SEND, None, 403),
    ):
        secret = granting.grant(store, Caller(name=scope.value, scopes=frozenset({scope}), instances=instances))
        answer = client.get("/callbacks?status=failed", headers={"apikey": secret})
        assert answer.status_code == status
        if status == 200:
            assert [one["campaignId"] for one in answer.json["callbacks"]] == ["hers"]
    assert client.get("/callbacks?status=failed").status_code == 401


def test_what_is_delivered_again_leaves_the_list(client: FlaskClient, store: Store, crm: Crm) -> None:
    for campaign in ("a", "b"):
        send(client, crm, campaign)
    give_up(store, "a", "b")
    one = client.get("/callbacks?status=failed").json["callbacks"][0]
    assert client.post(f"/campaigns/b/callbacks/{one['id']}/replay").json["queued"] == 1
    assert names(client) == ["a"]
    client.post("/campaigns/a/callbacks/replay")
    assert names(client) == []
    give_up(store, "a")  # and comes back when it fails again
    assert names(client) == ["a"]


def test_all_that_a_410_ended_is_listed_and_counted_a_part_at_a_time(
    client: FlaskClient, store: Store, crm: Crm
) -> None:
    send(client, crm, "a")
    for _ in range(300):
        steering.steer(store, "a", Move.PAUSE)
        steering.steer(store, "a", Move.RESUME)
    crm.answer = lambda _: 410
    call_all(store)
    call_all(store)
    tally = store.callbacks.tally()
    assert (tally["waiting"], len(crm.told)) == (0, 1)
    assert len(listed(client)) == tally["failed"] == 601
    assert listed(client, limit=500)[-2:] == [("a", "campaign.paused"), ("a", "campaign.started")]
    assert {one["status"] for one in client.get("/campaigns/a/callbacks").json["callbacks"]} == {"failed"}
    assert client.post("/campaigns/a/callbacks/replay").json["queued"] == 601
    assert listed(client) == []
    assert store.callbacks.tally()["waiting"] == 601


def test_a_campaign_that_is_removed_is_in_the_list_no_more(client: FlaskClient, store: Store, crm: Crm) -> None:
    send(client, crm, "a")
    give_up(store, "a")
    client.post("/campaigns/a/cancel")
    while store.campaigns.sweep("a"):
        pass
    removing.remove(store, "a")
    assert names(client) == []
    while removing.erase(store, "a", limit=100) >= 0:
        pass
    assert not store.scripts.client.exists(key("given_up"))


def test_what_is_kept_no_longer_is_listed_no_longer(client: FlaskClient, store: Store, crm: Crm) -> None:
    for campaign in ("a", "b"):
        send(client, crm, campaign)
    give_up(store, "a", "b")
    store.scripts.client.delete(key("callback", "b", 1))  # as it is after a week
    assert names(client) == ["a"]
    client_ = store.scripts.client
    for name in client_.zrange(key("given_up"), 0, -1):
        client_.zincrby(key("given_up"), -8 * DAY_MS, name)
    send(client, crm, "c")
    give_up(store, "c")
    assert names(client) == ["c"]
    assert client_.zcard(key("given_up")) == 1
    assert 0 < client_.ttl(key("given_up")) <= 7 * 86400


@pytest.mark.parametrize("query", ["status=waiting", "status=nonsense", "cursor=x", "limit=0", "limit=501", "what=1"])
def test_a_wrong_question_is_named(client: FlaskClient, query: str) -> None:
    answer = client.get(f"/callbacks?{query}")
    assert answer.status_code == 422
    assert answer.json["errors"][0]["pointer"] == f"/{query.partition('=')[0]}"


def test_failed_is_what_is_listed_without_a_word(client: FlaskClient) -> None:
    assert client.get("/callbacks").json == {"success": True, "callbacks": [], "nextCursor": None}


def test_the_answer_is_as_it_is_described(client: FlaskClient, store: Store, crm: Crm) -> None:
    send(client, crm, "a")
    give_up(store, "a")
    page = client.get("/callbacks?status=failed").json
    validate(SCHEMAS["FailedCallbacks"], page)
    assert list(page["callbacks"][0]) == list(SCHEMAS["FailedCallback"]["properties"])


# On the dashboard


@pytest.fixture
def browser(client: FlaskClient) -> Browser:
    return Browser(client)


def test_the_dashboard_lists_what_failed_with_the_way_to_its_campaign_and_to_another_try(
    browser: Browser, client: FlaskClient, store: Store, crm: Crm
) -> None:
    assert "/dashboard/callbacks/failed" in browser.text("/callbacks")
    assert "None." in browser.text("/callbacks/failed")
    for campaign in ("a", "b"):
        send(client, crm, campaign)
    give_up(store, "a", "b")
    shown = browser.text("/callbacks/failed")
    assert shown.index("campaign=b") < shown.index("campaign=a")
    for text in ("campaign started", "The CRM answered 500", "/dashboard/campaigns/a", "callbacks?campaign=a"):
        assert text in shown, text
    action = re.findall(r'action="/dashboard(/campaigns/b/callbacks/[^"]+/replay)"', shown)[0]
    assert browser.post(action, at="/callbacks/failed").location == "/dashboard/callbacks?campaign=b"
    assert "campaign=b" not in browser.text("/callbacks/failed")


def test_the_dashboards_list_goes_on_over_the_page(
    browser: Browser, client: FlaskClient, store: Store, crm: Crm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("broadcast.dashboard.callbacks.PER_PAGE", 1)
    for campaign in ("a", "b"):
        send(client, crm, campaign)
    give_up(store, "a", "b")
    first = browser.text("/callbacks/failed")
    following = re.search(r'rel="next" href="/dashboard([^"]+)"', first)
    assert following
    assert "campaign=a" not in first
    assert "campaign=a" in browser.text(following[1])
    assert browser.get("/callbacks/failed?cursor=x").status_code == 422


def test_who_may_not_send_is_offered_no_other_try(
    browser: Browser, client: FlaskClient, store: Store, crm: Crm
) -> None:
    send(client, crm, "hers")
    send(client, crm, "theirs", "other")
    give_up(store, "hers", "theirs")
    caller = Caller(name="ana", scopes=frozenset({Scope.READ}), instances=frozenset({"loja"}))
    browser.log_in(granting.grant(store, caller))
    shown = browser.text("/callbacks/failed")
    assert "hers" in shown
    assert "theirs" not in shown
    assert "/replay" not in shown
