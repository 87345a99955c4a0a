"""A stand-in for Meta's Graph API on the loopback: as strict as the real one, with a ledger and webhooks of its own."""

from __future__ import annotations

import hmac
import itertools
import json
import re
import threading
import urllib.request
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.standins.cloud_checks import Json, Wrong, checked, envelope
from tests.stubs import listening

TOKEN = "EAAinvented"
SECRET = "5ecre7"
NUMBER_ID = "106540352242922"
#: the country of the business number, put before a recipient without a plus
COUNTRY = "55"


@dataclass(frozen=True)
class Sent:
    """A message that was accepted."""

    message_id: str
    number_id: str
    wa_id: str
    body: Json

    @property
    def reference(self) -> str | None:
        return self.body.get("biz_opaque_callback_data")


@dataclass
class Graph:
    """What the stand-in knows and does. `templates`: name and language -> how many texts its body takes."""

    token: str = TOKEN
    app_secret: str = SECRET
    numbers: dict[str, Json] = field(
        default_factory=lambda: {NUMBER_ID: {"status": "CONNECTED", "quality_rating": "GREEN"}}
    )
    templates: dict[tuple[str, str], int] = field(default_factory=dict)
    ledger: list[Sent] = field(default_factory=list)
    seen: list[Json] = field(default_factory=list)
    url: str = ""
    _answers: deque[tuple[int, bytes, dict[str, str]]] = field(default_factory=deque)
    _ids: Iterator[int] = field(default_factory=itertools.count)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer_next(self, status: int, body: Json | str, headers: Mapping[str, str] | None = None) -> None:
        """Answer the next request with this, whatever it is; it is not carried out."""
        content = body if isinstance(body, str) else json.dumps(body)
        self._answers.append((status, content.encode(), dict(headers or {})))

    def fail_next(self, code: int, *, status: int = 400, details: str = "", **more: Any) -> None:
        """Answer the next request with this error of Meta's."""
        self.answer_next(status, envelope(code, details=details, **more))

    def handle(
        self, method: str, target: str, headers: Mapping[str, str], raw: bytes
    ) -> tuple[int, bytes, dict[str, str]]:
        """The answer to one request."""
        with self._lock:
            self.seen.append({"method": method, "path": target, "headers": dict(headers), "body": _parsed(raw)})
            if self._answers:
                return self._answers.popleft()
            try:
                return 200, json.dumps(self._carry_out(method, target, headers, raw)).encode(), {}
            except Wrong as wrong:
                return wrong.status, json.dumps(wrong.body).encode(), {}

    def _carry_out(self, method: str, target: str, headers: Mapping[str, str], raw: bytes) -> Json:
        match = re.fullmatch(r"/v\d+\.\d+/([^/]+)(/messages)?", urlsplit(target).path)
        if match is None:
            raise Wrong(2500, f"Unknown path components: {urlsplit(target).path}")
        if headers.get("Authorization") != f"Bearer {self.token}":
            raise Wrong(190, "Invalid OAuth access token", status=401)
        number_id = match[1]
        if number_id not in self.numbers:
            raise Wrong(
                100,
                f"Unsupported {method.lower()} request. Object with ID '{number_id}' does not exist",
                type="GraphMethodException",
                error_subcode=33,
            )
        if method == "GET" and not match[2]:
            return self._look_up(number_id, parse_qs(urlsplit(target).query))
        if method != "POST" or not match[2]:
            raise Wrong(100, f"Unsupported {method.lower()} request")
        return self._send(number_id, checked(_parsed(raw), self.templates))

    def _look_up(self, number_id: str, query: Mapping[str, list[str]]) -> Json:
        wanted = query.get("fields", [""])[0].split(",")
        number = self.numbers[number_id]
        odd = [name for name in wanted if name and name not in {"id", *number}]
        if odd:
            raise Wrong(100, f"Tried accessing nonexistent field ({odd[0]})")
        return {**{name: number[name] for name in wanted if name in number}, "id": number_id}

    def _send(self, number_id: str, body: Json) -> Json:
        sent = Sent(f"wamid.HBgM{next(self._ids):016d}", number_id, wa_id(body["to"]), body)
        self.ledger.append(sent)
        pace = {"message_status": "accepted"} if body["type"] == "template" else {}
        return {
            "messaging_product": "whatsapp",
            "contacts": [{"input": body["to"], "wa_id": sent.wa_id}],
            "messages": [{"id": sent.message_id, **pace}],
        }

    def status(self, sent: Sent, word: str, *, errors: list[Json] | None = None, names_user: bool = True) -> Json:
        """The webhook payload with one status. Not every version of the API names the user."""
        user = {"user_id": f"BR.{sent.wa_id}0"} if names_user else {}
        item = {
            "id": sent.message_id,
            "status": word,
            "timestamp": "1768469460",
            "recipient_id": sent.wa_id,
            **({"biz_opaque_callback_data": sent.reference} if sent.reference else {}),
            **({"errors": errors} if errors else {}),
        }
        contacts = [{"profile": {"name": "Pessoa"}, "wa_id": sent.wa_id, **user}]
        return change("messages", number_id=sent.number_id, contacts=contacts, statuses=[item])

    def signed(self, payload: Json) -> tuple[bytes, dict[str, str]]:
        """The call's body and headers. Like Meta, it escapes what is not ASCII, and signs what it wrote."""
        body = json.dumps(payload, separators=(",", ":")).encode()
        digest = hmac.new(self.app_secret.encode(), body, "sha256").hexdigest()
        return body, {"Content-Type": "application/json", "X-Hub-Signature-256": f"sha256={digest}"}

    def post(self, url: str, payload: Json) -> int:
        """Post a signed webhook call; returns the HTTP code of its answer."""
        body, headers = self.signed(payload)
        return _call(urllib.request.Request(url, data=body, headers=headers, method="POST"))[0]

    def subscribe(self, url: str, verify_token: str, *, challenge: str = "1158201444") -> bool:
        """Ask the webhook's address who it is, as Meta does before it posts there."""
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify_token}
        return _call(urllib.request.Request(f"{url}?{urlencode(query)}")) == (200, challenge)


