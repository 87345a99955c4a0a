"""A chart as coordinates: what the template draws as SVG, with no script and no style of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broadcast.domain.contact import Status
from broadcast.engine.charting import Chart

#: The drawing's own units; it is scaled to the page. The left and bottom margins hold the numbers.
WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 12, 28
#: What a digit and what is between thousands takes up at the most, as a phone shows them; and from them to the lines.
DIGIT, BETWEEN, AWAY = 14, 7, 6
#: Lines across, and times along.
LEVELS, TIMES = 4, 3


@dataclass(frozen=True)
class Mark:
    """A number beside a level, or a time under a moment."""

    at: float
    value: int


@dataclass(frozen=True, kw_only=True)
class Drawing:
    """`lines` are points of a polyline by status; `totals` is where each ends up."""

    lines: Mapping[Status, str]
    totals: Mapping[Status, int]
    levels: Sequence[Mark]
    times: Sequence[Mark]
    left: int
    span_ms: int
    every: int


def drawn(chart: Chart) -> Drawing:
    """The chart's coordinates, its levels at round numbers."""
    most = max(max(line) for line in chart.lines.values())
    step = round_step(most)
    top = step * -(-most // step)
    left = _left(top)
    wide, high = WIDTH - left - RIGHT, HEIGHT - TOP - BOTTOM

    def y(value: int) -> float:
        return round(TOP + high * (1 - value / top), 1)

    def points(line: Sequence[int]) -> str:
        last = len(line) - 1
        return " ".join(f"{round(left + wide * index / last, 1)},{y(value)}" for index, value in enumerate(line))

    moments = [chart.start_ms + (chart.end_ms - chart.start_ms) * index // (TIMES - 1) for index in range(TIMES)]
    return Drawing(
        lines={status: points(line) for status, line in chart.lines.items()},
        totals={status: line[-1] for status, line in chart.lines.items()},
        levels=[Mark(y(value), value) for value in range(0, top + 1, step)],
        times=[Mark(left + wide * index / (TIMES - 1), at) for index, at in enumerate(moments)],
        left=left,
        span_ms=chart.end_ms - chart.start_ms,
        every=chart.every,
    )


def _left(top: int) -> int:
    """The left margin: as wide as the number of the highest level, and no narrower than `LEFT`."""
    digits = len(str(top))
    return max(LEFT, AWAY + DIGIT * digits + BETWEEN * ((digits - 1) // 3))


def round_step(most: int) -> int:
    """The least of 1, 2, 5, 10, 20, … of which `LEVELS` reach `most`."""
    power = 1
    while True:
        for digit in (1, 2, 5):
            if digit * power * LEVELS >= most:
                return digit * power
        power *= 10
