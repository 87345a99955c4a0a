"""Lanes in Redis: surveyed, booked, held, mended. A lane is one instance's paced departures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from broadcast.pacing import Claim, Flow, Load, Slot
from broadcast.store.keys import key
from broadcast.store.scripts import Scripts, pairs

#: So many lanes one script looks at: it stays near a millisecond.
LOOKED_AT_ONCE = 50


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A lane at one instant."""

    instance: str
    now_ms: int
    hold: str
    left_ms: int  #: the last departure, made or booked
    gap_ms: int  #: the gap to keep after it
    rest_ms: int
    turn: int
    booked: int
    sending: int
    workers: int  #: live workers that consume the queue of sends
    candidates: Sequence[Claim]
    completed: Sequence[str]
    claim: int
    slow: float  #: the slow-down as it was kept …
    slow_ms: int  #: … at this moment, Unix ms; see `pacing.slowed`
    day: str  #: the local day …
    used: int  #: … on which so many departures were made, …
    day_ends_ms: int  #: … and when it ends in the zone in which it began
    flow: Flow  #: how the workers take what they are given


@dataclass(frozen=True, kw_only=True)
class View:
    """What stands between a lane and its next departure, at one instant; see watch.lua."""

    now_ms: int
    lane: Mapping[str, str]
    waiting: int
    gap_ms: int
    send_workers: int
    control_workers: int
    lapsed: int  #: contacts that are held although their lease is long over
    behind_ms: int  #: how late the workers take what they are given


@dataclass(frozen=True, kw_only=True)
class Found:
    """A lane as a campaign finds it that would join it."""

    now_ms: int
    fields: Mapping[str, str]
    others: Sequence[Load]  #: the campaigns that are running


@dataclass(frozen=True, kw_only=True)
class Closure:
    """How long a lane has been closed, and how often a probe opened it with no message accepted since."""

    for_ms: int
    times: int


@dataclass(frozen=True)
class Booked:
    """A contact that a batch now holds, and its departure."""

    campaign: str
    number: int
    slot_ms: int


class LaneLook(NamedTuple):
    """A lane as it stands at one instant."""

    fields: Mapping[str, str]
    waiting: int
    booked: int
    sending: int
    registered: Mapping[str, str]  #: as the registry keeps the instance; empty for one that never was registered
    recent: str  #: how the last messages fared, newest first; see `Contacts.recent`
    now_ms: int


