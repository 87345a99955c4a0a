"""Callbacks in Redis: an outbox per campaign, and the hosts that they are for.

A callback is written by the script that makes the change it tells of. They leave an outbox one at a time in their
order; a host is called by one task at a time, and the hosts take turns.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broadcast.domain.callback import Delivery, News
from broadcast.store.campaigns import Look, look_of
from broadcast.store.keys import key
from broadcast.store.scripts import Scripts, pairs

#: Hosts that one script looks at: it ends when the workers' hands are full. Those that did not answer wait in front of
#: others for the few hands that they may have.
HOSTS = 2000
#: Campaigns with progress that one looks at.
REPORTED = 100
#: Campaigns of each host that are looked at for one that fails.
CAMPAIGNS = 50
#: Callbacks that one script looks at.
LOOKED_AT = 500


@dataclass(frozen=True, kw_only=True)
class Call:
    """One attempt to deliver a callback."""

    host: str
    run: str
    campaign: str
    number: int
    id: str  #: the same at every attempt
    url: str
    news: News
    at_ms: int  #: when the thing happened, Unix ms
    failures: int  #: attempts of the campaign's that failed in a row, before this one
    fails: int  #: calls of the host's that nobody answered in a row, before this one
    now_ms: int
    phone: str  #: of the contact that it is about, or ""
    shown: Sequence[Any]  #: what there was to see at that moment

    @property
    def look(self) -> Look:
        """The campaign as it stood."""
        return look_of(self.campaign, [list(part) for part in self.shown])  # Lua writes an empty list as {}

    @property
    def contact(self) -> tuple[int, Mapping[str, str]]:
        """The contact's number, and its fields as they stood."""
        number, fields = self.shown
        return number, {"phone": self.phone, **pairs(list(fields))}


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of an attempt: "delivered", "failed", or "gone" when the CRM wants no more."""

    word: str
    http: int | None = None
    error: str = ""
    next_ms: int = 0  #: when the campaign's next attempt is, from now
    rest_ms: int = 0  #: how long the host is left alone


@dataclass(frozen=True, kw_only=True)
class Row:
    """A callback as it stands now. Times are Unix ms."""

    id: str
    news: News
    state: Delivery
    at_ms: int
    attempts: int
    http: int | None  #: the last attempt's HTTP status, …
    error: str | None  #: … or what kept an answer from coming
    next_ms: int | None  #: of the one that is next to leave
    done_ms: int | None


@dataclass(frozen=True, kw_only=True)
class Rows:
    """Some of a campaign's callbacks, newest first; `last` is the number to go on before (-1: none)."""

    url: str | None
    is_off: bool
    last: int
    items: Sequence[Row]


@dataclass(frozen=True, kw_only=True)
class GivenUp:
    """A callback that was given up, whose it was, and when that was, Unix ms."""

    campaign: str
    instance: str
    failed_ms: int
    row: Row


@dataclass(frozen=True, kw_only=True)
class Failing:
    """A host that does not take what it is told, by the worst of its campaigns."""

    host: str
    campaigns: int  #: how many of them fail
    campaign: str  #: the worst
    failures: int  #: of that, in a row
    http: int | None  #: the last attempt's HTTP status, …
    error: str | None  #: … or what kept an answer from coming


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a campaign's callbacks stand: where they go, how many wait, and how the last attempts went."""

    host: str
    waiting: int
    failures: int  #: attempts that failed in a row
    is_off: bool  #: the CRM said that it wants no more


