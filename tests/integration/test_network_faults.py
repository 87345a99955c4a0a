"""Everything that can go wrong between a worker and a gateway: which of the five answers it is, and why.

Each row runs against the real adapter over real sockets. `docs/reference/answers.md` is this table in words; they
are held in step by `tests/unit/test_answers_document.py`.
"""

from __future__ import annotations

import datetime
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests.adapters
import trustme

from broadcast.domain.content import Kind
from broadcast.gateways import http, words
from broadcast.gateways.base import Accepted, Answer, Busy, Closed, Message, Refused, Unknown
from broadcast.gateways.evolution import Evolution
from broadcast.gateways.http import MOST_BYTES
from tests.stubs import answering, raw_server, read_request, reset

#: Seconds that an answer and an opening may take in the rows where they never come, and in all others.
SOON_S, PATIENCE_S = 0.6, 30.0
#: What time it is, Unix s.
NOW_S = 1_900_000_000.0
#: More than the buffers of both sockets hold, so that the far side can hang up within the request.
LARGE = "x" * 12_000_000

Serve = Callable[[socket.socket], object]


@dataclass(frozen=True)
class Far:
    """The far side: its address, who came, and what to wait for before the request may be written."""

    url: str
    came: list[Any] = field(default_factory=list)
    ready: Callable[[], object] = lambda: None


FarSide = Callable[[], AbstractContextManager[Far]]


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One row. `answer` has no detail: those are the far side's words."""

    name: str
    far_side: FarSide
    answer: Answer
    why: str
    text: str = "Oi"
    is_opened: bool = True  #: whether the connection gets so far that the fence is asked

    @property
    def timeout_s(self) -> float:
        return SOON_S if self.answer == TIMED_OUT else PATIENCE_S

    @property
    def connect_s(self) -> float:
        return SOON_S if self.answer == NOT_OPENED else PATIENCE_S


@dataclass
class Fence:
    """Lets everybody leave, once the far side is where the row wants it."""

    far: Far
    asked: int = 0

    def attend(self) -> None:
        pass

    def wait(self) -> None:
        self.asked += 1
        self.far.ready()

    def is_now(self) -> bool:
        return True

    def left(self, at: float) -> None:
        pass


# --- far sides ---


@contextmanager
def nobody() -> Iterator[Far]:
    """A port that is taken, so that no other test gets it, and not listened at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield Far(f"http://127.0.0.1:{taken.getsockname()[1]}")


@contextmanager
def no_such_name() -> Iterator[Far]:
    yield Far("http://evolution.invalid")  # reserved by RFC 2606 for names that do not exist


@contextmanager
def too_busy_to_accept() -> Iterator[Far]:
    """A listener whose queue is full: the kernel drops what else comes, as a firewall does."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        try:
            yield Far(f"http://127.0.0.1:{listener.getsockname()[1]}")
        finally:
            for each in waiting:
                each.close()


@contextmanager
def serving(serve: Serve, *, scheme: str = "http", ready: Callable[[], object] = lambda: None) -> Iterator[Far]:
    """Every connection is handed to `serve`."""
    came: list[Any] = []

    def counted(connection: socket.socket) -> None:
        came.append(connection)
        serve(connection)

    with raw_server(counted) as url:
        yield Far(url.replace("http:", f"{scheme}:"), came, ready)


@contextmanager
def hanging_up(
    how: Callable[[socket.socket], object], *, over: Callable[[Serve], Serve] = lambda serve: serve
) -> Iterator[Far]:
    """Hangs up when the fence is asked, and the fence waits until it has."""
    asked, ended = threading.Event(), threading.Event()

    def serve(connection: socket.socket) -> None:
        asked.wait(PATIENCE_S)
        how(connection)
        ended.set()

    def ready() -> None:
        asked.set()
        assert ended.wait(PATIENCE_S)

    scheme = "http" if over(serve) is serve else "https"
    with serving(over(serve), scheme=scheme, ready=ready) as far:
        yield far


@contextmanager
def saying(status: int, body: Any = "", **headers: str) -> Iterator[Far]:
    """A whole answer. A text is a page of somebody's; anything else is JSON."""
    with answering(status, body, {name.replace("_", "-"): value for name, value in headers.items()}) as (url, seen):
        yield Far(url, seen)


