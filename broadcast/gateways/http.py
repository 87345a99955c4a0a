"""One POST to a gateway over `requests`, with the fence right before its first byte.

Every failure says whether anything was written, because that decides whether it may be tried again.
"""

from __future__ import annotations

import json
import socket as sockets
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from http.client import HTTPException
from socket import IPPROTO_TCP, MSG_PEEK, SHUT_RDWR, gaierror, socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError, ReadTimeoutError, SSLError
from urllib3.util import wait_for_read

from broadcast.gateways.base import Busy, Departure, Unknown
from broadcast.gateways.veil import veil_of

#: Seconds to open a connection, TLS included. A gateway that takes longer is not there.
CONNECT_S = 5.0
#: The rest of a larger answer is not looked at. An instance that adds the media to its webhooks adds it here as well.
MOST_BYTES = 262_144
#: What says how long an answer is. Without either it lasts until the connection ends, for whatever reason it ends.
_LENGTHS = frozenset({"content-length", "transfer-encoding"})


@dataclass(frozen=True)
class Response:
    """What the gateway answered. `json` is None where the body is none; `text` is its beginning."""

    status: int
    headers: Mapping[str, str]
    json: Any
    text: str


@dataclass
class _Gate:
    """Stands in one request's connection: calls the fence once, and remembers what was written."""

    departure: Departure
    deadline: float
    written: bool = False
    sock: socket | None = None
    expired: bool = False

    left_at: float = 0.0

    def write(self, sock: socket, write: Callable[[], None]) -> None:
        """Every write of the request goes through here; the first one waits for its departure."""
        if self.written:
            write()
            return
        while True:
            self.departure.wait()
            if _has_hung_up(sock):
                raise ConnectionResetError("the connection was closed before anything was written")
            if self.departure.is_now():
                break
        self.sock = sock
        self.deadline += time.monotonic()
        self.written = True
        write()
        self.left_at = time.monotonic()

    def wrote(self) -> None:
        """The request is written, and the answer is about to be waited for."""
        self.departure.left(self.left_at)


_gate: ContextVar[_Gate] = ContextVar("gate")


class _GatedHTTP(HTTPConnection):
    """Opens first, then lets the gate say when to write."""

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        _gate.get().write(self.sock, lambda: super(_GatedHTTP, self).send(data))

    def getresponse(self) -> Any:
        _gate.get().wrote()
        return super().getresponse()


class _GatedHTTPS(_GatedHTTP, HTTPSConnection):
    """The same over TLS, which is part of opening."""


class _Unkept:
    """Mixed into urllib3's pools: a used connection is closed, even where the server would keep it open."""

    def _put_conn(self, connection: Any) -> None:
        if connection is not None:
            connection.close()


class _GatedHTTPPool(_Unkept, HTTPConnectionPool):
    ConnectionCls = _GatedHTTP


class _GatedHTTPSPool(_Unkept, HTTPSConnectionPool):
    ConnectionCls = _GatedHTTPS


class _GatedAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _GatedHTTPPool, "https": _GatedHTTPSPool}


@dataclass
class _Watch:
    """Ends requests whose whole time is up: a socket's own time-out starts anew with every byte that drips in."""

    _gates: dict[int, _Gate] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    @contextmanager
    def over(self, gate: _Gate) -> Any:
        """Watch over one request."""
        with self._lock:
            self._gates[id(gate)] = gate
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, daemon=True, name="http-watch")
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._gates.pop(id(gate), None)

    def _run(self) -> None:
        while True:
            time.sleep(0.25)
            now = time.monotonic()
            with self._lock:
                if not self._gates:
                    self._thread = None  # the next request starts another; an address that is gone leaves none behind
                    return
                for gate in self._gates.values():
                    if gate.written and now > gate.deadline and gate.sock is not None:
                        gate.expired = True
                        # The plain socket's: that of a TLS socket takes its session away under the thread that reads.
                        with suppress(OSError):
                            socket.shutdown(gate.sock, SHUT_RDWR)


