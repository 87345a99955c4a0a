"""What need not be kept is removed: old campaigns, a campaign, a person. Whatever is interrupted is gone on with."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.domain.campaign import Move, Scope, State
from broadcast.domain.contact import Recipient, Status
from broadcast.domain.phone import forms, identity
from broadcast.domain.receipt import Receipt
from broadcast.engine import accepting, removing, reporting, steering, telling
from broadcast.engine.suppressing import suppress
from broadcast.errors import Conflict, Invalid, NotFound, Unavailable
from broadcast.settings import ApiKey, Settings
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Deferral, Go, Gone, Outcome
from broadcast.tasks import create_celery
from broadcast.tasks.removing import forget, remove, tidy
from broadcast.web import create_app
from broadcast.wiring import Services, build_services
from tests.builders import an_order, phones
from tests.lanes import ask, fan_out, tickets
from tests.processes import wait_for

ANA = phones(1)[0]
DAY_MS = 86_400_000


@pytest.fixture
def lane(store: Store) -> Store:
    store.workers.beat("broadcast", "w1")
    return store


def done(
    store: Store, campaign: str = "c1", *, days_ago: float = 0, contacts: int | list[str] = 2, **order: Any
) -> None:
    """A campaign all of whose contacts are sent."""
    accepting.accept(store, an_order(campaign, contacts=contacts, **order), country="BR")
    for ticket in tickets(fan_out(store)):
        while not isinstance(ask(store, ticket, ahead_ms=5000), Go):
            pass
        store.contacts.record(ticket, Outcome(status=Status.SENT, message_id=f"{campaign}-{ticket.number}"))
    store.campaigns.finish(campaign)
    for name in ("created_ms", "finished_ms"):
        store.scripts.client.hincrby(key("campaign", campaign), name, -int(days_ago * DAY_MS))
    store.scripts.client.zincrby(key("campaigns"), -days_ago * DAY_MS, campaign)


def keys_of(store: Store, campaign: str) -> list[str]:
    return sorted(name for name in store.scripts.client.keys("bcast:*") if campaign in name)


def test_a_removed_campaign_leaves_nothing(lane: Store) -> None:
    done(lane, contacts=[*phones(2), *["nobody"] * 600])
    reporting.summary(lane, "c1")
    assert len(keys_of(lane, "c1")) == 602 + len(["campaign", "tally", "departures", "summary", "message", "message"])

    removing.remove(lane, "c1")
    while removing.erase(lane, "c1", limit=250) >= 0:
        pass

    assert keys_of(lane, "c1") == []
    assert lane.removals.unfinished(idle_ms=-5000) == ([], [])
    assert accepting.accept(lane, an_order(text="outra"), country="BR").is_new


def test_what_was_told_of_it_goes_with_it_and_nothing_more_is_told(lane: Store) -> None:
    done(lane, contacts=["nobody"], callback_url="https://crm.example/news")
    assert lane.scripts.client.exists(key("callback", "c1", 1))

    removing.remove(lane, "c1")
    lane.scripts.client.zadd(key("reported"), {"c1": 1})
    lane.scripts.client.hincrby(key("tally", "c1"), "sent", 1)  # a receipt that was under way
    lane.scripts.run("report", 100, 1000, 1000, 1000)
    assert lane.scripts.client.zrange(key("told", "c1"), 0, -1) == ["1", "2"]  # started, completed
    while removing.erase(lane, "c1", limit=250) >= 0:
        pass
    assert keys_of(lane, "c1") == []


@pytest.mark.parametrize("is_person", [True, False])
def test_the_ids_of_earlier_attempts_go_with_their_contact(lane: Store, is_person: bool) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    for attempt in range(3):
        (ticket,) = tickets(fan_out(lane), run=f"run{attempt}")
        while not isinstance(ask(lane, ticket, ahead_ms=5000, own_id=f"own{attempt}"), Go):
            pass
        lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id=f"id{attempt}"))
        failed = Receipt(message_id=f"id{attempt}", status=Status.FAILED, reason="x")
        assert lane.contacts.settle("i1", [failed])[0].word == "moved"
        if attempt == 0:
            assert lane.contacts.defer([Deferral(campaign="c1", number=0, in_ms=0, most_attempts=3)]) == [True]
        elif attempt == 1:
            assert steering.retry(lane, "c1", Scope.FAILED).queued == 1
    lane.contacts.record(replace(ticket, run="run1"), Outcome(status=Status.SENT, message_id="late"))
    edition = lane.scripts.client.hget(key("campaign", "c1"), "created_ms")
    lane.contacts.settle("i1", [Receipt(message_id="told", status=Status.SENT, reference=f"c1:0/{edition}.1")])
    assert len(lane.scripts.client.keys("bcast:message:*")) == 3 + 3 + len(["late", "told"])
    lane.campaigns.finish("c1")

    if is_person:
        assert forgotten(lane) == 1
        assert "aside" not in contact(lane)
    else:
        removing.remove(lane, "c1")
        assert removing.erase(lane, "c1", limit=250) == -1

    assert lane.scripts.client.keys("bcast:message:*") == []


def test_from_the_first_moment_on_it_is_not_there_for_anybody(client: FlaskClient, lane: Store) -> None:
    done(lane)
    assert client.delete("/campaigns/c1").status_code == 202

    for method, path in (("GET", ""), ("GET", "/contacts"), ("GET", "/summary"), ("POST", "/cancel"), ("DELETE", "")):
        assert client.open(f"/campaigns/c1{path}", method=method).status_code == 404, path
    assert client.get("/campaigns").json["campaigns"] == []
    with pytest.raises(NotFound):
        steering.retry(lane, "c1", Scope.FAILED)
    with pytest.raises(Unavailable, match="being removed"):
        accepting.accept(lane, an_order(), country="BR")


@pytest.mark.parametrize("move", [None, Move.PAUSE])
def test_what_is_not_over_is_not_removed(client: FlaskClient, lane: Store, move: Move | None) -> None:
    accepting.accept(lane, an_order(), country="BR")
    if move:
        steering.steer(lane, "c1", move)
    answer = client.delete("/campaigns/c1")
    assert (answer.status_code, answer.json["code"]) == (409, "conflict")
    assert telling.progress(lane, "c1").counts[Status.PENDING] == 3


def test_a_cancelled_campaign_waits_for_what_is_on_the_wire(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(lane))
    while not isinstance(ask(lane, ticket, ahead_ms=5000), Go):
        pass
    steering.steer(lane, "c1", Move.CANCEL)
    with pytest.raises(Conflict):
        removing.remove(lane, "c1")

    lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id="m1"))
    removing.remove(lane, "c1")


def test_retention_removes_what_ended_long_ago_and_nothing_else(lane: Store) -> None:
    for number in range(120):  # more than one look at the oldest
        done(lane, f"old{number}", days_ago=91, contacts=["nobody"])
    done(lane, "recent", days_ago=89)
    accepting.accept(lane, an_order("running"), country="BR")
    lane.scripts.client.zadd(key("campaigns"), {"running": 1})

    assert removing.expire(lane, days=0) == []
    assert sorted(removing.expire(lane, days=90)) == sorted(f"old{number}" for number in range(120))
    assert [look.campaign for _, look in page(lane)] == ["recent", "running"]


def page(store: Store) -> list[Any]:
    return store.campaigns.page(state=None, instances=None, limit=200, before="+inf", after="")


def test_a_campaign_that_began_again_is_not_old(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(lane))
    while not isinstance(ask(lane, ticket, ahead_ms=5000), Go):
        pass
    lane.contacts.record(ticket, Outcome(status=Status.FAILED, reason="rejected"))
    lane.campaigns.finish("c1")
    lane.scripts.client.zincrby(key("campaigns"), -100 * DAY_MS, "c1")
    lane.scripts.client.hincrby(key("campaign", "c1"), "finished_ms", -100 * DAY_MS)
    steering.retry(lane, "c1", Scope.FAILED)
    assert removing.expire(lane, days=90) == []


@pytest.fixture
def eager(services: Services) -> Iterator[None]:
    """Tasks run where they are asked for."""
    app = create_celery(replace(services.settings, report_retention_days=30), services)
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


def test_upkeep_goes_on_with_what_was_interrupted(
    eager: None, lane: Store, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removing, "IDLE_MS", -5000)
    done(lane, contacts=["nobody"] * 300)
    done(lane, "old", days_ago=200)
    removing.remove(lane, "c1")
    removing.erase(lane, "c1", limit=250)  # and the worker dies
    removing.forget(lane, ANA, country="BR")

    with caplog.at_level(logging.INFO):
        tidy.delay()

    assert keys_of(lane, "c1") == keys_of(lane, "old") == []
    lines = [record.getMessage() for record in caplog.records if record.name == "broadcast.tasks.removing"]
    assert sorted(lines) == ["campaign removed", "campaign removed", "person forgotten in 0 contacts"]
    assert ANA not in caplog.text


def forgotten(store: Store, phone: str = ANA) -> int:
    found = removing.forget(store, phone, country="BR")
    word, blanked = removing.blank(store, found.token, limit=10**6)
    assert word == "done"
    return blanked


def contact(store: Store, campaign: str = "c1", number: int = 0) -> dict[str, str]:
    return dict(store.scripts.client.hgetall(key("contact", campaign, number)))


def test_a_forgotten_person_is_blank_in_every_campaign(lane: Store) -> None:
    done(lane, "c1", contacts=[ANA, *["nobody"] * 1200])
    recipients = [
        Recipient(phone=phones(1, start=7)[0]),
        Recipient(phone=identity(ANA), name="Ana", vars={"city": "X"}),
    ]
    accepting.accept(lane, an_order("c2", recipients=recipients, instance="i2"), country="BR")

    assert forgotten(lane) == 2

    first, second = contact(lane), contact(lane, "c2", 1)
    assert (first["phone"], first["status"]) == ("5511*******00", "sent")
    assert (second["phone"], second["status"], second["reason"]) == ("5511******00", "skipped", "forgotten")
    for one in (first, second):
        assert not {"values", "message_id", "detail"} & one.keys()
    assert lane.scripts.client.get(key("message", "i1", "c1-0")) is None
    assert contact(lane, "c2", 0)["status"] == "pending"
    assert telling.progress(lane, "c2").counts[Status.SKIPPED] == 1
    assert [ticket.number for ticket in tickets(fan_out(lane, "i2"))] == [0]
    assert not [form for form in forms(ANA) if form in everything(lane)]


@pytest.mark.parametrize(
    "written",
    [
        "11 99876-5432 / 11 3333-4444",
        "(11)99876-5432 Ana Pessoa",
        "Ana: +55 (11) 9987-65432 ou 11 3333-4444",
        "011 9876.5432 (sem o nove)",
        "00551199876543299",
    ],
)
def test_what_was_no_number_is_searched_for_the_persons_digits(lane: Store, written: str) -> None:
    others = ["11 99876-5433 / 11 3333-4444", "(21)99876-5432 Rui", "5432"]
    recipients = [Recipient(phone=phone, name="Ana Pessoa", vars={"city": "X"}) for phone in (written, *others)]
    found = accepting.accept(lane, an_order(recipients=recipients), country="BR")
    assert found.reasons == {"invalid_phone": 4}

    assert forgotten(lane, "11 99876-5432") == 1

    blank = contact(lane)
    assert set(blank["phone"]) <= set("0123456789*")
    assert blank["phone"].startswith("5511")
    assert (blank["status"], blank["reason"]) == ("skipped", "invalid_phone")
    assert "values" not in blank
    for number, phone in enumerate(others, start=1):
        assert contact(lane, number=number)["phone"] == phone
        assert "values" in contact(lane, number=number)
    assert forgotten(lane, "11 99876-5432") == 0


def everything(store: Store) -> str:
    """All that Redis holds, as a text."""
    client = store.scripts.client
    read = {
        "string": lambda name: client.execute_command("GET", name, NEVER_DECODE=True),  # the departures are bytes
        "hash": client.hgetall,
        "list": lambda name: client.lrange(name, 0, -1),
        "zset": lambda name: client.zrange(name, 0, -1),
        "set": client.smembers,
    }
    return repr([(name, read[client.type(name)](name)) for name in client.keys("*")])


def test_who_is_booked_is_left_out_and_who_is_on_the_wire_is_waited_for(lane: Store) -> None:
    for campaign in ("c1", "c2"):
        told = "https://crm.example/news"
        accepting.accept(lane, an_order(campaign, contacts=1, callback_url=told), country="BR")
    first, second = tickets(fan_out(lane))
    while not isinstance(ask(lane, first, ahead_ms=5000), Go):
        pass
    found = removing.forget(lane, ANA, country="BR")

    assert removing.blank(lane, found.token, limit=10**6)[0] == "wire"
    assert contact(lane, first.campaign)["phone"] == ANA
    lane.contacts.record(first, Outcome(status=Status.FAILED, reason="rejected", detail=f"{ANA} is not there"))
    assert ANA in everything(lane)
    assert removing.blank(lane, found.token, limit=10**6) == ("done", 2)
    assert ANA not in everything(lane)

    assert isinstance(ask(lane, second), Gone)
    assert contact(lane, second.campaign)["reason"] == "forgotten"
    assert lane.scripts.client.zcard(key("booked", "i1")) == 0
    progress = telling.progress(lane, first.campaign)
    assert progress.last_error == "rejected"
    lane.campaigns.finish(first.campaign)
    assert steering.retry(lane, first.campaign, Scope.FAILED).queued == 0


def test_nothing_brings_back_who_was_forgotten(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(lane))
    while not isinstance(ask(lane, ticket, ahead_ms=5000), Go):
        pass
    lane.scripts.client.zadd(key("sending", "i1"), {"c1:0": 1})
    lane.lanes.mend("i1", grace_ms=60_000, most_attempts=3)
    forgotten(lane)

    receipt = Receipt(message_id="true_5511999990001@c.us_A", status=Status.FAILED, reason="x", reference="c1:0")
    lane.contacts.settle("i1", [receipt])
    assert (contact(lane)["status"], "message_id" in contact(lane)) == ("unconfirmed", False)
    lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id="true_5511999990001@c.us_B"))  # late
    assert (contact(lane)["status"], "message_id" in contact(lane)) == ("sent", False)
    assert lane.scripts.client.keys("bcast:message:*") == []
    lane.campaigns.finish("c1")
    for scope in Scope:
        assert steering.retry(lane, "c1", scope).queued == 0


def test_a_failure_that_could_be_tried_again_is_not_when_the_person_is_forgotten_meanwhile(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(lane))
    while not isinstance(ask(lane, ticket, ahead_ms=5000), Go):
        pass
    lane.contacts.record(ticket, Outcome(status=Status.FAILED, reason="pair_limit"))
    forgotten(lane)
    assert lane.contacts.defer([Deferral(campaign="c1", number=0, in_ms=1, most_attempts=9)]) == [False]


def test_a_walk_through_campaigns_survives_that_some_are_removed_meanwhile(
    lane: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        done(lane, f"c{number}", contacts=1)
    monkeypatch.setattr("broadcast.store.removals.LOOKED_AT_ONCE", 2)
    found = removing.forget(lane, ANA, country="BR")
    word = "on"
    for number in range(0, 6, 2):
        word, _ = lane.removals.forget(found.token)
        removing.remove(lane, f"c{number}")
        assert removing.erase(lane, f"c{number}", limit=1000) == -1
    while word == "on":
        word, _ = lane.removals.forget(found.token)

    assert {contact(lane, f"c{number}")["phone"] for number in (1, 3, 5)} == {"5511*******00"}


def test_the_suppression_list_keeps_a_hash_of_who_was_forgotten(lane: Store) -> None:
    suppress(lane, ANA, source="message to i1")
    accepting.accept(lane, an_order("before", contacts=phones(1, start=1)), country="BR")
    forgotten(lane)

    (name,) = lane.scripts.client.hkeys(key("suppressed"))
    assert len(name) == 40
    assert ANA not in lane.scripts.client.hget(key("suppressed"), name)
    assert accepting.accept(lane, an_order("again", contacts=[identity(ANA)]), country="BR").reasons == {"opted_out": 1}
    (ticket,) = tickets(fan_out(lane))
    assert ask(lane, ticket, identity=identity(ANA)) == Gone("skipped")
    assert lane.suppressions.remove(identity(ANA))
    assert lane.suppressions.among([identity(ANA)]) == frozenset()


def test_who_was_not_on_the_list_is_not_put_on_it(lane: Store) -> None:
    forgotten(lane)
    assert lane.scripts.client.hlen(key("suppressed")) == 0


def test_only_a_key_for_all_instances_may_have_a_person_forgotten(redis_url: str) -> None:
    keys = (ApiKey("crm", "secret-of-crm"), ApiKey("loja", "secret-of-loja", frozenset({"loja"})))
    services = build_services(Settings(redis_url=redis_url, api_keys=keys))
    client = create_app(services).test_client()

    assert client.delete(f"/people/{ANA}", headers={"apikey": "secret-of-loja"}).status_code == 403
    answer = client.delete(f"/people/{ANA}", headers={"apikey": "secret-of-crm"})
    assert (answer.status_code, answer.json) == (202, {"success": True, "phone": "5511*******00"})
    assert client.delete("/people/nobody", headers={"apikey": "secret-of-crm"}).status_code == 422
    assert services.store.removals.unfinished(idle_ms=0)[1] != []
    services.store.scripts.client.close()


def test_what_cannot_be_a_number_is_nobodys(lane: Store) -> None:
    with pytest.raises(Invalid):
        removing.forget(lane, "Ana", country="BR")
    assert lane.removals.unfinished(idle_ms=0) == ([], [])


def test_the_tasks_are_registered_under_their_names() -> None:
    assert {task.name for task in (tidy, remove, forget)} == {"broadcast.tidy", "broadcast.remove", "broadcast.forget"}
    assert State.COMPLETED.value == "completed"


@pytest.fixture
def long_ago(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease that is over is so for long."""
    monkeypatch.setattr(removing, "BROKEN_OFF_MS", -5000)