def envelope(status: int, message: Any, **headers: str) -> FarSide:
    """An error in Evolution's own shape."""
    return partial(saying, status, {"status": status, "error": "x", "response": {"message": message}}, **headers)


def page(status: int, **headers: str) -> FarSide:
    """An error that a proxy, a balancer or another server answers with."""
    return partial(saying, status, f"<html><h1>{status}</h1><hr>nginx</html>", **headers)


def reading(then: Serve) -> Serve:
    """Reads the whole request first."""

    def serve(connection: socket.socket) -> None:
        read_request(connection)
        then(connection)

    return serve


def after_reading(then: Serve) -> FarSide:
    return partial(serving, reading(then))


def silence(connection: socket.socket) -> None:
    """Until the other side has had enough."""
    connection.settimeout(60)
    with suppress(OSError):
        while connection.recv(65536):
            pass


def writing(data: bytes, then: Serve = lambda _: None) -> FarSide:
    def serve(connection: socket.socket) -> None:
        connection.sendall(data)
        then(connection)

    return after_reading(serve)


def dripping(first: bytes, drop: bytes) -> FarSide:
    def serve(connection: socket.socket) -> None:
        connection.sendall(first)
        for _ in range(2000):  # some 40 s, which no row waits for, so that a lost time-out fails and does not hang
            connection.sendall(drop)
            time.sleep(0.02)

    return after_reading(serve)


def reset_early(connection: socket.socket) -> None:
    connection.recv(1000)
    reset(connection)


# --- certificates, made for each run ---

TRUSTED, STRANGER = trustme.CA(), trustme.CA()
GOOD = TRUSTED.issue_cert("127.0.0.1")
YESTERDAY = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(days=1)


def tls(certificate: trustme.LeafCert, serve: Serve) -> Serve:
    """Serves within TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)

    def secured(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as inner:
            serve(inner)

    return secured


def over_tls(certificate: trustme.LeafCert, serve: Serve) -> FarSide:
    return partial(serving, tls(certificate, serve), scheme="https")


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that trusts one authority, and whose clock stands still where a date is read by it."""
    monkeypatch.setattr(words, "time", lambda: NOW_S)
    TRUSTED.cert_pem.write_to_path(tmp_path / "trusted.pem")
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(tmp_path / "trusted.pem"))


# --- the table ---

CREATED = b"HTTP/1.1 201 Created\r\n"
ACCEPTED = b'{"key": {"id": "3EB0"}, "status": "PENDING"}'
WHOLE = CREATED + b"Content-Length: %d\r\n\r\n" % len(ACCEPTED) + ACCEPTED
CHUNKED = CREATED + b"Transfer-Encoding: chunked\r\n\r\n"
LONG_ERROR = "PrismaClientKnownRequestError: " + "x" * MOST_BYTES

UNREACHED = Busy("gateway_unreachable", reached=False)
TLS_FAILED = Busy("gateway_tls_failed", reached=False)
NOT_OPENED = Busy("gateway_connect_timeout", reached=False)
LOST, TIMED_OUT = Unknown("gateway_connection_lost"), Unknown("gateway_timeout")

