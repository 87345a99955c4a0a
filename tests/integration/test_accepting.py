"""A campaign is accepted whole or not at all, and once."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import redis

from broadcast.domain.campaign import State
from broadcast.domain.contact import Status
from broadcast.engine import accepting, telling
from broadcast.errors import Conflict, Invalid, NotFound, Unavailable
from broadcast.store import Store
from broadcast.store.keys import key
from tests.builders import an_order, phones
from tests.processes import wait_for


def test_what_cannot_be_sent_is_left_out_with_a_reason(store: Store) -> None:
    numbers = ["5511999990001", "not a number", "11 99999-0001", "551199990001", "5511999990002"]

    acceptance = accepting.accept(store, an_order(contacts=numbers), country="BR")

    assert (acceptance.queued, acceptance.skipped) == (2, 3)
    assert acceptance.reasons == {"invalid_phone": 1, "duplicate": 2}


def test_a_contact_without_a_value_for_the_text_is_left_out(store: Store) -> None:
    acceptance = accepting.accept(store, an_order(text="Oi {{name}}"), country="BR")

    assert (acceptance.queued, acceptance.reasons) == (0, {"missing_variable": 3})
    assert acceptance.state is State.COMPLETED


def test_twenty_equal_orders_at_once_are_one_campaign(store: Store, redis_url: str) -> None:
    stores = [Store(redis_url) for _ in range(20)]
    order = an_order(contacts=2000)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda one: accepting.accept(one, order, country="BR"), stores))

    assert sum(answer.is_new for answer in answers) == 1
    assert {(answer.queued, answer.skipped) for answer in answers} == {(2000, 0)}
    assert len(store.campaigns.page(state=None, instances=None, limit=10, before="+inf", after="")) == 1
    assert store.scripts.client.llen(key("pending", "c1")) == 2000
    for one in stores:
        one.scripts.client.close()


def test_another_body_under_the_same_id_is_a_conflict(store: Store) -> None:
    accepting.accept(store, an_order(), country="BR")

    with pytest.raises(Conflict):
        accepting.accept(store, an_order(text="another"), country="BR")


def test_two_bodies_at_once_leave_one_of_them_whole(store: Store, redis_url: str) -> None:
    orders = [an_order(contacts=phones(600, start=index * 1000), text=f"text {index}") for index in range(8)]

    def attempt(index: int) -> int | None:
        one = Store(redis_url)
        try:
            accepting.accept(one, orders[index], country="BR")
        except Conflict:
            return None
        finally:
            one.scripts.client.close()
        return index

    with ThreadPoolExecutor(8) as pool:
        winners = [index for index in pool.map(attempt, range(8)) if index is not None]

    assert len(winners) == 1
    stored = [store.scripts.client.hget(key("contact", "c1", number), "phone") for number in range(600)]
    assert stored == phones(600, start=winners[0] * 1000)


def test_what_a_dead_attempt_left_behind_is_not_seen_and_not_sent(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accepting, "LEASE_MS", 200)
    long = an_order(contacts=900)
    assert store.campaigns.claim(long, token="dead", lease_ms=200) == "new"
    first = list(accepting.sort_out(long, country="BR"))[:500]
    store.campaigns.stage("c1", first[:250], token="dead", lease_ms=200)
    store.campaigns.stage("c1", first[250:], token="dead", lease_ms=200)
    with pytest.raises(NotFound):
        telling.progress(store, "c1")

    acceptance = accepting.accept(store, an_order(contacts=3, digest=long.digest), country="BR")

    assert acceptance.queued == 3
    assert len(store.scripts.client.keys(key("contact", "c1", "*"))) == 3
    assert store.scripts.client.llen(key("pending", "c1")) == 3


def test_a_chunk_told_twice_is_stored_once(store: Store) -> None:
    order = an_order(contacts=10)
    contacts = list(accepting.sort_out(order, country="BR"))
    store.campaigns.claim(order, token="t", lease_ms=600_000)

    assert all(store.campaigns.stage("c1", contacts, token="t", lease_ms=600_000) for _ in range(2))
    assert store.scripts.client.llen(key("pending", "c1")) == 10


def test_a_schedule_in_the_past_is_refused_and_holds_no_id(store: Store) -> None:
    past = int(time.time() * 1000) - 3_600_000
    with pytest.raises(Invalid, match="/scheduledFor"):
        accepting.accept(store, an_order(scheduled_ms=past), country="BR")

    assert accepting.accept(store, an_order(text="corrected"), country="BR").queued == 3


def test_a_replay_of_an_old_schedule_still_gets_its_answer(store: Store) -> None:
    soon = int(time.time() * 1000) + 30_000
    order = an_order(scheduled_ms=soon)
    first = accepting.accept(store, order, country="BR")
    late = accepting.accept(store, order, country="BR", clock=lambda: soon / 1000 + 86_400)

    assert (first.state, late.is_new, late.queued) == (State.SCHEDULED, False, 3)


def test_a_scheduled_campaign_waits_outside_its_lane_until_its_time(store: Store) -> None:
    accepting.accept(store, an_order(scheduled_ms=int(time.time() * 1000) + 3_600_000), country="BR")
    assert store.campaigns.begin_due() == []
    assert store.lanes.survey("i1").candidates == []

    soon = int(time.time() * 1000) + 300
    store.scripts.client.zadd(key("scheduled"), {"c1": soon}, xx=True)  # as if the hour had passed
    wait_for(store.campaigns.begin_due, what="its time")
    assert time.time() * 1000 >= soon
    assert telling.progress(store, "c1").state is State.RUNNING


def test_the_tally_of_an_accepted_campaign_adds_up(store: Store) -> None:
    accepting.accept(store, an_order(contacts=["bad", *phones(300)]), country="BR")
    progress = telling.progress(store, "c1")

    assert progress.counts[Status.PENDING] == 300
    assert sum(progress.counts.values()) == progress.total == 301


def test_a_redis_that_is_away_is_said_to_be_unavailable() -> None:
    with pytest.raises(Unavailable):
        accepting.accept(Store("redis://127.0.0.1:1/0"), an_order(), country="BR")


def test_a_full_redis_accepts_nothing_by_halves(store: Store) -> None:
    client: redis.Redis = store.scripts.client
    used = client.info("memory")["used_memory"]
    client.config_set("maxmemory", used + 60_000)
    try:
        with pytest.raises(Unavailable):
            accepting.accept(store, an_order(contacts=5000), country="BR")
    finally:
        client.config_set("maxmemory", 0)
    with pytest.raises(NotFound):
        telling.progress(store, "c1")


def test_giving_up_a_claim_takes_nothing_from_the_request_that_has_the_id_now(store: Store) -> None:
    order = an_order(contacts=10)
    store.campaigns.claim(order, token="late", lease_ms=1)
    time.sleep(0.01)
    accepting.accept(store, order, country="BR")  # took the lapsed claim over

    store.campaigns.release("c1", token="late", stored=10)
    assert len(store.scripts.client.keys("bcast:contact:c1:*")) == 10
    assert telling.progress(store, "c1").counts[Status.PENDING] == 10
