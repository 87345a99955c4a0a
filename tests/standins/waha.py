"""A WAHA server on the loopback: as strict about requests as the real one, and it remembers each that it took.

What it answers and asks for is WAHA 2026.7.1's by its documentation; where an error is only known from its source of
2024-10, that is what it says.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import requests

from tests.stubs import listening

#: engines that take an id of the caller's with a text
TAKE_IDS = frozenset({"NOWEB", "GOWS"})
ACKS: Mapping[str, int] = {"ERROR": -1, "PENDING": 0, "SERVER": 1, "DEVICE": 2, "READ": 3, "PLAYED": 4}

_CHAT = re.compile(r"[0-9]+@(c\.us|lid|newsletter)|[0-9-]+@g\.us")
_FILE = {"/api/sendImage", "/api/sendFile", "/api/sendVoice", "/api/sendVideo"}
_CONVERTED = {"/api/sendVoice", "/api/sendVideo"}


@dataclass(frozen=True, kw_only=True)
class Taken:
    """A message that the stand-in took; `at` is the monotonic clock, in s."""

    id: str  #: WhatsApp's, without the chat
    path: str
    body: Mapping[str, Any]
    exists: bool  #: whether anybody has that number
    at: float


@dataclass(frozen=True)
class Reply:
    """An HTTP answer. A body that is a text goes out as it is."""

    status: int
    body: Any
    headers: Mapping[str, str] = field(default_factory=dict)


def problem(status: int, message: Any, error: str) -> Reply:
    """An error in the form of WAHA's framework."""
    return Reply(status, {"statusCode": status, "message": message, "error": error})


def thrown(message: str, path: str = "/api/sendText", body: Any = None) -> Reply:
    """A 500 as WAHA makes one of whatever its engine threw: with our whole request in it."""
    exception = {"message": message, "name": "Error", "stack": f"Error: {message}\n    at engine"}
    request = {"path": path, "method": "POST", "body": body or {}, "query": {}}
    version = {"version": "2026.7.1", "engine": "NOWEB", "tier": "PLUS"}
    at = "2030-01-15T09:30:00.000Z"
    return Reply(
        500, {"statusCode": 500, "timestamp": at, "exception": exception, "request": request, "version": version}
    )


@dataclass
class StandIn:
    """What the server knows, and what its tests ask and tell it. All of it may be changed while it runs."""

    api_key: str = "waha-key"
    engine: str = "NOWEB"
    sessions: dict[str, str] = field(default_factory=lambda: {"loja-01": "WORKING"})
    numbers: dict[str, str] = field(default_factory=dict)  #: phone -> the address that it has in WhatsApp
    hmac_key: str | None = None
    url: str = ""
    ledger: list[Taken] = field(default_factory=list)
    asked: list[tuple[str, str, float]] = field(default_factory=list)  #: method, path with its query, monotonic clock
    refusals: dict[str, list[Reply]] = field(default_factory=dict)  #: path -> what to answer instead, once each
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def refuse(self, path: str, *replies: Reply) -> None:
        """Answer the next calls of this path so, in order, and take nothing."""
        self.refusals.setdefault(path, []).extend(replies)

    def answer(self, method: str, target: str, headers: Mapping[str, str], raw: bytes) -> Reply:
        """What the server says to one request."""
        path = urlsplit(target).path
        query = {name: values[-1] for name, values in parse_qs(urlsplit(target).query).items()}
        with self._lock:
            self.asked.append((method, target, time.monotonic()))
            if headers.get("X-Api-Key") != self.api_key:
                return Reply(401, {"message": "Unauthorized", "statusCode": 401})
            if self.refusals.get(path):
                return self.refusals[path].pop(0)
            if (method, path) == ("GET", "/api/contacts/check-exists"):
                return self._check(query)
            if method == "GET" and path.startswith("/api/sessions/"):
                return self._session(unquote(path.removeprefix("/api/sessions/")))
            if method == "POST" and (path in _FILE or path == "/api/sendText"):
                return self._send(path, headers, raw)
            return problem(404, f"Cannot {method} {path}", "Not Found")

    def _check(self, query: Mapping[str, str]) -> Reply:
        if not re.fullmatch(r"[0-9]+", query.get("phone", "")):
            return problem(400, ["phone must be digits"], "Bad Request")
        away = self._away(query.get("session", "default"))
        if away is not None:
            return away
        chat = self.numbers.get(query["phone"])
        return Reply(200, {"numberExists": True, "chatId": chat} if chat else {"numberExists": False})

    def _session(self, name: str) -> Reply:
        if name not in self.sessions:
            return problem(404, "Session not found", "Not Found")
        return Reply(200, {"name": name, "status": self.sessions[name], "me": None, "config": {}})

    def _away(self, session: str) -> Reply | None:
        """Why the session cannot send, if it cannot."""
        status = self.sessions.get(session)
        if status is None:
            return problem(404, f"We didn't find a session with name '{session}'.", "Not Found")
        if status == "WORKING":
            return None
        error = "Session status is not as expected. Try again later or restart the session"
        return Reply(422, {"error": error, "session": session, "status": status, "expected": ["WORKING"]})

    def _send(self, path: str, headers: Mapping[str, str], raw: bytes) -> Reply:
        try:
            body = json.loads(raw) if headers.get("Content-Type", "").startswith("application/json") else None
        except ValueError as error:
            return problem(400, str(error), "Bad Request")
        faults = faults_of(path, body) if isinstance(body, dict) else ["the body must be JSON"]
        if faults:
            return problem(400, faults, "Bad Request")
        away = self._away(body["session"])
        if away is not None:
            return away
        if "id" in body and self.engine not in TAKE_IDS:
            return problem(422, "The method is not implemented by the engine.", "Unprocessable Entity")
        taken = Taken(
            id=body.get("id") or f"3EB0{next(self._numbers):018X}",
            path=path,
            body=body,
            exists=body["chatId"] in self.numbers.values(),
            at=time.monotonic(),
        )
        self.ledger.append(taken)
        # The real one says the same of a number that nobody has: taken by the server, and never more than that.
        return Reply(201, message_of(taken, engine=self.engine, ack="SERVER"))

    def tell(self, taken: Taken, name: str) -> dict[str, Any]:
        """The event that says how far a message got. Nobody gets one of a number that nobody has."""
        assert taken.exists or ACKS[name] <= ACKS["SERVER"], "nobody has this number"
        chat = taken.body["chatId"]
        acked = {"id": f"true_{chat}_{taken.id}", "from": chat, "participant": None, "fromMe": True}
        return self.event("message.ack", {**acked, "ack": ACKS[name], "ackName": name}, taken.body["session"])

    def event(self, name: str, payload: Mapping[str, Any], session: str = "loja-01") -> dict[str, Any]:
        """An event in its envelope."""
        return {
            "id": f"evt_{next(self._numbers):026d}",
            "timestamp": int(time.time() * 1000),
            "event": name,
            "session": session,
            "me": {"id": "5511900000000@c.us", "pushName": "Loja"},
            "payload": dict(payload),
            "environment": {"tier": "PLUS", "version": "2026.7.1"},
            "engine": self.engine,
        }

    def post(self, url: str, event: Mapping[str, Any]) -> int:
        """Post an event as a webhook call, signed if there is a key; return what it was answered."""
        body = json.dumps(event, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "X-Webhook-Timestamp": str(event["timestamp"])}
        return requests.post(url, data=body, headers={**headers, **self.signed(body)}, timeout=30).status_code

    def signed(self, body: bytes) -> dict[str, str]:
        """The headers that a call with this body has for its signature."""
        if self.hmac_key is None:
            return {}
        signature = hmac.new(self.hmac_key.encode(), body, hashlib.sha512).hexdigest()
        return {"X-Webhook-Hmac": signature, "X-Webhook-Hmac-Algorithm": "sha512"}


