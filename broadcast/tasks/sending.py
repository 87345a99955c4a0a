"""The send task: one contact, one message, at most one request at a time."""

from __future__ import annotations

import logging
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

from celery import shared_task

from broadcast.errors import NotNow
from broadcast.store.tickets import Ticket
from broadcast.tasks import services_of

log = logging.getLogger(__name__)


@shared_task(
    name="broadcast.send",
    bind=True,
    autoretry_for=(NotNow,),
    max_retries=2,
    retry_backoff=1,
    retry_backoff_max=8,
    retry_jitter=True,
)  # type: ignore[untyped-decorator]  # Celery ships no types
def send(self: Any, instance: str, campaign: str, number: int, batch: str) -> str:
    """Send one contact of a batch. Returns one word; never fails, since a failed header would break its chord."""
    ticket = Ticket(instance=instance, campaign=campaign, number=number, batch=batch, run=uuid.uuid4().hex)
    try:
        quick_left = self.max_retries - self.request.retries
        late_ms = behind_ms(self.request.eta, datetime.now(timezone.utc))
        return services_of(self.app).sending.send(ticket, quick_left=quick_left, behind_ms=late_ms)
    except NotNow:
        raise
    except Exception:  # whatever it was, the lane's upkeep takes the contact back when its lease is over
        ids = {"action": "send", "instance": instance, "campaign": campaign, "contact": number}
        log.exception("the send task failed", extra=ids)
        return "error"


def behind_ms(eta: str | None, now: datetime) -> int:
    """How late a task is: it stood in a line since its ETA, by the clock by which its worker waited for that."""
    if eta is None:
        return 0
    return max((now - datetime.fromisoformat(eta)) // timedelta(milliseconds=1), 0)
