"""Real processes for tests: a Redis, a sandbox gateway, workers, the API. Each is ready when its `with` begins."""

from __future__ import annotations

import itertools
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import redis
import requests

from broadcast import embedded

#: Below the ports that a system gives to whoever does not care which: no other test is given one of these meanwhile.
PORTS = range(20_000, 32_768)
#: Not the shared one, which Hypothesis has begin anew for every test.
_chance = random.SystemRandom()
_given: set[int] = set()
#: Seconds in which the product has started on any machine.
START_S = 180


def free_port() -> int:
    """A port that was free a moment ago, and that nobody else is likely to take; never the same one twice."""
    while True:
        port = _chance.choice(PORTS)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            if port not in _given:
                _given.add(port)
                return port


def wait_for(condition: Callable[[], Any], *, seconds: float = 90, what: str = "") -> Any:
    """The condition's first true value; AssertionError when there is none in time."""
    deadline = time.monotonic() + seconds
    while True:
        is_late = time.monotonic() > deadline  # who was not woken in time has a last look all the same
        if value := condition():
            return value
        if is_late:
            raise AssertionError(f"waited {seconds} s for {what or condition}")
        time.sleep(0.02)


@contextmanager
def lateness(ask: Callable[[], object] = lambda: None) -> Iterator[Callable[[], float]]:
    """Ask at the end how many seconds a busy machine took away meanwhile: next to nothing on one that is not.

    What has to be done by some time may be later by as much. It is what a thread overslept that sleeps 10 ms each time,
    and then asks another process, where that one's time counts as well.
    """
    lost, over = [0.0], threading.Event()

    def sleep() -> None:
        while not over.is_set():
            began = time.monotonic()
            time.sleep(0.01)
            ask()
            lost[0] += max(time.monotonic() - began - 0.02, 0)

    def until_now() -> float:
        over.set()
        sleeper.join()
        return lost[0]

    sleeper = threading.Thread(target=sleep, daemon=True)
    sleeper.start()
    try:
        yield until_now
    finally:
        until_now()


class Process:
    """A child process whose output goes to a file."""

    def __init__(self, name: str, command: list[str], *, folder: Path, env: Mapping[str, str] | None = None) -> None:
        self.name = name
        self.command = command
        self.log = folder / f"{name}.log"
        self.env = {**os.environ, **(env or {})}
        self.start()

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(
                self.command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=self.env
            )

    def signal(self, number: int) -> None:
        self.child.send_signal(number)

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        with suppress(ProcessLookupError):
            self.child.send_signal(signal.SIGCONT)
        self.child.kill()
        self.child.wait()

    def stop(self, *, seconds: float = 20) -> int:
        """SIGTERM, and SIGKILL if that is not enough."""
        self.child.terminate()
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return -9

    def output(self) -> str:
        return self.log.read_text(errors="replace")


