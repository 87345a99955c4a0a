"""Callers that begin a request and never end it hold no thread for long, and those who are slow are heard."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import cycle, islice

import pytest
import requests

from broadcast import patience
from tests.processes import START_S, RedisServer, Stack, wait_for

HEAD = b"POST /webhooks/evolution/loja HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n"
#: What blocked the process for good, or its one loop for two seconds a caller.
HELD = {
    "half a body": HEAD % 1000 + b"{",
    "half a chunk": HEAD.replace(b"Content-Length: %d", b"Transfer-Encoding: chunked") + b"ff\r\n{",
    "half a head": HEAD[:30],
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Iterator[Stack]:
    stack = Stack(tmp_path_factory.mktemp("slow"), redis_server.url(9))
    try:
        stack.run("webhook", "broadcast.cli", "webhook")
        wait_for(lambda: called(stack), seconds=START_S, what="the webhooks")
        yield stack
    finally:
        stack.__exit__(None, None, None)


def called(stack: Stack, timeout_s: float = 60) -> bool:
    """Whether a gateway's call is taken."""
    url = f"http://127.0.0.1:{stack.webhook_port}/webhooks/evolution/loja"
    try:
        return requests.post(url, json={"event": "x"}, timeout=timeout_s).status_code == 204
    except requests.ConnectionError:
        return False


def line(stack: Stack, said: bytes, *, source: str = "127.0.0.1", port: int = 0) -> socket.socket:
    to = ("127.0.0.1", port or stack.webhook_port)
    opened = socket.create_connection(to, timeout=60, source_address=(source, 0))
    opened.sendall(said)
    return opened


def test_callers_that_never_end_are_hung_up_on_and_slow_ones_heard(stack: Stack) -> None:
    with ExitStack() as lines:
        names = list(islice(cycle(HELD), patience.ANSWERING))
        held = [lines.enter_context(line(stack, HELD[name])) for name in names]
        assert called(stack)
        for name, caller in zip(names, held, strict=True):
            with caller.makefile("rb") as answer:
                said = answer.readline().split()[1:2]
            assert said == ([] if name == "half a head" else [b"503"]), name


def test_slow_callers_of_one_address_leave_half_of_the_threads_to_others(stack: Stack) -> None:
    with ExitStack() as lines:
        names = islice(cycle(HELD), 3 * patience.ANSWERING)
        held = [lines.enter_context(line(stack, HELD[name])) for name in names]
        assert all(called(stack) for _ in range(5))
        assert any(map(is_open, held))  # nobody had to wait until those who are waited for were hung up on


def test_slow_callers_of_many_addresses_leave_threads_to_who_is_quick(stack: Stack) -> None:
    piece, times = b" " * patience.LEAST_RATE * 2, 9
    addresses = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
    with ExitStack() as lines:
        callers = [
            lines.enter_context(line(stack, HEAD % (len(piece) * times + 2), source=address))
            for address in addresses
            for _ in range(patience.MOST_SLOW - 1)  # so that none has too many by itself
        ]
        assert len(callers) > patience.ANSWERING
        took_s = []
        for _ in range(times):
            for caller in filter(is_open, callers):
                with suppress(ConnectionError):  # it was hung up on meanwhile
                    caller.sendall(piece)
            began = time.monotonic()
            assert called(stack)
            took_s.append(time.monotonic() - began)
            threading.Event().wait(0.75)  # the pause of a slow line
        assert max(took_s) < 2
        heard = [caller for caller in callers if is_open(caller)]
        assert len(heard) == patience.MOST_SLOW_OF_ALL
        for caller in heard:
            caller.sendall(b"{}")
            assert answer_of(caller).split()[1] == b"204"


def test_slow_callers_give_their_places_back_when_their_answers_begin(stack: Stack) -> None:
    stack.run("web", "broadcast.cli", "web")
    wait_for(lambda: is_live(stack), seconds=START_S, what="the API")
    head = b"GET /campaigns/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    with ExitStack() as lines:
        followed: list[socket.socket] = []
        while len(followed) < 3 * patience.MOST_SLOW:  # more than both processes would have places for
            slow = [lines.enter_context(line(stack, head, port=stack.port)) for _ in range(patience.MOST_SLOW)]
            threading.Event().wait(2 * patience.MOMENT_S)
            for caller in slow:
                caller.sendall(b"\r\n")
            assert [answer_of(caller).split()[1:2] for caller in slow] == [[b"200"]] * len(slow)
            followed += slow


