"""Which dialects there are, and what a gateway of each is made of: the settings and the registry both go by this."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from broadcast.gateways.base import Gateway
from broadcast.gateways.cloud import Cloud
from broadcast.gateways.evolution import Evolution
from broadcast.gateways.waha import Waha
from broadcast.gateways.words import can_name


@dataclass(frozen=True, kw_only=True)
class Credential:
    """Something that a gateway is made of beside its address; `argument` is its name in our code.

    `is_secret`: kept encrypted and never shown. `checks_webhooks`: without it, every webhook call would be taken.
    """

    argument: str
    is_required: bool = False
    is_secret: bool = True
    checks_webhooks: bool = False
    names: str = ""  #: the sort of name it is, where the service's webhooks call an instance by it
    joins: str = ""  #: the sort of group that instances with the same one are in
    is_name: bool = False  #: whether an instance that is given none, and has a number for its name, is named by it


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """The language of a far service. `credentials` are by the names that callers give them."""

    make: Callable[..., Gateway]
    credentials: Mapping[str, Credential]
    webhook: str  #: what its webhooks' addresses begin with, after /webhooks/
    signs_bodies: bool = False  #: whether only who has read a whole webhook call can tell its caller
    checks_numbers: bool = False  #: whether its server can be asked who has WhatsApp
    templates: bool = False  #: whether it sends templates, and outside an open conversation nothing else

    def required(self) -> list[str]:
        """What nothing can be sent without."""
        return [name for name, credential in self.credentials.items() if credential.is_required]

    def checking(self) -> list[str]:
        """What tells the service's webhook calls from anybody else's."""
        return [name for name, credential in self.credentials.items() if credential.checks_webhooks]


_TOKEN_OF_WEBHOOKS = Credential(argument="webhook_token", checks_webhooks=True)

DIALECTS: Mapping[str, Dialect] = {
    # The sandbox speaks Evolution's, asks for no key in particular, and sends to nobody.
    "sandbox": Dialect(
        make=partial(Evolution, api_key="sandbox"),
        credentials={"apiKey": Credential(argument="api_key"), "webhookToken": _TOKEN_OF_WEBHOOKS},
        webhook="evolution",
        checks_numbers=True,
    ),
    "evolution": Dialect(
        make=Evolution,
        credentials={
            "apiKey": Credential(argument="api_key", is_required=True),
            "webhookToken": _TOKEN_OF_WEBHOOKS,
        },
        webhook="evolution",
        checks_numbers=True,
    ),
    "cloud": Dialect(
        make=Cloud,
        credentials={
            "token": Credential(argument="token", is_required=True),
            "appSecret": Credential(argument="app_secret", checks_webhooks=True, joins="app"),
            "verifyToken": Credential(argument="verify_token"),
            "phoneNumberId": Credential(argument="phone_number_id", is_secret=False, names="number", is_name=True),
            "wabaId": Credential(argument="waba_id", is_secret=False, names="account"),
        },
        webhook="cloud",
        signs_bodies=True,
        templates=True,
    ),
    "waha": Dialect(
        make=Waha,
        credentials={
            "apiKey": Credential(argument="api_key", is_required=True),
            "hmacKey": Credential(argument="hmac_key", checks_webhooks=True),
            "session": Credential(argument="session", is_secret=False, names="session"),
        },
        webhook="waha",
        signs_bodies=True,
        checks_numbers=True,
    ),
}


def complete(dialect: str, credentials: Mapping[str, str], *, instance: str) -> dict[str, str]:
    """The credentials, and among them the one that the instance's own name stands for."""
    known = DIALECTS[dialect].credentials
    named = [name for name, credential in known.items() if credential.is_name and name not in credentials]
    return {**credentials, **(dict.fromkeys(named, instance) if can_name(instance) else {})}


def names_of(dialect: str, credentials: Mapping[str, str], *, instance: str) -> frozenset[str]:
    """What the service's webhooks may call this instance by: `number/1065`, `account/5010`, `session/default`."""
    known, given = DIALECTS[dialect].credentials, complete(dialect, credentials, instance=instance)
    sorts = {name: credential.names for name, credential in known.items() if credential.names}
    named = {name: value for name, value in given.items() if name in sorts}
    return frozenset(f"{sorts[name]}/{value}" for name, value in named.items() if _can_stand(sorts[name], value))


def cannot_name(dialect: str, credentials: Mapping[str, str]) -> list[str]:
    """Which of the credentials the service calls an instance by, and cannot."""
    known = DIALECTS[dialect].credentials
    sorts = {name: known[name].names for name in credentials if name in known and known[name].names}
    return [name for name, sort in sorts.items() if not _can_stand(sort, credentials[name])]


def _can_stand(sort: str, value: str) -> bool:
    """Whether it can be such a name: one of a session is a word, any other of Meta's ids."""
    return can_name(value) if sort != "session" else re.fullmatch(r"[\w.-]{1,64}", value, re.ASCII) is not None


def build(
    dialect: str,
    *,
    url: str,
    credentials: Mapping[str, str],
    timeout_s: float,
    check_numbers: bool | None = None,
) -> Gateway:
    """A gateway of this dialect at this address. `credentials` are by the names in the catalogue.

    `check_numbers`: whether each number is asked about before its message leaves; None: as the dialect needs it.
    """
    known = DIALECTS[dialect]
    arguments = {known.credentials[name].argument: value for name, value in credentials.items()}
    checks = {} if check_numbers is None or not known.checks_numbers else {"check_numbers": check_numbers}
    return known.make(url, timeout_s=timeout_s, **arguments, **checks)
