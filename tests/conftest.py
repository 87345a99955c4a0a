"""The parts that tests run against: a real Redis for all, and an empty database or fresh names for each."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
import redis

from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.wiring import Services, build_services
from tests.processes import RedisServer

# What the developer's shell sets must not reach the product under test.
for name in [name for name in os.environ if name in {"REDIS_URL", "BROKER_URL", "API_KEYS", "GATEWAY", "DATA_DIR"}]:
    del os.environ[name]

# A deadline for one example, and how soon they are made up, would measure the machine's load, not the code. The
# examples are the same each time, so that no change is turned down for an older fault: to look for other ones, run with
# `--hypothesis-profile=anew`.
_calm = hypothesis.settings(deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.register_profile("anew", _calm)
hypothesis.settings.register_profile("ours", _calm, derandomize=True, database=None)
hypothesis.settings.load_profile("ours")

_names = itertools.count(1)


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis of the tests' own, with append-only persistence as in production."""
    with RedisServer(Path(tmp_path_factory.mktemp("redis"))) as server:
        yield server


@pytest.fixture
def redis_url(redis_server: RedisServer) -> str:
    """An empty database. Database 0 is the stack's; this one is emptied for every test that asks."""
    url = redis_server.url(1)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    return url


@pytest.fixture
def settings(redis_url: str) -> Settings:
    return Settings(redis_url=redis_url)


@pytest.fixture
def services(settings: Settings) -> Iterator[Services]:
    services = build_services(settings)
    yield services
    services.store.scripts.client.close()


@pytest.fixture
def store(services: Services) -> Store:
    return services.store


@pytest.fixture
def fresh() -> str:
    """A name that no other test uses, for campaigns and instances on a shared stack."""
    return f"t{os.getpid()}-{next(_names)}"