BEFORE: tuple[Fault, ...] = (
    Fault(
        name="connection refused",
        far_side=nobody,
        answer=UNREACHED,
        is_opened=False,
        why="No connection, so no request: nobody listens at the port.",
    ),
    Fault(
        name="a name that does not resolve",
        far_side=no_such_name,
        answer=Busy("gateway_name_unknown", reached=False),
        is_opened=False,
        why="Without an address there was nothing to connect to; name servers fail for minutes and recover.",
    ),
    Fault(
        name="no answer to the opening of a connection",
        far_side=too_busy_to_accept,
        answer=NOT_OPENED,
        is_opened=False,
        why="A firewall or a full queue drops us; a connection that never opened carried nothing.",
    ),
    Fault(
        name="TLS: a certificate of an authority that is not trusted",
        far_side=over_tls(STRANGER.issue_cert("127.0.0.1"), silence),
        answer=TLS_FAILED,
        is_opened=False,
        why="Who cannot show who they are gets neither the key nor the message: the handshake comes before both.",
    ),
    Fault(
        name="TLS: a certificate of another name",
        far_side=over_tls(TRUSTED.issue_cert("gateway.example"), silence),
        answer=TLS_FAILED,
        is_opened=False,
        why="The right authority vouches for somebody else; the handshake ends before anything of ours is written.",
    ),
    Fault(
        name="TLS: a certificate that has expired",
        far_side=over_tls(TRUSTED.issue_cert("127.0.0.1", not_after=YESTERDAY), silence),
        answer=TLS_FAILED,
        is_opened=False,
        why="Somebody will renew it; until then nothing is written, and no contact fails for it.",
    ),
    Fault(
        name="TLS: the far side speaks plain HTTP",
        far_side=partial(
            serving,
            lambda connection: (connection.recv(1000), connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")),
            scheme="https",
        ),
        answer=TLS_FAILED,
        is_opened=False,
        why="Its 400 is an answer to our greeting, not to a message: none was written.",
    ),
    Fault(
        name="TLS: reset within the handshake",
        far_side=partial(serving, reset_early, scheme="https"),
        answer=UNREACHED,
        is_opened=False,
        why="The handshake is part of opening the connection, and that did not open.",
    ),
    Fault(
        name="TLS: silence within the handshake",
        far_side=partial(serving, silence, scheme="https"),
        answer=NOT_OPENED,
        is_opened=False,
        why="The time for opening a connection includes its handshake, and nothing is written before that.",
    ),
    Fault(
        name="accepted and closed before a byte",
        far_side=partial(hanging_up, socket.socket.close),
        answer=UNREACHED,
        why="A balancer takes connections for a server that is away; we look before we write, and did not write.",
    ),
    Fault(
        name="reset before the request is written",
        far_side=partial(hanging_up, reset),
        answer=UNREACHED,
        why="The connection was gone when we looked at it, right before the first byte.",
    ),
    Fault(
        name="TLS: accepted and closed before a byte",
        far_side=partial(hanging_up, socket.socket.close, over=partial(tls, GOOD)),
        answer=UNREACHED,
        why="A session ticket may lie unread before the end, so it is the connection's state that we look at.",
    ),
    Fault(
        name="TLS: reset before the request is written",
        far_side=partial(hanging_up, reset, over=partial(tls, GOOD)),
        answer=UNREACHED,
        why="The connection was gone when we looked at it, tickets or not, and nothing was written.",
    ),
)

AFTER: tuple[Fault, ...] = (
    Fault(
        name="reset halfway through writing a large request",
        far_side=partial(serving, reset_early),
        answer=LOST,
        text=LARGE,
        why="Half a request is hardly acted on, but how much of it arrived only the far side knows.",
    ),
    Fault(
        name="reset after the request is written",
        far_side=after_reading(reset),
        answer=LOST,
        why="The message may have left before the connection broke: to repeat it may be to send it twice.",
    ),
    Fault(
        name="closed after the request is written",
        far_side=after_reading(socket.socket.close),
        answer=LOST,
        why="A gateway that is killed ends its connections like this, with the message sent or not.",
    ),
    Fault(
        name="TLS: reset after the request is written",
        far_side=over_tls(GOOD, reading(reset)),
        answer=LOST,
        why="TLS or not, the request was there to be acted on.",
    ),
    Fault(
        name="TLS: closed after the request is written",
        far_side=over_tls(GOOD, reading(socket.socket.close)),
        answer=LOST,
        why="An end without TLS's own goodbye is a lost connection, not a failed handshake.",
    ),
    Fault(
        name="no answer within the time-out",
        far_side=after_reading(silence),
        answer=TIMED_OUT,
        why="Evolution may still be sending; it goes on after we hung up.",
    ),
    Fault(
        name="half the headers, then silence",
        far_side=writing(CREATED + b"X-Powered-By: Exp", silence),
        answer=TIMED_OUT,
        why="A code alone is no answer: the body says what became of the message.",
    ),
    Fault(
        name="headers only, then silence",
        far_side=writing(CREATED + b"Content-Length: 90\r\n\r\n", silence),
        answer=TIMED_OUT,
        why="A 201 without its body names no id, and Evolution passes refusals on inside a 201 too.",
    ),
    Fault(
        name="headers that drip for ever",
        far_side=dripping(CREATED, b"X-A: b\r\n"),
        answer=TIMED_OUT,
        why="The time-out holds for the whole answer, not for each byte of it.",
    ),
    Fault(
        name="an answer that drips for ever",
        far_side=dripping(CREATED + b"Content-Length: 100000\r\n\r\n", b" "),
        answer=TIMED_OUT,
        why="Each byte comes in time and the end never does; a thread must not wait for it.",
    ),
    Fault(
        name="chunks that drip for ever",
        far_side=dripping(CHUNKED, b"1\r\n \r\n"),
        answer=TIMED_OUT,
        why="The same without a length: what was read so far says nothing whole.",
    ),
    Fault(
        name="headers cut off",
        far_side=writing(CREATED + b"Content-Len"),
        answer=LOST,
        why="A code alone is no answer, and the rest will not come.",
    ),
    Fault(
        name="a truncated answer",
        far_side=writing(CREATED + b"Content-Length: 99\r\n\r\n" + ACCEPTED[:9]),
        answer=LOST,
        why="It is shorter than it says; its beginning is not read as if it were the whole.",
    ),
    Fault(
        name="an answer reset in the middle",
        far_side=writing(CREATED + b"Content-Length: 99\r\n\r\n" + ACCEPTED[:9], reset),
        answer=LOST,
        why="The message was most likely accepted, and its id is lost: only a receipt or a person can tell.",
    ),
    Fault(
        name="a chunked answer cut in the middle",
        far_side=writing(CHUNKED + b'5\r\n{"key\r\n'),
        answer=LOST,
        why="The last chunk, which says that it was the last, is missing.",
    ),
    Fault(
        name="an error of no length cut in the middle",
        far_side=writing(b'HTTP/1.0 400 Bad Request\r\n\r\n{"status": 400, "response": {"mess'),
        answer=Unknown("unknown_answer"),
        why="The cut-off part says whether this 400 came before the message left or after.",
    ),
    Fault(
        name="an error that is too long to be read",
        far_side=envelope(400, [LONG_ERROR]),
        answer=Unknown("unknown_answer"),
        why="Half an envelope is not a proxy's page: a database's long error comes after the message left.",
    ),
    Fault(
        name="an answer that is not HTTP",
        far_side=writing(b"what is this\r\n\r\n"),
        answer=LOST,
        why="The request was read by somebody, and what they did with it nobody can say.",
    ),
)

ANSWERED: tuple[Fault, ...] = (
    Fault(
        name="201 with an id",
        far_side=writing(WHOLE),
        answer=Accepted("3EB0"),
        why="Only the id says that the message was taken; its receipts will name it.",
    ),
    Fault(
        name="TLS: 201 with an id",
        far_side=over_tls(GOOD, reading(lambda connection: connection.sendall(WHOLE))),
        answer=Accepted("3EB0"),
        why="The same over TLS with a certificate that holds: the rows above fail for their own reasons.",
    ),
    Fault(
        name="201 with an id, too long to be read",
        far_side=partial(saying, 201, {"key": {"id": "3EB0"}, "message": {"base64": "A" * MOST_BYTES}}),
        answer=Accepted("3EB0"),
        why="The key comes first and is whole; what follows is the medium that was sent.",
    ),
    Fault(
        name="201 of no length, cut off after the id",
        far_side=writing(b"HTTP/1.0 201 Created\r\n\r\n" + ACCEPTED[:-9]),
        answer=Accepted("3EB0"),
        why="The key is whole, and only a message that was taken has one.",
    ),
    Fault(
        name="201 without an id",
        far_side=partial(saying, 201, {"status": "PENDING"}),
        answer=Unknown("answer_without_id"),
        why="It may have been taken, but without its id no receipt finds its contact.",
    ),
    Fault(
        name="201 without an id, with an error of Meta's",
        far_side=partial(saying, 201, {"message": "(#131026)", "code": 131026}),
        answer=Refused("not_on_whatsapp"),
        why="Evolution passes what Meta said on inside a 201, and Meta said that it did not send.",
    ),
    Fault(
        name="200 with an HTML page",
        far_side=page(200),
        answer=Unknown("answer_without_id"),
        why="A portal or a proxy says that all is well, and says nothing of the message.",
    ),
    Fault(
        name="302 to another address",
        far_side=partial(saying, 302, "", Location="https://127.0.0.1:1/"),
        answer=Closed("gateway_address_wrong"),
        why="A message is not sent after a redirect: it would go to whoever the answer names.",
    ),
    Fault(
        name="400 of Evolution's: the number has no WhatsApp",
        far_side=envelope(400, [{"exists": False, "jid": "x", "number": "5511999990001"}]),
        answer=Refused("not_on_whatsapp"),
        why="The number was looked up before the send, and does not exist there.",
    ),
    Fault(
        name="400 of Evolution's: a text that is not known",
        far_side=envelope(400, ["Error: Timed Out"]),
        answer=Unknown("failed_while_sending"),
        why="Such a 400 comes from the phase in which the message leaves, perhaps after it did.",
    ),
    Fault(
        name="400 of Evolution's: rate-overlimit",
        far_side=envelope(400, ["Error: rate-overlimit"]),
        answer=Unknown("rate_overlimit", after_s=120.0),
        why="The same phase. Whatever became of the message, WhatsApp was asked too often by this number.",
    ),
    Fault(
        name="400 of Evolution's: Connection Closed",
        far_side=envelope(400, ["Error: Connection Closed"]),
        answer=Closed("disconnected"),
        why="The phone's socket was shut when it was looked at, before the message was written to it.",
    ),
    Fault(
        name="400 with an HTML page",
        far_side=page(400),
        answer=Closed("gateway_address_wrong"),
        why="A proxy did not understand the request, and will understand no other of ours.",
    ),
    Fault(
        name="401 of Evolution's",
        far_side=envelope(401, "Unauthorized"),
        answer=Closed("unauthorized"),
        why="The key is wrong for everybody, so nobody fails for it.",
    ),
    Fault(
        name="403 with an HTML page",
        far_side=page(403),
        answer=Closed("unauthorized"),
        why="Whoever stands before the gateway lets none of us through.",
    ),
    Fault(
        name="404 of Evolution's: no such instance",
        far_side=envelope(404, ['The "loja" instance does not exist']),
        answer=Closed("unknown_instance"),
        why="There is nobody to send through, until somebody makes the instance.",
    ),
    Fault(
        name="404 with an HTML page",
        far_side=page(404),
        answer=Closed("gateway_address_wrong"),
        why="Another server answers at this address: every contact would hear the same.",
    ),
    Fault(
        name="408 with an HTML page",
        far_side=page(408),
        answer=Unknown("unknown_answer"),
        why="Some proxies mean the server behind them, which has the request.",
    ),
    Fault(
        name="429 without Retry-After",
        far_side=page(429),
        answer=Busy("too_many_requests"),
        why="It was turned away before it was looked at; how long to wait we choose ourselves.",
    ),
    Fault(
        name="429 with Retry-After in seconds",
        far_side=page(429, Retry_After="7"),
        answer=Busy("too_many_requests", after_s=7),
        why="It was turned away, and told when to come again: that holds for the whole lane.",
    ),
    Fault(
        name="429 with Retry-After as a date",
        far_side=page(429, Retry_After=formatdate(NOW_S + 60, usegmt=True)),
        answer=Busy("too_many_requests", after_s=60),
        why="The other form that HTTP allows, by the far side's clock.",
    ),
    Fault(
        name="429 of Evolution's with Retry-After",
        far_side=envelope(429, ["Too many requests"], Retry_After="7"),
        answer=Busy("too_many_requests", after_s=7),
        why="Evolution's own limit stands before the send as well.",
    ),
    Fault(
        name="500 of Evolution's: Connection Closed",
        far_side=envelope(500, "Connection Closed"),
        answer=Closed("disconnected"),
        why="The number could not be looked up because the phone is not connected; nobody else's can.",
    ),
    Fault(
        name="500 of Evolution's: anything else",
        far_side=envelope(500, ["something before the send"]),
        answer=Busy("gateway_error"),
        why="Evolution's own 500 comes from the phase before the message leaves: nothing was sent.",
    ),
    Fault(
        name="500 with an HTML page",
        far_side=page(500),
        answer=Unknown("unknown_answer"),
        why="It is not Evolution's, so it does not say in which phase the request broke.",
    ),
    Fault(
        name="500 with an empty body",
        far_side=partial(saying, 500),
        answer=Unknown("unknown_answer"),
        why="Without Evolution's envelope nobody knows who answered.",
    ),
    Fault(
        name="502 with an HTML page",
        far_side=page(502),
        answer=Unknown("unknown_answer"),
        why="The proxy lost the gateway, with or without the request in its hands.",
    ),
    Fault(
        name="502 in Evolution's envelope",
        far_side=envelope(502, "Bad Gateway"),
        answer=Unknown("unknown_answer"),
        why="Evolution has no 502 of its own: it repeats somebody behind it, and does not say when that was.",
    ),
    Fault(
        name="503 with an HTML page",
        far_side=page(503),
        answer=Busy("gateway_unavailable"),
        why="With a 503 a proxy says that it passed the request on to nobody.",
    ),
    Fault(
        name="503 with Retry-After",
        far_side=page(503, Retry_After="120"),
        answer=Busy("gateway_unavailable", after_s=120),
        why="Passed on to nobody, and told when there will be somebody.",
    ),
    Fault(
        name="503 in Evolution's envelope",
        far_side=envelope(503, "Service Unavailable"),
        answer=Busy("gateway_unavailable"),
        why="Evolution itself turned it away.",
    ),
    Fault(
        name="504 with an HTML page",
        far_side=page(504),
        answer=Unknown("unknown_answer"),
        why="The proxy passed the request on and got tired of waiting; the gateway may not have.",
    ),
    Fault(
        name="524 with an HTML page",
        far_side=page(524),
        answer=Unknown("unknown_answer"),
        why="Cloudflare's own 504; a code that is not in the tables is never taken for 'not sent'.",
    ),
)

FAULTS = (*BEFORE, *AFTER, *ANSWERED)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_what_happens_on_the_wire_is_one_of_five_answers(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "CONNECT_S", fault.connect_s)
    with fault.far_side() as far:
        fence, began = Fence(far), time.monotonic()
        gateway = Evolution(far.url, "k", timeout_s=fault.timeout_s)
        answer = gateway.send(a_message(fault.text), departure=fence)
        took_s = time.monotonic() - began

    assert without_detail(answer) == fault.answer, f"{answer}. {fault.why}"
    assert fence.asked == fault.is_opened, "the fence is asked once, when the connection is open"
    assert len(far.came) <= 1, "one message is one request"
    assert took_s < PATIENCE_S, "the time-out holds for the whole of it"


def a_message(text: str) -> Message:
    return Message(instance="loja", phone="5511999990001", kind=Kind.TEXT, text=text, reference="c1:7")


def without_detail(answer: Answer) -> Answer:
    """What the table names: not the far side's words."""
    return answer if isinstance(answer, Accepted) else replace(answer, detail="")


@pytest.mark.parametrize("how", [socket.socket.close, reset], ids=["closed", "reset"])
def test_where_a_system_does_not_tell_a_connections_state_its_end_is_peeked_at(
    how: Callable[[socket.socket], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "_TCP_INFO", None)
    with hanging_up(how) as far:
        answer = Evolution(far.url, "k", timeout_s=PATIENCE_S).send(a_message("Oi"), departure=Fence(far))
    assert without_detail(answer) == UNREACHED


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_every_row_says_why(fault: Fault) -> None:
    assert fault.why.endswith(".")
    assert len(fault.why.split()) >= 5


def test_no_row_is_there_twice() -> None:
    assert len({fault.name for fault in FAULTS}) == len({fault.why for fault in FAULTS}) == len(FAULTS)


def test_before_the_first_byte_it_is_always_busy_and_after_it_never_without_an_answer() -> None:
    assert all(isinstance(fault.answer, Busy) and not fault.answer.reached for fault in BEFORE)
    assert all(isinstance(fault.answer, Unknown) for fault in AFTER)
    assert all(fault.answer.reached for fault in ANSWERED if isinstance(fault.answer, Busy))
