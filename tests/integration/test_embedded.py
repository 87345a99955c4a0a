"""The embedded Redis keeps its data, its address and its password."""

from __future__ import annotations

import signal
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from broadcast import embedded
from broadcast.errors import SettingsError
from broadcast.settings import Settings
from broadcast.wiring import redis_url


@contextmanager
def running(folder: Path) -> Iterator[tuple[redis.Redis, subprocess.Popen[bytes]]]:
    command, url = embedded.prepare(folder)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        embedded.wait_ready(url, seconds=20)
        with redis.Redis.from_url(url, decode_responses=True) as client:
            yield client, process
    finally:
        process.kill()
        process.wait()


def test_a_killed_redis_comes_back_with_its_data_at_its_address(tmp_path: Path) -> None:
    with running(tmp_path) as (client, process):
        client.set("kept", "yes")
        client.wait(0, 0)
        client.execute_command("CONFIG", "SET", "appendfsync", "always")
        client.set("kept", "still")
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = (tmp_path / "redis.url").read_text()
    with running(tmp_path) as (client, _):
        assert client.get("kept") == "still"
        assert (tmp_path / "redis.url").read_text() == before
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}


def test_its_password_is_for_this_user_only(tmp_path: Path) -> None:
    with running(tmp_path) as (client, process):
        password = client.connection_pool.connection_kwargs["password"]
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=client.connection_pool.connection_kwargs["port"]).ping()
        assert password not in Path(f"/proc/{process.pid}/cmdline").read_text()
    for name in ("redis.url", "redis.conf"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_a_folder_has_one_owner(tmp_path: Path) -> None:
    held = embedded.lock(tmp_path)
    with pytest.raises(SettingsError, match="DATA_DIR"):
        embedded.lock(tmp_path)
    held.close()
    embedded.lock(tmp_path).close()


def test_other_processes_of_the_folder_find_it(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="REDIS_URL"):
        redis_url(Settings(data_dir=tmp_path))
    with running(tmp_path) as (client, _):
        url = redis_url(Settings(data_dir=tmp_path))
        assert redis.Redis.from_url(url).ping()
        assert client.ping()


def test_an_address_that_somebody_else_has_now_is_given_up(tmp_path: Path) -> None:
    with running(tmp_path) as (client, _):
        taken = client.connection_pool.connection_kwargs["port"]
        _, url = embedded.prepare(tmp_path)
        assert f":{taken}/" not in url
