"""What holds of a campaign whatever its last contact is answered, and whatever happened while it was on the wire."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import product
from typing import TypeAlias

import pytest

from broadcast.domain.answer import Accepted, Answer, Busy, Closed, Refused, Unknown
from broadcast.domain.answer import Scope as Shuts
from broadcast.domain.campaign import Move, OnUnknown, Scope, State
from broadcast.domain.contact import OPEN, Status
from broadcast.domain.receipt import Receipt
from broadcast.engine import accepting, inspecting, planning, settling, steering, telling
from broadcast.engine.sending import Policy, Sending
from broadcast.errors import Conflict, NotNow
from broadcast.gateways.base import Departure, Message
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Ticket
from tests.builders import an_order
from tests.lanes import HORIZON, fan_out, tickets

MAX_ATTEMPTS = 3

#: Something that happens while the request is on the wire.
Deed: TypeAlias = Callable[[Store], None]

#: What may be answered, and how often the batch may still try again at once.
ANSWERS: dict[str, tuple[Answer | None, int]] = {
    "accepted": (None, 0),
    "refused": (Refused("invalid_number"), 0),
    "refused as a misfit": (Refused("template", halts_after=1), 0),
    "busy with the contact": (Busy("too_many", after_s=6, contact_only=True), 0),
    "busy with a cap": (Busy("capped", after_s=6, contact_only=True, most_attempts=2), 0),
    "busy with all": (Busy("too_many", after_s=6), 0),
    "busy for a moment": (Busy("too_many"), 2),
    "unreached": (Busy("unreachable", reached=False), 0),
    "unreached for a moment": (Busy("unreachable", reached=False), 2),
    "unknown": (Unknown("broken"), 0),
    "instance closed": (Closed("disconnected"), 0),
    "campaign closed": (Closed("paused_template", scope=Shuts.CAMPAIGN), 0),
}


def lapse(store: Store, *, book: bool = True) -> None:
    """The lease of what is on the wire is over, and whoever looks at the lane takes it back."""
    client = store.scripts.client
    for ref in client.zrange(key("sending", "i1"), 0, -1):
        client.zadd(key("sending", "i1"), {ref: 0})
    if book:
        look(store)


def look(store: Store) -> None:
    """The lane is looked at; what can leave is booked by another batch."""
    planning.rejoin(
        store, planning.plan_lane(store, "i1", horizon=HORIZON, most_attempts=MAX_ATTEMPTS), horizon=HORIZON
    )


def told(status: Status, means: Refused | Busy | None = None) -> Deed:
    receipt = Receipt(message_id="m1", status=status, reason=means.reason if means else None, means=means)
    return lambda store: settling.settle(store, "i1", [receipt], max_attempts=MAX_ATTEMPTS) and None


def steered(move: Move) -> Deed:
    return lambda store: steering.steer(store, "c1", move) and None


def retry(store: Store) -> None:
    """A person sends again what has failed, and what nobody knows the end of."""
    steering.retry(store, "c1", Scope.FAILED)
    steering.retry(store, "c1", Scope.UNCONFIRMED)


pause, cancel, resume = steered(Move.PAUSE), steered(Move.CANCEL), steered(Move.RESUME)
fail = told(Status.FAILED, Refused("undeliverable"))
defer = told(Status.FAILED, Busy("too_many", after_s=6, contact_only=True))
deliver = told(Status.DELIVERED)

#: What may happen between the request and its answer.
MEANWHILE: dict[str, tuple[Deed, ...]] = {
    "nothing": (),
    "lapsed": (lapse,),
    "lapsed, retried": (lapse, retry),
    "lapsed, retried, booked": (lapse, retry, look),
    "lapsed, delivered": (lapse, deliver),
    "lapsed, failed": (lapse, fail),
    "failed": (fail,),
    "failed, looked at": (fail, look),
    "failed, retried": (fail, retry),
    "failed, retried, booked": (fail, retry, look),
    "deferred": (defer,),
    "deferred, looked at": (defer, look),
    "delivered": (deliver,),
    "delivered, looked at": (deliver, look),
}
#: The same, and a person steers the campaign before it, or after it.
STEERED: dict[str, tuple[Deed, ...]] = {
    **MEANWHILE,
    **{f"paused, {name}": (pause, *deeds) for name, deeds in MEANWHILE.items()},
    **{f"{name}, paused": (*deeds, pause) for name, deeds in MEANWHILE.items()},
    **{f"paused, {name}, resumed": (pause, *deeds, resume) for name, deeds in MEANWHILE.items()},
    **{f"cancelled, {name}": (cancel, *deeds) for name, deeds in MEANWHILE.items()},
    **{f"{name}, cancelled": (*deeds, cancel) for name, deeds in MEANWHILE.items()},
}


@dataclass
class Answering:
    """A gateway that gives one answer, after what happens meanwhile."""

    store: Store
    answer: Answer | None
    message_id: str = "m1"
    chooses_ids: bool = True
    meanwhile: Sequence[Deed] = ()
    pair_ms: int = 0

    def own_id(self, message: Message) -> str | None:
        return self.message_id if self.chooses_ids else None

    def send(self, message: Message, *, departure: Departure) -> Answer:
        departure.wait()
        for happens in self.meanwhile:
            with suppress(Conflict):  # who sends a cancelled campaign again, or pauses one that is over
                happens(self.store)
        return self.answer or Accepted(self.message_id)

    def sends(self, ticket: Ticket, *, quick_left: int = 0) -> None:
        # By a clock that stands still nobody oversleeps, however slow the machine.
        policy = Policy(max_attempts=MAX_ATTEMPTS, timeout_s=5)
        engine = Sending(self.store, lambda _: self, policy, clock=lambda: 0.0)
        with suppress(NotNow):
            engine.send(ticket, quick_left=quick_left)


def left(store: Store) -> int:
    """How many contacts are still to be sent; the tally says so, and the contact itself."""
    counts = telling.progress(store, "c1").counts
    status = store.scripts.client.hget(key("contact", "c1", 0), "status")
    assert [one for one, count in counts.items() if count] == [Status(status)]
    return sum(counts[one] for one in OPEN)


def holds(store: Store) -> State:
    """Whoever is over has nobody to send to, and whoever has somebody is looked at; return the campaign's state."""
    state = telling.progress(store, "c1").state
    if state is State.COMPLETED:
        assert left(store) == 0
    elif state is State.PAUSED:
        # One that the gateway had paused may be over: whoever looks at it is to see why.
        assert left(store) > 0 or store.scripts.client.hget(key("campaign", "c1"), "because")
    elif state is State.RUNNING and inspecting.lane(store, "i1").state != "closed":
        assert store.scripts.client.zscore(key("lanes"), "i1") is not None
    return state


