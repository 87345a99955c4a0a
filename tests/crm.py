"""A CRM on a real socket: it checks each callback's signature with Standard Webhooks' own package, and answers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from standardwebhooks import Webhook

from broadcast.callbacks.posting import Poster
from broadcast.engine.calling import Calling
from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.store.keys import key
from tests.stubs import listening

SECRET = "whsec_" + "c2VjcmV0LW9mLXRoZS1jcm0tdGVzdHMtMTIzNDU2"
KEYS = Settings.read({"CALLBACK_SECRET": SECRET}).callback_secret


@dataclass
class Crm:
    """What it was told, whether or not it said that it took it; `answer` is its next answers' HTTP status."""

    url: str = ""
    answer: Callable[[dict[str, Any]], int] = lambda _: 204
    headers: dict[str, str] = field(default_factory=dict)  #: of its answers
    told: list[dict[str, Any]] = field(default_factory=list)
    ids: list[str] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        return [news["type"] for news in self.told]

    @property
    def host(self) -> str:
        return self.url.rsplit("/", 1)[0]

    def take(self, _: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, str], bytes]:
        news = Webhook(SECRET).verify(body, headers)
        self.told.append(news)
        self.ids.append(headers["webhook-id"])
        return self.answer(news), self.headers, b""


@contextmanager
def a_crm() -> Iterator[Crm]:
    crm = Crm()
    with listening(crm.take) as url:
        crm.url = f"{url}/news"
        yield crm


def calling(store: Store, **changes: Any) -> Calling:
    """What delivers, with a loopback that may be called."""
    poster = Poster(KEYS, allow_private=True, **{"connect_s": 20.0, "whole_s": 30.0, **changes})
    return Calling(store, poster, chance=lambda: 0.5)


def call_all(store: Store, calls: Calling | None = None) -> int:
    """A turn for each host that has something due; how many calls that were."""
    store.workers.beat("callbacks", "w1")
    calls = calls or calling(store)
    time.sleep(0.002)  # a host that was let go is due a millisecond later, behind those that waited already
    hosts = store.callbacks.due(hands=10, lease_ms=30_000, claim="claim")
    return sum(calls.turn(host, claim="claim", run=f"run of {host}") for host in hosts)


def hurry(store: Store, host: str, *campaigns: str) -> None:
    """Let the back-off of campaigns, and the rest of their host, be over now."""
    client = store.scripts.client
    client.hdel(key("host", host), "rest")
    for campaign in campaigns:
        client.zadd(key("calling", host), {campaign: 0}, xx=True)
    client.zadd(key("hosts"), {host: 0}, xx=True)


def moment(text: str) -> datetime:
    """A time as the API writes it."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def aged(store: Store, campaign: str, number: int, *, ms: int) -> None:
    """Let a callback be so much older."""
    name = key("callback", campaign, number)
    client = store.scripts.client
    client.hset(name, "since_ms", int(client.hget(name, "since_ms") or 0) - ms)
