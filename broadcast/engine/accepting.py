"""Accepting a campaign: who is left out and why, then all of it stored or none."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass

from broadcast.domain.campaign import Order, State
from broadcast.domain.contact import Contact, Recipient, Status
from broadcast.domain.content import Needs
from broadcast.domain.phone import identity, normalise, why_none
from broadcast.engine.foretelling import foretold, load_of
from broadcast.engine.sharing import registered_as
from broadcast.errors import Conflict, FieldError, Invalid, Unavailable
from broadcast.store import Store
from broadcast.store.campaigns import CHUNK, Look

#: An attempt at accepting that has not stored anything for so long is taken over by the next one.
LEASE_MS = 10_000
#: Identities that one look at the suppression list asks for.
ASKED_AT_ONCE = 2000
#: How long a request waits for an equal one that is being accepted.
WAIT_S = 25.0
#: A schedule may be this much in the past: clocks differ, and a form takes a minute to fill.
LATE_MS = 60_000
#: No schedule may be further ahead: ten years.
AHEAD_MS = 10 * 365 * 86_400_000


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """The answer to an order; the same for the same body, but for `state`, which is the present one."""

    campaign: str
    instance: str
    queued: int
    skipped: int
    reasons: Mapping[str, int]  #: why contacts were left out -> how many
    state: State
    is_new: bool


def accept(
    store: Store,
    order: Order,
    *,
    country: str,
    zone: str = "UTC",
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Acceptance:
    """Store the campaign, whole, and answer; a second equal order gets the first one's answer.

    What is foretold of its end is kept with it; `zone` is the IANA zone of the days of an instance that has no sending
    window. Raises Conflict when another body has the id, Invalid for a schedule in the past or absurdly far ahead,
    Unavailable when Redis is away or an equal order takes too long; nothing is half-accepted then.
    """
    token = uuid.uuid4().hex
    if not _claim(store, order, token=token, sleep=sleep):
        return _known(store, order)
    try:
        check(store, order, now_ms=int(clock() * 1000))
        return _store(store, order, token=token, country=country, zone=zone)
    except (Invalid, Unavailable):
        with suppress(Unavailable):  # a Redis that is away is told by the lease
            store.campaigns.release(order.campaign, token=token, stored=len(order.recipients))
        raise


def sort_out(order: Order, *, country: str, opted_out: Set[str] = frozenset()) -> Iterator[Contact]:
    """Each recipient as a contact: its number normalised, or skipped with a reason. Nothing is dropped.

    `opted_out` are the identities of those who want no more messages. A duplicate is who is sent to already: another
    row of somebody who was left out may be the corrected one.
    """
    queued: set[str] = set()
    needs = Needs(order.content)
    for number, recipient in enumerate(order.recipients):
        digits = normalise(recipient.phone, country=country)
        values = values_of(recipient)
        reason, detail = _why_not(digits, queued, opted_out) or "", ""
        if digits is None:
            detail = why_none(recipient.phone, country=country)
        elif not reason:
            reason, detail = needs.why_not(values)
        if digits is not None and not reason:
            queued.add(identity(digits))
        status = Status.SKIPPED if reason else Status.PENDING
        phone = digits or recipient.phone[:64]
        why = {"reason": reason or None, "detail": detail or None}
        yield Contact(number=number, phone=phone, status=status, values=values, **why)


def values_of(recipient: Recipient) -> Mapping[str, str]:
    """What fills the variables for them."""
    return {**recipient.vars, **({"name": recipient.name} if recipient.name else {})}


def _why_not(digits: str | None, queued: Set[str], opted_out: Set[str]) -> str | None:
    if digits is None:
        return "invalid_phone"
    if identity(digits) in queued:
        return "duplicate"
    if identity(digits) in opted_out:
        return "opted_out"
    return None


def _claim(store: Store, order: Order, *, token: str, sleep: Callable[[float], None]) -> bool:
    waited = 0.0
    while True:
        word = store.campaigns.claim(order, token=token, lease_ms=LEASE_MS)
        if word == "conflict":
            raise Conflict(
                f"Campaign {order.campaign} exists with another body: take another campaignId, or send that body."
            )
        if word == "removing":
            raise Unavailable(f"Campaign {order.campaign} is being removed.")
        if word in {"new", "known"}:
            return word == "new"
        if waited >= WAIT_S:
            raise Unavailable(f"Campaign {order.campaign} is still being accepted.")
        sleep(0.05)
        waited += 0.05


def check(store: Store, order: Order, *, now_ms: int) -> None:
    """Raise Invalid for a schedule that cannot be, or where another instance is registered with this one's number."""
    check_schedule(order, now_ms=now_ms)
    if other := registered_as(store, order.instance):
        # Meta's phone number id, or a session of WAHA's.
        raise Invalid(FieldError("/instanceId", f"is what the registered instance {other} sends through: name that"))