class Callbacks:
    """Everything that concerns callbacks."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def report(self, *, every_ms: int, after_every_ms: int, after_ms: int) -> list[str]:
        """Write the progress of campaigns that have made any into their outboxes. See report.lua."""
        return list(self._scripts.run("report", REPORTED, every_ms, after_every_ms, after_ms))

    def due(self, *, hands: int, lease_ms: int, claim: str) -> list[str]:
        """Take the hosts that are to be called now, `hands` at a time for each worker."""
        return list(self._scripts.run("due_hosts", hands, lease_ms, claim, HOSTS))

    def call(self, host: str, *, claim: str, run: str, lease_ms: int) -> Call | None:
        """The next callback for a host; None when none is due, or another run has the host."""
        reply = self._scripts.run("call", host, claim, run, lease_ms)
        if not reply:
            return None
        campaign, number, name, url, failures, fails, now, phone, flat = reply
        fields = pairs(flat)
        return Call(
            host=host, run=run, campaign=campaign, number=number, id=name, url=url, news=News(fields["kind"]),
            at_ms=int(fields["at_ms"]), failures=failures, fails=fails, now_ms=now, phone=phone,
            shown=json.loads(fields["shown"]),
        )  # fmt: skip

    def answer(self, call: Call, result: Result, *, patience_ms: int) -> str:
        """Note what became of an attempt; the callback's state, or "kept". See answer_call.lua."""
        http = "" if result.http is None else result.http
        state = self._scripts.run(
            "answer_call", call.host, call.run, call.campaign, call.number, result.word,
            http, result.error, result.next_ms, result.rest_ms, patience_ms,
        )  # fmt: skip
        return str(state)

    def hang_up(self, host: str, *, token: str) -> None:
        """End a turn, or give a claim back that nobody has a hand for."""
        self._scripts.run("hang_up", host, token)

    def page(self, campaign: str, *, state: Delivery | None, before: int | None, limit: int) -> Rows:
        """A campaign's callbacks, newest first; a page may be short although there are more."""
        only = state.value if state else ""
        bound = "+inf" if before is None else before
        url, off, last, rows = self._scripts.run("list_callbacks", campaign, bound, only, limit, LOOKED_AT)
        return Rows(url=url or None, is_off=bool(off), last=last, items=[_row(*row) for row in rows])

    def given_up(
        self, *, before: str, after: str, limit: int, instances: frozenset[str] | None
    ) -> tuple[list[GivenUp], tuple[str, str] | None]:
        """Those of all campaigns (of these instances; None: of all) that were given up, newest first.

        And after which to go on: at which Unix ms (`before`), and which one (`after`); None at the end.
        """
        only = "" if instances is None else json.dumps(sorted(instances))
        rows, last = self._scripts.run("list_given_up", before, after, limit, only, LOOKED_AT)
        items = [
            GivenUp(campaign=campaign, instance=instance, failed_ms=at, row=_row(*row))
            for campaign, instance, at, row in rows
        ]
        return items, (last[0], last[1]) if last else None

    def standings(self, campaigns: Sequence[str]) -> list[Standing | None]:
        """How the callbacks of each of these stand; None for one that has no address for them."""

        def ask() -> list[Any]:
            with self._scripts.client.pipeline(transaction=False) as pipe:
                for campaign in campaigns:
                    pipe.hget(key("campaign", campaign), "callback_host")
                    pipe.zcard(key("outbox", campaign))
                    pipe.hmget(key("callbacks", campaign), "failures", "off")
                return list(pipe.execute())

        replies = iter(self._scripts.ask(ask))
        return [_standing(host, waiting, *rest) for host, waiting, rest in zip(replies, replies, replies, strict=True)]

    def replay(self, campaign: str, *, event: str) -> int | None:
        """Have one delivered again; how many that were, None when the campaign has no callbacks at all."""
        reply = self._scripts.run("replay", campaign, event, 0, LOOKED_AT)
        return reply[0] if reply else None

    def replay_failed(self, campaign: str) -> int | None:
        """Have all that failed delivered again; the same."""
        count, after = 0, 0
        while after >= 0:
            reply = self._scripts.run("replay", campaign, "", after, LOOKED_AT)
            if not reply:
                return None
            found, after = reply
            count += found
        return count

    def forget(self, campaign: str) -> None:
        """Forget all of a campaign's callbacks, delivered or not; for when the campaign itself is forgotten."""
        while self._scripts.run("forget_callbacks", campaign, LOOKED_AT):
            pass

    def failing(self, *, failures: int) -> list[Failing]:
        """Hosts with campaigns whose callbacks failed so often in a row, and still wait."""
        found = self._scripts.run("failing", HOSTS, CAMPAIGNS, failures)
        return [
            Failing(
                host=host, campaigns=campaigns, campaign=worst, failures=in_a_row,
                http=int(http) if http else None, error=error or None,
            )
            for host, campaigns, worst, in_a_row, http, error in found
        ]  # fmt: skip

    def tally(self) -> Mapping[str, int]:
        """The callbacks of all campaigns: those that wait now, and those delivered and failed so far."""
        counts = self._scripts.ask(lambda: self._scripts.client.hgetall(key("callback_tally")))
        return {state.value: int(counts.get(state.value, 0)) for state in Delivery}


def _standing(host: str | None, waiting: int, failures: str | None, off: str | None) -> Standing | None:
    if host is None:
        return None
    return Standing(host=host, waiting=waiting, failures=int(failures or 0), is_off=bool(off))


def _row(
    event: str, kind: str, state: str, at_ms: int, attempts: int, http: str, error: str, done_ms: int, next_ms: int
) -> Row:
    return Row(
        id=event, news=News(kind), state=Delivery(state), at_ms=at_ms, attempts=attempts,
        http=int(http) if http else None, error=error or None, next_ms=next_ms or None, done_ms=done_ms or None,
    )  # fmt: skip
