"""Lanes in Redis: surveyed, booked, held, mended. A lane is one instance's paced departures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broadcast.pacing import Claim, Slot
from broadcast.store.keys import key
from broadcast.store.scripts import Scripts


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
        now, hold, left, gap, rest, turn, booked, sending, workers, rows, completed, claim = self._scripts.run(
            "survey", instance
        )
        names = ("campaign", "served", "priority", "gap_ms", "jitter_ms", "waiting", "next_due_ms")
        return Survey(
            instance=instance, now_ms=now, hold=hold, left_ms=left, gap_ms=gap, rest_ms=rest, turn=turn,
            booked=booked, sending=sending, workers=workers, completed=completed, claim=claim,
            candidates=[Claim(**dict(zip(names, row, strict=True))) for row in rows],
        )  # fmt: skip

    def book(self, instance: str, *, turn: int, batch: str, slots: Sequence[Slot]) -> list[Booked] | None:
        """Give the next contacts these slots; None when another planner was first."""
        fields = [item for slot in slots for item in (slot.campaign, slot.at_ms, slot.before_ms, slot.after_ms)]
        reply = self._scripts.run("book", instance, turn, batch, *fields)
        return None if reply is None else [Booked(*row) for row in reply]

    def rejoin(self, survey: Survey, *, at_ms: int | None) -> None:
        """Say when the lane is to be looked at again (None: when something asks for it)."""
        self._scripts.run("rejoin", survey.instance, "" if at_ms is None else at_ms, survey.claim)

    def mend(self, instance: str, *, grace_ms: int) -> tuple[int, int]:
        """Take back what a dead worker held; return how many booked and how many sending contacts."""
        booked, sending = self._scripts.run("mend", instance, grace_ms)
        return booked, sending

    def hold(self, instance: str, kind: str, *, reason: str = "", detail: str = "", only_if: str = "") -> bool:
        """Hold a lane ("paused" or "closed"), or open it (""); `only_if` names the holds it must be in (a,b,open)."""
        return bool(self._scripts.run("hold", instance, kind, reason, detail, only_if))

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
