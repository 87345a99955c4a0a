"""Registering an instance: which gateway speaks for it, with which credentials, and the rules it keeps."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from broadcast.domain.instance import Instance
from broadcast.engine.sealing import seal, stand_in, unseal
from broadcast.engine.sharing import UNTOLD_APP, registered_as, shares_number, shares_session
from broadcast.errors import Conflict, FieldError, Invalid
from broadcast.gateways.catalogue import DIALECTS, cannot_name, names_of
from broadcast.pacing import Rules
from broadcast.store import Store

log = logging.getLogger(__name__)


#: sort of name -> how one looks
_LOOKS = {
    "number": "it is digits, and not the number itself",
    "account": "it is digits",
    "session": "it is 1 to 64 letters, digits, _, - or .",
}


@dataclass(frozen=True, kw_only=True)
class Registration:
    """What somebody asks for, whole: what is left out is unset. But `credentials` None leaves those that are kept."""

    instance: str
    dialect: str | None
    url: str | None
    credentials: Mapping[str, str] | None = field(repr=False)
    rules: Rules
    check_numbers: bool | None = None


def register(
    store: Store,
    wanted: Registration,
    *,
    secret_key: str | None,
    only_sandbox: bool,
    needs_webhook_secret: bool = False,
) -> bool:
    """Keep the instance as it is asked for; True when it is new. Takes effect within seconds, without a restart.

    `needs_webhook_secret`: strangers can call, and the settings have no secret that the sandbox's calls would carry.
    Raises Invalid for what does not go together, Conflict for what the settings do not allow, or where another instance
    sends from its number.
    """
    if only_sandbox and wanted.dialect not in {None, "sandbox"}:
        raise Conflict("FAULT_INJECTION is set: only instances of the sandbox can be registered.")
    if wanted.dialect is None and (other := registered_as(store, wanted.instance)):
        raise Conflict(f"{wanted.instance} is the number of the registered instance {other}: its rules are of that.")
    kept = _instance(store, wanted, secret_key)
    if needs_webhook_secret:
        _check_calls(kept)
    names = [*_names(kept), *_groups(kept, secret_key)]
    if other := shares_number(store, kept.id, names) or shares_session(store, kept, secret_key):
        raise Conflict(
            f"{other} sends from this number already: its pace, cap and receipts would be of two instances. "
            f"Register it as {other}, or {other} with another number first."
        )
    version = store.instances.keep(kept, wanted.rules, names=names)
    store.lanes.restart(wanted.instance)  # what is booked was planned by the old rules
    log.info("registered version %s", version, extra={"action": "register", "instance": wanted.instance})
    return version == 1


def name_all(store: Store, secret_key: str | None) -> int:
    """Let those who were registered by an earlier version be found by what webhooks call them; how many that were."""
    count = 0
    for name in store.instances.unnamed(store.lanes.instances()):
        kept = store.instances.find(name)
        if kept is not None and kept.dialect is not None:
            count += store.instances.name(name, [*_names(kept), *_groups(kept, secret_key)])
    return count


def _check_calls(kept: Instance) -> None:
    """Raise Invalid where nobody could tell the calls of its gateway from a stranger's."""
    checking = DIALECTS[kept.dialect].checking() if kept.dialect else []
    remedy = "is required while WEBHOOK_TOKEN is unset: webhook calls would be taken from strangers"
    missing = [FieldError(f"/credentials/{name}", remedy) for name in checking if name not in kept.secret_names]
    if missing:
        raise Invalid(*missing)


def _names(kept: Instance) -> Iterable[str]:
    return names_of(kept.dialect, kept.open_credentials, instance=kept.id) if kept.dialect else ()


def _groups(kept: Instance, secret_key: str | None) -> Iterator[str]:
    """What it shares with the instances that have the same secret, as `app/…`: it tells nothing of the secret."""
    if kept.dialect and kept.sealed and secret_key is not None:
        secrets = unseal(kept.sealed, secret_key=secret_key, binding=kept.binding) or {}
        yield from _groups_of(kept.dialect, secrets, secret_key)


def _groups_of(dialect: str, secrets: Mapping[str, str], secret_key: str) -> Iterator[str]:
    known = DIALECTS[dialect].credentials
    for name, secret in secrets.items():
        if known[name].joins:
            yield f"{known[name].joins}/{stand_in(secret, secret_key=secret_key)}"


def default_app(dialect: str, credentials: Mapping[str, str], secret_key: str | None) -> str:
    """The group of all instances that have these credentials, the settings', since nobody registered them.

    "" in a dialect whose service knows no apps.
    """
    if not any(credential.joins for credential in DIALECTS[dialect].credentials.values()):
        return ""
    groups = list(_groups_of(dialect, credentials, secret_key)) if secret_key else []
    return groups[0] if groups else UNTOLD_APP


def _instance(store: Store, wanted: Registration, secret_key: str | None) -> Instance:
    if wanted.dialect is not None and wanted.check_numbers and not DIALECTS[wanted.dialect].checks_numbers:
        raise Invalid(FieldError("/checkNumbers", f"{wanted.dialect} cannot be asked who has WhatsApp"))
    return replace(_bound(store, wanted, secret_key), check_numbers=wanted.check_numbers)


def _bound(store: Store, wanted: Registration, secret_key: str | None) -> Instance:
    """To its gateway, with its credentials."""
    if wanted.dialect is None:
        if wanted.url is not None or wanted.credentials or wanted.check_numbers is not None:
            raise Invalid(FieldError("/dialect", "is required with url, credentials or checkNumbers"))
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
    for name in cannot_name(dialect, credentials):
        yield FieldError(
            f"/credentials/{name}", f"cannot be {dialect}'s {name}: {_LOOKS[known.credentials[name].names]}"
        )
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
