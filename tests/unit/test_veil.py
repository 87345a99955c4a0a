"""Credentials in a gateway's words: gone however they are spelled, and nothing else is."""

from __future__ import annotations

import json

import pytest

from broadcast.gateways.base import Busy
from broadcast.gateways.http import Http
from broadcast.gateways.veil import veil_of


def test_every_secret_is_hidden_and_the_rest_stays() -> None:
    veil = veil_of(["the-token", None, "", "the-token-of-webhooks", "short"])
    assert veil("the-token; the-token-of-webhooks, short") == "***; ***, short"


@pytest.mark.parametrize("text", ["5511912345678", "x12345678", '{"12345678": 1}', '{"12345678" :1}', "1234-5678"])
def test_what_has_it_as_a_part_or_as_a_name_is_something_else(text: str) -> None:
    assert veil_of(["12345678"])(text) == text


@pytest.mark.parametrize("before", ["\\n", "\\t", "\\u003d", "\\u0022", "Bearer%20", "token%3D", "x"])
@pytest.mark.parametrize("secret", ["the-token", "EAAG" + 5 * "m0PX4ZCps"])
def test_an_escape_before_it_hides_no_secret(before: str, secret: str) -> None:
    is_other = before == "x" and secret == "the-token"  # a part of something longer
    assert (secret in veil_of([secret])(f"{before}{secret}")) is is_other


@pytest.mark.parametrize("secret", ["EAAGm0PX4ZCps", 'a"b\\c/d+e=f', "~" * 8, "%" * 20])
def test_json_stays_json(secret: str) -> None:
    for text in (json.dumps([secret, {"a": f"x {secret} y"}]), json.dumps([secret, {"a": f"x {secret} y"}], indent=1)):
        assert json.loads(veil_of([secret])(text)) == ["***", {"a": "x *** y"}]


def test_a_secret_that_no_header_can_carry_is_not_told_either() -> None:
    answer = Http(
        "http://127.0.0.1:1", timeout_s=1, headers={"apikey": " the-api-key"}, secrets=["the-api-key"]
    ).ask("GET", "/")  # fmt: skip
    assert isinstance(answer, Busy)
    assert ("the-api-key" in answer.detail, "***" in answer.detail) == (False, True)
