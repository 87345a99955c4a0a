"""Foretelling when a campaign begins and ends, and judging afterwards how true it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from broadcast.domain.campaign import Order, State
from broadcast.pacing import Load, Outlook, Outset, Rules, outlook, still_failing, zone_for
from broadcast.store import Store
from broadcast.store.lanes import Found

#: An error is judged as a share of no less: one contact leaves at once. `judge` of the scripts has it, too.
LEAST_MS = 1000


@dataclass(frozen=True, kw_only=True)
class Judged:
    """What was foretold when a campaign was accepted, and what became of it. Times are Unix ms.

    Where what happened cannot be compared with it, `incomparable` says why in a word, and the rest is None.
    """

    start_ms: int | None  #: None for what was more than ten years ahead
    p50_ms: int | None
    p90_ms: int | None
    error_ms: int | None = None  #: how much later than `p50_ms` it was over, negative for earlier …
    error_share: float | None = None  #: … as a share of the time that it was foretold to take
    within_p90: bool | None = None
    incomparable: str | None = None


def load_of(order: Order, contacts: int) -> Load:
    """What an order puts on its lane."""
    return Load(left=contacts, priority=order.priority, gap_ms=order.gap_ms, jitter_ms=order.jitter_ms)


def foretell(
    lane: Found, rules: Rules, own: Load, *, begins_ms: int | None, zone: str, now_ms: int | None = None
) -> Outlook:
    """When a campaign would begin and end that joins the lane now (by Redis's clock, where it is not given)."""
    now_ms = lane.now_ms if now_ms is None else now_ms
    fields = lane.fields
    rests_until_ms = int(float(fields.get("rest", 0)))
    return outlook(
        own,
        Outset(
            from_ms=max(now_ms, rests_until_ms),
            rests=rests_until_ms > now_ms,
            left_ms=int(fields.get("left", 0)),
            left_gap_ms=int(float(fields.get("gap", 0))),
            rules=rules,
            zone=zone_for(rules, zone),
            used_day=fields.get("day", ""),
            used=int(fields.get("used", 0)),
            used_until_ms=int(fields.get("day_ends", 0)),
            slow=float(fields.get("slow", 1)),
            slow_ms=int(fields.get("slow_ms", 0)),
            failing=still_failing(
                float(fields.get("failing", 0)), since_ms=int(fields.get("answer_ms", 0)), now_ms=now_ms
            ),
            others=lane.others,
        ),
        begins_ms=begins_ms,
    )


def foretold(store: Store, instance: str, own: Load, *, begins_ms: int | None, zone: str) -> dict[str, str]:
    """What is kept of the outlook with a campaign that begins, as fields of its hash; nothing for no contacts."""
    if not own.left:
        return {}
    lane = store.lanes.outset(instance)
    seen = foretell(lane, store.instances.rules(instance), own, begins_ms=begins_ms, zone=zone)
    from_ms = max(lane.now_ms, begins_ms or 0)
    return {"foretold": json.dumps([from_ms, *map(seen.within, (seen.start_ms, seen.p50_ms, seen.p90_ms))])}


def judge(order: Mapping[str, str]) -> Judged | None:
    """How true it was, by the campaign's hash; None where nothing was foretold."""
    if "foretold" not in order:
        return None
    from_ms, start_ms, p50_ms, p90_ms = json.loads(order["foretold"])
    state = State(order["status"])
    why = order.get("upset") or (state.value if state is not State.COMPLETED else None)
    if why is None and p90_ms is None:
        why = "too_far"
    if why is not None:
        return Judged(start_ms=start_ms, p50_ms=p50_ms, p90_ms=p90_ms, incomparable=why)
    finished_ms = int(order["finished_ms"])
    error_ms = finished_ms - p50_ms
    return Judged(
        start_ms=start_ms,
        p50_ms=p50_ms,
        p90_ms=p90_ms,
        error_ms=error_ms,
        error_share=round(error_ms / max(p50_ms - from_ms, LEAST_MS), 4),
        within_p90=finished_ms <= p90_ms,
    )
