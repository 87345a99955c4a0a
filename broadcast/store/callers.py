"""Who may call the API, in Redis: keys by the SHA-256 of their secret, and how much each caller has left to ask."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from broadcast.domain.caller import Caller, Key, Scope
from broadcast.store.keys import key
from broadcast.store.scripts import Scripts, pairs


@dataclass(frozen=True, kw_only=True)
class Found:
    """The keys that were looked for, None for one that never was, and whether any key was ever created."""

    keys: Sequence[Key | None]
    is_any: bool


class Callers:
    """Keys that were created while we run. A revoked one stays, so that the API goes on asking."""

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
            return Found(keys=[key_of(row) if row else None for row in rows], is_any=count > 0)

        found: Found = self._scripts.ask(ask)
        return found

    def use(self, digests: Sequence[str]) -> Found:
        """The same, of the secrets that a call came with: that is noted at the first that is not revoked."""
        is_any, rows = self._scripts.run("use", *digests)
        return Found(keys=[key_of(pairs(row)) if row else None for row in rows], is_any=bool(is_any))

    def used(self, names: Sequence[str]) -> dict[str, int]:
        """When each of these keys of the settings was last used, Unix ms; of which nothing is known is not there."""
        if not names:
            return {}
        found = self._scripts.ask(lambda: self._scripts.client.hmget(key("api_keys_used"), list(names)))
        return {name: int(at) for name, at in zip(names, found, strict=True) if at is not None}

    def every(self) -> list[Key]:
        """All keys, the oldest first, revoked ones included."""
        digests = self._scripts.ask(lambda: self._scripts.client.zrange(key("api_keys"), 0, -1))
        return [found for found in self.find(digests).keys if found is not None]

    def spend(self, caller: str, *, count: int, period_ms: int, is_of_settings: bool = False) -> int:
        """Take one of the caller's `count` requests per period; 0, or so many ms until there is one again.

        `is_of_settings`: the caller is known by a key of the settings, and that it is used is noted.
        """
        return int(self._scripts.run("spend", caller, count, period_ms, int(is_of_settings)))


def key_of(row: Mapping[str, str]) -> Key:
    """The key whose hash this is."""
    return Key(
        caller=Caller(
            name=row["name"],
            scopes=frozenset(Scope(scope) for scope in row["scopes"].split(",")),
            instances=frozenset(json.loads(row["instances"])) if row["instances"] else None,
        ),
        created_ms=int(row["created"]),
        revoked_ms=int(row["revoked"]) if "revoked" in row else None,
        used_ms=int(row["used"]) if "used" in row else None,
    )
