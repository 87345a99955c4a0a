"""Suppressing: who wants no more messages gets none, whoever said so."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime, timezone

from broadcast.domain.phone import identity, mask
from broadcast.store import Store

log = logging.getLogger(__name__)


def suppression(phone: str, *, source: str) -> tuple[str, Mapping[str, str]]:
    """A person's identity, and what the list keeps of them. `phone` is E.164 digits."""
    since = datetime.now(timezone.utc).isoformat(timespec="seconds").replace("+00:00", "Z")
    return identity(phone), {"phone": phone, "source": source, "since": since}


def suppress(store: Store, phone: str, *, source: str) -> bool:
    """Put a person on the list; False when they are on it already. `phone` is E.164 digits."""
    is_new = bool(store.suppressions.add(dict([suppression(phone, source=source)])))
    if is_new:
        log.info("opted out: %s", mask(phone), extra={"action": "suppress", "source": source})
    return is_new


def release(store: Store, phone: str, *, only_from: str = "") -> bool:
    """Take a person off the list, if what put them there begins with `only_from`; False when they stay, or were not."""
    known = store.suppressions.find(identity(phone))
    if known is None or not known.get("source", "").startswith(only_from):
        return False
    was_on = store.suppressions.remove(identity(phone))
    if was_on:
        log.info("off the list again: %s", mask(phone), extra={"action": "suppress"})
    return was_on


def suppress_contact(store: Store, campaign: str, number: int, *, source: str) -> bool:
    """Put a campaign's contact on the list."""
    phone = store.contacts.phone(campaign, number)
    return phone is not None and suppress(store, phone, source=source)
