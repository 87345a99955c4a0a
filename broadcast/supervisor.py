"""The supervisor behind `broadcast up`: starts the processes, restarts what dies, and stops them in order."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

#: The same lines as the repository's Procfile, for an installed package that has none beside it.
PROCFILE = """\
web: broadcast web
webhook: broadcast webhook
broadcast: celery -A broadcast.worker worker -Q broadcast -n broadcast@%h --without-gossip --without-mingle
control: celery -A broadcast.worker worker -Q control,callbacks -n control@%h -c 4 --without-gossip --without-mingle
beat: celery -A broadcast.worker beat
flower: broadcast flower
"""

#: A process that lived so long starts anew at once; one that dies sooner waits longer each time, up to the most.
STEADY_S = 30.0
MOST_WAIT_S = 5.0
#: So many deaths in a row without a steady life, and the supervisor gives up.
MOST_DEATHS = 6
#: How long everything may take to finish what is on the wire.
WARM_STOP_S = 45.0
MEMORY_CHECK_S = 5.0
LOOK_S = 0.1

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True, kw_only=True)
class Spec:
    """A process to keep running. `last` ones are stopped after all others; `max_mb` is watched where it is given."""

    name: str
    command: str | Sequence[str]
    last: bool = False
    max_mb: int | None = None


@dataclass
class _Child:
    spec: Spec
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    start_at: float = 0.0
    draining: bool = False


class GaveUp(Exception):
    """A process dies again and again; the text says which, and what it said last."""


@dataclass
class Supervisor:
    """Keeps processes running until it is told to stop. Their output goes to `out`, each line with its name."""

    specs: Sequence[Spec]
    env: Mapping[str, str]
    out: IO[str] = field(default_factory=lambda: sys.stderr)
    pid_dir: Path | None = None
    _children: dict[str, _Child] = field(default_factory=dict)
    _said: dict[str, list[str]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)
    _signals: int = 0

    def run(self, *, each_look: Callable[[], None] = lambda: None) -> None:
        """Run until `stop` or SIGTERM or SIGINT; then stop everything, warmly first. Raises GaveUp."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        self._children = {spec.name: _Child(spec) for spec in self.specs}
        check_memory_at = time.monotonic() + MEMORY_CHECK_S
        try:
            while not self._stop.is_set():
                for child in self._children.values():
                    self._keep(child)
                if time.monotonic() > check_memory_at:
                    self._check_memory()
                    check_memory_at = time.monotonic() + MEMORY_CHECK_S
                each_look()
                self._stop.wait(LOOK_S)
        finally:
            self._stop_all()

    def stop(self) -> None:
        """Stop; told twice, at once."""
        self._signals += 1
        self._stop.set()

    def say(self, name: str, line: str) -> None:
        """One line of a process's output."""
        tail = self._said.setdefault(name, [])
        tail.append(line)
        del tail[:-20]
        print(f"{name:<9} | {line}", file=self.out, flush=True)

    def _keep(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.start_at:
                self._start(child)
            return
        code = child.process.poll()
        if code is None:
            return
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)  # what it started and left behind would hold its port
        steady = now - child.started > STEADY_S or child.draining
        child.deaths = 0 if steady else child.deaths + 1
        self.say(child.spec.name, f"ended with {code}; starting it again")
        if child.deaths >= MOST_DEATHS:
            tail = "\n".join(self._said.get(child.spec.name, [])[-12:])
            raise GaveUp(f"{child.spec.name} does not stay up:\n{tail}")
        wait_s = 0.0 if child.deaths <= 1 else min(2.0 ** (child.deaths - 2), MOST_WAIT_S)
        child.process, child.draining, child.start_at = None, False, now + wait_s

    def _start(self, child: _Child) -> None:
        command = child.spec.command
        argv = ["/bin/sh", "-c", f"exec {command}"] if isinstance(command, str) else list(command)
        child.process = subprocess.Popen(  # noqa: S603 - the operator's own Procfile
            argv,
            env=dict(self.env),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=_end_with_parent if sys.platform == "linux" else None,  # noqa: PLW1509 - one C call, no locks
        )
        child.started = time.monotonic()
        if self.pid_dir:
            self.pid_dir.mkdir(parents=True, exist_ok=True)
            fresh = self.pid_dir / f"{child.spec.name}.new"
            fresh.write_text(f"{child.process.pid}\n")
            fresh.replace(self.pid_dir / f"{child.spec.name}.pid")  # a reader finds the old one or the new one, whole
        threading.Thread(target=self._relay, args=(child.spec.name, child.process.stdout), daemon=True).start()

    def _relay(self, name: str, stream: IO[bytes]) -> None:
        with suppress(ValueError):  # the stream is closed when the process is gone
            for line in stream:
                self.say(name, line.decode(errors="replace").rstrip())

    def _check_memory(self) -> None:
        for child in self._children.values():
            if child.spec.max_mb is None or child.process is None or child.draining:
                continue
            with suppress(psutil.Error):
                used_mb = psutil.Process(child.process.pid).memory_info().rss / 2**20
                if used_mb > child.spec.max_mb:
                    self.say(child.spec.name, f"uses {used_mb:.0f} MB of {child.spec.max_mb}: draining to start anew")
                    child.draining = True
                    child.process.terminate()

    def _stop_all(self) -> None:
        deadline = time.monotonic() + WARM_STOP_S
        self.say("up", "stopping: what is on the wire finishes; a second signal does not wait for it")
        for last in (False, True):
            group = [child for child in self._children.values() if child.spec.last is last]
            for child in group:
                _signal(child, signal.SIGTERM)
            while any(_runs(child) for child in group) and time.monotonic() < deadline and self._signals < 2:
                time.sleep(LOOK_S / 2)
            for child in group:
                _signal(child, signal.SIGKILL)
                if child.process is not None:
                    child.process.wait()


def _runs(child: _Child) -> bool:
    return child.process is not None and child.process.poll() is None


def _signal(child: _Child, number: int) -> None:
    """SIGTERM to the process, which drains; SIGKILL to all that it started."""
    if child.process is None or child.process.poll() is not None:
        return
    with suppress(ProcessLookupError):
        if number == signal.SIGKILL:
            os.killpg(child.process.pid, number)
        else:
            child.process.send_signal(number)


def _end_with_parent() -> None:
    """If the supervisor is killed, its processes end too, as warmly as they can."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
