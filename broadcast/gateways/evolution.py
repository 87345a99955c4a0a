"""Evolution API v2: what it is sent, what its answers mean, and what its webhooks say.

An answer is read by its shape, never by its HTTP code alone: one and the same 400 is a number without WhatsApp, a
wrong field, a closed socket, or an error after the message left. In 2.3.x a 500 of Evolution's own comes from the phase
before the message goes out (number check, media), a 400 with one unknown string from the phase in which it does.
"""

from __future__ import annotations

import hmac
import json
import logging
import mimetypes
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from broadcast.domain.contact import Status
from broadcast.domain.content import Kind
from broadcast.domain.receipt import Receipt
from broadcast.gateways.base import (
    Accepted,
    Answer,
    Busy,
    Closed,
    Connection,
    Departure,
    Message,
    News,
    Refused,
    Unknown,
)
from broadcast.gateways.http import Http, Response
from broadcast.gateways.words import foreign, retry_after_s, words

log = logging.getLogger(__name__)

#: WhatsApp throttles Evolution's own queries for minutes, not seconds.
OVERLIMIT_S = 120.0

Reading = Callable[[str, Response], Answer]


class Evolution:
    """One Evolution API server. `timeout_s` is how long it may take over one send, its own waiting included."""

    def __init__(self, url: str, api_key: str, *, timeout_s: float, webhook_token: str | None = None) -> None:
        self._http = Http(url, timeout_s=timeout_s, headers={"apikey": api_key})
        self._webhook_token = webhook_token

    def own_id(self, message: Message) -> None:
        """None: WhatsApp's side chooses the id."""

    def send(self, message: Message, *, departure: Departure) -> Answer:
        """Send one message; see `Gateway.send`. The reference goes along as a header that real servers ignore."""
        path, body = request_of(message)
        # A campaign may be named with anything; a header holds Latin-1 at the most.
        headers = {"X-Broadcast-Reference": quote(message.reference, safe=":")}
        answer = self._http.post(path, body, departure=departure, headers=headers)
        return read_answer(answer) if isinstance(answer, Response) else answer

    def probe(self, instance: str) -> Connection | None:
        """The state that Evolution has of the instance. A restricted number stays `open`."""
        answer = self._http.ask("GET", f"/instance/connectionState/{quote(instance, safe='')}")
        body = answer.json if isinstance(answer, Response) else None
        found = body.get("instance") if isinstance(body, dict) else None
        return _connection(found) if isinstance(found, dict) else None

    def verify(self, headers: Mapping[str, str], body: bytes, *, path: str) -> bool:  # noqa: ARG002 - not signed
        """Whether the call carries our token, as a bearer or as the next part of the path; the event's name may follow.

        Evolution signs nothing. Without a token every call is taken.
        """
        token = self._webhook_token
        if token is None:
            return True
        given = headers.get("Authorization", "").removeprefix("Bearer ")
        return _is_in_path(token, path) or hmac.compare_digest(given.encode(), token.encode())

    def challenge(self, query: Mapping[str, str]) -> None:
        """None: Evolution asks nothing before it posts."""

    def read(self, payload: Mapping[str, object]) -> News:
        """What a webhook call says; empty news for what does not concern us, or is malformed."""
        event = str(payload.get("event", "")).lower().replace("_", ".")
        data = payload.get("data")
        items = [item for item in (data if isinstance(data, list) else [data]) if isinstance(item, dict)]
        if event == "messages.update":
            return News(receipts=tuple(filter(None, map(_receipt, items))))
        if event == "connection.update" and items:
            return News(connection=_connection(items[-1]))
        return News()


def _is_in_path(token: str, path: str) -> bool:
    """Whether the path is the token, whole, and then perhaps an event's name."""
    given, after = path[: len(token)], path[len(token) :]
    return hmac.compare_digest(given.encode(), token.encode()) and after[:1] in {"", "/"}


