"""A chart's coordinates: round levels, and every point inside the drawing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.dashboard.drawing import BOTTOM, HEIGHT, LEFT, LEVELS, RIGHT, TOP, WIDTH, drawn, round_step
from broadcast.domain.contact import Status
from broadcast.engine.charting import Chart


def a_chart(*lines: list[int], every: int = 1) -> Chart:
    named = dict(zip((Status.SENT, Status.READ), lines, strict=False))
    return Chart(start_ms=1000, end_ms=61_000, lines=named, every=every)


@pytest.mark.parametrize(("most", "step"), [(1, 1), (4, 1), (5, 2), (20, 5), (21, 10), (52, 20), (1_000_000, 500_000)])
def test_levels_are_round_numbers(most: int, step: int) -> None:
    assert round_step(most) == step


@given(st.lists(st.integers(0, 10**7), min_size=2, max_size=61).filter(any))
def test_every_point_is_inside_the_drawing(line: list[int]) -> None:
    drawing = drawn(a_chart(sorted(line)))
    points = [tuple(map(float, point.split(","))) for point in drawing.lines[Status.SENT].split()]
    assert all(LEFT <= x <= WIDTH - RIGHT and TOP <= y <= HEIGHT - BOTTOM for x, y in points)
    assert drawing.levels[-1].value >= max(line)
    assert len(drawing.levels) <= LEVELS + 1


@pytest.mark.parametrize("most", [4, 90, 800, 1000, 15_000, 400_000, 1_000_000])
def test_the_number_of_every_level_has_room_beside_the_lines_on_a_phone(most: int) -> None:
    drawing = drawn(a_chart([0, most]))
    widest = max(
        len(f"{level.value:,}".replace(",", "")) * 13 + f"{level.value:,}".count(",") * 7 for level in drawing.levels
    )
    assert drawing.left - 6 >= widest  # at 22 units a letter, the widest of common fonts
    assert float(drawing.lines[Status.SENT].split(",")[0]) == drawing.times[0].at == drawing.left


def test_a_line_goes_from_its_first_count_to_its_last() -> None:
    drawing = drawn(a_chart([0, 2, 4], [0, 0, 2]))
    assert drawing.lines[Status.SENT] == f"{LEFT}.0,{HEIGHT - BOTTOM}.0 342.0,112.0 {WIDTH - RIGHT}.0,{TOP}.0"
    assert drawing.totals == {Status.SENT: 4, Status.READ: 2}
    assert [mark.value for mark in drawing.times] == [1000, 31_000, 61_000]
