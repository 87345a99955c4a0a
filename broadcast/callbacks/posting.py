"""One POST of a callback: signed, in time whatever the far side does, and to no address that is refused.

The address is checked when it is connected to, after the name was looked up and on the very address that the
connection has: a name that leads elsewhere a moment later leads nowhere.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from typing import Any
from urllib.parse import urlsplit

from requests.utils import DEFAULT_CA_BUNDLE_PATH, requote_uri
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from broadcast.callbacks.addresses import why_refused
from broadcast.callbacks.signing import headers
from broadcast.domain.waiting import asked_s

#: Seconds until a connection stands, looking up the name included.
CONNECT_S = 3.0
#: Seconds for all of it. Not a byte that drips in makes it longer.
WHOLE_S = 10.0

#: Looks a host and port up: (address family, socket address) of each place that it leads to. May block for long.
Resolve = Callable[[str, int], Sequence[tuple[int, Any]]]


@dataclass(frozen=True)
class Answered:
    """The CRM answered. `retry_after_s`: after how long it wants the next attempt, if it says so."""

    status: int
    retry_after_s: float | None = None


@dataclass(frozen=True)
class Unanswered:
    """No answer came: a code, and the same for people."""

    reason: str
    detail: str


class Refused(OSError):
    """The address must not be called. The text says what it is."""


def resolve(host: str, port: int) -> Sequence[tuple[int, Any]]:
    """What the system's resolver says."""
    return [(family, where) for family, _, _, _, where in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


@cache
def trusted() -> ssl.SSLContext:
    """The authorities that certificates are checked against. Reading them takes 20 ms."""
    return ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)


class Poster:
    """Posts callbacks, signed with every one of `keys`. Thread-safe."""

    def __init__(
        self,
        keys: Sequence[bytes],
        *,
        allow_private: bool,
        resolve: Resolve = resolve,
        trust: ssl.SSLContext | None = None,
        connect_s: float = CONNECT_S,
        whole_s: float = WHOLE_S,
    ) -> None:
        self._keys = keys
        self._allow_private = allow_private
        self._resolve = resolve
        self._trust = trust or trusted()
        self._connect_s = connect_s
        self._whole_s = whole_s

    def post(self, url: str, *, event: str, at_s: int, body: bytes) -> Answered | Unanswered:
        """Post one callback. Never raises for anything that the network or the far side did."""
        if not self._keys:
            return Unanswered("unsigned", "CALLBACK_SECRET is unset, and nothing is sent without a signature")
        line = _Line(self._resolve, allow_private=self._allow_private, connect_s=self._connect_s)
        sent = {"Content-Type": "application/json", "User-Agent": "broadcast", "Connection": "close"}
        timer = threading.Timer(self._whole_s, line.cut)
        timer.daemon = True
        timer.start()
        try:
            return self._call(line, url, body, {**sent, **headers(self._keys, event=event, at_s=at_s, body=body)})
        except (HTTPError, HTTPException, OSError, ValueError) as error:
            return _failure(error, is_cut=line.is_cut)
        finally:
            timer.cancel()
            line.close()

    def _call(self, line: _Line, url: str, body: bytes, sent: Mapping[str, str]) -> Answered | Unanswered:
        parts = urlsplit(url)
        target = requote_uri((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))
        connection = self._connection(parts.scheme, parts.hostname or "", parts.port)
        connection.line = line
        try:
            connection.request("POST", target, body=body, headers=sent, preload_content=False)
            answer = connection.getresponse()
            # Headers that were cut off look like whole ones.
            asked = asked_s(answer.headers.get("Retry-After", ""), now_s=time.time())
            return _cut() if line.is_cut else Answered(answer.status, asked or None)
        finally:
            connection.close()

    def _connection(self, scheme: str, host: str, port: int | None) -> _Called | _CalledTLS:
        if scheme == "https":
            return _CalledTLS(host, port, timeout=self._whole_s, ssl_context=self._trust)
        return _Called(host, port, timeout=self._whole_s)


class _Line:
    """The socket of one call: opened to an address that is allowed, and cut when its time is up."""

    def __init__(self, resolve: Resolve, *, allow_private: bool, connect_s: float) -> None:
        self._resolve = resolve
        self._allow_private = allow_private
        self._connect_s = connect_s
        # TLS takes the socket away from whoever has it; a second one on the same connection stays, and can cut it.
        self._twin: socket.socket | None = None
        self.is_cut = False

    def open(self, host: str, port: int) -> socket.socket:
        """A connection to the first address of the host that is allowed and answers. Raises OSError."""
        until = time.monotonic() + self._connect_s
        found = _in_time(lambda: self._resolve(host, port), self._connect_s)
        allowed = [(family, where) for family, where in found if self._why_refused(where[0]) is None]
        if found and not allowed:
            raise Refused(f"{host} leads to a {self._why_refused(found[0][1][0])} address")
        failed: OSError = OSError(f"{host} leads nowhere")
        for family, where in allowed:
            try:
                return self._connect(family, where, max(until - time.monotonic(), 0.05))
            except OSError as error:
                failed = error
        raise failed

    def _connect(self, family: int, where: Any, seconds: float) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.settimeout(seconds)
            sock.connect(where)
            if why := self._why_refused(sock.getpeername()[0]):
                raise Refused(f"the connection is to a {why} address")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.settimeout(self._connect_s)  # of a handshake
            self._twin = sock.dup()
        except OSError:
            sock.close()
            raise
        return sock

    def _why_refused(self, address: str) -> str | None:
        return None if self._allow_private else why_refused(address)

    def cut(self) -> None:
        """End the call, whatever it waits for."""
        self.is_cut = True
        if self._twin is not None:
            with suppress(OSError):
                self._twin.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Give the socket back."""
        if self._twin is not None:
            self._twin.close()


class _OnLine:
    """Mixed into urllib3's connections: their socket is one that the line opened."""

    line: _Line
    _dns_host: str
    port: int

    def _new_conn(self) -> socket.socket:
        return self.line.open(self._dns_host, self.port)


class _Called(_OnLine, HTTPConnection):
    pass


class _CalledTLS(_OnLine, HTTPSConnection):
    pass


def _in_time(look_up: Callable[[], Sequence[tuple[int, Any]]], seconds: float) -> Sequence[tuple[int, Any]]:
    """What a look-up finds, if it does in time: the system's resolver knows no time-out of ours."""
    found: list[Sequence[tuple[int, Any]]] = []
    failed: list[Exception] = []

    def run() -> None:
        try:
            found.append(look_up())
        except Exception as error:  # it is raised below, in the thread that asked
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="resolve")
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError("the name was not found in time")
    return found[0]


def _cut() -> Unanswered:
    return Unanswered("timeout", "the answer did not come in time")


#: What kept an answer from coming -> our code for it, the surest first.
_REASONS: Sequence[tuple[type[BaseException], str]] = (
    (Refused, "address_refused"),
    (socket.gaierror, "name_unknown"),
    (UnicodeError, "name_unknown"),
    (ssl.SSLError, "tls_failed"),
    (TimeoutError, "timeout"),
    (ConnectionRefusedError, "unreachable"),
)


def _failure(error: BaseException, *, is_cut: bool) -> Unanswered:
    if is_cut:
        return _cut()
    causes = [error, *filter(None, (error.__cause__, error.__context__)), *error.args]
    reasons = (code for kind, code in _REASONS if any(isinstance(cause, kind) for cause in causes))
    return Unanswered(next(reasons, "connection_lost"), f"{type(error).__name__}: {error}"[:200])
