"""Settling what a gateway tells us later: receipts in whatever order, echoes, opt-outs, and news of the instance."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from broadcast.domain.answer import Busy, Closed, Refused, Scope
from broadcast.domain.content import render
from broadcast.domain.optout import wants_out
from broadcast.domain.phone import identity
from broadcast.domain.receipt import Echo, Inbound, Preference, Receipt
from broadcast.engine.slowing import restrict_if_errors_tell, slow_down
from broadcast.engine.steering import closed, halt
from broadcast.engine.suppressing import release, suppress, suppress_contact
from broadcast.pacing import back_off_ms
from broadcast.store import Store
from broadcast.store.contacts import Doubt, Settled

log = logging.getLogger(__name__)

#: Where an entry of the suppression list comes from when the gateway's own menu says so.
PREFERENCE = "preference at"
#: How long an unconfirmed contact can still be resolved by an echo: as long as gateways repeat a webhook, and more.
DOUBTED_MS = 3_600_000
#: How far apart our clock and the gateway's may be.
CLOCKS_MS = 60_000


def settle(store: Store, instance: str, receipts: Sequence[Receipt], *, max_attempts: int = 1) -> int:
    """Apply the receipts, and what they mean beyond their contact; return how many were news.

    One that is older than what is known changes nothing.
    """
    if not receipts:
        return 0
    settled = store.contacts.settle(instance, receipts)
    for one in settled:
        if one.receipt.means is not None:
            _act(store, instance, one, max_attempts=max_attempts)
    if any(one.receipt.is_unexplained and one.word == "moved" for one in settled):
        ids = {"action": "settle", "instance": instance}
        if restrict_if_errors_tell(store, instance):
            log.warning("restricted: too many messages fail without a reason", extra=ids)
    return sum(one.word == "moved" for one in settled)


def _act(store: Store, instance: str, one: Settled, *, max_attempts: int) -> None:
    """Do what a failure says of more than its contact: by the same table as an answer, only later."""
    means = one.receipt.means
    because = one.receipt.detail or ""
    if isinstance(means, Closed) and means.scope is Scope.INSTANCE:
        closed(store, instance, means.reason, detail=because)
    elif not one.campaign:
        return  # of nobody that we know
    elif isinstance(means, Closed) and one.word == "moved":  # told once: a person may have resumed it since
        halt(store, one.campaign, ": ".join(filter(None, (means.reason, because))))
    elif isinstance(means, Refused) and means.opts_out:
        suppress_contact(store, one.campaign, one.number, source=f"gateway of {instance}")
    elif isinstance(means, Busy):
        after_ms = int((means.after_s or 0) * 1000)
        if not means.contact_only and one.word == "moved":
            slow_down(store, instance, reason=means.reason)
            store.lanes.rest(instance, for_ms=after_ms, reason=means.reason)
        store.contacts.defer(
            one.campaign,
            one.number,
            in_ms=after_ms or back_off_ms(1),
            most_attempts=max_attempts if means.is_cap else min(max_attempts, means.most_attempts or max_attempts),
            most_times=(means.most_attempts or 0) if means.is_cap else 0,
        )


def heed(store: Store, instance: str, said: Sequence[Inbound | Preference], *, words: Collection[str]) -> int:
    """Suppress those who wrote an opt-out or told the gateway so, take back those who changed their mind; how many."""
    return sum(_heed(store, instance, one, words) for one in said)


def _heed(store: Store, instance: str, one: Inbound | Preference, words: Collection[str]) -> bool:
    if isinstance(one, Inbound):
        return wants_out(one.text, words) and suppress(store, one.phone, source=f"message to {instance}")
    if one.stops:
        return suppress(store, one.phone, source=f"{PREFERENCE} {instance}")
    # What somebody wrote, or an operator entered, a switch in the gateway's menu does not undo.
    return release(store, one.phone, only_from=PREFERENCE)


def adopt(store: Store, instance: str, echo: Echo, *, lease_ms: int) -> bool:
    """Find the contact whose message an echo tells of, and say that it is sent; False when there is not just one."""
    doubts = store.contacts.doubts(instance, echo.message_id, since_ms=DOUBTED_MS)
    texts = {doubt.campaign: _text(store, doubt.campaign) for doubt in doubts}
    meant = [doubt for doubt in doubts if is_meant(echo, doubt, text=texts[doubt.campaign], lease_ms=lease_ms)]
    return len(meant) == 1 and store.contacts.adopt(instance, meant[0], echo.message_id)


def is_meant(echo: Echo, doubt: Doubt, *, text: str | None, lease_ms: int) -> bool:
    """Whether the echo may be of this contact's message: the same person and text, and it left while on the wire."""
    if text is None or identity(echo.phone) != identity(doubt.phone):
        return False
    if echo.text != render(text, doubt.values, variant=doubt.reference):
        return False
    return echo.at_ms is None or -CLOCKS_MS <= echo.at_ms - doubt.departed_ms <= lease_ms + CLOCKS_MS


def _text(store: Store, campaign: str) -> str | None:
    found = store.campaigns.find(campaign)
    return found.content.text if found else None
