"""What a gateway's answer means for the contact and its lane: a decision, which changes nothing."""

from __future__ import annotations

from dataclasses import replace

from broadcast.domain.campaign import OnUnknown
from broadcast.domain.contact import Status
from broadcast.engine.remedies import why_halted
from broadcast.engine.steering import hold_for
from broadcast.gateways.base import Accepted, Answer, Busy, Closed, Refused, Scope, Unknown
from broadcast.pacing import back_off_ms
from broadcast.store.tickets import Outcome

#: A gateway that cannot be reached lets its lane rest for so long.
UNREACHED_REST_MS = 5000
#: What the gateway asks to wait for grows so many times, where it says that it grows.
MOST_GROWN = 4
#: A batch holds a contact in back-off for so long.
BACK_OFF_LEASE_MS = 20_000


def outcome_of(
    answer: Answer,
    *,
    attempt: int,
    max_attempts: int,
    quick_left: int,
    on_unknown: OnUnknown = OnUnknown.HOLD,
    capped: int = 0,
) -> Outcome:
    """What an answer means for the contact and its lane. `attempt` counts this one; 0: it came before the fence."""
    if isinstance(answer, Busy) and answer.is_cap:
        outcome = _capped(answer, capped + 1, answer.most_attempts or 1)
    else:
        outcome = _outcome(answer, attempt, max_attempts, quick_left, on_unknown)
    return replace(outcome, answer=type(answer).__name__.lower())


def _outcome(answer: Answer, attempt: int, max_attempts: int, quick_left: int, on_unknown: OnUnknown) -> Outcome:
    if isinstance(answer, Accepted):
        return Outcome(status=Status.SENT, message_id=answer.message_id)
    if isinstance(answer, Refused):
        # Before the fence nothing was tried: the gateway was asked about the number alone.
        status = Status.FAILED if attempt else Status.SKIPPED
        return Outcome(
            status=status,
            reason=answer.reason,
            detail=answer.detail,
            opts_out=answer.opts_out,
            halts_after=answer.halts_after,
            because=why_halted(answer) if answer.halts_after else "",
        )
    if isinstance(answer, Unknown):
        again = on_unknown is OnUnknown.RESEND and attempt < max_attempts
        status, due_ms = (Status.PENDING, back_off_ms(attempt)) if again else (Status.UNCONFIRMED, None)
        return Outcome(
            status=status,
            reason=answer.reason,
            detail=answer.detail,
            due_ms=due_ms,
            rest_ms=int((answer.after_s or 0) * 1000),
            slows=answer.after_s is not None,
        )
    if isinstance(answer, Closed):
        is_whole = answer.scope is Scope.INSTANCE
        return Outcome(
            status=Status.PENDING,
            reason=answer.reason,
            detail=answer.detail,
            holds=hold_for(answer.reason) if is_whole else "",
            halts=not is_whole,
            counts=False,
        )
    return _not_now(answer, attempt=attempt, max_attempts=max_attempts, quick_left=quick_left)


def _capped(busy: Busy, times: int, most: int) -> Outcome:
    """The gateway says how often it may say this of one contact: other attempts do not count."""
    after_ms = int((busy.after_s or 0) * 1000) or back_off_ms(times)
    status, due_ms = (Status.PENDING, after_ms) if times < most else (Status.FAILED, None)
    return Outcome(status=status, reason=busy.reason, detail=busy.detail, due_ms=due_ms, capped_ms=after_ms)


def _not_now(busy: Busy, *, attempt: int, max_attempts: int, quick_left: int) -> Outcome:
    if busy.reached and attempt >= min(max_attempts, busy.most_attempts or max_attempts):
        return Outcome(status=Status.FAILED, reason=busy.reason, detail=busy.detail)
    if quick_left > 0 and not busy.after_s:  # Celery's own back-off may be shorter than what the gateway asks for
        return Outcome(
            status=Status.BOOKED,
            reason=busy.reason,
            detail=busy.detail,
            due_ms=BACK_OFF_LEASE_MS,
            counts=busy.reached,
            slows=busy.reached and not busy.contact_only,
        )
    if not busy.reached:
        rest_ms = int((busy.after_s or 0) * 1000) or UNREACHED_REST_MS
        return Outcome(status=Status.PENDING, reason=busy.reason, detail=busy.detail, rest_ms=rest_ms, counts=False)
    after_ms = int((busy.after_s or 0) * 1000)
    grown_ms = after_ms * busy.growth ** min(max(attempt - 1, 0), MOST_GROWN)
    return Outcome(
        status=Status.PENDING,
        reason=busy.reason,
        detail=busy.detail,
        due_ms=grown_ms or back_off_ms(attempt),
        rest_ms=0 if busy.contact_only else after_ms,
        rests=busy.spans,
        slows=not busy.contact_only,
    )
