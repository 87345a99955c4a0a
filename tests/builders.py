"""Orders and contacts for tests, with everything that a test does not care about filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from broadcast.domain.campaign import Order
from broadcast.domain.contact import Recipient
from broadcast.domain.content import Content, Kind


def phones(count: int, *, start: int = 0) -> list[str]:
    """Brazilian mobile numbers that nobody has."""
    return [f"551199{start + index:07d}" for index in range(count)]


def an_order(campaign: str = "c1", *, contacts: int | Sequence[str] = 3, text: str = "Oi", **changes: Any) -> Order:
    """An order that is fine; `contacts` is how many, or the numbers themselves."""
    numbers = phones(contacts) if isinstance(contacts, int) else contacts
    order = {
        "campaign": campaign,
        "instance": "i1",
        "recipients": [Recipient(phone=number) for number in numbers],
        "content": Content(kind=Kind.TEXT, text=text),
        "gap_ms": 20,
        "digest": hashlib.sha256(repr((campaign, numbers, text)).encode()).hexdigest(),
        **changes,
    }
    return Order(**order)


def a_body(campaign: str, instance: str, *, contacts: int | Sequence[Any] = 3, **changes: Any) -> dict[str, Any]:
    """The CRM's request for a campaign."""
    return {
        "action": "send_broadcast",
        "instanceId": instance,
        "campaignId": campaign,
        "contacts": phones(contacts) if isinstance(contacts, int) else list(contacts),
        "message": f"Mensagem para todos de {campaign}",
        "mediaType": "text",
        "mediaUrl": None,
        "scheduledFor": None,
        "rateLimitMs": 100,
        **changes,
    }
