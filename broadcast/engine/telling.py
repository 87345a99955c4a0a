"""Telling the truth about campaigns and lanes: the tally, the rate, the finish, and why nothing is being sent."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from broadcast.domain.campaign import OnUnknown, Progress, State
from broadcast.domain.contact import OPEN, Status
from broadcast.engine.accepting import left_out
from broadcast.engine.watching import QUIET_GAPS, Standing, cause, is_held
from broadcast.errors import FieldError, Invalid, NotFound
from broadcast.pacing import (
    HORIZON_MS,
    Rules,
    finish_ms,
    forecast_ms,
    sends_per_minute,
    slowed,
    used_on,
    zone_for,
)
from broadcast.store import Store
from broadcast.store.campaigns import Look


@dataclass(frozen=True, kw_only=True)
class Page:
    """Some campaigns, newest first, and where the next page begins (None: this is the last)."""

    items: Sequence[Progress]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True)
class ContactView:
    """One contact as it stands now. Times are Unix ms; `times` has when it came to rest, by status."""

    number: int
    phone: str
    name: str | None
    status: Status
    reason: str | None
    detail: str | None
    attempts: int  #: since a person had it sent again, where one did …
    earlier: int  #: … and those that were made before
    message_id: str | None
    departed_ms: int | None
    times: Mapping[Status, int]


@dataclass(frozen=True, kw_only=True)
class ContactPage:
    """Some contacts in their order, and where the next page begins (None: this is the last). It may be short."""

    items: Sequence[ContactView]
    next_cursor: str | None


def progress(store: Store, campaign: str, *, zone: str = "UTC") -> Progress:
    """One campaign as it stands now; its finish takes the instance's rules into account. Raises NotFound.

    `zone` is the IANA zone of the days of an instance that has no sending window.
    """
    look = store.campaigns.look(campaign)
    if look is None:
        raise NotFound(f"There is no campaign {campaign}.")
    return _within(look, store.instances.rules, zone)


def glance(
    store: Store, known: Mapping[str, int | None], *, rules_of: Callable[[str], Rules], zone: str
) -> dict[str, Progress | None]:
    """Of these campaigns (id -> the revision that is known, None: look anyhow) those that changed; None: it is gone."""
    looks = store.campaigns.glance(known)
    return {id_: _within(look, rules_of, zone) if look else None for id_, look in looks.items()}


def newest(
    store: Store, *, instances: frozenset[str] | None, limit: int, rules_of: Callable[[str], Rules], zone: str
) -> list[Progress]:
    """The newest campaigns (of these instances; None: of all), newest first."""
    rows = store.campaigns.page(state=None, instances=instances, limit=limit, before="+inf", after="")
    return [_within(look, rules_of, zone) for _, look in rows[:limit]]


def _within(look: Look, rules_of: Callable[[str], Rules], zone: str) -> Progress:
    """What the fields say, with the finish that the instance's rules allow."""
    found = progress_of(look)
    if found.expected_finish_ms is None:
        return found
    return replace(found, expected_finish_ms=_forecast(look, found, rules_of(found.instance), zone))


def _forecast(look: Look, found: Progress, rules: Rules, zone: str) -> int | None:
    """The finish by the pace, within the instance's window and what its days may have; None beyond the horizon."""
    zone = zone_for(rules, zone)
    gap_ms = max(_mean_gap_ms(look, gap_ms=found.gap_ms), rules.gap_ms + rules.jitter_ms / 2)

    def over_ms(from_ms: int, left: int) -> int:
        used_today = used_on(
            from_ms,
            used=int(look.lane.get("used", 0)),
            used_day=look.lane.get("day", ""),
            used_until_ms=int(look.lane.get("day_ends", 0)),
            zone=zone,
        )
        last_ms = _last_ms(look)
        return forecast_ms(from_ms, left, gap_ms, rules=rules, used_today=used_today, zone=zone, last_ms=last_ms)

    from_ms = _from_ms(look)
    finish = _last_of_all(look, from_ms, sum(found.counts[status] for status in OPEN), over_ms)
    return finish if finish < from_ms + HORIZON_MS else None


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
    before, after = read_cursor(cursor)
    rows = store.campaigns.page(state=state, instances=instances, limit=limit, before=before, after=after)
    items = [progress_of(look) for _, look in rows[:limit]]
    more = len(rows) > limit
    return Page(items=items, next_cursor=cursor_of(rows[limit - 1][0], items[-1].id) if more else None)


def contacts(
    store: Store, campaign: str, *, status: Status | None, reason: str | None = None, limit: int, cursor: str | None
) -> ContactPage:
    """A page of a campaign's contacts with what is known of each. Raises Invalid for a cursor that is not one of ours.

    A page without a single contact may still have a next one: so many were looked at, and none was of this kind.
    """
    if cursor is not None and not re.fullmatch(r"\d{1,12}", cursor, re.ASCII):
        raise Invalid(FieldError("/cursor", "is not a cursor of ours"))
    after = int(cursor) if cursor is not None else -1
    rows, last = store.contacts.page(campaign, status=status, reason=reason, after=after, limit=limit)
    items = [contact_of(number, fields) for number, fields in rows]
    return ContactPage(items=items, next_cursor=str(last) if last >= 0 else None)


