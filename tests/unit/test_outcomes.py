"""What each of the five answers means for the contact and its lane."""

from __future__ import annotations

import pytest

from broadcast.domain.contact import Status
from broadcast.engine.outcomes import UNREACHED_REST_MS, outcome_of
from broadcast.gateways.base import Accepted, Answer, Busy, Closed, Refused, Unknown
from broadcast.store.tickets import Outcome


def outcome(answer: Answer, *, attempt: int = 1, quick_left: int = 0) -> Outcome:
    return outcome_of(answer, attempt=attempt, max_attempts=3, quick_left=quick_left)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Accepted("id-1"), Status.SENT),
        (Refused("not_on_whatsapp"), Status.FAILED),
        (Unknown("timed_out"), Status.UNCONFIRMED),
        (Closed("unauthorized"), Status.PENDING),
        (Busy("too_many"), Status.PENDING),
        (Busy("refused", reached=False), Status.PENDING),
    ],
)
def test_each_answer_has_its_place(answer: Answer, status: Status) -> None:
    assert outcome(answer).status is status


def test_who_is_refused_before_the_fence_was_never_tried() -> None:
    result = outcome(Refused("not_on_whatsapp", "no such number"), attempt=0)
    assert (result.status, result.reason, result.detail) == (Status.SKIPPED, "not_on_whatsapp", "no such number")


@pytest.mark.parametrize(("attempt", "due_s"), [(0, 6), (1, 6), (2, 24), (3, 96), (4, 384), (9, 1536)])
def test_what_a_gateway_asks_one_person_to_wait_for_may_grow_with_each_try(attempt: int, due_s: int) -> None:
    answer = Busy("too_many", after_s=6, contact_only=True, growth=4)
    result = outcome_of(answer, attempt=attempt, max_attempts=10, quick_left=2)
    assert (result.status, result.due_ms, result.rest_ms) == (Status.PENDING, due_s * 1000, 0)


def test_an_accepted_message_is_known_by_the_gateways_id() -> None:
    assert outcome(Accepted("id-1")).message_id == "id-1"


@pytest.mark.parametrize("quick_left", [0, 1, 2])
def test_what_may_have_been_sent_is_never_tried_again(quick_left: int) -> None:
    assert outcome(Unknown("timed_out"), quick_left=quick_left).status is Status.UNCONFIRMED


def test_a_short_fault_stays_with_the_batch_while_tries_are_left() -> None:
    assert outcome(Busy("not_now"), quick_left=1).status is Status.BOOKED
    assert outcome(Busy("not_now"), quick_left=0).status is Status.PENDING
    assert outcome(Busy("not_now", after_s=1), quick_left=1).status is Status.PENDING  # which is obeyed, by the lane


def test_a_retry_after_rests_the_whole_lane() -> None:
    result = outcome(Busy("too_many", after_s=30))
    assert (result.due_ms, result.rest_ms) == (30_000, 30_000)


def test_what_may_have_been_sent_rests_the_lane_where_the_gateway_was_asked_too_much() -> None:
    result = outcome(Unknown("rate_overlimit", after_s=120))
    assert (result.status, result.rest_ms, result.slows) == (Status.UNCONFIRMED, 120_000, True)
    assert (outcome(Unknown("timed_out")).rest_ms, outcome(Unknown("timed_out")).slows) == (0, False)


def test_the_last_attempt_fails_with_the_gateways_own_reason() -> None:
    result = outcome(Busy("not_now", "Timed Out"), attempt=3, quick_left=2)
    assert (result.status, result.reason, result.detail) == (Status.FAILED, "not_now", "Timed Out")


def test_a_gateway_that_was_not_reached_costs_the_contact_nothing() -> None:
    result = outcome(Busy("refused", reached=False), attempt=99)
    assert (result.status, result.counts, result.rest_ms) == (Status.PENDING, False, UNREACHED_REST_MS)


def test_a_closed_instance_closes_its_lane_and_fails_nobody() -> None:
    result = outcome(Closed("unauthorized", "Unauthorized"))
    assert (result.status, result.holds, result.counts) == (Status.PENDING, "closed", False)
