"""One contact's life: its statuses and the only table of what may follow what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Status(str, Enum):
    """Where a contact stands. The values are what the API shows and what Redis holds."""

    PENDING = "pending"  #: waits for its lane
    BOOKED = "booked"  #: a batch holds it, with a departure a few seconds ahead
    SENDING = "sending"  #: the fence said go; a request may be on the wire
    SENT = "sent"  #: the gateway accepted it
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"  #: the gateway refused it, or every attempt was used up
    SKIPPED = "skipped"  #: not tried, or not again: duplicate, invalid, opted out, no WhatsApp
    CANCELLED = "cancelled"
    UNCONFIRMED = "unconfirmed"  #: nobody knows whether it left; only a receipt or a person decides


#: for its departure
_WAITS = frozenset({Status.PENDING, Status.BOOKED})

#: status -> the statuses it may follow. The only place the rules live: the Lua scripts are given this.
COMES_AFTER: Mapping[Status, frozenset[Status]] = {
    # From FAILED and UNCONFIRMED only where a person says: send it again.
    Status.PENDING: frozenset({Status.BOOKED, Status.SENDING, Status.FAILED, Status.UNCONFIRMED}),
    Status.BOOKED: frozenset({Status.PENDING, Status.SENDING}),
    Status.SENDING: frozenset({Status.BOOKED}),
    # From PENDING and BOOKED where a receipt of an earlier attempt comes before the next one leaves, from SKIPPED and
    # CANCELLED where it was decided meanwhile that none will: a receipt is the truth.
    Status.SENT: _WAITS | {Status.SENDING, Status.UNCONFIRMED, Status.SKIPPED, Status.CANCELLED},
    Status.DELIVERED: _WAITS
    | {Status.SENDING, Status.SENT, Status.UNCONFIRMED, Status.FAILED, Status.SKIPPED, Status.CANCELLED},
    Status.READ: _WAITS
    | {Status.SENDING, Status.SENT, Status.DELIVERED, Status.UNCONFIRMED, Status.FAILED}
    | {Status.SKIPPED, Status.CANCELLED},
    Status.FAILED: frozenset({Status.SENDING, Status.SENT, Status.UNCONFIRMED}),
    # From SENDING only where the request is known not to have left: the person opted out, or the campaign was
    # cancelled, meanwhile.
    Status.SKIPPED: frozenset({Status.PENDING, Status.BOOKED, Status.SENDING}),
    Status.CANCELLED: frozenset({Status.PENDING, Status.BOOKED, Status.SENDING}),
    Status.UNCONFIRMED: frozenset({Status.SENDING}),
}

#: The same for what an answer says. Who is booked may fail by one: of a question before the fence, at the last attempt.
#: No receipt can be of that. Whom a receipt told as failed no answer puts back: what the gateway refused stays refused.
ANSWER_AFTER: Mapping[Status, frozenset[Status]] = {
    **COMES_AFTER,
    Status.PENDING: COMES_AFTER[Status.PENDING] - {Status.FAILED},
    Status.FAILED: COMES_AFTER[Status.FAILED] | {Status.BOOKED},
}

#: while any contact is in one of these, its campaign is not finished
OPEN = (Status.PENDING, Status.BOOKED, Status.SENDING)


@dataclass(frozen=True, kw_only=True)
class Recipient:
    """A person as the CRM named them, before we looked at the number."""

    phone: str
    name: str | None = None
    vars: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Contact:
    """One recipient's share of a campaign, as it is stored at accepting.

    `phone` is E.164 digits without the plus; for an invalid number, the text as it was given.
    """

    number: int  #: position in the campaign's list, from 0
    phone: str
    status: Status
    values: Mapping[str, str] = field(default_factory=dict)  #: what fills the message's variables
    reason: str | None = None  #: why it was skipped
    detail: str | None = None  #: the variables that it lacks, or how long it would be
