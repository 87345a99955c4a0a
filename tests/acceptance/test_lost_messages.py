"""Celery loses messages and runs others twice: neither loses nor doubles a contact."""

from __future__ import annotations

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
import requests

from broadcast.engine.steps import Step
from tests.acceptance.measuring import measuring
from tests.builders import a_body
from tests.processes import RedisServer, Stack, gaps_ms, wait_for

#: How long a request may take: much longer than the gateway does, so that no busy machine passes for a lost answer.
TIMEOUT_S = 4
#: How long a contact's lease is.
LEASE_S = TIMEOUT_S + 10


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with RedisServer(Path(tmp_path_factory.mktemp("redis"))) as server:
        yield server


@pytest.fixture(scope="module")
def stack(server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    env = {"GATEWAY": "sandbox", "FAULT_INJECTION": "1", "SEND_TIMEOUT_S": str(TIMEOUT_S), "FANOUT_HORIZON_S": "10"}
    with Stack(Path(tmp_path_factory.mktemp("stack")), server.url(), env) as stack:
        yield stack


@pytest.fixture(autouse=True)
def as_new(stack: Stack) -> Iterator[None]:
    """Every process runs, whatever befell it in the test before, and the gateway is quick."""
    for process in stack.processes.values():
        if process.child.poll() is not None:
            process.start()
    requests.put(f"{stack.sandbox_url}/behaviour", json={"latencyMs": 30, "echoes": True}, timeout=60)
    stack.wait()
    yield
    for process in stack.processes.values():
        if process.child.poll() is None:
            process.signal(signal.SIGCONT)


def send(stack: Stack, name: str, **changes: Any) -> None:
    stack.post("/functions/v1/broadcast_messaging_service", a_body(name, name, **changes)).raise_for_status()


def arrivals_of(stack: Stack, name: str) -> Counter[str]:
    return Counter(arrival["reference"] for arrival in stack.arrivals(name))


def strike(server: RedisServer, step: Step, deed: str) -> None:
    with redis.Redis.from_url(server.url()) as client:
        client.set(f"bcast:strike:{step.value}", deed)


def is_stopped(pid: int) -> bool:
    return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)


def queued(server: RedisServer) -> int:
    """Messages of sends that Celery still has anywhere."""
    with redis.Redis.from_url(server.url()) as client:
        lists = [name for name in client.keys("broadcast*") if client.type(name) == b"list"]
        return int(client.hlen("unacked")) + sum(client.llen(name) for name in lists)


def is_taken_while_frozen(stack: Stack, server: RedisServer, name: str) -> bool:
    """Freeze the worker and publish a send; whether Redis gave it to the pop that the worker had left open."""
    worker = stack.processes["broadcast"]
    worker.signal(signal.SIGSTOP)
    send(stack, name, contacts=1)
    published = re.compile(rf"batch of 1 .*instance={name} ")
    wait_for(lambda: published.search(stack.processes["control"].output()), what="the batch to be published")
    if queued(server) == 0:
        return True
    worker.signal(signal.SIGCONT)
    stack.wait_done(name)
    return False


def test_a_message_given_to_a_frozen_worker_is_lost_and_its_contact_is_not(
    stack: Stack, server: RedisServer, fresh: str
) -> None:
    name = next((name for name in (f"{fresh}-{n}" for n in range(8)) if is_taken_while_frozen(stack, server, name)), "")
    assert name, "the open pop of the worker ran out each time"
    worker = stack.processes["broadcast"]
    worker.child.kill()  # as it is, frozen: a moment awake would be enough to note the message
    worker.child.wait()
    assert queued(server) == 0

    worker.start()
    assert stack.wait_done(name)["counts"]["unconfirmed"] == 0
    assert arrivals_of(stack, name) == {f"{name}:0": 1}


def test_a_send_that_runs_again_when_its_broker_connection_is_killed_sends_once(
    stack: Stack, server: RedisServer, fresh: str
) -> None:
    requests.put(f"{stack.sandbox_url}/behaviour", json={"latencyMs": 700}, timeout=60)
    send(stack, fresh, contacts=20, rateLimitMs=200)
    for killed in range(1, 4):
        wait_for(lambda count=killed * 4: len(stack.arrivals(fresh)) >= count, what="a send on the wire")
        with redis.Redis.from_url(server.url()) as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    status = stack.wait_done(fresh)
    counts = arrivals_of(stack, fresh)
    assert (len(counts), max(counts.values())) == (20, 1)
    assert (status["counts"]["unconfirmed"], status["counts"]["failed"]) == (0, 0)
    assert min(gaps_ms(stack.arrivals(fresh))) >= 200 - 10
    assert all(process.child.poll() is None for process in stack.processes.values())


def test_who_is_frozen_between_the_fence_and_the_request_looks_at_its_lease_again(
    stack: Stack, server: RedisServer, fresh: str
) -> None:
    worker = stack.processes["broadcast"]
    strike(server, Step.FENCED, "stop")
    send(stack, fresh, contacts=1)
    wait_for(lambda: is_stopped(worker.child.pid), what="the worker to freeze at the fence")
    status = stack.wait_done(fresh, seconds=LEASE_S + 90)
    assert status["counts"]["unconfirmed"] == 1

    os.kill(worker.child.pid, signal.SIGCONT)
    stack.wait_until(fresh, lambda status: status["status"] == "completed")
    send(stack, f"{fresh}-next", contacts=1)
    stack.wait_done(f"{fresh}-next")
    assert arrivals_of(stack, fresh) == {}

    answer = stack.post(f"/campaigns/{fresh}/retry", {"scope": "unconfirmed"})
    assert (answer.status_code, answer.json()["queued"]) == (202, 1)
    assert stack.wait_done(fresh)["counts"]["unconfirmed"] == 0
    assert arrivals_of(stack, fresh) == {f"{fresh}:0": 1}


