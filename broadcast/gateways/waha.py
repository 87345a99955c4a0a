"""WAHA: what it is sent, and what its answers mean; its webhooks are read in `waha_news`.

WAHA takes a message to a number that has no WhatsApp with the same 201 as any other, and it never arrives. So each
number is asked about first, and the message goes to the address that the answer names, which for many Brazilian numbers
is not the one that was asked about. Nothing leaves by asking, so an error of the question is never Unknown.

What one engine can do another cannot: NOWEB and GOWS take an id of ours with a text, so that a receipt finds its
contact even where the answer was lost. WEBJS and WPP know none; see `Waha.send`.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from broadcast.domain.content import Kind
from broadcast.gateways.addresses import Addresses
from broadcast.gateways.base import (
    Accepted,
    Alone,
    Answer,
    Busy,
    Closed,
    Connection,
    Departure,
    Message,
    News,
    Refused,
    Scope,
    Secured,
    Unknown,
)
from broadcast.gateways.files import named
from broadcast.gateways.http import Http, Response
from broadcast.gateways.readings import NO_TEMPLATES, OVERLIMIT_S, Reading, busy, closed, refused, shut_by, unknown
from broadcast.gateways.waha_news import connection_of, id_of, news_of, why_closed
from broadcast.gateways.words import foreign, header, words


class Waha(Secured, Alone):
    """One WAHA server. `timeout_s` is how long it may take over one send; the question before it may take as long.

    `session` is the WAHA session to send through; without one it has the instance's name.
    """

    _dialect = "waha"
    pair_ms = 0

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout_s: float,
        hmac_key: str | None = None,
        session: str | None = None,
        check_numbers: bool = True,
    ) -> None:
        self._http = Http(url, timeout_s=timeout_s, headers={"X-Api-Key": api_key}, secrets=(api_key, hmac_key))
        self._webhook_secret = hmac_key
        self._session = session
        self._check_numbers = check_numbers
        self._addresses = Addresses()
        self._idless: set[str] = set()  # sessions whose engine takes no id of ours

    def own_id(self, message: Message) -> str | None:
        """The id of a text: in WhatsApp's form, made of reference and edition. None for media: WAHA gives them one."""
        if message.kind is not Kind.TEXT or self._session_of(message) in self._idless:
            return None
        return "3EB0" + hashlib.sha256(message.name.encode(errors="replace")).hexdigest().upper()[:18]

    def send(self, message: Message, *, departure: Departure) -> Answer:
        """Send one message; see `Gateway.send`. Its number is asked about before the fence is.

        An engine that takes no id says so in place of sending. It is remembered, and the contact, which used up none
        of its attempts, comes again without one.
        """
        if message.template is not None:
            return NO_TEMPLATES
        session = self._session_of(message)
        chat = self._chat(session, message.phone, departure)
        if not isinstance(chat, str):
            return chat
        path, body = request_of(message, session=session, chat=chat, own_id=self.own_id(message))
        answer = self._http.post(path, body, departure=departure)
        if not isinstance(answer, Response):
            return answer
        if "id" in body and _takes_no_id(answer):
            self._idless.add(session)
            return Busy("engine_takes_no_id", words(_own_words(answer.json) or ""), reached=False)
        return read_answer(answer)

    def probe(self, instance: str) -> Connection | None:
        """The state that WAHA has of the session, or why it says none."""
        answer = self._http.ask("GET", f"/api/sessions/{quote(self.session_of(instance), safe='')}")
        if isinstance(answer, Response) and answer.status >= 300:
            return shut_by(read_answer(answer))
        found = answer.json if isinstance(answer, Response) and answer.status == 200 else None
        return connection_of(found) if isinstance(found, dict) else None

    def verify(self, headers: Mapping[str, str], body: bytes, *, path: str) -> bool:  # noqa: ARG002 - the body is signed
        """Whether the body is signed with our key: hex HMAC-SHA512. Without a key every call is taken."""
        if self._webhook_secret is None:
            return True
        given = header(headers, "X-Webhook-Hmac")
        signature = hmac.new(self._webhook_secret.encode(), body, hashlib.sha512).hexdigest()
        return hmac.compare_digest(given.strip().lower().encode(errors="replace"), signature.encode())

    def session_of(self, instance: str) -> str:
        """The session that the instance is sent through."""
        return self._session or instance

    def challenge(self, query: Mapping[str, str]) -> None:
        """None: WAHA asks nothing before it posts."""

    def read(self, payload: Mapping[str, object]) -> News:
        """What a webhook call says; empty news for what does not concern us, or is malformed."""
        return news_of(payload)

    def _session_of(self, message: Message) -> str:
        return self.session_of(message.instance)

    def _chat(self, session: str, phone: str, departure: Departure) -> str | Answer:
        """Where a message to this number goes, or why it goes nowhere."""
        if not self._check_numbers:
            return f"{phone}@c.us"
        known = self._addresses.of(session, phone)
        if known is not None:
            return known
        departure.attend()
        answer = self._http.ask("GET", "/api/contacts/check-exists", query={"phone": phone, "session": session})
        chat = read_check(answer) if isinstance(answer, Response) else answer
        if isinstance(chat, str):
            self._addresses.keep(session, phone, chat)
        return chat


