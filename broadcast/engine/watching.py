"""Watching over lanes: one that should be sending and is not has a cause, which is said, and mended where it can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broadcast.engine.steering import reopened
from broadcast.gateways.base import Gateway
from broadcast.pacing import LATE_MS, slowed
from broadcast.store import Store

#: A lane with work that let so many of its gaps pass, and at least so long, is stuck.
QUIET_GAPS = 3
QUIET_MS = 5000
#: What seems to be further ahead than this was noted before Redis's clock was set back.
CLOCK_MS = 1000


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What stands between a lane and its next departure, at one instant. Times are Unix ms of Redis's clock."""

    lane: Mapping[str, str]
    now_ms: int
    gap_ms: int  #: the widest gap, jitter included, of its running campaigns and of the instance's own rules
    send_workers: int
    control_workers: int
    waiting: int  #: contacts that wait for nothing but their departure
    behind_ms: int = 0  #: how late the workers take what they are given, all lanes together

    @property
    def quiet_ms(self) -> int:
        """How long nothing has left although something could have; what is ahead is older than Redis's clock."""
        times = [int(float(self.lane[name])) for name in ("left", "joined_ms", "opened_ms") if name in self.lane]
        past = [at_ms for at_ms in times if at_ms <= self.now_ms + CLOCK_MS]
        return self.now_ms - max(past, default=0) if past or not times else min(times) - self.now_ms

    @property
    def is_quiet(self) -> bool:
        """Whether it let several of its gaps pass, such as they are while it is slowed down."""
        lane = self.lane
        factor = slowed(float(lane.get("slow", 1)), since_ms=int(lane.get("slow_ms", 0)), now_ms=self.now_ms)
        gap_ms = max(self.gap_ms * factor, float(lane.get("gap", 0)))
        return self.quiet_ms > max(QUIET_GAPS * gap_ms, QUIET_MS)


@dataclass(frozen=True)
class Cause:
    """Why a lane is not sending: a code for programs, and the same for people."""

    code: str
    detail: str


#: what an instance's rules make its lane wait for -> the same for people
_WAITS = {
    "quiet_hours": "The instance's sending window is closed.",
    "daily_cap": "The instance has had its departures for today.",
}


#: what the code of a lane's hold begins with
_HELD = "instance_"


def is_held(code: str | None) -> bool:
    """Whether this cause is that the instance is paused, closed or restricted: nobody knows for how long."""
    return code is not None and code.startswith(_HELD)


def cause(standing: Standing) -> Cause | None:
    """Why the lane is not sending, the surest cause first; None when nothing stands in its way."""
    lane = standing.lane
    if lane.get("hold"):
        said = map(lane.get, ("reason", "detail", "under_reason", "under_detail"))
        return Cause(f"{_HELD}{lane['hold']}", ": ".join(filter(None, said)))
    if not standing.send_workers:
        return Cause("no_worker", "No live worker consumes the queue `broadcast`.")
    if not standing.control_workers:
        return Cause("no_control_worker", "No live worker consumes the queue `control`.")
    if int(lane.get("wait_ms", 0)) > standing.now_ms:
        return Cause(lane["waits"], _WAITS[lane["waits"]])
    if int(lane.get("rest", 0)) > standing.now_ms:
        return Cause("gateway_busy", f"The lane rests after: {lane.get('rest_reason', 'a busy answer')}")
    if not standing.waiting:
        return Cause("retry_later", "All that is left waits until it may be tried again.")
    if standing.is_quiet and standing.behind_ms > LATE_MS:
        late_s = standing.behind_ms / 1000
        return Cause(
            "workers_behind", f"The lanes ask for more than the send workers take: they are {late_s:.0f} s late."
        )
    if standing.is_quiet:
        return Cause("stalled", f"Nothing has left for {standing.quiet_ms / 1000:.0f} s; the lane is fanned out anew.")
    return None


@dataclass(frozen=True)
class Changed:
    """A lane whose cause changed: what it is now (None: it sends again), and whether fanning out anew may mend it."""

    instance: str
    cause: Cause | None
    may_be_mended: bool


@dataclass(frozen=True)
class Watched:
    """What one look at every lane found: what changed, and the closed lanes with work, whose gateway may be asked."""

    changed: Sequence[Changed]
    closed: Sequence[str]


def watch(store: Store) -> Watched:
    """Look at every lane; note why each that should be sending is not."""
    changed, closed = [], []
    for instance in store.lanes.instances():
        view = store.lanes.view(instance)
        standing = Standing(
            lane=view.lane,
            now_ms=view.now_ms,
            gap_ms=view.gap_ms,
            send_workers=view.send_workers,
            control_workers=view.control_workers,
            waiting=view.waiting,
            behind_ms=view.behind_ms,
        )
        found = cause(standing) if view.waiting and standing.is_quiet else None
        # What lapsed in a lane that nobody looks at would stay so.
        is_stalled = (found is not None and found.code in ("stalled", "workers_behind")) or view.lapsed > 0
        is_news = store.lanes.stick(instance, found.code if found else "", look=is_stalled)
        if is_news or is_stalled:
            changed.append(Changed(instance, found, may_be_mended=is_stalled))
        if view.waiting and view.lane.get("hold") == "closed":
            closed.append(instance)
    return Watched(changed, closed)


def probe(store: Store, instance: str, gateway: Gateway) -> bool:
    """Ask the gateway how the instance is, and note it; True when a closed lane was opened for that.

    Whatever it says, no lane is closed by it: a gateway may be wrong for a moment, and answers to sends are surer.
    """
    found = gateway.probe(instance)
    if found is None:
        return False
    has_opened = found.is_open and reopened(store, instance)
    store.lanes.examine(instance, "open" if found.is_open else found.reason)
    return has_opened
