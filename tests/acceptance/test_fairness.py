"""A lane that asks for more than the send workers take costs the other lanes nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from tests.acceptance.measuring import measuring
from tests.builders import a_body
from tests.processes import RedisServer, Stack, gaps_ms, wait_for

#: What the fuse lets through, a second; the greedy lane asks for five times as much.
FUSE = 20
#: The gaps of the lanes beside it, ms, and how long they are looked at, s.
GAPS_MS, LOOK_S = (1000, 1500, 2000), 24


@pytest.fixture
def fused(request: pytest.FixtureRequest, redis_server: RedisServer, tmp_path: Path) -> Iterator[Stack]:
    env = {"SEND_RATE_LIMIT": f"{FUSE}/s", "FANOUT_HORIZON_S": "10", **getattr(request, "param", {})}
    url = redis_server.url(8)
    with redis.Redis.from_url(url) as client:
        client.flushdb()  # the greedy lane of the test before is not at its end
    with Stack(tmp_path, url, env) as stack:
        yield stack


def send(stack: Stack, name: str, **changes: Any) -> None:
    stack.post("/functions/v1/broadcast_messaging_service", a_body(name, name, **changes)).raise_for_status()


# With few threads a worker leaves messages in the queue, where an urgent lane must not pass the others.
@pytest.mark.parametrize("fused", [{}, {"SEND_CONCURRENCY": "4"}], ids=["many threads", "few threads"], indirect=True)
def test_other_lanes_keep_their_pace_beside_one_that_asks_for_too_much(fused: Stack, fresh: str) -> None:
    send(fused, fresh, contacts=4000, rateLimitMs=10, priority="high")
    wait_for(lambda: len(fused.arrivals(fresh)) >= 4 * FUSE, what="the greedy lane to be under way")
    others = {f"{fresh}-{gap_ms}": gap_ms for gap_ms in GAPS_MS}
    for name, gap_ms in others.items():
        send(fused, name, contacts=100, rateLimitMs=gap_ms)
    with measuring() as judge:
        began, reasons = time.monotonic(), set()
        while time.monotonic() < began + LOOK_S:
            reasons.update(fused.status(name)["holdReason"] for name in others)
            time.sleep(1)

    arrived = {
        name: [one for one in fused.arrivals(name) if began < one["at"] <= began + LOOK_S] for name in (fresh, *others)
    }
    shares = {name: len(arrived[name]) * gap_ms / (LOOK_S * 1000) for name, gap_ms in others.items()}
    assert min(shares.values()) >= 0.5, shares  # on any machine: a starved lane has next to nothing
    references = [one["reference"] for arrivals in arrived.values() for one in arrivals]
    assert len(references) == len(set(references))  # of a gap of 10 ms, a bar 10 ms below it would say nothing
    for name, gap_ms in others.items():
        assert min(gaps_ms(arrived[name])) >= gap_ms - 10
    judge(min(shares.values()) >= 0.9, shares)
    judge(sum(map(len, arrived.values())) >= 0.8 * FUSE * LOOK_S, {name: len(each) for name, each in arrived.items()})
    judge(reasons == {None}, reasons)
