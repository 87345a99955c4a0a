"""Faults on request: which arrivals go wrong, how, and whether the message reached WhatsApp all the same."""

from __future__ import annotations

import hashlib
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What the server does with a request: answer with `status` and `body`, or something worse."""

    status: int = 201
    body: Any = None  #: JSON, or a str that is sent as it stands
    delivered: bool = False  #: whether the message reached WhatsApp
    deed: str = "answer"  #: answer · drop (reset without answering) · hang · cut (half an answer)
    headers: Mapping[str, str] = field(default_factory=dict)


def envelope(status: int, error: str, message: Any) -> Reply:
    """An error as Evolution wraps it."""
    return Reply(status, {"status": status, "error": error, "response": {"message": message}})


def unknown(instance: str) -> Reply:
    """What is answered of an instance that is not there."""
    return envelope(404, "Not Found", [f'The "{instance}" instance does not exist'])


_BAD, _INTERNAL = "Bad Request", "Internal Server Error"

#: code -> Meta's words for it; another's are those of 131000. Source: Meta's error-codes page, 2026-09.
_GRAPH: Mapping[int, str] = {
    100: "Invalid parameter",
    190: "Invalid OAuth access token - Cannot parse access token",
    131000: "Something went wrong",
    131026: "Message undeliverable",
    131056: "(Business Account, Consumer Account) pair rate limit hit",
}


def graph_error(code: int) -> Reply:
    """An error of Meta's, which Evolution passes on as it stands, and as a success."""
    details = _GRAPH.get(code, _GRAPH[131000])
    return Reply(
        201,
        {
            "message": f"(#{code}) {details}",
            "type": "OAuthException",
            "code": code,
            "error_data": {"messaging_product": "whatsapp", "details": details},
            "fbtrace_id": uuid.uuid4().hex[:22],
        },
    )


#: What Evolution answers when Meta gives no error to pass on: its connection dropped, or an empty 500.
LOST = envelope(400, _BAD, ["TypeError: Cannot read properties of undefined (reading 'message')"])

#: kind of fault -> what happens. The shapes are those of a real Evolution 2.3.7, but for the proxies' pages.
KINDS: Mapping[str, Reply] = {
    "not_on_whatsapp": envelope(400, _BAD, [{"jid": "", "exists": False, "number": ""}]),
    "schema": envelope(400, _BAD, [['instance requires property "text"']]),
    "closed": envelope(400, _BAD, ["Error: Connection Closed"]),
    "closed_before": envelope(500, _INTERNAL, "Connection Closed"),
    "unauthorized": envelope(401, "Unauthorized", "Unauthorized"),
    "unknown_instance": unknown("x"),
    "busy": envelope(500, _INTERNAL, "Timed Out"),
    "media_missing": envelope(500, _INTERNAL, ["AxiosError: Request failed with status code 404"]),
    "media_unreachable": envelope(500, _INTERNAL, ["Error: connect ECONNREFUSED 127.0.0.1:1"]),
    "rate_overlimit": envelope(500, _INTERNAL, "rate-overlimit"),
    "too_many": envelope(429, "Too Many Requests", ["Too many requests"]),
    "unavailable": Reply(503, "<html><h1>503 Service Temporarily Unavailable</h1></html>"),
    "bad_gateway": Reply(502, "<html><h1>502 Bad Gateway</h1></html>"),
    "gateway_timeout": Reply(504, "<html><h1>504 Gateway Time-out</h1></html>"),
    "html": Reply(500, "<html><h1>500 Internal Server Error</h1></html>"),
    "ambiguous": envelope(400, _BAD, ["Error: Timed Out"]),
    "no_id": Reply(201, {"status": "PENDING"}, delivered=True),
    "reset_before": Reply(deed="drop"),
    "reset_after": Reply(deed="drop", delivered=True),
    "hang": Reply(deed="hang", delivered=True),
    "truncated": Reply(201, deed="cut", delivered=True),
    "raw": Reply(200, ""),
    # What instances of kind WHATSAPP-BUSINESS meet, whichever they are asked of here.
    "graph": graph_error(131000),
    "graph_lost": LOST,
}
#: Faults of whoever fetches a medium.
FETCHING = frozenset({"media_missing", "media_unreachable"})


