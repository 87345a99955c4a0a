"""A campaign: what the CRM orders, the states it passes, and which move is possible from where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from broadcast.domain.contact import Recipient, Status
from broadcast.domain.content import Content


class State(str, Enum):
    """A campaign's `status`, as the API shows it."""

    SCHEDULED = "scheduled"
    RUNNING = "running"
    PAUSED = "paused"
    COMPLETED = "completed"  #: nothing is left to send
    CANCELLED = "cancelled"


class OnUnknown(str, Enum):
    """What becomes of a contact when nobody knows whether its message left."""

    HOLD = "hold"  #: it is unconfirmed: perhaps a gap, never a double
    RESEND = "resend"  #: it is sent again: perhaps a double, and a gap only when every attempt was used up


class Scope(str, Enum):
    """Which contacts of a campaign a person has sent again."""

    FAILED = "failed"
    UNCONFIRMED = "unconfirmed"


class Move(str, Enum):
    """What a person may ask of a campaign."""

    PAUSE = "pause"
    RESUME = "resume"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Rule:
    """A move's result and the states it may be made from. A campaign already there stays: moves are idempotent."""

    to: State
    from_: frozenset[State]


#: the only place that says which move is possible from where
RULES: Mapping[Move, Rule] = {
    Move.PAUSE: Rule(State.PAUSED, frozenset({State.SCHEDULED, State.RUNNING})),
    Move.RESUME: Rule(State.RUNNING, frozenset({State.PAUSED})),
    Move.CANCEL: Rule(State.CANCELLED, frozenset({State.SCHEDULED, State.RUNNING, State.PAUSED})),
}


#: the states in which contacts can be sent again; a completed campaign runs anew for them
RETRIED_FROM = frozenset({State.RUNNING, State.PAUSED, State.COMPLETED})


@dataclass(frozen=True, kw_only=True)
class Order:
    """A CRM's request for a campaign, its shape checked, its contacts not yet looked at.

    `digest` stands for the body as it was sent: the same id with another digest is a conflict.
    """

    campaign: str
    instance: str
    recipients: Sequence[Recipient]
    content: Content
    gap_ms: int  #: least time between two departures, in ms (`rateLimitMs`)
    jitter_ms: int = 0  #: each gap is lengthened by a random 0 to this many ms
    priority: int = 5  #: 0 to 9, 9 the most urgent
    scheduled_ms: int | None = None  #: Unix ms, or None for now
    on_unknown: OnUnknown = OnUnknown.HOLD
    is_open: bool = False  #: contacts come later, and a start after them
    callback_url: str | None = None  #: where the CRM wants our news
    digest: str


@dataclass(frozen=True, kw_only=True)
class Campaign:
    """What sending needs to know of a campaign; none of it changes after accepting."""

    id: str
    instance: str
    content: Content
    priority: int
    on_unknown: OnUnknown = OnUnknown.HOLD


@dataclass(frozen=True, kw_only=True)
class Progress:
    """A campaign as it stands at one instant. Times are Unix ms; None where it has not happened."""

    id: str
    instance: str
    state: State
    priority: int
    total: int
    counts: Mapping[Status, int]  #: exclusive, and they add up to `total`
    gap_ms: int
    on_unknown: OnUnknown
    slow_down: float  #: the factor by which the lane's gaps are lengthened just now, 1 for none
    sends_per_minute: float  #: as measured over the last departures; 0 when it is not sending
    expected_finish_ms: int | None  #: None as well where nobody knows, such as while the instance is held
    hold_reason: str | None  #: a code, when a running campaign is not sending, or the gateway had it paused
    hold_detail: str | None  #: the same for people
    last_error: str | None
    created_ms: int
    scheduled_ms: int | None
    started_ms: int | None
    paused_ms: int | None
    finished_ms: int | None
    skipped: Mapping[str, int]  #: reason -> how many were left out at accepting
    revision: int  #: grows with every change of `counts` or `state`
    at_ms: int  #: the instant, by Redis's clock

    @property
    def progress(self) -> float:
        """The share of the contacts that nothing more will be sent to, 0 to 1."""
        left = sum(self.counts[status] for status in (Status.PENDING, Status.BOOKED, Status.SENDING))
        return round(1 - left / self.total, 4) if self.total else 1.0
