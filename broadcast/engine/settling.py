"""Settling what a gateway tells us later: receipts in whatever order, and echoes of sends that nobody knows of."""

from __future__ import annotations

from collections.abc import Sequence

from broadcast.domain.content import render
from broadcast.domain.phone import identity
from broadcast.domain.receipt import Echo, Receipt
from broadcast.store import Store
from broadcast.store.contacts import Doubt

#: How long an unconfirmed contact can still be resolved by an echo: as long as gateways repeat a webhook, and more.
DOUBTED_MS = 3_600_000
#: How far apart our clock and the gateway's may be.
CLOCKS_MS = 60_000


def settle(store: Store, instance: str, receipts: Sequence[Receipt]) -> int:
    """Apply the receipts; return how many were news. One that is older than what is known changes nothing."""
    return store.contacts.settle(instance, receipts) if receipts else 0


def adopt(store: Store, instance: str, echo: Echo, *, lease_ms: int) -> bool:
    """Find the contact whose message an echo tells of, and say that it is sent; False when there is not just one."""
    doubts = store.contacts.doubts(instance, echo.message_id, since_ms=DOUBTED_MS)
    texts = {doubt.campaign: _text(store, doubt.campaign) for doubt in doubts}
    meant = [doubt for doubt in doubts if is_meant(echo, doubt, text=texts[doubt.campaign], lease_ms=lease_ms)]
    return len(meant) == 1 and store.contacts.adopt(instance, meant[0], echo.message_id)


def is_meant(echo: Echo, doubt: Doubt, *, text: str | None, lease_ms: int) -> bool:
    """Whether the echo may be of this contact's message: the same person and text, and it left while on the wire."""
    if text is None or identity(echo.phone) != identity(doubt.phone) or echo.text != render(text, doubt.values):
        return False
    return echo.at_ms is None or -CLOCKS_MS <= echo.at_ms - doubt.departed_ms <= lease_ms + CLOCKS_MS


def _text(store: Store, campaign: str) -> str | None:
    found = store.campaigns.find(campaign)
    return found.content.text if found else None
