"""Event streams: who follows sees the last state, soon, not too often, and never an older one."""

from __future__ import annotations

import itertools
import json
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import requests
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from broadcast.api import streams
from broadcast.api.live import TICK_S
from broadcast.api.looks import Lanes, Looks
from broadcast.domain.campaign import Move, Scope
from broadcast.domain.contact import Status
from broadcast.domain.receipt import Receipt
from broadcast.engine import accepting, settling, steering, telling
from broadcast.settings import ApiKey, Settings
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.web import create_app
from broadcast.wiring import Services, build_services
from tests.builders import an_order
from tests.following import Browser, Event, events
from tests.lanes import send_all
from tests.processes import Web, wait_for

STREAMS = 50


@pytest.fixture
def web(tmp_path: Path, redis_url: str) -> Iterator[Web]:
    with Web(tmp_path, redis_url) as web:
        yield web


@pytest.fixture
def client(services: Services) -> Iterator[FlaskClient]:
    app = create_app(services)
    yield app.test_client()
    app.extensions["live"].close()


def revision(store: Store, campaign: str = "c1") -> int:
    return telling.progress(store, campaign).revision


def read(answer: TestResponse) -> Iterator[Event]:
    """The events of a stream inside this process."""
    return events(line for part in answer.iter_encoded() for line in part.decode().split("\n"))


def settle(store: Store, status: Status, number: int) -> None:
    settling.settle(store, "i1", [Receipt(message_id=f"m{number}", status=status)])


def test_every_change_of_tally_or_state_has_a_revision_of_its_own(store: Store) -> None:
    send_all(store, 2)
    seen = [revision(store)]
    for deed in (
        lambda: settle(store, Status.DELIVERED, 0),
        lambda: settle(store, Status.FAILED, 1),
        lambda: store.campaigns.finish("c1"),
        lambda: steering.retry(store, "c1", Scope.FAILED),
        lambda: steering.steer(store, "c1", Move.PAUSE),
        lambda: steering.steer(store, "c1", Move.RESUME),
        lambda: steering.steer(store, "c1", Move.CANCEL),
    ):
        deed()
        seen.append(revision(store))
        deed()  # is no news the second time
        assert revision(store) == seen[-1]

    assert seen == sorted(set(seen))


def test_a_campaign_that_begins_has_a_new_revision(store: Store) -> None:
    accepting.accept(store, an_order(scheduled_ms=int(time.time() * 1000) + 600_000), country="BR")
    before = revision(store)
    store.scripts.client.zincrby(key("scheduled"), -600_000, "c1")  # as if its time had come
    wait_for(store.campaigns.begin_due, what="the schedule")
    assert revision(store) > before


def test_a_campaign_that_was_deleted_and_comes_again_is_newer(store: Store) -> None:
    accepting.accept(store, an_order(), country="BR")
    for move in [Move.PAUSE, Move.RESUME] * 3:
        steering.steer(store, "c1", move)
    before = revision(store)
    store.scripts.client.flushdb()
    wait_for(lambda: time.time() * 1000 > before, what="the clock")
    accepting.accept(store, an_order(), country="BR")
    assert revision(store) > before


def test_a_glance_shows_only_what_changed(store: Store) -> None:
    for name in ("c1", "c2"):
        accepting.accept(store, an_order(name), country="BR")
    known = {"c1": revision(store, "c1"), "c2": revision(store, "c2"), "c3": 1}
    assert store.campaigns.glance({}) == {}
    assert store.campaigns.glance(known) == {"c3": None}

    steering.steer(store, "c2", Move.PAUSE)
    assert {name: bool(look) for name, look in store.campaigns.glance(known).items()} == {"c2": True, "c3": False}
    assert set(store.campaigns.glance({**known, "c1": None})) == {"c1", "c2", "c3"}


