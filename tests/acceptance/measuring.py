"""Measurements that are the product's only where the machine leaves it its time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest

from tests.processes import lateness

#: A machine is too busy that takes more of the time away from the test, keeps any thread of what the test started
#: waiting for more of it, or has so many more runnable programs than processors.
MOST_TAKEN, MOST_WAITED, MOST_RUNNABLE = 0.05, 0.1, 3


@contextmanager
def measuring() -> Iterator[Callable[[bool, object], None]]:
    """Judge figures of this time by what it yields, once it is over and everything else about them was asserted.

    A bad figure fails the test, but on a machine that was too busy: there it says nothing, and the test is skipped.
    """
    why: list[str] = []

    def judge(is_met: bool, figure: object) -> None:
        if not is_met and why:
            pytest.skip(f"{figure} says nothing: {why[0]}")
        assert is_met, figure

    began, before = time.monotonic(), kept_waiting()
    with lateness() as late:
        yield judge
        taken_s, load = late(), psutil.getloadavg()[0]
    lasted_s = time.monotonic() - began
    taken = taken_s / lasted_s
    waited = max((s - before.get(thread, 0.0) for thread, s in kept_waiting().items()), default=0.0) / lasted_s
    if taken > MOST_TAKEN or waited > MOST_WAITED or load > MOST_RUNNABLE * (os.cpu_count() or 1):
        why.append(
            f"the machine took {taken:.0%} of the time away from the test and {waited:.0%} from what it tests, "
            f"under a load of {load:.0f}"
        )


def kept_waiting() -> dict[int, float]:
    """How long each thread of the processes that we started was ready to run and was not let: its id -> s.

    Those that give way by design are left out. Only Linux says so.
    """
    found: dict[int, float] = {}
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if process.nice() > psutil.Process().nice():
                continue
        for thread in Path(f"/proc/{process.pid}/task").glob("*"):
            with suppress(OSError):  # it has ended meanwhile
                found[int(thread.name)] = int((thread / "schedstat").read_text().split()[1]) / 1e9
    return found
