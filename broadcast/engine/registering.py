"""Registering an instance: which gateway speaks for it, with which credentials, and the rules it keeps."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from broadcast.domain.instance import Instance
from broadcast.engine.sealing import seal
from broadcast.errors import Conflict, FieldError, Invalid
from broadcast.gateways.catalogue import DIALECTS
from broadcast.pacing import Rules
from broadcast.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What somebody asks for, whole: what is left out is unset. But `credentials` None leaves those that are kept."""

    instance: str
    dialect: str | None
    url: str | None
    credentials: Mapping[str, str] | None = field(repr=False)
    rules: Rules


def register(store: Store, wanted: Registration, *, secret_key: str | None, only_sandbox: bool) -> bool:
    """Keep the instance as it is asked for; True when it is new. Takes effect within seconds, without a restart.

    Raises Invalid for what does not go together, Conflict for what the settings do not allow.
    """
    if only_sandbox and wanted.dialect not in {None, "sandbox"}:
        raise Conflict("FAULT_INJECTION is set: only instances of the sandbox can be registered.")
    version = store.instances.keep(_instance(store, wanted, secret_key), wanted.rules)
    store.lanes.restart(wanted.instance)  # what is booked was planned by the old rules
    log.info("registered version %s", version, extra={"action": "register", "instance": wanted.instance})
    return version == 1


def _instance(store: Store, wanted: Registration, secret_key: str | None) -> Instance:
    if wanted.dialect is None:
        if wanted.url is not None or wanted.credentials:
            raise Invalid(FieldError("/dialect", "is required with url or credentials"))
        return Instance(id=wanted.instance)
    if wanted.url is None:
        raise Invalid(FieldError("/url", f"is required with dialect {wanted.dialect}"))
    named = Instance(id=wanted.instance, dialect=wanted.dialect, url=wanted.url)
    if wanted.credentials is None:
        return _with_kept(store, named)
    problems = list(_problems(wanted.dialect, wanted.credentials))
    if problems:
        raise Invalid(*problems)
    return _with_credentials(named, wanted.credentials, secret_key)


def _with_kept(store: Store, named: Instance) -> Instance:
    """With the credentials that are kept. They stay where they are: no other address ever gets to see them."""
    kept = store.instances.find(named.id)
    if kept is not None and kept.binding == named.binding:
        return kept
    problems = list(_problems(named.dialect or "", {}))
    if problems:
        raise Invalid(FieldError("/credentials", "is required, since the dialect or the address is another"))
    return named


def _problems(dialect: str, credentials: Mapping[str, str]) -> Iterator[FieldError]:
    """What is wrong with the credentials. Whoever has a webhook secret in the settings has none here by that."""
    known = DIALECTS[dialect]
    for name in credentials.keys() - known.credentials.keys():
        yield FieldError(f"/credentials/{name}", f"is none of {dialect}'s: {', '.join(known.credentials)}")
    needed = [] if dialect == "sandbox" else [*known.required(), *known.checking()]
    for name in needed:
        if name not in credentials:
            why = "" if name in known.required() else ": without it everybody's webhook calls would be taken"
            yield FieldError(f"/credentials/{name}", f"is required{why}")


def _with_credentials(named: Instance, credentials: Mapping[str, str], secret_key: str | None) -> Instance:
    known = DIALECTS[named.dialect or ""].credentials
    secrets = {name: value for name, value in credentials.items() if known[name].is_secret}
    if secrets and secret_key is None:
        raise Conflict("SECRET_KEY is unset: credentials are kept encrypted or not at all. Set it, for every process.")
    return replace(
        named,
        open_credentials={name: value for name, value in credentials.items() if name not in secrets},
        secret_names=frozenset(secrets),
        sealed=seal(secrets, secret_key=secret_key, binding=named.binding) if secrets and secret_key else "",
    )
