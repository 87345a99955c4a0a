"""Reporting a campaign: every contact in its order, and a summary with the pace that was kept."""

from __future__ import annotations

import time
from array import array
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from statistics import median

from broadcast.domain.campaign import State
from broadcast.domain.contact import Status
from broadcast.engine.foretelling import Judged, judge
from broadcast.engine.telling import ContactView, contacts
from broadcast.errors import NotFound, Unavailable
from broadcast.pacing import Certificate, certify
from broadcast.store import Store
from broadcast.store.campaigns import Look
from broadcast.store.summaries import Kept

#: Contacts that one script reads in full, or looks at for the summary: each stays near a millisecond.
READ_AT_ONCE = 250
LOOKED_AT_ONCE = 500
#: After so many contacts, who counts says that it goes on: a second's work or two.
HOLD_EVERY = 10_000
#: The states in which a summary changes only with a receipt.
OVER = frozenset({State.COMPLETED, State.CANCELLED})
#: Until when the summary of a campaign that goes on is as good as a new one; and one that took long to count, so many
#: times as long, so that counting never takes more than a tenth of anybody's time.
FRESH_MS = 10_000
LONG_MS, REST = 1000, 10
#: How long a summary is there for those who ask while the next is counted; one of a campaign that is over, for long.
KEEP_RUNNING_S = 600
KEEP_OVER_S = 7 * 86_400
#: Nobody waits longer for a count, looking so often; it goes on without them.
WAIT_S = 3.0
LOOK_AGAIN_S = 0.1
#: Counts that a process does at a time.
_COUNTING = ThreadPoolExecutor(max_workers=2, thread_name_prefix="summary")
#: To be raised with each change of `Summary`, so that what an older version kept is not read as new.
SHAPE = 2
#: The statuses whose reasons are ranked, and what stands for none; list.lua knows it too.
EXPLAINED = (Status.FAILED, Status.SKIPPED, Status.UNCONFIRMED)
UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Summary:
    """What became of a campaign. Rates are shares from 0 to 1; None where there is nothing to divide by."""

    campaign: str
    as_of_ms: int  #: when its reading began: nothing that happened before is missing
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
    tried_again: int  #: contacts with more than one attempt
    is_recorded: bool  #: whether the certificate is of every departure; else (an old campaign) of each contact's last
    forecast: Judged | None = None  #: what was foretold of it, and how true that was


def report(
    store: Store, campaign: str, *, status: Status | None, reason: str | None
) -> Iterator[Sequence[ContactView]]:
    """All of a campaign's contacts, some at a time, each as it stands when it is read.

    Raises Unavailable, or NotFound before the last of them where the campaign was removed meanwhile: what was read of
    it is not all of it, and another may have its id.
    """
    cursor: str | None = None
    created_ms = store.campaigns.created_ms(campaign)
    while True:
        page = contacts(store, campaign, status=status, reason=reason, limit=READ_AT_ONCE, cursor=cursor)
        if page.next_cursor is None and (created_ms is None or store.campaigns.created_ms(campaign) != created_ms):
            raise NotFound(f"There is no campaign {campaign}.")
        yield page.items
        cursor = page.next_cursor
        if cursor is None:
            return


def summary(store: Store, campaign: str, *, wait_s: float = WAIT_S) -> Summary:
    """The summary of a campaign: the last one while it is fresh, else counted anew, once for all who ask.

    Who would wait longer gets the last one of the same state. Raises NotFound, or Unavailable where there is none.
    """
    until = time.monotonic() + wait_s
    while True:
        kept = store.summaries.kept(campaign)
        look = store.campaigns.look(campaign)
        if look is None:
            raise NotFound(f"There is no campaign {campaign}.")
        last = kept if kept and kept.epoch == _epoch(look) else None
        if last and _is_fresh(last, look):
            return _read(last)
        token = store.summaries.claim(campaign, epoch=_epoch(look))
        if token:
            counting = _COUNTING.submit(_count, store, look, token)
            with suppress(NotYet):
                return counting.result(timeout=max(until - time.monotonic(), 0))
        if last:
            return _read(last)
        if time.monotonic() >= until:
            raise Unavailable("The summary is being counted: ask again in a moment.")
        time.sleep(LOOK_AGAIN_S)


