"""Whoever presents a key is known by it; whoever does not stays outside."""

from __future__ import annotations

import pytest
from flask import Flask
from flask.testing import FlaskClient

from broadcast.api import auth, errors
from broadcast.errors import Unauthorized
from broadcast.settings import ApiKey

CRM = ApiKey("crm", "secret-of-crm")
LOJA = ApiKey("loja", "secret-of-loja", frozenset({"loja"}))
CAFE = ApiKey("café", "segredo-do-café")
KEYS = (CRM, LOJA, CAFE)


def app(*keys: ApiKey) -> FlaskClient:
    """Views that say who asked, and what they may use and see."""
    flask = Flask(__name__)
    auth.install(flask, keys)
    errors.install(flask)
    flask.add_url_rule("/who", "who", lambda: auth.caller().name)
    flask.add_url_rule("/health/live", "live", lambda: auth.caller().name)
    flask.add_url_rule("/use/<instance>", "use", lambda instance: auth.may_use(instance) or "yes")
    flask.add_url_rule("/see/<instance>", "see", lambda instance: auth.may_see(instance, "c1") or "yes")
    return flask.test_client()


def who(headers: dict[str, str], path: str = "/who") -> tuple[int, str]:
    answer = app(*KEYS).get(path, headers=headers)
    return answer.status_code, answer.text if answer.status_code == 200 else answer.json["code"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer secret-of-crm"},
        {"Authorization": "bearer  secret-of-crm"},
        {"apikey": "secret-of-crm"},
        {"Authorization": "Bearer a-users-token", "apikey": "secret-of-crm"},
        {"Authorization": "Basic eDp5", "apikey": "secret-of-crm"},
    ],
)
def test_a_key_is_taken_from_either_header(headers: dict[str, str]) -> None:
    assert who(headers) == (200, "crm")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "secret-of-crm"},
        {"Authorization": "Basic secret-of-crm"},
        {"Authorization": "Bearer secret-of-cr"},
        {"Authorization": "Bearer secret-of-crm2"},
        {"apikey": ""},
        {"apikey": "Bearer secret-of-crm"},
        {"apikey": "\xff\xfe"},
    ],
)
def test_whatever_is_not_the_whole_key_is_no_key(headers: dict[str, str]) -> None:
    assert who(headers) == (401, "unauthorized")


def test_a_refusal_says_how_to_present_a_key_and_not_which() -> None:
    answer = app(*KEYS).get("/who", headers={"apikey": "secret-of-cr"})
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "secret" not in answer.text


def test_a_key_beyond_ascii_arrives_as_it_was_sent() -> None:
    # A WSGI server hands the bytes of a header over as Latin-1.
    assert who({"apikey": CAFE.secret.encode().decode("latin-1")}) == (200, CAFE.name)


def test_health_answers_everybody_even_with_a_wrong_key() -> None:
    assert who({}, "/health/live") == (200, "anybody")
    assert who({"apikey": "wrong"}, "/health/live") == (200, "anybody")
    assert who({}, "/health/live/../../who")[0] == 401


def test_without_keys_everybody_may_do_everything() -> None:
    client = app()
    assert client.get("/who").text == "anybody"
    assert client.get("/use/loja").text == client.get("/see/outra").text == "yes"


def test_a_key_of_one_instance_is_refused_another_and_does_not_see_its_campaigns() -> None:
    client, headers = app(*KEYS), {"apikey": LOJA.secret}
    assert client.get("/use/loja", headers=headers).text == client.get("/see/loja", headers=headers).text == "yes"
    assert client.get("/use/outra", headers=headers).status_code == 403
    assert client.get("/see/outra", headers=headers).status_code == 404


def test_every_key_finds_its_own_caller() -> None:
    assert [auth.find(KEYS, [key.secret]) for key in KEYS] == list(KEYS)
    with pytest.raises(Unauthorized):
        auth.find(KEYS, [])
