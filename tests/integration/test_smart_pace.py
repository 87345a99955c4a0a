"""What a gateway and an instance's rules say about the pace, acted on: slower, closed, restricted, halted, or later."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from datetime import time as clock_time
from typing import Any

import pytest

from broadcast import pacing
from broadcast.domain.answer import Busy, Closed, Refused, Scope
from broadcast.domain.campaign import Move, State
from broadcast.domain.campaign import Scope as RetryScope
from broadcast.domain.contact import Status
from broadcast.domain.instance import Instance
from broadcast.domain.optout import Source
from broadcast.domain.phone import identity
from broadcast.domain.phrases import DEFAULT_WORDS
from broadcast.domain.receipt import Echo, Inbound, Preference, Receipt
from broadcast.engine import accepting, inspecting, optouts, planning, settling, slowing, steering, telling, watching
from broadcast.engine.outcomes import outcome_of
from broadcast.engine.planning import Horizon
from broadcast.engine.registering import Registration, register
from broadcast.engine.suppressing import suppress_all, suppression
from broadcast.engine.wording import rfc3339
from broadcast.gateways.base import Connection
from broadcast.pacing import EVERY_DAY, Rules, Slot, Window, allow, slowed
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Back, Go, Gone, Outcome, Ticket, Wait
from tests.builders import an_order, phones
from tests.lanes import HORIZON, ask, depart, fan_out, tickets

DAY_MS = 86_400_000


@pytest.fixture
def lane(store: Store) -> Store:
    store.workers.beat("broadcast", "w1")
    store.workers.beat("control", "w1")
    return store


def leave(store: Store, ticket: Ticket) -> Go:
    while not isinstance(found := ask(store, ticket, ahead_ms=5000), Go):
        assert not isinstance(found, Back), found
    return found


def sent(store: Store, *, contacts: int, campaign: str = "c1") -> None:
    """A campaign whose messages have all been taken, under the ids m0, m1 …"""
    accepting.accept(store, an_order(campaign, contacts=contacts, gap_ms=10), country="BR")
    for ticket in tickets(fan_out(store)):
        leave(store, ticket)
        store.contacts.record(ticket, Outcome(status=Status.SENT, message_id=f"m{ticket.number}"))


def busy(lane: Store, ticket: Ticket) -> None:
    """Its request left, and was answered "not now": the batch holds it for a quick retry."""
    leave(lane, ticket)
    lane.contacts.record(ticket, outcome_of(Busy("busy"), attempt=1, max_attempts=5, quick_left=2))


def failed(number: int, *, reason: str | None = "gateway_error", **more: Any) -> Receipt:
    return Receipt(message_id=f"m{number}", status=Status.FAILED, reason=reason, **more)


def keep(store: Store, **rules: Any) -> None:
    store.instances.keep(Instance(id="i1"), Rules(**rules))


def a_window(*, opens_in_s: float, lasts_s: float) -> Window:
    opens = datetime.now(timezone.utc) + timedelta(seconds=opens_in_s)
    closes = opens + timedelta(seconds=lasts_s)

    def wall(moment: datetime) -> clock_time:
        return moment.time().replace(microsecond=moment.microsecond // 1000 * 1000)

    return Window(start=wall(opens), end=wall(closes), zone="UTC", days=EVERY_DAY)


def at_noon() -> Window:
    """Always open, by days of which none ends soon: a departure of the next one would be booked for that."""
    hour = datetime.now(timezone.utc).hour
    return Window(start=clock_time(), end=clock_time(), zone=f"Etc/GMT{hour - 12:+}", days=EVERY_DAY)


def as_just_slowed(lane: Store) -> None:
    """Let no time pass for the slow-down in force, however slow the machine."""
    lane.scripts.client.hset(key("lane", "i1"), "slow_ms", int(time.time() * 1000) + 600_000)


# A busy answer.


def test_a_busy_answer_doubles_the_gaps_at_once_and_status_says_so(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=100, gap_ms=1000), country="BR")
    assert len(fan_out(lane).departures) == 10

    slowing.slow_down(lane, "i1", reason="too_many_requests")
    as_just_slowed(lane)

    progress = telling.progress(lane, "c1")
    assert (progress.slow_down, progress.counts[Status.BOOKED]) == (2.0, 0)
    batch = fan_out(lane)
    gaps = [later.slot_ms - one.slot_ms for one, later in zip(batch.departures, batch.departures[1:], strict=False)]
    assert len(batch.departures) == 5
    assert min(gaps) >= 2000
    view = inspecting.lane(lane, "i1")
    assert (view.slow_down, view.slow_reason) == (2.0, "too_many_requests")


def test_a_lane_knows_the_share_of_attempts_that_are_made_again(lane: Store) -> None:
    def failing() -> float:
        return float(lane.lanes.outset("i1").fields["failing"])

    accepting.accept(lane, an_order(contacts=3, gap_ms=10), country="BR")
    first, second, third = tickets(fan_out(lane))
    leave(lane, first)
    lane.contacts.record(first, Outcome(status=Status.PENDING, reason="busy", due_ms=60_000))
    assert failing() == pytest.approx(0.05)
    leave(lane, second)
    lane.contacts.record(second, Outcome(status=Status.SENT, message_id="m1"))
    assert failing() == pytest.approx(0.0475)
    leave(lane, third)  # no connection was opened: nothing was tried
    lane.contacts.record(third, Outcome(status=Status.PENDING, reason="unreachable", counts=False))
    assert failing() == pytest.approx(0.045125)
    assert [load.left for load in lane.lanes.outset("i1").others] == [2]


@pytest.mark.parametrize(("own_gap_ms", "ago_ms"), [(0, 0), (0, 60_000), (7000, 0)])
def test_a_quick_retry_keeps_the_gap_of_the_slow_down_in_force(lane: Store, own_gap_ms: int, ago_ms: int) -> None:
    keep(lane, gap_ms=own_gap_ms)
    accepting.accept(lane, an_order(contacts=2, gap_ms=5000), country="BR")
    (first, *_) = tickets(fan_out(lane))
    busy(lane, first)
    left_ms = int(lane.scripts.client.hget(key("lane", "i1"), "left") or 0)
    lane.lanes.slow("i1", since_ms=0, factor=8.0, reason="busy")
    since_ms = int(time.time() * 1000) - ago_ms
    lane.scripts.client.hset(key("lane", "i1"), "slow_ms", since_ms)

    before_ms = int(time.time() * 1000)
    found = ask(lane, replace(first, run="again"), has_waited=True)
    after_ms = int(time.time() * 1000) + 1
    assert isinstance(found, Wait)
    longest, shortest = (
        max(5000, own_gap_ms) * slowed(8.0, since_ms=since_ms, now_ms=now_ms) for now_ms in (before_ms, after_ms)
    )
    assert before_ms - 1 <= left_ms + longest - found.wait_us / 1000
    assert left_ms + shortest - found.wait_us / 1000 <= after_ms + 1


def test_one_that_is_planned_anew_under_a_slow_down_may_leave_at_its_slot(lane: Store) -> None:
    keep(lane, gap_ms=1000, jitter_ms=3000)
    accepting.accept(lane, an_order(contacts=1, gap_ms=1000), country="BR")
    (ticket,) = tickets(fan_out(lane))
    leave(lane, ticket)
    lane.contacts.record(ticket, outcome_of(Busy("busy"), attempt=1, max_attempts=5, quick_left=0))
    number = lane.scripts.client.zpopmin(key("later", "c1"))[0][0]
    lane.scripts.client.lpush(key("pending", "c1"), number)
    lane.lanes.slow("i1", since_ms=0, factor=8.0, reason="busy")

    batch = planning.plan_lane(lane, "i1", horizon=HORIZON, chance=lambda: 0.0)

    (ticket,) = tickets(batch, run="again")
    slot_ms, before_ms = batch.departures[0].slot_ms, time.time() * 1000
    found = ask(lane, ticket, has_waited=True)
    after_ms = time.time() * 1000
    assert isinstance(found, Wait)
    assert before_ms <= slot_ms - found.wait_us / 1000 + 1
    assert slot_ms - found.wait_us / 1000 <= after_ms + 500  # the slow-down has recovered a little since


def test_the_gap_of_one_that_was_tried_again_is_not_handed_on_from_each_to_the_next(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=3, gap_ms=10), country="BR")
    first, *_ = tickets(fan_out(lane))
    for number in range(3):
        lane.scripts.client.hset(key("contact", "c1", number), "attempts", 1)
    lane.scripts.client.hset(key("lane", "i1"), "gap", 300)  # of one before them, of a slower campaign

    leave(lane, first)

    assert lane.scripts.client.hget(key("lane", "i1"), "gap") == "10"


def test_the_busy_answers_of_one_moment_are_one_step(lane: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pacing.slowing, "ONE_STEP_MS", 600_000)  # a moment, however slow the machine
    for _ in range(5):
        slowing.slow_down(lane, "i1", reason="busy")
    assert lane.lanes.slowness("i1")[0] == 2.0


def test_a_slow_down_recovers_by_itself(lane: Store) -> None:
    slowing.slow_down(lane, "i1", reason="busy")
    minute_ago = int(time.time() * 1000) - 60_000
    lane.scripts.client.hset(key("lane", "i1"), "slow_ms", minute_ago)
    before_ms, found, after_ms = time.time() * 1000, inspecting.lane(lane, "i1").slow_down, time.time() * 1000
    least, most = (1 + 0.5 ** ((now_ms - minute_ago) / 60_000) for now_ms in (after_ms, before_ms))
    assert least - 0.01 <= found <= most + 0.01
    lane.scripts.client.hset(key("lane", "i1"), "slow_ms", minute_ago - 3_600_000)
    assert (inspecting.lane(lane, "i1").slow_down, inspecting.lane(lane, "i1").slow_reason) == (1.0, None)


@pytest.mark.parametrize(
    ("busy", "slows", "rest_ms", "due_ms"),
    [
        (Busy("too_many", after_s=30), True, 30_000, 30_000),
        (Busy("gateway_error"), True, 0, 1000),
        (Busy("pair_limit", after_s=6, contact_only=True), False, 0, 6000),
        (Busy("marketing_cap", after_s=86_400, contact_only=True, most_attempts=2), False, 0, DAY_MS),
    ],
)
def test_who_is_meant_by_a_busy_answer_waits(busy: Busy, slows: bool, rest_ms: int, due_ms: int) -> None:
    found = outcome_of(busy, attempt=1, max_attempts=5, quick_left=0)
    assert (found.status, found.slows, found.rest_ms, found.due_ms) == (Status.PENDING, slows, rest_ms, due_ms)


@pytest.mark.parametrize(("after_s", "is_held"), [(None, True), (0.0, True), (1.0, False), (30.0, False)])
def test_the_batch_tries_again_soon_only_where_the_gateway_does_not_say_when(
    after_s: float | None, is_held: bool
) -> None:
    found = outcome_of(Busy("too_many", after_s=after_s), attempt=1, max_attempts=5, quick_left=2)
    assert (found.status is Status.BOOKED) is is_held
    assert is_held or (found.rest_ms, found.due_ms) == (after_s * 1000, after_s * 1000)  # type: ignore[operator]  # None is held


def test_a_person_who_opens_a_lane_ends_its_rest_and_news_do_not(lane: Store) -> None:
    lane.lanes.rest("i1", for_ms=86_400_000, reason="gateway_unavailable")
    lane.lanes.hold("i1", "closed", reason="disconnected")
    steering.hear(lane, "i1", Connection(is_open=True, reason=""))
    assert inspecting.lane(lane, "i1").rest_until_ms
    steering.open_lane(lane, "i1")
    assert not inspecting.lane(lane, "i1").rest_until_ms


def test_a_short_rest_takes_nothing_from_a_longer_one(lane: Store) -> None:
    lane.lanes.rest("i1", for_ms=600_000, reason="gateway_unavailable")
    before = lane.scripts.client.hgetall(key("lane", "i1"))
    lane.lanes.rest("i1", for_ms=1000, reason="gateway_busy")
    assert lane.scripts.client.hgetall(key("lane", "i1")) == before


def test_a_campaign_is_not_expected_to_finish_before_its_lanes_rest_is_over(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=3, gap_ms=1000), country="BR")
    lane.lanes.rest("i1", for_ms=DAY_MS, reason="gateway_unavailable")
    rest_until_ms = inspecting.lane(lane, "i1").rest_until_ms
    assert rest_until_ms
    assert expected(lane) == (rest_until_ms + 2000, rest_until_ms + 2000)  # the first leaves when it ends


def test_a_campaign_is_not_expected_to_finish_before_who_waits_longest(lane: Store) -> None:
    sent(lane, contacts=2)
    means = Busy("marketing_cap", after_s=86_400, contact_only=True, most_attempts=2)
    settling.settle(lane, "i1", [failed(0, reason="marketing_cap", means=means)], max_attempts=5)
    due_ms = int(lane.scripts.client.zscore(key("later", "c1"), "0") or 0)
    by_rules_ms, by_pace_ms = expected(lane)
    assert due_ms <= by_pace_ms == by_rules_ms < due_ms + 60_000

    keep(lane, window=a_window(opens_in_s=-3600, lasts_s=7200))
    lane.scripts.client.zadd(key("later", "c1"), {"0": due_ms - DAY_MS // 2})  # at night
    by_rules_ms, by_pace_ms = expected(lane)
    assert by_pace_ms < due_ms - DAY_MS // 3
    assert abs(by_rules_ms - (due_ms - 3_600_000)) < 90_000  # a window opens at a whole minute


def expected(lane: Store, campaign: str = "c1") -> tuple[int, int]:
    """When a campaign is expected to finish: as its status says, and in the list of all."""
    (listed,) = telling.page(lane, state=None, instances=None, limit=1, cursor=None).items
    told = telling.progress(lane, campaign).expected_finish_ms
    assert told is not None
    assert listed.expected_finish_ms is not None
    return told, listed.expected_finish_ms


def test_a_gateway_may_allow_fewer_attempts_than_we_would_make() -> None:
    busy = Busy("marketing_cap", after_s=86_400, contact_only=True, most_attempts=2)
    assert outcome_of(busy, attempt=4, max_attempts=5, quick_left=2).status is Status.PENDING
    assert outcome_of(busy, attempt=2, max_attempts=5, quick_left=2, capped=1).status is Status.FAILED


def test_other_faults_before_it_take_nothing_from_the_try_a_day_later_and_nobody_hurries_that(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(lane))
    leave(lane, ticket)
    lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id="m0"))
    lane.scripts.client.hset(key("contact", "c1", 0), "attempts", 3)  # as after two busy answers
    cap = Busy("marketing_cap", after_s=86_400, contact_only=True, most_attempts=2)
    settling.settle(lane, "i1", [failed(0, reason="marketing_cap", means=cap)], max_attempts=5)
    assert telling.progress(lane, "c1").counts[Status.PENDING] == 1

    lane.scripts.client.hset(key("contact", "c1", 0), mapping={"status": "failed", "at_failed": 1})
    lane.scripts.client.hincrby(key("tally", "c1"), "pending", -1)
    lane.scripts.client.hincrby(key("tally", "c1"), "failed", 1)
    lane.scripts.client.zadd(key("listed", "c1", "failed"), {"0": 0})
    lane.scripts.client.delete(key("later", "c1"))
    assert steering.retry(lane, "c1", RetryScope.FAILED).queued == 1
    due_ms = lane.scripts.client.zscore(key("later", "c1"), "0")
    assert due_ms is not None
    assert due_ms > time.time() * 1000 + DAY_MS - 60_000
    assert fan_out(lane).departures == []


# A closed door.


def test_a_restricted_instance_is_opened_by_a_person_only(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=3), country="BR")
    first, *_ = tickets(fan_out(lane))
    leave(lane, first)
    answer = outcome_of(Closed("restricted", "463"), attempt=1, max_attempts=5, quick_left=2)
    lane.contacts.record(first, answer)

    assert telling.progress(lane, "c1").hold_reason == "instance_restricted"
    assert not steering.reopened(lane, "i1")
    assert not steering.closed(lane, "i1", "close 428")
    assert fan_out(lane).departures == []
    steering.open_lane(lane, "i1")
    fan_out(lane)
    assert telling.progress(lane, "c1").counts[Status.BOOKED] == 3


def test_a_campaign_whose_message_nobody_may_get_is_paused_and_others_go_on(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=2), country="BR")
    accepting.accept(lane, an_order("c2", contacts=2), country="BR")
    assert steering.halt(lane, "c1", "template_paused: by Meta", of=0)

    progress = telling.progress(lane, "c1")
    assert (progress.state, progress.hold_reason, progress.hold_detail) == (
        State.PAUSED, "message_refused", "template_paused: by Meta",
    )  # fmt: skip
    assert {one.campaign for one in fan_out(lane).departures} == {"c2"}
    steering.steer(lane, "c1", Move.RESUME)
    assert telling.progress(lane, "c1").hold_reason is None


def restricting(number: int = 0) -> Receipt:
    return failed(number, reason="restricted", means=Closed("restricted"), detail="131048")


def told_by(lane: Store, how: str, ticket: Ticket | None) -> tuple[str, str]:
    """Have the instance closed by its gateway in this way; return the state and the reason that this makes."""
    if how == "receipts":
        settling.settle(lane, "i1", [restricting()])
    elif ticket is not None:
        lane.contacts.record(
            ticket, outcome_of(Closed("restricted", "131048"), attempt=1, max_attempts=5, quick_left=2)
        )
    elif how == "news":
        steering.hear(lane, "i1", Connection(is_open=False, reason="disconnected"))
        return "closed", "disconnected"
    else:
        assert steering.closed(lane, "i1", "error_share")
        return "restricted", "error_share"
    return "restricted", "restricted"


@pytest.mark.parametrize("how", ["receipts", "an answer", "news", "a share of errors"])
@pytest.mark.parametrize("is_first", [True, False], ids=["before the pause", "in the pause"])
def test_what_a_gateway_says_is_kept_under_a_persons_pause_and_holds_after_it(
    lane: Store, how: str, is_first: bool
) -> None:
    sent(lane, contacts=1)
    accepting.accept(lane, an_order("c2", contacts=1), country="BR")
    on_the_wire = None
    if how == "an answer":
        (on_the_wire,) = tickets(fan_out(lane), run="c2")
        leave(lane, on_the_wire)
    if is_first:
        told = told_by(lane, how, on_the_wire)
        steering.hold_lane(lane, "i1")
    else:
        steering.hold_lane(lane, "i1")
        told = told_by(lane, how, on_the_wire)
    steering.hold_lane(lane, "i1")  # pausing twice is pausing once

    view = inspecting.lane(lane, "i1")
    assert (view.state, view.under_pause, view.under_pause_reason) == ("paused", *told)
    assert view.remedy is not None
    assert told[1] in (telling.progress(lane, "c2").hold_detail or "")
    if how == "receipts":
        settling.settle(lane, "i1", [restricting()])  # told again, it is no news

    steering.open_lane(lane, "i1")
    view = inspecting.lane(lane, "i1")
    assert (view.state, view.reason, view.under_pause) == (*told, None)
    assert fan_out(lane).departures == []
    steering.open_lane(lane, "i1")
    assert inspecting.lane(lane, "i1").state == "open"
    assert fan_out(lane).departures


def test_a_gateway_that_is_open_again_leaves_the_pause_alone_and_a_restriction_under_it(lane: Store) -> None:
    steering.hold_lane(lane, "i1")
    steering.closed(lane, "i1", "disconnected")
    steering.closed(lane, "i1", "restricted")
    assert not steering.closed(lane, "i1", "disconnected")
    assert not steering.hear(lane, "i1", Connection(is_open=True, reason=""))
    view = inspecting.lane(lane, "i1")
    assert (view.state, view.under_pause, view.under_pause_reason) == ("paused", "restricted", "restricted")

    for _ in range(2):
        steering.open_lane(lane, "i1")
    steering.hold_lane(lane, "i1")
    steering.hear(lane, "i1", Connection(is_open=False, reason="disconnected"))
    assert inspecting.lane(lane, "i1").under_pause == "closed"
    steering.hear(lane, "i1", Connection(is_open=True, reason=""))
    view = inspecting.lane(lane, "i1")
    assert (view.state, view.under_pause, view.remedy) == ("paused", None, None)
    steering.open_lane(lane, "i1")
    assert inspecting.lane(lane, "i1").state == "open"


def test_what_says_of_a_campaign_that_a_person_paused_that_nobody_may_get_it_is_shown(lane: Store) -> None:
    sent(lane, contacts=1)
    lane.scripts.client.hset(key("campaign", "c1"), "status", "running")
    steering.steer(lane, "c1", Move.PAUSE)
    revision = telling.progress(lane, "c1").revision
    means = Closed("template_disabled", scope=Scope.CAMPAIGN)
    settling.settle(lane, "i1", [failed(0, reason="template_disabled", means=means, detail="132016")])

    progress = telling.progress(lane, "c1")
    assert (progress.state, progress.hold_reason, progress.hold_detail) == (
        State.PAUSED, "message_refused", "template_disabled: 132016",
    )  # fmt: skip
    assert progress.revision > revision


@dataclass
class Says:
    """A gateway that says this of its instances."""

    connection: Connection | None

    def probe(self, instance: str) -> Connection | None:
        return self.connection


@pytest.mark.parametrize(
    ("connection", "opens"),
    [
        (Connection(is_open=True, reason="open"), True),
        (Connection(is_open=False, reason="close"), False),
        (None, False),
    ],
)
def test_a_closed_lane_with_work_is_probed(lane: Store, connection: Connection | None, opens: bool) -> None:
    accepting.accept(lane, an_order(contacts=3), country="BR")
    steering.closed(lane, "i1", "disconnected")

    assert watching.watch(lane).closed == ["i1"]
    assert watching.probe(lane, "i1", Says(connection)) is opens  # type: ignore[arg-type]  # all that probing needs
    assert bool(fan_out(lane).departures) is opens


def test_a_probe_is_remembered_until_the_lane_is_opened_and_closes_nothing(lane: Store) -> None:
    watching.probe(lane, "i1", Says(Connection(is_open=False, reason="unauthorized")))  # type: ignore[arg-type]  # the same
    watching.probe(lane, "i1", Says(None))  # type: ignore[arg-type]  # the same

    view = inspecting.lane(lane, "i1")
    assert (view.state, view.health) == ("open", "unauthorized")
    assert view.remedy is not None
    assert "credentials" in view.remedy
    assert view.health_ms is not None
    assert abs(view.health_ms - time.time() * 1000) < 10_000

    steering.open_lane(lane, "i1")
    assert (inspecting.lane(lane, "i1").health, inspecting.lane(lane, "i1").remedy) == (None, None)


def test_one_that_closes_its_lane_again_and_again_lets_others_go_first(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=3, gap_ms=10), country="BR")
    refused = outcome_of(Closed("unauthorized"), attempt=1, max_attempts=5, quick_left=0)
    for _ in range(2):
        (first,) = tickets(fan_out(lane, horizon=Horizon(ms=10_000, contacts=1)))
        assert first.number == 0  # the first time it was perhaps the lane's fault
        depart(lane, first)
        lane.contacts.record(first, refused)
        steering.open_lane(lane, "i1")

    assert [ticket.number for ticket in tickets(fan_out(lane))] == [1, 2]
    (waiting,) = lane.scripts.client.zrange(key("later", "c1"), 0, -1, withscores=True)
    assert waiting[1] == pytest.approx(time.time() * 1000 + 600_000, abs=60_000)


def test_a_closed_lane_says_what_to_do(lane: Store) -> None:
    steering.closed(lane, "i1", "unknown_instance")
    assert "name" in (inspecting.lane(lane, "i1").remedy or "")
    steering.closed(lane, "i1", "a_reason_from_tomorrow")
    assert inspecting.lane(lane, "i1").remedy is None


# Receipts.


def test_a_number_that_fails_everybody_without_a_word_is_restricted(lane: Store) -> None:
    sent(lane, contacts=5)
    settling.settle(lane, "i1", [failed(0), failed(1)])
    assert inspecting.lane(lane, "i1").state == "open"
    settling.settle(lane, "i1", [failed(2)])

    view = inspecting.lane(lane, "i1")
    assert (view.state, view.reason, view.error_share) == ("restricted", "error_share", 1.0)
    steering.open_lane(lane, "i1")
    assert inspecting.lane(lane, "i1").error_share == 0.0


@pytest.mark.parametrize("told", ["by an echo", "by a late answer", "by an answer after news"])
def test_failures_that_came_before_their_id_was_known_restrict_the_instance_as_well(lane: Store, told: str) -> None:
    accepting.accept(lane, an_order(contacts=3, gap_ms=10), country="BR")
    for ticket in tickets(fan_out(lane)):
        leave(lane, ticket)
        settling.settle(lane, "i1", [failed(ticket.number)])
        echo = Echo(message_id=f"m{ticket.number}", phone=phones(3)[ticket.number], text="Oi")
        if told == "by an echo":
            assert settling.adopt(lane, "i1", echo, lease_ms=40_000)
            continue
        if told == "by a late answer":
            lane.contacts.record(ticket, Outcome(status=Status.PENDING, reason="gateway_timeout", answer="unknown"))
            again = tickets(fan_out(lane), run=f"again{ticket.number}")
            assert [one.number for one in again] == [ticket.number]
        else:
            news = Receipt(message_id=f"x{ticket.number}", status=Status.DELIVERED, reference=ticket.reference)
            settling.settle(lane, "i1", [news])
        word = lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id=f"m{ticket.number}"))
        assert word == "failed"
    if told == "by an echo":
        assert inspecting.lane(lane, "i1").reason == "error_share"


def test_acknowledgements_in_between_and_doubled_receipts_tip_nothing(lane: Store) -> None:
    sent(lane, contacts=8)
    for number in range(0, 8, 2):
        settling.settle(lane, "i1", [failed(number)] * 3)
        settling.settle(lane, "i1", [Receipt(message_id=f"m{number + 1}", status=Status.SENT)] * 3)
    view = inspecting.lane(lane, "i1")
    assert (view.state, view.error_share) == ("open", 0.5)


def test_failures_with_a_reason_of_their_own_do_not_restrict_the_instance(lane: Store) -> None:
    sent(lane, contacts=6)
    settling.settle(lane, "i1", [failed(number, reason="not_on_whatsapp") for number in range(6)])
    assert inspecting.lane(lane, "i1").state == "open"


@pytest.mark.parametrize(
    ("means", "state", "campaign"),
    [
        (Closed("restricted"), "restricted", State.RUNNING),
        (Closed("unauthorized"), "closed", State.RUNNING),
        (Closed("template_paused", scope=Scope.CAMPAIGN), "open", State.PAUSED),
        (None, "open", State.RUNNING),
    ],
)
def test_a_failure_may_mean_more_than_its_contact(
    lane: Store, means: Closed | None, state: str, campaign: State
) -> None:
    sent(lane, contacts=1)
    accepting.accept(lane, an_order("c2", contacts=1), country="BR")
    lane.scripts.client.hset(key("campaign", "c1"), "status", "running")
    settling.settle(lane, "i1", [failed(0, reason="x", means=means, detail="131048")])

    assert inspecting.lane(lane, "i1").state == state
    assert telling.progress(lane, "c1").state is campaign


def test_an_opt_out_told_by_a_receipt_is_kept(lane: Store) -> None:
    sent(lane, contacts=1)
    settling.settle(lane, "i1", [failed(0, reason="opted_out", means=Refused("opted_out", opts_out=True))])
    again = accepting.accept(lane, an_order("c2", contacts=1), country="BR")
    assert again.reasons == {"opted_out": 1}


def test_a_person_who_has_had_enough_for_today_is_tried_once_more_a_day_later(lane: Store) -> None:
    sent(lane, contacts=1)
    lane.campaigns.finish("c1")
    means = Busy("marketing_cap", after_s=86_400, contact_only=True, most_attempts=2)
    settling.settle(lane, "i1", [failed(0, reason="marketing_cap", means=means)], max_attempts=5)

    progress = telling.progress(lane, "c1")
    assert (progress.state, progress.counts[Status.PENDING]) == (State.RUNNING, 1)
    due_ms = lane.scripts.client.zscore(key("later", "c1"), "0")
    assert due_ms is not None
    assert abs(due_ms - (time.time() * 1000 + DAY_MS)) < 10_000
    assert fan_out(lane).departures == []

    lane.scripts.client.zadd(key("later", "c1"), {"0": 1})
    (again,) = tickets(fan_out(lane), run="again")
    leave(lane, again)
    lane.contacts.record(again, Outcome(status=Status.SENT, message_id="m9"))
    settling.settle(lane, "i1", [failed(9, reason="marketing_cap", means=means)], max_attempts=5)
    assert telling.progress(lane, "c1").counts[Status.FAILED] == 1


# Opt-outs.


def test_a_person_who_writes_stop_gets_nothing_more_in_either_form_of_the_number(lane: Store) -> None:
    said = [Inbound(phone="551190000001", text="Parar!"), Inbound(phone="5511990000002", text="quero parar de fumar")]
    assert settling.heed(lane, "i1", said, words=DEFAULT_WORDS) == 1
    acceptance = accepting.accept(lane, an_order(contacts=["5511990000001", "5511990000002"]), country="BR")
    assert acceptance.reasons == {"opted_out": 1}


def test_a_tap_on_cancelar_answers_our_question_and_one_on_sair_is_an_opt_out(lane: Store) -> None:
    taps = [
        Inbound(phone="5511990000001", text="Cancelar", is_tap=True, behind="Cancelar"),
        Inbound(phone="5511990000002", text="Sair", is_tap=True),
        Inbound(phone="5511990000003", text="Cancelar", is_tap=True, behind="OPT_OUT"),
        Inbound(phone="5511990000004", text="Cancelar"),
    ]
    assert settling.heed(lane, "i1", taps, words=DEFAULT_WORDS) == 3
    acceptance = accepting.accept(lane, an_order(contacts=[tap.phone for tap in taps]), country="BR")
    assert (acceptance.queued, acceptance.reasons) == (1, {"opted_out": 3})


def test_who_opts_out_between_accepting_and_sending_is_not_sent_to(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(lane))
    settling.heed(lane, "i1", [Preference(phone=phones(1)[0], stops=True)], words=DEFAULT_WORDS)
    assert not isinstance(ask(lane, ticket, identity="551190000000"), Go)
    assert telling.progress(lane, "c1").counts[Status.SKIPPED] == 1


def test_who_changes_their_mind_is_sent_to_again(lane: Store) -> None:
    settling.heed(lane, "i1", [Preference(phone="5511990000001", stops=True)], words=DEFAULT_WORDS)
    settling.heed(lane, "i1", [Preference(phone="5511990000001", stops=False)], words=DEFAULT_WORDS)
    assert accepting.accept(lane, an_order(contacts=["5511990000001"]), country="BR").queued == 1


def wish(*, stops: bool, at_s: int | None = None) -> Preference:
    return Preference(phone="5511990000001", stops=stops, at_ms=at_s and at_s * 1000)


WRITTEN = Inbound(phone="5511990000001", text="SAIR")


@pytest.mark.parametrize(
    ("said", "is_on"),
    [
        ([("i1", wish(stops=True)), ("i1", WRITTEN), ("i1", wish(stops=False))], True),
        ([("i1", wish(stops=True, at_s=1_700_000_200)), ("i1", wish(stops=False, at_s=1_700_000_100))], True),
        ([("i1", wish(stops=True, at_s=1_700_000_100)), ("i1", wish(stops=False, at_s=1_700_000_200))], False),
        (
            [
                ("i1", wish(stops=True, at_s=1_700_000_100)),
                ("i1", wish(stops=True, at_s=1_700_000_300)),
                ("i1", wish(stops=False, at_s=1_700_000_200)),
            ],
            True,
        ),
        ([("i1", wish(stops=True)), ("i2", wish(stops=False))], True),
        ([("i1", wish(stops=True)), ("i2", wish(stops=True)), ("i1", wish(stops=False))], True),
        ([("i1", wish(stops=True)), ("i2", wish(stops=True)), ("i2", wish(stops=False))], True),
        ([("i1", wish(stops=True)), ("i2", wish(stops=True)), *((i, wish(stops=False)) for i in ("i1", "i2"))], False),
        (
            [
                ("i1", wish(stops=True, at_s=1_700_000_100)),
                ("i2", wish(stops=True, at_s=1_700_000_100)),
                ("i2", wish(stops=True, at_s=1_700_000_300)),
                ("i1", wish(stops=False, at_s=1_700_000_200)),
                ("i2", wish(stops=False, at_s=1_700_000_200)),
            ],
            True,
        ),
        (
            [
                ("i1", wish(stops=True)),
                ("i2", wish(stops=True)),
                ("i2", WRITTEN),
                *((i, wish(stops=False)) for i in ("i1", "i2")),
            ],
            True,
        ),
    ],
    ids=[
        "written since",
        "told again",
        "later",
        "chosen again since",
        "at another number",
        "at the first of two",
        "at the second of two",
        "at both",
        "chosen again since at the second",
        "written at one of two",
    ],
)
def test_a_change_of_mind_undoes_what_that_menu_said_before(
    lane: Store, said: list[tuple[str, Inbound | Preference]], is_on: bool
) -> None:
    for instance, one in said:
        settling.heed(lane, instance, [one], words=DEFAULT_WORDS)
    assert bool(lane.suppressions.among([identity("5511990000001")])) is is_on


@pytest.mark.parametrize(
    ("stopped_s", "resumed_s", "again_s", "is_on"),
    [(-100, -50, -100, False), (None, -50, -100, False), (-100, -50, -50, True), (-100, -50, -20, True),
     (-100, 86_400, 60, True), (-100, -50, None, True)],
    ids=["told again", "later than its resume", "in the same second", "newer", "by a clock ahead", "of no time"],
)  # fmt: skip
def test_a_stop_from_before_a_resume_is_not_believed_when_it_is_told_again(
    lane: Store, stopped_s: int | None, resumed_s: int, again_s: int | None, is_on: bool
) -> None:
    now_s = int(time.time())
    told = [wish(stops=True, at_s=now_s + stopped_s)] if stopped_s else []
    again = wish(stops=True, at_s=again_s and now_s + again_s)
    settling.heed(lane, "i1", [*told, wish(stops=False, at_s=now_s + resumed_s), again], words=DEFAULT_WORDS)
    assert bool(lane.suppressions.among([identity("5511990000001")])) is is_on


def test_a_change_of_mind_is_remembered_for_no_longer_than_it_may_be_needed(lane: Store) -> None:
    now_s, client = int(time.time()), lane.scripts.client
    stopped = {"phone": "5511990000001", "source": Source.MENU.at("i1"), "since": rfc3339((now_s - 100) * 1000)}
    settling.heed(lane, "i1", [wish(stops=False, at_s=now_s - 50)], words=DEFAULT_WORDS)
    (name,) = client.keys("bcast:relented:*")
    assert 0 < client.ttl(name) <= 30 * 86_400
    assert "990000001" not in name

    assert lane.suppressions.add({identity("5511990000001"): stopped})  # an operator imports what they kept
    lane.suppressions.hash_only(identity("5511990000001"))  # forgotten
    assert client.keys("bcast:relented:*") == []


def test_a_change_of_mind_undoes_that_the_gateway_turned_a_message_down(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=["5511990000001"]), country="BR")
    suppress_all(lane, phones(1), source=Source.ANSWER.at("i1"))
    settling.heed(lane, "i1", [wish(stops=False)], words=DEFAULT_WORDS)
    assert not lane.suppressions.among([identity("5511990000001")])


def test_each_numbers_stop_is_shown_and_who_was_put_there_by_an_earlier_version_stays_readable(lane: Store) -> None:
    person = identity("5511990000001")
    old = {"phone": "5511990000001", "source": Source.MENU.at("i1"), "since": "2026-01-01T00:00:00Z"}
    lane.scripts.client.hset(key("suppressed"), person, json.dumps(old))
    accepting.accept(lane, an_order(contacts=["5511990000002"]), country="BR")
    (ticket,) = tickets(fan_out(lane))
    leave(lane, ticket)
    told = suppression("5511990000001", source=Source.ANSWER.at("i2"))  # as the answer to a message
    lane.contacts.record(ticket, Outcome(status=Status.FAILED, reason="opted_out"), suppress=told)

    (shown,) = optouts.page(lane, limit=10, cursor=None).items
    assert (shown.phone, shown.since) == (old["phone"], old["since"])
    assert shown.source == "preference at i1, gateway of i2"
    settling.heed(lane, "i1", [wish(stops=False)], words=DEFAULT_WORDS)
    (shown,) = optouts.page(lane, limit=10, cursor=None).items
    assert (shown.source, shown.since) == (told[1]["source"], told[1]["since"])
    settling.heed(lane, "i2", [wish(stops=False)], words=DEFAULT_WORDS)
    assert optouts.page(lane, limit=10, cursor=None).items == []


# The instance's own rules.


def test_the_instances_own_gap_holds_for_a_faster_campaign(lane: Store) -> None:
    keep(lane, gap_ms=2000)
    accepting.accept(lane, an_order(contacts=100, gap_ms=100), country="BR")
    assert len(fan_out(lane).departures) == 5


def test_in_quiet_hours_nothing_is_booked_and_the_lane_wakes_at_their_end(lane: Store) -> None:
    keep(lane, window=a_window(opens_in_s=3600, lasts_s=3600))
    accepting.accept(lane, an_order(contacts=3), country="BR")
    batch = fan_out(lane)

    assert batch.departures == []
    progress = telling.progress(lane, "c1")
    assert progress.hold_reason == "quiet_hours"
    (_, at) = lane.scripts.client.zrange(key("lanes"), 0, 0, withscores=True)[0]
    assert abs(at - (time.time() * 1000 + 3_600_000)) < 90_000  # a window opens at a whole minute
    assert watching.watch(lane).changed == []  # it is said to be waiting, not stuck
    view = inspecting.lane(lane, "i1")
    assert (view.waits, view.waits_until_ms) == ("quiet_hours", int(at))


def test_a_quiet_lane_is_said_to_be_stuck_in_quiet_hours_once_its_gaps_have_passed(lane: Store) -> None:
    keep(lane, window=a_window(opens_in_s=3600, lasts_s=3600))
    accepting.accept(lane, an_order(contacts=3), country="BR")
    fan_out(lane)
    lane.scripts.client.hset(key("lane", "i1"), mapping={"joined_ms": 1, "left": 1})
    assert [one.cause.code for one in watching.watch(lane).changed if one.cause] == ["quiet_hours"]


def test_who_would_leave_after_the_end_of_the_window_goes_back_to_the_lane(lane: Store) -> None:
    keep(lane, window=a_window(opens_in_s=-3600, lasts_s=7200))
    accepting.accept(lane, an_order(contacts=5, gap_ms=500), country="BR")
    batch = fan_out(lane)
    closes_ms = int(lane.scripts.client.hget(key("lane", "i1"), "until") or 0)
    assert abs(closes_ms - (time.time() * 1000 + 3_600_000)) < 90_000  # a window closes at a whole minute

    first, second, *_ = tickets(batch)
    assert isinstance(leave(lane, first), Go)
    lane.contacts.record(first, Outcome(status=Status.SENT, message_id="m0"))
    left_ms = int(lane.scripts.client.hget(key("lane", "i1"), "left") or 0)
    lane.scripts.client.hset(key("lane", "i1"), "until", left_ms + 100)  # less than the gap
    assert ask(lane, second) == Back("rules")
    assert telling.progress(lane, "c1").counts[Status.PENDING] == 1


def test_the_day_has_no_more_departures_than_its_cap(lane: Store) -> None:
    keep(lane, daily_cap=3, window=at_noon())
    accepting.accept(lane, an_order(contacts=10), country="BR")
    held = tickets(fan_out(lane))
    assert len(held) == 3
    assert fan_out(lane).departures == []
    for ticket in held:
        leave(lane, ticket)
        lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id=f"m{ticket.number}"))

    assert fan_out(lane).departures == []
    assert telling.progress(lane, "c1").hold_reason == "daily_cap"
    view = inspecting.lane(lane, "i1")
    assert (view.used_today, view.cap_today, view.waits) == (3, 3, "daily_cap")
    midnight = {"day": "2000-01-01", "day_ends": 1}
    lane.scripts.client.hset(key("lane", "i1"), mapping=midnight)  # as if it had passed
    assert len(fan_out(lane).departures) == 3


def pass_midnight(lane: Store) -> None:
    lane.scripts.client.hset(key("lane", "i1"), mapping={"day": "2000-01-01", "day_ends": 1, "until": 1})


def test_who_is_tried_again_needs_a_departure_of_the_day_as_well(lane: Store) -> None:
    keep(lane, daily_cap=3, window=at_noon())
    accepting.accept(lane, an_order(contacts=2, gap_ms=10), country="BR")
    first, second = tickets(fan_out(lane))
    busy(lane, first)
    busy(lane, second)
    leave(lane, replace(first, run="again"))  # the third

    assert ask(lane, replace(second, run="again")) == Back("daily_cap")
    fan_out(lane)
    progress = telling.progress(lane, "c1")
    assert (progress.counts[Status.PENDING], progress.hold_reason) == (1, "daily_cap")
    assert inspecting.lane(lane, "i1").used_today == 3
    assert telling.contacts(lane, "c1", status=Status.PENDING, limit=10, cursor=None).items[0].attempts == 1

    pass_midnight(lane)
    (ticket,) = tickets(fan_out(lane))
    assert leave(lane, ticket).attempt == 2


def test_who_is_tried_again_after_midnight_counts_for_the_new_day(lane: Store) -> None:
    keep(lane, daily_cap=3, window=at_noon())
    accepting.accept(lane, an_order(contacts=5, gap_ms=10), country="BR")
    first, second, _ = tickets(fan_out(lane))
    busy(lane, first)
    leave(lane, second)

    pass_midnight(lane)
    assert ask(lane, replace(first, run="again")) == Back("rules")
    lane.lanes.unbook_all()
    assert len(tickets(fan_out(lane))) == 3
    assert inspecting.lane(lane, "i1").used_today == 0


def test_a_day_that_counts_by_an_earlier_zone_ends_there(lane: Store) -> None:
    now_ms = int(time.time() * 1000)
    found = allow(Rules(daily_cap=5), now_ms=now_ms, used_day="", used=3, used_until_ms=now_ms + 1000, zone="UTC")
    assert (found.room, found.ends_ms) == (2, min(now_ms + 1000, found.ends_ms or 0))
    over = allow(Rules(daily_cap=5), now_ms=now_ms, used_day="", used=3, used_until_ms=now_ms - 1000, zone="UTC")
    assert (over.room, (over.ends_ms or 0) > now_ms) == (5, True)


def test_a_young_number_has_the_cap_of_its_age(lane: Store) -> None:
    yesterday = datetime.now(timezone.utc).date() - timedelta(days=1)
    keep(lane, warm_up_since=yesterday, daily_cap=500, window=at_noon())
    accepting.accept(lane, an_order(contacts=100), country="BR")
    assert len(fan_out(lane).departures) == 20


def test_a_departure_that_was_given_back_does_not_count(lane: Store) -> None:
    keep(lane, daily_cap=3, window=at_noon())
    accepting.accept(lane, an_order(contacts=10), country="BR")
    fan_out(lane)
    lane.lanes.unbook_all()
    assert len(fan_out(lane).departures) == 3


@pytest.mark.parametrize("zone", ["Etc/GMT-14", "Etc/GMT+12"])
def test_a_change_of_zone_gives_no_second_cap(lane: Store, zone: str) -> None:
    def in_zone(name: str, cap: int = 3) -> Rules:
        return Rules(daily_cap=cap, window=Window(start=clock_time(), end=clock_time(), zone=name, days=EVERY_DAY))

    home = at_noon().zone
    lane.instances.keep(Instance(id="i1"), in_zone(home))
    accepting.accept(lane, an_order(contacts=20, gap_ms=10), country="BR")
    for ticket in tickets(fan_out(lane)):
        leave(lane, ticket)
    for name in (zone, home, zone, home):
        lane.instances.keep(Instance(id="i1"), in_zone(name))
        assert fan_out(lane).departures == []
        view = inspecting.lane(lane, "i1")
        assert (view.used_today, view.waits) == (3, "daily_cap")
        assert view.waits_until_ms is not None
        assert view.waits_until_ms > view.at_ms
    lane.instances.keep(Instance(id="i1"), in_zone(home, cap=4))
    assert len(fan_out(lane).departures) == 1


def test_rules_that_are_changed_hold_from_the_next_batch_on(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=50, gap_ms=100), country="BR")
    planning.plan_lane(lane, "i1", horizon=Horizon(ms=1000, contacts=500))
    keep(lane, daily_cap=12, window=at_noon())
    assert len(planning.plan_lane(lane, "i1", horizon=HORIZON).departures) <= 12


def test_the_last_answer_is_kept_for_whoever_looks(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(lane))
    leave(lane, ticket)
    answer: Mapping[str, Any] = {"attempt": 1, "max_attempts": 1, "quick_left": 0}
    lane.contacts.record(ticket, outcome_of(Refused("not_on_whatsapp"), **answer))
    view = inspecting.lane(lane, "i1")
    assert (view.answer, view.answer_reason) == ("refused", "not_on_whatsapp")
    assert view.answer_ms is not None


def test_two_campaigns_do_not_write_to_one_person_at_once_where_the_gateway_forbids_it(lane: Store) -> None:
    for campaign in ("c1", "c2"):
        accepting.accept(lane, an_order(campaign, contacts=1), country="BR")
    first, second = tickets(fan_out(lane))
    before_ms = time.time() * 1000
    assert isinstance(ask(lane, first, identity="p", pair_ms=60_000, ahead_ms=5000), Go)
    after_ms = time.time() * 1000

    assert ask(lane, second, identity="p", pair_ms=60_000) == Back("pair_limit")
    due_ms = lane.scripts.client.zscore(key("later", second.campaign), "0")
    assert due_ms is not None
    assert before_ms - 5 <= due_ms - 60_000 <= after_ms + 5
    assert telling.progress(lane, second.campaign).counts[Status.PENDING] == 1


def test_receipts_of_messages_that_are_not_ours_are_counted_when_they_are_given_up(lane: Store) -> None:
    sent(lane, contacts=1)
    strange = [Receipt(message_id=f"x{number}", status=Status.SENT) for number in range(3)]
    settling.settle(lane, "i1", [*strange, *strange, Receipt(message_id="m0", status=Status.SENT)])
    assert lane.contacts.give_up_strays() == 0
    lane.scripts.client.zadd(key("strays"), {f"i1/x{number}": 1 for number in range(3)}, xx=True)

    assert lane.contacts.give_up_strays() == 3
    assert lane.contacts.unknown() == 3


def test_an_early_receipt_is_no_stray_once_its_id_is_known(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(lane))
    leave(lane, ticket)
    settling.settle(lane, "i1", [Receipt(message_id="m0", status=Status.DELIVERED)])
    lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id="m0"))
    assert lane.scripts.client.zcard(key("strays")) == 0


def test_a_restriction_outlives_what_else_was_on_the_wire(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=2, gap_ms=10), country="BR")
    held = tickets(fan_out(lane))
    for ticket in held:
        leave(lane, ticket)
    for ticket, reason in zip(held, ("restricted", "disconnected"), strict=True):
        lane.contacts.record(ticket, outcome_of(Closed(reason), attempt=1, max_attempts=5, quick_left=0))
    assert inspecting.lane(lane, "i1").state == "restricted"
    assert not steering.reopened(lane, "i1")


def test_errors_that_beat_their_answers_are_told_of_when_the_answers_come(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=3, gap_ms=10), country="BR")
    words = []
    for ticket in tickets(fan_out(lane)):
        leave(lane, ticket)
        settling.settle(lane, "i1", [failed(ticket.number)])
        words.append(lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id=f"m{ticket.number}")))
    assert words == ["failed"] * 3
    assert slowing.restrict_if_errors_tell(lane, "i1")


def test_an_error_after_a_delivery_however_often_it_is_told_counts_for_nothing(lane: Store) -> None:
    sent(lane, contacts=1)
    settling.settle(lane, "i1", [Receipt(message_id="m0", status=Status.DELIVERED), *[failed(0)] * 4])
    assert inspecting.lane(lane, "i1").error_share == 0.0


def test_a_lane_wide_busy_that_comes_by_receipt_slows_and_rests_the_lane(lane: Store) -> None:
    sent(lane, contacts=1)
    settling.settle(lane, "i1", [failed(0, reason="too_many", means=Busy("too_many", after_s=60))], max_attempts=5)
    view = inspecting.lane(lane, "i1")
    assert view.slow_down > 1.9
    assert view.rest_until_ms is not None
    assert view.rest_until_ms - time.time() * 1000 > 50_000
    assert telling.progress(lane, "c1").counts[Status.PENDING] == 1


def test_a_preference_undoes_only_a_preference(lane: Store) -> None:
    settling.heed(lane, "i1", [Inbound(phone="5511990000001", text="SAIR")], words=DEFAULT_WORDS)
    settling.heed(lane, "i1", [Preference(phone="5511990000001", stops=False)], words=DEFAULT_WORDS)
    assert accepting.accept(lane, an_order(contacts=["5511990000001"]), country="BR").queued == 0


def test_new_rules_hold_for_what_is_booked_as_well_and_wake_a_lane_that_waits(lane: Store) -> None:
    keep(lane, daily_cap=1, window=at_noon())
    accepting.accept(lane, an_order(contacts=50, gap_ms=100), country="BR")
    (ticket,) = tickets(fan_out(lane))
    leave(lane, ticket)
    lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id="m0"))
    fan_out(lane)
    assert lane.lanes.due() == []  # until midnight

    register(lane, a_registration(daily_cap=10, window=at_noon()), secret_key=None, only_sandbox=False)
    assert lane.lanes.due() == ["i1"]
    assert len(fan_out(lane).departures) == 9
    register(lane, a_registration(daily_cap=3, window=at_noon()), secret_key=None, only_sandbox=False)
    assert telling.progress(lane, "c1").counts[Status.BOOKED] == 0


def test_new_rules_hold_for_who_is_in_back_off_as_well(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=2, gap_ms=10), country="BR")
    first, second = tickets(fan_out(lane))
    busy(lane, first)
    surveyed = lane.lanes.survey("i1")
    register(lane, a_registration(daily_cap=1, window=at_noon()), secret_key=None, only_sandbox=False)

    assert ask(lane, replace(first, run="again")) == Back("rules")
    assert ask(lane, second) == Gone("pending")
    slots = [Slot(campaign="c1", at_ms=surveyed.now_ms, before_ms=10, after_ms=10)]
    booked = lane.lanes.book("i1", turn=surveyed.turn, batch="b", slots=slots, day="d", day_ends_ms=0, until_ms=None)
    assert booked is None
    assert fan_out(lane).departures == []
    assert telling.progress(lane, "c1").hold_reason == "daily_cap"


def a_registration(**rules: object) -> Registration:
    given = Rules(**rules)  # type: ignore[arg-type]  # each value fits its own field
    return Registration(instance="i1", dialect=None, url=None, credentials=None, rules=given)


def test_another_gateway_neither_rests_nor_is_judged_for_the_one_before(lane: Store) -> None:
    def at(url: str) -> Instance:
        return Instance(id="i1", dialect="evolution", url=url)

    lane.instances.keep(at("http://a"), Rules())
    sent(lane, contacts=3)
    settling.settle(lane, "i1", [failed(number) for number in range(3)])
    lane.lanes.rest("i1", for_ms=DAY_MS, reason="too_many_requests")
    lane.instances.keep(at("http://a"), Rules(gap_ms=10))
    before = inspecting.lane(lane, "i1")
    assert (before.rest_until_ms is None, before.error_share > 0) == (False, True)

    lane.instances.keep(at("http://b"), Rules())
    after = inspecting.lane(lane, "i1")
    assert (after.rest_until_ms, after.error_share) == (None, 0.0)


def test_no_departure_is_booked_past_the_day_that_it_counts_for(lane: Store) -> None:
    keep(lane, daily_cap=50, warm_up_since=None)
    now_ms = int(datetime(2030, 8, 29, 23, 59, 58, tzinfo=timezone.utc).timestamp() * 1000)
    allowance = allow(Rules(daily_cap=50), now_ms=now_ms, used_day="", used=0, zone="UTC")
    assert (allowance.room, allowance.day_ends_ms) == (50, now_ms + 2000)
    accepting.accept(lane, an_order(contacts=50, gap_ms=1000), country="BR")
    survey = replace(lane.lanes.survey("i1"), now_ms=now_ms, left_ms=0)
    rules = Rules(daily_cap=50)
    slots = planning._slots(survey, rules, allowance, HORIZON, credit=500, wanted=50, chance=lambda: 0.0)
    assert [slot.at_ms < now_ms + 2000 for slot in slots] == [True, True]
