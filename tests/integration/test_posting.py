"""One POST over real sockets: where it may go, how long it may take, and what counts as an answer."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
import trustme
from standardwebhooks import Webhook

from broadcast.callbacks import posting
from broadcast.callbacks.posting import Answered, Poster, Unanswered
from tests.crm import KEYS, SECRET, a_crm
from tests.processes import free_port
from tests.stubs import answering, drip, listening, raw_server, read_request, reset

BODY = b'{"type": "campaign.completed"}'


#: For calls whose time is to run out; every other one has as long as a busy machine needs.
SOON = {"connect_s": 0.5, "whole_s": 1.0}


def post(url: str, **options: Any) -> Answered | Unanswered:
    poster = Poster(KEYS, **{"allow_private": True, "connect_s": 20.0, "whole_s": 30.0, **options})
    return poster.post(url, event="cb_1", at_s=int(time.time()), body=BODY)


def why(url: str, **options: Any) -> str:
    answer = post(url, **options)
    assert isinstance(answer, Unanswered), answer
    return answer.reason


def test_a_callback_arrives_whole_and_signed() -> None:
    with a_crm() as crm:
        assert post(f"{crm.url}?from=broadcast") == Answered(204)
    assert (crm.types, crm.ids) == (["campaign.completed"], ["cb_1"])


def test_an_address_with_letters_beyond_ascii_is_called_as_a_browser_would() -> None:
    with answering(204, "") as (url, seen):
        assert post(f"{url}/ação%20x?é=1#top") == Answered(204)
    assert [request["path"] for request in seen] == ["/a%C3%A7%C3%A3o%20x?%C3%A9=1"]


def test_without_a_secret_nothing_is_sent() -> None:
    with a_crm() as crm:
        poster = Poster((), allow_private=True)
        answer = poster.post(crm.url, event="cb_1", at_s=0, body=BODY)
    assert isinstance(answer, Unanswered)
    assert (answer.reason, crm.told) == ("unsigned", [])


def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    with a_crm() as crm, answering(307, "", {"Location": crm.url}) as (url, seen):
        assert post(url) == Answered(307)
    assert (len(seen), crm.told) == (1, [])


def test_a_crm_that_is_busy_may_say_for_how_long() -> None:
    with answering(429, "", {"Retry-After": "7"}) as (url, _):
        assert post(url) == Answered(429, 7.0)
    with answering(429, "", {"Retry-After": "9" * 400}) as (url, _):
        assert post(url) == Answered(429, float("inf"))
    for zone in ("GMT", "-0000"):
        with answering(429, "", {"Retry-After": f"Thu, 31 Dec 2099 23:59:59 {zone}"}) as (url, _):
            answer = post(url)
        assert isinstance(answer, Answered)
        assert answer.retry_after_s == pytest.approx(4_102_444_799 - time.time(), abs=600)


@pytest.mark.parametrize(
    "said", ["Fri, 31 Dec 1999 23:59:59 GMT", "Fri, 31 Dec 99999 23:59:59 GMT", "soon", "-7", "7,5", ""]
)
def test_what_a_crm_says_in_vain_of_when_to_come_again_changes_nothing(said: str) -> None:
    with answering(429, "", {"Retry-After": said}) as (url, _):
        assert post(url) == Answered(429, None)


# Who may be called


def leading_to(*addresses: str, port: int) -> posting.Resolve:
    def resolve(host: str, asked: int) -> Sequence[tuple[int, Any]]:
        return [(socket.AF_INET6 if ":" in one else socket.AF_INET, (one, port)) for one in addresses]

    return resolve


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "0.0.0.0", "10.0.0.1", "169.254.169.254", "fe80::1"],
)
def test_a_name_that_leads_into_a_private_network_is_not_called(address: str) -> None:
    with a_crm() as crm:
        port = int(crm.host.rsplit(":", 1)[1])
        url = f"http://crm.example:{port}/"
        assert why(url, allow_private=False, resolve=leading_to(address, port=port)) == "address_refused"
    assert crm.told == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]"])
def test_the_loopback_is_refused_by_the_systems_own_resolver_too(host: str) -> None:
    with a_crm() as crm:
        assert why(f"http://{host}:{crm.host.rsplit(':', 1)[1]}/", allow_private=False) == "address_refused"
    assert crm.told == []


@contextmanager
def two_crms() -> Iterator[tuple[int, list[str], list[str]]]:
    """Receivers on 127.0.0.2 and on 127.0.0.3 at one port, and who came to each."""
    port, came = free_port(), {"127.0.0.2": list[str](), "127.0.0.3": list[str]()}
    listeners = [socket.create_server((address, port)) for address in came]

    def serve(listener: socket.socket, address: str) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                came[address].append(read_request(connection).decode(errors="replace"))
                connection.sendall(b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n")

    for listener, address in zip(listeners, came, strict=True):
        threading.Thread(target=serve, args=(listener, address), daemon=True).start()
    try:
        yield port, came["127.0.0.2"], came["127.0.0.3"]
    finally:
        for listener in listeners:
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()


def test_a_name_that_leads_elsewhere_at_the_second_look_up_leads_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    # Here 127.0.0.2 plays the internet, and 127.0.0.3 the inside.
    monkeypatch.setattr(posting, "why_refused", lambda address: "private" if address == "127.0.0.3" else None)
    asked: list[str] = []

    with two_crms() as (port, outside, inside):

        def rebound(host: str, _: int) -> Sequence[tuple[int, Any]]:
            asked.append(host)
            return leading_to("127.0.0.2" if len(asked) == 1 else "127.0.0.3", port=port)(host, port)

        url = f"http://rebinding.example:{port}/"
        assert post(url, allow_private=False, resolve=rebound) == Answered(204)
        assert why(url, allow_private=False, resolve=rebound) == "address_refused"
        assert (len(asked), len(outside), len(inside)) == (2, 1, 0)  # one look-up a call: what was checked is called
        assert "Host: rebinding.example" in outside[0]


def test_of_two_addresses_only_the_allowed_one_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "why_refused", lambda address: "private" if address == "127.0.0.3" else None)
    with two_crms() as (port, outside, inside):
        resolve = leading_to("127.0.0.3", "127.0.0.2", port=port)
        assert post(f"http://crm.example:{port}/", allow_private=False, resolve=resolve) == Answered(204)
        assert (len(outside), len(inside)) == (1, 0)


def test_an_address_that_turns_out_to_be_another_once_connected_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """0.0.0.0 and the like connect to the loopback: the connection's own word counts."""
    monkeypatch.setattr(posting, "why_refused", lambda address: None if address == "0.0.0.0" else "loopback")
    with a_crm() as crm:
        port = int(crm.host.rsplit(":", 1)[1])
        resolve = leading_to("0.0.0.0", port=port)
        assert why(f"http://crm.example:{port}/", allow_private=False, resolve=resolve) == "address_refused"
    assert crm.told == []


