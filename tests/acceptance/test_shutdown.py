"""A worker that is told to stop drains; one that is told twice, or killed, loses nothing and doubles nothing."""

from __future__ import annotations

import signal
import time
from collections import Counter
from pathlib import Path

import pytest
import requests

from tests.acceptance.measuring import measuring
from tests.builders import a_body
from tests.processes import RedisServer, Stack, gaps_ms, lateness, wait_for

#: No request is given up, however long the machine takes over it.
PATIENT = {"FANOUT_HORIZON_S": "10", "SEND_TIMEOUT_S": "30"}


def begin(stack: Stack, name: str, *, contacts: int = 60, latency_ms: int) -> None:
    """A campaign under way, with departures booked for seconds ahead and requests on the wire."""
    requests.put(f"{stack.sandbox_url}/behaviour", json={"latencyMs": latency_ms}, timeout=60)
    body = a_body(name, name, contacts=contacts, rateLimitMs=200)
    stack.post("/functions/v1/broadcast_messaging_service", body).raise_for_status()
    wait_for(lambda: len(stack.arrivals(name)) >= 8, what=f"the first arrivals; see {stack.folder}")
    stack.wait_until(name, lambda status: status["counts"]["booked"] >= 10)


def judge(stack: Stack, name: str, *, contacts: int = 60, most_unconfirmed: int = 0) -> None:
    """Everybody accounted for, at the ledger."""
    status = stack.wait_done(name, seconds=180)
    arrivals = stack.arrivals(name)
    counts = Counter(arrival["reference"] for arrival in arrivals)
    assert max(counts.values()) == 1
    assert len(arrivals) + status["counts"]["unconfirmed"] >= contacts
    assert status["counts"]["unconfirmed"] <= most_unconfirmed
    assert min(gaps_ms(arrivals)) >= 200 - 10


def test_a_worker_told_to_stop_finishes_what_is_on_the_wire_and_gives_back_the_rest_at_once(
    redis_server: RedisServer, tmp_path: Path, fresh: str
) -> None:
    with Stack(tmp_path, redis_server.url(4), PATIENT) as stack:
        begin(stack, fresh, latency_ms=4000)
        worker = stack.processes["broadcast"]
        told = time.monotonic()
        with measuring() as judge_back, lateness() as late:
            worker.signal(signal.SIGTERM)
            status = stack.wait_until(fresh, lambda status: status["counts"]["booked"] == 0)
            back_s = time.monotonic() - told - late()
        on_the_wire = status["counts"]["sending"]
        assert on_the_wire >= 5
        with measuring() as judge_end, lateness() as late:
            assert worker.child.wait(90) == 0
            end_s = time.monotonic() - told - late()
        assert "gave back" in worker.output()
        counts = stack.status(fresh)["counts"]
        assert (counts["sending"], counts["unconfirmed"]) == (0, 0)
        assert counts["pending"] == 60 - len(stack.arrivals(fresh))
        assert stack.status(fresh)["holdReason"] == "no_worker"

        requests.put(f"{stack.sandbox_url}/behaviour", json={"latencyMs": 30}, timeout=60)
        worker.start()
        judge(stack, fresh)
        judge_back(back_s < 2, back_s)  # at once: what is not given back is found after 3 s
        judge_end(end_s < 4 + 5, end_s)


def test_one_of_two_workers_stops_and_the_lane_does_not_wait_for_it(
    redis_server: RedisServer, tmp_path: Path, fresh: str
) -> None:
    with Stack(tmp_path, redis_server.url(4), PATIENT) as stack:
        stack.run_worker("other", "broadcast")
        wait_for(lambda: "ready" in stack.processes["other"].output(), what="the other worker")
        begin(stack, fresh, latency_ms=3000)
        told = time.monotonic()
        worker = stack.processes["broadcast"]
        with measuring() as judge_wait, lateness() as late:
            worker.signal(signal.SIGTERM)
            assert worker.child.wait(90) == 0
            judge(stack, fresh)
            late_ms = 1000 * late()

        _, gave_back, later = worker.output().partition("gave back")
        assert gave_back
        assert "sent action=send" in later  # it still had requests on the wire
        after = [arrival["at"] for arrival in stack.arrivals(fresh) if arrival["at"] > told]
        # Less than the 3 s after which departures that were missed are found, and than what is on the wire takes.
        longest_ms = max(gaps_ms([{"at": told}, *({"at": at} for at in after)]))
        judge_wait(longest_ms < 3000 + late_ms, longest_ms)


@pytest.mark.parametrize("ending", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGTERM, signal.SIGKILL)])
def test_a_second_signal_ends_it_and_loses_nobody(
    redis_server: RedisServer, tmp_path: Path, fresh: str, ending: tuple[signal.Signals, signal.Signals]
) -> None:
    with Stack(tmp_path, redis_server.url(4), {"FANOUT_HORIZON_S": "10", "SEND_TIMEOUT_S": "5"}) as stack:
        begin(stack, fresh, contacts=40, latency_ms=3000)
        worker = stack.processes["broadcast"]
        worker.signal(ending[0])
        stack.wait_until(fresh, lambda status: status["counts"]["booked"] == 0)
        worker.signal(ending[1])
        worker.child.wait(90)
        requests.put(f"{stack.sandbox_url}/behaviour", json={"latencyMs": 30}, timeout=60)
        worker.start()
        # No more can be on the wire: one in 200 ms, for the 5 s until it is given up.
        judge(stack, fresh, contacts=40, most_unconfirmed=26)
