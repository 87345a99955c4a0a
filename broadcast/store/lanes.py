"""Lanes in Redis: surveyed, booked, held, mended. A lane is one instance's paced departures."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broadcast.pacing import Claim, Slot
from broadcast.store.keys import key
from broadcast.store.scripts import Scripts, pairs


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
    lost: int  #: batches that nobody took in time since the last departure
    slow: float  #: the slow-down as it was kept …
    slow_ms: int  #: … at this moment, Unix ms; see `pacing.slowed`
    day: str  #: the local day …
    used: int  #: … on which so many departures were made


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


@dataclass(frozen=True)
class Booked:
    """A contact that a batch now holds, and its departure."""

    campaign: str
    number: int
    slot_ms: int


class Lanes:
    """Everything that concerns whole lanes."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def due(self, *, limit: int = 200, while_ms: int = 2000) -> list[str]:
        """Take the lanes that are to be looked at now."""
        return list(self._scripts.run("due", limit, while_ms))

    def survey(self, instance: str) -> Survey:
        """What planning needs to know of a lane, in one round trip; finished campaigns are completed on the way."""
        reply = self._scripts.run("survey", instance)
        now, hold, left, gap, rest, turn, booked, sending, workers, rows, completed, claim, lost, *paced = reply
        slow, slow_ms, day, used = paced
        names = ("campaign", "served", "priority", "gap_ms", "jitter_ms", "waiting", "next_due_ms")
        return Survey(
            instance=instance, now_ms=now, hold=hold, left_ms=left, gap_ms=gap, rest_ms=rest, turn=turn,
            booked=booked, sending=sending, workers=workers, completed=completed, claim=claim, lost=lost,
            slow=float(slow), slow_ms=slow_ms, day=day, used=used,
            candidates=[Claim(**dict(zip(names, row, strict=True))) for row in rows],
        )  # fmt: skip

    def book(
        self, instance: str, *, turn: int, batch: str, slots: Sequence[Slot], day: str, until_ms: int | None
    ) -> list[Booked] | None:
        """Give the next contacts these slots; None when another planner was first.

        They count for the local `day`, and the fence lets nobody leave from `until_ms` on.
        """
        fields = [item for slot in slots for item in (slot.campaign, slot.at_ms, slot.before_ms, slot.after_ms)]
        reply = self._scripts.run("book", instance, turn, batch, day, "" if until_ms is None else until_ms, *fields)
        return None if reply is None else [Booked(*row) for row in reply]

    def rejoin(self, survey: Survey, *, at_ms: int | None, waits: str = "", wait_ms: int | None = None) -> None:
        """Say when the lane is to be looked at again (None: when something asks), and what its rules wait for."""
        at, wait = ("" if at is None else at for at in (at_ms, wait_ms))
        self._scripts.run("rejoin", survey.instance, at, survey.claim, waits, wait)

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

    def hold(self, instance: str, kind: str, *, reason: str = "", detail: str = "", only_if: str = "") -> bool:
        """Hold a lane ("paused" or "closed"), or open it (""); `only_if` names the holds it must be in (a,b,open)."""
        return bool(self._scripts.run("hold", instance, kind, reason, detail, only_if))

    def instances(self) -> list[str]:
        """Every instance that ever had a campaign."""
        return sorted(self._scripts.ask(lambda: self._scripts.client.smembers(key("instances"))))

    def view(self, instance: str) -> View:
        """What stands between the lane and its next departure."""
        now, lane, waiting, gap, senders, controllers, lapsed = self._scripts.run("watch", instance)
        return View(
            now_ms=now, lane=pairs(lane), waiting=waiting, gap_ms=gap,
            send_workers=senders, control_workers=controllers, lapsed=lapsed,
        )  # fmt: skip

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

    def rest(self, instance: str, *, for_ms: int, reason: str) -> None:
        """Let nothing leave for a while."""
        self._scripts.run("rest", instance, for_ms, reason)

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

    def look(self, instance: str) -> tuple[Mapping[str, str], int, int, int]:
        """A lane's fields, and how many of its contacts wait, are booked and are sending."""

        def ask() -> tuple[Mapping[str, str], int, int, int]:
            client = self._scripts.client
            with client.pipeline() as pipe:
                pipe.hgetall(key("lane", instance))
                pipe.zcard(key("booked", instance))
                pipe.zcard(key("sending", instance))
                pipe.zrange(key("ready", instance), 0, -1)
                fields, booked, sending, campaigns = pipe.execute()
            with client.pipeline(transaction=False) as pipe:
                for campaign in campaigns:
                    pipe.hget(key("tally", campaign), "pending")
                waiting = sum(int(count or 0) for count in pipe.execute())
            return fields, waiting, booked, sending

        found: tuple[Mapping[str, str], int, int, int] = self._scripts.ask(ask)
        return found
