"""A lane by hand: fanned out, and its contacts taken to the fence, without Celery."""

from __future__ import annotations

from broadcast.engine import planning
from broadcast.engine.planning import Batch, Horizon
from broadcast.store import Store
from broadcast.store.contacts import Leave, Ticket

HORIZON = Horizon(ms=10_000, contacts=500)


def fan_out(store: Store, instance: str = "i1", horizon: Horizon = HORIZON) -> Batch:
    batch = planning.plan_lane(store, instance, horizon=horizon)
    planning.rejoin(store, batch, horizon=horizon)
    return batch


def tickets(batch: Batch, *, run: str = "run") -> list[Ticket]:
    return [
        Ticket(instance=batch.instance, campaign=one.campaign, number=one.number, batch=batch.id, run=f"{run}{index}")
        for index, one in enumerate(batch.departures)
    ]


def ask(
    store: Store,
    ticket: Ticket,
    *,
    identity: str = "",
    own_id: str | None = None,
    ahead_ms: int = 5,
    patience_ms: int = 60_000,
    lease_ms: int = 5000,
    pair_ms: int = 0,
) -> Leave:
    """Ask the fence."""
    return store.contacts.leave(
        ticket,
        identity=identity,
        own_id=own_id,
        ahead_ms=ahead_ms,
        patience_ms=patience_ms,
        lease_ms=lease_ms,
        pair_ms=pair_ms,
    )
