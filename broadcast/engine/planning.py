"""Planning a lane: take back what was lost, then book the next seconds of departures for one batch."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from broadcast.pacing import (
    LOOK_MS,
    Allowance,
    Claim,
    Rules,
    Slot,
    allow,
    credited,
    next_day_ms,
    plan,
    slowed,
    zone_for,
)
from broadcast.store import Store
from broadcast.store.lanes import Booked, Survey

#: When nobody has asked the fence for a booked contact so long after its slot, its lane starts over.
GRACE_MS = 3000
#: A lane that holds contacts is looked at again after so long, to find what a dead worker held.
WATCH_MS = 2000
#: A lane with more to book is planned again no sooner than this, and one that can book no more than this.
AGAIN_MS, FULL_MS = 250, 1000
#: The first departure is booked so far ahead that its message can reach a worker in time.
TRANSIT_MS = 60


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """How far ahead a lane is fanned out: ms of departures, and contacts, whichever is less."""

    ms: int
    contacts: int


@dataclass(frozen=True, kw_only=True)
class Batch:
    """What one planning found: the departures to publish, and what happened on the way."""

    id: str
    instance: str
    now_ms: int  #: Redis's clock when the departures were booked
    departures: Sequence[Booked]
    completed: Sequence[str]
    taken_back: int
    given_up: int
    survey: Survey
    allowance: Allowance
    credit: int  #: how many contacts a lane may have with the workers from now on

    @property
    def campaigns(self) -> list[str]:
        """The campaigns that have a departure in this batch."""
        return sorted({departure.campaign for departure in self.departures})


def plan_lane(
    store: Store,
    instance: str,
    *,
    horizon: Horizon,
    most_attempts: int = 1,
    zone: str = "UTC",
    chance: Callable[[], float] = random.random,
) -> Batch:
    """Mend the lane and book its next departures up to the horizon; the caller publishes them, then calls `rejoin`.

    `zone` is the IANA zone of the days of an instance that has no sending window.
    """
    taken_back, given_up = store.lanes.mend(instance, grace_ms=GRACE_MS, most_attempts=most_attempts)
    survey, rules = store.lanes.survey(instance), store.instances.rules(instance)
    zone = zone_for(rules, zone)
    allowance = allow(
        rules, now_ms=survey.now_ms, used_day=survey.day, used=survey.used, used_until_ms=survey.day_ends_ms, zone=zone
    )
    batch = uuid.uuid4().hex
    wanted = _wanted(survey, rules, allowance, horizon)
    held = survey.booked + survey.sending
    credit = credited(survey.flow, now_ms=survey.now_ms, held=held, wanted=wanted, is_lost=taken_back > 0)
    slots = _slots(survey, rules, allowance, horizon, credit=credit, wanted=wanted, chance=chance)
    booked = (
        store.lanes.book(
            instance,
            turn=survey.turn,
            batch=batch,
            slots=slots,
            day=allowance.day,
            day_ends_ms=next_day_ms(survey.now_ms, zone),
            until_ms=allowance.ends_ms,
            cap=allowance.cap,
        )
        if slots
        else None
    )
    return Batch(
        id=batch,
        instance=instance,
        now_ms=survey.now_ms,
        departures=booked or [],
        completed=survey.completed,
        taken_back=taken_back,
        given_up=given_up,
        survey=survey,
        allowance=allowance,
        credit=credit,
    )


def _claims(survey: Survey, rules: Rules) -> list[Claim]:
    """The campaigns' claims, none faster than the instance's own rules."""
    return [
        replace(claim, gap_ms=max(claim.gap_ms, rules.gap_ms), jitter_ms=max(claim.jitter_ms, rules.jitter_ms))
        for claim in survey.candidates
    ]


def _factor(survey: Survey) -> float:
    return slowed(survey.slow, since_ms=survey.slow_ms, now_ms=survey.now_ms)


def _wanted(survey: Survey, rules: Rules, allowance: Allowance, horizon: Horizon) -> int:
    """How many contacts the lane would have with the workers, had it all the credit: on the wire, and booked.

    A lane whose workers are behind books as many as one that is on time: a horizon's worth at its least gap. One that
    may not leave wants no more than it has.
    """
    claims = _claims(survey, rules)
    gap_ms = min((claim.gap_ms for claim in claims), default=0) * _factor(survey)
    for_ms = horizon.ms - max(survey.rest_ms - survey.now_ms, 0)
    most = min(horizon.contacts, int(for_ms // gap_ms) + 1) if gap_ms else horizon.contacts
    waiting = sum(claim.waiting for claim in claims)
    if survey.hold or allowance.waits or for_ms < 0:
        waiting = 0
    return survey.sending + max(min(survey.booked + waiting, most), survey.booked)


def _slots(
    survey: Survey,
    rules: Rules,
    allowance: Allowance,
    horizon: Horizon,
    *,
    credit: int,
    wanted: int,
    chance: Callable[[], float],
) -> list[Slot]:
    """The departures to book. With no live worker there are none: messages that nobody takes would only pile up.

    A lane that has nothing booked books one whatever its credit, so that none waits for what is long on the wire; and
    what the credit lets it book is spread over the time until the next look.
    """
    if survey.hold or survey.workers == 0 or allowance.waits:
        return []
    left = max(credit - survey.booked - survey.sending, 0 if survey.booked else 1)
    return plan(
        _claims(survey, rules),
        turn=survey.turn,
        first_ms=max(survey.now_ms + TRANSIT_MS, survey.rest_ms),
        previous_ms=survey.left_ms,
        previous_gap_ms=survey.gap_ms,
        until_ms=survey.now_ms + horizon.ms,
        limit=min(wanted - survey.sending - survey.booked, left),
        chance=chance,
        allowed_until_ms=allowance.ends_ms,
        room=None if allowance.room is None else max(allowance.room - survey.booked, 0),
        factor=_factor(survey),
        apart_ms=LOOK_MS // credit,
    )


def look_again_ms(batch: Batch, horizon: Horizon) -> int | None:
    """When the lane is to be planned again, Unix ms of Redis's clock; None when it has nothing to do.

    Half a horizon before the departures run out, so that the next batch is there in time.
    """
    survey = batch.survey
    held = len(batch.departures) + survey.booked + survey.sending
    times = [survey.now_ms + WATCH_MS] if held else []
    if not survey.hold and batch.allowance.waits:
        times += [batch.allowance.again_ms] if batch.allowance.again_ms and survey.candidates else []
    elif not survey.hold:
        times += [claim.next_due_ms for claim in survey.candidates if claim.next_due_ms > survey.now_ms]
        waiting = sum(claim.waiting for claim in survey.candidates) - len(batch.departures)
        if waiting > 0:
            last = max([survey.left_ms, *(departure.slot_ms for departure in batch.departures)])
            soonest = survey.now_ms + (AGAIN_MS if batch.departures else FULL_MS)
            times.append(max(last - horizon.ms // 2, soonest))
    return min(times) if times else None


def rejoin(store: Store, batch: Batch, *, horizon: Horizon) -> None:
    """Say when the lane is to be planned again."""
    waits = batch.allowance.waits if batch.survey.candidates else ""
    at_ms = look_again_ms(batch, horizon)
    store.lanes.rejoin(
        batch.survey,
        at_ms=at_ms,
        waits=waits,
        wait_ms=batch.allowance.again_ms if waits else None,
        credit=batch.credit if batch.credit != batch.survey.flow.credit else None,
    )
