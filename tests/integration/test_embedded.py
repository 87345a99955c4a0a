"""The embedded Redis keeps its data, its address and its password."""

from __future__ import annotations

import shutil
import signal
import stat
import subprocess
import threading
import time
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
        embedded.wait_ready(url, seconds=60)
        with redis.Redis.from_url(url, decode_responses=True) as client:
            yield client, process
    finally:
        process.kill()
        process.wait()


def test_a_killed_redis_comes_back_with_its_data_at_its_address(tmp_path: Path) -> None:
    with running(tmp_path) as (client, process):
        client.set("kept", "still")
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = (tmp_path / "redis.url").read_text()
    with running(tmp_path) as (client, _):
        assert client.get("kept") == "still"
        assert (tmp_path / "redis.url").read_text() == before
        assert client.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
        assert client.config_get("appendonly") == {"appendonly": "yes"}


#: A disk whose every sync takes most of a second, in front of the real one.
SLOW_DISK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
int fdatasync(int file) { usleep(700000); return ((int (*)(int))dlsym(RTLD_NEXT, "fdatasync"))(file); }
int fsync(int file) { usleep(700000); return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(file); }
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler, so no slow disk can be played")
def test_a_kill_loses_nothing_that_was_answered_even_on_a_slow_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "slow.c").write_text(SLOW_DISK)
    library = tmp_path / "slow.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, tmp_path / "slow.c", "-ldl"], check=True)
    for _ in range(3):
        with monkeypatch.context() as patch:
            patch.setenv("LD_PRELOAD", str(library))
            with running(tmp_path) as (client, process):
                until = time.monotonic() + 1.5  # longer than a second: a sync is under way at the end
                while time.monotonic() < until:
                    answered = client.incr("count")
                process.send_signal(signal.SIGKILL)
                process.wait()
        with running(tmp_path) as (client, _):
            assert int(client.get("count") or 0) == answered


def test_what_is_appended_is_taken_to_the_disk_once_a_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = threading.Semaphore(0)
    with running(tmp_path) as (client, _):
        client.set("kept", "yes")
        assert embedded.sync(tmp_path) >= 1
        monkeypatch.setattr(embedded, "SYNC_S", 0.01)
        monkeypatch.setattr(embedded, "sync", lambda _: synced.release())
        with embedded.keep_synced(tmp_path):
            assert synced.acquire(timeout=60)
            assert synced.acquire(timeout=60)


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
