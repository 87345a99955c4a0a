"""What WAHA's webhooks say: receipts, echoes of our own sends, what people wrote, and the state of a session."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from broadcast.domain.contact import Status
from broadcast.domain.content import Kind
from broadcast.gateways.base import Connection, Echo, Inbound, News, Receipt
from broadcast.gateways.taps import Tap, tap_in
from broadcast.gateways.words import moment_ms, named, tell_of, whole


def news_of(payload: Mapping[str, object]) -> News:
    """What a call says; empty news for what does not concern us, or is malformed."""
    event, item = payload.get("event"), payload.get("payload")
    reading = _EVENTS.get(event) if isinstance(event, str) else None
    news = reading(item) if reading is not None and isinstance(item, dict) else News()
    news = replace(news, session=named(payload, "session"))
    if news.connection is None:
        return news
    at_ms = moment_ms(payload.get("timestamp"), unit_ms=1)
    return replace(news, connection=replace(news.connection, at_ms=at_ms, tried_for_ms=TRIED_FOR_MS))


#: How often and how long it tries is for its operator to say; the documentation's own example is 15 times in 30 s.
TRIED_FOR_MS = 86_400_000


#: Where an answer, or an event, has the message's id: since 2025; NOWEB before; WEBJS before.
_PLACES: tuple[tuple[str, ...], ...] = (("id",), ("key", "id"), ("id", "_serialized"))

#: A message's id, alone or as `true_<chat>_<id>`. The chat of one message may be a number here and a hidden id there,
#: so the last segment is all that joins a receipt to its send. With a fourth segment it is a group's.
_ID = re.compile(r"(?:(?:true|false)_([^_\s]+)_)?([!-?A-^`-~]{1,256})")


def id_of(body: Any) -> str | None:
    """The id that an answer or an event gives a message, as receipts will name it."""
    match = _named(body)
    return match[2] if match else None


def _named(body: Any) -> re.Match[str] | None:
    return next(filter(None, map(_ID.fullmatch, _texts_at(body, _PLACES))), None)


def _texts_at(body: Any, places: tuple[tuple[str, ...], ...]) -> list[str]:
    """The texts that stand in these places, as far as there are any."""
    found = []
    for place in places:
        value = body
        for name in place:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str):
            found.append(value)
    return found


#: their word -> ours. PENDING is no news.
_ACKS: Mapping[str, Status | None] = {
    "ERROR": Status.FAILED,
    "PENDING": None,
    "SERVER": Status.SENT,
    "DEVICE": Status.DELIVERED,
    "READ": Status.READ,
    "PLAYED": Status.READ,
}
#: The same words as numbers, from -1, which is all that some engines give.
_ACK_NAMES = tuple(_ACKS)


def _acked(item: Mapping[str, Any]) -> News:
    message_id = id_of(item)
    receipt = _receipt(item, message_id) if message_id is not None and item.get("fromMe") is True else None
    return News(receipts=(receipt,)) if receipt else News()


def _receipt(item: Mapping[str, Any], message_id: str) -> Receipt | None:
    """How the message fared, where an event says so."""
    word = _ack_name(item)
    if word is None:
        return None
    if word not in _ACKS:
        tell_of(word[:30], "a receipt")
    status = _ACKS.get(word)
    if status is None:
        return None
    return Receipt(message_id=message_id, status=status, reason="gateway_error" if status is Status.FAILED else None)


def _ack_name(item: Mapping[str, Any]) -> str | None:
    name, number = item.get("ackName"), item.get("ack")
    if isinstance(name, str):
        return name
    if type(number) is int and -1 <= number < len(_ACK_NAMES) - 1:
        return _ACK_NAMES[number + 1]
    return None


#: a session's state -> why it cannot send
_CLOSED: Mapping[str, str] = {
    "STOPPED": "session_stopped",
    "STARTING": "session_starting",
    "SCAN_QR_CODE": "unlinked",
    "PASSKEY_REQUIRED": "passkey_wanted",
    "PASSKEY_CONFIRMATION_REQUIRED": "passkey_wanted",
    "FAILED": "session_failed",
}


def why_closed(state: str) -> str:
    """Why a session in this state cannot send."""
    return _CLOSED.get(state, "disconnected")


def connection_of(item: Mapping[str, Any]) -> Connection | None:
    """What a session's state means for its instance; None for one that we do not know, or that may become either."""
    state = item.get("status")
    if state == "WORKING":
        is_open = not _is_restricted(item)
        return Connection(is_open=is_open, reason="open" if is_open else "restricted")
    if not isinstance(state, str) or state not in _CLOSED or state == "STARTING":
        return None
    return Connection(is_open=False, reason=why_closed(state))


def _is_restricted(item: Mapping[str, Any]) -> bool:
    """Whether WhatsApp bars the number from people it does not know. An event has it in `data`, a session in `me`."""
    for told in (item.get("data"), item.get("me")):
        lock, cap = (told.get("reachoutTimelock"), told.get("messageCapping")) if isinstance(told, dict) else (0, 0)
        if isinstance(lock, dict) and lock.get("isActive") is True:
            return True
        if isinstance(cap, dict) and cap.get("cappingStatus") == "CAPPED":
            return True
    return False


