"""Settling receipts: a gateway's later news, in whatever order it came."""

from __future__ import annotations

from collections.abc import Sequence

from broadcast.domain.receipt import Receipt
from broadcast.store import Store


def settle(store: Store, instance: str, receipts: Sequence[Receipt]) -> int:
    """Apply the receipts; return how many were news. One that is older than what is known changes nothing."""
    return store.contacts.settle(instance, receipts)
