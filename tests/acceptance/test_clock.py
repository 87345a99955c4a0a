"""Redis's clock is everybody's: set back, as by NTP after a start with a wrong one, it holds no lane for as long."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from broadcast.store import Store
from tests.acceptance.measuring import measuring
from tests.builders import a_body, phones
from tests.clock import Clock, needs_liar
from tests.processes import RedisServer, Stack, gaps_ms

EDGE = "/functions/v1/broadcast_messaging_service"


@needs_liar
@pytest.mark.parametrize("back", ["-2m", "-30d"])
def test_campaigns_go_on_within_seconds_when_redis_clock_is_set_back(tmp_path: Path, back: str) -> None:
    clock = Clock(tmp_path)
    with measuring() as judge, RedisServer(tmp_path, env=clock.env) as redis, Stack(tmp_path, redis.url()) as stack:
        body = a_body("clock", "loja", contacts=phones(60), rateLimitMs=200)
        assert stack.post(EDGE, body).status_code == 202
        stack.wait_until("clock", lambda now: now["counts"]["sent"] + now["counts"]["delivered"] > 10)
        Store(redis.url()).lanes.rest("loja", for_ms=2000, reason="busy")  # the test's own: it says for how long
        clock.set(back)
        moved = time.time()
        stack.wait_done("clock")
        arrivals = stack.arrivals("loja")

    assert sorted(arrival["number"] for arrival in arrivals) == phones(60)
    gaps = gaps_ms(arrivals)
    assert max(gaps) < 15_000, f"set back at {moved}; {max(gaps)} ms of silence"
    judge(min(gaps) >= 190, min(gaps))
