"""Telling the CRM: calls that leave upkeep its threads, however slow or dead the far side is."""

from __future__ import annotations

import logging
import threading
import uuid
from typing import Any

from celery import Celery, shared_task

from broadcast.engine.calling import LEASE_MS
from broadcast.tasks import services_of

log = logging.getLogger(__name__)

#: Of a worker's threads so many may wait for CRMs; the others are upkeep's, of which the control worker has four.
HANDS = 2
_hands = threading.BoundedSemaphore(HANDS)


@shared_task(name="broadcast.call", bind=True)  # type: ignore[untyped-decorator]  # Celery ships no types
def call(self: Any, host: str, claim: str) -> int:
    """Call one CRM's host with what is due for it, then ask for whoever is next."""
    services = services_of(self.app)
    if not _hands.acquire(blocking=False):
        services.store.callbacks.hang_up(host, token=claim)
        return 0
    try:
        count = services.calling.turn(host, claim=claim, run=uuid.uuid4().hex)
    finally:
        _hands.release()
    if count:
        call_due(self.app)
    return count


def call_due(app: Celery) -> None:
    """Have the hosts called that have callbacks to take. A task that is lost costs its lease, and no callback."""
    claim = uuid.uuid4().hex
    for host in services_of(app).store.callbacks.due(hands=HANDS, lease_ms=LEASE_MS, claim=claim):
        app.tasks["broadcast.call"].apply_async((host, claim), expires=LEASE_MS // 1000)