def whole(value: Any) -> int:
    """A count or a time in ms. Raises ValueError for anything else."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no whole number of 0 or more")
    return value


def share(value: Any) -> float:
    """A part of all, from 0 to 1. Raises ValueError for anything else."""
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is no number from 0 to 1")
    return float(value)


_NAMES = {
    "kind",
    "share",
    "numbers",
    "instance",
    "times",
    "delayMs",
    "status",
    "body",
    "delivered",
    "retryAfterS",
    "code",
}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One fault in force. It hits `numbers`, or a `share` of all numbers (always the same ones for one seed)."""

    kind: str
    share: float = 1.0
    numbers: frozenset[str] = frozenset()
    instance: str | None = None
    times: int | None = None  #: how many arrivals of a number go wrong before one works; None: all
    delay_ms: int = 0
    reply: Reply = Reply()

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Fault:
        """A fault as it is posted. Raises ValueError or KeyError for one that makes no sense."""
        if unknown := set(body) - _NAMES:
            raise ValueError(f"a fault has no {', '.join(sorted(unknown))}")
        numbers = body.get("numbers") or ()
        if isinstance(numbers, str) or not all(isinstance(number, str) for number in numbers):
            raise ValueError("numbers is a list of texts")
        times = body.get("times")
        return cls(
            kind=body["kind"],
            share=share(body.get("share", 1.0)),
            numbers=frozenset(numbers),
            instance=body.get("instance"),
            times=None if times is None else whole(times),
            delay_ms=whole(body.get("delayMs", 0)),
            reply=_changed(_reply(body), body),
        )

    def hits(self, instance: str, number: str, seed: int) -> bool:
        """Whether an arrival for this number goes wrong, before `times` is looked at."""
        if self.instance not in {None, instance}:
            return False
        return number in self.numbers if self.numbers else chance(seed, self.kind, number) < self.share

    def shuts(self, instance: str) -> bool:
        """Whether every arrival of the instance goes wrong."""
        return self.instance in {None, instance} and not self.numbers and self.share >= 1 and self.times is None


def _reply(body: Mapping[str, Any]) -> Reply:
    """What its kind is answered; of Meta's errors, the one with the `code`."""
    if "code" not in body:
        return KINDS[body["kind"]]
    if body["kind"] != "graph":
        raise ValueError("only a fault of kind graph has a code")
    return graph_error(whole(body["code"]))


def _changed(reply: Reply, body: Mapping[str, Any]) -> Reply:
    """A kind's reply, with what a fault says otherwise."""
    if "status" in body and not 200 <= whole(body["status"]) <= 599:
        raise ValueError("status is an HTTP status from 200 to 599")
    retry = {"Retry-After": str(body["retryAfterS"])} if "retryAfterS" in body else {}
    return replace(
        reply,
        status=body.get("status", reply.status),
        body=body.get("body", reply.body),
        delivered=bool(body.get("delivered", reply.delivered)),
        headers={**reply.headers, **retry},
    )


#: Whether a fault cannot happen to an instance.
Spared = Callable[[Fault], bool]


class Faults:
    """The faults in force. Thread-safe."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._hits: Counter[tuple[int, str]] = Counter()
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Put one more fault in force; the first that hits an arrival decides."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Everything works again."""
        with self._lock:
            self._faults.clear()
            self._hits.clear()

    def strike(self, instance: str, number: str, seed: int, spared: Spared = lambda _: False) -> Fault | None:
        """The fault that hits this arrival, if any; it counts as one of its times. `spared` says which never do."""
        with self._lock:
            index, fault = self._first(instance, number, seed, spared)
            if fault is not None:
                self._hits[index, number] += 1
            return fault

    def threatening(self, instance: str, number: str, seed: int) -> Fault | None:
        """The fault that an arrival of this number would meet; to look counts as none of its times."""
        with self._lock:
            return self._first(instance, number, seed)[1]

    def shutting(self, instance: str) -> Fault | None:
        """The fault that everything sent through the instance meets."""
        with self._lock:
            return next((fault for fault in self._faults if fault.shuts(instance)), None)

    def _first(
        self, instance: str, number: str, seed: int, spared: Spared = lambda _: False
    ) -> tuple[int, Fault | None]:
        for index, fault in enumerate(self._faults):
            is_over = fault.times is not None and self._hits[index, number] >= fault.times
            if not is_over and not spared(fault) and fault.hits(instance, number, seed):
                return index, fault
        return -1, None


def chance(seed: int, *parts: str) -> float:
    """A number from 0 to 1 that is the same for the same seed and parts."""
    digest = hashlib.sha256(":".join((str(seed), *parts)).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48
