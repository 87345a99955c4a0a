"""What is counted over all contacts of a campaign, as its page shows it: why some failed, and how it went."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broadcast.api import answers, asking
from broadcast.api.looks import DONE
from broadcast.dashboard import formats
from broadcast.domain.campaign import State
from broadcast.domain.contact import Status
from broadcast.engine import reporting
from broadcast.engine.reporting import Summary
from broadcast.errors import Unavailable

#: So many reasons are shown, the rest as one.
MOST_REASONS = 10
#: Who looks waits so long for the reasons to be counted, and for the figures alone; a later look has the rest.
COUNT_S = 1.0
GLANCE_S = 0.2
#: The statuses of those to whom something has left, or may have.
LEFT = (Status.SENT, Status.DELIVERED, Status.READ, Status.FAILED, Status.UNCONFIRMED)


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Reasons and how many contacts each had, the most frequent first; "" stands for all others."""

    rows: Sequence[tuple[str, int]]
    as_of: str


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A campaign in figures: the summary by the API's names (None: it is being counted), and what people read of it."""

    summary: Mapping[str, Any] | None
    median: str = ""  #: the time to delivery; "" where nothing was delivered
    is_whole: bool = True  #: whether the certificate has every departure
    as_of: str = ""  #: while the campaign goes on


def counted(status: Mapping[str, Any]) -> dict[str, Any]:
    """The `reasons`, None while they are counted for the first time, and the `figures`, None where nothing has left."""
    has_failed = bool(status["counts"][Status.FAILED.value])
    if not any(status["counts"][one.value] for one in LEFT):
        return {"reasons": Ranking(rows=[], as_of=""), "figures": None}
    try:
        wait_s = COUNT_S if has_failed else GLANCE_S
        found = reporting.summary(asking.services().store, status["campaignId"], wait_s=wait_s)
    except Unavailable:
        return {"reasons": None if has_failed else Ranking(rows=[], as_of=""), "figures": Figures(summary=None)}
    return {
        "reasons": _ranked(found) if has_failed else Ranking(rows=[], as_of=""),
        "figures": _figures(found) if found.departed else None,
    }


def _ranked(found: Summary) -> Ranking | None:
    ranked = found.reasons[Status.FAILED.value]
    others = sum(count for _, count in ranked[MOST_REASONS:])
    rows = [*ranked[:MOST_REASONS], *([("", others)] if others else [])]
    return Ranking(rows=rows, as_of=_as_of(found)) if rows else None


def _figures(found: Summary) -> Figures:
    return Figures(
        summary=answers.summary(found),
        median="" if found.median_delivery_ms is None else formats.span(found.median_delivery_ms),
        is_whole=found.is_recorded,
        as_of="" if State(found.state) in DONE else _as_of(found),
    )


def _as_of(found: Summary) -> str:
    return formats.moment(found.as_of_ms, int(time.time() * 1000) - found.as_of_ms)
