"""Redis's clock is everybody's: set back, as by NTP after a start with a wrong one, it holds no lane for as long."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.acceptance.measuring import measuring
from tests.builders import a_body, phones
from tests.processes import RedisServer, Stack, gaps_ms

EDGE = "/functions/v1/broadcast_messaging_service"
#: What lies about the time to a process (Debian: apt install faketime), and to no clock that measures a while.
LIAR = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)


@pytest.mark.skipif(LIAR is None, reason="libfaketime is not there (Debian: apt install faketime)")
@pytest.mark.parametrize("back", ["-2m", "-30d"])
def test_campaigns_go_on_within_seconds_when_redis_clock_is_set_back(tmp_path: Path, back: str) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    lies = {
        "LD_PRELOAD": str(LIAR),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with measuring() as judge, RedisServer(tmp_path, env=lies) as redis, Stack(tmp_path, redis.url()) as stack:
        body = a_body("clock", "loja", contacts=phones(60), rateLimitMs=200)
        assert stack.post(EDGE, body).status_code == 202
        stack.wait_until("clock", lambda now: now["counts"]["sent"] + now["counts"]["delivered"] > 10)
        clock.write_text(back)
        moved = time.time()
        stack.wait_done("clock")
        arrivals = stack.arrivals("loja")

    assert sorted(arrival["number"] for arrival in arrivals) == phones(60)
    gaps = gaps_ms(arrivals)
    assert max(gaps) < 20_000, f"set back at {moved}; {max(gaps)} ms of silence"
    judge(min(gaps) >= 190, min(gaps))
