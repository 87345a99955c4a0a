"""Chaos: kill, freeze and restart every process at seeded random moments and at every named step; the ledger judges.

`python -m tests.acceptance.chaos --kills 10 --seeds 3 --seed 7` prints one line of JSON for each seed, then one for all
of them; exit code 1 when anything was lost, doubled or too fast.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import psutil
import redis
import requests

from broadcast.engine.steps import Step
from tests.builders import a_body, phones
from tests.processes import START_S, free_port, wait_for

#: The process that comes by each step.
AT = {
    Step.BOOKED: "control",
    Step.FENCED: "broadcast",
    Step.WRITTEN: "broadcast",
    Step.ANSWERED: "broadcast",
    Step.BATCH_DONE: "control",
}
VICTIMS = ("broadcast", "control", "beat", "web", "redis")
PORTS = ("PORT", "WEBHOOK_PORT", "WORKER_HTTP_PORT", "FLOWER_PORT")
TIMEOUT_S = 2
#: Longer than a contact's lease (time-out and 10 s), so that a frozen worker wakes to a lane that went on without it.
FREEZE_S = TIMEOUT_S + 10 + 2.0
#: No gap at the ledger may be shorter than the pace by more.
SLACK_MS = 10
#: People of each campaign that are left out, refused by the gateway, and answered "not now" the first time.
SKIPPED, REFUSED, BUSY = 2, 3, 3
#: From a kill to the next departure of every lane, and to that of what the dead worker held, at the most, in s.
RECOVERED_S, LEFT_S = 10.0, 60.0
#: Requests that may be on the wire at one moment, over all lanes, with the latency that the gateway is given here.
ON_THE_WIRE = 6
ARRIVED = {"sent", "delivered", "read", "unconfirmed"}
STATUSES = ("sent", "delivered", "read", "failed", "skipped", "unconfirmed", "pending", "booked", "sending")


@dataclass(frozen=True)
class Blow:
    """What befalls whom: "kill", "freeze" or "restart"; at a step, or at any moment."""

    deed: str
    victim: str
    step: Step | None = None

    @property
    def name(self) -> str:
        return f"{self.victim} at {self.step.value}" if self.step else self.victim


def schedule(chance: random.Random, kills: int) -> list[Blow]:
    """So many kills in random order, half of them at named steps, with freezes and restarts in between."""
    steps = itertools.cycle(chance.sample(list(Step), len(Step)))
    at_steps = [Blow("kill", AT[step], step) for step in itertools.islice(steps, max(kills // 2, 1))]
    anywhere = [Blow("kill", chance.choice(VICTIMS)) for _ in range(kills - len(at_steps))]
    others = [
        Blow("freeze", "broadcast", chance.choice([Step.FENCED, Step.WRITTEN, Step.ANSWERED])),
        Blow("freeze", chance.choice(VICTIMS)),
        Blow("restart", chance.choice(VICTIMS)),
    ]
    blows = [*at_steps, *anywhere, *others]
    chance.shuffle(blows)
    return blows


@dataclass
class Outcome:
    """What the judge found; `recoveries` are seconds from a kill to the next departure of every lane, by victim."""

    seed: int | None
    planned: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    doubled: int = 0
    lost: int = 0
    kills: int = 0
    freezes: int = 0
    restarts: int = 0
    gap_violations: list[tuple[float, str, str]] = field(default_factory=list)  #: ms, and between which contacts
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    held: list[float] = field(default_factory=list)  #: s until each contact that a killed worker held left
    wrong_failures: int = 0  #: contacts that failed although the gateway refused nobody of that number
    tally_is_true: bool = True

    def line(self) -> str:
        """The outcome as one line of JSON."""
        times = [seconds for of_one in self.recoveries.values() for seconds in of_one]
        by_victim = {
            name: {"median": round(statistics.median(of_one), 1), "worst": round(max(of_one), 1)}
            for name, of_one in sorted(self.recoveries.items())
        }
        return json.dumps({
            "seed": self.seed, "planned": self.planned, **{name: self.counts[name] for name in STATUSES},
            "doubled": self.doubled, "lost": self.lost, "kills": self.kills, "freezes": self.freezes,
            "restarts": self.restarts, "gapViolations": self.gap_violations,
            "recoveryMedianS": round(statistics.median(times), 1) if times else None,
            "recoveryWorstS": round(max(times), 1) if times else None, "recoveryS": by_victim,
            "heldWorstS": round(max(self.held), 1) if self.held else None,
            "wrongFailures": self.wrong_failures, "tallyIsTrue": self.tally_is_true,
        })  # fmt: skip

    @property
    def is_clean(self) -> bool:
        """Nothing lost, nothing doubled, nobody failed for nothing; counts true, gaps whole, recovery in time."""
        left = self.counts["pending"] + self.counts["booked"] + self.counts["sending"]
        wrong = self.doubled or self.lost or left or self.gap_violations or self.wrong_failures
        recoveries = (seconds for times in self.recoveries.values() for seconds in times)
        is_quick = all(seconds <= RECOVERED_S for seconds in recoveries) and all(s <= LEFT_S for s in self.held)
        # What was on the wire at a blow may be in doubt, and no more.
        blows = self.kills + self.freezes + self.restarts
        return not wrong and is_quick and self.tally_is_true and self.counts["unconfirmed"] <= ON_THE_WIRE * blows

    def add(self, other: Outcome) -> None:
        """Count another seed's outcome in."""
        self.planned += other.planned
        self.counts += other.counts
        for name in ("doubled", "lost", "kills", "freezes", "restarts", "wrong_failures"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.gap_violations += other.gap_violations
        self.held += other.held
        for victim, times in other.recoveries.items():
            self.recoveries.setdefault(victim, []).extend(times)
        self.tally_is_true &= other.tally_is_true


@dataclass
class Up:
    """`broadcast up` in a folder of its own."""

    folder: Path
    env: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.env['PORT']}"

    def pid(self, name: str) -> int:
        return int((self.folder / "data" / "run" / f"{name}.pid").read_text())

    def is_up(self, name: str) -> bool:
        return psutil.pid_exists(self.pid(name)) and psutil.Process(self.pid(name)).status() != psutil.STATUS_ZOMBIE

    def redis(self) -> redis.Redis:
        url = (self.folder / "data" / "redis.url").read_text().strip()
        return redis.Redis.from_url(url, decode_responses=True)

    def ask_redis(self, question: Any) -> Any:
        """What Redis says, once it does: it may be a victim of a moment ago."""

        def answer() -> Any:
            with suppress(redis.RedisError), self.redis() as client:
                return (question(client),)
            return None

        return wait_for(answer, what="Redis")[0]

    def arrivals(self) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.env['SANDBOX_URL']}/ledger", timeout=30).json()
        return list(answer["arrivals"])

    def statuses(self, campaigns: Sequence[str]) -> list[dict[str, Any]]:
        found = []
        for campaign in campaigns:
            with suppress(requests.RequestException):
                answer = requests.get(f"{self.url}/broadcast-status/{campaign}", timeout=30)
                if answer.ok:
                    found.append(answer.json())
        return found if len(found) == len(campaigns) else []


