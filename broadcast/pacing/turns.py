"""Who gets the lane's next departures, and when."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

#: While a more urgent campaign runs, one departure in so many goes to the campaign that has waited longest.
LOWER_TURN = 10


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A campaign's claim on its lane."""

    campaign: str
    priority: int  #: 0 to 9, 9 the most urgent
    served: int  #: the lane's turn when it last got a departure
    waiting: int  #: contacts that could leave now
    gap_ms: int
    jitter_ms: int = 0
    next_due_ms: int = 0  #: when the next contact that waits for a time may leave, Unix ms; 0 for none


@dataclass(frozen=True, kw_only=True)
class Slot:
    """A departure: whose it is, when (Unix ms), and the least gaps it keeps before and after it, in ms."""

    campaign: str
    at_ms: int
    before_ms: int
    after_ms: int


def whose_turn(claims: Sequence[Claim], *, turn: int) -> Claim | None:
    """Who gets departure number `turn` of the lane.

    The most urgent campaign; among equals, the one served longest ago. Every `LOWER_TURN`-th departure goes to the
    campaign served longest ago of all the less urgent ones, so none starves: with n of them, each gets at least one
    departure in n x `LOWER_TURN`.
    """
    waiting = [claim for claim in claims if claim.waiting > 0]
    if not waiting:
        return None
    top = max(claim.priority for claim in waiting)
    lower = [claim for claim in waiting if claim.priority < top]
    if lower and turn % LOWER_TURN == 0:
        return min(lower, key=lambda claim: (claim.served, claim.campaign))
    equals = [claim for claim in waiting if claim.priority == top]
    return min(equals, key=lambda claim: (claim.served, claim.campaign))


def plan(
    claims: Sequence[Claim],
    *,
    turn: int,
    first_ms: int,
    previous_ms: int,
    previous_gap_ms: int,
    until_ms: int,
    limit: int,
    chance: Callable[[], float],
    allowed_until_ms: int | None = None,
    room: int | None = None,
    factor: float = 1.0,
    apart_ms: int = 0,
) -> list[Slot]:
    """The lane's next departures, none later than `until_ms` and at most `limit`.

    The first leaves at `first_ms` or when the gap after `previous_ms` is over, whichever is later; two neighbours
    keep the larger of their gaps. `chance` gives a number from 0 to 1 for the jitter, which only lengthens a gap.

    `allowed_until_ms` is when the sending window closes, no longer a moment to leave at (None: never); `room` is what
    the daily cap leaves (None: no cap); `factor`, 1 or more, is the slow-down by which every gap is lengthened;
    `apart_ms` the least time between two slots, whatever gaps they keep.
    """
    most = limit if room is None else min(limit, room)
    last_ms = until_ms if allowed_until_ms is None else min(until_ms, allowed_until_ms - 1)
    open_claims = {claim.campaign: claim for claim in claims}
    slots: list[Slot] = []
    while len(slots) < most:
        turn += 1
        claim = whose_turn(tuple(open_claims.values()), turn=turn)
        if claim is None:
            break
        before_ms = math.ceil((claim.gap_ms + math.floor(chance() * claim.jitter_ms)) * factor)
        after_ms = math.ceil(claim.gap_ms * factor)
        at_ms = max(first_ms, previous_ms + max(before_ms, previous_gap_ms, apart_ms))
        if at_ms > last_ms:
            break
        slots.append(Slot(campaign=claim.campaign, at_ms=at_ms, before_ms=before_ms, after_ms=after_ms))
        open_claims[claim.campaign] = replace(claim, served=turn, waiting=claim.waiting - 1)
        previous_ms, previous_gap_ms = at_ms, after_ms
    return slots
