"""The suppression list in Redis: who wants no more messages. The fence looks at it before every departure."""

from __future__ import annotations

import hashlib
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
        either = (identity, hashed(identity))
        return bool(self._scripts.ask(lambda: self._scripts.client.hdel(key("suppressed"), *either)))

    def hash_only(self, identity: str) -> str:
        """Keep a person who is on the list there by a hash alone; return the hash, whether they are or not."""
        digest, client = hashed(identity), self._scripts.client
        text = self._scripts.ask(lambda: client.hget(key("suppressed"), identity))
        if text is not None:
            known = {name: value for name, value in json.loads(text).items() if name != "phone"}
            # In this order: whatever happens between the two, they are on the list.
            self._scripts.ask(lambda: client.hset(key("suppressed"), digest, json.dumps(known, ensure_ascii=False)))
            self._scripts.ask(lambda: client.hdel(key("suppressed"), identity))
        return digest

    def among(self, identities: Iterable[str]) -> frozenset[str]:
        """Which of these are on the list."""
        wanted = list(dict.fromkeys(identities))
        if not wanted:
            return frozenset()
        both = [*wanted, *map(hashed, wanted)]
        found = self._scripts.ask(lambda: self._scripts.client.hmget(key("suppressed"), both))
        is_known = [text is not None for text in found]
        return frozenset(
            identity
            for identity, clear, hash_ in zip(wanted, is_known[: len(wanted)], is_known[len(wanted) :], strict=True)
            if clear or hash_
        )

    def page(self, *, cursor: int, limit: int) -> tuple[dict[str, Mapping[str, str]], int]:
        """About `limit` of the list, in no order, and the cursor to go on with (0: this was the last).

        Who is on the list all the while is told of at least once; a short list is told whole.
        """
        after, rows = self._scripts.ask(
            lambda: self._scripts.client.hscan(key("suppressed"), cursor=cursor, count=limit)
        )
        return {identity: json.loads(text) for identity, text in rows.items()}, int(after)


def hashed(identity: str) -> str:
    """What stands for somebody who was forgotten; leave.lua makes the same.

    It keeps numbers from being read, and not from being tried: there are few enough of them to hash them all.
    """
    return hashlib.sha1(identity.encode(), usedforsecurity=False).hexdigest()
