"""Whether two instances would send from one number, with two paces and caps, and receipts at one of them alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from broadcast.domain.instance import Instance
from broadcast.engine.sealing import unseal
from broadcast.gateways.catalogue import DIALECTS
from broadcast.gateways.words import can_name
from broadcast.store import Store

#: What stands for the app of the settings where they have no secret of it.
UNTOLD_APP = "app/of the settings"


def shares_number(store: Store, instance: str, names: Sequence[str]) -> str | None:
    """Another instance that sends from the number that this one is given: of the same app, as far as anybody can tell.

    Of another's app it may be registered in vain, which must keep nobody from their own number. One that it has already
    is its own: whoever shares it since earlier can still be given another token.
    """
    apps, kept = _apps(names), store.instances.names(instance)
    for number in (name for name in names if name.startswith("number/") and name not in kept):
        for other in sorted(store.instances.named(number) - {instance}):
            if _apps(store.instances.names(other)) == apps:
                return other
        id_ = number.partition("/")[2]
        if _may_be_default(store, apps) and id_ != instance and store.instances.is_by_default(id_):
            return id_
    return None


def shares_session(store: Store, wanted: Instance, secret_key: str | None) -> str | None:
    """Another instance that is sent through the session that this one is given, of the same server.

    With another webhook secret it may be registered in vain, as with another app's above; the settings' may be this.
    """
    if wanted.dialect is None or not _has_sessions(wanted.dialect):
        return None
    session, kept = _session_of(wanted), store.instances.find(wanted.id)
    if kept is not None and _place_of(kept) == _place_of(wanted):
        return None
    for other in sorted((store.instances.named(f"session/{session}") | {session}) - {wanted.id}):
        found = store.instances.find(other)
        if found is None or found.dialect is None:
            if other == session and _at(wanted) == store.default_at and store.instances.is_by_default(other):
                return other
        elif _place_of(found) == _place_of(wanted) and _secrets(found, secret_key) == _secrets(wanted, secret_key):
            return other
    return None


def registered_as(store: Store, instance: str) -> str | None:
    """The registered instance that sends from the number that this name of an unregistered one is, if there is one."""
    kept = store.instances.find(instance)
    if kept is not None and kept.dialect is not None:
        return None
    if store.default_app and can_name(instance):
        others = sorted(store.instances.named(f"number/{instance}"))
        return next((other for other in others if _may_be_default(store, _apps(store.instances.names(other)))), None)
    if _has_sessions(store.default_at[0]):
        through = map(store.instances.find, sorted(store.instances.named(f"session/{instance}") - {instance}))
        return next((other.id for other in through if other is not None and _at(other) == store.default_at), None)
    return None


def _has_sessions(dialect: str) -> bool:
    return "session" in DIALECTS[dialect].credentials if dialect else False


def _at(kept: Instance) -> tuple[str, str]:
    return kept.dialect or "", kept.url.rstrip("/")


def _place_of(kept: Instance) -> tuple[tuple[str, str], str]:
    return _at(kept), _session_of(kept)


def _session_of(kept: Instance) -> str:
    return kept.open_credentials.get("session", kept.id)


def _secrets(kept: Instance, secret_key: str | None) -> Mapping[str, str]:
    """Those by which its gateway's calls are told from a stranger's."""
    secrets = unseal(kept.sealed, secret_key=secret_key, binding=kept.binding) if kept.sealed and secret_key else None
    checking = DIALECTS[kept.dialect or ""].checking()
    return {name: secret for name, secret in (secrets or {}).items() if name in checking}


def _may_be_default(store: Store, apps: set[str]) -> bool:
    """Whether it may be the settings' app: without a secret there, or here, nobody can tell."""
    return bool(store.default_app) and (not apps or store.default_app in {*apps, UNTOLD_APP})


def _apps(names: Iterable[str]) -> set[str]:
    return {name for name in names if name.startswith("app/")}
