"""A short seeded run of the chaos that `make chaos` runs at length."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.chaos import run


@pytest.mark.slow
def test_under_blows_nothing_is_lost_and_nothing_is_doubled(tmp_path: Path) -> None:
    outcome = run(seed=7, kills=5, lanes=2, gap_ms=250, folder=tmp_path)
    print(outcome.line())  # noqa: T201 - the seed and the figures, for whoever reads a failure
    assert outcome.is_clean, outcome.line()
