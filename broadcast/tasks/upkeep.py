"""Fanning out, the chords' bodies, and the tick that starts what is due."""

from __future__ import annotations

import logging
from collections import Counter
from contextlib import suppress
from typing import Any

from celery import Celery, current_app, shared_task
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from broadcast.domain.campaign import Scope
from broadcast.engine import planning, registering, steering, suppressing, watching
from broadcast.engine.calling import report
from broadcast.engine.planning import Batch
from broadcast.engine.steps import Step
from broadcast.errors import Conflict, NotFound
from broadcast.pacing import PROBE_MS
from broadcast.store import Store
from broadcast.tasks import services_of
from broadcast.tasks.publishing import publish
from broadcast.tasks.telling import call_due

log = logging.getLogger(__name__)

#: How many waiting contacts of a cancelled campaign one task marks.
SWEPT_PER_TASK = 20_000
#: How often the lanes are looked at for one that is stuck.
WATCH_MS = 5000
#: How often instances that an earlier version registered are looked for.
NAME_MS = 3_600_000
#: How often old campaigns, and removals that were interrupted, are looked for.
TIDY_MS = 60_000


@shared_task(name="broadcast.fan_out", bind=True)  # type: ignore[untyped-decorator]  # Celery ships no types
def fan_out(self: Any, instance: str) -> int:
    """Fan the next seconds of a lane out into one chord; return how many contacts it carries."""
    services = services_of(self.app)
    batch = planning.plan_lane(
        services.store,
        instance,
        horizon=services.horizon,
        most_attempts=services.settings.send_max_attempts,
        zone=services.settings.default_time_zone,
        chance=services.chance,
    )
    if batch.departures:
        services.reached(Step.BOOKED)
        publish(self.app, batch, batch_done.s(instance, batch.campaigns))
    planning.rejoin(services.store, batch, horizon=services.horizon)
    _tell(batch)
    return len(batch.departures)


@shared_task(name="broadcast.batch_done", bind=True)  # type: ignore[untyped-decorator]  # Celery ships no types
def batch_done(self: Any, words: list[str], instance: str, campaigns: list[str]) -> None:
    """The chord's body: report the batch, and complete the campaigns that have nothing left."""
    services_of(self.app).reached(Step.BATCH_DONE)
    log.info("batch done: %s", dict(Counter(words)), extra={"action": "batch_done", "instance": instance})
    for campaign in campaigns:
        if services_of(self.app).store.campaigns.finish(campaign):
            _completed(campaign, instance)


@shared_task(name="broadcast.tick", bind=True)  # type: ignore[untyped-decorator]  # Celery ships no types
def tick(self: Any) -> None:
    """Once a second, whoever of any number of beats is first: start what is scheduled, fan out what is due."""
    store = services_of(self.app).store
    if not store.workers.claim("tick", for_ms=500):
        return
    if set_back_ms := store.workers.keep_time():
        log.warning("Redis's clock was set back by %s s", set_back_ms / 1000, extra={"action": "keep_time"})
    for campaign in store.campaigns.begin_due():
        log.info("campaign started as scheduled", extra={"action": "begin", "campaign": campaign})
    for instance in store.lanes.due():
        fan_out.delay(instance)
    report(store)
    call_due(self.app)
    if store.workers.claim("watch", for_ms=WATCH_MS):
        watch.delay()
        if store.workers.claim("tidy", for_ms=TIDY_MS):
            self.app.tasks["broadcast.tidy"].delay()


def _bring_up_to_date(store: Store, secret_key: str | None) -> None:
    """What an earlier version kept in another way."""
    if registering.name_all(store, secret_key):
        log.info("instances of an earlier version are found by their numbers", extra={"action": "register"})
    if moved := suppressing.bring_up_to_date(store):
        log.info("%s who opted out are found by both forms of their number", moved, extra={"action": "suppress"})


