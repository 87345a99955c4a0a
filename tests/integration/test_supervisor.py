"""The supervisor restarts what dies, gives up on what never lives, and stops everything in order."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil

from broadcast.supervisor import WARM_STOP_S
from tests.processes import wait_for

#: Runs a supervisor over small programs, as a process of its own: it handles signals.
DRIVER = """
import os, sys, pathlib
from broadcast.supervisor import GaveUp, Spec, Supervisor
folder = pathlib.Path(sys.argv[1])
specs = [Spec(name=name, command=[sys.executable, "-u", "-c", code], last=name == "redis", max_mb=mb)
         for name, code, mb in eval(sys.argv[2])]
try:
    Supervisor(specs, env=dict(os.environ), out=sys.stdout, pid_dir=folder).run()
except GaveUp as error:
    print("GAVE UP", error, flush=True)
    sys.exit(1)
print("stopped", flush=True)
"""

SLEEPER = "import time; print('up'); time.sleep(600)"
SLOW_TO_STOP = (
    "import signal, sys, time\n"
    "def stop(*_):\n"
    "    print('draining'); time.sleep(0.5); print('drained'); sys.exit(0)\n"
    "signal.signal(signal.SIGTERM, stop); print('up')\n"
    "while True: time.sleep(0.05)"
)
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); time.sleep(600)"


class Driven:
    def __init__(self, folder: Path, specs: list[tuple[str, str, int | None]]) -> None:
        self.folder = folder
        self.log = folder / "out.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-c", DRIVER, str(folder), repr(specs)], stdout=log, stderr=subprocess.STDOUT
            )

    def lines(self) -> list[str]:
        return self.log.read_text().splitlines()

    def said(self, text: str, times: int = 1) -> None:
        wait_for(lambda: sum(text in line for line in self.lines()) >= times, what=f"{text!r} in {self.lines()}")

    def pid(self, name: str) -> int:
        return int((self.folder / f"{name}.pid").read_text())

    def end(self) -> int:
        return self.process.wait(60)


def test_what_dies_is_started_again(tmp_path: Path) -> None:
    driven = Driven(tmp_path, [("worker", SLEEPER, None)])
    driven.said("worker    | up")
    first = driven.pid("worker")
    os.kill(first, signal.SIGKILL)
    driven.said("worker    | up", times=2)

    assert driven.pid("worker") != first
    driven.process.terminate()
    assert driven.end() == 0
    assert not psutil.pid_exists(driven.pid("worker"))


def test_what_never_lives_ends_it_with_its_own_words(tmp_path: Path) -> None:
    driven = Driven(tmp_path, [("web", "import sys; sys.exit('port 3001 is in use')", None)])

    assert driven.end() == 1
    assert any("GAVE UP web does not stay up" in line for line in driven.lines())
    assert driven.lines()[-1].endswith("port 3001 is in use") or "port 3001 is in use" in "\n".join(
        driven.lines()[-12:]
    )


def test_a_stop_drains_and_redis_goes_last(tmp_path: Path) -> None:
    driven = Driven(tmp_path, [("redis", SLOW_TO_STOP, None), ("worker", SLOW_TO_STOP, None)])
    driven.said("| up", times=2)
    driven.process.terminate()

    assert driven.end() == 0
    words = [line for line in driven.lines() if "drain" in line]
    assert words == ["worker    | draining", "worker    | drained", "redis     | draining", "redis     | drained"]


def test_a_second_signal_does_not_wait(tmp_path: Path) -> None:
    driven = Driven(tmp_path, [("worker", STUBBORN, None)])
    driven.said("| up")
    pid = driven.pid("worker")
    driven.process.terminate()
    driven.said("stopping")  # two signals at once would be one
    told = time.monotonic()
    driven.process.terminate()

    driven.end()
    assert time.monotonic() - told < WARM_STOP_S / 2
    assert not psutil.pid_exists(pid)


def test_a_worker_above_its_memory_is_drained_and_started_again(tmp_path: Path) -> None:
    greedy = "x = bytearray(120 * 2**20)\n" + SLOW_TO_STOP
    driven = Driven(tmp_path, [("worker", greedy, 64)])
    driven.said("| drained")
    driven.said("| up", times=2)

    driven.process.terminate()
    driven.end()


def test_a_killed_supervisor_leaves_no_process_behind(tmp_path: Path) -> None:
    driven = Driven(tmp_path, [("worker", SLEEPER, None)])
    driven.said("| up")
    pid = driven.pid("worker")
    driven.process.kill()
    driven.process.wait()

    wait_for(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE, what="its end")