def test_who_is_frozen_before_the_fence_is_refused_when_it_wakes(stack: Stack, server: RedisServer, fresh: str) -> None:
    worker = stack.processes["broadcast"]
    send(stack, fresh, contacts=30, rateLimitMs=300)
    wait_for(lambda: len(stack.arrivals(fresh)) >= 3, what="the first arrivals")
    worker.signal(signal.SIGSTOP)
    stack.run_worker("spare", "broadcast")
    wait_for(lambda: "ready" in stack.processes["spare"].output(), what="the spare worker")
    wait_for(lambda: len(stack.arrivals(fresh)) >= 8, what="arrivals by the spare worker")
    worker.signal(signal.SIGCONT)

    status = stack.wait_done(fresh)
    stack.processes.pop("spare").stop()
    counts = arrivals_of(stack, fresh)
    assert max(counts.values()) == 1
    assert len(counts) + status["counts"]["unconfirmed"] >= 30
    assert min(gaps_ms(stack.arrivals(fresh))) >= 300 - 10


@pytest.mark.parametrize("step", [Step.WRITTEN, Step.ANSWERED])
@pytest.mark.parametrize("echoes", [True, False])
def test_a_killed_workers_request_is_told_by_its_echo_and_unconfirmed_without_one(
    stack: Stack, server: RedisServer, fresh: str, step: Step, echoes: bool
) -> None:
    requests.put(f"{stack.sandbox_url}/behaviour", json={"echoes": echoes}, timeout=60)
    strike(server, step, "kill")
    send(stack, fresh, contacts=1)
    stack.processes["broadcast"].child.wait(90)
    stack.processes["broadcast"].start()

    counts = stack.wait_done(fresh, seconds=LEASE_S + 90)["counts"]
    assert arrivals_of(stack, fresh) == {f"{fresh}:0": 1}
    assert counts["unconfirmed"] == (0 if echoes else 1)
    assert counts["sent"] + counts["delivered"] + counts["read"] == (1 if echoes else 0)


def test_a_campaign_that_prefers_a_double_to_a_gap_gets_it(stack: Stack, server: RedisServer, fresh: str) -> None:
    requests.put(f"{stack.sandbox_url}/behaviour", json={"echoes": False}, timeout=60)
    strike(server, Step.ANSWERED, "kill")
    send(stack, fresh, contacts=1, onUnknown="resend")
    stack.processes["broadcast"].child.wait(90)
    stack.processes["broadcast"].start()

    assert stack.wait_done(fresh, seconds=LEASE_S + 90)["counts"]["unconfirmed"] == 0
    assert arrivals_of(stack, fresh) == {f"{fresh}:0": 2}


def test_departures_whose_batch_was_never_published_are_found_within_seconds(
    stack: Stack, server: RedisServer, fresh: str
) -> None:
    strike(server, Step.BOOKED, "kill")
    send(stack, fresh, contacts=5)
    stack.processes["control"].child.wait(90)
    struck = time.monotonic()
    with measuring() as judge:
        stack.processes["control"].start()
        stack.wait_done(fresh)
    assert arrivals_of(stack, fresh) == {f"{fresh}:{number}": 1 for number in range(5)}
    took_s = stack.arrivals(fresh)[0]["at"] - struck
    judge(took_s < 10, took_s)


def test_a_campaign_whose_chords_body_is_lost_still_finishes(stack: Stack, server: RedisServer, fresh: str) -> None:
    strike(server, Step.BATCH_DONE, "kill")
    send(stack, fresh, contacts=3)
    stack.processes["control"].child.wait(90)
    with redis.Redis.from_url(server.url()) as client:
        client.delete("control", *client.keys("control:*"), "unacked", "unacked_index")  # the body, wherever it is
    stack.processes["control"].start()

    assert stack.wait_done(fresh)["counts"]["failed"] == 0
    assert arrivals_of(stack, fresh) == {f"{fresh}:{number}": 1 for number in range(3)}


def test_a_worker_that_was_frozen_for_long_catches_up_when_it_wakes(stack: Stack, fresh: str) -> None:
    lanes = [f"{fresh}-{lane}" for lane in range(3)]
    for lane in lanes:
        send(stack, lane, contacts=300, rateLimitMs=250)
    wait_for(lambda: len(stack.arrivals(lanes[0])) >= 5, what="the first arrivals")
    worker = stack.processes["broadcast"]
    worker.signal(signal.SIGSTOP)
    stopped = time.monotonic()
    wait_for(lambda: time.monotonic() > stopped + 12, what="several batches to pass it by")
    worker.signal(signal.SIGCONT)
    woken = time.monotonic()

    def all_leave() -> bool:
        return all(sum(one["at"] > woken + 1 for one in stack.arrivals(lane)) >= 20 for lane in lanes)

    with measuring() as judge:
        with suppress(AssertionError):
            wait_for(all_leave, seconds=30)
        took_s = time.monotonic() - woken
    for lane in lanes:
        stack.post(f"/campaigns/{lane}/cancel").raise_for_status()
        assert max(arrivals_of(stack, lane).values()) == 1
        assert min(gaps_ms(stack.arrivals(lane))) >= 250 - 10
    judge(took_s < 15, took_s)  # each lane keeps its pace again
