"""What was foretold of a campaign is kept with it, and compared with what happened."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.domain.campaign import Move, State
from broadcast.domain.campaign import Scope as RetryScope
from broadcast.domain.contact import Status
from broadcast.engine import accepting, reporting, steering
from broadcast.engine.foretelling import Judged, judge
from broadcast.pacing import handling
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Go, Outcome
from broadcast.tasks.figures import Figures
from broadcast.wiring import Services
from tests.builders import a_body, an_order
from tests.lanes import ask, fan_out, tickets

QUEUE = "/queue/add-broadcast"
NOW_MS = 1_900_000_000_000
AT_ONCE, BY_TICK = handling(is_ticked=False), handling(is_ticked=True)


@pytest.fixture
def lane(store: Store) -> Store:
    store.workers.beat("broadcast", "w1")
    return store


def begin(store: Store, campaign: str = "c1", **order: Any) -> None:
    accepting.accept(store, an_order(campaign, **{"contacts": 2, "gap_ms": 50, **order}), country="BR")


def end(store: Store, campaign: str = "c1", *, status: Status = Status.SENT) -> None:
    """Let everybody leave, and find that it is over."""
    for ticket in tickets(fan_out(store)):
        while not isinstance(ask(store, ticket, ahead_ms=5000), Go):
            pass
        store.contacts.record(ticket, Outcome(status=status, reason="" if status is Status.SENT else "refused"))
    assert store.campaigns.finish(campaign)


def kept(store: Store, campaign: str = "c1") -> list[int]:
    found: list[int] = json.loads(store.scripts.client.hget(key("campaign", campaign), "foretold"))
    return found


def judged(store: Store, campaign: str = "c1") -> Judged:
    found = reporting.summary(store, campaign).forecast
    assert found is not None
    return found


def test_a_preview_and_the_start_foretell_the_same(client: FlaskClient, store: Store) -> None:
    body = a_body("c1", "loja", contacts=100, rateLimitMs=1000, jitterMs=500)
    seen = client.post("/campaigns/preview", json=body).json["forecast"]
    client.post(QUEUE, json=body)
    told = client.get("/campaigns/c1/summary").json["forecast"]

    assert told["finishAtP90"] > told["finishAtP50"] > told["startAt"]
    assert told["finishAtP50"][:18] == seen["finishAtP50"][:18] or told["finishAtP50"] > seen["finishAtP50"]
    assert {name: told[name] for name in ("errorSeconds", "errorShare", "withinP90", "incomparable")} == {
        "errorSeconds": None, "errorShare": None, "withinP90": None, "incomparable": "running",
    }  # fmt: skip


def test_the_error_is_known_when_the_campaign_is_over(lane: Store, services: Services) -> None:
    begin(lane)
    from_ms, _, p50_ms, _ = kept(lane)
    assert p50_ms - from_ms == 50 + AT_ONCE.p50_ms
    assert judged(lane).incomparable == "running"
    end(lane)

    found = judged(lane)
    finished_ms = int(lane.scripts.client.hget(key("campaign", "c1"), "finished_ms"))
    assert found.incomparable is None
    assert found.error_ms == finished_ms - p50_ms
    assert found.error_share == round(found.error_ms / 1000, 4), "of a second at least"
    assert found.within_p90 == (finished_ms <= found.p90_ms)
    assert judged(lane) == found, "the kept summary says the same"


def test_what_was_foretold_of_a_schedule_counts_from_then(store: Store) -> None:
    seconds, micros = store.scripts.client.time()
    at_ms = seconds * 1000 + micros // 1000 + 60_000
    begin(store, scheduled_ms=at_ms)
    p50_ms = at_ms + 50 + BY_TICK.p50_ms
    assert kept(store) == [at_ms, at_ms, p50_ms, p50_ms + BY_TICK.spread_ms]


def test_an_open_campaign_is_foretold_when_it_starts(client: FlaskClient, store: Store) -> None:
    body = a_body("c1", "loja", open=True, rateLimitMs=1000)
    del body["contacts"]
    client.post(QUEUE, json=body)
    assert client.get("/campaigns/c1/summary").json["forecast"] is None
    client.post("/campaigns/c1/contacts?chunk=0", json=["5511999990001", "5511999990002", "5511999990002"])
    client.post("/campaigns/c1/start")
    from_ms, start_ms, p50_ms, p90_ms = kept(store)
    assert (start_ms - from_ms, p50_ms - from_ms) == (0, 1000 + AT_ONCE.p50_ms)
    assert p90_ms - p50_ms == AT_ONCE.spread_ms


def test_a_campaign_that_nobody_is_left_for_has_no_forecast(store: Store) -> None:
    begin(store, contacts=["n/a"])
    assert reporting.summary(store, "c1").forecast is None


@pytest.mark.parametrize("why", ["paused", "instance_paused", "retried"])
def test_what_a_person_did_meanwhile_makes_it_incomparable(lane: Store, services: Services, why: str) -> None:
    begin(lane)
    if why == "paused":
        steering.steer(lane, "c1", Move.PAUSE)
        steering.steer(lane, "c1", Move.RESUME)
    elif why == "instance_paused":
        steering.hold_lane(lane, "i1")
        steering.open_lane(lane, "i1")
    end(lane, status=Status.FAILED if why == "retried" else Status.SENT)
    counted = lane.campaigns.forecasts()
    if why == "retried":
        assert judged(lane).incomparable is None
        steering.retry(lane, "c1", RetryScope.FAILED)
        end(lane)
    found = judged(lane)
    assert (found.incomparable, found.error_ms, found.within_p90) == (why, None, None)
    assert lane.campaigns.forecasts() == counted, "and it is counted no more"


def test_an_instance_that_is_held_at_the_start_makes_it_incomparable(lane: Store) -> None:
    lane.lanes.hold("i1", "closed", reason="disconnected")
    begin(lane)
    lane.lanes.hold("i1", "")
    end(lane)
    assert judged(lane).incomparable == "instance_closed"


def test_an_instance_that_closes_meanwhile_is_an_error_of_the_forecast(lane: Store) -> None:
    begin(lane)
    lane.lanes.hold("i1", "closed", reason="disconnected")
    lane.lanes.hold("i1", "")
    end(lane)
    assert judged(lane).incomparable is None


@pytest.mark.parametrize(
    ("state", "upset", "late_ms", "found"),
    [
        (State.COMPLETED, None, 10_000, (10_000, 0.1, True, None)),
        (State.COMPLETED, None, -25_000, (-25_000, -0.25, True, None)),
        (State.COMPLETED, None, 20_001, (20_001, 0.2, False, None)),
        (State.CANCELLED, None, 0, (None, None, None, "cancelled")),
        (State.SCHEDULED, None, 0, (None, None, None, "scheduled")),
        (State.RUNNING, "paused", 0, (None, None, None, "paused")),
    ],
)
def test_a_forecast_is_judged_by_its_p50_and_p90(
    state: State, upset: str | None, late_ms: int, found: tuple[Any, ...]
) -> None:
    told = [NOW_MS, NOW_MS + 1000, NOW_MS + 100_000, NOW_MS + 120_000]
    order = {"status": state.value, "foretold": json.dumps(told), "finished_ms": str(NOW_MS + 100_000 + late_ms)}
    seen = judge({**order, **({"upset": upset} if upset else {})})
    assert seen is not None
    assert (seen.error_ms, seen.error_share, seen.within_p90, seen.incomparable) == found


def test_what_was_too_far_to_foretell_is_not_judged(lane: Store) -> None:
    begin(lane, "c1")
    lane.scripts.client.hset(key("campaign", "c1"), "foretold", json.dumps([NOW_MS, NOW_MS, None, None]))
    end(lane)
    found = judged(lane)
    assert (found.p50_ms, found.error_ms, found.within_p90, found.incomparable) == (None, None, None, "too_far")
    assert not lane.scripts.client.exists("bcast:forecasts")


def test_metrics_have_the_errors_of_all(lane: Store, services: Services) -> None:
    shares = [0.005, 0.04, -0.3, 3.0]
    for number, share in enumerate(shares):
        begin(lane, f"c{number}")
        seconds, micros = lane.scripts.client.time()
        now_ms = seconds * 1000 + micros // 1000
        p50_ms = now_ms - int(share * 10_000_000)
        told = [p50_ms - 10_000_000, p50_ms, p50_ms, p50_ms + 500_000]
        lane.scripts.client.hset(key("campaign", f"c{number}"), "foretold", json.dumps(told))
        end(lane, f"c{number}")

    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in Figures(lambda: services).collect()
        for sample in family.samples
        if "forecast" in family.name
    }
    name = "broadcast_forecast_error_share"
    counted = [found[f"{name}_bucket", most] for most in ("0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1", "+Inf")]
    assert counted == [1, 1, 2, 2, 2, 3, 3, 4]
    assert (found[f"{name}_count",], found[f"{name}_sum",]) == (4, pytest.approx(3.345, abs=0.01))
    assert (found["broadcast_forecasts_total", "in_time"], found["broadcast_forecasts_total", "late"]) == (3, 1)
