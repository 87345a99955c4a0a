"""A gateway that cannot be spoken to, since something of ours is missing: it says why, and nobody fails for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from broadcast.errors import Unavailable
from broadcast.gateways.base import Alone, Closed, Connection, Departure, Message, News


@dataclass(frozen=True)
class Shut(Alone):
    """Closes the lane with the reason, takes no webhook calls, and sends nothing."""

    reason: str
    detail: str
    pair_ms = 0

    def own_id(self, message: Message) -> None:
        """None: nothing is sent."""

    def send(self, message: Message, *, departure: Departure) -> Closed:  # noqa: ARG002 - nothing leaves
        """Closed, before the fence is asked."""
        return Closed(self.reason, self.detail)

    def probe(self, instance: str) -> Connection:  # noqa: ARG002 - there is nobody to ask
        """It cannot send."""
        return Connection(is_open=False, reason=f"{self.reason}: {self.detail}")

    def verify(self, headers: Mapping[str, str], body: bytes, *, path: str) -> bool:  # noqa: ARG002 - with what?
        """Nobody can be known, by a fault of ours: the gateway is to come again. Raises Unavailable."""
        raise self._unavailable()

    def _unavailable(self) -> Unavailable:
        return Unavailable(f"{self.reason}: {self.detail}", retry_after_s=60)

    def session_of(self, instance: str) -> None:
        """None: nobody is believed."""

    def challenge(self, query: Mapping[str, str]) -> None:  # noqa: ARG002 - it cannot be compared with anything
        """The same."""
        raise self._unavailable()

    def read(self, payload: Mapping[str, object]) -> News:  # noqa: ARG002 - never verified
        """Nothing."""
        return News()
