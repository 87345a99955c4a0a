"""The suppression list in Redis: who wants no more messages. The fence looks at it before every departure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from broadcast.store.keys import key
from broadcast.store.scripts import Scripts


class Suppressions:
    """People are kept by their identity (`domain.phone.identity`), so that both Brazilian forms are one person."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def add(self, people: Mapping[str, Mapping[str, str]]) -> frozenset[str]:
        """Add people, identity -> what is known of it (`phone`, `source`, `since` in RFC 3339); return who is new."""
        if not people:
            return frozenset()
        fields = [(identity, json.dumps(dict(known), ensure_ascii=False)) for identity, known in people.items()]

        def ask() -> list[int]:
            with self._scripts.client.pipeline(transaction=False) as pipe:
                for identity, text in fields:
                    pipe.hsetnx(key("suppressed"), identity, text)
                return list(pipe.execute())

        is_new = self._scripts.ask(ask)
        return frozenset(identity for identity, new in zip(people, is_new, strict=True) if new)

    def find(self, identity: str) -> Mapping[str, str] | None:
        """What is kept of a person on the list; None for one who is not on it."""
        text = self._scripts.ask(lambda: self._scripts.client.hget(key("suppressed"), identity))
        known: Mapping[str, str] | None = json.loads(text) if text else None
        return known

    def remove(self, identity: str) -> bool:
        """Take a person off the list; False when nobody of this identity is on it."""
        return bool(self._scripts.ask(lambda: self._scripts.client.hdel(key("suppressed"), identity)))

    def among(self, identities: Iterable[str]) -> frozenset[str]:
        """Which of these are on the list."""
        wanted = list(dict.fromkeys(identities))
        if not wanted:
            return frozenset()
        found = self._scripts.ask(lambda: self._scripts.client.hmget(key("suppressed"), wanted))
        return frozenset(identity for identity, text in zip(wanted, found, strict=True) if text is not None)

    def page(self, *, cursor: int, limit: int) -> tuple[dict[str, Mapping[str, str]], int]:
        """About `limit` of the list, in no order, and the cursor to go on with (0: this was the last).

        Who is on the list all the while is told of at least once; a short list is told whole.
        """
        after, rows = self._scripts.ask(
            lambda: self._scripts.client.hscan(key("suppressed"), cursor=cursor, count=limit)
        )
        return {identity: json.loads(text) for identity, text in rows.items()}, int(after)
