"""Services: everything a door needs, built once."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

from broadcast.callbacks.posting import Poster
from broadcast.domain.instance import Instance
from broadcast.engine.calling import Calling
from broadcast.engine.planning import Horizon
from broadcast.engine.registering import default_app
from broadcast.engine.sealing import unseal
from broadcast.engine.sending import Policy, Sending
from broadcast.engine.steps import Reached, pass_by
from broadcast.engine.striking import striker
from broadcast.errors import SettingsError
from broadcast.gateways.base import Gateway
from broadcast.gateways.catalogue import DIALECTS, build, complete
from broadcast.gateways.shut import Shut
from broadcast.settings import Settings
from broadcast.store import Store

#: A worker tries a lost Redis again about once a second, for about so many seconds.
WORKER_PATIENCE = 45
#: What the registry said of an instance is believed for so many seconds.
BELIEVED_S = 5.0
#: That nobody is called so, for less: whoever registers wants their news.
UNNAMED_S = 0.5
#: Of so many instances.
MOST_KNOWN = 10_000


@dataclass(frozen=True)
class Door:
    """What an instance is sent through, and the language that is spoken there.

    `takes_calls` is False where strangers can call, and nobody could tell its gateway's calls from theirs. `clock` is
    whose its gateway's times are: another for each address.
    """

    dialect: str
    gateway: Gateway
    takes_calls: bool = True
    clock: str = ""

    def is_its_own(self, headers: Mapping[str, str], body: bytes, *, path: str) -> bool:
        """Whether a webhook call is the gateway's own; see `Gateway.verify`."""
        return self.takes_calls and self.gateway.verify(headers, body, path=path)


def _clock(dialect: str, url: str) -> str:
    """A short name for the clock of the gateway there; an address may have a password in it."""
    return sha256(f"{dialect} {url}".encode()).hexdigest()[:16]


@dataclass
class _Known:
    """What the registry said of an instance, until when (monotonic s) it is believed, and what was made of it."""

    door: Door
    instance: Instance | None
    until: float


