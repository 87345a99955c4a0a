"""What Evolution's webhooks say, and whether they are Evolution's."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import jwt

from broadcast.domain.contact import Status
from broadcast.domain.content import Kind
from broadcast.gateways.base import Answer, Closed, Connection, Echo, Inbound, News, Receipt
from broadcast.gateways.evolution.answers import PERSON
from broadcast.gateways.taps import Tap, tap_in
from broadcast.gateways.words import can_be_id, header, moment_ms, named, tell_of, whole, words

_Items = Sequence[Mapping[str, Any]]

#: How long, in s, a bearer is taken beyond the times in it. It is made once for an event, is good for 10 minutes, and
#: comes again with every retry, the last some 20 minutes later; a refusal ends them. Source: Evolution 2.3.7.
LEEWAY_S = 1800.0

#: The name of a scheme is written in any case.
_SCHEME = re.compile(r"^bearer +", re.IGNORECASE)


def is_ours(headers: Mapping[str, str], *, path: str, token: str, now: float) -> bool:
    """Whether a call carries the token: in its path, as its bearer, or as the key by which the bearer is signed."""
    bearer = _SCHEME.sub("", header(headers, "Authorization"))
    return _is_in_path(token, path) or _is_same(bearer, token) or _is_signed(bearer, token, now)


def _is_in_path(token: str, path: str) -> bool:
    """Whether the path is the token, whole, and then perhaps an event's name."""
    given, after = path[: len(token)], path[len(token) :]
    return _is_same(given, token) and after[:1] in {"", "/"}


def _is_same(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), token.encode())


def _is_signed(bearer: str, token: str, now: float) -> bool:
    """Whether it is what Evolution makes of the header `jwt_key`."""
    if bearer.count(".") != 2:
        return False
    try:
        claims = jwt.decode(
            bearer,
            token,
            algorithms=["HS256"],
            options={"verify_exp": False, "verify_iat": False, "require": ["iat", "exp"]},
        )
    except (jwt.PyJWTError, ValueError, RecursionError):  # older libraries let the parser's errors out
        return False
    if (claims.get("app"), claims.get("action")) != ("evolution", "webhook"):
        return False
    made, ends = claims["iat"], claims["exp"]
    return all(isinstance(at, int | float) for at in (made, ends)) and made - LEEWAY_S <= now <= ends + LEEWAY_S


def read_call(payload: Mapping[str, object]) -> News:
    """What a webhook call says; empty news for what does not concern us, or is malformed."""
    event = str(payload.get("event", "")).lower().replace("_", ".")
    data = payload.get("data")
    items = [item for item in (data if isinstance(data, list) else [data]) if isinstance(item, dict)]
    reading = _READINGS.get(event)
    news = replace(reading(items) if reading else News(), session=named(payload, "instance"))
    if news.connection is None:
        return news
    told = replace(news.connection, at_ms=_told_ms(payload.get("date_time")), tried_for_ms=TRIED_FOR_MS, is_wall=True)
    return replace(news, connection=told)


#: Ten attempts with their pauses and time-outs take some 25 minutes. Source: Evolution 2.3.7. It is less than the
#: hour by which clocks are put back.
TRIED_FOR_MS = 2_400_000


def _told_ms(text: object) -> int | None:
    """When the event was, by the server's wall clock, though it says `Z`: good for comparing the server's own news."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        return None
    try:
        return round(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)
    except ValueError:
        return None


_TIME = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z", re.ASCII)


def _receipts(items: _Items) -> News:
    return News(receipts=tuple(filter(None, map(_receipt, items))))


def _echoes(items: _Items) -> News:
    return News(echoes=tuple(filter(None, map(_echo, items))))


def _inbounds(items: _Items) -> News:
    return News(inbound=tuple(filter(None, map(_inbound, items))))


def _connection(items: _Items) -> News:
    return News(connection=connection_of(items[-1]) if items else None)


def _ended(items: _Items) -> News:
    """`status.instance`: the session ended; the reason is Baileys', such as 401 for logged out."""
    if not items or items[-1].get("status") != "closed":
        return News()
    return News(connection=_closed("closed", items[-1].get("disconnectionReasonCode")))


