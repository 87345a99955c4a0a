"""Removing in the background: what is old, what somebody asked for, and what was interrupted."""

from __future__ import annotations

import logging
from typing import Any

from celery import shared_task

from broadcast.engine import removing
from broadcast.tasks import services_of
from broadcast.wiring import is_embedded

log = logging.getLogger(__name__)

#: How many contacts one task erases, or looks at for a person; either takes a second or two.
PER_TASK = 20_000


@shared_task(name="broadcast.tidy", bind=True)  # type: ignore[untyped-decorator]  # Celery ships no types
def tidy(self: Any) -> None:
    """Begin to remove campaigns that are old, and what broke off; go on with every removal that was interrupted."""
    services = services_of(self.app)
    begun = removing.expire(services.store, days=services.settings.report_retention_days)
    campaigns, tokens = services.store.removals.unfinished(idle_ms=removing.IDLE_MS)
    for campaign in removing.give_up_stagings(services.store):
        log.info("campaign whose accepting broke off removed", extra={"action": "remove", "campaign": campaign})
    for campaign in {*begun, *campaigns}:
        remove.delay(campaign)
    for token in tokens:
        forget.delay(token)
    # A Redis that is not ours is its operator's to burden.
    if is_embedded(services.settings) and services.store.server.write_anew():
        log.info("Redis writes its file anew, without what was removed", extra={"action": "remove"})


@shared_task(name="broadcast.remove", bind=True)  # type: ignore[untyped-decorator]  # Celery ships no types
def remove(self: Any, campaign: str) -> None:
    """Erase the next contacts of a campaign that is being removed."""
    if removing.erase(services_of(self.app).store, campaign, limit=PER_TASK) >= 0:
        self.app.tasks["broadcast.remove"].delay(campaign)
        return
    log.info("campaign removed", extra={"action": "remove", "campaign": campaign})


@shared_task(name="broadcast.forget", bind=True)  # type: ignore[untyped-decorator]  # Celery ships no types
def forget(self: Any, token: str) -> None:
    """Blank the next contacts of a person. One whose message is on the wire is come back to by `tidy`."""
    word, blanked = removing.blank(services_of(self.app).store, token, limit=PER_TASK)
    if word == "on":
        self.app.tasks["broadcast.forget"].delay(token)
    elif word == "done":
        log.info("person forgotten in %s contacts", blanked, extra={"action": "forget", "person": token[-8:]})
