"""A Supabase user's token stands for a key: signed, unexpired, for logged-in users, and good for what it says."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import jwt
import pytest

from broadcast.api.auth import Guard, Keyring
from broadcast.api.tokens import caller_of
from broadcast.domain.caller import Caller, Scope
from broadcast.errors import Unauthorized
from broadcast.settings import ApiKey
from tests.unit.test_auth import InMemory

SECRET = "super-secret-jwt-token-with-at-least-32-characters"
READ_AND_SEND = frozenset({Scope.READ, Scope.SEND})


def a_token(*, secret: str = SECRET, algorithm: str = "HS256", **changes: Any) -> str:
    """What Supabase gives to a user; a claim that is None is left out."""
    claims = {
        "sub": "6f1c", "aud": "authenticated", "role": "authenticated", "exp": int(time.time()) + 3600,
        "app_metadata": {"provider": "email", "broadcast_instances": ["loja"]}, **changes,
    }  # fmt: skip
    given = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(given, secret, algorithm=algorithm)


def rights(**metadata: Any) -> Caller:
    return caller_of(a_token(app_metadata=metadata), jwt_secret=SECRET)


def test_a_user_may_read_and_send_through_the_instances_that_the_token_names() -> None:
    user = caller_of(a_token(), jwt_secret=SECRET)
    assert user == Caller(name="user:6f1c", scopes=READ_AND_SEND, instances=frozenset({"loja"}))


@pytest.mark.parametrize(
    ("words", "scopes"),
    [
        (["read"], {Scope.READ}),
        (["admin", "dance"], {Scope.ADMIN}),
        ([], set()),
        ("admin", set()),
        ({"admin": True}, set()),
        (None, set()),
        ([["admin"], 7], set()),
    ],
)
def test_scopes_are_those_of_the_claim_and_a_strange_claim_is_good_for_none(words: Any, scopes: set[Scope]) -> None:
    assert rights(broadcast_scopes=words, broadcast_instances=["loja"]).scopes == scopes


@pytest.mark.parametrize("instances", [None, [], "loja", "*", {"loja": 1}, [7]])
def test_a_token_that_names_no_instance_is_good_for_none(instances: Any) -> None:
    assert rights(broadcast_instances=instances).instances == frozenset()


@pytest.mark.parametrize("metadata", [None, [], "x", {}])
def test_metadata_that_is_none_gives_no_instance(metadata: Any) -> None:
    assert caller_of(a_token(app_metadata=metadata), jwt_secret=SECRET).instances == frozenset()


def test_what_the_user_can_write_himself_gives_nothing() -> None:
    mine = {"broadcast_instances": ["loja"], "broadcast_scopes": ["admin"]}
    user = caller_of(a_token(app_metadata={}, user_metadata=mine, **mine), jwt_secret=SECRET)
    assert (user.scopes, user.instances) == (READ_AND_SEND, frozenset())


def unsigned() -> str:
    _head, body, _ = a_token().split(".")
    none = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "JWT"}).encode()).rstrip(b"=").decode()
    return f"{none}.{body}."


@pytest.mark.parametrize(
    "token",
    [
        a_token(secret=SECRET[::-1]),
        a_token(algorithm="HS512", secret=SECRET * 2),
        unsigned(),
        a_token(exp=1),
        a_token(exp=None),
        a_token(sub=None),
        a_token(aud=None),
        a_token(aud="anon"),
        a_token(aud=None, role="anon", iss="supabase"),
        a_token(aud=None, role="service_role", iss="supabase"),
        a_token(nbf=int(time.time()) + 86_400),
        a_token()[:-2],
        "a.b.c",
        "..",
    ],
)
def test_whatever_is_not_a_users_valid_token_is_refused(token: str) -> None:
    with pytest.raises(Unauthorized):
        caller_of(token, jwt_secret=SECRET)


@pytest.mark.parametrize("changes", [{"iat": 5}, {"nbf": 5}, {"exp": -5}, {"iat": 1, "exp": 3600}])
def test_clocks_may_differ_by_seconds(changes: dict[str, int]) -> None:
    now = int(time.time())
    token = a_token(**{name: now + ahead_s for name, ahead_s in changes.items()})
    assert caller_of(token, jwt_secret=SECRET).name == "user:6f1c"


@pytest.mark.parametrize("name", ["iat", "nbf"])
def test_a_token_of_the_future_is_refused_for_that(name: str) -> None:
    with pytest.raises(Unauthorized, match="clock"):
        caller_of(a_token(**{name: int(time.time()) + 60}), jwt_secret=SECRET)


def test_another_algorithm_with_the_right_secret_is_refused() -> None:
    secret = SECRET * 2
    with pytest.raises(Unauthorized):
        caller_of(a_token(secret=secret, algorithm="HS512"), jwt_secret=secret)


def test_a_key_goes_before_a_token_and_a_token_counts_where_there_is_a_secret() -> None:
    keys = (ApiKey("crm", "secret-of-crm"),)
    ring = Keyring(Guard(stored=InMemory(), keys=keys, jwt_secret=SECRET))
    assert ring.find([a_token(), "secret-of-crm"], is_near=True).name == "crm"
    assert ring.find([a_token(), "anon-key"], is_near=True).name == "user:6f1c"
    with pytest.raises(Unauthorized, match="expired"):
        ring.find([a_token(exp=1)], is_near=True)
    with pytest.raises(Unauthorized, match="not known"):
        Keyring(Guard(stored=InMemory(), keys=keys)).find([a_token()], is_near=True)


def test_a_secret_for_tokens_alone_already_shuts_the_door() -> None:
    with pytest.raises(Unauthorized):
        Keyring(Guard(stored=InMemory(), jwt_secret=SECRET)).find([], is_near=True)
