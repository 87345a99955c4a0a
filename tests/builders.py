"""Orders and contacts for tests, with everything that a test does not care about filled in."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import Any

from broadcast.domain.campaign import Order
from broadcast.domain.contact import Recipient
from broadcast.domain.content import Content, Kind
from broadcast.gateways.base import Message

#: A year for schedules: always to come, never more than ten years ahead. Where the hour matters, in Brazil's winter:
#: nobody knows whether summer time comes back.
TO_COME = datetime.now(timezone.utc).year + 2


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


def a_template(**changes: Any) -> dict[str, Any]:
    """A template as the request has it, with every sort of component; it needs `name` and `code` of each contact."""
    header = {"type": "document", "document": {"link": "https://cdn.example/a.pdf", "filename": "Oferta.pdf"}}
    body = [
        {"type": "text", "text": "Olá {{name}}"},
        {"type": "currency", "currency": {"fallback_value": "R$ 10", "code": "BRL", "amount_1000": 10_000}},
        {"type": "date_time", "date_time": {"fallback_value": "amanhã", "year": 2030}},
    ]
    reply = {"sub_type": "quick_reply", "index": "0", "parameters": [{"type": "payload", "payload": "{{name}}"}]}
    url = {"sub_type": "url", "index": "1", "parameters": [{"type": "text", "text": "{{code}}"}]}
    components = [
        {"type": "header", "parameters": [header]},
        {"type": "body", "parameters": body},
        {"type": "button", **reply},
        {"type": "button", **url},
    ]
    return {"name": "promo", "language": "pt_BR", "components": components, **changes}


def a_message(**changes: Any) -> Message:
    """A message to one contact."""
    given = {"instance": "i1", "phone": "5511999990001", "kind": Kind.TEXT, "text": "Oi", "reference": "c1:0"}
    return Message(**{**given, **changes})
