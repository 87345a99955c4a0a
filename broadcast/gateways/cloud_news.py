"""What the Cloud API's webhooks say. Every status brings our reference back, so none depends on what an answer told."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, TypeVar

from broadcast.domain.contact import Status
from broadcast.domain.receipt import Inbound, Preference, Receipt
from broadcast.gateways.base import Closed, Connection, News, Refused
from broadcast.gateways.meta import detail_of, gravest, meaning_of
from broadcast.gateways.words import can_be_id, moment_ms, tell_of, whole

log = logging.getLogger(__name__)

Json = Mapping[str, Any]
_Read = TypeVar("_Read")


def read(payload: Json, *, phone_number_id: str | None) -> News:
    """What a call says of our number, and apart, by `number/<id>` and `account/<id>`, of all others.

    Without a number (None) all are ours; with "" none. An account's news are all its numbers', ours or not. What people
    write concerns every instance.
    """
    changes = _changes(payload)
    messages = _values(changes, "messages")
    written = [item for value in messages for item in items(value, "messages")]
    receipts = _by_number(messages, "statuses", _receipt, ours=phone_number_id)
    wishes = _by_number(_values(changes, "user_preferences"), "user_preferences", _preference, ours=phone_number_id)
    closings, accounts = {**_by_errors(payload, ours=phone_number_id), **_by_account(payload)}, _accounts(payload)
    of_all = {
        name: News(
            receipts=tuple(receipts.get(name, ())),
            preferences=tuple(wishes.get(name, ())),
            connection=closings.get(name),
            account=accounts.get(name.removeprefix("number/") or phone_number_id or ""),
        )
        for name in {**receipts, **wishes, **closings}
    }
    ours = of_all.pop("", News())
    return replace(ours, inbound=tuple(filter(None, map(_inbound, written))), others=of_all)


def _by_number(
    values: list[Json], field: str, read: Callable[[Json], _Read | None], *, ours: str | None
) -> dict[str, list[_Read]]:
    """What is read of each number; ours is ""."""
    found: dict[str, list[_Read]] = {}
    for value in values:
        name = _named(_number(value), ours)
        told = list(filter(None, map(read, items(value, field))))
        if told:
            found.setdefault(name, []).extend(told)
    return found


def _named(number: str | None, ours: str | None) -> str:
    return "" if ours is None or number in {None, ours} else f"number/{number}"


def _by_errors(payload: Json, *, ours: str | None) -> dict[str, Connection]:
    """What errors that are of no message say of each number, or of each account where they name none: it is closed."""
    found: dict[str, Connection] = {}
    for entry in items(payload, "entry"):
        account, at_ms = entry.get("id"), moment_ms(entry.get("time"), unit_ms=1000)
        for value in _values(_changed(entry), "messages"):
            reason, number = _closing(value), _number(value)
            if reason is not None:
                name = f"account/{account}" if number is None and can_be_id(account) else _named(number, ours)
                found[name] = Connection(is_open=False, reason=reason, at_ms=at_ms, tried_for_ms=TRIED_FOR_MS)
    return found


#: What an error that is of no message can close an instance for; any other says nothing of its state.
_CLOSING = frozenset({"restricted", "billing", "unauthorized", "unregistered"})


def _closing(value: Json) -> str | None:
    """Why errors beside a number close it. Those beside what a person wrote may be of that alone."""
    errors = items(value, "errors")
    for error in errors:
        _tell_of_error(detail_of(error))
    if items(value, "messages"):
        return None
    means = [found for error in errors if isinstance(found := meaning_of(error), Closed)]
    return next((one.reason for one in means if one.reason in _CLOSING), None)


@lru_cache(maxsize=100)  # once, not once per call
def _tell_of_error(detail: str) -> None:
    log.warning("Meta tells of an error: %s", detail, extra={"action": "webhook"})


def _by_account(payload: Json) -> dict[str, Connection]:
    """What is said of each account that may write to nobody; of one without what can be an id, by ""."""
    found: dict[str, Connection] = {}
    for entry in items(payload, "entry"):
        connection, account = _banned(entry), entry.get("id")
        if connection is not None:
            found[f"account/{account}" if can_be_id(account) else ""] = connection
    return found


def _accounts(payload: Json) -> dict[str, str]:
    """Of which account each number is that receipts are of."""
    named = [
        (entry.get("id"), value) for entry in items(payload, "entry") for value in _values(_changed(entry), "messages")
    ]
    numbers = [(account, _number(value)) for account, value in named if can_be_id(account)]
    return {number: str(account) for account, number in numbers if number is not None}


def _number(value: Json) -> str | None:
    """Meta's id of the number that a change is about."""
    metadata = value.get("metadata")
    named = metadata.get("phone_number_id") if isinstance(metadata, dict) else None
    return str(named) if named is not None and can_be_id(str(named)) else None


