"""Tokens of Supabase's users: good for what their `app_metadata` says, which only a server can write."""

from __future__ import annotations

from typing import Any

import jwt

from broadcast.domain.caller import Caller, Scope
from broadcast.errors import Unauthorized

#: Pinned: a token never chooses how it is checked.
ALGORITHM = "HS256"
#: Supabase gives it to users who logged in. Its anon and service keys have none, though the same secret signs them.
AUDIENCE = "authenticated"
#: So far Supabase's clock and ours may differ.
LEEWAY_S = 10
#: What a user's token is good for that does not say.
DEFAULT_SCOPES = frozenset({Scope.READ, Scope.SEND})


def looks_like_one(secret: str) -> bool:
    """Whether it has a token's three parts."""
    return secret.count(".") == 2


def is_one(secret: str) -> bool:
    """Whether it is a token, anybody's, and not only looks like one: nobody guesses keys by those."""
    try:
        jwt.decode(secret, options={"verify_signature": False})
    except jwt.InvalidTokenError:
        return False
    return True


def caller_of(token: str, *, jwt_secret: str) -> Caller:
    """The user whose token it is. Raises Unauthorized."""
    try:
        claims = jwt.decode(
            token,
            jwt_secret,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            leeway=LEEWAY_S,
            options={"require": ["exp", "aud", "sub"]},
        )
    except jwt.ExpiredSignatureError as error:
        raise Unauthorized("This token has expired.") from error
    except jwt.ImmatureSignatureError as error:
        raise Unauthorized(
            "This token counts from later on: its maker's clock is ahead of ours, or ours is slow."
        ) from error
    except jwt.InvalidTokenError as error:
        raise Unauthorized("This token is not one of a logged-in user of ours.") from error
    known = claims.get("app_metadata")
    rights = known if isinstance(known, dict) else {}
    return Caller(name=f"user:{claims['sub']}"[:128], scopes=_scopes(rights), instances=_instances(rights))


def _scopes(rights: dict[str, Any]) -> frozenset[Scope]:
    """Words that we do not know are good for nothing."""
    if "broadcast_scopes" not in rights:
        return DEFAULT_SCOPES
    words = _texts(rights["broadcast_scopes"])
    return frozenset(scope for scope in Scope if scope.value in words)


def _instances(rights: dict[str, Any]) -> frozenset[str]:
    """Never every one: a token that names no instance is good for none."""
    return _texts(rights.get("broadcast_instances"))


def _texts(value: Any) -> frozenset[str]:
    return frozenset(text for text in value if isinstance(text, str)) if isinstance(value, list) else frozenset()
