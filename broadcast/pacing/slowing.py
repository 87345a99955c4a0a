"""How an instance slows down after faults, and comes back to its pace."""

from __future__ import annotations


def back_off_ms(streak: int, *, base_ms: int = 1000, most_ms: int = 60_000) -> int:
    """How long to wait after `streak` faults in a row: 1, 2, 4 … `base_ms`, never above `most_ms`."""
    return min(base_ms << min(max(streak - 1, 0), 30), most_ms)
