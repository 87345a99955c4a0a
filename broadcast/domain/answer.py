"""What a gateway's answer means: one of five kinds, because five things can be done about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Scope(str, Enum):
    """What a closed door shuts."""

    INSTANCE = "instance"  #: nothing can be sent through the instance
    CAMPAIGN = "campaign"  #: this campaign's message cannot be sent to anybody, such as a paused template


@dataclass(frozen=True)
class Accepted:
    """The gateway took it; `message_id` is what its receipts will name. Not yet delivered."""

    message_id: str


@dataclass(frozen=True)
class Refused:
    """The contact or the message cannot be sent, now or later. `reason` is our code, `detail` their words.

    `opts_out`: the person told the gateway to hear no more of us, and goes on the suppression list.
    `halts_after`: so many of a campaign in a row, and its message is at fault, not the contacts'; 0: never.
    """

    reason: str
    detail: str = ""
    opts_out: bool = False
    halts_after: int = 0


@dataclass(frozen=True)
class Busy:
    """Not now, and nothing was sent. `after_s` is how long the gateway asks us to wait, if it says.

    `reached` is False where no connection was opened: that says nothing about the contact, so it is not counted as one
    of its attempts. `contact_only` says that other contacts can be sent to meanwhile, so the lane keeps its pace.
    `spans` says whose limit it is where it is not the instance's alone: "app" or "account", of all its instances.
    `most_attempts` is the most that may be made at this contact when this is the answer, where the gateway says; and
    `growth` what `after_s` is multiplied by with every attempt after the first.
    """

    reason: str
    detail: str = ""
    after_s: float | None = None
    reached: bool = True
    contact_only: bool = False
    most_attempts: int | None = None
    spans: str = ""
    growth: int = 1

    @property
    def is_cap(self) -> bool:
        """A limit of this person's: it says when it ends, and other faults take nothing from its tries."""
        return self.contact_only and self.most_attempts is not None and self.after_s is not None


@dataclass(frozen=True)
class Unknown:
    """It may have been sent: the connection broke after the request was written, or the answer says nothing.

    `after_s`: whatever became of it, the instance asked for too much and is to ask for nothing more for so long.
    """

    reason: str
    detail: str = ""
    after_s: float | None = None


@dataclass(frozen=True)
class Closed:
    """The instance cannot send at all (disconnected, bad token, banned), or the campaign's message cannot. Nothing was
    sent to anyone, and no contact has failed.
    """

    reason: str
    detail: str = ""
    scope: Scope = Scope.INSTANCE


Answer = Accepted | Refused | Busy | Unknown | Closed
