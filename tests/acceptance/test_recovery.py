"""A killed worker neither loses nor doubles, and its lane goes on within seconds."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.acceptance.measuring import measuring
from tests.builders import a_body
from tests.processes import RedisServer, Stack, gaps_ms, wait_for

#: The documented bar: from the kill to the lane's next arrival.
RECOVERY_S = 10


def test_a_killed_send_worker_loses_nobody_and_doubles_nobody(redis_server: RedisServer, tmp_path: Path) -> None:
    with Stack(tmp_path, redis_server.url(2), {"FANOUT_HORIZON_S": "10"}) as stack:
        stack.post("/queue/add-broadcast", _body(contacts=80)).raise_for_status()
        wait_for(lambda: len(stack.arrivals("i")) >= 10, what="the first arrivals")
        stack.processes["broadcast"].kill()
        stack.processes["broadcast"].start()
        with measuring() as judge:
            status = stack.wait_done("c", seconds=180)

        arrivals = stack.arrivals("i")
        counts = Counter(arrival["reference"] for arrival in arrivals)
        assert max(counts.values()) == 1
        assert len(arrivals) + status["counts"]["unconfirmed"] >= 80
        gaps = gaps_ms(arrivals)
        assert min(gaps) >= 200 - 10
        judge(max(gaps) <= RECOVERY_S * 1000, gaps)


def _body(*, contacts: int) -> dict[str, object]:
    body = a_body("c", "i", contacts=contacts, rateLimitMs=200)
    del body["action"]
    return body


def test_a_killed_redis_loses_nothing_and_the_same_processes_go_on(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, Stack(tmp_path, server.url(), {"FANOUT_HORIZON_S": "10"}) as stack:
        stack.post("/queue/add-broadcast", _body(contacts=80)).raise_for_status()
        wait_for(lambda: len(stack.arrivals("i")) >= 10, what="the first arrivals")
        server.process.kill()
        server.process.start()
        server.wait()
        status = stack.wait_done("c", seconds=180)

        arrivals = stack.arrivals("i")
        assert max(Counter(arrival["reference"] for arrival in arrivals).values()) == 1
        assert len(arrivals) + status["counts"]["unconfirmed"] >= 80
        assert min(gaps_ms(arrivals)) >= 200 - 10
        assert {name for name, process in stack.processes.items() if process.child.poll() is not None} == set()
