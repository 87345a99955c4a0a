"""Measure a campaign on real processes: `python -m tests.measure --contacts 200 --gap-ms 100` prints one JSON line.

Gaps are the gateway's, from the sandbox's ledger; scripts and commands are those of all processes.
"""

from __future__ import annotations

import json
import os
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import click
import psutil
import redis
import requests

from tests.builders import a_body
from tests.processes import RedisServer, Stack, gaps_ms

#: A script is one round trip; what runs inside it is not.
SCRIPTS = ("evalsha", "eval")


class Measured(Stack):
    """The stack with another pool for the send worker."""

    pool: str = "threads"
    concurrency: int = 100

    def run_worker(self, name: str, queues: str, *options: str) -> Any:
        extra = ("-P", self.pool, "-c", str(self.concurrency)) if name == "broadcast" else ()
        return super().run_worker(name, queues, *options, *extra)


def round_trips(client: redis.Redis) -> tuple[int, int]:
    """Scripts that all processes have run, and commands that Redis was sent from outside."""
    stats: dict[str, Any] = client.info("commandstats")
    scripts = sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in SCRIPTS)
    return scripts, int(client.info("stats")["total_commands_processed"])


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and its children."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return sum(sum(process.cpu_times()[:2]) for process in family)


def cpu_of_all(stack: Measured, server: RedisServer) -> dict[str, float]:
    """The same of every process, by its name; the posting of receipts is part of the sandbox."""
    return {process.name: cpu_s(process.child.pid) for process in (server.process, *stack.processes.values())}


def keep_apart(stack: Measured, server: RedisServer) -> None:
    """Give the senders, what plans for them and Redis the first core, and all others the second, gateway included."""
    senders = [server.process, *(stack.processes[name] for name in ("broadcast", "control", "beat"))]
    first = {process.child.pid for process in senders}
    for process in (server.process, *stack.processes.values()):
        for one in (psutil.Process(process.child.pid), *psutil.Process(process.child.pid).children(recursive=True)):
            for thread in one.threads():
                os.sched_setaffinity(thread.id, {0 if process.child.pid in first else 1})


def follow(url: str) -> None:
    """Read an event stream as an open page does, until it ends."""
    with requests.get(url, stream=True, timeout=60) as answer:
        for _ in answer.iter_content(65_536):
            pass


def settled(stack: Measured, lanes: int, contacts: int) -> float:
    """Seconds from the last departure until every receipt is settled."""
    began = time.monotonic()
    for lane in range(lanes):
        while True:
            counts = stack.status(f"m{lane}")["counts"]
            if counts["delivered"] + counts["read"] == contacts:
                break
            time.sleep(0.1)
    return round(time.monotonic() - began, 1)


@click.command()
@click.option("--contacts", default=200)
@click.option("--gap-ms", default=100)
@click.option("--lanes", default=1)
@click.option("--latency-ms", default=50)
@click.option("--pool", default="threads")
@click.option("--concurrency", default=100)
@click.option("--horizon-s", default=10)
@click.option("--dashboards", default=0, help="How many follow the campaigns by event streams meanwhile.")
@click.option("--apart/--together", default=False, help="Senders and Redis on one core, all that answers on another.")
@click.option("--receipts/--no-receipts", default=False, help="Whether the gateway calls the webhook process as well.")
def main(
    contacts: int,
    gap_ms: int,
    lanes: int,
    latency_ms: int,
    pool: str,
    concurrency: int,
    horizon_s: int,
    dashboards: int,
    apart: bool,
    receipts: bool,
) -> None:
    """Send `contacts` through each of `lanes` instances and print what came of it."""
    Measured.pool, Measured.concurrency = pool, concurrency
    folder = Path(tempfile.mkdtemp())
    env = {"FANOUT_HORIZON_S": str(horizon_s), "SEND_TIMEOUT_S": "30"}
    with RedisServer(folder) as server, Measured(folder, server.url(), env) as stack:
        behaviour = {"latencyMs": latency_ms, "receipts": receipts, "echoes": receipts}
        requests.put(f"{stack.sandbox_url}/behaviour", json=behaviour, timeout=10).raise_for_status()
        client = redis.Redis.from_url(server.url())
        worker = stack.processes["broadcast"].child.pid
        if apart:
            keep_apart(stack, server)
        scripts, commands = round_trips(client)
        cpu, began = cpu_of_all(stack, server), time.monotonic()
        for lane in range(lanes):
            stack.post(
                "/functions/v1/broadcast_messaging_service",
                a_body(f"m{lane}", f"i{lane}", contacts=contacts, rateLimitMs=gap_ms),
            ).raise_for_status()
        for number in range(dashboards):
            threading.Thread(
                target=follow, args=(f"{stack.url}/campaigns/m{number % lanes}/events",), daemon=True
            ).start()
        for lane in range(lanes):
            while stack.status(f"m{lane}")["status"] != "completed":
                time.sleep(0.5)  # each look is a script, and is counted
        took, sends = time.monotonic() - began, contacts * lanes
        scripts_after, commands_after = round_trips(client)
        settled_after = settled(stack, lanes, contacts) if receipts else None
        used = {name: round((after - cpu[name]) * 1000 / sends, 2) for name, after in cpu_of_all(stack, server).items()}
        all_gaps = [gaps_ms(stack.arrivals(f"i{lane}")) for lane in range(lanes)]
        gaps = sorted(gap for of_lane in all_gaps for gap in of_lane)
        click.echo(json.dumps({
            "pool": pool, "lanes": lanes, "sends": sends, "gapMs": gap_ms, "seconds": round(took, 1),
            "arrivals": sum(len(of_lane) + 1 for of_lane in all_gaps),
            "least": round(gaps[0], 1), "median": round(statistics.median(gaps), 1), "greatest": round(gaps[-1], 1),
            "belowGapLess10": sum(gap < gap_ms - 10 for gap in gaps),
            "shareOfRate": round(statistics.mean(len(of_lane) * gap_ms / sum(of_lane) for of_lane in all_gaps), 4),
            "cpuMsPerSend": used,
            "scriptsPerSend": round((scripts_after - scripts) / sends, 2),
            "redisCommandsPerSend": round((commands_after - commands) / sends, 1),
            "allSettledAfterS": settled_after,
            "workerRssMb": round(psutil.Process(worker).memory_info().rss / 2**20),
        }))  # fmt: skip


if __name__ == "__main__":
    main()
