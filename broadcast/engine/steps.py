"""The steps at which a process may die and somebody would notice: named, so that tests can strike at each of them."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum


class Step(str, Enum):
    """A moment between two state changes."""

    BOOKED = "booked"  #: the departures are booked, and their batch is not published
    FENCED = "fenced"  #: the fence said go, and nothing is written
    WRITTEN = "written"  #: the request is written, and its answer has not come
    ANSWERED = "answered"  #: the answer has come, and is not recorded
    BATCH_DONE = "batch_done"  #: the chord's body has begun, and has done nothing


#: Called at each step.
Reached = Callable[[Step], None]


def pass_by(_: Step) -> None:
    """Nothing happens at a step."""
