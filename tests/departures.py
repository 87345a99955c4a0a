"""Fences for gateways that are tried without an engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Gate:
    """A fence that lets everybody leave at once, does `before` first, and remembers when it was asked and passed."""

    before: Callable[[], object] = lambda: None
    waited: list[float] = field(default_factory=list)
    left_at: list[float] = field(default_factory=list)

    def attend(self) -> None:
        pass

    def wait(self) -> None:
        self.before()
        self.waited.append(time.monotonic())

    def is_now(self) -> bool:
        return True

    def left(self, at: float) -> None:
        self.left_at.append(at)
