"""Telling the truth about campaigns and lanes: the tally, the rate, the finish, and why nothing is being sent."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broadcast.domain.campaign import Progress, State
from broadcast.domain.contact import OPEN, Status
from broadcast.engine.accepting import left_out
from broadcast.errors import FieldError, Invalid, NotFound
from broadcast.pacing import finish_ms, sends_per_minute
from broadcast.store import Store
from broadcast.store.campaigns import Look

#: A campaign whose last departure is older than so many of its gaps is not sending.
QUIET_GAPS = 3


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some campaigns, newest first, and where the next page begins (None: this is the last)."""

    items: Sequence[Progress]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True)
class LaneView:
    """An instance's lane. `state` is open, paused (by a person) or closed (by the gateway); times are Unix ms."""

    instance: str
    state: str
    reason: str | None
    detail: str | None
    waiting: int
    booked: int
    sending: int
    last_departure_ms: int | None
    rest_until_ms: int | None


def progress(store: Store, campaign: str) -> Progress:
    """One campaign as it stands now, in one round trip. Raises NotFound."""
    look = store.campaigns.look(campaign)
    if look is None:
        raise NotFound(f"There is no campaign {campaign}.")
    return progress_of(look)


def instance_of(store: Store, campaign: str) -> str:
    """The instance that a campaign is sent through. Raises NotFound."""
    found = store.campaigns.find(campaign)
    if found is None:
        raise NotFound(f"There is no campaign {campaign}.")
    return found.instance


def page(
    store: Store, *, state: State | None, instances: frozenset[str] | None, limit: int, cursor: str | None
) -> Page:
    """A page of campaigns, newest first. Raises Invalid for a cursor that is not one of ours."""
    before, after = _read_cursor(cursor)
    rows = store.campaigns.page(state=state, instances=instances, limit=limit, before=before, after=after)
    items = [progress_of(look) for _, look in rows[:limit]]
    more = len(rows) > limit
    return Page(items=items, next_cursor=_cursor(rows[limit - 1][0], items[-1].id) if more else None)


def lane(store: Store, instance: str) -> LaneView:
    """An instance's lane as it stands now; one that was never used is open and empty."""
    fields, waiting, booked, sending = store.lanes.look(instance)
    return LaneView(
        instance=instance,
        state=fields.get("hold", "open"),
        reason=fields.get("reason") or None,
        detail=fields.get("detail") or None,
        waiting=waiting,
        booked=booked,
        sending=sending,
        last_departure_ms=_number(fields, "left"),
        rest_until_ms=_number(fields, "rest"),
    )


def progress_of(look: Look) -> Progress:
    """What the fields of one instant say."""
    order = look.order
    state = State(order["status"])
    gap_ms = int(order["gap_ms"])
    counts = {status: look.tally.get(status.value, 0) for status in Status}
    left = sum(counts[status] for status in OPEN)
    rate = _rate(look) if state is State.RUNNING and left else 0.0
    code, detail = _hold(look, gap_ms=gap_ms) if state is State.RUNNING and left else (None, None)
    return Progress(
        id=look.campaign,
        instance=order["instance"],
        state=state,
        priority=int(order["priority"]),
        total=int(order["total"]),
        counts=counts,
        gap_ms=gap_ms,
        sends_per_minute=rate,
        expected_finish_ms=_finish(look, state, left=left, gap_ms=gap_ms),
        hold_reason=code,
        hold_detail=detail,
        last_error=order.get("last_error"),
        created_ms=int(order["created_ms"]),
        scheduled_ms=_number(order, "scheduled_ms"),
        started_ms=_number(order, "started_ms"),
        paused_ms=_number(order, "paused_ms"),
        finished_ms=_number(order, "finished_ms"),
        skipped=left_out(look),
    )


def _rate(look: Look) -> float:
    mean = float(look.order.get("mean_ms", 0))
    if not mean:
        return 0.0
    return sends_per_minute(mean, since_last_ms=look.now_ms - int(look.order["last_ms"]))


def _finish(look: Look, state: State, *, left: int, gap_ms: int) -> int | None:
    if not left or state not in {State.RUNNING, State.SCHEDULED}:
        return None
    from_ms = max(look.now_ms, _number(look.order, "scheduled_ms") or 0)
    mean_gap_ms = max(float(look.order.get("mean_ms", 0)), gap_ms + int(look.order["jitter_ms"]) / 2)
    return finish_ms(now_ms=from_ms, left=left, gap_ms=mean_gap_ms)


def _hold(look: Look, *, gap_ms: int) -> tuple[str | None, str | None]:
    """Why a running campaign is not sending, the surest cause first; (None, None) when it is sending."""
    lane = look.lane
    if lane.get("hold"):
        cause = ": ".join(filter(None, (lane.get("reason"), lane.get("detail"))))
        return f"instance_{lane['hold']}", cause
    if not look.send_workers:
        return "no_worker", "No live worker consumes the queue `broadcast`."
    if not look.control_workers:
        return "no_control_worker", "No live worker consumes the queue `control`."
    if int(lane.get("rest", 0)) > look.now_ms:
        return "gateway_busy", f"The lane rests after: {look.order.get('last_error', 'a busy answer')}"
    quiet_ms = look.now_ms - int(look.order.get("last_ms", look.order.get("started_ms", look.now_ms)))
    if quiet_ms > QUIET_GAPS * gap_ms and look.highest_priority > int(look.order["priority"]):
        return (
            "more_urgent_campaign",
            "A campaign of higher priority has the lane; this one gets one turn in ten.",
        )
    return None, None


def _number(fields: Mapping[str, str], name: str) -> int | None:
    return int(float(fields[name])) if name in fields else None


def _cursor(at: str, campaign: str) -> str:
    return base64.urlsafe_b64encode(f"{at} {campaign}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str | None) -> tuple[str, str]:
    if cursor is None:
        return "+inf", ""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, campaign = text.split(" ", 1)
        return str(int(at)), campaign
    except (ValueError, binascii.Error) as error:
        raise Invalid(FieldError("/cursor", "is not a cursor of ours")) from error