def contact_of(number: int, fields: Mapping[str, str]) -> ContactView:
    """What the fields of one contact say."""
    return ContactView(
        number=number,
        phone=fields["phone"],
        name=json.loads(fields.get("values") or "{}").get("name"),
        status=Status(fields["status"]),
        reason=fields.get("reason"),
        detail=fields.get("detail") or None,
        attempts=int(fields.get("attempts", 0)),
        earlier=int(fields.get("earlier", 0)),
        message_id=fields.get("message_id"),
        departed_ms=_number(fields, "departed"),
        times={status: int(fields[f"at_{status.value}"]) for status in Status if f"at_{status.value}" in fields},
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
    if order.get("open") and state is State.SCHEDULED:
        code, detail = "open", "Contacts are being added; it begins after it is started."
    if state is State.PAUSED and order.get("because"):
        code, detail = "message_refused", order["because"]
    return Progress(
        id=look.campaign,
        instance=order["instance"],
        state=state,
        priority=int(order["priority"]),
        total=int(order["total"]),
        counts=counts,
        gap_ms=gap_ms,
        on_unknown=OnUnknown(order["on_unknown"]),
        slow_down=round(_slow(look), 2),
        sends_per_minute=rate,
        expected_finish_ms=None if is_held(code) else _finish(look, state, left=left, gap_ms=gap_ms),
        hold_reason=code,
        hold_detail=detail,
        last_error=order.get("last_error"),
        created_ms=int(order["created_ms"]),
        scheduled_ms=_number(order, "scheduled_ms"),
        started_ms=_number(order, "started_ms"),
        paused_ms=_number(order, "paused_ms"),
        finished_ms=_number(order, "finished_ms"),
        skipped=left_out(look),
        revision=int(order.get("rev", 0)),
        at_ms=look.now_ms,
    )


def _rate(look: Look) -> float:
    mean = float(look.order.get("mean_ms", 0))
    if not mean:
        return 0.0
    return sends_per_minute(mean, since_last_ms=look.now_ms - int(look.order["last_ms"]))


def _slow(look: Look) -> float:
    since_ms = _number(look.lane, "slow_ms") or 0
    return slowed(float(look.lane.get("slow", 1)), since_ms=since_ms, now_ms=look.now_ms)


def _finish(look: Look, state: State, *, left: int, gap_ms: int) -> int | None:
    if not left or state not in {State.RUNNING, State.SCHEDULED} or look.order.get("open"):
        return None
    mean_ms, last_ms = _mean_gap_ms(look, gap_ms=gap_ms), _last_ms(look)

    def over_ms(from_ms: int, left: int) -> int:
        return finish_ms(now_ms=from_ms, left=left, gap_ms=mean_ms, last_ms=last_ms)

    return _last_of_all(look, _from_ms(look), left, over_ms)


def _last_ms(look: Look) -> int:
    """The campaign's last departure, or, before its first, its lane's; 0 for none."""
    return int(look.order.get("last_ms") or look.lane.get("left") or 0)


def _from_ms(look: Look) -> int:
    """Before then nothing of it leaves: it begins later, or its lane rests."""
    return max(look.now_ms, _number(look.order, "scheduled_ms") or 0, _number(look.lane, "rest") or 0)


def _last_of_all(look: Look, from_ms: int, left: int, over_ms: Callable[[int, int], int]) -> int:
    """When all are over that are left, among them the one that waits longest for a time of its own."""
    finish = over_ms(from_ms, left)
    return max(finish, over_ms(look.last_due_ms, 1)) if look.last_due_ms > from_ms else finish


def _mean_gap_ms(look: Look, *, gap_ms: int) -> float:
    return max(float(look.order.get("mean_ms", 0)), gap_ms + int(look.order["jitter_ms"]) / 2)


def _hold(look: Look, *, gap_ms: int) -> tuple[str | None, str | None]:
    """Why a running campaign is not sending, the surest cause first; (None, None) when it is sending."""
    if not look.could_leave and look.tally.get(Status.SENDING.value, 0):
        return None, None  # the last ones are on the wire
    found = cause(
        Standing(
            lane=look.lane,
            now_ms=look.now_ms,
            gap_ms=max(gap_ms + int(look.order["jitter_ms"]), look.own_gap_ms),
            send_workers=look.send_workers,
            control_workers=look.control_workers,
            waiting=look.could_leave,
            behind_ms=look.behind_ms,
        )
    )
    if found is not None:
        return found.code, found.detail
    quiet_ms = look.now_ms - int(look.order.get("last_ms", look.order.get("started_ms", look.now_ms)))
    if quiet_ms > QUIET_GAPS * gap_ms and look.highest_priority > int(look.order["priority"]):
        return (
            "more_urgent_campaign",
            "A campaign of higher priority has the lane; this one gets one turn in ten.",
        )
    return None, None


def _number(fields: Mapping[str, str], name: str) -> int | None:
    return int(float(fields[name])) if name in fields else None


def cursor_of(at: str, name: str) -> str:
    """Where a page that is newest first goes on: at this Unix ms, after this one."""
    return base64.urlsafe_b64encode(f"{at} {name}".encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> tuple[str, str]:
    """The two again; for the first page, those before which everything is. Raises Invalid."""
    if cursor is None:
        return "+inf", ""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        at, name = text.split(" ", 1)
        return str(int(at)), name
    except (ValueError, binascii.Error) as error:
        raise Invalid(FieldError("/cursor", "is not a cursor of ours")) from error
