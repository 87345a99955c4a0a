"""The embedded Redis keeps its data, its address and its password."""

from __future__ import annotations

import logging
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
from broadcast.domain.contact import Recipient
from broadcast.engine import accepting, removing
from broadcast.errors import SettingsError
from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.tasks import create_celery
from broadcast.tasks.removing import forget, tidy
from broadcast.wiring import Services, build_services, redis_url
from tests.builders import an_order
from tests.processes import wait_for

BIA = "5511999990001"


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


#: Of a person: the number as it is and as it is written, the name, a variable.
HERS = ("5511987654397", "98765-4397", "Beltrana", "Quimera")


def on_disk(folder: Path) -> list[str]:
    """What the files that Redis keeps hold of the person."""
    files = [*folder.glob("*.aof"), *folder.glob("appendonlydir/*")]
    data = b"".join(file.read_bytes() for file in files)
    assert data
    return [word for word in HERS if word.encode() in data]


def test_who_is_forgotten_is_not_on_the_disk_either(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running(tmp_path) as (client, process):
        services = build_services(Settings(data_dir=tmp_path))
        store = services.store
        app = create_celery(services.settings, services)
        app.conf.task_always_eager = True
        her = Recipient(phone=HERS[0], name=HERS[2], vars={"order": HERS[3]})
        beside = Recipient(phone="11 98765-4397 / 11 3333-4444")
        accepting.accept(store, an_order(recipients=[her, beside, Recipient(phone=BIA)]), country="BR")
        assert on_disk(tmp_path) == list(HERS)
        tidy.delay()
        assert on_disk(tmp_path) == list(HERS)  # nobody was forgotten

        forget.delay(removing.forget(store, HERS[0], country="BR").token)
        with caplog.at_level(logging.INFO):
            tidy.delay()
            wait_for(lambda: on_disk(tmp_path) == [], what="the rewrite")
            wait_for(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
            tidy.delay()
        said = [record for record in caplog.records if "writes its file anew" in record.getMessage()]
        assert len(said) == 1  # done, it is not done again before what expires is gone
        (later,) = client.zrange(key("rewrites"), 0, -1)
        assert 20 * 60 <= int(later) / 1000 - time.time() + 5 <= 41 * 60
        store.scripts.client.close()
        process.kill()
        process.wait()
    with running(tmp_path) as (client, _):
        assert client.hget(key("contact", "c1", 2), "phone") == BIA


def test_a_rewrite_that_redis_did_not_survive_is_begun_again(tmp_path: Path) -> None:
    with running(tmp_path) as (client, _):
        store = Store(redis_url(Settings(data_dir=tmp_path)))
        client.zadd(key("rewrites"), {"1": 1})
        assert store.server.write_anew()
        wait_for(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
        client.set(key("rewriting"), "another-run-of-it 2")
        assert store.server.write_anew()
        wait_for(lambda: not client.info("persistence")["aof_rewrite_in_progress"])
        assert not store.server.write_anew()
        assert not client.exists(key("rewrites"))
        store.scripts.client.close()


def test_a_campaign_that_is_removed_goes_from_the_disk_with_others(tmp_path: Path) -> None:
    with running(tmp_path) as (client, _):
        store = Store(redis_url(Settings(data_dir=tmp_path)))
        for campaign in ("c1", "c2"):
            order = an_order(campaign, recipients=[Recipient(phone="11 98765-4397 / 11 3333-4444", name="Beltrana")])
            accepting.accept(store, order, country="BR")
            store.campaigns.finish(campaign)
            removing.remove(store, campaign)
            assert removing.erase(store, campaign, limit=10) == -1
        assert not store.server.write_anew()
        assert 1 <= client.zcard(key("rewrites")) <= 2
        client.zadd(key("rewrites"), dict.fromkeys(client.zrange(key("rewrites"), 0, -1), 1))
        assert store.server.write_anew()
        wait_for(lambda: on_disk(tmp_path) == [], what="the rewrite")
        store.scripts.client.close()


def test_a_redis_of_somebody_elses_is_left_alone(services: Services) -> None:
    app = create_celery(services.settings, services)
    app.conf.task_always_eager = True
    forget.delay(removing.forget(services.store, BIA, country="BR").token)
    tidy.delay()
    assert services.store.scripts.client.zcard(key("rewrites")) == 2
