"""A gateway's connection: one per request, no half answers, no time without end, and nothing that raises."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable

import pytest

from broadcast.gateways import http
from broadcast.gateways.base import Busy, Unknown
from broadcast.gateways.http import MOST_BYTES, Http, Response
from tests.departures import Gate
from tests.processes import wait_for
from tests.stubs import answering, raw_server, read_request, reset


def post(gateway: Http, departure: Gate | None = None) -> Response | Busy | Unknown:
    return gateway.post("/send", {"text": "oi"}, departure=departure or Gate())


def at(url: str, *, timeout_s: float = 30.0) -> Http:
    return Http(url, timeout_s=timeout_s, headers={})


def test_no_connection_is_used_twice_even_where_the_server_would_keep_it_open() -> None:
    connections: list[socket.socket] = []

    def keep_open(connection: socket.socket) -> None:
        connections.append(connection)
        while read_request(connection):
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with raw_server(keep_open) as url:
        gateway = at(url)
        assert all(isinstance(post(gateway), Response) for _ in range(3))
    assert len(connections) == 3


def test_many_requests_at_once_leave_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    together = threading.Barrier(12)
    answers: list[object] = []
    with answering(201, {"key": {"id": "m"}}) as (url, _):
        gateway = at(url)
        threads = [
            threading.Thread(target=lambda: answers.append(post(gateway, Gate(together.wait)))) for _ in range(12)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert [type(answer) for answer in answers] == [Response] * 12
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


@pytest.mark.parametrize("hang_up", [reset, socket.socket.close], ids=["reset", "closed"])
def test_a_connection_that_ended_before_the_departure_carried_nothing(
    hang_up: Callable[[socket.socket], None],
) -> None:
    # As a balancer does that takes connections for a server which is away.
    asked, ended = threading.Event(), threading.Event()

    def serve(connection: socket.socket) -> None:
        asked.wait(60)
        hang_up(connection)
        ended.set()

    def look() -> None:
        asked.set()
        assert ended.wait(60)

    with raw_server(serve) as url:
        answer = post(at(url), Gate(look))
    assert isinstance(answer, Busy), answer
    assert (answer.reason, answer.reached) == ("gateway_unreachable", False)


def after_reading(then: Callable[[socket.socket], object]) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        then(connection)

    return serve


def for_ever(line: bytes, *, first: bytes = b"") -> Callable[[socket.socket], None]:
    def then(connection: socket.socket) -> None:
        connection.sendall(first)
        while True:
            connection.sendall(line)
            time.sleep(0.02)

    return after_reading(then)


@pytest.mark.parametrize(
    "serve",
    [
        pytest.param(for_ever(b"X-A: b\r\n", first=b"HTTP/1.1 503 Busy\r\n"), id="headers"),
        pytest.param(for_ever(b"HTTP/1.1 100 Continue\r\n\r\n"), id="continues"),
        pytest.param(for_ever(b"H"), id="a first line"),
        pytest.param(for_ever(b" ", first=b"HTTP/1.1 503 Busy\r\n\r\n"), id="a body of no length"),
        pytest.param(
            for_ever(b"1\r\n \r\n", first=b"HTTP/1.1 503 B\r\nTransfer-Encoding: chunked\r\n\r\n"), id="chunks"
        ),
    ],
)
def test_an_answer_that_drips_is_cut_off_when_the_whole_time_is_up(serve: Callable[[socket.socket], None]) -> None:
    with raw_server(serve) as url:
        answer = post(at(url, timeout_s=1.0))
    assert isinstance(answer, Unknown), answer
    assert answer.reason == "gateway_timeout"


@pytest.mark.parametrize(
    "half",
    [
        b"HTTP/1.1 400 Bad Request\r\n",
        b"HTTP/1.1 400 Bad Request\r\nX-Powered",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 90\r\n\r\n",
        b'HTTP/1.1 400 Bad Request\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"a\r\n',
    ],
)
def test_half_an_answer_is_none_wherever_it_breaks_off(half: bytes) -> None:
    with raw_server(after_reading(lambda connection: connection.sendall(half))) as url:
        answer = post(at(url))
    assert isinstance(answer, Unknown), answer
    assert answer.reason == "gateway_connection_lost"


def test_an_answer_of_no_length_is_whole_when_it_has_a_body() -> None:
    whole = b"HTTP/1.0 404 Not Found\r\n\r\nnothing here"
    with raw_server(after_reading(lambda connection: connection.sendall(whole))) as url:
        answer = post(at(url))
    assert isinstance(answer, Response)
    assert (answer.status, answer.text) == (404, "nothing here")


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 50_000, "{", "9" * 5000, "\\"])
def test_no_body_is_too_strange_to_be_read(body: str) -> None:
    with answering(200, body) as (url, _):
        answer = post(at(url))
    assert isinstance(answer, Response)
    assert answer.json is None


def test_an_answer_of_some_length_is_read_to_its_end() -> None:
    body = {"text": "x" * (MOST_BYTES // 2), "end": True}
    with answering(200, body) as (url, _):
        answer = post(at(url))
    assert isinstance(answer, Response)
    assert answer.json == body


def test_the_rest_of_a_large_answer_is_not_looked_at() -> None:
    with answering(200, "x" * (4 * MOST_BYTES)) as (url, _):
        answer = post(at(url))
    assert isinstance(answer, Response)
    assert answer.text == "x" * 1000


def test_a_handshake_that_drips_holds_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CONNECT_S", 0.5)

    def shake(connection: socket.socket) -> None:
        connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc\x03\x03")  # the head of a long ServerHello
        while True:
            connection.sendall(b"\x00")
            time.sleep(0.05)

    with raw_server(shake) as url:
        began = time.monotonic()
        answer = post(at(url.replace("http://", "https://"), timeout_s=60))
    assert isinstance(answer, Busy), answer
    assert answer.reached is False
    assert time.monotonic() - began < 30


def test_an_address_that_is_at_rest_has_no_thread() -> None:
    def watches() -> int:
        return sum(thread.name == "http-watch" for thread in threading.enumerate())

    wait_for(lambda: watches() == 0, what="the other tests' requests to be over")
    with answering(201, {}) as (url, seen):
        for _ in range(2):  # and it comes back when there is another request
            Http(url, timeout_s=30, headers={}).post("/x", {}, departure=Gate())
            wait_for(lambda: watches() == 0, what="the watch to end")
    assert len(seen) == 2
