"""What a gateway is to the rest of the product: it takes a message and gives one of five answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from broadcast.domain.answer import Accepted, Answer, Busy, Closed, Refused, Scope, Unknown
from broadcast.domain.content import Kind, Template
from broadcast.domain.receipt import Echo, Inbound, Preference, Receipt

__all__ = [
    "Accepted",
    "Answer",
    "Busy",
    "Closed",
    "Connection",
    "Departure",
    "Echo",
    "Gateway",
    "Inbound",
    "Message",
    "News",
    "Preference",
    "Receipt",
    "Refused",
    "Scope",
    "Unknown",
]


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message to one contact, its text already rendered."""

    instance: str
    phone: str  #: E.164 digits
    kind: Kind
    text: str
    media_url: str | None = None
    template: Template | None = None  #: its texts already rendered
    reference: str  #: our name for the contact, for gateways that can echo one


class Departure(Protocol):
    """The fence, as a gateway sees it."""

    def wait(self) -> None:
        """Return when the request may be written; raise when it may not."""

    def is_now(self) -> bool:
        """Whether the moment that `wait` returned at is not over; looked at last, right before the first byte."""

    def left(self, at: float) -> None:
        """The first byte was written at this moment of the monotonic clock, in s; it may have been late."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """News that an instance opened or closed."""

    is_open: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class News:
    """What one webhook call says. Calls may come in any order, twice, or before the answer to the send."""

    receipts: tuple[Receipt, ...] = ()
    echoes: tuple[Echo, ...] = ()
    inbound: tuple[Inbound, ...] = ()
    preferences: tuple[Preference, ...] = ()
    connection: Connection | None = None


class Gateway(Protocol):
    """One far service at one address with its credentials, seen from our side. Thread-safe."""

    @property
    def pair_ms(self) -> int:
        """The least time between two messages of one instance to the same person, in ms; 0: no such limit."""

    def own_id(self, message: Message) -> str | None:
        """The id that the message will have, where the gateway lets us choose it; always the same for one reference."""

    def send(self, message: Message, *, departure: Departure) -> Answer:
        """Send one message. Never raises for anything the network or the gateway did; blocks up to its timeout.

        `departure.wait` is called after the connection is open and right before the first byte of the request that
        sends is written, and again while `departure.is_now` says that its moment has passed; what it raises comes out
        of here with nothing written. `departure.left` follows.
        """

    def probe(self, instance: str) -> Connection | None:
        """Ask the gateway whether the instance can send; None when it does not say. Sends nothing to anybody."""

    def verify(self, headers: Mapping[str, str], body: bytes, *, path: str) -> bool:
        """Whether this webhook call is the gateway's own. Called before the body is parsed.

        `path` is what follows the instance in the webhook's address, without the slash.
        """

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """What a GET of the webhook's address is answered with; None for a stranger, or where it means nothing."""

    def read(self, payload: Mapping[str, object]) -> News:
        """What a verified webhook call says. Unknown events are empty news, never an error."""
