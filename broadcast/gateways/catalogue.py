"""Which dialects there are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from broadcast.gateways.base import Gateway
from broadcast.gateways.evolution import Evolution

#: name -> how a gateway of that dialect is made. The sandbox speaks Evolution's.
DIALECTS: Mapping[str, Callable[..., Gateway]] = {"evolution": Evolution, "sandbox": Evolution}


def build(dialect: str, *, url: str, api_key: str, timeout_s: float, webhook_token: str | None = None) -> Gateway:
    """A gateway of this dialect at this address."""
    return DIALECTS[dialect](url, api_key, timeout_s=timeout_s, webhook_token=webhook_token)