def _logged_out(_: _Items) -> News:
    return News(connection=Connection(is_open=False, reason="unlinked"))


#: event -> what its items say. Of an instance that is logged out, `connecting` and `qrcode.updated` come last: that it
#: waits to be paired again opens nothing, so neither is news.
_READINGS: Mapping[str, Callable[[_Items], News]] = {
    "messages.update": _receipts,
    "send.message": _echoes,
    "messages.upsert": _inbounds,
    "connection.update": _connection,
    "status.instance": _ended,
    "logout.instance": _logged_out,
}

#: their word -> ours. PENDING and DELETED are no news (DELETED stands for several unknown states).
_STATUSES: Mapping[str, Status | None] = {
    "SERVER_ACK": Status.SENT,
    "SENT": Status.SENT,
    "DELIVERY_ACK": Status.DELIVERED,
    "DELIVERED": Status.DELIVERED,
    "READ": Status.READ,
    "PLAYED": Status.READ,
    "ERROR": Status.FAILED,
    "FAILED": Status.FAILED,
    "PENDING": None,
    "DELETED": None,
}


def _receipt(item: Mapping[str, Any]) -> Receipt | None:
    message_id, word = item.get("keyId"), item.get("status")
    if not can_be_id(message_id) or not isinstance(word, str):
        return None
    if word not in _STATUSES:
        tell_of(word[:30], "a receipt")
    status = _STATUSES.get(word)
    if status is None:
        return None
    reason, means = _failure(item) if status is Status.FAILED else (None, None)
    return Receipt(message_id=str(message_id), status=status, reason=reason, means=means)


#: WhatsApp's own code of a refusal -> our reason, and what it says of more than the message; the most telling first.
#: Evolution 2.3.x leaves the codes out. Source: Baileys 7.0.0, `messages-recv.ts`; 463 is a number that may not begin
#: chats, 479 a session with the one contact that has grown stale.
_CODES: Mapping[str, tuple[str, Answer | None]] = {
    "463": ("restricted", Closed("restricted", "463: the number may not begin chats")),
    "479": ("stale_session", None),
}


def _failure(item: Mapping[str, Any]) -> tuple[str, Answer | None]:
    codes = item.get("messageStubParameters")
    given = list(map(str, codes)) if isinstance(codes, list) else []
    return next((means for code, means in _CODES.items() if code in given), ("gateway_error", None))


def connection_of(item: Mapping[str, Any]) -> Connection | None:
    """What a state says. `connecting` says nothing: it comes before `open`, and after `close` all the same.

    `close` comes for what will not reconnect (401 logged out, 403 banned, 402, 406), `refused` where nobody scanned the
    code in time. Every other loss is mended silently, and a restricted number stays `open`. Source: Evolution 2.3.7.
    """
    state = item.get("state")
    if state == "open":
        return Connection(is_open=True, reason="open")
    if state in ("close", "refused"):  # a tuple: whatever came can be compared, but not hashed
        return _closed(state, item.get("statusReason"))
    return None


def _closed(state: str, why: object) -> Connection:
    said = words(f"{state} {why}" if isinstance(why, int | str) else state)
    return Connection(is_open=False, reason="unlinked" if state == "refused" else _ENDS.get(said, said))


#: how a session ended, in their words -> our reason; what is neither stays as they say it
_ENDS: Mapping[str, str] = {
    "close": "disconnected",
    "closed": "disconnected",
    "close 401": "unlinked",
    "closed 401": "unlinked",
    "close 403": "shut_out",
    "closed 403": "shut_out",
}


