"""A receipt: a gateway's later news about one message."""

from __future__ import annotations

from dataclasses import dataclass

from broadcast.domain.contact import Status


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """News that a message was sent, delivered, read, or failed after all."""

    message_id: str
    status: Status  #: SENT, DELIVERED, READ or FAILED
    reason: str | None = None
