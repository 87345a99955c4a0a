"""Webhook calls that came to nothing, counted by why, for all processes together."""

from __future__ import annotations

from collections.abc import Mapping

from broadcast.store.keys import key
from broadcast.store.scripts import Scripts


class Webhooks:
    """What an operator looks at when receipts stay away."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def left_out(self, why: str) -> None:
        """Count one more: "unsigned", "unreadable", "too_large", or "of_nobody"."""
        self._scripts.ask(lambda: self._scripts.client.hincrby(key("left_out"), why, 1))

    def tally(self) -> Mapping[str, int]:
        """How many came to nothing since the beginning, by why."""
        found = self._scripts.ask(lambda: self._scripts.client.hgetall(key("left_out")))
        return {why: int(count) for why, count in found.items()}
