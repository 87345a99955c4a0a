"""What a gateway is to the rest of the product: it takes a message and gives one of five answers."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, TypeVar

from broadcast.domain.answer import Accepted, Answer, Busy, Closed, Refused, Scope, Unknown
from broadcast.domain.content import Kind, Template
from broadcast.domain.receipt import Echo, Inbound, Preference, Receipt

__all__ = [
    "Accepted",
    "Alone",
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
    "Secured",
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
    edition: str = ""  #: tells it from other messages of this reference: of another campaign, or of one that failed

    @property
    def name(self) -> str:
        """Reference and edition: the reference alone may be used anew, by a later campaign of the same name."""
        return "/".join(filter(None, (self.reference, self.edition)))


class Departure(Protocol):
    """The fence, as a gateway sees it."""

    def attend(self) -> None:
        """A question goes before it, which may take as long as a request; raises what `wait` does."""

    def wait(self) -> None:
        """Return when the request may be written; raise when it may not."""

    def is_now(self) -> bool:
        """Whether the moment that `wait` returned at is not over; looked at last, right before the first byte."""

    def left(self, at: float) -> None:
        """The first byte was written at this moment of the monotonic clock, in s; it may have been late."""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """News that an instance opened or closed.

    A gateway that tries a call again tells it after newer ones, but no later than `tried_for_ms`: what seems later than
    that has a time by a clock that was put back.
    """

    is_open: bool
    reason: str
    at_ms: int | None = field(default=None, compare=False)  #: when, by the gateway's clock, Unix ms, where it says
    tried_for_ms: int = field(default=0, compare=False)
    is_wall: bool = field(default=False, compare=False)  #: `at_ms` is of a wall clock in a zone that nobody knows


@dataclass(frozen=True, kw_only=True)
class News:
    """What one webhook call says of the instance that it is addressed to, and of others.

    Calls may come in any order, twice, or before the answer to the send.
    """

    receipts: tuple[Receipt, ...] = ()
    echoes: tuple[Echo, ...] = ()
    inbound: tuple[Inbound, ...] = ()
    preferences: tuple[Preference, ...] = ()
    connection: Connection | None = None
    others: Mapping[str, News] = field(default_factory=dict)  #: of others, by what the gateway calls them
    account: str | None = field(default=None, compare=False)  #: of which its number is, where the gateway says so
    session: str | None = field(default=None, compare=False)  #: whose all else is, by the gateway's name, where it says


class Gateway(Protocol):
    """One far service at one address with its credentials, seen from our side. Thread-safe."""

    @property
    def pair_ms(self) -> int:
        """The least time between two messages of one instance to the same person, in ms; 0: no such limit."""

    def own_id(self, message: Message) -> str | None:
        """The id that the message will have, where the gateway lets us choose it; always the same for one edition.

        So an attempt that is made again because nobody knows of the last has its id: WhatsApp shows one of them.
        """

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

    def session_of(self, instance: str) -> str | None:
        """What `News.session` is in the calls of this instance; None where they have none."""

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """What a GET of the webhook's address is answered with; None for a stranger, or where it means nothing."""

    def read(self, payload: Mapping[str, object]) -> News:
        """What a verified webhook call says. Unknown events are empty news, never an error."""

    def of_unregistered(self, instance: str) -> Gateway:
        """The same for an instance that nobody registered; another where its own name says which it is far off."""

    def is_called(self, name: str) -> bool | None:
        """Whether webhook calls speak of it by this name, as `News.others` has it; None where we were not told."""

    def trusts(self, other: Gateway) -> bool:
        """Whether webhook calls that are known for the other's own may speak of ours: they have the same secret."""

    def signs_with(self, dialect: str, secret: str) -> bool:
        """Whether it is of this dialect and its webhook calls are signed with this; "" for nothing."""


class Secured:
    """What a gateway says whose webhook calls carry a secret: those with the same one may speak of it."""

    _dialect: ClassVar[str]
    _webhook_secret: str | None = None

    def trusts(self, other: Gateway) -> bool:
        """Whether the other's calls carry the same secret, or both none."""
        return other.signs_with(self._dialect, self._webhook_secret or "")

    def signs_with(self, dialect: str, secret: str) -> bool:
        """Whether it is what calls to us carry."""
        known = (self._webhook_secret or "").encode()
        return dialect == self._dialect and hmac.compare_digest(known, secret.encode())


_Same = TypeVar("_Same")


class Alone:
    """What a gateway says whose webhook calls speak of nobody but the instance that they are addressed to."""

    def of_unregistered(self: _Same, instance: str) -> _Same:  # noqa: ARG002 - every name is as good
        """The same."""
        return self

    def is_called(self, name: str) -> bool | None:  # noqa: ARG002 - nobody is called anything
        """False."""
        return False

    def trusts(self, other: Gateway) -> bool:  # noqa: ARG002 - nobody is to speak of it
        """False."""
        return False

    def signs_with(self, dialect: str, secret: str) -> bool:  # noqa: ARG002 - there is nothing to share
        """False."""
        return False
