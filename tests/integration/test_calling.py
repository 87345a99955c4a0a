"""Callbacks from the change they tell of to the CRM that takes them: whole, in order, and at nobody else's cost."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from broadcast.api import answers
from broadcast.domain.callback import Delivery, News, host_of
from broadcast.domain.campaign import Move, Scope
from broadcast.domain.contact import Recipient, Status
from broadcast.domain.receipt import Receipt
from broadcast.engine import accepting, calling, steering, telling
from broadcast.engine.calling import Calling
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.scripts import sources
from broadcast.store.tickets import Deferral, Outcome, Ticket
from tests.builders import an_order
from tests.crm import Crm, a_crm, aged, call_all, hurry, moment
from tests.crm import calling as calls_of
from tests.lanes import ask, fan_out, tickets
from tests.processes import free_port, wait_for

DAY_MS = 86_400_000
names = itertools.count(1)


@pytest.fixture
def crm() -> Iterator[Crm]:
    with a_crm() as crm:
        yield crm


def accept(store: Store, url: str, campaign: str = "c1", **changes: Any) -> None:
    accepting.accept(store, an_order(campaign, callback_url=url, **changes), country="BR")


def send_all(store: Store, instance: str = "i1", **outcome: Any) -> list[Ticket]:
    """Plan the lane, and have its contacts end so."""
    store.workers.beat("broadcast", "w1")
    sent = []
    for ticket in tickets(fan_out(store, instance)):
        wait_for(lambda ticket=ticket: type(ask(store, ticket, ahead_ms=60_000)).__name__ == "Go")
        store.contacts.record(ticket, Outcome(**{"status": Status.SENT, "message_id": f"m{ticket.number}", **outcome}))
        sent.append(ticket)
    return sent


def waiting(store: Store, campaign: str = "c1") -> list[str]:
    """The types of what waits, in the order in which it leaves."""
    numbers = store.scripts.client.zrange(key("outbox", campaign), 0, -1)
    return [str(store.scripts.client.hget(key("callback", campaign, number), "kind")) for number in numbers]


def rows(store: Store, campaign: str = "c1", **options: Any) -> list[dict[str, Any]]:
    """The callbacks as the API shows them, oldest first."""
    page = calling.page(store, campaign, **{"state": None, "limit": 100, "cursor": None, **options})
    return [answers.callback(row) for row in reversed(page.items)]


def report_now(store: Store) -> None:
    """Let the time to tell progress have come."""
    for campaign in store.scripts.client.zrange(key("reported"), 0, -1):
        store.scripts.client.zadd(key("reported"), {campaign: 0})
    calling.report(store)


def held_to_the_truth(store: Store, *campaigns: str) -> None:
    """What is counted is what is there."""
    shown = [row["status"] for campaign in campaigns for row in rows(store, campaign)]
    counted = store.callbacks.tally()
    assert counted["waiting"] == shown.count("waiting")


# What is told


def test_a_campaign_is_told_from_its_start_to_its_end(store: Store, crm: Crm) -> None:
    accept(store, crm.url)
    steering.steer(store, "c1", Move.PAUSE)
    steering.steer(store, "c1", Move.RESUME)
    send_all(store)
    assert store.campaigns.finish("c1")

    call_all(store)

    assert crm.types == ["campaign.started", "campaign.paused", "campaign.resumed", "campaign.completed"]
    assert len(set(crm.ids)) == 4
    held_to_the_truth(store, "c1")


def test_a_campaigns_news_has_the_status_answers_names_as_it_stood_then(store: Store, crm: Crm) -> None:
    accept(store, crm.url, text="Um segredo")
    then = answers.status(telling.progress(store, "c1"))
    steering.steer(store, "c1", Move.CANCEL)

    call_all(store)

    started, cancelled = crm.told
    assert {**started["data"], "holdReason": None, "holdDetail": None, "expectedFinishAt": None} == {
        **then, "holdReason": None, "holdDetail": None, "expectedFinishAt": None,
    }  # fmt: skip
    assert (started["data"]["status"], cancelled["data"]["status"]) == ("running", "cancelled")
    assert 0 <= (moment(started["timestamp"]) - moment(then["startedAt"])).total_seconds() < 1
    assert "Um segredo" not in str(crm.told)


def test_a_contact_that_failed_is_told_with_its_reason(store: Store, crm: Crm) -> None:
    accept(store, crm.url, contacts=["5511990000001"])
    send_all(store, status=Status.FAILED, message_id="", reason="not_on_whatsapp", detail="no such number")
    store.campaigns.finish("c1")

    call_all(store)

    assert crm.types == ["campaign.started", "contact.failed", "campaign.completed"]
    data = crm.told[1]["data"]
    assert (data["campaignId"], data["number"], data["phone"]) == ("c1", 0, "5511990000001")
    assert (data["status"], data["reason"], data["detail"]) == ("failed", "not_on_whatsapp", "no such number")


def test_a_contact_that_nobody_knows_the_outcome_of_is_told(store: Store, crm: Crm) -> None:
    accept(store, crm.url, contacts=1)
    send_all(store, status=Status.UNCONFIRMED, message_id="", reason="gateway_timeout")
    call_all(store)
    assert crm.types[1:] == ["contact.unconfirmed"]
    assert crm.told[1]["data"]["reason"] == "gateway_timeout"


def test_a_failure_that_is_tried_again_is_not_told(store: Store, crm: Crm) -> None:
    accept(store, crm.url, contacts=1)
    send_all(store)
    store.contacts.settle("i1", [Receipt(message_id="m0", status=Status.FAILED, reason="busy")])
    assert store.contacts.defer([Deferral(campaign="c1", number=0, in_ms=1000, most_attempts=5)]) == [True]

    call_all(store)

    assert "contact.failed" not in crm.types
    held_to_the_truth(store, "c1")


def test_a_scheduled_campaign_is_started_when_its_time_comes(store: Store, crm: Crm) -> None:
    accept(store, crm.url, scheduled_ms=int(time.time() * 1000) + 600_000)
    assert waiting(store) == []
    store.scripts.client.zincrby(key("scheduled"), -600_000, "c1")  # as if its time had come
    wait_for(store.campaigns.begin_due)
    assert waiting(store) == ["campaign.started"]


def test_a_completed_campaign_that_runs_again_is_resumed(store: Store, crm: Crm) -> None:
    accept(store, crm.url, contacts=1)
    send_all(store, status=Status.FAILED, message_id="", reason="refused")
    store.campaigns.finish("c1")
    steering.retry(store, "c1", Scope.FAILED)
    assert waiting(store)[-2:] == ["campaign.completed", "campaign.resumed"]


def test_a_campaign_without_an_address_tells_nobody(store: Store) -> None:
    accepting.accept(store, an_order(contacts=1), country="BR")
    send_all(store, status=Status.FAILED, message_id="", reason="refused")
    report_now(store)
    assert (waiting(store), call_all(store), store.callbacks.tally()["waiting"]) == ([], 0, 0)


@pytest.mark.parametrize("news", News)
def test_every_kind_of_news_is_written_by_some_script(news: News) -> None:
    texts = "".join(sources().values())
    what, how = news.value.split(".")
    assert f'"{how}"' in texts
    assert f'"{what}."' in texts


# Progress


def test_progress_is_told_when_there_is_any_and_only_the_newest_waits(store: Store, crm: Crm) -> None:
    accept(store, crm.url, contacts=3)
    send_all(store)
    report_now(store)
    report_now(store)
    assert waiting(store) == ["campaign.started", "campaign.progress"]

    store.contacts.settle("i1", [Receipt(message_id="m0", status=Status.READ)])
    report_now(store)
    assert waiting(store) == ["campaign.started", "campaign.progress"]

    call_all(store)
    assert crm.told[-1]["data"]["counts"]["read"] == 1
    report_now(store)
    assert waiting(store) == []  # nothing new
    held_to_the_truth(store, "c1")


def test_progress_is_told_once_in_ten_seconds_at_the_most(store: Store, crm: Crm) -> None:
    began, _ = store.scripts.client.time()
    accept(store, crm.url, contacts=3)
    send_all(store)
    calling.report(store)
    assert waiting(store) == ["campaign.started"]
    ended, _ = store.scripts.client.time()
    due_ms = store.scripts.client.zscore(key("reported"), "c1") or 0
    assert began * 1000 + 10_000 <= due_ms <= ended * 1000 + 10_999


def test_progress_on_its_way_is_not_taken_back(store: Store, crm: Crm) -> None:
    accept(store, crm.url, contacts=3)
    call_all(store)
    send_all(store)
    report_now(store)

    def more_meanwhile(_: Any) -> int:
        store.contacts.settle("i1", [Receipt(message_id="m0", status=Status.READ)])
        report_now(store)
        crm.answer = lambda _: 204
        return 204

    crm.answer = more_meanwhile
    call_all(store)

    assert [row["status"] for row in rows(store)] == ["delivered"] * 3
    assert [news["data"]["counts"]["read"] for news in crm.told] == [0, 0, 1]


# Order, and failures


def test_one_that_fails_holds_up_those_behind_it_and_none_overtakes(store: Store, crm: Crm) -> None:
    accept(store, crm.url)
    steering.steer(store, "c1", Move.PAUSE)
    steering.steer(store, "c1", Move.RESUME)
    said = iter([500, 204, 503, 400, 204, 204])
    crm.answer = lambda _: next(said)

    for _ in range(6):
        call_all(store)
        hurry(store, host_of(crm.url), "c1")

    assert crm.types == [
        "campaign.started", "campaign.started", "campaign.paused", "campaign.paused", "campaign.paused",
        "campaign.resumed",
    ]  # fmt: skip
    assert len(set(crm.ids)) == 3
    assert crm.told[0] == crm.told[1]  # the same at every attempt
    assert [row["attempts"] for row in rows(store)] == [2, 3, 1]


@given(statuses=st.lists(st.sampled_from([200, 204, 302, 400, 404, 429, 500, 503]), max_size=25))
@hypothesis_settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_whatever_the_crm_answers_none_overtakes_and_none_is_skipped(
    store: Store, crm: Crm, statuses: list[int]
) -> None:
    campaign = f"c{next(names)}"
    accept(store, crm.url, campaign)
    for _ in range(4):
        steering.steer(store, campaign, Move.PAUSE)
        steering.steer(store, campaign, Move.RESUME)
    crm.ids.clear()
    said = iter(statuses)
    crm.answer = lambda _: next(said, 204)

    while rows(store, campaign, state=Delivery.WAITING):
        hurry(store, host_of(crm.url), campaign)
        call_all(store)

    numbers = [int(name.rsplit("_", 1)[1]) for name in crm.ids]
    assert numbers == sorted(numbers)
    assert set(numbers) == set(range(1, 10))
    failed = [status for status in statuses[: len(numbers)] if status >= 300]
    assert len(numbers) == 9 + len(failed)


def test_a_failure_is_shown_with_when_it_is_tried_next(store: Store, crm: Crm) -> None:
    crm.answer = lambda _: 500
    accept(store, crm.url)
    steering.steer(store, "c1", Move.PAUSE)
    assert call_all(store) == 1
    assert call_all(store) == 0  # it is in back-off

    first, second = rows(store)
    assert (first["status"], first["attempts"], first["lastStatus"], first["deliveredAt"]) == ("waiting", 1, 500, None)
    assert moment(first["nextAttemptAt"]) > moment(first["timestamp"])
    assert (second["attempts"], second["nextAttemptAt"]) == (0, None)


def test_news_that_comes_in_a_back_off_does_not_end_it(store: Store, crm: Crm) -> None:
    crm.answer = lambda _: 500
    accept(store, crm.url)
    assert call_all(store) == 1
    steering.steer(store, "c1", Move.PAUSE)
    assert call_all(store) == 0


def test_an_outbox_keeps_no_text_and_no_persons_number_or_values(store: Store, crm: Crm) -> None:
    person = Recipient(phone="5511990000001", vars={"cidade": "Olinda"})
    accept(store, crm.url, recipients=[person], text="Um segredo em {{cidade}}")
    send_all(store, status=Status.FAILED, message_id="", reason="refused")
    kept = [str(store.scripts.client.hgetall(key("callback", "c1", number))) for number in (1, 2)]
    assert all("kind" in one for one in kept)
    assert not any(secret in one for one in kept for secret in ("segredo", "Olinda", "5511990000001", crm.url))


def test_after_a_day_one_is_given_up_and_the_next_one_goes(store: Store, crm: Crm) -> None:
    accept(store, crm.url)
    steering.steer(store, "c1", Move.PAUSE)
    aged(store, "c1", 1, ms=DAY_MS)
    crm.answer = lambda news: 500 if news["type"] == "campaign.started" else 204

    call_all(store)

    assert [(row["type"], row["status"]) for row in rows(store)] == [
        ("campaign.started", "failed"),
        ("campaign.paused", "delivered"),
    ]
    assert store.callbacks.tally() == {"waiting": 0, "delivered": 1, "failed": 1}


def test_one_that_waited_a_day_behind_another_is_still_tried_once(store: Store, crm: Crm) -> None:
    accept(store, crm.url)
    steering.steer(store, "c1", Move.PAUSE)
    for number in (1, 2):
        aged(store, "c1", number, ms=2 * DAY_MS)
    crm.answer = lambda _: 500
    call_all(store)
    assert [(row["attempts"], row["status"]) for row in rows(store)] == [(1, "failed"), (1, "failed")]


def test_a_crm_that_says_gone_is_not_called_again(store: Store, crm: Crm) -> None:
    crm.answer = lambda _: 410
    accept(store, crm.url)
    steering.steer(store, "c1", Move.PAUSE)
    call_all(store)
    steering.steer(store, "c1", Move.RESUME)
    hurry(store, host_of(crm.url), "c1")
    call_all(store)

    page = calling.page(store, "c1", state=None, limit=10, cursor=None)
    assert (len(crm.told), page.is_off) == (1, True)
    assert [row["status"] for row in rows(store)] == ["failed", "failed"]
    assert store.callbacks.tally() == {"waiting": 0, "delivered": 0, "failed": 2}


def test_what_failed_can_be_delivered_again_in_its_order(store: Store, crm: Crm) -> None:
    crm.answer = lambda _: 410
    accept(store, crm.url)
    steering.steer(store, "c1", Move.PAUSE)
    call_all(store)
    crm.answer = lambda _: 204

    assert calling.replay(store, "c1", event=None) == 2
    steering.steer(store, "c1", Move.RESUME)
    call_all(store)

    assert crm.types[1:] == ["campaign.started", "campaign.paused", "campaign.resumed"]
    assert calling.replay(store, "c1", event=None) == 0
    held_to_the_truth(store, "c1")


def test_one_that_was_delivered_can_be_delivered_again_under_its_id(store: Store, crm: Crm) -> None:
    accept(store, crm.url)
    call_all(store)
    assert calling.replay(store, "c1", event=crm.ids[0]) == 1
    assert calling.replay(store, "c1", event=crm.ids[0]) == 1  # twice is once
    held_to_the_truth(store, "c1")
    call_all(store)
    assert (crm.ids[0], len(crm.ids)) == (crm.ids[1], 2)


def test_ids_are_no_other_campaigns(store: Store, crm: Crm) -> None:
    accept(store, crm.url, "c1")
    accept(store, crm.url, "campanha ü.1")
    call_all(store)
    assert len(set(crm.ids)) == 2
    assert all(name.isascii() and "." not in name for name in crm.ids)


def test_one_that_cannot_be_made_keeps_its_host_from_nobody(store: Store, crm: Crm) -> None:
    accept(store, crm.url, "c1")
    accept(store, crm.url, "c2")
    store.scripts.client.hset(key("callback", "c1", 1), "shown", "[[],[],[],[]]")
    call_all(store)
    assert crm.types == ["campaign.started"]
    assert rows(store)[0]["lastError"].startswith("internal")


# Dead and slow CRMs


def test_a_dead_host_rests_and_is_tried_by_one_campaign_only(store: Store) -> None:
    url = f"http://127.0.0.1:{free_port()}/news"
    for number in range(10):
        accept(store, url, f"c{number}")
    assert call_all(store) == 3  # then it rests
    assert call_all(store) == 0
    assert store.scripts.client.hget(key("host", host_of(url)), "fails") == "3"

    store.scripts.client.hdel(key("host", host_of(url)), "rest")
    store.scripts.client.zadd(key("hosts"), {host_of(url): 0})
    assert call_all(store) == 1


def test_a_host_that_answers_again_is_told_everything_at_once(store: Store, crm: Crm) -> None:
    for number in range(5):
        accept(store, crm.url, f"c{number}")
    far = calls_of(store, resolve=lambda *_: [])
    call_all(store, far)
    assert store.scripts.client.hget(key("host", host_of(crm.url)), "fails") == "3"

    hurry(store, host_of(crm.url), "c4")
    assert call_all(store) == 5
    assert len(crm.told) == 5


def test_hosts_take_turns_and_a_worker_calls_no_more_than_it_has_hands_for(store: Store) -> None:
    store.workers.beat("callbacks", "w1")
    for number in range(7):
        accept(store, f"http://127.0.0.{number + 1}:9/", f"c{number}")
    due = [store.callbacks.due(hands=2, lease_ms=30_000, claim=f"claim{number}") for number in range(2)]
    assert [len(hosts) for hosts in due] == [2, 0]

    for host in due[0]:
        store.callbacks.hang_up(host, token="claim0")
    again = store.callbacks.due(hands=2, lease_ms=30_000, claim="claim2")
    assert len(again) == 2
    store.workers.beat("callbacks", "w2")
    assert len(store.callbacks.due(hands=2, lease_ms=30_000, claim="claim3")) == 2


def test_a_hand_is_kept_from_hosts_that_did_not_answer(store: Store, crm: Crm) -> None:
    silent = {f"http://127.0.0.1:{free_port()}" for _ in range(3)}
    for number, host in enumerate(sorted(silent)):
        accept(store, f"{host}/", f"c{number}")
    assert call_all(store) == 3  # none answers
    for host in silent:
        hurry(store, host, "c0", "c1", "c2")
    accept(store, crm.url, "live")

    taken = set(store.callbacks.due(hands=2, lease_ms=30_000, claim="claim"))
    assert len(taken & silent) == 1
    assert host_of(crm.url) in taken | set(store.callbacks.due(hands=2, lease_ms=30_000, claim="claim2"))


def test_of_hosts_that_wait_for_a_hand_the_one_that_waits_longest_is_called(store: Store) -> None:
    names = [f"http://127.0.0.{number}:9" for number in range(1, 5)]
    for number, host in enumerate(names):
        accept(store, f"{host}/", f"c{number}")
    assert call_all(store) == 4  # none answers
    store.workers.beat("callbacks", "w1")

    called = []
    for host in names:
        hurry(store, host, *(f"c{number}" for number in range(4)))
    for _ in names:
        (host,) = store.callbacks.due(hands=2, lease_ms=30_000, claim="claim")  # such hosts have one hand
        store.callbacks.hang_up(host, token="claim")
        called.append(host)
    assert sorted(called) == names


def test_a_host_with_a_backlog_goes_behind_those_that_wait(store: Store) -> None:
    store.workers.beat("callbacks", "w1")
    for host in (1, 2):
        for number in range(3):
            accept(store, f"http://127.0.0.{host}:9/", f"c{host}{number}")
    accept(store, "http://127.0.0.3:9/", "c3")
    first = store.callbacks.due(hands=2, lease_ms=30_000, claim="claim")
    for host in first:
        store.callbacks.hang_up(host, token="claim")
    assert "http://127.0.0.3:9" in {*first, *store.callbacks.due(hands=2, lease_ms=30_000, claim="claim2")}


def test_a_host_is_called_by_one_run_at_a_time(store: Store, crm: Crm) -> None:
    store.workers.beat("callbacks", "w1")
    accept(store, crm.url, "c1")
    accept(store, crm.url, "c2")
    (host,) = store.callbacks.due(hands=2, lease_ms=30_000, claim="claim")
    first = store.callbacks.call(host, claim="claim", run="run1", lease_ms=30_000)
    assert first is not None
    # Celery delivered the same task twice.
    assert store.callbacks.call(host, claim="claim", run="run2", lease_ms=30_000) is None
    assert store.callbacks.due(hands=2, lease_ms=30_000, claim="other") == []


def test_a_run_that_dies_loses_nothing(store: Store, crm: Crm) -> None:
    store.workers.beat("callbacks", "w1")
    accept(store, crm.url)
    (host,) = store.callbacks.due(hands=2, lease_ms=1, claim="claim")
    assert store.callbacks.call(host, claim="claim", run="run1", lease_ms=1) is not None  # and it dies

    wait_for(lambda: call_all(store))
    assert crm.types == ["campaign.started"]
    assert rows(store)[0]["attempts"] == 2


def test_a_late_delivery_counts_and_a_late_failure_does_not(store: Store, crm: Crm) -> None:
    store.workers.beat("callbacks", "w1")
    accept(store, crm.url)
    (host,) = store.callbacks.due(hands=2, lease_ms=1, claim="claim")
    late = store.callbacks.call(host, claim="claim", run="run1", lease_ms=1)
    assert late is not None
    wait_for(lambda: store.callbacks.due(hands=2, lease_ms=30_000, claim="claim2"))
    now = store.callbacks.call(host, claim="claim2", run="run2", lease_ms=30_000)
    assert now is not None

    failed, delivered = calling.Result(word="failed", http=500), calling.Result(word="delivered", http=200)
    assert store.callbacks.answer(late, failed, patience_ms=DAY_MS) == "kept"
    assert store.callbacks.answer(late, delivered, patience_ms=DAY_MS) == "delivered"
    assert store.callbacks.answer(now, failed, patience_ms=DAY_MS) == "kept"


def test_a_turn_ends_although_there_is_more(store: Store, crm: Crm) -> None:
    for number in range(3):
        accept(store, crm.url, f"c{number}")
    clock = iter([0.0, 0.0, 99.0])
    poster = calls_of(store).poster
    assert call_all(store, Calling(store, poster, monotonic=lambda: next(clock))) == 1
    assert wait_for(lambda: call_all(store)) == 2


def test_a_dead_crm_beside_a_running_campaign_costs_it_nothing(store: Store, crm: Crm) -> None:
    """Two hosts that take a connection and say nothing: the hands are theirs, and everything else goes on."""
    released = threading.Event()
    with a_crm() as slow:
        slow.answer = lambda _: 204 if released.wait(20) else 500
        accept(store, slow.url, "slow", instance="i2")
        calls = calls_of(store, whole_s=30)
        store.workers.beat("callbacks", "w1")
        (host,) = store.callbacks.due(hands=2, lease_ms=30_000, claim="claim")
        thread = threading.Thread(target=calls.turn, args=(host,), kwargs={"claim": "claim", "run": "run"})
        thread.start()
        wait_for(lambda: slow.told)

        # The slow one's own campaign is sent, and another's is sent and told.
        accept(store, crm.url, "c1")
        assert len(send_all(store, "i2")) == len(send_all(store)) == 3
        assert [store.campaigns.finish(campaign) for campaign in ("slow", "c1")] == [True, True]
        call_all(store)
        assert crm.types == ["campaign.started", "campaign.completed"]
        assert len(slow.told) == 1

        released.set()
        thread.join()
        call_all(store)
        assert slow.types == ["campaign.started", "campaign.completed"]


def test_what_is_done_is_forgotten_after_a_week(store: Store, crm: Crm) -> None:
    accept(store, crm.url)
    call_all(store)
    ttl = store.scripts.client.ttl(key("callback", "c1", 1))
    assert 7 * 86_400 - 60 < ttl <= 7 * 86_400

    store.scripts.client.delete(key("callback", "c1", 1))
    assert rows(store) == []
    assert store.scripts.client.zcard(key("told", "c1")) == 0


def test_progress_that_was_delivered_is_forgotten_sooner(store: Store, crm: Crm) -> None:
    accept(store, crm.url)
    send_all(store)
    report_now(store)
    call_all(store)
    assert crm.types[1] == "campaign.progress"
    assert store.scripts.client.ttl(key("callback", "c1", 2)) <= 3600


def test_of_a_campaign_that_is_forgotten_nothing_is_left(store: Store, crm: Crm) -> None:
    accept(store, crm.url)
    call_all(store)
    steering.steer(store, "c1", Move.PAUSE)
    store.callbacks.forget("c1")
    store.callbacks.forget("c1")
    for name in ("outbox:c1", "told:c1", "callbacks:c1", "callback:c1:*"):
        assert store.scripts.client.keys(f"bcast:{name}") == []
    assert store.callbacks.tally()["waiting"] == 0


def test_a_campaign_that_vanished_keeps_its_host_from_nobody(store: Store, crm: Crm) -> None:
    accept(store, crm.url, "c1")
    accept(store, crm.url, "c2")
    store.scripts.client.delete(key("campaign", "c1"))
    call_all(store)
    assert crm.types == ["campaign.started"]
    assert store.callbacks.tally() == {"waiting": 0, "delivered": 1, "failed": 0}


def test_one_that_is_forgotten_while_it_waits_holds_nobody_up(store: Store, crm: Crm) -> None:
    accept(store, crm.url)
    steering.steer(store, "c1", Move.PAUSE)
    store.scripts.client.delete(key("callback", "c1", 1))
    call_all(store)
    assert crm.types == ["campaign.paused"]
    assert store.callbacks.tally()["waiting"] == 0


def test_a_cursor_leads_through_all_of_them_newest_first(store: Store, crm: Crm) -> None:
    accept(store, crm.url)
    for _ in range(3):
        steering.steer(store, "c1", Move.PAUSE)
        steering.steer(store, "c1", Move.RESUME)
    seen, cursor = [], None
    while True:
        page = calling.page(store, "c1", state=None, limit=2, cursor=cursor)
        seen += [row.id for row in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert [int(name.rsplit("_", 1)[1]) for name in seen] == [7, 6, 5, 4, 3, 2, 1]
