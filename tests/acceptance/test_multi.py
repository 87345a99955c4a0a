"""Scaling as operators know it: `celery multi` starts a node, which sends at the shared pace and logs where told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.builders import a_body
from tests.processes import RedisServer, Stack, gaps_ms, wait_for


def test_a_node_of_celery_multi_shares_the_pace_and_writes_its_log(redis_server: RedisServer, tmp_path: Path) -> None:
    with Stack(tmp_path, redis_server.url(3)) as stack:
        node = tmp_path / "extra.log"

        def multi(deed: str) -> None:
            options = [f"--pidfile={tmp_path}/%n.pid", f"--logfile={tmp_path}/%n.log", "-Q", "broadcast"]
            command = [sys.executable, "-m", "celery", "multi", deed, "extra", "-A", "broadcast.worker", *options]
            subprocess.run(command, env={**os.environ, **stack.env}, check=True, capture_output=True, timeout=180)

        multi("start")
        try:
            wait_for(lambda: node.exists() and "ready." in node.read_text(), what="the node's own log")
            body = a_body("m", "m", contacts=60, rateLimitMs=100)
            stack.post("/functions/v1/broadcast_messaging_service", body).raise_for_status()
            stack.wait_done("m")
        finally:
            multi("stopwait")

        assert "sent action=send campaign=m" in node.read_text()
        assert "sent action=send campaign=m" in stack.processes["broadcast"].output()
        assert len(stack.arrivals("m")) == 60
        assert min(gaps_ms(stack.arrivals("m"))) >= 100 - 10
