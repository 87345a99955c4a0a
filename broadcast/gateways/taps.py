"""Taps on buttons and lists, as WhatsApp's protocol has them and gateways that speak it hand them on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from broadcast.gateways.words import whole

_Path = tuple[str, ...]

#: a tap -> where is what the button says, and what its maker put behind it: as Baileys, and as whatsmeow writes it.
_TAPS: Mapping[str, tuple[tuple[_Path, ...], tuple[_Path, ...]]] = {
    "buttonsResponseMessage": (
        (("selectedDisplayText",), ("Response", "SelectedDisplayText")),
        (("selectedButtonId",), ("selectedButtonID",)),
    ),
    "templateButtonReplyMessage": ((("selectedDisplayText",),), (("selectedId",), ("selectedID",))),
    "listResponseMessage": (
        (("title",),),
        (("singleSelectReply", "selectedRowId"), ("singleSelectReply", "selectedRowID")),
    ),
    "interactiveResponseMessage": (
        (("body", "text"),),
        (
            ("nativeFlowResponseMessage", "paramsJson"),
            ("InteractiveResponseMessage", "NativeFlowResponseMessage", "paramsJSON"),
        ),
    ),
}
#: Where a button is tapped by its id in an answer that is JSON in a text.
_PARAMETERS = "interactiveResponseMessage"


@dataclass(frozen=True, kw_only=True)
class Tap:
    """What the button says, "" where the call does not tell, and what is behind it."""

    text: str
    behind: str | None


def tap_in(message: object) -> Tap | None:
    """The tap that a message is; None for any other message."""
    if not isinstance(message, dict):
        return None
    name = next((name for name in _TAPS if isinstance(message.get(name), dict)), None)
    if name is None:
        return None
    labels, behinds = _TAPS[name]
    behind = _first(message[name], behinds)
    return Tap(text=_first(message[name], labels) or "", behind=_id_in(behind) if name == _PARAMETERS else behind)


def _first(of: Any, paths: tuple[_Path, ...]) -> str | None:
    for path in paths:
        found = of
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, str) and found:
            return whole(found)
    return None


def _id_in(parameters: str | None) -> str | None:
    try:
        told = json.loads(parameters or "")
    except (ValueError, RecursionError):
        return None
    return _first(told, (("id",),))
