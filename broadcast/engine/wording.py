"""The names by which the CRM knows things: the same in the API's answers and in the callbacks."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any, overload

from broadcast.domain.campaign import Progress
from broadcast.domain.contact import OPEN, Status
from broadcast.engine.telling import ContactView

#: Times are counted from here in whole ms: a float would lose some.
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
#: The statuses that a contact rests in, each with a time of its own in the answer.
AT_REST = tuple(status for status in Status if status not in OPEN)


def status(progress: Progress) -> dict[str, Any]:
    """A campaign as it stands at one instant."""
    return {
        "success": True,
        "campaignId": progress.id,
        "instanceId": progress.instance,
        "status": progress.state.value,
        "priority": progress.priority,
        "total": progress.total,
        "counts": {status.value: count for status, count in progress.counts.items()},
        "progress": progress.progress,
        "rateLimitMs": progress.gap_ms,
        "onUnknown": progress.on_unknown.value,
        "slowDown": progress.slow_down,
        "sendsPerMinute": progress.sends_per_minute,
        "expectedFinishAt": rfc3339(progress.expected_finish_ms),
        "holdReason": progress.hold_reason,
        "holdDetail": progress.hold_detail,
        "lastError": progress.last_error,
        "skippedReasons": dict(progress.skipped),
        "createdAt": rfc3339(progress.created_ms),
        "scheduledFor": rfc3339(progress.scheduled_ms),
        "startedAt": rfc3339(progress.started_ms),
        "pausedAt": rfc3339(progress.paused_ms),
        "finishedAt": rfc3339(progress.finished_ms),
    }


def contact(view: ContactView) -> dict[str, Any]:
    """One contact, and what is known of it."""
    return {
        "number": view.number,
        "phone": view.phone,
        "name": view.name,
        "status": view.status.value,
        "reason": view.reason,
        "detail": view.detail,
        "attempts": view.attempts + view.earlier,
        "messageId": view.message_id,
        "departedAt": rfc3339(view.departed_ms),
        **{f"{status.value}At": rfc3339(view.times.get(status)) for status in AT_REST},
    }


@overload
def rfc3339(unix_ms: int) -> str: ...


@overload
def rfc3339(unix_ms: int | None) -> str | None: ...


def rfc3339(unix_ms: int | None) -> str | None:
    """`2030-08-29T15:24:10Z`; parts of a second only where there are any."""
    if unix_ms is None:
        return None
    moment = EPOCH + timedelta(milliseconds=unix_ms)
    return moment.isoformat(timespec="milliseconds" if unix_ms % 1000 else "seconds").replace("+00:00", "Z")
