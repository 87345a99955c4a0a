"""What was said of who was forgotten goes as well, wherever it was kept and however their number is written in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from broadcast.domain.answer import Closed, Scope
from broadcast.domain.campaign import Move
from broadcast.domain.contact import Recipient, Status
from broadcast.domain.receipt import Receipt
from broadcast.engine import accepting, calling, removing, settling, steering, telling
from broadcast.engine.suppressing import suppress
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Deferral, Go, Outcome, Ticket
from tests.builders import an_order
from tests.lanes import ask, fan_out, tickets
from tests.processes import wait_for

ANA = "5511987654397"
BIA = "5511999990001"
#: How a gateway may write the number of hers, and what else it may know.
WORDS = (
    "the number +55 (11) 98765-4397 cannot be reached",
    "55-11-98765-4397 55.11.98765.4397 tel:+55 11 9 8765 4397",
    "551187654397@s.whatsapp.net is not there",
    "5511*******97 (Beltrana) is not there",
    "Olá Beltrana, seu pedido Quimera saiu",
)
#: What must be nowhere.
HERS = ("98765", "8765-4397", "8765.4397", "8765 4397", "87654397", "*******97 (", "Beltrana", "Quimera")
CRM = "https://crm.example/news"


@pytest.fixture
def lane(store: Store) -> Store:
    store.workers.beat("broadcast", "w1")
    return store


def accept(store: Store, campaign: str = "c1", **changes: Any) -> None:
    """A campaign to her and to one other."""
    recipients = [Recipient(phone=ANA, name="Beltrana", vars={"order": "Quimera"}), Recipient(phone=BIA)]
    accepting.accept(
        store, an_order(campaign, **{"recipients": recipients, "callback_url": CRM, **changes}), country="BR"
    )


def depart(store: Store, instance: str = "i1") -> list[Ticket]:
    """Let the lane's next contacts leave; their requests are on the wire."""
    due = sorted(tickets(fan_out(store, instance)), key=lambda ticket: ticket.number)
    for ticket in due:
        wait_for(lambda ticket=ticket: isinstance(ask(store, ticket, ahead_ms=60_000), Go))
    return due


def left_of_her(store: Store) -> list[str]:
    """The keys that hold something of hers. What a person's mask leaves of the number may be anywhere."""
    client = store.scripts.client
    read = {
        "string": client.get,
        "hash": client.hgetall,
        "list": lambda name: client.lrange(name, 0, -1),
        "zset": lambda name: client.zrange(name, 0, -1),
        "set": client.smembers,
    }
    found = {
        name: repr((name, read[client.type(name)](name))) for name in client.keys("*") if ":departures:" not in name
    }
    return sorted(name for name, text in found.items() if any(word in text for word in HERS))


def forgotten(store: Store) -> None:
    token = removing.forget(store, ANA, country="BR").token
    assert removing.blank(store, token, limit=10**6)[0] == "done"


def news(store: Store, campaign: str = "c1") -> list[dict[str, Any]]:
    """What the CRM is told, as it would be told now."""
    store.workers.beat("callbacks", "w1")
    told = []
    for host in store.callbacks.due(hands=10, lease_ms=30_000, claim="claim"):
        while call := store.callbacks.call(host, claim="claim", run="run", lease_ms=30_000):
            told.append(json.loads(calling.body_of(call)))
            store.callbacks.answer(call, calling.Result(word="delivered", http=200), patience_ms=1)
    return [one["data"] for one in told if one["data"]["campaignId"] == campaign]


@pytest.mark.parametrize("words", WORDS)
def test_nothing_that_a_gateway_said_of_them_is_left(lane: Store, words: str) -> None:
    accept(lane)
    accept(lane, "c2", instance="i2")
    hers, others = depart(lane)
    failed = Outcome(status=Status.FAILED, reason="rejected", detail=words, message_id=f"true_{ANA}@c.us_A")
    lane.contacts.record(hers, failed)
    lane.scripts.client.zadd(key("reported"), {"c1": 1})
    calling.report(lane)  # campaign.progress
    lane.contacts.record(others, Outcome(status=Status.SENT, message_id="m1"))
    lane.campaigns.finish("c1")  # campaign.completed
    assert telling.progress(lane, "c1").last_error == f"rejected: {words}"

    forgotten(lane)

    assert left_of_her(lane) == []
    assert telling.progress(lane, "c1").last_error == "rejected"
    told = news(lane)
    assert [one["lastError"] for one in told if "lastError" in one] == [None, "rejected", "rejected"]
    (contact,) = (one for one in told if "lastError" not in one)
    assert (contact["phone"], contact["reason"], contact["detail"]) == ("5511*******97", "rejected", None)
    assert (contact["status"], contact["messageId"]) == ("failed", None)


