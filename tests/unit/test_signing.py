"""A callback's signature is one that Standard Webhooks' own package takes."""

from __future__ import annotations

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from broadcast.callbacks.signing import headers
from broadcast.errors import SettingsError
from broadcast.settings import Settings

OLD, NEW = "whsec_" + "b2xkLXNlY3JldC1vZi0yNC1ieXRlcy1vci1tb3Jl", "whsec_" + "bmV3LXNlY3JldC1vZi0yNC1ieXRlcy1vci1tb3Jl"


def keys(secret: str) -> tuple[bytes, ...]:
    return Settings.read({"CALLBACK_SECRET": secret}).callback_secret


def signed(secret: str, body: bytes = b'{"type": "x"}') -> dict[str, str]:
    return dict(headers(keys(secret), event="cb_1", at_s=int(time.time()), body=body))


@given(text=st.text())
def test_whatever_the_body_says_the_judge_takes_its_signature(text: str) -> None:
    body = text.encode("utf-8", "ignore")
    Webhook(NEW).verify(body, signed(NEW, body), json_parse=False)


def test_a_body_that_was_changed_on_the_way_is_not_taken() -> None:
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(b'{"type": "y"}', signed(NEW))


def test_while_the_secret_changes_the_old_one_and_the_new_one_are_both_taken() -> None:
    said = signed(f"{NEW}  {OLD}")
    for secret in (OLD, NEW):
        Webhook(secret).verify(b'{"type": "x"}', said)
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + base64.b64encode(b"somebody else's, and long enough").decode()).verify(b"{}", said)


def test_a_secret_that_is_plain_text_signs_by_its_letters() -> None:
    text = "a plain text would have blanks".replace(" ", "-")
    Webhook(text.encode()).verify(b'{"type": "x"}', signed(text))


@pytest.mark.parametrize("secret", ["short", "whsec_", "whsec_c2hvcnQ=", "whsec_!" + "A" * 40, f"{NEW} short"])
def test_a_secret_that_is_weak_or_no_base64_stops_the_start_unseen(secret: str) -> None:
    with pytest.raises(SettingsError, match="CALLBACK_SECRET") as caught:
        keys(secret)
    assert secret not in str(caught.value).replace("whsec_$(", "")
