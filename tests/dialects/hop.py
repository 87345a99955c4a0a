"""A hop before a gateway, where everything that can be lost between two hosts gets lost."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from tests.stubs import raw_server, read_request, reset

#: What is done instead of answering a send, with the connection and the gateway's own answer.
Spoil = Callable[[socket.socket, bytes], object]


@dataclass
class Hop:
    """What came by. `answered` are requests that the gateway had before their answer was passed on or spoiled."""

    url: str = ""
    opened: int = 0
    unused: int = 0  #: connections that were closed without a word
    asked: list[bytes] = field(default_factory=list)
    sends: list[bytes] = field(default_factory=list)


@contextmanager
def hop(to: str, *, is_send: Callable[[bytes], bool], spoil: Spoil = socket.socket.sendall) -> Iterator[Hop]:
    """Pass everything on to the gateway at this address, and spoil the answers to its sends."""
    seen = Hop()

    def serve(connection: socket.socket) -> None:
        seen.opened += 1
        request = read_request(connection)
        if not request:
            seen.unused += 1
        elif is_send(request):
            seen.sends.append(request)
            spoil(connection, _answered(to, request))
        else:
            seen.asked.append(request)
            connection.sendall(_answered(to, request))

    with raw_server(serve) as url:
        seen.url = url + urlsplit(to).path
        yield seen


def _answered(to: str, request: bytes) -> bytes:
    at = urlsplit(to)
    with socket.create_connection((at.hostname, at.port)) as gateway:
        gateway.sendall(request)
        return b"".join(iter(lambda: gateway.recv(65536), b""))


def _lose(connection: socket.socket, _: bytes) -> None:
    reset(connection)


def _hang(connection: socket.socket, _: bytes) -> None:
    connection.recv(1)


def _cut(connection: socket.socket, answer: bytes) -> None:
    connection.sendall(answer[: answer.index(b"\r\n\r\n") + 20])


def _empty(connection: socket.socket, answer: bytes) -> None:
    head = answer.partition(b"\r\n")[0]
    connection.sendall(head + b"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")


#: what becomes of the answer to a message that the gateway took
SPOILS: dict[str, Spoil] = {
    "reset": _lose,
    "hangs past the timeout": _hang,
    "cut off": _cut,
    "without an id": _empty,
}
