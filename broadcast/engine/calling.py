"""Calling the CRM back: what a callback says, when it is tried again, and whose turn it is.

A dead or slow CRM costs nobody else anything. A host is called by one task at a time, for a short turn; one that does
not answer rests, longer each time; a campaign whose callbacks fail waits by the table of back-offs.
"""

from __future__ import annotations

import json
import logging
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broadcast.callbacks.posting import Answered, Poster, Unanswered
from broadcast.domain.callback import Delivery, News
from broadcast.engine import wording
from broadcast.engine.telling import contact_of, cursor_of, progress_of, read_cursor
from broadcast.errors import Conflict, FieldError, Invalid, NotFound
from broadcast.store import Store
from broadcast.store.callbacks import Call, GivenUp, Result, Row

log = logging.getLogger(__name__)

#: How long after a failure in a row the next attempt is, s; after more failures, the last one again and again.
BACKOFF_S: Sequence[int] = (5, 15, 30, 60, 120, 300, 600, 1200, 1800)
#: Each is made longer or shorter by up to this share, so that what failed together does not come back together.
JITTER = 0.2
#: A CRM may ask for a later attempt, but for none later than that, s.
MOST_RETRY_AFTER_S = 3600
#: A callback is tried so long, and at least once, before it is given up.
PATIENCE_MS = 86_400_000
#: How long a host rests that did not answer so many times in a row, s; after more times, the last one.
RESTS_S: Sequence[int] = (0, 0, 30, 60, 120, 300)
#: A host is called for so long, then the others come first, s.
TURN_S = 5.0
#: A task that has not said anything for so long is dead; longer than it may wait for a hand, and for an answer.
LEASE_MS = 45_000
#: How often progress is told, while a campaign lasts and when it is over: receipts still come for days.
PROGRESS_MS, PROGRESS_AFTER_MS, REPORTED_MS = 10_000, 60_000, 3 * 86_400_000


@dataclass(frozen=True, kw_only=True)
class CallbackPage:
    """Some of a campaign's callbacks, newest first. `is_off`: the CRM said that it wants no more (410)."""

    url: str | None
    is_off: bool
    items: Sequence[Row]
    next_cursor: str | None


@dataclass(frozen=True, kw_only=True)
class GivenUpPage:
    """Some of the callbacks of all campaigns that were given up, newest first. It may be short."""

    items: Sequence[GivenUp]
    next_cursor: str | None


