"""Slowing a lane down after busy answers; it recovers by itself, and is restricted when its errors say so."""

from __future__ import annotations

import logging

from broadcast.engine.steering import closed
from broadcast.pacing import TIPS_OF_LAST, is_same_step, slower, tips
from broadcast.store import Store

log = logging.getLogger(__name__)


def slow_down(store: Store, instance: str, *, reason: str) -> None:
    """Take one step, unless this answer belongs to a step that was just taken."""
    factor, since_ms, now_ms = store.lanes.slowness(instance)
    if is_same_step(factor, since_ms=since_ms, now_ms=now_ms):
        return
    factor = slower(factor, since_ms=since_ms, now_ms=now_ms)
    if store.lanes.slow(instance, since_ms=since_ms, factor=factor, reason=reason):
        log.warning("slower by %.1f", factor, extra={"action": "slow", "instance": instance, "reason": reason})


def restrict_if_errors_tell(store: Store, instance: str) -> bool:
    """Hold the lane when the gateway failed too many of its last messages without a reason; True when it now is.

    Such a number stays connected and takes every message (facts of Evolution's operators; see `pacing.tips`).
    """
    recent = store.contacts.recent(instance)[:TIPS_OF_LAST]
    errors, streak = recent.count("e"), len(recent) - len(recent.lstrip("e"))
    if not errors or not tips(errors, len(recent), streak=streak):
        return False
    detail = f"{errors} of the last {len(recent)} messages failed without a reason, {streak} of them in a row"
    return closed(store, instance, "error_share", detail=detail)