def broken_off(store: Store, *, staged: int, lease_ms: int = 1, token: str = "dead") -> None:
    """What is left of a campaign when its `web` is killed while it accepts it."""
    order = an_order(contacts=600)
    store.campaigns.claim(order, token=token, lease_ms=lease_ms)
    contacts = list(accepting.sort_out(order, country="BR"))
    for first in range(0, staged, 250):
        assert store.campaigns.stage("c1", contacts[first : first + 250], token=token, lease_ms=lease_ms)


def test_what_a_killed_web_left_of_a_campaign_is_removed(eager: None, lane: Store, long_ago: None) -> None:
    broken_off(lane, staged=500)
    assert ANA in everything(lane)
    tidy.delay()
    assert lane.scripts.client.keys("bcast:*c1*") == []
    assert lane.scripts.client.zcard(key("stagings")) == 0


def test_nothing_is_left_when_the_next_attempt_dies_sooner(lane: Store, long_ago: None) -> None:
    broken_off(lane, staged=500)
    digest = an_order(contacts=600).digest  # and is killed before it removes what it finds
    wait_for(lambda: lane.scripts.run("claim", "c1", digest, "next", 1) == ["new", 500], what="the lease to lapse")
    assert removing.give_up_stagings(lane) == ["c1"]
    assert lane.scripts.client.keys("bcast:*c1*") == []