@contextmanager
def running(folder: Path) -> Iterator[Up]:
    env = {name: value for name, value in os.environ.items() if name not in {"REDIS_URL", "GATEWAY", "API_KEYS"}}
    env |= {name: str(free_port()) for name in PORTS}
    env |= {"SANDBOX_URL": f"http://127.0.0.1:{free_port()}", "SEND_TIMEOUT_S": str(TIMEOUT_S), "FAULT_INJECTION": "1"}
    up = Up(folder, env)
    command = [Path(sys.executable).parent / "broadcast", "up"]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=env, cwd=folder)
    try:
        wait_for((folder / "out").read_text, seconds=START_S, what=f"the ready line; see {folder}")
        yield up
    finally:
        process.terminate()
        process.wait(90)


def strike(up: Up, blow: Blow) -> float:
    """Deal the blow; return when it befell (monotonic s). A frozen process has woken again."""
    wait_for(lambda: up.is_up(blow.victim), what=f"{blow.victim} to be up")
    pid = up.pid(blow.victim)
    if blow.step is not None:
        _arrange(up, blow, pid)
    elif blow.deed == "freeze":
        os.kill(pid, signal.SIGSTOP)
    else:
        os.kill(pid, signal.SIGKILL if blow.deed == "kill" else signal.SIGTERM)
    struck = time.monotonic()
    if blow.deed == "freeze":
        _pass_until(struck + FREEZE_S)
        os.kill(pid, signal.SIGCONT)
    else:
        wait_for(lambda: up.pid(blow.victim) != pid, seconds=120, what=f"another {blow.victim}")
    return struck