def request_of(message: Message, *, session: str, chat: str, own_id: str | None) -> tuple[str, dict[str, Any]]:
    """The path and the body that send this message."""
    to = {"session": session, "chatId": chat}
    if message.kind is Kind.TEXT:
        return "/api/sendText", {**to, "text": message.text, **({"id": own_id} if own_id else {})}
    file = _file(message)
    caption = {"caption": message.text} if message.text and message.kind is not Kind.AUDIO else {}
    return f"/api/{_ROUTES[message.kind]}", {**to, "file": file, **caption, **_conversion(message.kind, file)}


#: kind -> the call that sends it
_ROUTES: Mapping[Kind, str] = {
    Kind.IMAGE: "sendImage",
    Kind.VIDEO: "sendVideo",
    Kind.AUDIO: "sendVoice",
    Kind.DOCUMENT: "sendFile",
}

#: of a document whose name tells no type; WAHA wants one always
ANY_TYPE = "application/octet-stream"


def _file(message: Message) -> dict[str, str]:
    url = message.media_url or ""
    name, mimetype = named(message.kind, url)
    return {"url": url, "mimetype": mimetype or ANY_TYPE, **({"filename": name} if name else {})}


def _conversion(kind: Kind, file: Mapping[str, str]) -> dict[str, bool]:
    """WhatsApp plays voice notes as Ogg Opus only, and videos as MP4; WAHA converts where it is told to."""
    if kind is Kind.AUDIO:
        return {"convert": True}
    return {"convert": file["mimetype"] != "video/mp4"} if kind is Kind.VIDEO else {}


def read_check(answer: Response) -> str | Answer:
    """The address that a number has in WhatsApp, or what is to be done without one. Nothing was sent to anybody."""
    body = answer.json
    if 200 <= answer.status < 300 and isinstance(body, dict) and body.get("numberExists") is False:
        return Refused("not_on_whatsapp")
    if 200 <= answer.status < 300:
        chat = body.get("chatId") if isinstance(body, dict) and body.get("numberExists") is True else None
        match = _CHAT.fullmatch(chat) if isinstance(chat, str) else None
        return (
            f"{match[1]}@{_DOMAINS.get(match[2], match[2])}"
            if match
            else Busy("number_check_failed", f"HTTP {answer.status}", contact_only=True)
        )
    error = read_answer(answer)
    if not isinstance(error, Unknown):
        return error
    if "rate-overlimit" in error.detail:
        return Busy("rate_overlimit", error.detail, after_s=OVERLIMIT_S)
    return Busy("number_check_failed", error.detail, contact_only=True)