@dataclass(frozen=True)
class Calling:
    """Delivers what is due. Thread-safe."""

    store: Store
    poster: Poster
    chance: Callable[[], float] = random.random
    monotonic: Callable[[], float] = time.monotonic

    def turn(self, host: str, *, claim: str, run: str) -> int:
        """Call a host with what is due for it, one after the other, for a while; return how many calls that were."""
        until, count = self.monotonic() + TURN_S, 0
        while self.monotonic() < until:
            call = self.store.callbacks.call(host, claim=claim, run=run, lease_ms=LEASE_MS)
            if call is None:
                return count
            self._deliver(call)
            count += 1
        self.store.callbacks.hang_up(host, token=run)
        return count

    def _deliver(self, call: Call) -> None:
        result = self._post(call)
        state = self.store.callbacks.answer(call, result, patience_ms=PATIENCE_MS)
        _tell(call, result, state)

    def _post(self, call: Call) -> Result:
        try:
            answer = self.poster.post(call.url, event=call.id, at_s=call.now_ms // 1000, body=body_of(call))
            return judge(answer, failures=call.failures, fails=call.fails, chance=self.chance)
        except Exception as error:  # one callback that cannot be made must not keep a host from all others
            log.exception("a callback could not be made", extra={"campaign": call.campaign, "callback": call.id})
            return Result(word="failed", error=f"internal: {type(error).__name__}", next_ms=3_600_000)


def report(store: Store) -> None:
    """Write down the progress that the CRMs are to be told."""
    store.callbacks.report(every_ms=PROGRESS_MS, after_every_ms=PROGRESS_AFTER_MS, after_ms=REPORTED_MS)


def judge(
    answer: Answered | Unanswered, *, failures: int, fails: int, chance: Callable[[], float] = random.random
) -> Result:
    """What an answer means: only 2xx is a delivery, and 410 the end of them. A redirect is followed nowhere.

    `failures` of the campaign, and `fails` of the host, are those in a row before this one.
    """
    if isinstance(answer, Unanswered):
        rest_ms = rest_s(fails + 1) * 1000
        error = f"{answer.reason}: {answer.detail}"
        return Result(word="failed", error=error, next_ms=next_ms(failures, chance=chance), rest_ms=rest_ms)
    if 200 <= answer.status < 300:
        return Result(word="delivered", http=answer.status)
    if answer.status == 410:
        return Result(word="gone", http=410)
    asked_ms = int(min(answer.retry_after_s or 0, MOST_RETRY_AFTER_S) * 1000)
    return Result(word="failed", http=answer.status, next_ms=max(next_ms(failures, chance=chance), asked_ms))


def next_ms(failures: int, *, chance: Callable[[], float]) -> int:
    """How long after a failure the next attempt is, ms; `failures` are those in a row before it."""
    base_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
    return int(base_s * 1000 * (1 - JITTER + 2 * JITTER * chance()))


def rest_s(fails: int) -> int:
    """How long a host rests that has not answered so many times in a row, this one included, s."""
    return RESTS_S[min(fails, len(RESTS_S)) - 1]


def body_of(call: Call) -> bytes:
    """The callback's JSON; the same at every attempt, since it shows what there was to see when it happened."""
    said = {"type": call.news.value, "timestamp": wording.rfc3339(call.at_ms), "data": _data(call)}
    return json.dumps(said, ensure_ascii=False).encode()


def _data(call: Call) -> Mapping[str, Any]:
    if call.news in {News.CONTACT_FAILED, News.CONTACT_UNCONFIRMED}:
        number, fields = call.contact
        return {"campaignId": call.campaign, **wording.contact(contact_of(number, fields))}
    return wording.status(progress_of(call.look))


def page(store: Store, campaign: str, *, state: Delivery | None, limit: int, cursor: str | None) -> CallbackPage:
    """A page of a campaign's callbacks. Raises Invalid for a cursor that is not one of ours."""
    if cursor is not None and not re.fullmatch(r"\d{1,12}", cursor, re.ASCII):
        raise Invalid(FieldError("/cursor", "is not a cursor of ours"))
    found = store.callbacks.page(campaign, state=state, before=int(cursor) if cursor else None, limit=limit)
    next_cursor = str(found.last) if found.last >= 0 else None
    return CallbackPage(url=found.url, is_off=found.is_off, items=found.items, next_cursor=next_cursor)


def given_up(store: Store, *, instances: frozenset[str] | None, limit: int, cursor: str | None) -> GivenUpPage:
    """A page of what was given up on these instances (None: on all). Raises Invalid for a cursor that is not ours."""
    before, after = read_cursor(cursor)
    items, last = store.callbacks.given_up(before=before, after=after, limit=limit, instances=instances)
    return GivenUpPage(items=items, next_cursor=cursor_of(*last) if last else None)


def replay(store: Store, campaign: str, *, event: str | None) -> int:
    """Have one callback, or (None) all that failed, delivered again; how many that are.

    Raises NotFound, or Conflict for a campaign that has no callbacks.
    """
    count = store.callbacks.replay_failed(campaign) if event is None else store.callbacks.replay(campaign, event=event)
    if count is None:
        raise Conflict(f"Campaign {campaign} was sent without a callbackUrl.")
    if event is not None and not count:
        raise NotFound(f"Campaign {campaign} has no callback {event}, or it is kept no longer.")
    return count


def _tell(call: Call, result: Result, state: str) -> None:
    ids = {"action": "call", "campaign": call.campaign, "callback": call.id}
    if state == Delivery.DELIVERED.value:
        log.info("delivered %s", call.news.value, extra=ids)
    else:
        why = result.error or f"HTTP {result.http}"
        level = logging.WARNING if state == Delivery.FAILED.value else logging.INFO
        log.log(level, "%s was not delivered (%s), and is %s", call.news.value, why, state, extra=ids)