def _arrange(up: Up, blow: Blow, pid: int) -> None:
    """Have the victim strike itself at the step, and wait until it has."""
    assert blow.step is not None
    deed, name = ("stop" if blow.deed == "freeze" else "kill"), f"bcast:strike:{blow.step.value}"
    up.ask_redis(lambda client: client.set(name, deed))

    def has_befallen() -> bool:
        if not psutil.pid_exists(pid):
            return True
        with suppress(psutil.NoSuchProcess):
            return psutil.Process(pid).status() in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}
        return True

    wait_for(has_befallen, seconds=60, what=f"{blow.name}; see {up.folder}")


def order(up: Up, *, seed: int, lanes: int, contacts: int, gap_ms: int) -> list[str]:
    """A campaign on each lane, with a few people who are left out, refused, or answered "not now" at first."""
    sandbox = up.env["SANDBOX_URL"]
    requests.put(f"{sandbox}/behaviour", json={"latencyMs": 150, "latencyJitterMs": 200}, timeout=60)
    people = phones(contacts)
    faults = [
        {"kind": "not_on_whatsapp", "numbers": people[:: contacts // REFUSED][:REFUSED]},
        {"kind": "busy", "numbers": people[1 :: contacts // BUSY][:BUSY], "times": 1},
    ]
    for fault in faults:
        requests.post(f"{sandbox}/faults", json=fault, timeout=60).raise_for_status()
    campaigns = [f"s{seed}-{lane}" for lane in range(lanes)]
    for lane, campaign in enumerate(campaigns):
        body = a_body(campaign, f"lane{lane}", contacts=[*people, people[0], "123"], rateLimitMs=gap_ms)
        requests.post(f"{up.url}/queue/add-broadcast", json=_without_action(body), timeout=60).raise_for_status()
    return campaigns


def _without_action(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "action"}


def run(*, seed: int, kills: int, lanes: int, gap_ms: int, folder: Path) -> Outcome:
    """Campaigns over several lanes under seeded blows; the judged outcome."""
    chance = random.Random(seed)
    outcome = Outcome(seed)
    blows = schedule(chance, kills)
    contacts = max(30, int(len(blows) * 6_000 / gap_ms))
    held: dict[str, float] = {}
    with running(folder) as up:
        campaigns = order(up, seed=seed, lanes=lanes, contacts=contacts, gap_ms=gap_ms)
        for blow in blows:
            _pass_until(time.monotonic() + chance.uniform(0.3, 2.5))
            in_hand = _held(up, lanes) if blow.victim == "broadcast" and not blow.step else ()
            struck = strike(up, blow)
            _count(outcome, blow)
            resumed = max(_departure_after(up, f"lane{lane}", struck + 0.1) for lane in range(lanes))
            if blow.deed == "kill":
                outcome.recoveries.setdefault(blow.name, []).append(resumed - struck)
                held |= dict.fromkeys(in_hand, struck)
        patience = contacts * gap_ms / 1000 + 180
        wait_for(lambda: _is_done(up.statuses(campaigns)), seconds=patience, what=f"the end; see {folder}")
        judge(up, campaigns, contacts + SKIPPED, gap_ms, outcome)
        outcome.held = _leaving(up.arrivals(), held)
    return outcome


def _count(outcome: Outcome, blow: Blow) -> None:
    outcome.kills += blow.deed == "kill"
    outcome.freezes += blow.deed == "freeze"
    outcome.restarts += blow.deed == "restart"


def _pass_until(moment: float) -> None:
    wait_for(lambda: time.monotonic() > moment, seconds=60)


def _held(up: Up, lanes: int) -> list[str]:
    """The contacts that batches hold at this moment."""
    keys = [f"bcast:booked:lane{lane}" for lane in range(lanes)]
    return list(up.ask_redis(lambda client: [ref for key in keys for ref in client.zrange(key, 0, -1)]))


def _leaving(arrivals: list[dict[str, Any]], held: dict[str, float]) -> list[float]:
    first = {one["reference"]: one["at"] for one in reversed(arrivals)}
    return [first[ref] - struck for ref, struck in held.items() if first.get(ref, 0) > struck]


def _departure_after(up: Up, instance: str, moment: float) -> float:
    def found() -> float | None:
        of_lane = (one for one in up.arrivals() if one["instance"] == instance)
        return next((one["at"] for one in of_lane if one["at"] > moment), None)

    return float(wait_for(found, seconds=90, what=f"life on {instance}; see {up.folder}"))


def _is_done(statuses: list[dict[str, Any]]) -> bool:
    return bool(statuses) and all(status["status"] == "completed" for status in statuses)


def judge(up: Up, campaigns: list[str], contacts: int, gap_ms: int, outcome: Outcome) -> None:
    """Compare the ledger with every contact's own status, and the tally with both."""
    arrivals = up.arrivals()
    arrived = Counter(one["reference"] for one in arrivals if one["outcome"] == "accepted")
    refused = {one["reference"] for one in arrivals if one["outcome"] == "not_on_whatsapp"}
    outcome.planned = contacts * len(campaigns)
    outcome.doubled = sum(count - 1 for count in arrived.values())
    for campaign in campaigns:
        words, flat = up.ask_redis(lambda client, name=campaign: client.eval(SCAN, 0, name, contacts))
        truth = Counter(words)
        tally = dict(zip(flat[::2], map(int, flat[1::2]), strict=True))
        outcome.tally_is_true &= truth == Counter({name: count for name, count in tally.items() if count})
        outcome.counts += truth
        for number, word in enumerate(words):
            came = f"{campaign}:{number}" in arrived
            outcome.wrong_failures += word == "failed" and f"{campaign}:{number}" not in refused
            outcome.lost += (came and word not in ARRIVED) or (word in ARRIVED - {"unconfirmed"} and not came)
    for instance in {one["instance"] for one in arrivals}:
        of_lane = [one for one in arrivals if one["instance"] == instance]
        for earlier, later in itertools.pairwise(of_lane):
            gap = (later["at"] - earlier["at"]) * 1000
            if gap < gap_ms - SLACK_MS:
                outcome.gap_violations.append((round(gap, 1), earlier["reference"], later["reference"]))


#: Every contact's status and the tally, at one instant: receipts keep coming.
SCAN = """
local words = {}
for number = 0, ARGV[2] - 1 do
  words[#words + 1] = redis.call("HGET", "bcast:contact:" .. ARGV[1] .. ":" .. number, "status") or "missing"
end
return { words, redis.call("HGETALL", "bcast:tally:" .. ARGV[1]) }
"""


@click.command()
@click.option("--seed", default=1)
@click.option("--seeds", default=1, help="How many seeds, from --seed on.")
@click.option("--kills", default=10, help="kill -9 for each seed; freezes and restarts come on top.")
@click.option("--lanes", default=3)
@click.option("--gap-ms", default=250)
def main(seed: int, seeds: int, kills: int, lanes: int, gap_ms: int) -> None:
    """Strike, judge, and print one line of JSON for each seed and one for all."""
    total, clean = Outcome(None), True
    for one in range(seed, seed + seeds):
        folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        outcome = run(seed=one, kills=kills, lanes=lanes, gap_ms=gap_ms, folder=folder)
        click.echo(outcome.line())
        if not outcome.is_clean:
            click.echo(f"not clean; see {folder}", err=True)
        clean &= outcome.is_clean
        total.add(outcome)
    if seeds > 1:
        click.echo(total.line())
    sys.exit(0 if clean else 1)


if __name__ == "__main__":
    main()