def check_schedule(order: Order, *, now_ms: int) -> None:
    """Raise Invalid for a schedule in the past or absurdly far ahead."""
    if order.scheduled_ms is None:
        return
    if order.scheduled_ms < now_ms - LATE_MS:
        raise Invalid(FieldError("/scheduledFor", "is in the past"))
    if order.scheduled_ms > now_ms + AHEAD_MS:
        raise Invalid(FieldError("/scheduledFor", "is more than ten years ahead"))


def _store(store: Store, order: Order, *, token: str, country: str, zone: str) -> Acceptance:
    contacts = list(sort_out(order, country=country, opted_out=opted_out(store, order, country=country)))
    for first in range(0, len(contacts), CHUNK):
        chunk = contacts[first : first + CHUNK]
        if not store.campaigns.stage(order.campaign, chunk, token=token, lease_ms=LEASE_MS):
            raise Unavailable(f"Another request took over accepting {order.campaign}.")
    counts = Counter(contact.status for contact in contacts)
    reasons = Counter(contact.reason for contact in contacts if contact.reason)
    own = load_of(order, counts[Status.PENDING])  # none for an open campaign: foretold when it starts
    seen = foretold(store, order.instance, own, begins_ms=order.scheduled_ms, zone=zone)
    state = store.campaigns.open(order, token=token, counts=counts, skipped=reasons, foretold=seen)
    if state is None:
        raise Unavailable(f"Another request took over accepting {order.campaign}.")
    return Acceptance(
        campaign=order.campaign,
        instance=order.instance,
        queued=counts[Status.PENDING],
        skipped=counts[Status.SKIPPED],
        reasons=reasons,
        state=state,
        is_new=True,
    )


def opted_out(store: Store, order: Order, *, country: str) -> Set[str]:
    """Those of the recipients who want no more messages."""
    digits = (normalise(recipient.phone, country=country) for recipient in order.recipients)
    identities = list({identity(number) for number in digits if number is not None})
    chunks = (identities[first : first + ASKED_AT_ONCE] for first in range(0, len(identities), ASKED_AT_ONCE))
    return frozenset().union(*(store.suppressions.among(chunk) for chunk in chunks))


def _known(store: Store, order: Order) -> Acceptance:
    look = store.campaigns.look(order.campaign)
    if look is None:
        raise Unavailable(f"Campaign {order.campaign} was removed a moment ago.")
    reasons = left_out(look)
    skipped = sum(reasons.values())
    return Acceptance(
        campaign=order.campaign,
        instance=look.order["instance"],
        queued=int(look.order["total"]) - skipped,
        skipped=skipped,
        reasons=reasons,
        state=State(look.order["status"]),
        is_new=False,
    )


def left_out(look: Look) -> Mapping[str, int]:
    """Why contacts were left out at accepting -> how many."""
    reasons: Mapping[str, int] = json.loads(look.order["left_out"])
    return reasons