def faults_of(path: str, body: Mapping[str, Any]) -> list[str]:
    """What is wrong with a request to send, in words."""
    faults = [f"{name} must be a string" for name in ("session", "chatId") if not isinstance(body.get(name), str)]
    if isinstance(body.get("chatId"), str) and not _CHAT.fullmatch(body["chatId"]):
        faults.append("chatId must be digits and a domain that WAHA knows")
    if path == "/api/sendText":
        faults += [] if isinstance(body.get("text"), str) and body["text"] else ["text must be a string"]
        faults += [] if isinstance(body.get("id", ""), str) else ["id must be a string"]
        return faults
    if "id" in body:
        faults.append("property id should not exist")
    if path in _CONVERTED and not isinstance(body.get("convert"), bool):
        faults.append("convert must be a boolean value")
    return faults + _faults_of_file(body.get("file"))


def _faults_of_file(file: Any) -> list[str]:
    if not isinstance(file, dict):
        return ["file must be an object"]
    faults = [] if isinstance(file.get("mimetype"), str) and "/" in file["mimetype"] else ["file.mimetype is missing"]
    if not (str(file.get("url", "")).startswith(("http://", "https://")) or isinstance(file.get("data"), str)):
        faults.append("file must have a url or data")
    return faults


def message_of(taken: Taken, *, engine: str, ack: str) -> dict[str, Any]:
    """A message as the answer to its send, or an event, shows it."""
    chat = taken.body["chatId"]
    return {
        "id": f"true_{chat}_{taken.id}",
        "timestamp": int(time.time()),
        "from": chat,
        "fromMe": True,
        "source": "api",
        "body": taken.body.get("text") or taken.body.get("caption") or "",
        "hasMedia": taken.path != "/api/sendText",
        "ack": ACKS[ack],
        "ackName": ack,
        "_data": {"key": {"remoteJid": chat, "fromMe": True, "id": taken.id}} if engine == "NOWEB" else {},
    }


@contextmanager
def waha(**changes: Any) -> Iterator[StandIn]:
    """A running stand-in; its address is `url`."""
    standin = StandIn(**changes)

    def handle(method: str, target: str, headers: dict[str, str], raw: bytes) -> tuple[int, dict[str, str], bytes]:
        reply = standin.answer(method, target, headers, raw)
        content = reply.body.encode() if isinstance(reply.body, str) else json.dumps(reply.body).encode()
        return reply.status, {"Content-Type": "application/json", **reply.headers}, content

    with listening(handle) as url:
        standin.url = url
        yield standin
