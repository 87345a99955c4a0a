"""Who is asking, and which instances they may use."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import cast

from flask import Flask, g, request

from broadcast.errors import Forbidden, NotFound, Unauthorized
from broadcast.settings import ApiKey

#: Answered without a key.
OPEN_PATHS = frozenset({"/health/live", "/health/ready", "/openapi.json"})
#: Pages that find their caller themselves, by a session, and the files that they are made of.
OPEN_ROOMS = frozenset({"dashboard", "bootstrap"})
#: Who asks when no keys are configured: the API is bound to the loopback then.
ANYBODY = ApiKey("anybody", "")


def install(app: Flask, keys: Sequence[ApiKey]) -> None:
    """Before every request, find the caller; `g.caller` has them. Without keys, everybody may do everything."""

    @app.before_request
    def identify() -> None:
        is_open = not keys or request.path in OPEN_PATHS or request.blueprint in OPEN_ROOMS
        g.caller = ANYBODY if is_open else find(keys, _presented())


def find(keys: Sequence[ApiKey], presented: Sequence[str]) -> ApiKey:
    """The key that was presented; every one is compared, in constant time. Raises Unauthorized."""
    if not presented:
        raise Unauthorized("Present a key: `Authorization: Bearer <key>` or `apikey: <key>`.")
    matches = [key for key in keys for secret in presented if hmac.compare_digest(key.secret.encode(), secret.encode())]
    if not matches:
        raise Unauthorized("This key is not known.")
    return matches[0]


def _presented() -> list[str]:
    """The secrets in the headers. Supabase clients send both, with a user's token where a key would be."""
    scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
    given = [secret.strip() if scheme.lower() == "bearer" else "", request.headers.get("apikey", "")]
    # WSGI hands headers over as Latin-1; a secret beyond ASCII was sent as UTF-8.
    return [text.encode("latin-1").decode("utf-8", "replace") for text in given if text]


def caller() -> ApiKey:
    """Who makes this request."""
    return cast(ApiKey, g.caller)


def may_use(instance: str) -> None:
    """Raise Forbidden unless the caller may use the instance."""
    if not caller().may_use(instance):
        raise Forbidden(f"This key may not use the instance {instance}.")


def may_see(instance: str, campaign: str) -> None:
    """Raise NotFound unless the caller may use the campaign's instance: others' campaigns do not exist for them."""
    if not caller().may_use(instance):
        raise NotFound(f"There is no campaign {campaign}.")
