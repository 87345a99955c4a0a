"""One POST to a gateway: nothing is written before the fence says so, and every failure says whether anything was."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from broadcast.errors import Held
from broadcast.gateways.base import Busy, Unknown
from broadcast.gateways.http import Http, Response
from tests.departures import Gate
from tests.processes import free_port, wait_for
from tests.stubs import answering, drip, raw_server, read_request, reset


def post(url: str, gate: Gate | None = None, *, timeout_s: float = 30.0) -> Response | Busy | Unknown:
    return Http(url, timeout_s=timeout_s, headers={}).post("/send", {"text": "olá"}, departure=gate or Gate())


def test_an_answer_comes_back_as_it_is() -> None:
    with answering(201, {"key": {"id": "m1"}}, {"X-Some": "thing"}) as (url, seen):
        answer = post(url)

    assert isinstance(answer, Response)
    assert (answer.status, answer.json, answer.headers["X-Some"]) == (201, {"key": {"id": "m1"}}, "thing")
    assert seen[0]["body"] == {"text": "olá"}
    assert seen[0]["headers"]["Connection"] == "close"


def test_the_connection_is_open_and_nothing_is_written_when_the_fence_is_asked() -> None:
    received: list[bytes] = []
    connected: list[float] = []

    def serve(connection: socket.socket) -> None:
        connected.append(time.monotonic())
        received.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")

    with raw_server(serve) as url:

        def look() -> None:
            wait_for(lambda: connected, what="the connection")
            assert received == []

        gate = Gate(look)
        assert isinstance(post(url, gate), Response)

    assert len(gate.waited) == len(gate.left_at) == 1
    assert gate.left_at[0] >= gate.waited[0]


def test_what_the_fence_raises_comes_out_and_nothing_was_written() -> None:
    received: list[bytes] = []
    with raw_server(lambda connection: received.append(connection.recv(1000))) as url:

        def refuse() -> None:
            raise Held("paused")

        with pytest.raises(Held):
            post(url, Gate(refuse))
        wait_for(lambda: received, what="the end of the connection")
    assert received == [b""]


def unasked() -> Gate:
    def fail() -> None:
        raise AssertionError("the fence must not be asked")

    return Gate(fail)


def test_a_refused_connection_was_never_opened() -> None:
    answer = post(f"http://127.0.0.1:{free_port()}", unasked())
    assert isinstance(answer, Busy)
    assert (answer.reason, answer.reached) == ("gateway_unreachable", False)


def test_an_unknown_name_was_never_opened() -> None:
    answer = post("http://does-not-exist.invalid", unasked())
    assert isinstance(answer, Busy)
    assert (answer.reason, answer.reached) == ("gateway_name_unknown", False)


def test_a_failed_tls_handshake_was_never_opened() -> None:
    def not_tls(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with raw_server(not_tls) as url:
        answer = post(url.replace("http://", "https://"), unasked())
    assert isinstance(answer, Busy)
    assert (answer.reason, answer.reached) == ("gateway_tls_failed", False)


def after_reading(then: Callable[[socket.socket], None]) -> Callable[[socket.socket], None]:
    def serve(connection: socket.socket) -> None:
        read_request(connection)
        then(connection)

    return serve


@pytest.mark.parametrize(
    ("serve", "reason"),
    [
        pytest.param(after_reading(reset), "gateway_connection_lost", id="reset after reading"),
        pytest.param(after_reading(lambda connection: None), "gateway_connection_lost", id="closed after reading"),
        pytest.param(after_reading(lambda connection: connection.recv(1)), "gateway_timeout", id="no answer in time"),
        pytest.param(
            after_reading(lambda connection: connection.sendall(b"HTTP/1.1 201 OK\r\nContent-Length: 99\r\n\r\n{")),
            "gateway_connection_lost",
            id="half an answer",
        ),
        pytest.param(
            after_reading(lambda connection: connection.sendall(b"what is this\r\n\r\n")),
            "gateway_connection_lost",
            id="not HTTP",
        ),
        pytest.param(drip, "gateway_timeout", id="an answer without end"),
    ],
)
def test_what_was_written_and_not_answered_whole_is_unknown(
    serve: Callable[[socket.socket], None], reason: str
) -> None:
    with raw_server(serve) as url:
        answer = post(url, timeout_s=1.0 if reason == "gateway_timeout" else 30.0)

    assert isinstance(answer, Unknown), answer
    assert answer.reason == reason  # the time-out holds for the whole answer: one of these never ends


def test_a_redirect_is_not_followed() -> None:
    with answering(302, "", {"Location": "http://127.0.0.1:1/"}) as (url, seen):
        answer = post(url)
    assert isinstance(answer, Response)
    assert (answer.status, len(seen)) == (302, 1)


def test_who_is_late_at_the_very_last_look_asks_the_fence_again() -> None:
    class Frozen(Gate):
        looks = 0

        def is_now(self) -> bool:
            self.looks += 1
            return self.looks > 2

    gate = Frozen()
    with answering(201, {"id": 1}) as (url, seen):
        post(url, gate)
    assert (len(gate.waited), gate.looks, len(seen)) == (3, 3, 1)