def _echo(item: Mapping[str, Any]) -> Echo | None:
    """A message of ours, as the answer to its send has it: the way to one whose answer never came."""
    key = item.get("key")
    if not isinstance(key, dict) or key.get("fromMe") is not True or not can_be_id(key.get("id")):
        return None
    phone, text, kinds = _phone(key), _text(item.get("message")), _kinds(item.get("message"))
    if phone is None or not (text or kinds):  # a sticker, a place, a contact: nothing that we send
        return None
    at_ms = moment_ms(item.get("messageTimestamp"), unit_ms=1000)
    return Echo(message_id=key["id"], phone=phone, text=text, kinds=kinds or tuple(Kind), at_ms=at_ms)


#: what a message is called in WhatsApp's protocol -> its kind
_KINDS: Mapping[str, Kind] = {
    "conversation": Kind.TEXT,
    "extendedTextMessage": Kind.TEXT,
    "imageMessage": Kind.IMAGE,
    "videoMessage": Kind.VIDEO,
    "audioMessage": Kind.AUDIO,
    "documentMessage": Kind.DOCUMENT,
}


def _kinds(message: object) -> tuple[Kind, ...]:
    return tuple(kind for layer in _layers(message) for name, kind in _KINDS.items() if name in layer)


def _inbound(item: Mapping[str, Any]) -> Inbound | None:
    """What a person wrote or tapped; None for what our own telephone did, and for what has no words."""
    key = item.get("key")
    if not isinstance(key, dict) or key.get("fromMe") is not False:
        return None
    phone, message = _phone(key), item.get("message")
    tap = next(filter(None, map(tap_in, _layers(message))), None)
    if tap is None and item.get("messageType") in _TAPPED:
        tap = Tap(text=_text(message), behind=None)
    if phone and tap and (tap.text or tap.behind):
        return Inbound(phone=phone, text=tap.text, is_tap=True, behind=tap.behind)
    text = _text(message)
    return Inbound(phone=phone, text=text) if phone and text else None


#: What Evolution calls a tap that Meta told it of. What the button says is then where a text is.
_TAPPED = ("buttonMessage", "interactiveMessage")


def _phone(key: Mapping[str, Any]) -> str | None:
    """Whose chat it is, in digits; None for a group, a channel, a status, or a person known by a hidden id alone."""
    is_hidden = str(key.get("remoteJid")).endswith("@lid")
    jids = (str(key.get(name)) for name in (_BESIDE_HIDDEN if is_hidden else ("remoteJid",)))
    return next((match[1] for match in map(PERSON.fullmatch, jids) if match), None)


#: Where the number is beside a hidden id, in newer and in older versions.
_BESIDE_HIDDEN = ("remoteJidAlt", "senderPn")

#: Where a message keeps the text that its reader sees. The names are those of WhatsApp's protocol.
_TEXTS_AT: tuple[tuple[str, ...], ...] = (
    ("conversation",),
    ("extendedTextMessage", "text"),
    ("imageMessage", "caption"),
    ("videoMessage", "caption"),
    ("documentMessage", "caption"),
)

#: What a message is wrapped in when it disappears, can be looked at once, or is a document with a caption.
_WRAPPERS = ("ephemeralMessage", "viewOnceMessage", "viewOnceMessageV2", "documentWithCaptionMessage")


def _text(message: object) -> str:
    """The text in a message or under its medium; "" where there is none, as with audio."""
    return next((text for layer in _layers(message) for text in _texts(layer) if text), "")


def _layers(message: object) -> Iterator[Mapping[str, Any]]:
    """The message itself, then what is wrapped in it."""
    for _ in range(4):
        if not isinstance(message, dict):
            return
        yield message
        wrapper = next((message[name] for name in _WRAPPERS if name in message), None)
        message = wrapper.get("message") if isinstance(wrapper, dict) else None


def _texts(layer: Mapping[str, Any]) -> Iterator[str]:
    for path in _TEXTS_AT:
        found: Any = layer
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        if isinstance(found, str):
            yield whole(found)
