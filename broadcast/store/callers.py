"""Who may call the API, in Redis: keys by the SHA-256 of their secret, and how much each caller has left to ask."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from broadcast.domain.caller import Caller, Key, Scope
from broadcast.store.keys import key
from broadcast.store.scripts import Scripts


@dataclass(frozen=True, kw_only=True)
class Found:
    """The keys that were looked for, None for one that never was, and whether any key was ever created."""

    keys: Sequence[Key | None]
    is_any: bool


class Callers:
    """Keys that were created from the command line. A revoked one stays, so that the API goes on asking."""

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    def grant(self, digest: str, caller: Caller) -> bool:
        """Keep a new key; False when a key that is not revoked has the name."""
        scopes = ",".join(sorted(scope.value for scope in caller.scopes))
        instances = "" if caller.instances is None else json.dumps(sorted(caller.instances))
        return bool(self._scripts.run("grant", digest, caller.name, scopes, instances))

    def revoke(self, name: str) -> bool:
        """Revoke the key of this name; False when there is none, or no more."""
        return bool(self._scripts.run("revoke", name))

    def find(self, digests: Sequence[str]) -> Found:
        """The keys with secrets of these digests."""

        def ask() -> Found:
            with self._scripts.client.pipeline(transaction=False) as pipe:
                pipe.zcard(key("api_keys"))
                for digest in digests:
                    pipe.hgetall(key("api_key", digest))
                count, *rows = pipe.execute()
            return Found(keys=[_key_of(row) if row else None for row in rows], is_any=count > 0)

        found: Found = self._scripts.ask(ask)
        return found

    def every(self) -> list[Key]:
        """All keys, the oldest first, revoked ones included."""
        digests = self._scripts.ask(lambda: self._scripts.client.zrange(key("api_keys"), 0, -1))
        return [found for found in self.find(digests).keys if found is not None]

    def spend(self, caller: str, *, count: int, period_ms: int) -> int:
        """Take one of the caller's `count` requests per period; 0, or so many ms until there is one again."""
        return int(self._scripts.run("spend", caller, count, period_ms))


def _key_of(row: dict[str, str]) -> Key:
    return Key(
        caller=Caller(
            name=row["name"],
            scopes=frozenset(Scope(scope) for scope in row["scopes"].split(",")),
            instances=frozenset(json.loads(row["instances"])) if row["instances"] else None,
        ),
        created_ms=int(row["created"]),
        revoked_ms=int(row["revoked"]) if "revoked" in row else None,
    )
