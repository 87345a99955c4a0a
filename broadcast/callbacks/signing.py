"""Signing a callback, as Standard Webhooks 1.0 asks: HMAC-SHA256 over its id, the time and the body."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence


def headers(keys: Sequence[bytes], *, event: str, at_s: int, body: bytes) -> Mapping[str, str]:
    """The three headers of a callback. There is a signature by each key, so that a CRM can change over in peace.

    `event` is the callback's id, the same at every attempt; `at_s` is the attempt's time, Unix seconds.
    """
    return {
        "webhook-id": event,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(_signature(key, f"{event}.{at_s}.".encode() + body) for key in keys),
    }


def _signature(key: bytes, signed: bytes) -> str:
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