class Http:
    """A gateway's address. Thread-safe.

    Every request has a connection of its own. A kept-alive one may be closed by the server at the moment it is used
    again (Node does so after 5 s of rest), and that reset looks just like one after the message was accepted: it would
    make an unknown outcome out of nothing.

    Nothing that comes out of here, whoever said it, has one of `secrets` in it.
    """

    def __init__(
        self, url: str, *, timeout_s: float, headers: Mapping[str, str], secrets: Collection[str | None] = ()
    ) -> None:
        self._veil = veil_of(secrets)
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s
        self._watch = _Watch()
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.update({"Connection": "close", "User-Agent": "broadcast", **headers})
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _GatedAdapter(max_retries=0, pool_maxsize=1))

    def ask(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> Response | Busy:
        """Ask something that sends nothing to anybody, without the fence. Busy: no whole answer came.

        `reached` where the question was written: what the gateway never answers may be about this contact alone.
        """
        gate = _Gate(_Unfenced(), self._timeout_s)
        answer = self._through(gate, lambda: self._call(method, path, params=query, json=body))
        return Busy(answer.reason, answer.detail, contact_only=True) if isinstance(answer, Unknown) else answer

    def post(
        self, path: str, body: Mapping[str, Any], *, departure: Departure, headers: Mapping[str, str] | None = None
    ) -> Response | Busy | Unknown:
        """POST JSON. Busy(reached=False): nothing was written. Unknown: something was, and no whole answer came."""
        gate = _Gate(departure, self._timeout_s)
        return self._through(gate, lambda: self._call("POST", path, json=body, headers=headers))

    def _through(self, gate: _Gate, call: Callable[[], Response]) -> Response | Busy | Unknown:
        token = _gate.set(gate)
        try:
            with self._watch.over(gate):
                answer = call()
            # What was read until then is half an answer, though headers without an end look like whole ones.
            return Unknown("gateway_timeout", "the answer did not end in time") if gate.expired else answer
        except (requests.RequestException, HTTPError, HTTPException, OSError) as error:
            return _failure(error, gate, veil=self._veil)
        finally:
            _gate.reset(token)

    def _call(self, method: str, path: str, **options: Any) -> Response:
        with self._session.request(
            method,
            self._url + path,
            timeout=(CONNECT_S, self._timeout_s),
            allow_redirects=False,
            stream=True,
            **options,
        ) as answer:
            content = answer.raw.read(MOST_BYTES, decode_content=True)
            if not content and not any(name in answer.headers for name in _LENGTHS):
                raise HTTPException("the answer ended within its headers")
            text = self._veil(content.decode(errors="replace"))
            return Response(answer.status_code, dict(answer.headers), _parsed(text), text[:1000])


class _Unfenced:
    """A departure that may leave at once."""

    def attend(self) -> None:
        """Nobody waits for it."""

    def wait(self) -> None:
        """Nothing to wait for."""

    def is_now(self) -> bool:
        """It always is."""
        return True

    def left(self, at: float) -> None:
        """Nothing to push."""


#: Linux's option that starts with a connection's state, and the state in which both sides may still write.
_TCP_INFO: int | None = getattr(sockets, "TCP_INFO", None)
_ESTABLISHED = 1


def _has_hung_up(sock: socket) -> bool:
    """Whether the far side closed already. Balancers and container ports take connections for a server that is away."""
    # Not by reading alone: TLS 1.3 sends session tickets, which lie unread before the end.
    if _TCP_INFO is not None:
        return sock.getsockopt(IPPROTO_TCP, _TCP_INFO, 1)[0] != _ESTABLISHED
    # The plain socket's `recv`: that of a TLS socket cannot peek.
    return wait_for_read(sock, timeout=0) and not socket.recv(sock, 1, MSG_PEEK)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


#: What kept a connection from opening, its handshake included -> our code for it, the surest first.
_UNOPENED: tuple[tuple[type[BaseException], str], ...] = (
    (gaierror, "gateway_name_unknown"),
    (SSLError, "gateway_tls_failed"),
    (requests.exceptions.SSLError, "gateway_tls_failed"),
    (NewConnectionError, "gateway_unreachable"),
    (ConnectTimeoutError, "gateway_connect_timeout"),
    (ReadTimeoutError, "gateway_connect_timeout"),
    (TimeoutError, "gateway_connect_timeout"),
)


def _failure(error: BaseException, gate: _Gate, *, veil: Callable[[str], str]) -> Busy | Unknown:
    causes = list(_causes(error))
    detail = type(causes[-1]).__name__ + veil(f": {causes[-1]}")[:150]
    if not gate.written:
        reasons = (code for kind, code in _UNOPENED if any(isinstance(cause, kind) for cause in causes))
        return Busy(next(reasons, "gateway_unreachable"), detail, reached=False)
    timed_out = gate.expired or any(isinstance(cause, ReadTimeoutError | TimeoutError) for cause in causes)
    return Unknown("gateway_timeout" if timed_out else "gateway_connection_lost", detail)


def _causes(error: BaseException) -> Any:
    """The error, and everything that it wraps."""
    seen: list[BaseException] = []
    queue: list[Any] = [error]
    while queue:
        item = queue.pop(0)
        if isinstance(item, BaseException) and item not in seen:
            seen.append(item)
            queue += [item.__cause__, item.__context__, getattr(item, "reason", None), *item.args]
    return seen
