"""Publishing a batch: one chord, its header in a single pipeline."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from celery import Celery

from broadcast.engine.planning import Batch
from broadcast.engine.sending import AHEAD_MS
from broadcast.store.lanes import Booked
from broadcast.tasks.sending import send

#: A worker has a departure's task in hand so long before the fence would grant it.
EARLY_MS = AHEAD_MS + 25


def publish(app: Celery, batch: Batch, body: Any) -> None:
    """Publish the batch as a chord of `send` tasks whose end calls `body`.

    Written out instead of `chord()`: that one subscribes to a result per task, five times the work. The size is set
    first, so that a publisher that dies midway leaves a chord that just never ends, which upkeep does not need.

    All have one priority: the planner gave the urgent their departures. Workers that are behind would take nothing but
    the most urgent, which keeps coming, and the other lanes would starve.
    """
    body.freeze(group_id=batch.id)
    app.backend.set_chord_size(batch.id, len(batch.departures))
    now = datetime.now(timezone.utc)
    with (
        app.producer_pool.acquire(block=True, timeout=10) as producer,
        producer.batch(len(batch.departures) + 1),
    ):
        for index, departure in enumerate(batch.departures):
            send.apply_async(
                (batch.instance, departure.campaign, departure.number, batch.id),
                task_id=f"{batch.id}-{index}",
                queue="broadcast",
                eta=_eta(departure, batch, now),
                group_id=batch.id,
                group_index=index,
                chord=body,
                ignore_result=True,
                producer=producer,
            )


def _eta(departure: Booked, batch: Batch, now: datetime) -> datetime | None:
    """When the task is to start, by this host's clock, counted from Redis's; None for at once."""
    in_ms = departure.slot_ms - batch.now_ms - EARLY_MS
    return now + timedelta(milliseconds=in_ms) if in_ms > 0 else None
