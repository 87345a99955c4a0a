"""Which dialects there are, and what a gateway of each is made of: the settings and the registry both go by this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from broadcast.gateways.base import Gateway
from broadcast.gateways.cloud import Cloud
from broadcast.gateways.evolution import Evolution
from broadcast.gateways.waha import Waha


@dataclass(frozen=True, kw_only=True)
class Credential:
    """Something that a gateway is made of beside its address; `argument` is its name in our code.

    `is_secret`: kept encrypted and never shown. `checks_webhooks`: without it, every webhook call would be taken.
    """

    argument: str
    is_required: bool = False
    is_secret: bool = True
    checks_webhooks: bool = False


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """The language of a far service. `credentials` are by the names that callers give them."""

    make: Callable[..., Gateway]
    credentials: Mapping[str, Credential]
    webhook: str  #: what its webhooks' addresses begin with, after /webhooks/
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
    ),
    "evolution": Dialect(
        make=Evolution,
        credentials={
            "apiKey": Credential(argument="api_key", is_required=True),
            "webhookToken": _TOKEN_OF_WEBHOOKS,
        },
        webhook="evolution",
    ),
    "cloud": Dialect(
        make=Cloud,
        credentials={
            "token": Credential(argument="token", is_required=True),
            "appSecret": Credential(argument="app_secret", checks_webhooks=True),
            "verifyToken": Credential(argument="verify_token"),
            "phoneNumberId": Credential(argument="phone_number_id", is_secret=False),
        },
        webhook="cloud",
        templates=True,
    ),
    "waha": Dialect(
        make=Waha,
        credentials={
            "apiKey": Credential(argument="api_key", is_required=True),
            "hmacKey": Credential(argument="hmac_key", checks_webhooks=True),
            "session": Credential(argument="session", is_secret=False),
        },
        webhook="waha",
    ),
}


def build(dialect: str, *, url: str, credentials: Mapping[str, str], timeout_s: float) -> Gateway:
    """A gateway of this dialect at this address. `credentials` are by the names in the catalogue."""
    known = DIALECTS[dialect]
    arguments = {known.credentials[name].argument: value for name, value in credentials.items()}
    return known.make(url, timeout_s=timeout_s, **arguments)