def test_who_is_accepting_still_is_left_alone_and_who_opens_too_late_is_told(lane: Store) -> None:
    broken_off(lane, staged=500, lease_ms=60_000)
    lane.scripts.client.zadd(key("stagings"), {"c1": 0})
    assert removing.give_up_stagings(lane) == []
    assert len(lane.scripts.client.keys(key("contact", "c1", "*"))) == 500

    lane.scripts.client.hset(key("campaign", "c1"), "lease", 0)
    assert removing.give_up_stagings(lane) == ["c1"]
    assert lane.campaigns.open(an_order(contacts=600), token="dead", counts={}, skipped={}) is None


def test_an_accepted_campaign_is_no_staging(lane: Store, long_ago: None) -> None:
    broken_off(lane, staged=500)
    wait_for(
        lambda: accepting.accept(lane, an_order(contacts=600), country="BR").queued == 600, what="the lease to lapse"
    )
    assert lane.scripts.client.zcard(key("stagings")) == 0
    lane.scripts.client.zadd(key("stagings"), {"c1": 0})  # whatever put it there
    assert removing.give_up_stagings(lane) == []
    assert len(lane.scripts.client.keys(key("contact", "c1", "*"))) == 600
    assert lane.scripts.client.zcard(key("stagings")) == 0
    assert not {"stored", "staged", "token"} & lane.scripts.client.hgetall(key("campaign", "c1")).keys()


def test_an_order_that_is_refused_is_no_staging(lane: Store) -> None:
    with pytest.raises(Invalid):
        accepting.accept(lane, an_order(scheduled_ms=1), country="BR")
    assert lane.scripts.client.zcard(key("stagings")) == 0
