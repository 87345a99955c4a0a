"""Who is asking, what they may do, how often, and through which instances."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import math
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, cast

from flask import Flask, g, request

from broadcast.api import tokens
from broadcast.api.browsers import refuse_strangers
from broadcast.api.guessing import Guesses
from broadcast.api.scopes import ADMIN, OPEN_ROOMS
from broadcast.domain.caller import Caller, Key, Scope
from broadcast.engine.granting import PREFIX, digest
from broadcast.errors import Forbidden, NotFound, TooMany, Unauthorized, Unavailable
from broadcast.settings import ApiKey

log = logging.getLogger(__name__)

#: A key that is revoked is refused everywhere within so long, open streams included.
REVOKED_S = 5.0
#: So long a key that was found is believed to be one still.
BELIEVED_S = 4.0
#: Who asks when there is no key at all: they must be on this host then.
ANYBODY = Caller(name="anybody")
_HOW = "Present a key: `Authorization: Bearer <key>` or `apikey: <key>`."


class _Found(Protocol):
    @property
    def keys(self) -> Sequence[Key | None]: ...
    @property
    def is_any(self) -> bool: ...


class Stored(Protocol):
    """Keys that were created while we run, and how much each caller has left to ask."""

    def use(self, digests: Sequence[str]) -> _Found:
        """The keys with secrets of these digests, which a call came with. Raises Unavailable."""

    def spend(self, caller: str, *, count: int, period_ms: int, is_of_settings: bool = False) -> int:
        """0, or so many ms until the caller may ask again. Raises Unavailable."""


@dataclass(frozen=True, kw_only=True)
class Guard:
    """What the API checks its callers with: the settings' keys, those that were created, and users' tokens."""

    stored: Stored
    keys: Sequence[ApiKey] = ()
    jwt_secret: str | None = None
    limit: tuple[int, int] | None = None  #: requests, per so many ms
    wrong_limit: tuple[int, int] | None = None  #: the same of wrong keys from one address
    hosts: frozenset[str] = frozenset()  #: names that may be asked while there is no key
    origins: frozenset[str] = frozenset()  #: those of pages that may call


class Keyring:
    """Finds the caller whose key it is. Thread-safe; `clock` is monotonic seconds."""

    def __init__(self, guard: Guard, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._guard = guard
        self._clock = clock
        self._believed: dict[str, tuple[Caller, float]] = {}

    def find(self, presented: Sequence[str], *, is_near: bool) -> Caller:
        """The caller; while there is no key of any kind, anybody on this host. Raises Unauthorized, Unavailable."""
        return self._of_settings(presented) or self._of_store(presented, is_near) or self._of_token(presented)

    def knows(self, presented: Sequence[str], *, is_near: bool) -> bool:
        """Whether there is a caller still, for who asked long ago and is being answered; yes while Redis is away."""
        try:
            self.find(presented, is_near=is_near)
        except Unauthorized:
            return False
        except Unavailable:
            return True
        return True

    def are_tokens(self, presented: Sequence[str]) -> bool:
        """Whether all are users' tokens: those expire every hour, and nobody guesses a signature."""
        return self._guard.jwt_secret is not None and all(tokens.is_one(secret) for secret in presented)

    def strays(self, presented: Sequence[str], *, is_near: bool) -> list[str]:
        """Those that alone would have opened nothing, and are no tokens, which Supabase's clients send beside a key."""
        if len(set(presented)) < 2:
            return []
        rest = [secret for secret in presented if not tokens.is_one(secret)]
        return [secret for secret in rest if not self.knows([secret], is_near=is_near)]

    def _of_settings(self, presented: Sequence[str]) -> Caller | None:
        """Every key is compared, in constant time."""
        matches = [
            key
            for key in self._guard.keys
            for secret in presented
            if hmac.compare_digest(key.secret.encode(), secret.encode())
        ]
        return Caller(name=matches[0].name, instances=matches[0].instances) if matches else None

    def _of_store(self, presented: Sequence[str], is_near: bool) -> Caller | None:
        digests = [digest(secret) for secret in presented if secret.startswith(PREFIX)]
        for known in digests:
            caller, until = self._believed.get(known, (ANYBODY, 0.0))
            if self._clock() < until:
                return caller
        is_asked = bool(self._guard.keys or self._guard.jwt_secret)
        if is_asked and not digests:
            return None
        found = self._guard.stored.use(digests)
        for known, key in zip(digests, found.keys, strict=True):
            if key is not None and key.revoked_ms is None:
                self._believed[known] = (key.caller, self._clock() + BELIEVED_S)
                return key.caller
            self._believed.pop(known, None)
        if is_asked or found.is_any:
            return None
        if not is_near:
            raise Unauthorized("There is no key yet, so only this host may ask. Make one with `broadcast keys create`.")
        return ANYBODY

    def _of_token(self, presented: Sequence[str]) -> Caller:
        if not presented:
            raise Unauthorized(_HOW)
        given = [secret for secret in presented if tokens.looks_like_one(secret)]
        if self._guard.jwt_secret is None or not given:
            raise Unauthorized("This key is not known.")
        return tokens.caller_of(given[0], jwt_secret=self._guard.jwt_secret)


