"""The fence, the pace, steering and mending, against a real Redis and its clock."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace

import pytest

from broadcast.domain.campaign import Move, State
from broadcast.domain.contact import Status
from broadcast.engine import accepting, inspecting, planning, steering, telling
from broadcast.engine.planning import Horizon
from broadcast.errors import Conflict, NotFound
from broadcast.pacing import ON_TIME_MS, SETTLED_MS, Rules, allow
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Back, Go, Gone, Outcome, Ticket, Wait
from tests.builders import an_order
from tests.lanes import HORIZON, ask, depart, fan_out, tickets, trust

#: Of a lane whose turns a test holds against one another: this is not over before it has.
GAP_MS = 60_000


@pytest.fixture
def lane(store: Store) -> Store:
    """A store with a live worker, so that planning books."""
    store.workers.beat("broadcast", "w1")
    store.workers.beat("control", "w1")
    return store


def count(store: Store, status: Status, campaign: str = "c1") -> int:
    return telling.progress(store, campaign).counts[status]


def test_a_batch_carries_no_more_than_the_horizon(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=100, gap_ms=2000), country="BR")

    first = fan_out(lane)
    second = fan_out(lane)  # as soon as it may be: what the first could not have by then

    assert len(first.departures) == 5
    for batch in (first, second):
        assert all(one.slot_ms <= batch.now_ms + HORIZON.ms for one in batch.departures)
    assert all(one.slot_ms > first.now_ms + HORIZON.ms for one in second.departures)
    assert count(lane, Status.BOOKED) == 5 + len(second.departures)


def test_a_batch_carries_no_more_contacts_than_the_limit(lane: Store) -> None:
    trust(lane)
    accepting.accept(lane, an_order(contacts=100, gap_ms=10), country="BR")

    fan_out(lane, horizon=Horizon(ms=10_000, contacts=30))
    fan_out(lane, horizon=Horizon(ms=10_000, contacts=40))

    assert count(lane, Status.BOOKED) == 40


def test_without_a_worker_nothing_is_booked(store: Store) -> None:
    accepting.accept(store, an_order(), country="BR")

    assert fan_out(store).departures == []
    assert telling.progress(store, "c1").hold_reason == "no_worker"


def test_two_planners_at_once_book_each_contact_once(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=50), country="BR")
    survey = lane.lanes.survey("i1")
    allowance = allow(Rules(), now_ms=survey.now_ms, used_day="", used=0, zone="UTC")
    slots = planning._slots(survey, Rules(), allowance, HORIZON, credit=500, wanted=50, chance=lambda: 0.0)

    first = lane.lanes.book("i1", turn=survey.turn, batch="b1", slots=slots, day="d", day_ends_ms=0, until_ms=None)
    second = lane.lanes.book("i1", turn=survey.turn, batch="b2", slots=slots, day="d", day_ends_ms=0, until_ms=None)

    assert first is not None
    assert len(first) == 50
    assert second is None


def test_departures_keep_the_gap_whoever_asks(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=8, gap_ms=50), country="BR")
    departures = []
    for ticket in tickets(fan_out(lane)):
        while not isinstance(leave := ask(lane, ticket), Go):
            assert isinstance(leave, Wait)
            time.sleep(leave.wait_us / 1e6)
        departures.append(leave.departure_ms)

    assert all(later - earlier >= 50 for earlier, later in itertools.pairwise(departures))


def test_after_a_stall_departures_are_forfeited_not_caught_up(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=5, gap_ms=100), country="BR")
    first, second, third, *_ = tickets(fan_out(lane))
    assert isinstance(ask(lane, first), Go)
    time.sleep(0.35)  # three departures pass unused

    assert isinstance(late := ask(lane, second), Go)
    assert depart(lane, third).departure_ms >= late.departure_ms + 100


def test_a_redelivered_task_is_refused_while_the_first_is_at_it(lane: Store) -> None:
    accepting.accept(lane, an_order(), country="BR")
    ticket, *_ = tickets(fan_out(lane))
    twin = Ticket(**{**ticket.__dict__, "run": "twin"})

    assert isinstance(ask(lane, ticket), Go)
    assert ask(lane, twin) == Gone("sending")


def test_a_redelivered_task_is_refused_after_the_first_is_done(lane: Store) -> None:
    accepting.accept(lane, an_order(), country="BR")
    ticket, *_ = tickets(fan_out(lane))
    ask(lane, ticket)
    lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id="m1"))

    assert ask(lane, Ticket(**{**ticket.__dict__, "run": "twin"})) == Gone("sent")


def test_a_task_of_a_batch_that_lost_its_contact_is_refused(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1, gap_ms=20), country="BR")
    late, *_ = tickets(fan_out(lane))
    time.sleep(0.1)
    assert lane.lanes.mend("i1", grace_ms=20, most_attempts=5) == (1, 0)
    (current,) = tickets(fan_out(lane))

    assert ask(lane, late) == Gone("booked")
    assert isinstance(ask(lane, current, ahead_ms=200), Go)


def test_who_overslept_asks_again_and_keeps_the_gap_whole(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=2, gap_ms=100), country="BR")
    first, second = tickets(fan_out(lane))
    granted = ask(lane, first)
    time.sleep(0.06)
    again = ask(lane, first)

    assert isinstance(granted, Go)
    assert isinstance(again, Go)
    assert again.departure_ms >= granted.departure_ms + 60
    assert again.attempt == 1
    assert depart(lane, second).departure_ms >= again.departure_ms + 100


def test_a_late_write_pushes_the_next_departure(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=3, gap_ms=100), country="BR")
    first, second, _ = tickets(fan_out(lane))
    granted = ask(lane, first)
    assert isinstance(granted, Go)
    assert lane.contacts.slip(first, late_ms=40)

    while not isinstance(leave := ask(lane, second), Go):
        assert isinstance(leave, Wait)
        time.sleep(leave.wait_us / 1e6)
    assert leave.departure_ms >= granted.departure_ms + 140
    assert not lane.contacts.slip(first, late_ms=40)  # another has departed since


def test_asking_again_before_the_departure_does_not_bring_it_forward(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=2, gap_ms=120_000), country="BR")
    first, second = tickets(fan_out(lane, horizon=Horizon(ms=200_000, contacts=2)))
    ask(lane, first)
    lane.scripts.client.hincrby(key("lane", "i1"), "left", -65_000)  # as if it had left earlier
    granted, again = (ask(lane, second, ahead_ms=60_000) for _ in range(2))

    assert isinstance(granted, Go)
    assert isinstance(again, Go)
    assert again.departure_ms == granted.departure_ms
    assert again.wait_us > 0


def test_who_overslept_past_another_waits_for_a_new_turn(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=2, gap_ms=50), country="BR")
    first, second = tickets(fan_out(lane))
    ask(lane, first)
    time.sleep(0.06)
    assert isinstance(other := ask(lane, second), Go)

    assert depart(lane, first).departure_ms >= other.departure_ms + 50


def test_who_overslept_a_pause_gives_its_contact_back(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    ticket, *_ = tickets(fan_out(lane))
    ask(lane, ticket)
    steering.steer(lane, "c1", Move.PAUSE)

    assert ask(lane, ticket) == Back("paused")
    assert count(lane, Status.PENDING) == 1
    assert lane.scripts.client.hget(key("contact", "c1", 0), "attempts") == "0"


def test_a_long_wait_gives_the_contact_back_to_be_planned_anew(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=2, gap_ms=9000), country="BR")
    first, second = tickets(fan_out(lane))
    ask(lane, first)

    assert ask(lane, second, patience_ms=1000) == Back("late")
    assert count(lane, Status.PENDING) == 1


def test_pause_takes_back_what_is_booked_and_resume_books_it_again(lane: Store) -> None:
    trust(lane)
    accepting.accept(lane, an_order(contacts=30), country="BR")
    batch = fan_out(lane)
    assert len(batch.departures) == 30

    paused = steering.steer(lane, "c1", Move.PAUSE)
    assert (paused.state, count(lane, Status.BOOKED), count(lane, Status.PENDING)) == (State.PAUSED, 0, 30)
    assert ask(lane, tickets(batch)[0]) == Gone("pending")

    steering.steer(lane, "c1", Move.RESUME)
    again = fan_out(lane)
    assert [one.number for one in again.departures] == list(range(30))


def test_moves_are_idempotent_and_the_impossible_is_a_conflict(lane: Store) -> None:
    accepting.accept(lane, an_order(), country="BR")

    assert [steering.steer(lane, "c1", Move.PAUSE).state for _ in range(2)] == [State.PAUSED] * 2
    assert [steering.steer(lane, "c1", Move.CANCEL).state for _ in range(2)] == [State.CANCELLED] * 2
    with pytest.raises(Conflict):
        steering.steer(lane, "c1", Move.RESUME)
    with pytest.raises(NotFound):
        steering.steer(lane, "nobody", Move.PAUSE)


def test_cancel_leaves_nothing_to_send_and_what_is_on_the_wire_is_told(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=900), country="BR")
    ticket, *_ = tickets(fan_out(lane))
    ask(lane, ticket, ahead_ms=100)

    steered = steering.steer(lane, "c1", Move.CANCEL)
    assert (steered.on_the_wire, count(lane, Status.CANCELLED), count(lane, Status.SENDING)) == (1, 899, 1)

    lane.contacts.record(ticket, Outcome(status=Status.PENDING, reason="busy", due_ms=1000))
    assert count(lane, Status.CANCELLED) == 900


def test_pausing_a_scheduled_campaign_and_resuming_it_keeps_its_time(lane: Store) -> None:
    at = int(time.time() * 1000) + 60_000
    accepting.accept(lane, an_order(scheduled_ms=at), country="BR")

    assert steering.steer(lane, "c1", Move.PAUSE).state is State.PAUSED
    assert steering.steer(lane, "c1", Move.RESUME).state is State.SCHEDULED
    assert lane.scripts.client.zscore(key("scheduled"), "c1") == at


def test_a_dead_workers_booked_contacts_go_back_and_its_sending_ones_are_unconfirmed(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=3, gap_ms=1000), country="BR")
    first, *_ = tickets(fan_out(lane))
    ask(lane, first, lease_ms=50)
    time.sleep(1.2)  # one is overdue; the other of its batch, a second later, is as lost

    assert lane.lanes.mend("i1", grace_ms=50, most_attempts=5) == (2, 1)
    assert (count(lane, Status.PENDING), count(lane, Status.UNCONFIRMED)) == (2, 1)


def test_a_late_answer_still_resolves_an_unconfirmed_contact(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    ticket, *_ = tickets(fan_out(lane))
    ask(lane, ticket, lease_ms=10)
    time.sleep(0.05)
    lane.lanes.mend("i1", grace_ms=5000, most_attempts=5)
    lane.contacts.record(ticket, Outcome(status=Status.SENT, message_id="m1"))

    assert (count(lane, Status.UNCONFIRMED), count(lane, Status.SENT)) == (0, 1)


def test_a_closed_answer_closes_the_lane_and_news_opens_it(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=5), country="BR")
    first, second, *_ = tickets(fan_out(lane))
    ask(lane, first)
    lane.contacts.record(first, Outcome(status=Status.PENDING, reason="unauthorized", holds="closed", counts=False))

    assert ask(lane, second) == Back("closed")
    progress = telling.progress(lane, "c1")
    assert (progress.state, progress.hold_reason) == (State.RUNNING, "instance_closed")
    assert fan_out(lane).departures == []

    assert steering.reopened(lane, "i1")
    assert {one.number for one in fan_out(lane).departures} == {0, 1}


def test_a_persons_pause_of_an_instance_outlives_the_gateways_news(lane: Store) -> None:
    steering.hold_lane(lane, "i1")

    assert steering.closed(lane, "i1", "logged out")
    assert not steering.reopened(lane, "i1")
    assert inspecting.lane(lane, "i1").state == "paused"
    steering.open_lane(lane, "i1")
    assert inspecting.lane(lane, "i1").reason == "logged out"
    assert steering.reopened(lane, "i1")
    assert inspecting.lane(lane, "i1").state == "open"


def test_an_urgent_campaign_gets_the_next_batch(lane: Store) -> None:
    trust(lane)
    accepting.accept(lane, an_order("low", contacts=500, gap_ms=100, priority=2), country="BR")
    fan_out(lane, horizon=Horizon(ms=1000, contacts=500))
    accepting.accept(lane, an_order("high", contacts=500, gap_ms=100, priority=8), country="BR")

    batch = fan_out(lane, horizon=Horizon(ms=3000, contacts=500))

    names = [one.campaign for one in batch.departures]
    assert names.count("high") >= 0.9 * len(names) - 1
    assert len(names) >= 15


def test_a_newcomer_among_equals_does_not_push_in(lane: Store) -> None:
    trust(lane)
    accepting.accept(lane, an_order("old", contacts=500, gap_ms=20), country="BR")
    fan_out(lane, horizon=Horizon(ms=2000, contacts=500))
    accepting.accept(lane, an_order("new", contacts=500, gap_ms=20), country="BR")

    names = [one.campaign for one in fan_out(lane, horizon=Horizon(ms=4000, contacts=500)).departures]

    assert abs(names.count("new") - names.count("old")) <= 1


def test_a_contact_that_waits_for_its_time_wakes_its_lane(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(lane))
    ask(lane, ticket)
    lane.contacts.record(ticket, Outcome(status=Status.PENDING, reason="busy", due_ms=60_000))

    assert fan_out(lane).departures == []
    client = lane.scripts.client
    assert client.zscore(key("lanes"), "i1") == client.zscore(key("later", "c1"), 0)
    for name, waits in ((key("lanes"), "i1"), (key("later", "c1"), 0)):
        client.zincrby(name, -60_000, waits)  # as if the minute had passed
    assert lane.lanes.due() == ["i1"]
    assert len(fan_out(lane).departures) == 1


def test_asking_for_a_lane_while_it_is_planned_is_not_forgotten(lane: Store) -> None:
    batch = planning.plan_lane(lane, "i1", horizon=HORIZON)
    accepting.accept(lane, an_order(), country="BR")  # joins the lane before the planner is done
    planning.rejoin(lane, batch, horizon=HORIZON)

    assert lane.lanes.due() == ["i1"]


def test_asking_for_a_lane_whose_planner_is_overdue_is_not_forgotten_either(lane: Store) -> None:
    batch = planning.plan_lane(lane, "i1", horizon=HORIZON)
    overdue_ms = batch.survey.claim - 60_000  # as if it had been frozen for a minute
    lane.scripts.client.zadd(key("lanes"), {"i1": overdue_ms})
    accepting.accept(lane, an_order(), country="BR")
    planning.rejoin(lane, replace(batch, survey=replace(batch.survey, claim=overdue_ms)), horizon=HORIZON)

    assert lane.lanes.due() == ["i1"]


def test_a_lane_with_nothing_to_do_is_left_alone(lane: Store) -> None:
    fan_out(lane)

    assert lane.scripts.client.zcard(key("lanes")) == 0


def settle(store: Store) -> None:
    """Let the last change of the credit be so long ago that it is known what came of it."""
    store.scripts.client.hincrby(key("flow"), "since", -SETTLED_MS)


def test_a_lane_that_loses_batch_after_batch_books_ever_fewer_until_one_leaves(
    lane: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    accepting.accept(lane, an_order(contacts=400, gap_ms=20), country="BR")
    sizes = []
    with monkeypatch.context() as patch:
        patch.setattr(planning, "GRACE_MS", 0)
        for _ in range(6):
            batch = fan_out(lane)
            sizes.append(len(batch.departures))
            settle(lane)
            time.sleep(0.1)  # none of them was taken when it was due
    assert sizes == [20, 10, 5, 2, 1, 1]

    for expected in (2, 3, 5):
        ticket, *_ = tickets(batch)
        depart(lane, ticket)
        settle(lane)
        batch = fan_out(lane)
        assert batch.credit == expected


def test_a_lane_books_no_more_than_the_workers_take_in_time_and_its_neighbour_the_same(lane: Store) -> None:
    trust(lane, 40)
    accepting.accept(lane, an_order(contacts=400, gap_ms=20), country="BR")
    accepting.accept(lane, an_order("c2", instance="i2", contacts=400, gap_ms=20), country="BR")
    lane.scripts.client.hset(key("flow"), mapping={"behind": 3000, "on_time": 0})
    lane.scripts.client.hincrby(key("flow"), "since", -3000)

    batch, other = fan_out(lane), fan_out(lane, "i2")

    assert [len(one.departures) for one in (batch, other)] == [13, 13]
    slots = [one.slot_ms for one in batch.departures]
    assert min(later - sooner for sooner, later in itertools.pairwise(slots)) == 1000 // 13
    lane.scripts.client.hincrby(key("flow"), "since", 600_000)  # nobody knows what came of it yet, however slow this is
    for ticket in tickets(batch):  # all are on the wire, and stay there
        depart(lane, ticket)
    assert len(fan_out(lane).departures) == 1
    assert fan_out(lane).departures == []


def test_what_stands_in_a_line_that_moves_is_late_and_not_lost(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=5), country="BR")
    accepting.accept(lane, an_order("c2", instance="i2", contacts=5), country="BR")
    for number in range(len(fan_out(lane).departures)):  # as if a minute had passed since
        lane.scripts.client.zincrby(key("booked", "i1"), -60_000, f"c1:{number}")
    ticket, *_ = tickets(fan_out(lane, "i2"))
    lane.scripts.client.hincrby(key("contact", ticket.campaign, ticket.number), "slot", -100_000)
    depart(lane, ticket, behind_ms=100_000)
    assert lane.lanes.mend("i1", grace_ms=30_000, most_attempts=5) == (0, 0)

    lane.scripts.client.hincrby(key("flow"), "at", -31_000)  # and as if nothing had left for half a minute
    assert lane.lanes.mend("i1", grace_ms=30_000, most_attempts=5) == (5, 0)


@pytest.mark.parametrize(
    "lane_has",
    [{"hold": "paused"}, {"rest": 4_000_000_000_000}, {"slow": 16, "slow_ms": 4_000_000_000_000}],
    ids=["held", "resting", "slowed down"],
)
def test_a_lane_that_is_not_hindered_by_its_credit_lets_it_be(lane: Store, lane_has: dict[str, str | int]) -> None:
    trust(lane, 20)
    accepting.accept(lane, an_order(contacts=400, gap_ms=50), country="BR")
    lane.scripts.client.hset(key("lane", "i1"), mapping=lane_has)

    assert fan_out(lane).credit == 20


def test_hosts_whose_clocks_disagree_are_not_taken_for_workers_that_are_behind(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=5), country="BR")
    ticket, *_ = tickets(fan_out(lane))
    lane.scripts.client.hincrby(key("contact", "c1", ticket.number), "slot", 60_000)  # however slow this is

    depart(lane, ticket, behind_ms=900)  # by the clock of its worker's host, and yet it is here by its slot

    flow = lane.lanes.survey("i1").flow
    assert (flow.behind_ms, flow.on_time_ms) == (pytest.approx(0, abs=ON_TIME_MS), flow.heard_ms)


def test_a_clock_that_is_put_back_makes_no_worker_late(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=5), country="BR")
    ticket, *_ = tickets(fan_out(lane))
    lane.scripts.client.hset(key("flow"), mapping={"at": int(time.time() * 1000) + 60_000, "behind": 0})

    depart(lane, ticket)

    assert lane.lanes.survey("i1").flow.behind_ms <= ON_TIME_MS


def test_a_lane_that_departs_late_but_in_order_is_behind_and_keeps_its_batch(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=20, gap_ms=50), country="BR")
    first, second, *_ = tickets(fan_out(lane))
    for number in range(20):  # as if a minute had passed when the worker comes to them
        lane.scripts.client.zincrby(key("booked", "i1"), -60_000, f"c1:{number}")
        lane.scripts.client.hincrby(key("contact", "c1", number), "slot", -60_000)
    depart(lane, first)
    assert lane.lanes.mend("i1", grace_ms=30_000, most_attempts=5) == (0, 0)

    depart(lane, second)
    lane.scripts.client.hincrby(key("lane", "i1"), "left", -60_000)  # as if nothing had departed since
    assert lane.lanes.mend("i1", grace_ms=30_000, most_attempts=5) == (18, 0)


def test_who_is_overtaken_by_much_younger_ones_is_lost_however_busy_the_lane(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=20, gap_ms=50), country="BR")
    _, *others = tickets(fan_out(lane))
    time.sleep(0.5)
    depart(lane, others[6])
    assert lane.lanes.mend("i1", grace_ms=200, most_attempts=5) == (19, 0)


def test_a_lane_that_is_behind_holds_no_more_than_one_that_is_on_time(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=100, gap_ms=100), country="BR")
    horizon = Horizon(ms=1000, contacts=500)
    fan_out(lane, horizon=horizon)
    time.sleep(0.6)
    fan_out(lane, horizon=horizon)

    assert count(lane, Status.BOOKED) == 11


def now_ms(store: Store) -> float:
    seconds, micros = store.scripts.client.time()
    return seconds * 1000 + micros / 1000


def test_those_who_wait_for_a_lane_that_is_behind_are_told_moments_a_gap_apart(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=4, gap_ms=GAP_MS), country="BR")
    first, *others = tickets(fan_out(lane, horizon=Horizon(ms=4 * GAP_MS, contacts=4)))
    depart(lane, first)
    left_ms = int(lane.scripts.client.hget(key("lane", "i1"), "left") or 0)

    for turn, one in enumerate(others, start=1):
        before_ms, leave, after_ms = now_ms(lane), ask(lane, one, patience_ms=4 * GAP_MS), now_ms(lane)
        assert isinstance(leave, Wait)
        assert before_ms <= left_ms + GAP_MS * turn - leave.wait_us / 1000 <= after_ms
    assert isinstance(again := ask(lane, others[0], has_waited=True), Wait)
    assert again.wait_us / 1000 <= GAP_MS  # who has waited is not sent to the end again


def test_a_planner_that_comes_late_does_not_drop_a_lane_that_another_has_booked(lane: Store) -> None:
    late = lane.lanes.survey("i1")
    accepting.accept(lane, an_order(contacts=3), country="BR")
    fan_out(lane)
    lane.lanes.rejoin(late, at_ms=None)
    assert lane.scripts.client.zscore(key("lanes"), "i1") is not None


@pytest.mark.parametrize("asks", [True, False])
def test_a_back_off_that_is_told_twice_by_one_run_used_up_one_attempt(lane: Store, asks: bool) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (first,) = tickets(fan_out(lane))
    later = Ticket(**{**first.__dict__, "run": "later"})
    not_now = Outcome(status=Status.BOOKED, reason="busy", due_ms=20_000, answer="busy")

    for attempts, ticket in enumerate((first, later), start=1):
        if asks:  # a gateway may have its answer before the fence
            depart(lane, ticket)
        for _ in range(3):  # the answers to the first two were lost
            assert lane.contacts.record(ticket, not_now) == "moved"
        person = lane.contacts.person(ticket)
        assert person is not None
        assert person.attempts == attempts
        assert count(lane, Status.BOOKED) == 1


def test_one_that_is_booked_anew_remembers_no_run_of_the_batch_before(lane: Store) -> None:
    accepting.accept(lane, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(lane))
    not_now = Outcome(status=Status.BOOKED, reason="busy", due_ms=0, answer="busy")
    assert lane.contacts.record(ticket, not_now) == "moved"
    time.sleep(0.01)

    (anew,) = tickets(fan_out(lane))  # its back-off was over
    assert lane.scripts.client.hget(key("contact", "c1", 0), "recorded") is None
    assert lane.contacts.record(ticket, not_now) == "kept"
    assert lane.contacts.record(anew, not_now) == "moved"
    assert lane.scripts.client.hget(key("contact", "c1", 0), "attempts") == "2"