def _is_fresh(last: Kept, look: Look) -> bool:
    if last.rev == look.order.get("rev"):
        return True
    least_ms = 0 if _is_over(look) else FRESH_MS
    return look.now_ms - last.as_of_ms < max(least_ms, REST * last.took_ms if last.took_ms >= LONG_MS else 0)


def _count(store: Store, look: Look, token: str) -> Summary:
    began = time.monotonic()
    try:
        last = store.summaries.kept(look.campaign)
        if last and last.epoch == _epoch(look) and _is_fresh(last, look):  # another has just released it
            return _read(last)
        hold = partial(store.summaries.hold, look.campaign, epoch=_epoch(look), token=token)
        outcomes = _outcomes(store, look.campaign, hold=hold)
        found = _summarise(look, outcomes, store.summaries.departures(look.campaign))
        kept = Kept(
            epoch=_epoch(look),
            rev=look.order.get("rev"),
            as_of_ms=look.now_ms,
            took_ms=int((time.monotonic() - began) * 1000),
            summary=asdict(found),
        )
        keep_s = KEEP_OVER_S if _is_over(look) else KEEP_RUNNING_S
        store.summaries.keep(look.campaign, kept, created=look.order["created_ms"], keep_s=keep_s)
        return found
    finally:
        store.summaries.release(look.campaign, epoch=_epoch(look), token=token)


def _is_over(look: Look) -> bool:
    return State(look.order["status"]) in OVER


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
        if status in self.reasons:
            self.reasons[status][reason or UNKNOWN] += 1
        self.tried_again += int(attempts) > 1
        if departed:
            self.departures.append(int(departed))
        if departed and arrived:
            # A receipt's time is ours, when it came; the clocks are the same one.
            self.delivery_ms.append(max(int(arrived) - int(departed), 0))


def _outcomes(store: Store, campaign: str, *, hold: Callable[[], None]) -> _Outcomes:
    found, first = _Outcomes(), 0
    while rows := store.contacts.outcomes(campaign, first=first, count=LOOKED_AT_ONCE):
        for row in rows:
            found.add(row)
        first += len(rows)
        if first % HOLD_EVERY == 0:
            hold()
    return found


def _summarise(look: Look, found: _Outcomes, record: array[int]) -> Summary:
    read = found.by_status[Status.READ.value]
    delivered = found.by_status[Status.DELIVERED.value] + read
    departed = len(found.departures)
    is_recorded = "noted" in look.order
    return Summary(
        campaign=look.campaign,
        as_of_ms=look.now_ms,
        state=look.order["status"],
        total=int(look.order["total"]),
        departed=departed,
        delivered=delivered,
        read=read,
        delivery_rate=_share(delivered, departed),
        read_rate=_share(read, delivered),
        median_delivery_ms=int(median(found.delivery_ms)) if found.delivery_ms else None,
        reasons={status: counts.most_common() for status, counts in found.reasons.items()},
        certificate=certify(record if is_recorded else found.departures, gap_ms=int(look.order["gap_ms"])),
        tried_again=found.tried_again,
        is_recorded=is_recorded,
        forecast=judge(look.order),
    )


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def _epoch(look: Look) -> str:
    """What no summary outlives: the campaign's state, and whoever steered it or had contacts sent again."""
    marks = ("created_ms", "status", "finished_ms", "steered_ms", "retried_ms")
    return "-".join([str(SHAPE), *(look.order.get(mark, "") for mark in marks)])


def _read(kept: Kept) -> Summary:
    parts = dict(kept.summary)
    reasons = {status: [(reason, count) for reason, count in ranked] for status, ranked in parts["reasons"].items()}
    forecast = parts.get("forecast") and Judged(**parts["forecast"])
    return Summary(
        **{**parts, "reasons": reasons, "certificate": Certificate(**parts["certificate"]), "forecast": forecast}
    )
