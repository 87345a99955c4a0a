"""Strikes: which step a test wants to see a process die, or freeze, at. Only asked where FAULT_INJECTION is set."""

from __future__ import annotations

from broadcast.store.keys import key
from broadcast.store.scripts import Scripts


class Strikes:
    """One strike waits at each step; the first process that comes by takes it."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def order(self, step: str, deed: str) -> None:
        """Have the next process that reaches the step do the deed: "kill" or "stop"."""
        self._scripts.ask(lambda: self._scripts.client.set(key("strike", step), deed))

    def take(self, step: str) -> str | None:
        """The deed that waits at this step, if any; it is for nobody else then."""
        deed: str | None = self._scripts.ask(lambda: self._scripts.client.getdel(key("strike", step)))
        return deed
