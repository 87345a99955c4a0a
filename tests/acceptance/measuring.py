"""Measurements that are the product's only where the machine leaves it its time."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil
import pytest

from tests.processes import lateness

#: A machine that takes more of the time away, or has so many more runnable programs than processors, is too busy.
MOST_TAKEN, MOST_RUNNABLE = 0.05, 3


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

    began = time.monotonic()
    with lateness() as late:
        yield judge
        taken, load = late() / (time.monotonic() - began), psutil.getloadavg()[0]
    if taken > MOST_TAKEN or load > MOST_RUNNABLE * (os.cpu_count() or 1):
        why.append(f"the machine took {taken:.0%} of the time away, under a load of {load:.0f}")
