"""Chaos: kill and freeze every process at seeded random moments, then let the gateway's ledger judge.

`python -m tests.acceptance.chaos --kills 20 --seed 7` prints one line of JSON; exit code 1 when anything was lost or
doubled.
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import psutil
import redis
import requests

from tests.builders import a_body
from tests.processes import free_port, wait_for

VICTIMS = ("broadcast", "control", "beat", "web", "redis")
PORTS = ("PORT", "WEBHOOK_PORT", "WORKER_HTTP_PORT", "FLOWER_PORT")
#: Longer than a booked contact waits to be taken back, so that a frozen worker wakes to a lane that went on without it.
FREEZE_S = 8.0
#: No gap at the ledger may be shorter than the pace by more.
SLACK_MS = 10
ARRIVED = {"sent", "delivered", "read", "unconfirmed"}


@dataclass
class Outcome:
    """What the judge found; `recoveries` are seconds from a kill to the next arrival, by process."""

    seed: int
    planned: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    doubled: int = 0
    lost: int = 0
    kills: int = 0
    gap_violations: list[tuple[float, str, str]] = field(default_factory=list)  #: ms, and between which contacts
    recoveries: dict[str, list[float]] = field(default_factory=dict)
    tally_is_true: bool = True

    def line(self) -> str:
        """The outcome as one line of JSON."""
        times = [seconds for of_one in self.recoveries.values() for seconds in of_one]
        return json.dumps({
            "seed": self.seed, "planned": self.planned, **{name: self.counts[name] for name in
            ("sent", "delivered", "read", "failed", "skipped", "unconfirmed", "pending", "booked", "sending")},
            "doubled": self.doubled, "lost": self.lost, "kills": self.kills, "gapViolations": self.gap_violations,
            "recoveryMedianS": round(statistics.median(times), 1) if times else None,
            "recoveryWorstS": {name: round(max(of_one), 1) for name, of_one in sorted(self.recoveries.items())},
            "tallyIsTrue": self.tally_is_true,
        })  # fmt: skip

    @property
    def is_clean(self) -> bool:
        """Nothing lost, nothing doubled, counts true, everybody accounted for."""
        left = self.counts["pending"] + self.counts["booked"] + self.counts["sending"]
        return not (self.doubled or self.lost or left or self.gap_violations) and self.tally_is_true


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

    def arrivals(self) -> list[dict[str, Any]]:
        answer = requests.get(f"{self.env['SANDBOX_URL']}/ledger", timeout=30).json()
        return list(answer["arrivals"])

    def statuses(self, campaigns: list[str]) -> list[dict[str, Any]]:
        found = []
        for campaign in campaigns:
            try:
                answer = requests.get(f"{self.url}/broadcast-status/{campaign}", timeout=10)
            except requests.RequestException:
                return []
            if not answer.ok:
                return []
            found.append(answer.json())
        return found


@contextmanager
def running(folder: Path) -> Iterator[Up]:
    env = {name: value for name, value in os.environ.items() if name not in {"REDIS_URL", "GATEWAY", "API_KEYS"}}
    env |= {name: str(free_port()) for name in PORTS}
    env |= {"SANDBOX_URL": f"http://127.0.0.1:{free_port()}", "SEND_TIMEOUT_S": "5"}
    up = Up(folder, env)
    command = [Path(sys.executable).parent / "broadcast", "up"]
    with (folder / "out").open("wb") as out, (folder / "err").open("wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, env=env, cwd=folder)
    try:
        wait_for((folder / "out").read_text, seconds=60, what=f"the ready line; see {folder}")
        yield up
    finally:
        process.terminate()
        process.wait(90)


def strike(up: Up, victim: str, chance: random.Random) -> None:
    """Kill the victim, or freeze it past its lease and let it wake."""
    wait_for(lambda: psutil.pid_exists(up.pid(victim)), what=f"{victim} to be up")
    pid = up.pid(victim)
    if victim in {"broadcast", "control"} and chance.random() < 0.25:
        os.kill(pid, signal.SIGSTOP)
        _pass_until(time.monotonic() + FREEZE_S)
        os.kill(pid, signal.SIGCONT)
    else:
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: up.pid(victim) != pid, what=f"another {victim}")


def run(*, seed: int, kills: int, lanes: int, gap_ms: int, folder: Path) -> Outcome:
    """Campaigns over several lanes under seeded blows; the judged outcome."""
    chance = random.Random(seed)
    outcome = Outcome(seed)
    contacts = max(20, int(kills * 6_000 / gap_ms))
    with running(folder) as up:
        requests.put(f"{up.env['SANDBOX_URL']}/behaviour", json={"latencyMs": 150, "latencyJitterMs": 200}, timeout=10)
        campaigns = [f"s{seed}-{lane}" for lane in range(lanes)]
        for lane, campaign in enumerate(campaigns):
            body = a_body(campaign, f"lane{lane}", contacts=contacts, rateLimitMs=gap_ms)
            requests.post(
                f"{up.url}/functions/v1/broadcast_messaging_service", json=body, timeout=60
            ).raise_for_status()
        outcome.planned = contacts * lanes
        for _ in range(kills):
            blow_at = time.monotonic() + chance.uniform(0.5, 4.0)
            _pass_until(blow_at)
            victim = chance.choice(VICTIMS)
            struck = time.monotonic()
            strike(up, victim, chance)
            outcome.kills += 1
            arrival = wait_for(
                lambda since=struck + 0.5: _arrival_after(up, since), seconds=60, what=f"life after {victim}; {folder}"
            )
            outcome.recoveries.setdefault(victim, []).append(arrival - struck)
        wait_for(lambda: _is_done(up.statuses(campaigns)), seconds=contacts * gap_ms / 1000 + 180, what="the end")
        judge(up, campaigns, contacts, gap_ms, outcome)
    return outcome


def _pass_until(moment: float) -> None:
    wait_for(lambda: time.monotonic() > moment, seconds=60)


def _arrival_after(up: Up, moment: float) -> float | None:
    return next((one["at"] for one in up.arrivals() if one["at"] > moment), None)


def _is_done(statuses: list[dict[str, Any]]) -> bool:
    return bool(statuses) and all(status["status"] == "completed" for status in statuses)


def judge(up: Up, campaigns: list[str], contacts: int, gap_ms: int, outcome: Outcome) -> None:
    """Compare the ledger with every contact's own status, and the tally with both."""
    url = (up.folder / "data" / "redis.url").read_text().strip()
    arrived = Counter(one["reference"] for one in up.arrivals() if one["outcome"] == "accepted")
    outcome.doubled = sum(count - 1 for count in arrived.values())
    with redis.Redis.from_url(url, decode_responses=True) as client:
        for campaign in campaigns:
            words, flat = client.eval(SCAN, 0, campaign, contacts)
            truth = Counter(words)
            tally = dict(zip(flat[::2], map(int, flat[1::2]), strict=True))
            outcome.tally_is_true &= truth == Counter({name: count for name, count in tally.items() if count})
            outcome.counts += truth
            for number, word in enumerate(words):
                came = f"{campaign}:{number}" in arrived
                outcome.lost += (came and word not in ARRIVED) or (word in ARRIVED - {"unconfirmed"} and not came)
    for lane in range(len(campaigns)):
        of_lane = [one for one in up.arrivals() if one["instance"] == f"lane{lane}"]
        for earlier, later in itertools.pairwise(of_lane):
            gap = (later["at"] - earlier["at"]) * 1000
            if gap < gap_ms - SLACK_MS:
                outcome.gap_violations.append((round(gap, 1), earlier["reference"], later["reference"]))


#: Every contact's status and the tally, at one instant: receipts keep coming.
SCAN = """
local words = {}
for number = 0, ARGV[2] - 1 do
  words[#words + 1] = redis.call("HGET", "bcast:contact:" .. ARGV[1] .. ":" .. number, "status")
end
return { words, redis.call("HGETALL", "bcast:tally:" .. ARGV[1]) }
"""


@click.command()
@click.option("--seed", default=1)
@click.option("--seeds", default=1, help="How many seeds, from --seed on.")
@click.option("--kills", default=10)
@click.option("--lanes", default=3)
@click.option("--gap-ms", default=250)
def main(seed: int, seeds: int, kills: int, lanes: int, gap_ms: int) -> None:
    """Strike, judge, and print one line of JSON for each seed."""
    clean = True
    for one in range(seed, seed + seeds):
        folder = Path(tempfile.mkdtemp(prefix="chaos-"))
        outcome = run(seed=one, kills=kills, lanes=lanes, gap_ms=gap_ms, folder=folder)
        click.echo(outcome.line())
        if not outcome.is_clean:
            click.echo(f"not clean; see {folder}", err=True)
        clean &= outcome.is_clean
    sys.exit(0 if clean else 1)


if __name__ == "__main__":
    main()