def is_live(stack: Stack) -> bool:
    with suppress(requests.ConnectionError):
        return requests.get(f"{stack.url}/health/live", timeout=60).ok
    return False


def test_callers_that_take_no_answers_leave_threads_to_others(stack: Stack) -> None:
    asked = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n" * 200
    with ExitStack() as lines:
        for _ in range(patience.ANSWERING):
            caller = lines.enter_context(line(stack, b""))
            caller.settimeout(1)
            with suppress(TimeoutError, ConnectionError):  # the answers' buffers are full, and so are the requests'
                while True:
                    caller.sendall(asked)
        assert called(stack, timeout_s=5)


def test_an_answer_is_waited_for_until_it_is_taken_by_those_who_have_places(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "MOMENT_S", 0.01)
    monkeypatch.setattr(patience, "GRACE_S", 0.1)
    monkeypatch.setattr(patience, "LEAST_RATE", 10**9)
    places, answer = patience.Places(1, of_all=1), b"x" * 10_000_000
    (slow, silent), (taken, quick) = a_line(places, "a"), a_line(places, "b")
    with slow, silent, taken, quick:
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            slow.sendall(answer)
        assert time.monotonic() - began >= 0.1
        assert slow.left_s <= 0  # nor is it listened to while it is hung up on

        reader = threading.Thread(target=lambda: [quick.recv(1_000_000) for _ in range(5)])
        reader.start()
        taken.sendall(b"x" * 300_000)  # who is quick needs none
        quick.shutdown(socket.SHUT_RDWR)
        reader.join()


def test_what_an_app_waits_for_by_itself_takes_nobodys_place() -> None:
    streaming, silent = a_line(patience.Places(0, of_all=0), "a")
    with streaming, silent:
        streaming.settimeout(patience.MOMENT_S * 2)
        began = time.monotonic()
        with pytest.raises(TimeoutError):
            streaming.sendall(b"x" * 10_000_000)
        assert time.monotonic() - began >= patience.MOMENT_S * 2


def answer_of(caller: socket.socket) -> bytes:
    """The first line of what it hears."""
    caller.settimeout(60)
    with caller.makefile("rb") as answer:
        return answer.readline()


def is_open(caller: socket.socket) -> bool:
    """Whether nobody answered or hung up."""
    caller.setblocking(False)
    try:
        caller.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return True
    except ConnectionResetError:
        return False
    return False


def a_line(places: patience.Places, address: str) -> tuple[patience.Line, socket.socket]:
    ours, theirs = socket.socketpair()
    return patience.Line(ours, most_s=60, places=places, address=address), theirs


def test_slow_callers_have_places_by_their_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "MOMENT_S", 0.01)
    monkeypatch.setattr(patience, "GRACE_S", 0.1)
    places = patience.Places(1, of_all=2)
    assert places.take("a")
    (refused, one), (waited_for, other) = a_line(places, "a"), a_line(places, "b")
    with refused, one, waited_for, other:
        one.sendall(b"x")
        assert refused.recv(1) == b"x"  # who is quick needs none
        began = time.monotonic()
        for caller in (refused, waited_for):
            with pytest.raises(TimeoutError):
                caller.recv(1)
        assert time.monotonic() - began >= 0.1
        assert refused.left_s <= 0  # it is not listened to while it is hung up on
        assert not places.take("b")

        waited_for.rest()
        waited_for.rest()
        places.give_back("a")
        other.close()
        assert waited_for.recv(1) == b""  # as gunicorn hears it when it hangs up, which is no waiting
        refused.expect()
        assert [places.take(name) for name in "ab"] == [True, True]


@pytest.mark.parametrize(
    ("of_address", "of_all", "has_room"), [(0, 0, True), (1, 2, True), (2, 2, False), (0, 3, False), (0, 4, False)]
)
def test_there_is_room_for_a_slow_caller_among_its_own_and_among_all(
    of_address: int, of_all: int, has_room: bool
) -> None:
    places = patience.Places(2, of_all=3)
    assert places.has_room(of_address=of_address, of_all=of_all) is has_room


