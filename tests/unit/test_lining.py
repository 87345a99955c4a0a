"""Who waits for a lane stands in line."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from broadcast.engine.lining import Lines
from tests.processes import wait_for


def join(lines: Lines, lane: str, then: Callable[[], None]) -> threading.Thread:
    """Stand at the end of the line, in a thread of its own."""

    def stand() -> None:
        with lines.first(lane):
            then()

    before = lines.length(lane)
    thread = threading.Thread(target=stand)
    thread.start()
    wait_for(lambda: lines.length(lane) > before, what="one more in line")
    return thread


def test_they_come_first_come_first_served_and_one_at_a_time() -> None:
    lines, served = Lines(), []
    with lines.first("i1"):
        threads = [
            join(lines, "i1", lambda number=number: served.append((number, lines.length("i1")))) for number in range(5)
        ]
        assert served == []
    for thread in threads:
        thread.join(30)
    assert served == [(0, 5), (1, 4), (2, 3), (3, 2), (4, 1)]


def test_nobody_waits_for_another_lane() -> None:
    lines = Lines()
    with lines.first("i1"), lines.first("i2"):
        assert (lines.length("i1"), lines.length("i2")) == (1, 1)


def test_one_that_fails_lets_the_next_one_come_and_an_empty_line_is_forgotten() -> None:
    lines, served, threads = Lines(), [], []

    def fail() -> None:
        threads.append(join(lines, "i1", lambda: served.append("next")))
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError), lines.first("i1"):
        fail()
    threads[0].join(30)
    assert served == ["next"]
    assert lines.length("i1") == 0