#: A person's address, and what WAHA wants to be told where an engine says something else.
_CHAT = re.compile(r"([0-9]{5,20})@(c\.us|s\.whatsapp\.net|lid)")
_DOMAINS: Mapping[str, str] = {"s.whatsapp.net": "c.us"}


def read_answer(answer: Response) -> Answer:
    """Which of the five answers this is."""
    if 200 <= answer.status < 300:
        message_id = id_of(answer.json) or _id_at_length(answer.text)
        return Accepted(message_id) if message_id else Unknown("answer_without_id", f"HTTP {answer.status}")
    own = _own_words(answer.json)
    if own is None:
        means = foreign(answer)
        # What looks like JSON may be WAHA's own error, or half of it, which repeats our request: none of it is kept.
        return replace(means, detail=f"HTTP {answer.status}") if answer.text.lstrip()[:1] in {"{", "["} else means
    if answer.status == 422 and isinstance(answer.json.get("status"), str):
        return Closed(why_closed(answer.json["status"]), words(answer.json["status"]))
    for status, pattern, reading in _TEXTS:
        if status in {answer.status, None} and pattern.search(own):
            return reading(words(own), answer)
    return _BY_STATUS.get(answer.status, unknown("unknown_answer"))(words(own), answer)


def _own_words(body: Any) -> str | None:
    """What an error in one of WAHA's own forms says; None where it has none of them.

    An exception's form repeats the whole request beside it, with the person's number and text: that is left there.
    """
    if not isinstance(body, dict):
        return None
    if isinstance(body.get("exception"), dict):
        return str(body["exception"].get("message", ""))
    if not isinstance(body.get("statusCode"), int) and not isinstance(body.get("session"), str):
        return None
    said = body.get("message") or body.get("error")
    texts = said if isinstance(said, list) else [said]
    return "; ".join(text for text in texts if isinstance(text, str))


#: Two words for one thing: older servers say 422, newer ones 501.
_NOT_IMPLEMENTED = re.compile(r"not implemented by|in Plus version")


def _takes_no_id(answer: Response) -> bool:
    """Whether it is the id that the engine, or a server from before 2026.4.3, stumbled over. Nothing was sent."""
    own = _own_words(answer.json) or ""
    return bool(_NOT_IMPLEMENTED.search(own)) or "property id should not" in own


#: (HTTP code or None for any, what the text says, what it means); the first that fits.
#: Source: WAHA's documentation for 2026.7.1, its source of 2024-10, and its public issues.
_TEXTS: tuple[tuple[int | None, re.Pattern[str], Reading], ...] = (
    # No message of this kind ever leaves through this engine, while others do: the campaign ends here, not the lane,
    # and none of its contacts is to blame.
    (None, _NOT_IMPLEMENTED, closed("not_implemented", scope=Scope.CAMPAIGN)),
    (404, re.compile(r"^Cannot (GET|POST)"), closed("gateway_address_wrong")),
    (422, re.compile(r"[Ss]ession.*(not exist|not found)|support only"), closed("unknown_instance")),
    # WhatsApp's own refusal: 463, the number may not write to people it does not know for a while; 475, it wrote to as
    # many as it may. WAHA tells by webhook when either ends. To try on makes it longer.
    (500, re.compile(r"server returned error (463|475)\b"), closed("restricted")),
)

#: An error in WAHA's envelope whose text is none of the above.
_BY_STATUS: Mapping[int, Reading] = {
    400: refused("rejected"),
    401: closed("unauthorized"),
    403: closed("unauthorized"),
    404: closed("unknown_instance"),
    422: refused("rejected"),
    429: busy("too_many_requests"),
    # Whatever the engine threw, before or after the message left.
    500: unknown("failed_while_sending"),
    503: busy("gateway_unavailable"),
}


def _id_at_length(text: str) -> str | None:
    """The id in an answer too long to be read: with a medium in it. It comes first."""
    match = re.match(r'\s*\{\s*"id"\s*:\s*"((?:true|false)_[^"\s]+)"\s*,', text)
    return id_of({"id": match[1]}) if match else None
