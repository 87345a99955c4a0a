"""Reporting a campaign: every contact in its order, and a summary with the pace that was kept."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

from broadcast.domain.campaign import State
from broadcast.domain.contact import Status
from broadcast.engine.telling import ContactView, contacts
from broadcast.errors import NotFound
from broadcast.pacing import Certificate, certify
from broadcast.store import Store
from broadcast.store.campaigns import Look

#: Contacts that one script reads in full, or looks at for the summary: each stays near a millisecond.
READ_AT_ONCE = 250
LOOKED_AT_ONCE = 500
#: The states in which a summary changes only with a receipt.
OVER = frozenset({State.COMPLETED, State.CANCELLED})
#: The statuses whose reasons are ranked.
EXPLAINED = (Status.FAILED, Status.SKIPPED, Status.UNCONFIRMED)


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What became of a campaign. Rates are shares from 0 to 1; None where there is nothing to divide by."""

    campaign: str
    state: str
    total: int
    departed: int  #: contacts of whom we have a departure
    delivered: int  #: contacts that are delivered or read
    read: int
    delivery_rate: float | None  #: of those that departed
    read_rate: float | None  #: of those that were delivered
    median_delivery_ms: int | None  #: from the last departure to the receipt
    reasons: Mapping[str, Sequence[tuple[str, int]]]  #: status -> reason and how many, the most frequent first
    certificate: Certificate
    tried_again: int  #: contacts with more than one attempt, of whom only the last departure is known


def report(
    store: Store, campaign: str, *, status: Status | None, reason: str | None
) -> Iterator[Sequence[ContactView]]:
    """All of a campaign's contacts, some at a time, each as it stands when it is read. Raises Unavailable."""
    cursor: str | None = None
    while True:
        page = contacts(store, campaign, status=status, reason=reason, limit=READ_AT_ONCE, cursor=cursor)
        yield page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def summary(store: Store, campaign: str) -> Summary:
    """The summary of a campaign, kept once it is over until a receipt changes it. Raises NotFound."""
    look = store.campaigns.look(campaign)
    if look is None:
        raise NotFound(f"There is no campaign {campaign}.")
    is_over = State(look.order["status"]) in OVER
    kept = store.campaigns.kept_summary(campaign) if is_over else None
    if kept and kept["of"] == _moment(look):
        return _read(kept["summary"])
    found = _summarise(look, _outcomes(store, campaign))
    if is_over:
        store.campaigns.keep_summary(campaign, {"of": _moment(look), "summary": asdict(found)})
    return found


@dataclass
class _Outcomes:
    """What was counted, contact by contact; a million of them are 16 MB."""

    by_status: Counter[str] = field(default_factory=Counter)
    reasons: dict[str, Counter[str]] = field(default_factory=lambda: {status.value: Counter() for status in EXPLAINED})
    departures: array[int] = field(default_factory=lambda: array("q"))
    delivery_ms: array[int] = field(default_factory=lambda: array("q"))
    tried_again: int = 0

    def add(self, row: Sequence[str]) -> None:
        """Count one contact; `row` is as outcomes.lua replies it."""
        status, reason, attempts, departed, arrived = row
        self.by_status[status] += 1
        if status in self.reasons and reason:
            self.reasons[status][reason] += 1
        self.tried_again += int(attempts) > 1
        if departed:
            self.departures.append(int(departed))
        if departed and arrived:
            # A receipt's time is ours, when it came; the clocks are the same one.
            self.delivery_ms.append(max(int(arrived) - int(departed), 0))


def _outcomes(store: Store, campaign: str) -> _Outcomes:
    found, first = _Outcomes(), 0
    while rows := store.contacts.outcomes(campaign, first=first, count=LOOKED_AT_ONCE):
        for row in rows:
            found.add(row)
        first += len(rows)
    return found


def _summarise(look: Look, found: _Outcomes) -> Summary:
    read = found.by_status[Status.READ.value]
    delivered = found.by_status[Status.DELIVERED.value] + read
    departed = len(found.departures)
    return Summary(
        campaign=look.campaign,
        state=look.order["status"],
        total=int(look.order["total"]),
        departed=departed,
        delivered=delivered,
        read=read,
        delivery_rate=_share(delivered, departed),
        read_rate=_share(read, delivered),
        median_delivery_ms=int(median(found.delivery_ms)) if found.delivery_ms else None,
        reasons={status: counts.most_common() for status, counts in found.reasons.items()},
        certificate=certify(found.departures, gap_ms=int(look.order["gap_ms"])),
        tried_again=found.tried_again,
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _moment(look: Look) -> str:
    """What a summary is true of: as long as nothing moves and nobody has it run again."""
    return json.dumps([look.order.get("status"), look.order.get("finished_ms"), sorted(look.tally.items())])


def _read(parts: Mapping[str, Any]) -> Summary:
    reasons = {status: [(reason, count) for reason, count in ranked] for status, ranked in parts["reasons"].items()}
    return Summary(**{**parts, "reasons": reasons, "certificate": Certificate(**parts["certificate"])})
