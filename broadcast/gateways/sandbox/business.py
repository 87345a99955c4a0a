"""Meta's side of the dialect: what an instance of kind WHATSAPP-BUSINESS answers otherwise than a telephone's does.

Shapes and words are those of a real Evolution 2.3.7 before a Graph that was made to fail.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from broadcast.gateways.sandbox.faults import FETCHING, LOST, Fault, Reply, graph_error

#: What a message's sending and its delivery are called.
WORDS = ("SENT", "DELIVERED")
#: What a check of numbers is answered, without the envelope of a send.
NO_CHECK = Reply(
    400,
    {"status": 400, "error": "Bad Request", "message": ["Method not available on WhatsApp Business API"]},
)


def wrong_field(body: Mapping[str, Any]) -> Reply | None:
    """What Meta's client, then Meta itself, finds wrong with a request that the schema takes."""
    if body.get("text") == "":
        return LOST
    return None if any(sign.isdigit() for sign in body["number"]) else graph_error(100)


def template_text(body: Mapping[str, Any]) -> str:
    """What a template is shown as, whatever it says."""
    return f"\u25b6\ufe0f{body['name']}\u25c0\ufe0f"


def medium(kind: str, url: str, caption: Mapping[str, str]) -> dict[str, Any]:
    """A medium as it is shown: its address goes on to Meta as it stands, and content that came along by an id."""
    is_link = url.startswith(("http://", "https://"))
    return {
        **caption,
        "mediaType": kind,
        "media": url,
        "gifPlayback": False,
        "id": url if is_link else str(uuid.uuid5(uuid.NAMESPACE_URL, url).int)[:15],
        "type": "link" if is_link else "id",
    }


def new_id() -> str:
    """A message id of Meta's look."""
    return f"wamid.HBg{uuid.uuid4().hex.upper()}"


def is_spared(fault: Fault) -> bool:
    """Whether the fault cannot happen to such an instance, which fetches no medium."""
    return fault.kind in FETCHING
