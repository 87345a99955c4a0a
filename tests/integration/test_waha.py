"""Sending through WAHA over real HTTP, against a stand-in as strict as the real one."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator

import pytest

from broadcast.domain.campaign import Move, Scope
from broadcast.domain.contact import Status
from broadcast.domain.content import Kind
from broadcast.engine import accepting, planning, removing, settling, steering, telling
from broadcast.engine.planning import Horizon
from broadcast.engine.sending import Policy, Sending, _Departure
from broadcast.errors import Held
from broadcast.gateways.base import Accepted, Answer, Busy, Closed, Connection, Message, Receipt, Refused, Unknown
from broadcast.gateways.waha import Waha
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Ticket
from tests.builders import an_order
from tests.departures import Gate
from tests.lanes import fan_out, sends, tickets
from tests.processes import free_port, wait_for
from tests.standins.waha import Reply, StandIn, problem, thrown, waha
from tests.stubs import raw_server, read_request, reset

ANA, ANAS_CHAT = "5531999990001", "553199990001@c.us"
NOBODY = "5511900000000"


@pytest.fixture
def server() -> Iterator[StandIn]:
    with waha(numbers={ANA: ANAS_CHAT}) as standin:
        yield standin


@pytest.fixture
def gateway(server: StandIn) -> Waha:
    return Waha(server.url + "/", server.api_key, timeout_s=30)


def a_message(phone: str = ANA, kind: Kind = Kind.TEXT, *, number: int = 0, instance: str = "loja-01") -> Message:
    media_url = None if kind is Kind.TEXT else "https://cdn.example/a/foto%20nova.jpg"
    return Message(
        instance=instance, phone=phone, kind=kind, text="Oi, Ana!", media_url=media_url, reference=f"c1:{number}"
    )


def send(gateway: Waha, message: Message | None = None, gate: Gate | None = None) -> Answer:
    return gateway.send(message or a_message(), departure=gate or Gate())


def paths(server: StandIn) -> list[str]:
    return [f"{method} {path.partition('?')[0]}" for method, path, _ in server.asked]


def test_a_text_goes_to_the_address_in_whatsapp_under_our_own_id(server: StandIn, gateway: Waha) -> None:
    own_id = gateway.own_id(a_message())
    assert own_id is not None
    assert send(gateway) == Accepted(own_id)
    (taken,) = server.ledger
    assert (taken.body["chatId"], taken.body["text"], taken.id) == (ANAS_CHAT, "Oi, Ana!", own_id)


@pytest.mark.parametrize("kind", [Kind.IMAGE, Kind.VIDEO, Kind.AUDIO, Kind.DOCUMENT])
def test_every_kind_of_medium_is_taken(server: StandIn, gateway: Waha, kind: Kind) -> None:
    answer = send(gateway, a_message(kind=kind))
    assert answer == Accepted(server.ledger[0].id)
    ending = {Kind.VIDEO: "mp4", Kind.AUDIO: "mp3"}.get(kind, "jpg")  # its address ends in .jpg
    assert server.ledger[0].body["file"]["filename"] == f"foto nova.{ending}"


def test_the_check_goes_out_before_the_departure_and_the_message_after_it(server: StandIn, gateway: Waha) -> None:
    gate = Gate()
    send(gateway, gate=gate)
    (_, _, checked), (_, path, _) = server.asked
    assert path == "/api/sendText"
    assert len(gate.waited) == 1
    assert checked < gate.waited[0] < server.ledger[0].at


def test_nothing_is_written_when_the_fence_says_no(server: StandIn, gateway: Waha) -> None:
    def refuse() -> None:
        assert paths(server) == ["GET /api/contacts/check-exists"]
        raise Held("paused")

    with pytest.raises(Held):
        send(gateway, gate=Gate(refuse))
    assert paths(server) == ["GET /api/contacts/check-exists"]
    assert server.ledger == []


def unasked() -> Gate:
    def fail() -> None:
        raise AssertionError("the fence must not be asked")

    return Gate(fail)


def test_a_number_without_whatsapp_is_refused_before_the_fence_is_asked(server: StandIn, gateway: Waha) -> None:
    assert send(gateway, a_message(NOBODY), unasked()) == Refused("not_on_whatsapp")
    assert server.ledger == []


def test_a_number_is_asked_about_once_per_session_and_a_missing_one_each_time(server: StandIn, gateway: Waha) -> None:
    server.sessions["loja-02"] = "WORKING"
    for message in (a_message(), a_message(number=1), a_message(instance="loja-02")):
        assert isinstance(send(gateway, message), Accepted)
    assert paths(server).count("GET /api/contacts/check-exists") == 2
    for _ in range(2):
        send(gateway, a_message(NOBODY))
    server.numbers[NOBODY] = f"{NOBODY}@c.us"
    assert isinstance(send(gateway, a_message(NOBODY)), Accepted)
    assert paths(server).count("GET /api/contacts/check-exists") == 5


def test_a_session_of_its_own_is_sent_through_whatever_the_instance_is_called(server: StandIn) -> None:
    server.sessions = {"vendas 1": "WORKING"}
    gateway = Waha(server.url, server.api_key, timeout_s=30, session="vendas 1")
    assert isinstance(send(gateway), Accepted)
    assert server.ledger[0].body["session"] == "vendas 1"
    assert gateway.probe("loja-01") == Connection(is_open=True, reason="open")


def test_a_campaign_sends_to_whom_it_can_and_skips_who_has_no_whatsapp(
    server: StandIn, gateway: Waha, store: Store
) -> None:
    server.sessions["i1"] = "WORKING"
    accepting.accept(store, an_order(contacts=[ANA, NOBODY]), country="BR")
    store.workers.beat("broadcast", "w1")
    engine = Sending(store, lambda _: gateway, Policy(max_attempts=3, timeout_s=5))
    batch = planning.plan_lane(store, "i1", horizon=Horizon(ms=5000, contacts=2))
    tickets = [
        Ticket(instance="i1", campaign="c1", number=one.number, batch=batch.id, run="r") for one in batch.departures
    ]
    assert [engine.send(ticket, quick_left=0) for ticket in tickets] == ["sent", "skipped"]

    (taken,) = server.ledger
    news = gateway.read(server.tell(taken, "READ"))
    assert settling.settle(store, "i1", news.receipts) == 1
    counts = telling.progress(store, "c1").counts
    assert (counts[Status.READ], counts[Status.SKIPPED]) == (1, 1)
    assert store.campaigns.finish("c1")


def test_an_echo_finds_the_contact_whose_engine_took_no_id_of_ours(
    server: StandIn, gateway: Waha, store: Store
) -> None:
    server.sessions["i1"], server.engine = "WORKING", "WEBJS"
    accepting.accept(store, an_order(contacts=[ANA]), country="BR")
    store.workers.beat("broadcast", "w1")
    assert sends(store, gateway, "r1") == "pending"
    server.refuse("/api/sendText", thrown("Timed Out"))
    store.scripts.client.hdel(key("lane", "i1"), "rest")
    assert sends(store, gateway, "r2") == "unconfirmed"

    item = {"id": f"true_{ANAS_CHAT}_AAAA", "to": ANAS_CHAT, "fromMe": True, "source": "api", "hasMedia": False}
    payload = {**item, "body": "Oi", "timestamp": int(time.time())}
    (echo,) = gateway.read({"event": "message.any", "session": "i1", "payload": payload}).echoes
    assert settling.adopt(store, "i1", echo, lease_ms=5000)
    assert store.contacts.some("c1", [0])[0][1]["message_id"] == "AAAA"


def left_unconfirmed(server: StandIn, gateway: Waha, store: Store) -> str:
    """A text under an id of our own was answered with a 500, and nobody knows whether it left; the id."""
    server.sessions["i1"] = "WORKING"
    accepting.accept(store, an_order(contacts=[ANA]), country="BR")
    store.workers.beat("broadcast", "w1")
    server.refuse("/api/sendText", thrown("Timed Out"))
    assert sends(store, gateway, "r1") == "unconfirmed"
    return str(store.contacts.some("c1", [0])[0][1]["message_id"])


def test_an_echo_with_our_id_clears_up_a_text_that_was_answered_with_a_500(
    server: StandIn, gateway: Waha, store: Store
) -> None:
    own_id = left_unconfirmed(server, gateway, store)

    item = {"id": f"true_10000000000001@lid_{own_id}", "fromMe": True, "source": "app", "hasMedia": False}
    payload = {**item, "body": "Oi", "timestamp": int(time.time()), "ack": 1, "ackName": "SERVER"}
    (echo,) = gateway.read({"event": "message.any", "session": "i1", "payload": payload}).echoes
    assert settling.adopt(store, "i1", echo, lease_ms=5000)
    assert telling.progress(store, "c1").counts[Status.SENT] == 1


def test_an_engine_that_takes_no_id_is_remembered_and_the_contact_comes_again_without_one(
    server: StandIn, gateway: Waha
) -> None:
    server.engine = "WEBJS"
    first = send(gateway)
    assert isinstance(first, Busy)
    assert (first.reason, first.reached) == ("engine_takes_no_id", False)
    assert "not implemented" in first.detail
    assert server.ledger == []
    assert gateway.own_id(a_message()) is None
    assert gateway.own_id(a_message(instance="loja-02")) is not None

    assert send(gateway) == Accepted(server.ledger[0].id)
    assert "id" not in server.ledger[0].body


def test_what_the_engine_cannot_send_at_all_is_not_tried_for_ever(server: StandIn, gateway: Waha) -> None:
    cannot = problem(501, "The method is not implemented by 'WPP' engine.", "Not Implemented")
    server.refuse("/api/sendText", cannot, cannot)
    assert isinstance(send(gateway), Busy)
    again = send(gateway)
    assert isinstance(again, Closed)
    assert again.reason == "not_implemented"


@pytest.mark.parametrize(
    ("path", "reply", "kind", "reason"),
    [
        ("/api/sendText", thrown("Timed Out"), Unknown, "failed_while_sending"),
        ("/api/sendText", Reply(502, "<html>502</html>"), Unknown, "unknown_answer"),
        ("/api/sendText", Reply(201, ""), Unknown, "answer_without_id"),
        ("/api/sendText", problem(429, "Slow down", "Too Many Requests"), Busy, "too_many_requests"),
        ("/api/contacts/check-exists", thrown("Timed Out"), Busy, "number_check_failed"),
        ("/api/contacts/check-exists", Reply(502, "<html>502</html>"), Busy, "number_check_failed"),
        ("/api/contacts/check-exists", Reply(503, "<html>503</html>"), Busy, "gateway_unavailable"),
        ("/api/contacts/check-exists", problem(400, ["phone"], "Bad Request"), Refused, "rejected"),
    ],
)
def test_an_error_means_what_it_means_where_it_happens(
    server: StandIn, gateway: Waha, path: str, reply: Reply, kind: type, reason: str
) -> None:
    server.refuse(path, reply)
    answer = send(gateway)
    assert isinstance(answer, kind), answer
    assert getattr(answer, "reason", "") == reason


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("STOPPED", "session_stopped"),
        ("FAILED", "session_failed"),
        ("SCAN_QR_CODE", "unlinked"),
        ("STARTING", "session_starting"),
        ("PASSKEY_CONFIRMATION_REQUIRED", "passkey_wanted"),
        ("A_STATE_FROM_TOMORROW", "disconnected"),
    ],
)
def test_a_session_that_does_not_work_is_closed_before_anything_leaves(
    server: StandIn, gateway: Waha, status: str, reason: str
) -> None:
    server.sessions["loja-01"] = status
    assert send(gateway, gate=unasked()) == Closed(reason, status)


def test_a_session_that_stops_after_the_check_is_closed_and_nothing_was_sent(server: StandIn, gateway: Waha) -> None:
    assert send(gateway, gate=Gate(lambda: server.sessions.update({"loja-01": "FAILED"}))) == Closed(
        "session_failed", "FAILED"
    )
    assert server.ledger == []


def test_a_wrong_key_and_an_unknown_session_close_the_instance(server: StandIn, gateway: Waha) -> None:
    assert send(Waha(server.url, "wrong", timeout_s=30)) == Closed("unauthorized", "Unauthorized")
    unknown = send(gateway, a_message(instance="loja-99"))
    assert isinstance(unknown, Closed)
    assert unknown.reason == "unknown_instance"


def test_a_server_that_is_away_costs_no_attempt(server: StandIn) -> None:
    answer = send(Waha(f"http://127.0.0.1:{free_port()}", "k", timeout_s=1), gate=unasked())
    assert isinstance(answer, Busy)
    assert (answer.reason, answer.reached) == ("gateway_unreachable", False)


def cut(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"numberExists":true')


def test_a_check_without_a_whole_answer_is_tried_again_and_holds_nobody_else_up() -> None:
    with raw_server(cut) as url:
        answer = send(Waha(url, "k", timeout_s=1), gate=unasked())
    assert isinstance(answer, Busy)
    assert (answer.reached, answer.contact_only) == (True, True)


def test_a_slow_check_is_no_sign_of_a_worker_that_is_gone(store: Store) -> None:
    accepting.accept(store, an_order(contacts=[ANA]), country="BR")
    store.workers.beat("broadcast", "w1")
    taken_back = []

    def slow(connection: socket.socket) -> None:
        if read_request(connection).startswith(b"GET"):
            taken_back.append(store.lanes.mend("i1", grace_ms=-60_000, most_attempts=3))  # as if so long had passed
            body = json.dumps({"numberExists": True, "chatId": ANAS_CHAT}).encode()
        else:
            body = b'{"id": "true_x@c.us_AAAA"}'
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with raw_server(slow) as url:
        assert sends(store, Waha(url, "k", timeout_s=30), "r1") == "sent"
    assert taken_back == [(0, 0)]


def test_a_worker_that_dies_over_a_check_keeps_its_contact_for_a_lease(store: Store) -> None:
    accepting.accept(store, an_order(contacts=[ANA]), country="BR")
    store.workers.beat("broadcast", "w1")
    (ticket,) = tickets(fan_out(store))
    assert store.contacts.attend(ticket, lease_ms=0)
    store.lanes.mend("i1", grace_ms=60_000, most_attempts=3)
    assert telling.progress(store, "c1").counts[Status.PENDING] == 1
    assert not store.contacts.attend(ticket, lease_ms=0)


def test_who_was_paused_meanwhile_is_not_asked_about(store: Store) -> None:
    accepting.accept(store, an_order(contacts=[ANA]), country="BR")
    store.workers.beat("broadcast", "w1")
    (ticket,) = tickets(fan_out(store))
    engine = Sending(store, lambda _: Waha("http://127.0.0.1:1", "k", timeout_s=5), Policy(max_attempts=3, timeout_s=5))
    departure = _Departure(engine, ticket, identity="", own_id=None, pair_ms=0)
    steering.steer(store, "c1", Move.PAUSE)
    with pytest.raises(Held):
        departure.attend()


def failed_check(connection: socket.socket) -> None:
    read_request(connection)
    connection.sendall(b"HTTP/1.1 500 Oops\r\nContent-Length: 2\r\n\r\n{}")


@pytest.mark.parametrize("serve", [cut, failed_check])
def test_a_number_whose_check_never_ends_well_is_not_asked_about_for_ever(
    store: Store, serve: Callable[[socket.socket], None]
) -> None:
    accepting.accept(store, an_order(contacts=[ANA]), country="BR")
    store.workers.beat("broadcast", "w1")
    with raw_server(serve) as url:
        gateway = Waha(url, "k", timeout_s=1)
        words = []
        for run in ("r1", "r2", "r3"):
            words.append(sends(store, gateway, run))
            store.scripts.client.zadd(key("later", "c1"), {"0": 0}, xx=True)
    assert words == ["pending", "pending", "failed"]
    assert store.lanes.look("i1").fields.get("rest") is None
    assert store.campaigns.finish("c1")
    (contact,) = telling.contacts(store, "c1", status=Status.FAILED, limit=9, cursor=None).items
    assert contact.attempts == 3
    assert steering.retry(store, "c1", Scope.FAILED).queued == 1


def test_a_send_whose_connection_is_reset_is_unknown_and_its_receipt_finds_it_by_our_id() -> None:
    asked: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        asked.append(read_request(connection))
        if len(asked) == 1:
            body = json.dumps({"numberExists": True, "chatId": ANAS_CHAT}).encode()
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        else:
            reset(connection)

    with raw_server(serve) as url:
        gateway = Waha(url, "k", timeout_s=1)
        assert isinstance(send(gateway), Unknown)
    own_id = json.loads(asked[1].partition(b"\r\n\r\n")[2])["id"]
    assert own_id == gateway.own_id(a_message())


def test_a_number_that_nobody_has_is_taken_and_never_delivered_which_is_why_we_ask(server: StandIn) -> None:
    body = {"session": "loja-01", "chatId": f"{NOBODY}@c.us", "text": "Oi"}
    headers = {"X-Api-Key": server.api_key, "Content-Type": "application/json"}
    reply = server.answer("POST", "/api/sendText", headers, json.dumps(body).encode())
    assert (reply.status, reply.body["ack"]) == (201, 1)
    assert server.tell(server.ledger[0], "SERVER")["payload"]["ackName"] == "SERVER"
    with pytest.raises(AssertionError):
        server.tell(server.ledger[0], "DEVICE")


@pytest.mark.parametrize(
    ("name", "status"), [("SERVER", Status.SENT), ("DEVICE", Status.DELIVERED), ("READ", Status.READ)]
)
def test_a_posted_receipt_is_signed_and_names_the_id_that_the_send_was_given(
    server: StandIn, name: str, status: Status
) -> None:
    calls: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        calls.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 204 No Content\r\n\r\n")

    server.hmac_key = "chave"
    gateway = Waha(server.url, server.api_key, timeout_s=30, hmac_key="chave")
    accepted = send(gateway, a_message(kind=Kind.IMAGE))
    assert isinstance(accepted, Accepted)
    with raw_server(serve) as url:
        assert server.post(url, server.tell(server.ledger[0], name)) == 204
        wait_for(lambda: calls, what="the webhook call")
    head, _, body = calls[0].partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])

    assert gateway.verify(headers, body, path="")
    assert not Waha(server.url, "k", timeout_s=30, hmac_key="other").verify(headers, body, path="")
    assert gateway.read(json.loads(body)).receipts == (Receipt(message_id=accepted.message_id, status=status),)


@pytest.mark.parametrize(
    ("status", "connection"),
    [
        ("WORKING", Connection(is_open=True, reason="open")),
        ("SCAN_QR_CODE", Connection(is_open=False, reason="unlinked")),
        ("STARTING", None),
        ("A_STATE_FROM_TOMORROW", None),
    ],
)
def test_a_probe_says_what_the_gateway_knows(
    server: StandIn, gateway: Waha, status: str, connection: Connection | None
) -> None:
    server.sessions["loja 1"] = status
    assert gateway.probe("loja 1") == connection
    assert server.asked[0][:2] == ("GET", "/api/sessions/loja%201")


def test_a_probe_finds_a_session_that_works_and_is_barred_from_new_people(server: StandIn, gateway: Waha) -> None:
    locked = {"name": "loja-01", "status": "WORKING", "me": {"reachoutTimelock": {"isActive": True}}}
    server.refuse("/api/sessions/loja-01", Reply(200, locked))
    assert gateway.probe("loja-01") == Connection(is_open=False, reason="restricted")


def test_a_probe_that_is_refused_says_why(server: StandIn, gateway: Waha) -> None:
    assert gateway.probe("loja-99") == Connection(is_open=False, reason="unknown_instance")
    stranger = Waha(server.url, "another-key", timeout_s=30)
    assert stranger.probe("loja-01") == Connection(is_open=False, reason="unauthorized")


def test_a_probe_that_is_not_answered_as_it_should_be_says_nothing(server: StandIn, gateway: Waha) -> None:
    server.refuse("/api/sessions/loja-01", Reply(200, "<html>"), Reply(502, {"status": "WORKING"}))
    assert gateway.probe("loja-01") is None
    assert gateway.probe("loja-01") is None
    assert Waha(f"http://127.0.0.1:{free_port()}", "k", timeout_s=1).probe("loja-01") is None


def test_a_failure_that_is_told_again_is_not_of_the_next_attempt(server: StandIn, gateway: Waha, store: Store) -> None:
    server.sessions["i1"] = "WORKING"
    accepting.accept(store, an_order(contacts=[ANA]), country="BR")
    store.workers.beat("broadcast", "w1")
    assert sends(store, gateway, "r1") == "sent"
    failure = gateway.read(server.tell(server.ledger[0], "ERROR")).receipts
    assert settling.settle(store, "i1", failure) == 1
    steering.retry(store, "c1", Scope.FAILED)
    assert sends(store, gateway, "r2") == "sent"

    assert settling.settle(store, "i1", failure) == 0
    first, second = server.ledger
    assert first.id != second.id
    assert settling.settle(store, "i1", gateway.read(server.tell(second, "ERROR")).receipts) == 1
    assert telling.progress(store, "c1").counts[Status.FAILED] == 1


def test_what_nobody_knows_the_end_of_is_sent_again_under_its_own_id(
    server: StandIn, gateway: Waha, store: Store
) -> None:
    known = left_unconfirmed(server, gateway, store)
    steering.retry(store, "c1", Scope.UNCONFIRMED)
    assert sends(store, gateway, "r2") == "sent"
    assert server.ledger[0].id == known


def test_a_later_campaign_of_the_same_name_has_ids_of_its_own(server: StandIn, gateway: Waha, store: Store) -> None:
    server.sessions["i1"] = "WORKING"
    store.workers.beat("broadcast", "w1")
    for run in ("r1", "r2"):
        accepting.accept(store, an_order(contacts=[ANA]), country="BR")
        assert sends(store, gateway, run) == "sent"
        store.campaigns.finish("c1")
        removing.remove(store, "c1")
        wait_for(lambda: removing.erase(store, "c1", limit=250) < 0, what="the end of the campaign")
    assert server.ledger[0].id != server.ledger[1].id