def change(field_: str, *, number_id: str = NUMBER_ID, **value: Any) -> Json:
    """A webhook payload with one change."""
    metadata = {"display_phone_number": "551140000000", "phone_number_id": number_id}
    content = {"messaging_product": "whatsapp", "metadata": metadata, **value}
    entry = {"id": "102290129340398", "changes": [{"field": field_, "value": content}]}
    return {"object": "whatsapp_business_account", "entry": [entry]}


def failure(code: int, title: str = "Message failed", details: str = "It failed.") -> Json:
    """One of the `errors` of a failed status."""
    return {"code": code, "title": title, "message": title, "error_data": {"details": details}, "href": "https://x"}


def wa_id(to: str) -> str:
    """The recipient as Meta names it: with a country, and in Brazil by the form that the account has."""
    digits = re.sub(r"\D", "", to)
    digits = digits if to.startswith("+") else COUNTRY + digits
    match = re.fullmatch(r"55(\d\d)9(\d{8})", digits)
    return f"55{match[1]}{match[2]}" if match and int(match[1]) >= 31 else digits


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw or b"null")
    except ValueError:
        return None


def _call(request: urllib.request.Request) -> tuple[int, str]:
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()


@contextmanager
def graph(**knows: Any) -> Iterator[Graph]:
    """A stand-in that listens; `url` is its base, version and all."""
    stand_in = Graph(**knows)

    def handle(method: str, target: str, headers: dict[str, str], raw: bytes) -> tuple[int, dict[str, str], bytes]:
        status, body, more = stand_in.handle(method, target, headers, raw)
        return status, {"Content-Type": "application/json", **more}, body

    with listening(handle) as url:
        stand_in.url = f"{url}/v23.0"
        yield stand_in
