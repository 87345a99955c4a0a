"""A lane by hand: fanned out, and its contacts taken to the fence, without Celery."""

from __future__ import annotations

import time

from broadcast.domain.contact import Status
from broadcast.engine import accepting, planning
from broadcast.engine.planning import Batch, Horizon
from broadcast.engine.sending import Policy, Sending
from broadcast.gateways.base import Gateway
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Go, Leave, Outcome, Ticket, Wait
from tests.builders import an_order
from tests.processes import wait_for

HORIZON = Horizon(ms=10_000, contacts=500)


def fan_out(store: Store, instance: str = "i1", horizon: Horizon = HORIZON) -> Batch:
    batch = planning.plan_lane(store, instance, horizon=horizon)
    planning.rejoin(store, batch, horizon=horizon)
    return batch


def trust(store: Store, credit: int = 1000) -> None:
    """As if the workers had taken so many of one lane, on time, until now."""
    now_ms = int(time.time() * 1000)
    flow = {"credit": credit, "since": now_ms - 1000, "at": now_ms, "behind": 0, "on_time": now_ms}
    store.scripts.client.hset(key("flow"), mapping=flow)


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
    has_waited: bool = False,
    behind_ms: int = 0,
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
        has_waited=has_waited,
        behind_ms=behind_ms,
    )


def depart(store: Store, ticket: Ticket, *, behind_ms: int = 0) -> Go:
    """Wait for the fence's go, which has to come."""
    while not isinstance(leave := ask(store, ticket, behind_ms=behind_ms), Go):
        assert isinstance(leave, Wait)
        time.sleep(leave.wait_us / 1e6)
    return leave


def send_all(store: Store, count: int, *, campaign: str = "c1", instance: str = "i1") -> None:
    """A campaign whose contacts are all sent; message ids are m0, m1 …"""
    store.workers.beat("broadcast", "w1")
    trust(store, count)
    accepting.accept(store, an_order(campaign, instance=instance, contacts=count, gap_ms=10), country="BR")
    batch = planning.plan_lane(store, instance, horizon=Horizon(ms=30_000, contacts=2000))
    for one in batch.departures:
        ticket = Ticket(instance=instance, campaign=campaign, number=one.number, batch=batch.id, run="r")
        while not isinstance(leave := ask(store, ticket, lease_ms=90_000), Go):
            assert isinstance(leave, Wait)
            time.sleep(leave.wait_us / 1e6)
        store.contacts.record(ticket, Outcome(status=Status.SENT, message_id=f"m{one.number}"))


def sends(store: Store, gateway: Gateway, run: str) -> str:
    """Send the next contact of the lane; what became of it."""
    engine = Sending(store, lambda _: gateway, Policy(max_attempts=3, timeout_s=5))
    batch = wait_for(
        lambda: (found := planning.plan_lane(store, "i1", horizon=Horizon(ms=5000, contacts=1))).departures and found,
        what="a departure",
    )
    ticket = Ticket(
        instance="i1",
        campaign=batch.departures[0].campaign,
        number=batch.departures[0].number,
        batch=batch.id,
        run=run,
    )
    return engine.send(ticket, quick_left=0)


def have_left(store: Store, campaign: str = "c1", *, contacts: int = 1) -> None:
    """Have it that requests for a campaign's first contacts were written, whatever became of them."""
    for number in range(contacts):
        store.scripts.client.hset(key("contact", campaign, number), "departed", 1)