class RedisServer:
    """A Redis with append-only persistence, on a free port of the loopback; `options` are of its configuration."""

    def __init__(
        self,
        folder: Path,
        options: Mapping[str, Sequence[str]] | None = None,
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.options = options or {}
        self.env = env
        self.port = free_port()
        self.folder = folder

    def url(self, database: int = 0) -> str:
        return f"redis://127.0.0.1:{self.port}/{database}"

    def __enter__(self) -> RedisServer:
        self.process = Process("redis", [_redis_binary(), *self._options()], folder=self.folder, env=self.env)
        self.wait()
        return self

    def wait(self) -> None:
        with redis.Redis.from_url(self.url()) as client:

            def answers() -> bool:
                with suppress(redis.RedisError):
                    return bool(client.ping())
                return False

            wait_for(answers, what="Redis")

    def _options(self) -> list[str]:
        return [
            "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder), "--save", "",
            "--appendonly", "yes", "--maxmemory-policy", "noeviction",
            *(word for name, values in self.options.items() for word in (f"--{name}", *values)),
        ]  # fmt: skip

    def __exit__(self, *_: object) -> None:
        self.process.stop()


def _redis_binary() -> str:
    return embedded.server_binary()


class Stack:
    """The product as processes, without its supervisor: a sandbox gateway, the API, workers and beat."""

    def __init__(self, folder: Path, redis_url: str, env: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.sandbox_port = free_port()
        self.port = free_port()
        self.webhook_port = free_port()
        self.worker_port = free_port()
        self.sandbox_url = f"http://127.0.0.1:{self.sandbox_port}"
        self.url = f"http://127.0.0.1:{self.port}"
        self.env = {
            "REDIS_URL": redis_url,
            "SANDBOX_URL": self.sandbox_url,
            "GATEWAY": "evolution",
            "EVOLUTION_URL": self.sandbox_url,
            "EVOLUTION_API_KEY": "secret-of-the-tests",
            "PORT": str(self.port),
            "WEBHOOK_PORT": str(self.webhook_port),
            "WORKER_HTTP_PORT": str(self.worker_port),
            "SEND_TIMEOUT_S": "5",
            "SEND_CONCURRENCY": "40",
            "FANOUT_HORIZON_S": "2",
            **(env or {}),
        }
        self.processes: dict[str, Process] = {}

    def run(self, name: str, *command: str) -> Process:
        """Start a Python module of the product under this name."""
        self.processes[name] = Process(name, [sys.executable, "-m", *command], folder=self.folder, env=self.env)
        return self.processes[name]

    def run_worker(self, name: str, queues: str, *options: str) -> Process:
        return self.run(
            name, "celery", "-A", "broadcast.worker", "worker", "-Q", queues, "-n", f"{name}@%h",
            "--without-gossip", "--without-mingle", *options,
        )  # fmt: skip

    def run_sandbox(self, *options: str) -> Process:
        return self.run("sandbox", "broadcast.gateways.sandbox", "--port", str(self.sandbox_port), *options)

    def __enter__(self) -> Stack:
        hook = f"http://127.0.0.1:{self.webhook_port}/webhooks/evolution/{{instance}}"
        self.run_sandbox("--webhook-url", hook)
        self.run("web", "broadcast.cli", "web")
        self.run("webhook", "broadcast.cli", "webhook")
        self.run_worker("broadcast", "broadcast")
        self.run_worker("control", "control,callbacks", "-c", "4")
        self.run("beat", "celery", "-A", "broadcast.worker", "beat")
        self.wait()
        return self

    def wait(self) -> None:
        """Until the API answers, Redis answers and a worker consumes each queue."""
        wait_for(self.is_ready, seconds=START_S, what=f"the stack; see {self.folder}")

    def is_ready(self) -> bool:
        with suppress(requests.RequestException):
            return (
                requests.get(f"{self.url}/health/ready", timeout=5).ok
                and requests.get(f"{self.sandbox_url}/ledger", timeout=5).ok
                and requests.get(f"http://127.0.0.1:{self.webhook_port}/health/live", timeout=5).ok
            )
        return False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in self.processes.values():
            process.child.terminate()
        for process in self.processes.values():
            process.stop()

    # What a CRM and an operator do.

    def post(self, path: str, body: Any = None, **headers: str) -> requests.Response:
        return requests.post(self.url + path, json=body, headers=headers, timeout=60)

    def get(self, path: str, **params: Any) -> requests.Response:
        return requests.get(self.url + path, params=params, timeout=60)

    def status(self, campaign: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.get(f"/broadcast-status/{campaign}").json()
        return answer

    def wait_until(
        self, campaign: str, condition: Callable[[dict[str, Any]], Any], *, seconds: float = 120
    ) -> dict[str, Any]:
        """The first status for which the condition is true."""
        last: dict[str, Any] = {}

        def met() -> bool:
            last.clear()
            last.update(self.status(campaign))
            return bool(condition(last))

        try:
            wait_for(met, seconds=seconds)
        except AssertionError as error:
            raise AssertionError(f"waited {seconds} s; the last status is {last}") from error
        return last

    def wait_done(self, campaign: str, *, seconds: float = 120) -> dict[str, Any]:
        return self.wait_until(campaign, lambda status: status["status"] in {"completed", "cancelled"}, seconds=seconds)

    def arrivals(self, instance: str) -> list[dict[str, Any]]:
        """What the gateway's ledger has of the instance, in the order of arrival."""
        answer = requests.get(f"{self.sandbox_url}/ledger", params={"instance": instance}, timeout=60).json()
        return list(answer["arrivals"])

    def fault(self, **fault: Any) -> None:
        requests.post(f"{self.sandbox_url}/faults", json=fault, timeout=60).raise_for_status()


class Web(Stack):
    """The API alone, as a process; what it shows is moved by the test."""

    def __enter__(self) -> Web:
        self.run("web", "broadcast.cli", "web")
        wait_for(self.is_ready, seconds=START_S, what=f"the API; see {self.folder}")
        return self

    def is_ready(self) -> bool:
        try:
            return requests.get(f"{self.url}/health/live", timeout=5).ok
        except requests.RequestException:
            return False


def gaps_ms(arrivals: list[dict[str, Any]]) -> list[float]:
    """The time between neighbouring arrivals, in ms."""
    times = [arrival["at"] for arrival in arrivals]
    return [(later - earlier) * 1000 for earlier, later in itertools.pairwise(times)]
