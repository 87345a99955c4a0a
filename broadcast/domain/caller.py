"""A caller of the API: who it is, what it may do, and through which instances."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum


class Scope(str, Enum):
    """What a key is good for."""

    READ = "read"  #: look at campaigns, contacts, instances and figures
    SEND = "send"  #: have messages sent, and steer what is being sent
    ADMIN = "admin"  #: everything, registration of instances included


EVERY_SCOPE = frozenset(Scope)


def is_key_name(text: str) -> bool:
    """Whether it may name a key: it fits in a log line, in an address and on a command line as it is."""
    return re.fullmatch(r"[\w.@-]{1,64}", text) is not None and text not in {".", ".."}


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Whoever presented a key or a token. `instances` None: every one."""

    name: str
    scopes: frozenset[Scope] = EVERY_SCOPE
    instances: frozenset[str] | None = None

    def may_use(self, instance: str) -> bool:
        """Whether this caller may send through, or look at, the instance."""
        return self.instances is None or instance in self.instances

    def has_one_of(self, scopes: Collection[Scope]) -> bool:
        """Whether this caller has one of the scopes, or `admin`, which stands for all of them."""
        return Scope.ADMIN in self.scopes or not self.scopes.isdisjoint(scopes)


@dataclass(frozen=True, kw_only=True)
class Key:
    """A key that was created, and may have been revoked; its secret is known to its holder alone."""

    caller: Caller
    created_ms: int
    revoked_ms: int | None = None
    used_ms: int | None = None  #: last, to the minute; 0 never; None not known: an earlier version has created it