def _changes(payload: Json) -> list[tuple[object, Json]]:
    """The fields that changed, and what is said of each. One call may speak of several numbers."""
    return [change for entry in items(payload, "entry") for change in _changed(entry)]


def _changed(entry: Json) -> list[tuple[object, Json]]:
    changes = items(entry, "changes")
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
    means = gravest(items(item, "errors"))
    if means is None:
        return replace(receipt, reason="gateway_error")
    is_more = not isinstance(means, Refused) or means.opts_out or means.halts_after > 0
    phone = _digits(item, "recipient_id") if isinstance(means, Refused) and means.opts_out else None
    return replace(receipt, reason=means.reason, detail=means.detail, means=means if is_more else None, phone=phone)


#: kind of what people write -> where its text is; a medium's is below it
_SAID: Mapping[str, tuple[str, str]] = {
    "text": ("text", "body"),
    "image": ("image", "caption"),
    "video": ("video", "caption"),
    "document": ("document", "caption"),
}
#: kind of what people tap -> where is what the button says, and what its maker put behind it
_TAPPED: Mapping[str, tuple[str, str]] = {
    "button": ("text", "payload"),
    "button_reply": ("title", "id"),
    "list_reply": ("title", "id"),
}


def _inbound(item: Json) -> Inbound | None:
    """What a person wrote or tapped. Who has a username may come without a number, and what is said in a group is not
    said to us.
    """
    phone, told = _digits(item, "from"), item.get("interactive") if item.get("type") == "interactive" else item
    if phone is None or not isinstance(told, dict) or "group_id" in item:
        return None
    return _tapped(phone, told) or _written(phone, told)


def _tapped(phone: str, told: Json) -> Inbound | None:
    kind = str(told.get("type"))
    label, behind = _TAPPED.get(kind, ("", ""))
    found = told.get(kind)
    text = _text(found, label) if isinstance(found, dict) else None
    return Inbound(phone=phone, text=text, is_tap=True, behind=_text(found, behind)) if found and text else None


def _written(phone: str, told: Json) -> Inbound | None:
    where, name = _SAID.get(str(told.get("type")), ("", ""))
    found = told.get(where)
    text = _text(found, name) if isinstance(found, dict) else None
    return Inbound(phone=phone, text=text) if text else None


def _text(of: Json, name: str) -> str | None:
    found = of.get(name)
    return whole(found) if isinstance(found, str) and found else None


def _digits(of: Json, name: str) -> str | None:
    found = of.get(name)
    return found if isinstance(found, str) and re.fullmatch(r"[0-9]{5,20}", found) else None


def _at_ms(of: Json) -> int | None:
    """Its `timestamp`, which Meta gives in seconds, now as text and now as a number."""
    found = str(of.get("timestamp"))
    return moment_ms(int(found), unit_ms=1000) if re.fullmatch(r"[0-9]{9,11}", found, re.ASCII) else None


#: their word -> whether the person wants to hear no more of us
_STOPS: Mapping[str, bool] = {"stop": True, "resume": False, "signup": False}


def _preference(item: Json) -> Preference | None:
    phone, word = _digits(item, "wa_id"), item.get("value")
    if phone is None or item.get("category") != "marketing_messages" or not isinstance(word, str):
        return None
    if word not in _STOPS:
        tell_of(word[:30], "a preference")
        return None
    return Preference(phone=phone, stops=_STOPS[word], at_ms=_at_ms(item))


#: Meta tries to tell for so long. Source: its throughput page, 2026.
TRIED_FOR_MS = 7 * 86_400_000


def _banned(entry: Json) -> Connection | None:
    """What an entry says of an account that may write to nobody."""
    found = next(filter(None, map(_ban, _values(_changed(entry), "account_update"))), None)
    at_ms = moment_ms(entry.get("time"), unit_ms=1000)
    return replace(found, at_ms=at_ms, tried_for_ms=TRIED_FOR_MS) if found else None


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
