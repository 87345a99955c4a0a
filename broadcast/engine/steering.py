"""Steering: pause, resume and cancel a campaign; hold and open a lane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from broadcast.domain.campaign import Move, Scope, State
from broadcast.errors import Conflict, NotFound
from broadcast.gateways.base import Connection
from broadcast.pacing import closed_for_ms
from broadcast.store import Store
from broadcast.store.campaigns import CHUNK

#: A cancel answers after so many waiting contacts; upkeep cancels the rest.
SWEPT_AT_ONCE = 20 * CHUNK


@dataclass(frozen=True, kw_only=True)
class Steered:
    """Where the campaign is after the move, and how many of its requests are on the wire and will still arrive."""

    state: State
    on_the_wire: int
    instance: str


def steer(store: Store, campaign: str, move: Move) -> Steered:
    """Make a move; doing it twice is doing it once. Raises NotFound, or Conflict when it cannot be from here."""
    found = store.campaigns.steer(campaign, move)
    if found is None:
        raise NotFound(f"There is no campaign {campaign}.")
    if not found.done:
        raise Conflict(f"Campaign {campaign} is {found.state.value}: it cannot {move.value}.")
    if move is Move.CANCEL:  # what is left after these is upkeep's; none of it will be sent
        sweep(store, campaign, limit=SWEPT_AT_ONCE)
    return Steered(state=found.state, on_the_wire=found.sending, instance=found.instance)


def sweep(store: Store, campaign: str, *, limit: int) -> int:
    """Mark up to `limit` waiting contacts of a cancelled campaign; return how many are left to mark."""
    left = 1
    for _ in range(0, limit, CHUNK):
        left = store.campaigns.sweep(campaign)
        if left == 0:
            break
    return left


@dataclass(frozen=True, kw_only=True)
class Retried:
    """How many contacts wait to be sent again, and how many of the scope are still to be put back."""

    state: State
    queued: int
    left: int
    instance: str


def retry(
    store: Store, campaign: str, scope: Scope, *, asked_ms: int | None = None, limit: int = SWEPT_AT_ONCE
) -> Retried:
    """Have failed, or unconfirmed, contacts sent again. Each meets the fence as if it were the first time.

    Those are meant that were so when the person asked, `asked_ms` by Redis's clock (None: now).
    Raises NotFound, or Conflict for a campaign that is cancelled or has not begun.
    """
    queued = 0
    while True:
        found = store.campaigns.retry(campaign, scope, asked_ms=asked_ms)
        if found is None:
            raise NotFound(f"There is no campaign {campaign}.")
        if not found.done:
            raise Conflict(f"Campaign {campaign} is {found.state.value}: nothing of it can be sent again.")
        queued, asked_ms = queued + found.queued, found.asked_ms
        if not found.queued or not found.left or queued >= limit:
            return Retried(state=found.state, queued=queued, left=found.left, instance=found.instance)


def hold_lane(store: Store, instance: str) -> None:
    """A person pauses an instance: nothing leaves until a person opens it again."""
    store.lanes.hold(instance, "paused", reason="paused by an operator")


def open_lane(store: Store, instance: str) -> None:
    """A person opens an instance, whatever held it. The pace starts anew: nothing that was missed is caught up."""
    store.lanes.hold(instance, "")


#: Reasons that no connection news undoes: a restricted number stays connected. Only a person opens its lane.
RESTRICTING = frozenset({"restricted", "billing", "error_share"})


def hold_for(reason: str) -> str:
    """How a lane is held for this reason of a gateway's: "closed", or "restricted" until a person looks at it."""
    return "restricted" if reason in RESTRICTING else "closed"


def closed(
    store: Store, instance: str, reason: str, *, detail: str = "", of: str = "", news: Sequence[str] = ()
) -> bool:
    """The gateway says that the instance cannot send. A person's own pause stands, and so does a restriction.

    `of` is the contact that the detail is about. `news` are what it says it by, in receipts; each is heard once.
    """
    hold, only_if = _closing(reason)
    return store.lanes.hold(instance, hold, reason=reason, detail=detail, of=of, only_if=only_if, news=news)


def _closing(reason: str) -> tuple[str, str]:
    """How a lane is held for this reason, and what it may be before."""
    hold = hold_for(reason)
    return hold, "open,closed" if hold == "closed" else "open,closed,restricted"


def hear(store: Store, instance: str, news: Connection, *, clock: str = "") -> bool:
    """The gateway says, unasked, that the instance closed or opened; True when that changed its lane.

    Of calls that come out of order, or again, only what is newer than all before counts; and what opened before an
    answer found it closed is over. `clock` names the gateway that tells: times of another's compare with none of its.
    """
    hold, only_if = ("", "closed") if news.is_open else _closing(news.reason)
    reason = "" if news.is_open else news.reason
    return store.lanes.hear(
        instance,
        hold,
        reason=reason,
        only_if=only_if,
        at_ms=news.at_ms,
        tried_for_ms=news.tried_for_ms,
        is_wall=news.is_wall,
        clock=clock,
    )


def reopened(store: Store, instance: str) -> bool:
    """A probe found the instance open; True when its lane was closed and is open for that. A pause stands.

    What a gateway's messages are answered may differ from what it says when asked: each time that no message was
    accepted after, the lane stays closed for longer; see `pacing.closed_for_ms`.
    """
    closure = store.lanes.closure(instance)
    if closure is None or closure.for_ms < closed_for_ms(closure.times):
        return False
    return store.lanes.reopen(instance, times=closure.times)


def halt(store: Store, campaign: str, because: str, *, of: int, news: Sequence[str] = ()) -> bool:
    """The gateway takes this campaign's message for nobody: it is paused, and says why. `of`, `news` as in `closed`."""
    found = store.campaigns.steer(campaign, Move.PAUSE, because=because, of=of, news=news)
    return bool(found and found.done)