def test_what_was_said_of_another_stays(lane: Store) -> None:
    accept(lane)
    hers, others = depart(lane)
    lane.contacts.record(hers, Outcome(status=Status.FAILED, reason="rejected", detail="Beltrana"))
    lane.contacts.record(others, Outcome(status=Status.FAILED, reason="rejected", detail="not Bia"))
    lane.campaigns.finish("c1")

    forgotten(lane)

    assert left_of_her(lane) == []
    assert telling.progress(lane, "c1").last_error == "rejected: not Bia"
    assert [one["lastError"] for one in news(lane) if "lastError" in one][-1] == "rejected: not Bia"


def test_every_callback_that_told_of_them_is_hushed(lane: Store) -> None:
    accept(lane, recipients=[Recipient(phone=ANA)])
    for number in range(2):  # they failed, somebody had them sent again, and they failed again
        (ticket,) = depart(lane)
        lane.contacts.record(ticket, Outcome(status=Status.FAILED, reason="rejected", detail=f"Beltrana {number}"))
        lane.campaigns.finish("c1")
        if not number:
            assert steering.retry(lane, "c1", steering.Scope.FAILED).queued == 1
    assert len(left_of_her(lane)) > 4

    forgotten(lane)

    assert left_of_her(lane) == []
    assert [one["status"] for one in news(lane)] == ["running", "failed", "completed", "running", "failed", "completed"]


def test_a_failure_that_is_not_one_after_all_takes_back_its_own_callback_alone(lane: Store) -> None:
    accept(lane, recipients=[Recipient(phone=ANA)])
    for number in range(2):
        (ticket,) = depart(lane)
        lane.contacts.record(ticket, Outcome(status=Status.FAILED, reason="pair_limit"))
        lane.campaigns.finish("c1")
        if not number:
            steering.retry(lane, "c1", steering.Scope.FAILED)
    assert lane.contacts.defer([Deferral(campaign="c1", number=0, in_ms=1, most_attempts=9)]) == [True]
    assert [one["status"] for one in news(lane)].count("failed") == 1


@pytest.mark.parametrize("is_paused", [False, True])
@pytest.mark.parametrize("is_removed", [False, True])
def test_a_lane_says_nothing_of_them_to_any_of_its_campaigns(lane: Store, is_paused: bool, is_removed: bool) -> None:
    accept(lane)
    accept(lane, "beside", recipients=[Recipient(phone=BIA)])
    first, *rest = (ticket for ticket in depart(lane) if ticket.campaign == "c1")
    if is_paused:
        steering.hold_lane(lane, "i1")
    words = "Beltrana +55 (11) 98765-4397 banned us"
    held = Outcome(status=Status.FAILED, reason="restricted", detail=words, holds="restricted")
    lane.contacts.record(first, held)
    for ticket in rest:
        lane.contacts.record(ticket, Outcome(status=Status.SENT))
    lane.scripts.client.zadd(key("reported"), {"beside": 1})
    lane.scripts.client.hincrby(key("tally", "beside"), "read", 1)
    calling.report(lane)
    lane.campaigns.finish("c1")
    assert any(name.startswith(key("callback", "beside", "")) for name in left_of_her(lane))

    if is_removed:  # and whoever is forgotten later, is nowhere
        removing.remove(lane, "c1")
        assert removing.erase(lane, "c1", limit=100) == -1
    forgotten(lane)

    assert left_of_her(lane) == []
    held = lane.scripts.client.hgetall(key("lane", "i1"))
    assert held["hold"] == ("paused" if is_paused else "restricted")
    assert held["under_reason" if is_paused else "reason"] == "restricted"
    if is_paused:
        steering.open_lane(lane, "i1")
        assert lane.scripts.client.hget(key("lane", "i1"), "reason") == "restricted"


