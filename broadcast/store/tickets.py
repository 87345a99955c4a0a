"""What goes to the fence and what comes back: tickets, answers, outcomes; and what receipts came to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from broadcast.domain.contact import Status
from broadcast.domain.receipt import Receipt


@dataclass(frozen=True, kw_only=True)
class Ticket:
    """One task's right to ask for one contact: which batch holds it, and which run of the task is asking."""

    instance: str
    campaign: str
    number: int
    batch: str
    run: str

    @property
    def reference(self) -> str:
        """The contact's name, as gateways may echo it."""
        return f"{self.campaign}:{self.number}"


@dataclass(frozen=True)
class Person:
    """Whom a contact is: E.164 digits, and what fills the message's variables; `digest` stands for the order."""

    phone: str
    values: Mapping[str, str]
    digest: str
    attempts: int = 0  #: those made before
    capped: int = 0  #: how often the gateway said that it takes no more for this person now
    edition: str = ""  #: another in a later campaign of the same name, and after each failure


@dataclass(frozen=True)
class Doubt:
    """A contact whose outcome is not known yet, or that nobody knows the outcome of."""

    campaign: str
    number: int
    departed_ms: int  #: Unix ms
    phone: str
    values: Mapping[str, str]

    @property
    def reference(self) -> str:
        """The contact's name, as its ticket had it."""
        return f"{self.campaign}:{self.number}"


@dataclass(frozen=True)
class Settled:
    """What became of a receipt: "moved", "kept" (no news) or "parked" (its id is not known); and whose it is.

    `news` stands for a failure that was not yet acted on beyond its contact; "" for every other receipt.
    """

    receipt: Receipt
    word: str
    campaign: str
    number: int
    news: str


@dataclass(frozen=True, kw_only=True)
class Deferral:
    """A failed contact that is to be tried again in `in_ms`, if no more than `most_attempts` were made at it.

    `most_times` is how often the gateway may say this of one contact, whatever its attempts; 0 for no such limit.
    `growth` is what `in_ms` is multiplied by with every attempt after the first, `most_grown` times at the most.
    """

    campaign: str
    number: int
    in_ms: int
    most_attempts: int
    most_times: int = 0
    growth: int = 1
    most_grown: int = 0

    @property
    def contact(self) -> tuple[str, int]:
        """Its campaign and its number there."""
        return self.campaign, self.number


@dataclass(frozen=True)
class Go:
    """Leave in `wait_us`. `attempt` counts from 1."""

    wait_us: int
    departure_ms: int
    attempt: int


@dataclass(frozen=True)
class Wait:
    """Not yet: ask again in `wait_us`."""

    wait_us: int


@dataclass(frozen=True)
class Back:
    """The contact went back to its lane, or was cancelled; `why` is a state, a hold or "late"."""

    why: str


@dataclass(frozen=True)
class Gone:
    """The contact is not this batch's, or another run is at it; `status` is where it is."""

    status: str


Leave = Go | Wait | Back | Gone


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a send, as it is to be recorded."""

    status: Status
    message_id: str = ""
    reason: str = ""
    detail: str = ""
    due_ms: int | None = None  #: PENDING: back at the front of the lane, or after so long; BOOKED: how long held
    rest_ms: int = 0  #: the whole lane rests for so long
    rests: str = ""  #: "app" or "account": those of the same one rest as well
    holds: str = ""  #: "closed" or "restricted": the lane is, because of the reason
    counts: bool = True  #: whether it used up one of the contact's attempts
    slows: bool = False  #: the lane slows down
    halts: bool = False  #: the campaign is paused: its message cannot be sent to anybody
    halts_after: int = 0  #: the same after so many in a row, none accepted between
    because: str = ""  #: what it then says
    opts_out: bool = False  #: the person goes on the suppression list
    capped_ms: int = 0  #: the gateway takes no more for this person for so long, and says so only so often
    answer: str = ""  #: the gateway's answer in a word, for whoever looks at the instance
