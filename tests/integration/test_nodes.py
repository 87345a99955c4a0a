"""Batches on real worker nodes, under pytest-celery: its nodes are processes here, so no container engine is needed."""

from __future__ import annotations

import ast
import os
import re
import signal
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from celery import Celery
from pytest_celery import CeleryTestContainer, CeleryTestSetup, CeleryTestWorker, CeleryWorkerCluster

from broadcast.engine import accepting, planning, telling
from broadcast.engine.planning import Batch, Horizon
from broadcast.gateways.sandbox.faults import Fault
from broadcast.gateways.sandbox.ledger import Ledger
from broadcast.gateways.sandbox.server import Behaviour, Sandbox
from broadcast.settings import Settings
from broadcast.tasks import create_celery
from broadcast.tasks.publishing import publish
from broadcast.tasks.upkeep import batch_done
from broadcast.wiring import Services, build_services
from tests.builders import an_order, phones
from tests.processes import Process, RedisServer, free_port, wait_for

GAP_MS = 300


class ProcessContainer(CeleryTestContainer):
    """What pytest-celery asks of a container, done by a process."""

    def __init__(self, process: Process) -> None:
        self.process = process

    @property
    def name(self) -> str:
        return self.process.name

    @property
    def id(self) -> str:
        return str(self.process.child.pid)

    @property
    def status(self) -> str:
        return "running" if self.process.child.poll() is None else "exited"

    def ready(self) -> bool:
        return "ready." in self.logs()

    def logs(self) -> str:
        return self.process.output()

    def reload(self) -> None:
        self.process.child.poll()

    def kill(self, signal: str | int = "SIGKILL") -> None:
        _send(self.process, signal)
        self.process.child.wait(90)

    def restart(self, timeout: int = 10) -> None:
        self.process.stop(seconds=timeout)
        self.process.start()

    def teardown(self) -> None:
        self.process.stop()


def _send(process: Process, name: str | int) -> None:
    process.signal(signal.Signals[name] if isinstance(name, str) else name)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    server = Sandbox(0, ledger=Ledger(), behaviour=Behaviour(latency_ms=20))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def node_settings(redis_server: RedisServer, redis_url: str, sandbox: Sandbox) -> Settings:
    return Settings(redis_url=redis_url, sandbox_url=sandbox.url, worker_http_port=free_port())


@pytest.fixture
def node_services(node_settings: Settings) -> Iterator[Services]:
    services = build_services(node_settings)
    yield services
    services.store.scripts.client.close()


@pytest.fixture
def celery_broker_cluster() -> None:
    """The tests' Redis is already running."""


@pytest.fixture
def celery_backend_cluster() -> None:
    """The same."""


@pytest.fixture
def celery_setup_app(node_settings: Settings, node_services: Services) -> Celery:
    return create_celery(node_settings, node_services)


@pytest.fixture
def celery_worker_cluster(
    node_settings: Settings, celery_setup_app: Celery, tmp_path: Path
) -> Iterator[CeleryWorkerCluster]:
    """A node that sends and one that runs the chords' bodies."""
    env = {
        **os.environ,
        "REDIS_URL": str(node_settings.redis_url),
        "SANDBOX_URL": node_settings.sandbox_url,
        "WORKER_HTTP_PORT": str(node_settings.worker_http_port),
    }
    cluster = CeleryWorkerCluster(
        *(CeleryTestWorker(ProcessContainer(_worker(queue, tmp_path, env)), celery_setup_app) for queue in QUEUES)
    )
    yield cluster
    for node in cluster:
        node.teardown()


QUEUES = ("broadcast", "control")


def _worker(queue: str, folder: Path, env: dict[str, str]) -> Process:
    command = [sys.executable, "-m", "celery", "-A", "broadcast.worker", "worker", "-Q", queue, "-n", f"{queue}@%h"]
    return Process(queue, [*command, "-c", "20"], folder=folder, env=env)


def run_batch(setup: CeleryTestSetup, services: Services) -> Batch:
    """Book what is pending, publish it as `fan_out` does, but only this once, and wait for its body."""
    control: Any = setup.worker_cluster[1]  # type: ignore[index]  # there are two
    so_far, batch = len(bodies(control)), wait_for(lambda: _booked(services), what="the lane to go on")
    publish(setup.app, batch, batch_done.s("i1", batch.campaigns))
    wait_for(lambda: len(bodies(control)) > so_far, what="the chord's body")
    return batch


def _booked(services: Services) -> Batch | None:
    batch = planning.plan_lane(services.store, "i1", horizon=Horizon(ms=9000, contacts=100))
    return batch if batch.departures else None


def bodies(node: Any) -> list[Counter[str]]:
    """What each chord's body was told, in the order in which they ran: how many of its tasks ended with each word."""
    return [Counter(ast.literal_eval(words)) for words in re.findall(r"batch done: (\{.*?\})", node.logs())]


def test_a_batch_ends_in_its_body_once_whatever_became_of_its_contacts(
    celery_setup: CeleryTestSetup, node_services: Services, sandbox: Sandbox
) -> None:
    numbers = phones(12)
    sandbox.faults.add(Fault.read({"kind": "not_on_whatsapp", "numbers": numbers[5:6]}))
    sandbox.faults.add(Fault.read({"kind": "ambiguous", "numbers": numbers[6:7]}))
    # Autoretry, inside the chord. What is still booked then is planned anew, and its first batch finds it gone.
    sandbox.faults.add(Fault.read({"kind": "busy", "numbers": numbers[8:9], "times": 1}))
    for node in celery_setup.worker_cluster or ():
        wait_for(node.ready, what=node.name())
    wait_for(lambda: node_services.workers("broadcast"), what="the worker's sign of life")
    accepting.accept(node_services.store, an_order(contacts=12, gap_ms=GAP_MS), country="BR")

    batches = [run_batch(celery_setup, node_services)]
    while telling.progress(node_services.store, "c1").state.value != "completed":
        batches.append(run_batch(celery_setup, node_services))

    control: Any = celery_setup.worker_cluster[1]  # type: ignore[index]  # there are two
    told = bodies(control)
    assert [sum(words.values()) for words in told] == [len(batch.departures) for batch in batches]
    told_of = sum(told, Counter())
    assert told_of.pop("gone", 0) == sum(len(batch.departures) for batch in batches[1:])
    assert told_of == {"sent": 10, "failed": 1, "unconfirmed": 1}
    assert len(sandbox.ledger.arrivals()) == 13  # twelve, and one that was tried again


def test_lanes_that_are_more_urgent_have_no_way_past_the_others_in_the_queue(
    celery_setup_app: Celery, node_services: Services
) -> None:
    node_services.store.workers.beat("broadcast", "nobody")
    for instance, priority in {"i1": 8, "i2": 2}.items():
        order = an_order(instance, instance=instance, contacts=2, gap_ms=50, priority=priority)
        accepting.accept(node_services.store, order, country="BR")
        batch = planning.plan_lane(node_services.store, instance, horizon=Horizon(ms=5000, contacts=10))
        publish(celery_setup_app, batch, batch_done.s(instance, batch.campaigns))

    assert node_services.store.scripts.client.llen("broadcast:5") == 4
