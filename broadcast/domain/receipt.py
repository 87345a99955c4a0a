"""What a gateway tells us later, unasked: receipts, echoes of our own sends, and what people wrote back."""

from __future__ import annotations

from dataclasses import dataclass, field

from broadcast.domain.answer import Answer, Closed, Scope
from broadcast.domain.contact import Status
from broadcast.domain.content import Kind

#: The reason of a failure that the gateway gives none for.
UNEXPLAINED = "gateway_error"


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """News that a message was sent, delivered, read, or failed after all.

    `reference` is our own name for the contact where the gateway echoes it, with the message's edition; it finds the
    contact even when the answer that named the id was lost. `means` is what a failure says about more than this
    contact, by the same table as an answer's: None where it says no more than that this contact failed. `phone` is
    whose opt-out it is, E.164 digits, where the gateway says so: we may have forgotten, or never known, whose it was.
    """

    message_id: str
    status: Status  #: SENT, DELIVERED, READ or FAILED
    reason: str | None = None
    detail: str | None = None  #: the gateway's words about a failure
    reference: str | None = None
    means: Answer | None = None
    phone: str | None = None

    @property
    def is_unexplained(self) -> bool:
        """A failure of which the gateway says no reason: several say that the whole instance is restricted.

        One that it says to be busy is explained, though our reason for that be the same.
        """
        return self.status is Status.FAILED and self.means is None and self.reason in {None, UNEXPLAINED}

    @property
    def halts(self) -> bool:
        """A failure that says that its campaign's message can be sent to nobody."""
        return isinstance(self.means, Closed) and self.means.scope is Scope.CAMPAIGN


@dataclass(frozen=True, kw_only=True)
class Echo:
    """News that a message of ours left under this id, from a gateway that can echo no reference: whom and what."""

    message_id: str
    phone: str | None  #: E.164 digits, perhaps in another of a person's forms; None: by its id alone can it be known
    text: str
    kinds: tuple[Kind, ...] = tuple(Kind)  #: the sorts of message that it may be of; all where the gateway does not say
    at_ms: int | None = None  #: when it left by the gateway's clock, Unix ms, where it says
    receipt: Receipt | None = None  #: how the message fared, where the echo says it and is found to be ours


@dataclass(frozen=True, kw_only=True)
class Inbound:
    """What a person wrote to us, or which button or row of a list below a message they tapped."""

    phone: str  #: E.164 digits
    text: str  #: what they wrote, or what the button says
    is_tap: bool = False
    behind: str | None = None  #: what whoever made the button put behind it


@dataclass(frozen=True, kw_only=True)
class Preference:
    """A person told the gateway whether to hear more of us."""

    phone: str  #: E.164 digits
    stops: bool
    at_ms: int | None = field(default=None, compare=False)  #: when, Unix ms, where the gateway says
