"""What a gateway is to the rest of the product: it takes a message and gives one of five answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from broadcast.domain.content import Kind
from broadcast.domain.receipt import Receipt


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message to one contact, its text already rendered."""

    instance: str
    phone: str  #: E.164 digits
    kind: Kind
    text: str
    media_url: str | None = None
    reference: str  #: our name for the contact, for gateways that can echo one


@dataclass(frozen=True)
class Accepted:
    """The gateway took it; `message_id` is what its receipts will name. Not yet delivered."""

    message_id: str


@dataclass(frozen=True)
class Refused:
    """The contact or the message cannot be sent, now or later. `reason` is our code, `detail` their words."""

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Busy:
    """Not now, and nothing was sent. `after_s` is how long the gateway asks us to wait, if it says.

    `reached` is False where no connection was opened: that says nothing about the contact, so it is not
    counted as one of its attempts.
    """

    reason: str
    detail: str = ""
    after_s: float | None = None
    reached: bool = True


@dataclass(frozen=True)
class Unknown:
    """It may have been sent: the connection broke after the request was written, or the answer says nothing."""

    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Closed:
    """The instance cannot send at all (disconnected, bad token, banned). Nothing was sent to anyone."""

    reason: str
    detail: str = ""


class Departure(Protocol):
    """The fence, as a gateway sees it."""

    def wait(self) -> None:
        """Return when the request may be written; raise when it may not."""

    def left(self, at: float) -> None:
        """The first byte was written at this moment of the monotonic clock, in s; it may have been late."""


Answer = Accepted | Refused | Busy | Unknown | Closed


@dataclass(frozen=True, kw_only=True)
class Connection:
    """News that an instance opened or closed."""

    is_open: bool
    reason: str


@dataclass(frozen=True, kw_only=True)
class News:
    """What one webhook call says: receipts, and perhaps that the instance opened or closed."""

    receipts: tuple[Receipt, ...] = ()
    connection: Connection | None = None


class Gateway(Protocol):
    """One far service at one address, seen from our side."""

    def send(self, message: Message, *, departure: Departure) -> Answer:
        """Send one message. Never raises for anything the network or the gateway did; blocks up to its timeout.

        `departure.wait` is called once, after the connection is open and right before the first byte of the request
        that sends is written; what it raises comes out of here with nothing written. `departure.left` follows.
        """

    def verify(self, headers: Mapping[str, str], body: bytes, *, token: str | None) -> bool:
        """Whether this webhook call is the gateway's own. Called before the body is parsed."""

    def read(self, payload: Mapping[str, object]) -> News:
        """What a verified webhook call says. Unknown events are empty news, never an error."""