def request_of(message: Message) -> tuple[str, dict[str, Any]]:
    """The path and the body that send this message."""
    instance = quote(message.instance, safe="")
    if message.kind is Kind.TEXT:
        return f"/message/sendText/{instance}", {"number": message.phone, "text": message.text}
    if message.kind is Kind.AUDIO:
        return f"/message/sendWhatsAppAudio/{instance}", {"number": message.phone, "audio": message.media_url}
    url = message.media_url or ""
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    mimetype, _ = mimetypes.guess_type(name)
    body = {"number": message.phone, "mediatype": message.kind.value, "media": url, "caption": message.text}
    # Evolution takes the type from the file's name, and a document is shown by it.
    return f"/message/sendMedia/{instance}", {
        **body,
        **({"fileName": name} if name else {}),
        **({"mimetype": mimetype} if mimetype else {}),
    }


def read_answer(answer: Response) -> Answer:
    """Which of the five answers this is."""
    body = answer.json
    if isinstance(body, dict) and 200 <= answer.status < 300:
        return _accepted(body, answer)
    envelope = body.get("response") if isinstance(body, dict) else None
    if isinstance(envelope, dict) and "message" in envelope:
        return _refused(envelope["message"], answer)
    return _not_evolution(answer)


def _accepted(body: Mapping[str, Any], answer: Response) -> Answer:
    key = body.get("key")
    if isinstance(key, dict) and isinstance(key.get("id"), str) and key["id"]:
        return Accepted(key["id"])
    if isinstance(body.get("code"), int):
        return _meta(body["code"], str(body.get("message", "")))
    return Unknown("answer_without_id", words(answer.text))


def _accepted_at_length(text: str) -> Accepted | None:
    """An accepted message whose answer is too long to be read: with the media in it. The key comes first."""
    match = re.match(r'\s*\{\s*"key"\s*:\s*(\{[^{}]*\})\s*,', text)
    try:
        message_id = json.loads(match[1]).get("id") if match else None
    except ValueError:
        return None
    return Accepted(message_id) if isinstance(message_id, str) and message_id else None


def _refused(message: Any, answer: Response) -> Answer:
    """An error in Evolution's own envelope. `message` is a text, or a list of texts, lists or objects."""
    first = next(iter(message), "") if isinstance(message, list) else message
    if isinstance(first, dict) and first.get("exists") is False:
        return Refused("not_on_whatsapp", words(str(first.get("number", ""))))
    if isinstance(first, list):
        return Refused("rejected", words("; ".join(problem for problem in first if isinstance(problem, str))))
    text = first if isinstance(first, str) else answer.text
    for status, pattern, reading in _TEXTS:
        if status in {answer.status, None} and pattern.search(text):
            return reading(words(text), answer)
    fallback = _BY_STATUS.get(answer.status)
    return fallback(words(text), answer) if fallback else Unknown("unknown_answer", words(text))


def _not_evolution(answer: Response) -> Answer:
    """Not Evolution's envelope: a proxy, another server, or half an answer. It says nothing of the message."""
    if 200 <= answer.status < 300:
        return _accepted_at_length(answer.text) or Unknown("answer_without_id", words(answer.text))
    return foreign(answer)


def _busy(reason: str, *, after_s: float | None = None) -> Reading:
    return lambda text, answer: Busy(reason, text, after_s=retry_after_s(answer) or after_s)


def _refuse(reason: str) -> Reading:
    return lambda text, _: Refused(reason, text)


def _closed(reason: str) -> Reading:
    return lambda text, _: Closed(reason, text)


def _unknown(reason: str) -> Reading:
    return lambda text, _: Unknown(reason, text)


