"""Meta's WhatsApp Cloud API: what it is sent, and what its answers mean.

An error is read by its code, never by its HTTP status or its text, and only in Meta's own envelope: what a proxy says
in the same shape proves nothing. What the webhooks say is in `cloud_news`.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from copy import copy
from dataclasses import replace
from typing import Any
from urllib.parse import quote

from broadcast.domain.content import Kind, Template, file_name
from broadcast.gateways.base import (
    Accepted,
    Answer,
    Busy,
    Closed,
    Connection,
    Departure,
    Message,
    News,
    Scope,
    Secured,
    Unknown,
)
from broadcast.gateways.cloud_news import items, read
from broadcast.gateways.http import Http, Response
from broadcast.gateways.meta import detail_of, is_metas, meaning_of, unheard_of
from broadcast.gateways.readings import shut_by
from broadcast.gateways.words import can_be_id, can_name, foreign, header, retry_after_s, words

Json = Mapping[str, Any]


class Cloud(Secured):
    """One app's access to the Graph API; `url` is its base with the version, as https://graph.facebook.com/v23.0.

    `phone_number_id` is Meta's id of the number that sends; without it, the instance is named by that id. `waba_id` is
    that of the number's account.
    """

    _dialect = "cloud"
    pair_ms = 6000  # Meta: one message in 6 s to the same person, or 131056

    def __init__(
        self,
        url: str,
        token: str,
        *,
        timeout_s: float,
        app_secret: str | None = None,
        verify_token: str | None = None,
        phone_number_id: str | None = None,
        waba_id: str | None = None,
    ) -> None:
        headers, secrets = {"Authorization": f"Bearer {token}"}, (token, app_secret, verify_token)
        self._http = Http(url, timeout_s=timeout_s, headers=headers, secrets=secrets)
        self._webhook_secret = app_secret
        self._verify_token = verify_token
        self._phone_number_id = phone_number_id
        self._waba_id = waba_id
        self._sorts = False

    def own_id(self, message: Message) -> None:
        """None: Meta chooses the id."""

    def send(self, message: Message, *, departure: Departure) -> Answer:
        """Send one message; see `Gateway.send`. Its name comes back in each of its receipts."""
        path = f"{self._path_of(message.instance)}/messages"
        answer = self._http.post(path, request_of(message), departure=departure)
        return read_answer(answer) if isinstance(answer, Response) else answer

    def probe(self, instance: str) -> Connection | None:
        """The state that Meta has of the number, or what is wrong with the token."""
        query = {"fields": "status"}
        answer = self._http.ask("GET", self._path_of(instance), query=query)
        return _state(answer) if isinstance(answer, Response) else None

    def verify(self, headers: Mapping[str, str], body: bytes, *, path: str) -> bool:  # noqa: ARG002 - it is signed
        """Whether Meta signed the call with the app's secret. Without a secret every call is taken."""
        if self._webhook_secret is None:
            return True
        wanted = "sha256=" + hmac.new(self._webhook_secret.encode(), body, "sha256").hexdigest()
        given = header(headers, "X-Hub-Signature-256")
        return hmac.compare_digest(given.encode(errors="replace"), wanted.encode())

    def challenge(self, query: Mapping[str, str]) -> str | None:
        """What Meta wants to hear before it posts: its own word, if it knows ours."""
        if not self._verify_token or query.get("hub.mode") != "subscribe":
            return None
        given = query.get("hub.verify_token", "")
        is_known = hmac.compare_digest(given.encode(errors="replace"), self._verify_token.encode())
        return query.get("hub.challenge") if is_known else None

    def read(self, payload: Mapping[str, object]) -> News:
        """What a call says of our number; what it says of others, and of accounts, is in `News.others`."""
        return read(payload, phone_number_id="" if self._sorts else self._phone_number_id)

    def of_unregistered(self, instance: str) -> Cloud:
        """The same for an instance that nobody registered: its number's id is its name, if that can be one.

        The number may be registered under another name, so what a call says of any goes to `News.others`.
        """
        made = copy(self)
        made._phone_number_id = instance if can_name(instance) else None
        made._sorts = True
        return made

    def is_called(self, name: str) -> bool | None:
        """Whether this is the number or account of that name, as `News.others` has it; None where we were not told."""
        sort, _, id_ = name.partition("/")
        known = {"number": self._phone_number_id, "account": self._waba_id}.get(sort)
        return None if known is None else known == id_

    def session_of(self, instance: str) -> None:
        """None: Meta names numbers and accounts, each with what is of it."""

    def _path_of(self, instance: str) -> str:
        return f"/{quote(self._phone_number_id or instance, safe='')}"


