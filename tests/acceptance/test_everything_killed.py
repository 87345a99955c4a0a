"""What was accepted is kept: every process killed right after the 202, Redis and the supervisor included."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import psutil
import requests

from tests.builders import a_body
from tests.processes import START_S, Process, free_port, gaps_ms, wait_for

PORTS = ("PORT", "WEBHOOK_PORT", "WORKER_HTTP_PORT", "FLOWER_PORT")


def start(folder: Path, env: dict[str, str], *, life: int) -> subprocess.Popen[bytes]:
    said = folder / f"out{life}"
    with said.open("wb") as out, (folder / f"err{life}").open("wb") as err:
        command = [Path(sys.executable).parent / "broadcast", "up"]
        process = subprocess.Popen(command, stdout=out, stderr=err, env=env, cwd=folder)
    wait_for(said.read_text, seconds=START_S, what=f"the ready line; see {folder}")
    return process


def kill_all(process: subprocess.Popen[bytes], folder: Path) -> None:
    """kill -9 of the supervisor, of all that it keeps, and of all that those started; none gets to say goodbye."""
    pids = [int(file.read_text()) for file in (folder / "data" / "run").glob("*.pid")]
    family = [child for pid in pids for child in psutil.Process(pid).children(recursive=True)]
    for pid in (process.pid, *pids, *(child.pid for child in family)):
        os.kill(pid, signal.SIGKILL)
    process.wait()
    wait_for(lambda: not any(psutil.pid_exists(pid) for pid in pids), what="all of them to be gone")


def test_a_campaign_survives_the_death_of_everything_right_after_its_202(tmp_path: Path) -> None:
    port, hook = free_port(), free_port()
    address = f"http://127.0.0.1:{hook}/webhooks/evolution/{{instance}}"
    sandbox = [sys.executable, "-m", "broadcast.gateways.sandbox", "--port", str(port), "--webhook-url", address]
    gateway = Process("sandbox", sandbox, folder=tmp_path)  # apart: its ledger outlives the product
    env = {name: value for name, value in os.environ.items() if name not in {"REDIS_URL", "API_KEYS"}}
    env |= {name: str(free_port()) for name in PORTS}
    env |= {"WEBHOOK_PORT": str(hook), "GATEWAY": "evolution", "EVOLUTION_API_KEY": "k", "SEND_TIMEOUT_S": "2"}
    env["EVOLUTION_URL"] = f"http://127.0.0.1:{port}"
    url = f"http://127.0.0.1:{env['PORT']}"
    try:
        first = start(tmp_path, env, life=1)
        body = a_body("c", "i", contacts=30, rateLimitMs=150)
        answer = requests.post(f"{url}/functions/v1/broadcast_messaging_service", json=body, timeout=30)
        kill_all(first, tmp_path)
        assert (answer.status_code, answer.json()["queued"]) == (202, 30)

        second = start(tmp_path, env, life=2)
        try:
            status = wait_for(
                lambda: _if_completed(f"{url}/broadcast-status/c"), seconds=120, what="the campaign's end"
            )
        finally:
            second.terminate()
            second.wait(60)
        arrivals = requests.get(f"{env['EVOLUTION_URL']}/ledger", timeout=60).json()["arrivals"]
    finally:
        gateway.stop()

    counts = Counter(arrival["reference"] for arrival in arrivals)
    assert max(counts.values()) == 1
    assert len(counts) + status["counts"]["unconfirmed"] >= 30
    assert min(gaps_ms(arrivals)) >= 150 - 10


def _if_completed(url: str) -> dict[str, dict[str, int]] | None:
    status: dict[str, dict[str, int]] = requests.get(url, timeout=60).json()
    return status if status["status"] == "completed" else None  # type: ignore[comparison-overlap]  # a text among them