def test_a_campaign_that_is_paused_for_what_was_said_of_them_says_why_without_it(lane: Store) -> None:
    accept(lane)
    hers, _ = depart(lane)
    lane.contacts.record(hers, Outcome(status=Status.PENDING, reason="template_paused", detail="Beltrana"))
    assert steering.halt(lane, "c1", "template_paused: Beltrana", of=hers.number)
    assert telling.progress(lane, "c1").hold_detail == "template_paused: Beltrana"

    forgotten(lane)

    assert left_of_her(lane) == []
    assert telling.progress(lane, "c1").hold_detail == "template_paused"
    assert [one["holdDetail"] for one in news(lane) if "holdDetail" in one][-1] == "template_paused"
    steering.halt(lane, "c1", "template_paused: Beltrana", of=hers.number)  # its receipt, late
    assert left_of_her(lane) == []


def test_what_receipts_say_of_them_goes_and_does_not_come_back(lane: Store) -> None:
    accept(lane)
    hers, others = depart(lane)
    for ticket in (hers, others):
        lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id=f"m{ticket.number}"))
    means = Closed("restricted", "", scope=Scope.INSTANCE)

    def said(message_id: str) -> Receipt:
        return Receipt(
            message_id=message_id, status=Status.FAILED, reason="restricted", detail="Beltrana", means=means,
            reference="c1:0",
        )  # fmt: skip

    settling.settle(lane, "i1", [said("m0")])
    lane.campaigns.finish("c1")
    assert key("lane", "i1") in left_of_her(lane)
    forgotten(lane)
    assert left_of_her(lane) == []

    steering.open_lane(lane, "i1")
    settling.settle(lane, "i1", [said("m9")])
    assert left_of_her(lane) == []
    assert lane.scripts.client.hget(key("lane", "i1"), "hold") == "restricted"


def test_what_a_lane_is_told_of_nobody_that_we_know_is_not_kept(lane: Store) -> None:
    accept(lane)
    means = Closed("restricted", "", scope=Scope.INSTANCE)
    stranger = Receipt(message_id="m7", status=Status.FAILED, reason="restricted", detail="Beltrana", means=means)
    settling.settle(lane, "i1", [stranger])
    held = lane.scripts.client.hgetall(key("lane", "i1"))
    assert (held["hold"], held["reason"], held["detail"]) == ("restricted", "restricted", "")


def test_of_what_an_earlier_version_kept_nobody_knows_whose_it_is(lane: Store) -> None:
    accept(lane)
    hers, _ = depart(lane)
    lane.contacts.record(hers, Outcome(status=Status.FAILED, reason="rejected", detail="Beltrana", holds="closed"))
    steering.steer(lane, "c1", Move.PAUSE)
    lane.scripts.client.hset(key("campaign", "c1"), "because", "rejected: Beltrana")
    lane.scripts.client.hdel(key("campaign", "c1"), "last_error_of", "because_of")
    lane.scripts.client.hdel(key("lane", "i1"), "detail_of")
    forgotten(lane)
    assert not {key("campaign", "c1"), key("lane", "i1")} & set(left_of_her(lane))


def test_what_somebody_wrote_on_the_suppression_list_about_them_goes(lane: Store) -> None:
    suppress(lane, ANA, source="Beltrana pediu por telefone")
    suppress(lane, BIA, source="Bia pediu por telefone")
    forgotten(lane)
    assert left_of_her(lane) == []
    assert "Bia pediu" in str(lane.scripts.client.hvals(key("suppressed")))
    accept(lane, "c3")
    assert telling.progress(lane, "c3").skipped == {"opted_out": 2}


def test_the_callbacks_with_somebodys_words_are_not_counted_for_ever(lane: Store) -> None:
    accept(lane)
    hers, others = depart(lane)
    lane.contacts.record(hers, Outcome(status=Status.FAILED, reason="rejected", detail="Beltrana"))
    for _ in range(1200):  # each replaces the one before, as the CRM has not taken that
        lane.scripts.client.hincrby(key("tally", "c1"), "read", 1)
        lane.scripts.client.zadd(key("reported"), {"c1": 1})
        calling.report(lane)
    assert lane.scripts.client.scard(key("spoken", "c1:0")) < 500
    lane.contacts.record(others, Outcome(status=Status.SENT, message_id="m1"))
    forgotten(lane)
    assert left_of_her(lane) == []
