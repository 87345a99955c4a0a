"""A send task knows how late it was begun."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from broadcast.tasks.sending import behind_ms

NOW = datetime(2030, 8, 29, 12, 0, 5, 250_000, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("eta", "late_ms"),
    [
        (None, 0),
        (NOW.isoformat(), 0),
        ((NOW + timedelta(milliseconds=40)).isoformat(), 0),
        ((NOW - timedelta(milliseconds=1250)).isoformat(), 1250),
        ((NOW - timedelta(seconds=3)).astimezone(timezone(timedelta(hours=-3))).isoformat(), 3000),
    ],
)
def test_a_task_is_as_late_as_its_eta_is_over(eta: str | None, late_ms: int) -> None:
    assert behind_ms(eta, NOW) == late_ms