class Lanes:
    """Everything that concerns whole lanes."""

    def __init__(self, scripts: Scripts, default_app: str) -> None:
        self._scripts = scripts
        self._default_app = default_app

    def due(self, *, limit: int = 200, while_ms: int = 2000) -> list[str]:
        """Take the lanes that are to be looked at now."""
        return list(self._scripts.run("due", limit, while_ms))

    def survey(self, instance: str) -> Survey:
        """What planning needs to know of a lane, in one round trip; finished campaigns are completed on the way."""
        reply = self._scripts.run("survey", instance)
        now, hold, left, gap, rest, turn, booked, sending, workers, rows, completed, claim, *paced = reply
        slow, slow_ms, day, used, day_ends, flow = paced
        names = ("campaign", "served", "priority", "gap_ms", "jitter_ms", "waiting", "next_due_ms")
        return Survey(
            instance=instance, now_ms=now, hold=hold, left_ms=left, gap_ms=gap, rest_ms=rest, turn=turn,
            booked=booked, sending=sending, workers=workers, completed=completed, claim=claim,
            slow=float(slow), slow_ms=slow_ms, day=day, used=used, day_ends_ms=day_ends,
            flow=Flow(**dict(zip(("credit", "since_ms", "heard_ms", "behind_ms", "on_time_ms"), flow, strict=True))),
            candidates=[Claim(**dict(zip(names, row, strict=True))) for row in rows],
        )  # fmt: skip

    def book(
        self,
        instance: str,
        *,
        turn: int,
        batch: str,
        slots: Sequence[Slot],
        day: str,
        day_ends_ms: int,
        until_ms: int | None,
        cap: int | None = None,
    ) -> list[Booked] | None:
        """Give the next contacts these slots; None when another planner was first.

        They count for the local `day`, or one that has not ended yet where it began. The fence lets nobody leave from
        `until_ms` on, and no more than `cap` on that day.
        """
        fields = [item for slot in slots for item in (slot.campaign, slot.at_ms, slot.before_ms, slot.after_ms)]
        until, most = ("" if limit is None else limit for limit in (until_ms, cap))
        reply = self._scripts.run("book", instance, turn, batch, day, day_ends_ms, until, most, *fields)
        return None if reply is None else [Booked(*row) for row in reply]

    def rejoin(
        self,
        survey: Survey,
        *,
        at_ms: int | None,
        waits: str = "",
        wait_ms: int | None = None,
        credit: int | None = None,
    ) -> None:
        """Say when the lane is to be looked at again (None: when something asks), and what its rules wait for.

        `credit` is each lane's from now on (None: as surveyed), unless somebody changed it since.
        """
        at, wait, new = ("" if at is None else at for at in (at_ms, wait_ms, credit))
        self._scripts.run("rejoin", survey.instance, at, survey.claim, waits, wait, new, survey.flow.since_ms)

    def mend(self, instance: str, *, grace_ms: int, most_attempts: int) -> tuple[int, int]:
        """Take back what a dead worker held; return how many booked and how many sending contacts."""
        booked, sending = self._scripts.run("mend", instance, grace_ms, most_attempts)
        return booked, sending

    def unbook(self, held: Mapping[str, Sequence[tuple[str, int, str]]]) -> int:
        """Give back what a worker held, by instance: campaign, number and batch; return how many contacts that were."""
        with self._scripts.pipeline() as pipe:
            for instance, contacts in held.items():
                pipe.run("unbook", instance, *(field for contact in contacts for field in contact))
        return sum(pipe.replies)

    def unbook_all(self) -> int:
        """Give back what the batches of every lane hold; return how many contacts. For when no worker is left."""
        instances = self._scripts.ask(lambda: self._scripts.client.zrange(key("lanes"), 0, -1))
        with self._scripts.pipeline() as pipe:
            for instance in instances:
                pipe.run("unbook_all", instance)
        return sum(pipe.replies)

    def hold(
        self,
        instance: str,
        kind: str,
        *,
        reason: str = "",
        detail: str = "",
        of: str = "",
        only_if: str = "",
        news: Sequence[str] = (),
    ) -> bool:
        """Hold a lane ("paused" or "closed"), or open it (""); `only_if` names the holds it must be in (a,b,open).

        `of` is the contact (campaign:number) that the detail is about; a person's, or our own words are nobody's.
        For `news`, failures that say so, it is done once, however often they are told.
        """
        return bool(self._scripts.run("hold", instance, kind, reason, detail, only_if, "", 0, "", "", of, *news))

    def hear(
        self,
        instance: str,
        kind: str,
        *,
        reason: str,
        only_if: str,
        at_ms: int | None,
        tried_for_ms: int,
        is_wall: bool = False,
        clock: str = "",
    ) -> bool:
        """The same for news of the connection of this time (None: now), unless newer ones were heard by this clock."""
        at, wall = ("now", "") if at_ms is None else (at_ms, "1" if is_wall else "")
        return bool(self._scripts.run("hold", instance, kind, reason, "", only_if, at, tried_for_ms, wall, clock, ""))

    def closure(self, instance: str) -> Closure | None:
        """Since when the lane is closed by its gateway, and how often a probe opened it in vain; None: it is not."""

        def ask() -> tuple[list[str | None], tuple[int, int]]:
            with self._scripts.client.pipeline(transaction=False) as pipe:
                pipe.hmget(key("lane", instance), "hold", "held_ms", "reopened")
                pipe.time()
                fields, at = pipe.execute()
            return fields, at

        (hold, since_ms, times), (seconds, micros) = self._scripts.ask(ask)
        if hold != "closed":
            return None
        now_ms = seconds * 1000 + micros // 1000
        return Closure(for_ms=now_ms - int(since_ms or 0), times=int(times or 0))

    def reopen(self, instance: str, *, times: int) -> bool:
        """Open a closed lane because a probe found its instance open, for the time after `times`; False: too late."""
        return bool(self._scripts.run("reopen", instance, times))

    def examine(self, instance: str, health: str) -> None:
        """Note how the instance is by its gateway: "open", or why it cannot send."""
        self._scripts.run("examine", instance, health)

    def instances(self) -> list[str]:
        """Every instance that ever had a campaign, or was registered."""
        return sorted(self._scripts.ask(lambda: self._scripts.client.smembers(key("instances"))))

    def view(self, instance: str) -> View:
        """What stands between the lane and its next departure."""
        now, lane, waiting, gap, senders, controllers, lapsed, behind = self._scripts.run("watch", instance)
        return View(
            now_ms=now, lane=pairs(lane), waiting=waiting, gap_ms=gap,
            send_workers=senders, control_workers=controllers, lapsed=lapsed, behind_ms=behind,
        )  # fmt: skip

    def outset(self, instance: str) -> Found:
        """What a campaign would find on the lane, in one round trip."""
        now, fields, rows = self._scripts.run("outset", instance)
        names = ("left", "priority", "gap_ms", "jitter_ms")
        others = [Load(**dict(zip(names, row, strict=True))) for row in rows]
        return Found(now_ms=now, fields=pairs(fields), others=others)

    def stick(self, instance: str, cause: str, *, look: bool) -> bool:
        """Note why the lane is not sending ("": it is); True when that is news. `look`: have it planned now."""
        return bool(self._scripts.run("stick", instance, cause, int(look)))

    def stuck(self) -> Counter[str]:
        """How many lanes are stuck, by cause."""
        instances = self.instances()

        def ask() -> list[str | None]:
            with self._scripts.client.pipeline(transaction=False) as pipe:
                for instance in instances:
                    pipe.hget(key("lane", instance), "stuck")
                return list(pipe.execute())

        return Counter(cause for cause in self._scripts.ask(ask) if cause)

    def rest(self, instance: str, *, for_ms: int, reason: str, spans: str = "") -> None:
        """Let nothing leave for a while, of none of the instances of the same "app" or "account", if it spans those."""
        self._scripts.run("rest", instance, for_ms, reason, spans, self._default_app)

    def of_account(self, beside: str, account: str) -> list[str]:
        """The instances of the app of `beside` that receipts told to be of Meta's account; or the app's only one."""
        return list(self._scripts.run("of_account", beside, account, self._default_app))

    def restart(self, instance: str) -> int:
        """Give back what is booked and have the lane planned anew; return how many contacts that were."""
        return int(self._scripts.run("restart", instance))

    def slow(self, instance: str, *, since_ms: int, factor: float, reason: str) -> bool:
        """Keep a slow-down that was computed from what was read; False when somebody else was first."""
        return bool(self._scripts.run("slow", instance, since_ms, factor, reason))

    def slowness(self, instance: str) -> tuple[float, int, int]:
        """The lane's slow-down: its factor, when that last changed (0: never), and Redis's clock, both Unix ms."""

        def ask() -> tuple[list[str | None], tuple[int, int]]:
            with self._scripts.client.pipeline(transaction=False) as pipe:
                pipe.hmget(key("lane", instance), "slow", "slow_ms")
                pipe.time()
                fields, at = pipe.execute()
            return fields, at

        (factor, since_ms), (seconds, micros) = self._scripts.ask(ask)
        return float(factor or 1), int(since_ms or 0), seconds * 1000 + micros // 1000

    def unknowns(self, instance: str) -> int:
        """How many of the lane's last answers in a row left unknown what became of their message."""
        return int(self._scripts.ask(lambda: self._scripts.client.hget(key("lane", instance), "unknowns")) or 0)

    def look(self, instance: str) -> LaneLook:
        """How one lane stands."""
        return self.looks([instance])[0]

    def looks(self, instances: Sequence[str]) -> list[LaneLook]:
        """How lanes stand, in their order; a round trip for each `LOOKED_AT_ONCE` of them."""
        found = []
        for first in range(0, len(instances), LOOKED_AT_ONCE):
            now_ms, rows = self._scripts.run("stand", *instances[first : first + LOOKED_AT_ONCE])
            found += [
                LaneLook(pairs(lane), waiting, booked, sending, pairs(registered), "".join(recent), now_ms)
                for lane, waiting, booked, sending, registered, recent in rows
            ]
        return found