#: (HTTP code or None for any, what the text says, what it means); the first that fits. Source: Evolution 2.3.6, 2.3.7.
_TEXTS: tuple[tuple[int | None, re.Pattern[str], Reading], ...] = (
    # In the send phase it is thrown before the message is written: by the queries that come first, or by a look at the
    # socket. A logged-out instance answers just this, so Unknown would use up its contacts one by one. As a part of
    # another text (a database's, an object store's) it may come after the message left.
    (400, re.compile(r"^(Error: )?Connection Closed$"), _closed("disconnected")),
    (500, re.compile(r"Connection Closed"), _closed("disconnected")),
    (404, re.compile(r"instance does not exist"), _closed("unknown_instance")),
    (404, re.compile(r"^Cannot POST"), _closed("gateway_address_wrong")),
    (401, re.compile(r""), _closed("unauthorized")),
    (403, re.compile(r""), _closed("unauthorized")),
    (500, re.compile(r"reading 'textMessage'"), _closed("instance_not_loaded")),
    (400, re.compile(r"Text is required|Owned media must be|file name must be informed"), _refuse("rejected")),
    (400, re.compile(r"JID decoded but user is empty"), _refuse("rejected")),
    (400, re.compile(r"^(Expected|Unexpected) .* JSON|in JSON at position"), _refuse("rejected")),
    (400, re.compile(r"Method not available"), _refuse("rejected")),
    (None, re.compile(r"rate-overlimit"), _busy("rate_overlimit", after_s=OVERLIMIT_S)),
    # The medium's own server, asked by Evolution. That it is asked too much passes.
    (
        500,
        re.compile(r"status code (408|425|429|5\d\d)|ECONN|ENOTFOUND|EAI_AGAIN|ETIMEDOUT|socket hang up"),
        _busy("media_unreachable"),
    ),
    (500, re.compile(r"status code 4\d\d"), _refuse("media_unreachable")),
    (500, re.compile(r"Timed Out|reading 'find'"), _busy("number_check_timed_out")),
)

#: An error in Evolution's envelope whose text is none of the above.
_BY_STATUS: Mapping[int, Reading] = {
    400: _unknown("failed_while_sending"),
    429: _busy("too_many_requests"),
    500: _busy("gateway_error"),
    503: _busy("gateway_unavailable"),
}

#: Meta's error codes, which a WHATSAPP-BUSINESS instance passes on inside a 201. Others refuse the one contact.
#: Source: Meta's error-codes page, 2026-09; each is classed by what can be done about it.
_META: Mapping[int, Reading] = {
    **dict.fromkeys((1, 2, 131000, 131016, 133004), _busy("gateway_error")),
    **dict.fromkeys((4, 80007, 130429, 131056, 131057), _busy("too_many_requests")),
    **dict.fromkeys((0, 3, 10, 190, 131005, 33, 131045, 133010, 131037), _closed("unauthorized")),
    **dict.fromkeys((368, 131031, 131048, 131064, 130497), _closed("restricted")),
    **dict.fromkeys((131042, 134011), _closed("billing")),
    131026: _refuse("not_on_whatsapp"),
    131047: _refuse("window_closed"),
    131050: _refuse("opted_out"),
}


def _meta(code: int, text: str) -> Answer:
    reading = _closed("unauthorized") if 200 <= code < 300 else _META.get(code, _refuse("rejected"))
    return reading(words(f"{code}: {text}"), Response(201, {}, None, ""))


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
    if not isinstance(message_id, str) or not isinstance(word, str):
        return None
    if not re.fullmatch(r"[!-~]{1,256}", message_id):
        return None
    if word not in _STATUSES:
        _tell_of(word[:30])
    status = _STATUSES.get(word)
    if status is None:
        return None
    return Receipt(message_id=message_id, status=status, reason="gateway_error" if status is Status.FAILED else None)


@lru_cache(maxsize=100)  # once per word, not once per receipt
def _tell_of(word: str) -> None:
    log.warning("unknown status %s in a receipt", word, extra={"action": "receipt"})


def _connection(item: Mapping[str, Any]) -> Connection | None:
    state, why = item.get("state"), item.get("statusReason")
    if state == "open":
        return Connection(is_open=True, reason="open")
    if state in ("close", "refused"):  # a tuple: whatever came can be compared, but not hashed
        return Connection(is_open=False, reason=words(f"{state} {why}" if isinstance(why, int | str) else state))
    return None