def _told_of_session(item: Mapping[str, Any]) -> News:
    return News(connection=connection_of(item))


def _written(item: Mapping[str, Any]) -> News:
    """A message: one that a person wrote to us, or the echo of one that left from our number."""
    found = item.get("body")
    text = whole(found) if isinstance(found, str) else ""
    if item.get("fromMe") is True:
        return _echo(item, text) if isinstance(found, str) else News()
    phone = _sender(item) if item.get("fromMe") is False else None
    said = _said(item, phone, text) if phone else None
    return News(inbound=(said,)) if said else News()


#: What WEBJS calls a tap.
_TAPS = frozenset({"buttons_response", "template_button_reply", "list_response", "interactive_response"})


def _said(item: Mapping[str, Any], phone: str, text: str) -> Inbound | None:
    """What a person wrote or tapped. That, only the engine's own words tell: NOWEB's, GOWS' or WEBJS'."""
    told = item.get("_data")
    told = told if isinstance(told, dict) else {}
    tap = tap_in(told.get("message")) or tap_in(told.get("Message"))
    if tap is None and str(told.get("type")) in _TAPS:
        tap = Tap(text=text, behind=next(map(whole, _texts_at(told, _BEHIND)), None))
    if tap is not None and (text or tap.text or tap.behind):
        return Inbound(phone=phone, text=tap.text or text, is_tap=True, behind=tap.behind)
    return Inbound(phone=phone, text=text) if text else None


#: Where WEBJS has what the maker of a button put behind it.
_BEHIND = (("selectedButtonId",), ("selectedId",), ("listResponse", "singleSelectReply", "selectedRowId"))


def _echo(item: Mapping[str, Any], text: str) -> News:
    """A message that left from our number. NOWEB may say of one by the API that it was typed (`app`).

    So both are taken for what we sent to the same person in the same words; a medium that has none, only where it is by
    the API for certain. An id that we know tells us ours in any case.
    """
    match = _named(item)
    if match is None:
        return News()
    message_id = match[2]
    can_be_told = bool(text) or item.get("source") == "api"
    echo = Echo(
        message_id=message_id,
        phone=_receiver(item, match[1] or "") if can_be_told else None,
        text=text,
        kinds=_kinds(item),
        at_ms=moment_ms(item.get("timestamp"), unit_ms=1000),
        receipt=_receipt(item, message_id),
    )
    return News(echoes=(echo,))


def _kinds(item: Mapping[str, Any]) -> tuple[Kind, ...]:
    """What an echo may be of. A document may be of any type, that of an image as well."""
    if item.get("hasMedia") is not True:
        return (Kind.TEXT,) if item.get("hasMedia") is False else tuple(Kind)
    media = item.get("media")
    mimetype = media.get("mimetype") if isinstance(media, dict) else None
    if not isinstance(mimetype, str):
        return (Kind.IMAGE, Kind.VIDEO, Kind.AUDIO, Kind.DOCUMENT)
    shown = _SHOWN.get(mimetype.partition("/")[0])
    return (shown, Kind.DOCUMENT) if shown else (Kind.DOCUMENT,)


#: a medium's type -> what it is, unless it is a document
_SHOWN: Mapping[str, Kind] = {"image": Kind.IMAGE, "video": Kind.VIDEO, "audio": Kind.AUDIO}


#: A person's address: digits, perhaps the number of a device. Groups, channels and statuses have others.
_PERSON = re.compile(r"([0-9]{5,20})(?::[0-9]+)?@(?:c\.us|s\.whatsapp\.net)")
#: Where NOWEB (two versions) and GOWS keep the number of a sender whom `from` names by a hidden id.
_ALTERNATES = (("_data", "key", "remoteJidAlt"), ("_data", "key", "senderPn"), ("_data", "Info", "SenderAlt"))

#: … and of whom a message of ours went to: there, the sender is us.
_ALTERNATES_TO = (("_data", "key", "remoteJidAlt"), ("_data", "Info", "RecipientAlt"))


def _receiver(item: Mapping[str, Any], chat: str) -> str | None:
    """Whom we wrote to in this chat, in digits; None for a group, and for a person known by a hidden id alone."""
    return _person(_texts_at(item, _ALTERNATES_TO) if chat.endswith("@lid") else [chat])


def _sender(item: Mapping[str, Any]) -> str | None:
    """Who wrote to us, in digits; None for a group, and for a person known by a hidden id alone."""
    sender = item.get("from")
    if not isinstance(sender, str):
        return None
    return _person(_texts_at(item, _ALTERNATES) if sender.endswith("@lid") else [sender])


def _person(addresses: Iterable[str]) -> str | None:
    match = next(filter(None, map(_PERSON.fullmatch, addresses)), None)
    return match[1] if match else None


#: event -> how it is read
_EVENTS: Mapping[str, Callable[[Mapping[str, Any]], News]] = {
    "message.ack": _acked,
    "message": _written,
    "message.any": _written,
    "session.status": _told_of_session,
}
