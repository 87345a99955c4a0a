"""How fast a campaign goes, and when it will be over."""

from __future__ import annotations

import math


def sends_per_minute(mean_gap_ms: float, *, since_last_ms: float) -> float:
    """The present rate: the mean of the last gaps, sinking while a departure is overdue."""
    gap_ms = max(mean_gap_ms, since_last_ms)
    return round(60_000 / gap_ms, 1) if gap_ms > 0 else 0.0


def finish_ms(*, now_ms: int, left: int, gap_ms: float) -> int:
    """When `left` more departures will be over, one each `gap_ms`."""
    return math.ceil(now_ms + left * gap_ms)