class Gateways:
    """The gateway of each instance: the one that it was registered with, or else the settings'. Thread-safe.

    `find` looks an instance up in the registry, `named` those that a gateway calls so; `clock` is monotonic seconds.
    """

    def __init__(
        self,
        settings: Settings,
        find: Callable[[str], Instance | None],
        *,
        named: Callable[[str], frozenset[str]] = lambda _: frozenset(),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._find = find
        self._named = named
        self._names: dict[str, tuple[frozenset[str], float]] = {}
        self._clock = clock
        self._known: dict[str, _Known] = {}
        gateway = build(
            settings.gateway,
            url=settings.gateway_url,
            credentials=settings.gateway_credentials,
            timeout_s=settings.send_timeout_s,
        )
        self._default = Door(settings.gateway, gateway, clock=_clock(settings.gateway, settings.gateway_url))

    def of(self, instance: str) -> Gateway:
        """The gateway that the instance is sent through."""
        return self.door(instance).gateway

    def forget(self, instance: str) -> None:
        """Ask the registry again when the instance is next wanted."""
        self._known.pop(instance, None)

    def door(self, instance: str) -> Door:
        """The gateway that the instance is sent through, and its dialect. Raises Unavailable."""
        known, now = self._known.get(instance), self._clock()
        if known is not None and now < known.until:
            return known.door
        if known is not None:
            known.until = now + BELIEVED_S  # so that this thread alone asks, and the others go on meanwhile
        found = self._find(instance)
        if known is None or known.instance != found:
            known = _Known(self._made(instance, found), found, now + BELIEVED_S)
            if len(self._known) >= MOST_KNOWN:  # anybody may call a webhook in any name
                self._known.clear()
            self._known[instance] = known
        return known.door

    def called(self, name: str, *, beside: str) -> list[str]:
        """The instances that a gateway calls so in a call that is addressed to the instance `beside`.

        They must have the same secret, for that is all that such a call proves: nobody speaks of another's instances.
        Raises Unavailable.
        """
        return self._called(name, beside) or self._afresh(name, beside, self._called)

    def _called(self, name: str, beside: str) -> list[str]:
        found = [instance for instance in self._believed(name) if self._speaks_of(instance, name, beside)]
        sort, _, id_ = name.partition("/")
        # One that nobody registered has its number's id for its name; others may have registered it in vain.
        if not found and sort == "number" and self._speaks_of(id_, name, beside):
            return [id_]
        return sorted(found)

    def _afresh(self, name: str, beside: str, look: Callable[[str, str], list[str]]) -> list[str]:
        """Look again by what the registry has now: before news are left to nobody, for good."""
        self._names.pop(name, None)
        for one in {*self._believed(name), name.partition("/")[2], beside}:
            self.forget(one)
        return look(name, beside)

    def sessions(self, session: str, *, beside: str) -> list[str]:
        """The same of instances that are sent through a session, by what the gateway calls that. Raises Unavailable."""
        name = f"session/{session}"
        return self._sent_through(name, beside) or self._afresh(name, beside, self._sent_through)

    def _sent_through(self, name: str, beside: str) -> list[str]:
        session = name.partition("/")[2]
        if self.of(beside).session_of(beside) in {session, None}:
            return [beside]
        # Mostly an instance has its session's name, registered or not.
        found = self._believed(name) | {session}
        return sorted(one for one in found if self._is_sent_through(session, one) and self._trusts(one, beside))

    def _is_sent_through(self, session: str, instance: str) -> bool:
        return self.of(instance).session_of(instance) == session

    def _trusts(self, instance: str, beside: str) -> bool:
        return self.of(instance).trusts(self.of(beside))

    def _speaks_of(self, instance: str, name: str, beside: str) -> bool:
        gateway = self.of(instance)
        return bool(gateway.is_called(name)) and gateway.trusts(self.of(beside))

    def is_called(self, instance: str, name: str) -> bool | None:
        """Whether a gateway calls the instance so; None where nobody told us what it is called."""
        return self.of(instance).is_called(name)

    def _believed(self, name: str) -> frozenset[str]:
        found, until = self._names.get(name, (frozenset(), 0.0))
        if self._clock() >= until:
            found = self._named(name)
            if len(self._names) >= MOST_KNOWN:
                self._names.clear()
            self._names[name] = (found, self._clock() + (BELIEVED_S if found else UNNAMED_S))
        return found

    def _made(self, name: str, instance: Instance | None) -> Door:
        if instance is None or instance.dialect is None:
            return replace(self._default, gateway=self._default.gateway.of_unregistered(name))
        if self._settings.fault_injection and instance.dialect != "sandbox":
            return Door(instance.dialect, Shut("fault_injection", "FAULT_INJECTION is set"))
        secrets = self._secrets(instance)
        if secrets is None:
            detail = "SECRET_KEY is unset, or is not the one that the instance was registered with"
            return Door(instance.dialect, Shut("credentials_unreadable", detail))
        given = complete(instance.dialect, {**instance.open_credentials, **secrets}, instance=name)
        # None need be given for the sandbox, whose own calls carry the settings' token.
        is_sandbox = instance.dialect == "sandbox"
        credentials = {**self._settings.credentials_of("sandbox"), **given} if is_sandbox else given
        gateway = build(
            instance.dialect,
            url=instance.url,
            credentials=credentials,
            timeout_s=self._settings.send_timeout_s,
            check_numbers=instance.check_numbers,
        )
        is_checked = credentials.keys() >= set(DIALECTS[instance.dialect].checking())
        takes_calls = is_checked or not self._settings.checks_webhooks
        return Door(instance.dialect, gateway, takes_calls, _clock(instance.dialect, instance.url))

    def _secrets(self, instance: Instance) -> Mapping[str, str] | None:
        if not instance.secret_names:
            return {}
        if self._settings.secret_key is None:
            return None
        return unseal(instance.sealed, secret_key=self._settings.secret_key, binding=instance.binding)


@dataclass(frozen=True, kw_only=True)
class Services:
    """What the views and the tasks work with."""

    settings: Settings
    store: Store
    gateways: Gateways
    sending: Sending
    calling: Calling
    horizon: Horizon
    reached: Reached = pass_by
    chance: Callable[[], float] = random.random

    def ping(self) -> None:
        """Return if Redis answers; raises Unavailable."""
        self.store.ping()

    def workers(self, queue: str) -> int:
        """How many live workers consume the queue."""
        return self.store.workers.alive(queue)


def build_services(settings: Settings, *, patience: int = 0, rest_s: float = 0) -> Services:
    """Wire everything up. Nothing is connected yet. Raises SettingsError when there is no Redis to use.

    `patience` is with a Redis that is away, and `rest_s` for how long one that did not answer is asked nothing.
    """
    app = default_app(settings.gateway, settings.gateway_credentials, settings.secret_key)
    store = Store(
        redis_url(settings),
        patience=patience,
        rest_s=rest_s,
        secret_key=settings.secret_key,
        default_app=app,
        default_at=(settings.gateway, (settings.url_of(settings.gateway) or "").rstrip("/")),
    )
    gateways = Gateways(settings, store.instances.find, named=store.instances.named)
    policy = Policy(max_attempts=settings.send_max_attempts, timeout_s=settings.send_timeout_s)
    reached = striker(store) if settings.fault_injection else pass_by
    return Services(
        settings=settings,
        store=store,
        gateways=gateways,
        sending=Sending(store=store, gateway_of=gateways.of, policy=policy, reached=reached),
        calling=Calling(store, Poster(settings.callback_secret, allow_private=settings.callback_allow_private)),
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