def install(app: Flask, guard: Guard, *, views: Mapping[str, frozenset[Scope]], open_views: Collection[str]) -> None:
    """Before every request, find the caller (`g.caller` has them), and whether they may ask this, now."""
    keyring, guesses = Keyring(guard), Guesses(guard.stored, guard.wrong_limit)

    @app.before_request
    def identify() -> None:
        if request.endpoint in open_views or request.blueprint in OPEN_ROOMS:
            g.caller = ANYBODY
            return
        presented, near = _presented(), is_near()
        g.caller = _let_in(keyring, guesses, presented, is_near=near)
        if g.caller is ANYBODY:
            refuse_strangers(request, hosts=guard.hosts, origins=guard.origins)
        g.is_still_welcome = lambda: keyring.knows(presented, is_near=near)
        if guard.limit is not None and g.caller is not ANYBODY:
            _spend(guard, g.caller, *guard.limit)
        if request.endpoint is not None:  # else it is a 404 or a 405
            need(views.get(request.endpoint, ADMIN))


def _let_in(keyring: Keyring, guesses: Guesses, presented: Sequence[str], *, is_near: bool) -> Caller:
    """The caller. Raises Unauthorized, Unavailable, or TooMany after many wrong keys; no key at all is no wrong one.

    A right one hides no wrong one beside it: else whoever has a key of little use could try others with it.
    """
    if not presented or keyring.are_tokens(presented):
        return keyring.find(presented, is_near=is_near)
    address = request.remote_addr or ""
    guesses.check(presented, address=address)
    try:
        found = keyring.find(presented, is_near=is_near)
    except Unauthorized:
        guesses.wrong(presented, address=address)
        raise
    guesses.beside(keyring.strays(presented, is_near=is_near), address=address)
    guesses.right(presented)
    return found


def _spend(guard: Guard, asking: Caller, count: int, period_ms: int) -> None:
    is_of_settings = any(key.name == asking.name for key in guard.keys)
    try:
        wait_ms = guard.stored.spend(asking.name, count=count, period_ms=period_ms, is_of_settings=is_of_settings)
    except Unavailable:  # the view will find it out, and say so in its own way
        return
    if wait_ms:
        wait_s = math.ceil(wait_ms / 1000)
        raise TooMany(f"This key asks more often than API_RATE_LIMIT allows. Wait {wait_s} s.", retry_after_s=wait_s)


def _presented() -> list[str]:
    """The secrets in the headers. Supabase clients send both, with a user's token where a key would be."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    given = [secret.strip() if scheme.lower() == "bearer" else "", request.headers.get("apikey", "")]
    # WSGI hands headers over as Latin-1; a secret beyond ASCII was sent as UTF-8.
    return [text.encode("latin-1").decode("utf-8", "replace") for text in given if text]


def is_near() -> bool:
    """Whether the request comes from this host. A proxy on it counts as its callers once TRUST_PROXY is set."""
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return False


def caller() -> Caller:
    """Who makes this request."""
    return cast(Caller, g.caller)


def welcome() -> Callable[[], bool]:
    """Whether this request's caller would still be let in; to be asked after the request, by what answers for long."""
    return cast(Callable[[], bool], g.get("is_still_welcome", lambda: True))


def need(scopes: Collection[Scope]) -> None:
    """Raise Forbidden unless the caller has one of the scopes, and an instance to use it on."""
    if not caller().has_one_of(scopes):
        wanted = " or ".join(sorted(scope.value for scope in scopes))
        has = ", ".join(sorted(scope.value for scope in caller().scopes)) or "none"
        raise Forbidden(f"This needs a key of the scope {wanted}; the scopes of this one: {has}.")
    if caller().instances == frozenset():
        raise Forbidden("This token names no instance in app_metadata.broadcast_instances.")


def may_use(instance: str) -> None:
    """Raise Forbidden unless the caller may use the instance."""
    if not caller().may_use(instance):
        raise Forbidden(f"This key may not use the instance {instance}.")


def may_see(instance: str, campaign: str) -> None:
    """Raise NotFound unless the caller may use the campaign's instance: others' campaigns do not exist for them."""
    if not caller().may_use(instance):
        raise NotFound(f"There is no campaign {campaign}.")
