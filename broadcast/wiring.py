"""Services: everything a door needs, built once."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from broadcast.engine.planning import Horizon
from broadcast.engine.sending import Policy, Sending
from broadcast.engine.steps import Reached, pass_by
from broadcast.engine.striking import striker
from broadcast.errors import SettingsError
from broadcast.gateways.base import Gateway
from broadcast.gateways.catalogue import build
from broadcast.settings import Settings
from broadcast.store import Store

#: A worker tries a lost Redis again about once a second, for about so many seconds.
WORKER_PATIENCE = 45


@dataclass(frozen=True)
class Door:
    """What an instance is sent through, and the language that is spoken there."""

    dialect: str
    gateway: Gateway


class Gateways:
    """The gateway of each instance."""

    def __init__(self, settings: Settings) -> None:
        gateway = build(
            settings.gateway,
            url=settings.gateway_url,
            credentials=settings.gateway_credentials,
            timeout_s=settings.send_timeout_s,
        )
        self._default = Door(settings.gateway, gateway)

    def of(self, instance: str) -> Gateway:
        """The gateway that the instance is sent through."""
        return self.door(instance).gateway

    def door(self, instance: str) -> Door:  # noqa: ARG002 - instances will be registered one by one
        """The gateway that the instance is sent through, and its dialect."""
        return self._default


@dataclass(frozen=True, kw_only=True)
class Services:
    """What the views and the tasks work with."""

    settings: Settings
    store: Store
    gateways: Gateways
    sending: Sending
    horizon: Horizon
    reached: Reached = pass_by
    chance: Callable[[], float] = random.random

    def ping(self) -> None:
        """Return if Redis answers; raises Unavailable."""
        self.store.ping()

    def workers(self, queue: str) -> int:
        """How many live workers consume the queue."""
        return self.store.workers.alive(queue)


def build_services(settings: Settings, *, patience: int = 0) -> Services:
    """Wire everything up. Nothing is connected yet. Raises SettingsError when there is no Redis to use."""
    store = Store(redis_url(settings), patience=patience)
    gateways = Gateways(settings)
    policy = Policy(max_attempts=settings.send_max_attempts, timeout_s=settings.send_timeout_s)
    reached = striker(store) if settings.fault_injection else pass_by
    return Services(
        settings=settings,
        store=store,
        gateways=gateways,
        sending=Sending(store=store, gateway_of=gateways.of, policy=policy, reached=reached),
        reached=reached,
        horizon=Horizon(ms=settings.fanout_horizon_s * 1000, contacts=settings.fanout_limit),
    )


def is_embedded(settings: Settings) -> bool:
    """Whether the Redis in use is the one that `broadcast up` keeps in DATA_DIR."""
    try:
        return redis_url(settings) == (settings.data_dir / "redis.url").read_text().strip()
    except OSError:
        return False


def redis_url(settings: Settings) -> str:
    """REDIS_URL, or the address of the embedded Redis that `broadcast up` keeps in DATA_DIR."""
    if settings.redis_url:
        return settings.redis_url
    try:
        return (settings.data_dir / "redis.url").read_text().strip()
    except FileNotFoundError:
        raise SettingsError(
            "REDIS_URL", f"unset, and no embedded Redis was ever started in {settings.data_dir}",
            "Set it, or start everything with `broadcast up`.",
        ) from None  # fmt: skip