# How long it may take


def hanging(_: str, __: int) -> Sequence[tuple[int, Any]]:
    time.sleep(60)
    return []


def test_a_name_that_is_not_found_in_time_holds_nobody_up() -> None:
    began = time.monotonic()
    assert why("http://crm.example/", resolve=hanging, **SOON) == "timeout"
    assert time.monotonic() - began < 20


def test_a_name_that_nobody_has_says_so() -> None:
    assert why("http://nobody.invalid/") == "name_unknown"


def test_nobody_there_says_so() -> None:
    assert why(f"http://127.0.0.1:{free_port()}/") == "unreachable"


def silent(connection: socket.socket) -> None:
    read_request(connection)
    connection.recv(1)


def headers_without_end(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 204 No Content\r\n")
    while True:
        connection.sendall(b"X: y\r\n")
        time.sleep(0.1)


@pytest.mark.parametrize("serve", [silent, headers_without_end])
def test_an_answer_that_does_not_come_is_cut_off(serve: Any) -> None:
    with raw_server(serve) as url:
        assert why(url, **SOON) == "timeout"


def test_a_body_that_drips_is_not_waited_for() -> None:
    with raw_server(drip) as url:
        assert post(url) == Answered(201)


def test_a_handshake_that_drips_is_cut_off() -> None:
    def handshake(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc")  # a long ServerHello …
        while True:
            connection.sendall(b"\x00")  # … that never ends
            time.sleep(0.1)

    with raw_server(handshake) as url:
        assert why(url.replace("http:", "https:"), **SOON) == "timeout"


def test_a_connection_that_is_lost_is_no_delivery() -> None:
    def hang_up(connection: socket.socket) -> None:
        read_request(connection)
        reset(connection)

    with raw_server(hang_up) as url:
        assert why(url) == "connection_lost"


# TLS


@contextmanager
def tls_server(name: str, authority: trustme.CA) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)

    def serve(plain: socket.socket) -> None:
        with context.wrap_socket(plain, server_side=True) as connection:
            request = read_request(connection)
            head, _, body = request.partition(b"\r\n\r\n")
            lines = [line.split(": ", 1) for line in head.decode().split("\r\n")[1:]]
            Webhook(SECRET).verify(body, dict(lines))
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")

    with raw_server(serve) as url:
        yield url.replace("http:", "https:")


def trusting(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    authority.configure_trust(context)
    return context


def test_a_certificate_is_checked_for_the_name_and_not_the_address() -> None:
    authority = trustme.CA()
    with tls_server("crm.example", authority) as url:
        port = int(url.rsplit(":", 1)[1])
        resolve = leading_to("127.0.0.1", port=port)
        trust = trusting(authority)
        assert post(f"https://crm.example:{port}/", resolve=resolve, trust=trust) == Answered(200)
        assert why(f"https://other.example:{port}/", resolve=resolve, trust=trust) == "tls_failed"
        assert why(f"https://crm.example:{port}/", resolve=resolve) == "tls_failed"


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def proxy(method: str, path: str, *_: Any) -> tuple[int, dict[str, str], bytes]:
        asked.append(path)
        return 200, {}, b""

    with listening(proxy) as url, a_crm() as crm:
        monkeypatch.setenv("HTTP_PROXY", url)
        monkeypatch.setenv("http_proxy", url)
        assert post(crm.url) == Answered(204)
    assert (asked, len(crm.told)) == ([], 1)