@shared_task(name="broadcast.watch", bind=True)  # type: ignore[untyped-decorator]  # Celery ships no types
def watch(self: Any) -> None:
    """Look for lanes that should be sending and are not; say why, and fan out anew what may only have been lost."""
    services = services_of(self.app)
    store = services.store
    unknown = store.contacts.give_up_strays()
    if unknown:
        log.info("receipts of %s messages that are not ours", unknown, extra={"action": "receipt"})
    for name, since_ms in store.campaigns.chores().items():
        _take_up(self.app, name, since_ms)
    if store.workers.claim("name", for_ms=NAME_MS):
        _bring_up_to_date(store, services.settings.secret_key)
    watched = watching.watch(store)
    for lane in watched.changed:
        ids = {"action": "watch", "instance": lane.instance}
        if lane.cause is None:
            log.info("the lane sends again, or has nothing to send", extra=ids)
        else:
            log.warning("stuck: %s (%s)", lane.cause.code, lane.cause.detail, extra=ids)
        if lane.may_be_mended:
            fan_out.delay(lane.instance)
    for instance in watched.closed:
        if store.workers.claim(f"probe:{instance}", for_ms=PROBE_MS):
            probe.delay(instance)


def _take_up(app: Celery, chore: str, since_ms: int) -> None:
    """Queue work that somebody began: what they could not end, or died over."""
    kind, rest = chore.split(":", 1)
    if kind == "sweep":
        app.tasks["broadcast.sweep"].delay(rest)
    elif kind == "retry":
        scope, campaign = rest.split(":", 1)
        app.tasks["broadcast.retry"].delay(campaign, scope, since_ms)


@shared_task(name="broadcast.probe", bind=True)  # type: ignore[untyped-decorator]  # Celery ships no types
def probe(self: Any, instance: str) -> None:
    """Ask the gateway how an instance is; a closed lane opens where it is open again."""
    services = services_of(self.app)
    if watching.probe(services.store, instance, services.gateways.of(instance)):
        log.info("a probe found the instance open again", extra={"action": "probe", "instance": instance})
        fan_out.delay(instance)


@shared_task(name="broadcast.retry", bind=True)  # type: ignore[untyped-decorator]  # Celery ships no types
def retry(self: Any, campaign: str, scope: str, asked_ms: int) -> None:
    """Put the rest of a campaign's failed or unconfirmed contacts back, some thousands at a time; upkeep goes on."""
    store = services_of(self.app).store
    with suppress(NotFound, Conflict):  # removed, or cancelled, since it was asked for
        steering.retry(store, campaign, Scope(scope), asked_ms=asked_ms, limit=SWEPT_PER_TASK)


@shared_task(name="broadcast.sweep", bind=True)  # type: ignore[untyped-decorator]  # Celery ships no types
def sweep(self: Any, campaign: str) -> None:
    """Mark the waiting contacts of a cancelled campaign, some thousands at a time; upkeep goes on."""
    steering.sweep(services_of(self.app).store, campaign, limit=SWEPT_PER_TASK)


def wake(instance: str) -> None:
    """Ask for a lane to be fanned out now. A request that is lost costs a second: the tick finds the lane."""
    _ask(current_app._get_current_object(), "broadcast.fan_out", instance)


def probe_later(instance: str) -> None:
    """Have the gateway asked how an instance is. A request that is lost costs nothing but that."""
    _ask(current_app._get_current_object(), "broadcast.probe", instance)


def remove_later(campaign: str) -> None:
    """Ask for the contacts of a campaign that is being removed to be erased. A request that is lost costs a minute."""
    _ask(current_app._get_current_object(), "broadcast.remove", campaign)


def forget_later(token: str) -> None:
    """Ask for a person's contacts to be blanked. The same."""
    _ask(current_app._get_current_object(), "broadcast.forget", token)


def _ask(app: Celery, task: str, *args: str) -> None:
    try:
        app.tasks[task].apply_async(args, retry=False)
    except (OperationalError, RedisError, OSError) as error:
        log.warning("%s could not be queued: %s", task, error, extra={"action": "queue"})


def _tell(batch: Batch) -> None:
    ids = {"action": "fan_out", "instance": batch.instance, "batch": batch.id}
    if batch.departures:
        log.info("batch of %s", len(batch.departures), extra=ids)
    if batch.taken_back or batch.given_up:
        log.warning("took back %s booked, gave up %s sending", batch.taken_back, batch.given_up, extra=ids)
    for campaign in batch.completed:
        _completed(campaign, batch.instance)


def _completed(campaign: str, instance: str) -> None:
    log.info("campaign completed", extra={"action": "complete", "campaign": campaign, "instance": instance})