def comes_to_an_end(store: Store) -> State:
    """What is left is sent, once nothing holds it any more."""
    client = store.scripts.client
    for turn in range(4):
        if (state := telling.progress(store, "c1").state) in {State.COMPLETED, State.CANCELLED} and not left(store):
            return state
        steering.open_lane(store, "i1")
        if telling.progress(store, "c1").state is State.PAUSED:
            steering.steer(store, "c1", Move.RESUME)
        for number in client.zrange(key("later", "c1"), 0, -1):
            client.zadd(key("later", "c1"), {number: 0})
        client.delete(*client.keys("bcast:capped:*"), "none")
        lapse(store, book=False)
        store.lanes.unbook_all()  # what was booked by a batch of which nothing was published
        for ticket in tickets(fan_out(store), run=f"turn{turn}-"):
            Answering(store, None, message_id=f"end{turn}").sends(ticket)
        fan_out(store)
    steering.sweep(store, "c1", limit=10)
    return telling.progress(store, "c1").state


@pytest.mark.parametrize("meanwhile", STEERED.values(), ids=STEERED)
@pytest.mark.parametrize(("answer", "quick_left"), ANSWERS.values(), ids=ANSWERS)
def test_who_is_over_has_nobody_left_and_who_has_somebody_is_looked_at(
    store: Store, answer: Answer | None, quick_left: int, meanwhile: Sequence[Deed]
) -> None:
    in_doubt = lapse in meanwhile or isinstance(answer, Unknown)
    for on_unknown, chooses_ids in product(OnUnknown if in_doubt else [OnUnknown.HOLD], (True, False)):
        store.scripts.client.flushdb()
        store.workers.beat("broadcast", "w1")
        accepting.accept(store, an_order(contacts=1, on_unknown=on_unknown), country="BR")
        (ticket,) = tickets(fan_out(store))
        gateway = Answering(store, answer, chooses_ids=chooses_ids, meanwhile=meanwhile)
        gateway.sends(ticket, quick_left=quick_left)

        holds(store)
        fan_out(store)
        holds(store)
        assert comes_to_an_end(store) in {State.COMPLETED, State.CANCELLED}
        assert left(store) == 0


@pytest.mark.parametrize("answer", [Accepted("m1"), Unknown("broken")])
def test_a_paused_campaign_that_was_complete_is_paused_when_it_has_somebody_left_again(
    store: Store, answer: Answer
) -> None:
    store.workers.beat("broadcast", "w1")
    accepting.accept(store, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(store))
    Answering(store, answer, meanwhile=[pause]).sends(ticket)
    assert telling.progress(store, "c1").state is State.COMPLETED

    defer(store)
    assert (telling.progress(store, "c1").state, left(store)) == (State.PAUSED, 1)
    resume(store)
    assert comes_to_an_end(store) is State.COMPLETED


def test_who_sends_a_paused_campaign_again_that_was_complete_has_ended_its_pause(store: Store) -> None:
    store.workers.beat("broadcast", "w1")
    accepting.accept(store, an_order(contacts=1), country="BR")
    (ticket,) = tickets(fan_out(store))
    Answering(store, Unknown("broken"), meanwhile=[pause]).sends(ticket)
    retry(store)
    (ticket,) = tickets(fan_out(store), run="again")
    Answering(store, None).sends(ticket)
    fan_out(store)
    assert telling.progress(store, "c1").state is State.COMPLETED

    defer(store)
    assert (telling.progress(store, "c1").state, left(store)) == (State.RUNNING, 1)
