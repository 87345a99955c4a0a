"""What the Cloud API's webhooks say. Every status brings our reference back, so none depends on what an answer told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from broadcast.domain.contact import Status
from broadcast.domain.receipt import Inbound, Preference, Receipt
from broadcast.gateways.base import Connection, News, Refused
from broadcast.gateways.meta import detail_of, meaning_of
from broadcast.gateways.words import can_be_id, tell_of, whole

Json = Mapping[str, Any]


def read(payload: Json, *, phone_number_id: str | None) -> News:
    """What a call says, of all numbers in it; statuses of a number that is not ours are left out."""
    changes = _changes(payload)
    messages, preferences = _values(changes, "messages"), _values(changes, "user_preferences")
    ours = [value for value in messages if phone_number_id is None or _number(value) in {None, phone_number_id}]
    statuses = [item for value in ours for item in items(value, "statuses")]
    written = [item for value in messages for item in items(value, "messages")]
    wishes = [item for value in preferences for item in items(value, "user_preferences")]
    return News(
        receipts=tuple(filter(None, map(_receipt, statuses))),
        inbound=tuple(filter(None, map(_inbound, written))),
        preferences=tuple(filter(None, map(_preference, wishes))),
        connection=next(filter(None, map(_ban, _values(changes, "account_update"))), None),
    )


def _number(value: Json) -> str | None:
    """Meta's id of the number that a change is about."""
    metadata = value.get("metadata")
    named = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
    return str(named) if named is not None else None


def _changes(payload: Json) -> list[tuple[object, Json]]:
    """The fields that changed, and what is said of each. One call may speak of several numbers."""
    changes = [change for entry in items(payload, "entry") for change in items(entry, "changes")]
    return [(change.get("field"), change["value"]) for change in changes if isinstance(change.get("value"), dict)]


def _values(changes: list[tuple[object, Json]], field: str) -> list[Json]:
    return [value for name, value in changes if name == field]


def items(of: Json, name: str) -> list[Json]:
    """The objects in a list; whatever else is there is left out."""
    found = of.get(name)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


#: their word -> ours. A voice note that was played was read.
_STATUSES: Mapping[str, Status] = {
    "sent": Status.SENT,
    "delivered": Status.DELIVERED,
    "read": Status.READ,
    "played": Status.READ,
    "failed": Status.FAILED,
}


def _receipt(item: Json) -> Receipt | None:
    message_id, word = item.get("id"), item.get("status")
    if not can_be_id(message_id) or not isinstance(word, str):
        return None
    status = _STATUSES.get(word)
    if status is None:
        tell_of(word[:30], "a receipt")
        return None
    receipt = Receipt(message_id=str(message_id), status=status, reference=_text(item, "biz_opaque_callback_data"))
    return _with_failure(receipt, item) if status is Status.FAILED else receipt


def _with_failure(receipt: Receipt, item: Json) -> Receipt:
    """The receipt with its reason, and with what that says of more than this one message."""
    error = next(iter(items(item, "errors")), None)
    if error is None:
        return replace(receipt, reason="gateway_error")
    means = meaning_of(error) or Refused("rejected", detail_of(error))
    is_more = not isinstance(means, Refused) or means.opts_out
    return replace(receipt, reason=means.reason, detail=means.detail, means=means if is_more else None)


#: kind of what people write or tap -> where its text is
_SAID: Mapping[str, tuple[str, str]] = {
    "text": ("text", "body"),
    "button": ("button", "text"),
    "button_reply": ("button_reply", "title"),
    "list_reply": ("list_reply", "title"),
}


def _inbound(item: Json) -> Inbound | None:
    """What a person wrote or tapped. Who has a username may come without a number, and what is said in a group is not
    said to us.
    """
    phone, text = _digits(item, "from"), _said(item)
    return Inbound(phone=phone, text=text) if phone and text and "group_id" not in item else None


def _said(item: Json) -> str | None:
    tapped = item.get("interactive") if item.get("type") == "interactive" else item
    if not isinstance(tapped, dict):
        return None
    where, name = _SAID.get(str(tapped.get("type")), ("", ""))
    found = tapped.get(where)
    return _text(found, name) if isinstance(found, dict) else None


def _text(of: Json, name: str) -> str | None:
    found = of.get(name)
    return whole(found) if isinstance(found, str) and found else None


def _digits(of: Json, name: str) -> str | None:
    found = of.get(name)
    return found if isinstance(found, str) and re.fullmatch(r"[0-9]{5,20}", found) else None


#: their word -> whether the person wants to hear no more of us
_STOPS: Mapping[str, bool] = {"stop": True, "resume": False, "signup": False}


def _preference(item: Json) -> Preference | None:
    phone, word = _digits(item, "wa_id"), item.get("value")
    if phone is None or item.get("category") != "marketing_messages" or not isinstance(word, str):
        return None
    if word not in _STOPS:
        tell_of(word[:30], "a preference")
        return None
    return Preference(phone=phone, stops=_STOPS[word])


def _ban(value: Json) -> Connection | None:
    """News that the account can write to nobody. What it may do again, a probe tells; and a person, whether it should.

    A violation is a reproof, and a ban that is announced is none yet. No event of `phone_number_quality_update` says
    that a number cannot send.
    """
    event = value.get("event")
    ban = value.get("ban_info")
    state = ban.get("waba_ban_state") if isinstance(ban, dict) else None
    restrictions = [item.get("restriction_type") for item in items(value, "restriction_info")]
    is_banned = {
        "ACCOUNT_DELETED": True,
        "ACCOUNT_OFFBOARDED": True,
        "DISABLED_UPDATE": state == "DISABLE",
        "ACCOUNT_RESTRICTION": "RESTRICTED_BIZ_INITIATED_MESSAGING" in restrictions,
    }
    return Connection(is_open=False, reason="restricted") if isinstance(event, str) and is_banned.get(event) else None
