"""A gateway that tries again tells old news after newer ones: of an instance, only what is newer than all counts."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.domain.instance import Instance
from broadcast.engine import steering
from broadcast.gateways.base import Connection
from broadcast.gateways.cloud import Cloud
from broadcast.gateways.evolution import Evolution
from broadcast.gateways.waha import Waha
from broadcast.pacing import Rules
from broadcast.store import Store
from broadcast.store.keys import key
from tests.integration.test_webhooks import SIGNED, webhooks

MINUTE_MS, HOUR_MS = 60_000, 3_600_000
CLOSED = {"state": "close", "statusReason": 403}
OPEN = {"state": "open", "statusReason": 200}


@pytest.fixture
def client(redis_url: str) -> Iterator[FlaskClient]:
    with webhooks(redis_url, "evolution") as client:
        yield client


def post(client: FlaskClient, data: dict[str, Any], at: object) -> None:
    told = {} if at is None else {"date_time": at}
    body = json.dumps({"event": "connection.update", "data": data, **told}).encode()
    assert client.post("/webhooks/evolution/loja", data=body, headers=SIGNED["evolution"](body)).status_code == 204


def held(store: Store) -> str:
    return store.lanes.look("loja")[0].get("hold", "open")


def test_an_older_open_that_is_tried_again_does_not_open_an_instance_that_closed(
    client: FlaskClient, store: Store
) -> None:
    post(client, CLOSED, "2026-11-23T18:08:35.000Z")
    post(client, OPEN, "2026-11-23T17:58:34.303Z")
    assert held(store) == "closed"

    post(client, OPEN, "2026-11-23T18:08:36.000Z")
    assert held(store) == "open"


def test_a_close_that_is_told_again_does_not_undo_a_newer_open_or_a_persons_resume(
    client: FlaskClient, store: Store
) -> None:
    post(client, CLOSED, "2026-11-23T18:08:35.000Z")
    post(client, OPEN, "2026-11-23T18:08:36.000Z")
    post(client, CLOSED, "2026-11-23T18:08:35.000Z")
    assert held(store) == "open"

    post(client, CLOSED, "2026-11-23T18:08:37.000Z")
    assert held(store) == "closed"
    steering.open_lane(store, "loja")
    post(client, CLOSED, "2026-11-23T18:08:37.000Z")
    assert held(store) == "open"


@pytest.mark.parametrize("at", [None, "yesterday", 7, "2026-11-23T18:08:37", "+9999-01-01T00:00:00Z", "é" * 99])
def test_news_of_no_time_are_as_new_as_their_arrival(client: FlaskClient, store: Store, at: object) -> None:
    post(client, CLOSED, "2026-11-23T18:08:35.000Z")
    post(client, OPEN, at)
    assert held(store) == "open"
    assert abs(int(store.lanes.look("loja")[0]["news_ms"]) - time.time() * 1000) < 10_000


def test_a_server_whose_clock_was_put_back_is_believed_all_the_same(client: FlaskClient, store: Store) -> None:
    post(client, CLOSED, "2026-11-23T18:08:35.000Z")
    post(client, OPEN, "2026-11-23T17:08:36.000Z")  # Evolution tells its local time, and no retry is so late
    assert held(store) == "open"


def later(store: Store, minutes: int) -> None:
    """Let so much time pass for the lane."""
    lane = store.lanes.look("loja")[0]
    for name in {"heard_ms", "held_ms", "found_ms"} & lane.keys():
        store.scripts.client.hset(key("lane", "loja"), name, int(lane[name]) - minutes * 60_000)


@pytest.mark.parametrize("minutes", [1, 19, 25, 40, 59, 61, 300])
def test_news_in_the_hour_after_the_clocks_went_back_are_heard(client: FlaskClient, store: Store, minutes: int) -> None:
    post(client, CLOSED, "2026-10-25T01:30:00.000Z")
    later(store, minutes)
    wall = datetime(2026, 10, 25, 0, 30) + timedelta(minutes=minutes)  # noqa: DTZ001 - a wall clock
    post(client, OPEN, f"{wall.isoformat()}.000Z")
    assert held(store) == "open"


def test_an_open_that_is_tried_again_for_long_does_not_open_what_closed_since(
    client: FlaskClient, store: Store
) -> None:
    post(client, CLOSED, "2026-11-23T18:08:35.000Z")
    later(store, 15)
    post(client, OPEN, "2026-11-23T17:58:34.303Z")
    assert held(store) == "closed"


@pytest.mark.parametrize(
    ("ahead_ms", "then_ms"), [(6 * HOUR_MS, 5), (6 * HOUR_MS, 2 * MINUTE_MS), (300 * 24 * HOUR_MS, 59_500)]
)
def test_a_gateway_whose_clock_was_ahead_is_heard_as_soon_as_it_is_right(
    store: Store, ahead_ms: int, then_ms: int
) -> None:
    for status, off_ms in (("FAILED", ahead_ms), ("WORKING", then_ms), ("STOPPED", then_ms + 1000)):
        tell(store, {"status": status}, off_ms)
        assert held(store) == ("open" if status == "WORKING" else "closed")


def test_what_is_told_again_by_a_clock_that_is_ahead_does_not_undo_a_persons_resume(store: Store) -> None:
    news = told({"status": "STOPPED"}, HOUR_MS)
    assert steering.hear(store, "loja", news)
    steering.open_lane(store, "loja")
    assert not steering.hear(store, "loja", news)
    assert held(store) == "open"


@pytest.mark.parametrize("off_ms", [-50_000, 0, 50_000])
def test_a_clock_that_is_nearly_right_orders_news_as_they_were(store: Store, off_ms: int) -> None:
    news = [
        (told({"status": status}, off_ms + then_ms), state)
        for status, then_ms, state in (
            ("STOPPED", 0, "closed"),
            ("WORKING", -5000, "closed"),
            ("WORKING", 5000, "open"),
        )
    ]
    for one, state in news:
        steering.hear(store, "loja", one)
        assert held(store) == state


def told(item: dict[str, Any], off_ms: int) -> Connection:
    """What WAHA says, with its clock so far off."""
    event = {"event": "session.status", "timestamp": int(time.time() * 1000) + off_ms, "payload": item}
    connection = Waha("http://x", "k", timeout_s=1).read(event).connection
    assert connection is not None
    return connection


def tell(store: Store, item: dict[str, Any], off_ms: int) -> bool:
    """Hear it."""
    return steering.hear(store, "loja", told(item, off_ms))


@pytest.mark.parametrize(("off_ms", "state"), [(-10 * MINUTE_MS, "closed"), (-30_000, "open"), (0, "open")])
def test_what_opened_before_an_answer_found_it_closed_opens_nothing(store: Store, off_ms: int, state: str) -> None:
    steering.closed(store, "loja", "disconnected")
    tell(store, {"status": "WORKING"}, off_ms)
    assert held(store) == state

    tell(store, {"status": "WORKING"}, 1000)
    assert held(store) == "open"


@pytest.mark.parametrize(("late_ms", "state"), [(0, "open"), (30_000, "open"), (10 * MINUTE_MS, "closed")])
def test_by_a_clock_that_is_behind_what_opened_since_is_told_from_what_opened_before(
    store: Store, late_ms: int, state: str
) -> None:
    behind_ms = 3 * MINUTE_MS
    tell(store, {"status": "WORKING"}, -behind_ms - MINUTE_MS)  # a minute on its way
    tell(store, {"status": "WORKING"}, -behind_ms)
    lane = store.lanes.look("loja")[0]
    for name in ("news_ms", "heard_ms"):  # half an hour ago
        store.scripts.client.hset(key("lane", "loja"), name, int(lane[name]) - 30 * MINUTE_MS)
    steering.closed(store, "loja", "disconnected")

    tell(store, {"status": "WORKING"}, -behind_ms - late_ms)
    assert held(store) == state


def test_a_clock_that_was_behind_and_is_put_right_opens_what_closed(store: Store) -> None:
    tell(store, {"status": "WORKING"}, -3 * MINUTE_MS)
    steering.closed(store, "loja", "disconnected")
    tell(store, {"status": "WORKING"}, 0)
    assert held(store) == "open"

    steering.closed(store, "loja", "disconnected")
    tell(store, {"status": "WORKING"}, 1000)
    assert held(store) == "open"


def test_what_opened_before_is_told_from_what_opened_since_by_a_wall_clock_too(
    client: FlaskClient, store: Store
) -> None:
    post(client, OPEN, "2026-11-23T15:00:00.000Z")  # three hours west of us, or wherever
    later(store, 30)
    steering.closed(store, "loja", "disconnected")
    later(store, 2)
    post(client, OPEN, "2026-11-23T15:20:00.000Z")  # ten minutes before, tried again
    assert held(store) == "closed"

    post(client, OPEN, "2026-11-23T15:32:00.000Z")
    assert held(store) == "open"


def test_an_open_that_changes_nothing_is_older_than_what_comes_before_it_in_time(
    client: FlaskClient, store: Store
) -> None:
    post(client, OPEN, "2026-11-23T18:08:36.000Z")
    post(client, CLOSED, "2026-11-23T18:08:35.000Z")
    assert held(store) == "open"


@pytest.mark.parametrize("url", ["http://there", "http://here"])
def test_news_of_another_gateway_are_heard_whatever_the_clock_of_the_one_before(store: Store, url: str) -> None:
    def register(dialect: str, url: str) -> None:
        store.instances.keep(Instance(id="loja", dialect=dialect, url=url), Rules())

    register("evolution", "http://here")
    ahead_ms = int(time.time() * 1000) + 2 * HOUR_MS
    steering.hear(store, "loja", Connection(is_open=True, reason="open", at_ms=ahead_ms, tried_for_ms=1, is_wall=True))
    closed = Connection(is_open=False, reason="disconnected", at_ms=ahead_ms - 2 * HOUR_MS, tried_for_ms=24 * HOUR_MS)
    register("evolution", "http://here")
    assert not steering.hear(store, "loja", closed)

    register("evolution" if url == "http://there" else "waha", url)
    assert steering.hear(store, "loja", closed)
    assert held(store) == "closed"


def test_an_account_that_is_told_of_again_does_not_undo_a_persons_resume(redis_url: str, store: Store) -> None:
    change = {"field": "account_update", "value": {"event": "ACCOUNT_DELETED"}}
    body = json.dumps({"entry": [{"id": "1", "time": 1743451903, "changes": [change]}]}).encode()
    with webhooks(redis_url, "cloud") as client:
        client.post("/webhooks/cloud/loja", data=body, headers=SIGNED["cloud"](body))
        assert held(store) == "restricted"
        steering.open_lane(store, "loja")
        client.post("/webhooks/cloud/loja", data=body, headers=SIGNED["cloud"](body))
    assert held(store) == "open"


def test_each_dialect_reads_when_its_news_are_of() -> None:
    calls: list[tuple[Any, dict[str, Any]]] = [
        (Evolution, {"event": "connection.update", "data": OPEN, "date_time": "2026-11-23T18:08:36.116Z"}),
        (Waha, {"event": "session.status", "timestamp": 1795457316116, "payload": {"status": "WORKING"}}),
        (
            Cloud,
            {
                "entry": [
                    {
                        "time": 1795457316,
                        "changes": [{"field": "account_update", "value": {"event": "ACCOUNT_DELETED"}}],
                    }
                ]
            },
        ),
    ]
    times = [gateway("http://x", "k", timeout_s=1).read(call).connection.at_ms for gateway, call in calls]
    assert times == [1795457316116, 1795457316116, 1795457316000]


def test_news_of_the_settings_gateway_are_heard_whatever_the_clock_of_the_one_that_they_named_before(
    redis_url: str, store: Store
) -> None:
    def wall(minutes: int) -> str:
        return (datetime.now(timezone.utc) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%S.000Z")

    with webhooks(redis_url, "evolution") as client:
        post(client, OPEN, wall(120))
        post(client, CLOSED, wall(119))
        assert held(store) == "open"

    event = {"event": "session.status", "session": "loja", "timestamp": int(time.time() * 1000)}
    body = json.dumps({**event, "payload": {"status": "FAILED"}}).encode()
    with webhooks(redis_url, "waha") as client:
        assert client.post("/webhooks/waha/loja", data=body, headers=SIGNED["waha"](body)).status_code == 204
    assert held(store) == "closed"

    with webhooks(redis_url, "evolution") as client:
        post(client, OPEN, wall(-20))
    assert held(store) == "open"