def request_of(message: Message) -> dict[str, Any]:
    """The body that sends this message."""
    kind, content = ("template", _template(message.template)) if message.template else _content(message)
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        # Without the plus, Meta takes the number for one of our own country and puts its code before it.
        "to": f"+{message.phone}",
        "type": kind,
        kind: content,
        "biz_opaque_callback_data": message.name,
    }


def _content(message: Message) -> tuple[str, dict[str, Any]]:
    kind, url = message.kind.value, message.media_url or ""
    if message.kind is Kind.TEXT:
        return kind, {"body": message.text, "preview_url": False}
    caption = {"caption": message.text} if message.text and message.kind is not Kind.AUDIO else {}
    name = file_name(url) if message.kind is Kind.DOCUMENT else ""
    return kind, {"link": url, **caption, **({"filename": name} if name else {})}


def _template(template: Template) -> dict[str, Any]:
    components = {"components": list(template.components)} if template.components else {}
    return {"name": template.name, "language": {"code": template.language}, **components}


def read_answer(answer: Response) -> Answer:
    """Which of the five answers this is."""
    body = answer.json if isinstance(answer.json, dict) else {}
    sent = next(iter(items(body, "messages")), None)
    if 200 <= answer.status < 300 and sent:
        return _accepted(sent, answer)
    error = body.get("error")
    return _refused(error, answer) if is_metas(error) else _not_meta(answer)


def _accepted(sent: Json, answer: Response) -> Answer:
    # Meta took the message and does not send it, since its template is paused; those that it holds for a template
    # which is paused then are dropped (132015). So this person got nothing, and neither would the next ones: the
    # campaign waits for somebody to look at the template. Nowhere does Meta say that one it paused goes out later.
    if sent.get("message_status") == "paused":
        return Closed("template_paused", words(answer.text), scope=Scope.CAMPAIGN)
    # `held_for_quality_assessment` is out of our hands, and a receipt tells how it ended.
    if can_be_id(sent.get("id")):
        return Accepted(sent["id"])
    return Unknown("answer_without_id", words(answer.text))


def _refused(error: Json, answer: Response) -> Answer:
    """An error in Meta's own envelope."""
    means = meaning_of(error)
    if means is None:
        return _of_no_table(error, answer)
    return _later(means, answer) if isinstance(means, Busy) else means


def _of_no_table(error: Json, answer: Response) -> Answer:
    """A code that is in no table of ours. Below 500 Meta says that it did not do it; above, that something broke."""
    if not 400 <= answer.status < 500:
        return Unknown("unknown_answer", detail_of(error))
    if answer.status in {401, 429}:
        return _not_meta(answer)
    means = unheard_of(error)
    return _later(means, answer) if isinstance(means, Busy) else means


def _not_meta(answer: Response) -> Answer:
    """Not Meta's envelope: a proxy, another server, or half an answer. It says nothing of the message."""
    if 200 <= answer.status < 300:
        return Unknown("answer_without_id", words(answer.text))
    if answer.status == 400 and isinstance(answer.json, dict):
        # Nearly what Meta says when it refuses: not a page that stands where Meta should.
        return Unknown("unknown_answer", words(answer.text))
    return foreign(answer)


def _later(means: Busy, answer: Response) -> Busy:
    """The same, but not before the answer's Retry-After."""
    asked = [after_s for after_s in (means.after_s, retry_after_s(answer)) if after_s is not None]
    return replace(means, after_s=max(asked, default=None))


#: state of a number -> whether that says that it can send. One that is flagged is warned, and sends. Any other cannot.
_SENDING: Mapping[str, bool] = {"CONNECTED": True, "FLAGGED": False, "UNKNOWN": False}
#: state of one that cannot -> our reason; what is none of these stays as they say it
_CLOSED: Mapping[str, str] = {
    **dict.fromkeys(("BANNED", "RESTRICTED"), "restricted"),
    **dict.fromkeys(("PENDING", "UNVERIFIED", "DISCONNECTED", "MIGRATED", "DELETED"), "unregistered"),
}


def _state(answer: Response) -> Connection | None:
    body = answer.json if isinstance(answer.json, dict) else {}
    state = body.get("status")
    if not 200 <= answer.status < 300:
        return shut_by(read_answer(answer))
    if not isinstance(state, str):
        return None
    if state in _SENDING:
        return Connection(is_open=True, reason="open") if _SENDING[state] else None
    return Connection(is_open=False, reason=_CLOSED.get(state) or words(state))
