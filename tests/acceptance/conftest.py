"""One stack of real processes for all acceptance tests; each test uses instances and campaigns of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser

from tests.acceptance.browsing import a_browser
from tests.processes import RedisServer, Stack


@pytest.fixture(scope="session")
def shared_stack(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(Path(tmp_path_factory.mktemp("stack")), redis_server.url(0)) as stack:
        yield stack


@pytest.fixture
def stack(shared_stack: Stack) -> Iterator[Stack]:
    """The shared stack, its gateway without faults."""
    requests.put(f"{shared_stack.sandbox_url}/behaviour", json={"latencyMs": 30, "receiptDelayMs": 50}, timeout=60)
    yield shared_stack
    requests.delete(f"{shared_stack.sandbox_url}/faults", timeout=60).raise_for_status()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for the tests of a file that drive one."""
    with a_browser() as browser:
        yield browser