def test_a_large_upload_over_a_good_line_is_not_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "MOMENT_S", 0.0)
    heard, theirs = a_line(patience.Places(0, of_all=0), "a")
    with heard, theirs:
        heard._coming.moved = 10 * patience.QUICK_RATE
        theirs.sendall(b"x")
        assert heard.recv(1) == b"x"


def test_a_slow_upload_is_heard_to_its_end(stack: Stack) -> None:
    piece = b" " * patience.LEAST_RATE * 2
    times = int(patience.GRACE_S / 0.75) + 2
    began = time.monotonic()
    with line(stack, HEAD % (len(piece) * times + 2)) as caller:
        for _ in range(times):
            threading.Event().wait(0.75)  # the pause of a slow line, which is what is tested
            caller.sendall(piece)
        caller.sendall(b"{}")
        assert time.monotonic() - began > patience.GRACE_S
        assert caller.makefile("rb").readline().split()[1] == b"204"


def test_who_is_silent_takes_no_thread(stack: Stack) -> None:
    with ExitStack() as lines:
        silent = [lines.enter_context(line(stack, b"")) for _ in range(8 * patience.ANSWERING)]
        assert called(stack)
        silent[0].setblocking(False)
        with pytest.raises(BlockingIOError):  # it is still there: nobody had to wait until it was hung up on
            silent[0].recv(1)
        silent[0].settimeout(60)
        assert silent[0].recv(1) == b""


def test_who_does_not_hang_up_keeps_nobody_else_waiting(stack: Stack) -> None:
    said = b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    with ExitStack() as lines:
        answered = [lines.enter_context(line(stack, said)) for _ in range(4 * patience.ANSWERING)]
        began = time.monotonic()
        for caller in answered:
            with caller.makefile("rb") as answer:
                assert answer.read().startswith(b"HTTP/1.1 200")
        assert called(stack)
        assert time.monotonic() - began < patience.LINGER_S * len(answered) / 2


def test_a_request_is_waited_for_by_what_came_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patience, "GRACE_S", 0.2)
    ours, theirs = socket.socketpair()
    heard = patience.Line(ours, most_s=60)
    with heard, theirs:
        theirs.sendall(b" " * patience.LEAST_RATE * 3)
        assert len(heard.recv(1_000_000)) == patience.LEAST_RATE * 3
        assert 3 < heard.left_s <= 3.2  # and nothing of what is done between two pieces counts

        heard.expect()
        with pytest.raises(TimeoutError):
            heard.recv(1)
        theirs.sendall(b"x")
        with pytest.raises(TimeoutError):  # what comes too late is not heard
            heard.recv(1)
        heard.expect()
        assert heard.recv(1) == b"x"


def test_no_call_is_waited_for_longer_than_its_gateway_waits() -> None:
    ours, theirs = socket.socketpair()
    with patience.Line(ours, most_s=patience.MOST_OF_CALLS_S) as heard, theirs:
        heard._coming.moved = 32_000_000
        assert heard.left_s == patience.MOST_OF_CALLS_S


@pytest.mark.parametrize(
    ("head", "status", "code"),
    [
        (b"GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" % (b"a" * 5000), 414, "uri_too_long"),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: %s\r\n\r\n" % (b"a" * 9000), 431, "headers_too_large"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n%s\r\n" % (b"X-A: a\r\n" * 150), 431, "headers_too_large"),
        (b"GET\r\n\r\n", 400, "bad_request"),
        (b"GET / HTTP/1.1\r\nHost x\r\n\r\n", 400, "bad_request"),
    ],
)
def test_a_head_that_is_not_taken_is_answered_as_all_errors_are(
    stack: Stack, head: bytes, status: int, code: str
) -> None:
    with line(stack, head) as caller:
        answer = http.client.HTTPResponse(caller)
        answer.begin()
        told = json.loads(answer.read())
    assert (answer.status, answer.getheader("Content-Type")) == (status, "application/problem+json")
    assert (told["code"], told["status"], told["type"]) == (code, status, f"/problems/{code}")
    assert called(stack)
