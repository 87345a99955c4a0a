"""How an instance's lane stands: what holds or slows it, what its gateway said last, and its own rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broadcast.domain.instance import Instance
from broadcast.engine.remedies import remedy_for
from broadcast.pacing import Rules, allow, next_try_ms, slowed, zone_for
from broadcast.store import Store
from broadcast.store.instances import instance_of as instance_of_hash
from broadcast.store.instances import rules_of
from broadcast.store.lanes import LaneLook


@dataclass(frozen=True, kw_only=True)
class LaneView:
    """An instance's lane. `state` is open, paused (by a person) or closed (by the gateway); times are Unix ms."""

    instance: str
    state: str
    reason: str | None
    detail: str | None
    under_pause: str | None  #: how its gateway has it held under a person's pause: closed or restricted, …
    under_pause_reason: str | None  #: … why, …
    under_pause_detail: str | None  #: … and the same in the gateway's words
    waiting: int
    booked: int
    sending: int
    last_departure_ms: int | None
    rest_until_ms: int | None
    slow_down: float  #: the factor by which gaps are lengthened just now, 1 for none
    slow_reason: str | None
    used_today: int  #: departures on the instance's present local day
    cap_today: int | None
    waits: str | None  #: "quiet_hours" or "daily_cap"
    waits_until_ms: int | None
    answer: str | None  #: the gateway's last answer in a word, …
    answer_reason: str | None
    answer_ms: int | None  #: … and when it came
    error_share: float  #: of the last messages, those that failed without a reason
    health: str | None  #: "open", or why it cannot send, as the gateway said when it was last asked, …
    health_ms: int | None  #: … and when that was
    remedy: str | None  #: what to do, where it cannot send and that is known
    next_try_ms: int | None  #: when a probe may next open it, where its gateway closed it and it has work
    stuck: str | None  #: why it is not sending although it has work, as upkeep found it
    stuck_since_ms: int | None
    registered: Instance | None  #: as somebody registered it, …
    rules: Rules  #: … and its own rules
    at_ms: int  #: the instant, by Redis's clock


def lane(store: Store, instance: str, *, zone: str = "UTC") -> LaneView:
    """An instance's lane as it stands now; one that was never used is open and empty.

    `zone` is the IANA zone of the days of an instance that has no sending window.
    """
    return lanes(store, [instance], zone=zone)[0]


def lanes(store: Store, instances: Sequence[str], *, zone: str = "UTC") -> list[LaneView]:
    """The same of several, in their order; a round trip for fifty of them."""
    found = store.lanes.looks(instances)
    return [_lane(instance, look, zone) for instance, look in zip(instances, found, strict=True)]


def _lane(instance: str, look: LaneLook, zone: str) -> LaneView:
    fields, waiting, booked, sending, registered, recent, now_ms = look
    rules = rules_of(registered)
    allowance = allow(
        rules,
        now_ms=now_ms,
        used_day=fields.get("day", ""),
        used=int(fields.get("used", 0)),
        used_until_ms=int(fields.get("day_ends", 0)),
        zone=zone_for(rules, zone),
    )
    slow = slowed(float(fields.get("slow", 1)), since_ms=int(fields.get("slow_ms", 0)), now_ms=now_ms)
    return LaneView(
        instance=instance,
        state=fields.get("hold", "open"),
        reason=fields.get("reason") or None,
        detail=fields.get("detail") or None,
        under_pause=fields.get("under"),
        under_pause_reason=fields.get("under_reason") or None,
        under_pause_detail=fields.get("under_detail") or None,
        waiting=waiting,
        booked=booked,
        sending=sending,
        last_departure_ms=_number(fields, "left"),
        rest_until_ms=_number(fields, "rest"),
        slow_down=round(slow, 2),
        slow_reason=fields.get("slow_reason") or None if slow > 1 else None,
        used_today=allowance.used,
        cap_today=allowance.cap,
        waits=allowance.waits or None,
        waits_until_ms=allowance.again_ms,
        answer=fields.get("answer") or None,
        answer_reason=fields.get("answer_reason") or None,
        answer_ms=_number(fields, "answer_ms"),
        error_share=round(recent.count("e") / len(recent), 2) if recent else 0.0,
        health=fields.get("health"),
        health_ms=_number(fields, "health_ms"),
        remedy=remedy_for(fields.get("under_reason") or fields.get("reason") or fields.get("health")),
        next_try_ms=_next_try_ms(fields) if waiting else None,
        stuck=fields.get("stuck") or None,
        stuck_since_ms=_number(fields, "stuck_ms"),
        registered=instance_of_hash(instance, registered),
        rules=rules,
        at_ms=now_ms,
    )


def _next_try_ms(fields: Mapping[str, str]) -> int | None:
    held_ms = _number(fields, "held_ms")
    if fields.get("hold") != "closed" or held_ms is None:
        return None
    return next_try_ms(held_ms=held_ms, times=_number(fields, "reopened") or 0, asked_ms=_number(fields, "health_ms"))


def _number(fields: Mapping[str, str], name: str) -> int | None:
    return int(float(fields[name])) if name in fields else None