def test_fifty_streams_see_the_last_state_and_nothing_older(web: Web, store: Store) -> None:
    send_all(store, 150)
    began = time.monotonic()
    browsers = [Browser(f"{web.url}/campaigns/c1/events") for _ in range(STREAMS)]
    wait_for(lambda: all(browser.seen for browser in browsers), what="the first events")

    for number, status in itertools.product(range(150), [Status.SENT, Status.DELIVERED, Status.READ]):
        settle(store, status, number)
        if number % 50 == 49:
            browsers[number % STREAMS].cut()
            browsers[number // 50].cut()
        time.sleep(0.005)
    last = str(revision(store))
    wait_for(lambda: all(browser.last_id == last for browser in browsers), what="the last state")
    wait_for(lambda: sum(len(browser.codes) for browser in browsers) > STREAMS, what="who was cut off to come again")

    by_id: dict[str, dict[str, int]] = {}
    for browser in browsers:
        browser.close()
        ids = [int(event.id) for event in browser.seen if event.id]
        assert ids == sorted(set(ids))
        read_counts = [event.data["counts"]["read"] for event in browser.seen]
        assert read_counts == sorted(read_counts)
        assert read_counts[-1] == 150
        for event in browser.seen:
            if event.id:
                assert by_id.setdefault(event.id, event.data["counts"]) == event.data["counts"]
        lasted = browser.seen[-1].at - began  # a browser that is behind reads several at once: count from before
        # A connection's first event comes at once.
        assert len(browser.seen) <= 4 * lasted + 1 + len(browser.codes)


def test_the_api_answers_and_stops_as_usual_with_fifty_streams_open(web: Web, store: Store) -> None:
    accepting.accept(store, an_order(), country="BR")
    browsers = [Browser(f"{web.url}/campaigns/{path}") for path in ["c1/events"] * 25 + ["events"] * 25]
    wait_for(lambda: all(browser.seen for browser in browsers), what="the first events")

    answers = [requests.get(f"{web.url}/broadcast-status/c1", timeout=60) for _ in range(50)]
    assert all(answer.ok for answer in answers)
    for browser in browsers:
        browser.close()
    assert web.processes["web"].stop(seconds=60) == 0


def test_who_comes_too_many_is_asked_to_come_back(services: Services) -> None:
    settings = Settings(redis_url=services.settings.redis_url, live_streams=2)
    small = build_services(settings)
    client = create_app(small).test_client()
    accepting.accept(services.store, an_order(), country="BR")
    open_ones = [client.get("/campaigns/c1/events") for _ in range(2)]

    refused = client.get("/campaigns/c1/events")
    assert (refused.status_code, refused.json["code"], refused.headers["Retry-After"]) == (503, "unavailable", "5")
    assert client.head("/campaigns/c1/events").status_code == 200

    open_ones[0].close()  # before a single event was read
    again = client.get("/campaigns/c1/events")
    assert again.status_code == 200
    again.close()
    open_ones[1].close()
    small.store.scripts.client.close()


def test_one_key_leaves_streams_to_others(redis_url: str) -> None:
    keys = tuple(ApiKey(name, f"secret-of-{name}") for name in ("crm", "loja", "painel"))
    services = build_services(Settings(redis_url=redis_url, live_streams=16, api_keys=keys))
    client = create_app(services).test_client()
    held: dict[str, list[TestResponse]] = {key.name: [] for key in keys}

    def more(name: str) -> int:
        answer = client.get("/campaigns/events", headers={"apikey": f"secret-of-{name}"})
        held[name] += [answer] if answer.status_code == 200 else []
        return answer.status_code

    shares = [[more(name) for _ in range(16)].count(200) for name in held]
    assert shares == [12, 3, 1]
    assert more("crm") == 503
    held["crm"].pop().close()
    assert (more("painel"), more("crm")) == (200, 503)

    for answer in [answer for answers in held.values() for answer in answers]:
        answer.close()
    assert more("crm") == 200  # whoever has left holds nothing
    held["crm"][-1].close()
    services.store.scripts.client.close()


def test_a_campaign_at_its_end_is_not_followed_for_ever(
    client: FlaskClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "QUIET_S", 0.0)
    accepting.accept(store, an_order(), country="BR")
    steering.steer(store, "c1", Move.CANCEL)

    status, end = read(client.get("/campaigns/c1/events"))
    assert (status.data["status"], status.id, end.kind, end.id) == (
        "cancelled",
        str(revision(store)),
        "end",
        f"{status.id}.end",
    )

    assert client.get("/campaigns/c1/events", headers={"Last-Event-ID": end.id}).status_code == 204
    # Who lost the connection before the end is not told so, and who was told is shown what came after.
    assert client.get("/campaigns/c1/events", headers={"Last-Event-ID": status.id}).status_code == 200
    store.scripts.client.hincrby("bcast:campaign:c1", "rev", 1)
    assert client.get("/campaigns/c1/events", headers={"Last-Event-ID": end.id}).status_code == 200


@pytest.mark.parametrize("last", ["", "x", "1.5", "-1", "9" * 40, "١٢"])
def test_an_id_that_is_not_ours_is_none(client: FlaskClient, store: Store, last: str) -> None:
    accepting.accept(store, an_order(), country="BR")
    answer = client.get("/campaigns/c1/events", headers={"Last-Event-ID": last.encode().decode("latin-1")})
    assert next(read(answer)).id == str(revision(store))
    answer.close()


def test_a_hold_is_shown_without_a_new_id(client: FlaskClient, store: Store) -> None:
    store.workers.beat("broadcast", "w1")
    store.workers.beat("control", "w1")
    accepting.accept(store, an_order(), country="BR")
    answer = client.get("/campaigns/c1/events")
    stream = read(answer)
    assert next(stream).data["holdReason"] is None

    steering.hold_lane(store, "i1")
    held = next(stream)
    assert (held.data["holdReason"], held.id) == ("instance_paused", None)
    steering.open_lane(store, "i1")
    opened = next(stream)
    assert (opened.data["holdReason"], opened.id) == (None, None)
    answer.close()


def test_changes_come_together_not_one_by_one(client: FlaskClient, store: Store) -> None:
    accepting.accept(store, an_order(), country="BR")
    busy = client.get("/campaigns/c1/events")  # has the thread look already, so that a stream begins between two looks
    for move in [Move.PAUSE, Move.RESUME] * 3:
        answer = client.get("/campaigns/c1/events")
        stream = read(answer)
        first = next(stream)
        steering.steer(store, "c1", move)
        second = next(stream)
        while second.id is None:  # the same revision in a new light
            second = next(stream)
        assert second.at - first.at >= TICK_S
        answer.close()
    busy.close()


def test_a_list_is_shown_whole_and_then_as_it_changes(client: FlaskClient, store: Store) -> None:
    store.workers.beat("broadcast", "w1")
    store.workers.beat("control", "w1")
    empty = client.get("/campaigns/events")
    assert next(read(empty)).data == {"campaigns": []}
    empty.close()
    for name in ("c1", "c2"):
        accepting.accept(store, an_order(name), country="BR")
    answer = client.get("/campaigns/events")
    stream = read(answer)
    first = next(stream)
    assert {one["campaignId"] for one in first.data["campaigns"]} == {"c1", "c2"}

    steering.steer(store, "c2", Move.PAUSE)
    second = next(stream)
    assert [(one["campaignId"], one["status"]) for one in second.data["campaigns"]] == [("c2", "paused")]
    accepting.accept(store, an_order("c3"), country="BR")
    third = next(stream)
    assert [one["campaignId"] for one in third.data["campaigns"]] == ["c3"]
    assert int(first.id or 0) < int(second.id or 0) < int(third.id or 0)
    answer.close()


def test_instances_are_followed_as_they_are_asked_for(client: FlaskClient, store: Store) -> None:
    accepting.accept(store, an_order(), country="BR")
    answer = client.get("/instances/events")
    stream = read(answer)
    assert next(stream).data == {"instances": [client.get("/instances/i1").json]}

    steering.hold_lane(store, "i1")
    assert [one["state"] for one in next(stream).data["instances"]] == ["paused"]
    answer.close()


def test_a_look_at_many_instances_is_two_round_trips(
    client: FlaskClient, services: Services, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"i{number:02}" for number in range(20)]
    for name in names:
        accepting.accept(store, an_order(name, instance=name), country="BR")
    looks, everything = Looks(services), Lanes(None)
    looks.at([everything], anew=True)  # the connection is made, and the script is loaded
    sent: list[object] = []
    ours = threading.get_ident()
    send = redis.connection.Connection.send_packed_command

    def counted(self: redis.connection.Connection, command: object, check_health: bool = True) -> None:
        if threading.get_ident() == ours:  # a thread of a test before may have a last look
            sent.append(command)
        send(self, command, check_health)

    monkeypatch.setattr(redis.connection.Connection, "send_packed_command", counted)
    found = looks.at([everything], anew=True)[everything]
    monkeypatch.undo()
    assert [moment.of for moment in found] == names
    assert json.loads(found[7].text) == client.get("/instances/i07").json
    assert len(sent) == 2  # the names, and all their lanes


def test_a_key_follows_only_what_it_may_see(redis_url: str, store: Store) -> None:
    for name, instance in (("c1", "loja"), ("c2", "outra")):
        accepting.accept(store, an_order(name, instance=instance), country="BR")
    key = ApiKey("loja", "secret-of-loja", frozenset({"loja"}))
    services = build_services(Settings(redis_url=redis_url, api_keys=(key,)))
    client, headers = create_app(services).test_client(), {"apikey": key.secret}

    assert client.get("/campaigns/c1/events").status_code == 401
    assert client.get("/campaigns/c2/events", headers=headers).status_code == 404
    for path, kind, name, only in (
        ("/campaigns/events", "campaigns", "campaignId", "c1"),
        ("/instances/events", "instances", "instanceId", "loja"),
    ):
        answer = client.get(path, headers=headers)
        assert [one[name] for one in next(read(answer)).data[kind]] == [only]
        answer.close()
    services.store.scripts.client.close()


def test_a_stream_says_so_when_there_is_nothing_new(
    client: FlaskClient, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "HEARTBEAT_S", 0.2)
    monkeypatch.setattr(streams, "LIFE_S", 4.0)
    accepting.accept(store, an_order(), country="BR")
    steering.steer(store, "c1", Move.PAUSE)

    text = client.get("/campaigns/c1/events").text  # ends by itself
    assert text.startswith("retry: 1000\n\n")
    assert re.search(r"^: ", text, re.MULTILINE)
    assert "event: end" not in text


def test_streams_that_are_closed_end_at_once(client: FlaskClient, store: Store) -> None:
    accepting.accept(store, an_order(), country="BR")
    stream = read(client.get("/campaigns/c1/events"))
    next(stream)
    client.application.extensions["live"].close()
    assert list(stream) == []
    assert client.get("/campaigns/c1/events").status_code == 503
