"""The one contract that every dialect keeps: five answers, one fence, calls that are known, and news that is settled.

Each dialect talks over real sockets to a stand-in that is as strict as the real server. What a dialect cannot do, it
says itself (`Can`).
"""

from __future__ import annotations

import itertools
import json
import re
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broadcast.domain.contact import Status
from broadcast.domain.content import Content, Kind
from broadcast.domain.phone import identity
from broadcast.engine import accepting, settling, telling
from broadcast.engine.outcomes import outcome_of
from broadcast.errors import Held
from broadcast.gateways.base import (
    Accepted,
    Answer,
    Busy,
    Closed,
    Connection,
    Gateway,
    Message,
    News,
    Refused,
    Scope,
    Unknown,
)
from broadcast.gateways.catalogue import DIALECTS as CATALOGUE
from broadcast.store import Store
from broadcast.store.tickets import Go, Outcome, Ticket
from tests.builders import an_order
from tests.departures import Gate
from tests.dialects.base import ANA, SECRET, Can, Dialect, Taken
from tests.dialects.cloud import CloudDialect
from tests.dialects.evolution import EvolutionDialect
from tests.dialects.hop import SPOILS, hop
from tests.dialects.waha import WahaDialect
from tests.lanes import ask, fan_out, tickets
from tests.processes import free_port, wait_for

ALL: tuple[type[Dialect], ...] = (EvolutionDialect, CloudDialect, WahaDialect)
PAYLOADS = Path(__file__).parents[1] / "payloads"
LEASE_MS = 60_000


@pytest.fixture(params=ALL, ids=lambda kind: kind.name)
def dialect(request: pytest.FixtureRequest) -> Iterator[Dialect]:
    with request.param.running() as running:
        yield running


def needs(*wanted: Can) -> pytest.MarkDecorator:
    """For the dialects that can do all of this; the others skip, by their own word."""
    able = [
        pytest.param(kind, id=kind.name, marks=[] if kind.can.issuperset(wanted) else pytest.mark.skip(reason=_cannot))
        for kind in ALL
        for _cannot in [f"{kind.name} has not: {', '.join(can.value for can in wanted)}"]
    ]
    return pytest.mark.parametrize("dialect", able, indirect=True)


def send(dialect: Dialect, message: Message | None = None, gateway: Gateway | None = None) -> Answer:
    return (gateway or dialect.gateway()).send(message or dialect.message(), departure=Gate())


def test_every_dialect_of_the_catalogue_keeps_the_contract() -> None:
    assert {kind.name for kind in ALL} == {dialect.webhook for dialect in CATALOGUE.values()}
    assert {kind.name for kind in ALL} == {path.name for path in PAYLOADS.iterdir()}


# Accepted.


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_message_is_taken_by_a_strict_server(dialect: Dialect, kind: Kind) -> None:
    answer = send(dialect, dialect.message(kind))
    (taken,) = dialect.taken()
    assert answer == Accepted(taken.message_id)
    assert (taken.instance, identity(taken.phone), taken.kind) == (dialect.instance, identity(ANA), kind.value)
    assert taken.text == ("" if kind is Kind.AUDIO else "Olá, Ana")


@needs(Can.SEND_TEMPLATES)
def test_a_template_is_taken_in_place_of_the_text(dialect: Dialect) -> None:
    answer = send(dialect, dialect.message(template=dialect.template))
    (taken,) = dialect.taken()
    assert (answer, taken.kind) == (Accepted(taken.message_id), "template")


def test_where_there_are_no_templates_nothing_is_sent_in_place_of_one(dialect: Dialect) -> None:
    if Can.SEND_TEMPLATES in dialect.can:
        pytest.skip(f"{dialect.name} sends templates")
    answer = send(dialect, dialect.message(template=CloudDialect.template))
    assert isinstance(answer, Closed), answer
    assert (answer.reason, answer.scope) == ("templates_unsupported", Scope.CAMPAIGN)
    assert dialect.taken() == []


@needs(Can.TAKE_IDS)
def test_the_id_is_the_one_that_we_chose_and_one_reference_has_one_id(dialect: Dialect) -> None:
    gateway = dialect.gateway()
    assert send(dialect, gateway=gateway) == Accepted(gateway.own_id(dialect.message()) or "")
    assert gateway.own_id(dialect.message()) == dialect.gateway().own_id(dialect.message())
    assert gateway.own_id(dialect.message()) != gateway.own_id(dialect.message(reference="natal:8"))


# Refused, Busy, Closed: nothing was sent.


def test_a_number_without_whatsapp_is_refused(dialect: Dialect) -> None:
    dialect.nobody_has(ANA)
    answer = send(dialect)
    assert isinstance(answer, Refused), answer
    assert (answer.reason, answer.opts_out) == ("not_on_whatsapp", False)
    assert ANA not in answer.detail
    assert dialect.taken() == []


@pytest.mark.parametrize(("kind", "changes"), [(Kind.TEXT, {"text": ""}), (Kind.IMAGE, {"media_url": "not a url"})])
def test_wrong_content_is_refused_by_a_strict_server(dialect: Dialect, kind: Kind, changes: dict[str, Any]) -> None:
    answer = send(dialect, dialect.message(kind, **changes))
    assert isinstance(answer, Refused), answer
    assert answer.reason == "rejected"
    assert dialect.taken() == []


@pytest.mark.parametrize("after_s", [None, 7])
def test_too_many_requests_is_busy_for_as_long_as_the_gateway_asks(dialect: Dialect, after_s: int | None) -> None:
    dialect.too_many(retry_after_s=after_s)
    answer = send(dialect)
    assert isinstance(answer, Busy), answer
    assert (answer.reason, answer.after_s) == ("too_many_requests", after_s)
    assert (answer.reached, answer.contact_only) == (True, False)
    assert dialect.taken() == []


def test_being_throttled_rests_for_minutes(dialect: Dialect) -> None:
    dialect.throttled()
    answer = send(dialect)
    assert isinstance(answer, Busy), answer
    assert answer.after_s == 120
    assert not answer.contact_only
    assert dialect.taken() == []


@needs(Can.HOLD_BACK_ONE)
def test_one_throttled_person_does_not_hold_up_the_others(dialect: Dialect) -> None:
    dialect.hold_back_one()
    answer = send(dialect)
    assert isinstance(answer, Busy), answer
    assert answer.contact_only
    assert isinstance(send(dialect), Accepted)


def test_a_gateway_that_is_away_is_busy_costs_no_attempt_and_asks_no_fence(dialect: Dialect) -> None:
    gate = Gate()
    answer = dialect.gateway(url=f"http://127.0.0.1:{free_port()}").send(dialect.message(), departure=gate)
    assert isinstance(answer, Busy), answer
    assert (answer.reason, answer.reached, gate.waited) == ("gateway_unreachable", False, [])


def test_a_wrong_key_closes_the_instance(dialect: Dialect) -> None:
    answer = send(dialect, gateway=dialect.gateway(key="wrong"))
    assert isinstance(answer, Closed), answer
    assert (answer.reason, answer.scope) == ("unauthorized", Scope.INSTANCE)
    assert dialect.taken() == []


def test_an_instance_that_the_gateway_does_not_have_is_closed(dialect: Dialect) -> None:
    answer = send(dialect, dialect.message(instance=dialect.stranger))
    assert isinstance(answer, Closed), answer
    assert (answer.reason, answer.scope) == ("unknown_instance", Scope.INSTANCE)
    assert dialect.taken() == []


def test_an_instance_that_is_disconnected_is_closed_and_no_contact_has_failed(dialect: Dialect) -> None:
    dialect.disconnected()
    answer = send(dialect)
    assert isinstance(answer, Closed), answer
    assert (answer.reason in {"disconnected", "unregistered", "session_stopped"}, answer.scope) == (
        True,
        Scope.INSTANCE,
    )
    assert dialect.taken() == []


@needs(Can.CLOSE_ONE_CAMPAIGN)
def test_what_stops_one_campaign_leaves_the_others_alone(dialect: Dialect) -> None:
    answer = send(dialect, dialect.close_one_campaign())
    assert isinstance(answer, Closed), answer
    assert answer.scope is Scope.CAMPAIGN
    assert isinstance(send(dialect), Accepted)


@needs(Can.KEEP_OPT_OUTS)
def test_whoever_opted_out_at_the_gateway_is_refused_for_good(dialect: Dialect) -> None:
    dialect.opted_out()
    answer = send(dialect)
    assert isinstance(answer, Refused), answer
    assert (answer.reason, answer.opts_out) == ("opted_out", True)


# Unknown: it may have been sent.


@pytest.mark.parametrize("spoil", SPOILS)
def test_a_lost_answer_is_unknown_for_the_message_may_be_there(dialect: Dialect, spoil: str) -> None:
    timeout_s = 1.5 if spoil == "hangs past the timeout" else 30
    with hop(dialect.url, is_send=dialect.is_send, spoil=SPOILS[spoil]) as way:
        answer = send(dialect, gateway=dialect.gateway(url=way.url, timeout_s=timeout_s))
    assert isinstance(answer, Unknown), answer
    wait_for(dialect.taken, what="the message, which may come after who sent it gave up")
    assert len(dialect.taken()) == 1
    assert len(way.sends) == 1


def test_what_looks_like_an_acceptance_is_none_under_another_code_than_2xx(dialect: Dialect) -> None:
    def recode(connection: socket.socket, answer: bytes) -> None:
        connection.sendall(b"HTTP/1.1 300 Multiple Choices\r\n" + answer.partition(b"\r\n")[2])

    with hop(dialect.url, is_send=dialect.is_send, spoil=recode) as way:
        answer = send(dialect, gateway=dialect.gateway(url=way.url))
    assert isinstance(answer, Closed), answer
    assert answer.reason == "gateway_address_wrong"


def test_half_a_character_does_not_keep_a_gateways_words_from_being_stored(dialect: Dialect, store: Store) -> None:
    def halve(connection: socket.socket, answer: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        spoiled = re.sub(rb'"message": ?(\[?)"', rb'"message": \1"\\ud83d ', body)
        assert spoiled != body
        length = f"Content-Length: {len(spoiled)}".encode()
        connection.sendall(re.sub(rb"(?i)Content-Length: *[0-9]+", length, head) + b"\r\n\r\n" + spoiled)

    (ticket,) = on_the_wire(dialect, store)
    with hop(dialect.url, is_send=lambda _: True, spoil=halve) as way:
        answer = send(dialect, gateway=dialect.gateway(url=way.url, key="wrong"))
    assert isinstance(answer, Closed), answer
    assert answer.detail

    store.contacts.record(ticket, outcome_of(answer, attempt=1, max_attempts=3, quick_left=0))
    assert tally(store) == {Status.PENDING: 1}
    assert store.lanes.look(dialect.instance).fields["detail"] == answer.detail


@pytest.mark.parametrize("key", ["EAAGm0PX4ZCpsBAKZBexample", "a/b+c=d~e\\f", "A" * 250, "12345678-9012345678"])
def test_an_error_that_repeats_our_credentials_gives_none_of_them_away(
    dialect: Dialect, store: Store, key: str
) -> None:
    def repeat(connection: socket.socket, answer: bytes) -> None:
        head, _, body = answer.partition(b"\r\n\r\n")
        said = json.dumps(f"Malformed access token {key}")[1:-1].replace("/", "\\/").encode()
        spoiled = re.sub(rb'"message": ?(\[?)"[^"]*', lambda match: b'"message": ' + match[1] + b'"' + said, body)
        assert said in spoiled
        length = f"Content-Length: {len(spoiled)}".encode()
        connection.sendall(re.sub(rb"(?i)Content-Length: *[0-9]+", length, head) + b"\r\n\r\n" + spoiled)

    (ticket,) = on_the_wire(dialect, store)
    with hop(dialect.url, is_send=lambda _: True, spoil=repeat) as way:
        answer = send(dialect, gateway=dialect.gateway(url=way.url, key=key))
    assert isinstance(answer, Closed), answer
    assert "Malformed access token ***" in answer.detail

    store.contacts.record(ticket, outcome_of(answer, attempt=1, max_attempts=3, quick_left=0))
    fields, progress = store.lanes.look(dialect.instance).fields, telling.progress(store, "c1")
    assert "***" in fields["detail"]
    assert "***" in str(progress)
    assert key[:8] not in f"{fields}{progress}"


def test_a_page_that_repeats_our_credentials_gives_none_of_them_away(dialect: Dialect) -> None:
    def page(connection: socket.socket, _: bytes) -> None:
        body = b"<html>no such token: " + b"s3cret-of-the-gateway" + b"</html>"
        connection.sendall(b"HTTP/1.1 404 Not Found\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    with hop(dialect.url, is_send=lambda _: True, spoil=page) as way:
        answer = send(dialect, gateway=dialect.gateway(url=way.url, key="s3cret-of-the-gateway"))
    assert isinstance(answer, Closed), answer
    assert (answer.reason, answer.detail) == ("gateway_address_wrong", "HTTP 404: <html>no such token: ***</html>")


@pytest.mark.parametrize("code", [b"200", b"201", b"299"])
def test_an_acceptance_is_one_under_any_2xx(dialect: Dialect, code: bytes) -> None:
    def recode(connection: socket.socket, answer: bytes) -> None:
        connection.sendall(b"HTTP/1.1 " + code + b" Fine\r\n" + answer.partition(b"\r\n")[2])

    with hop(dialect.url, is_send=dialect.is_send, spoil=recode) as way:
        answer = send(dialect, gateway=dialect.gateway(url=way.url))
    assert answer == Accepted(dialect.taken()[0].message_id)


def test_an_answer_that_does_not_say_whether_it_left_is_unknown(dialect: Dialect) -> None:
    dialect.doubtful()
    answer = send(dialect)
    assert isinstance(answer, Unknown), answer


# The fence.


def test_the_fence_is_asked_once_when_the_connection_is_open_and_before_anything_is_written(dialect: Dialect) -> None:
    with hop(dialect.url, is_send=dialect.is_send) as way:

        def look() -> None:
            wait_for(lambda: way.opened == len(way.asked) + 1, what="the connection")
            assert (way.sends, dialect.taken()) == ([], [])

        gate = Gate(look)
        answer = dialect.gateway(url=way.url).send(dialect.message(), departure=gate)
    assert isinstance(answer, Accepted), answer
    assert (len(gate.waited), len(gate.left_at), len(way.sends)) == (1, 1, 1)
    assert gate.waited[0] <= gate.left_at[0] <= time.monotonic()


def test_nothing_is_written_when_the_fence_says_no(dialect: Dialect) -> None:
    def refuse() -> None:
        raise Held("paused")

    gate = Gate(refuse)
    with hop(dialect.url, is_send=dialect.is_send) as way:
        with pytest.raises(Held):
            dialect.gateway(url=way.url).send(dialect.message(), departure=gate)
        wait_for(lambda: way.unused, what="the connection to be closed")
    assert (way.sends, way.unused, gate.left_at, dialect.taken()) == ([], 1, [], [])


def test_a_send_whose_moment_passed_asks_the_fence_again(dialect: Dialect) -> None:
    moments = iter([False, True])

    class Late(Gate):
        def is_now(self) -> bool:
            return next(moments)

    gate = Late()
    assert isinstance(dialect.gateway().send(dialect.message(), departure=gate), Accepted)
    assert (len(gate.waited), len(dialect.taken())) == (2, 1)


# Whose call it is.


def a_call(dialect: type[Dialect]) -> Mapping[str, Any]:
    path = min((PAYLOADS / dialect.name).glob("*.json"))
    content: dict[str, Any] = json.loads(path.read_text())
    return content


def test_a_call_is_known_by_its_secret_with_the_headers_name_in_any_case(dialect: Dialect) -> None:
    gateway, call = dialect.gateway(), dialect.call(a_call(type(dialect)))
    assert dialect.signature in call.headers
    for spelled in (str, str.lower, str.upper, str.title):
        headers = {spelled(name): value for name, value in call.headers.items()}
        assert gateway.verify(headers, call.body, path=call.path), headers


def test_a_stranger_is_not_believed(dialect: Dialect) -> None:
    gateway, payload = dialect.gateway(), a_call(type(dialect))
    call, forged = dialect.call(payload), dialect.call(payload, secret=SECRET[:-1])
    value = call.headers[dialect.signature]
    assert not gateway.verify(forged.headers, forged.body, path=forged.path)
    for headers in ({}, {dialect.signature: ""}, {dialect.signature: value[:-1]}, {dialect.signature: "\udc80"}):
        assert not gateway.verify(headers, call.body, path=call.path), headers
    assert not gateway.verify({f"X-{dialect.signature}": value}, call.body, path=call.path)


@needs(Can.SIGN_BODIES)
def test_a_signature_is_good_for_its_own_body_alone(dialect: Dialect) -> None:
    call = dialect.call(a_call(type(dialect)))
    for body in (call.body + b" ", call.body[:-1], b"", call.body.replace(b":", b": ", 1)):
        assert not dialect.gateway().verify(call.headers, body, path=call.path)


def test_without_a_secret_every_call_is_taken(dialect: Dialect) -> None:
    gateway = dialect.adapter(dialect.url, key=dialect.key, timeout_s=1, secret=None)
    assert gateway.verify({}, b"{}", path="")


def test_only_who_knows_our_word_hears_its_own(dialect: Dialect) -> None:
    asked = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": SECRET}
    gateway = dialect.gateway()
    assert gateway.challenge(asked) == ("1158201444" if Can.CHALLENGE in dialect.can else None)
    for wrong in ({"hub.verify_token": "other"}, {"hub.mode": "unsubscribe"}, {"hub.verify_token": "\udc80"}):
        assert gateway.challenge({**asked, **wrong}) is None


# What calls say.


def sent(dialect: Dialect) -> Taken:
    """A message that the far side has."""
    assert isinstance(send(dialect), Accepted)
    return dialect.taken()[-1]


def test_every_word_of_the_dialect_is_one_of_our_statuses(dialect: Dialect) -> None:
    gateway, taken = dialect.gateway(), sent(dialect)
    for word, status in dialect.words.items():
        news = gateway.read(through_the_wire(dialect, dialect.told(taken, word)))
        (receipt,) = news.receipts
        assert (receipt.message_id, receipt.status) == (taken.message_id, status)
        assert (receipt.reason is not None) is (status is Status.FAILED)
        assert receipt.reference == ("natal:7" if Can.ECHO_REFERENCES in dialect.can else None)
        assert news == News(receipts=news.receipts)
    assert {*dialect.words.values()} == {Status.SENT, Status.DELIVERED, Status.READ, Status.FAILED}


def through_the_wire(dialect: Dialect, payload: Mapping[str, Any]) -> dict[str, Any]:
    """What our side parses of the call, which it knows for the gateway's own."""
    call = dialect.call(payload)
    assert dialect.gateway().verify(call.headers, call.body, path=call.path)
    content: dict[str, Any] = json.loads(call.body)
    return content


@pytest.mark.parametrize("text", ["SAIR", "Não quero mais \U0001f6d1\nobrigada"])
def test_what_a_person_wrote_is_read_and_is_nothing_else(dialect: Dialect, text: str) -> None:
    news = dialect.gateway().read(through_the_wire(dialect, dialect.written(ANA, text)))
    (inbound,) = news.inbound
    assert (identity(inbound.phone), inbound.text) == (identity(ANA), text)
    assert news == News(inbound=news.inbound)


def test_an_instance_that_closed_is_told_with_a_reason(dialect: Dialect) -> None:
    told = dialect.gateway().read(through_the_wire(dialect, dialect.connection(is_open=False)))
    news = next(iter(told.others.values()), told)  # Meta names the account that it is of
    assert news.connection is not None
    assert (news.connection.is_open, bool(news.connection.reason)) == (False, True)
    assert news == News(connection=news.connection)


def test_an_instance_that_opened_is_told_where_the_gateway_does(dialect: Dialect) -> None:
    news = dialect.gateway().read(through_the_wire(dialect, dialect.connection(is_open=True)))
    opened = Connection(is_open=True, reason="open")
    assert news == News(connection=opened if Can.SAY_OPEN in dialect.can else None)


def test_a_probe_finds_an_open_instance_and_none_at_a_gateway_that_is_away(dialect: Dialect) -> None:
    assert dialect.gateway().probe(dialect.instance) == Connection(is_open=True, reason="open")
    assert dialect.gateway(url=f"http://127.0.0.1:{free_port()}").probe(dialect.instance) is None
    assert dialect.taken() == []


@needs(Can.KEEP_OPT_OUTS)
@pytest.mark.parametrize("stops", [True, False])
def test_whoever_wants_no_more_or_more_again_is_told(dialect: Dialect, stops: bool) -> None:
    (wish,) = dialect.gateway().read(through_the_wire(dialect, dialect.wished(ANA, stops=stops))).preferences
    assert (wish.phone, wish.stops) == (ANA, stops)


#: What is JSON, and what hardly anybody thinks of.
ODD = st.sampled_from(
    ["\ud800", "", " ", "x" * 300, "0", "-1", "\u0663" * 9, -1, 10**30, float("inf"), True, None, [[]]]
)


def test_half_a_character_does_not_keep_a_persons_words_from_being_stored(dialect: Dialect) -> None:
    (inbound,) = dialect.gateway().read(dialect.written(ANA, "SAIR \ud83d")).inbound
    assert inbound.text.encode().startswith(b"SAIR ")


JSON = st.recursive(
    ODD | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def spoiled(draw: st.DrawFn, payloads: list[Any]) -> Any:
    """A real call with anything at all in one or two of its places."""
    payload = json.loads(json.dumps(draw(st.sampled_from(payloads))))
    for _ in range(draw(st.integers(1, 2))):
        where = payload
        while True:
            keys = list(where) if isinstance(where, dict) else list(range(len(where)))
            name = draw(st.sampled_from(keys))
            if not isinstance(where[name], dict | list) or not where[name] or draw(st.integers(0, 3)) == 0:
                where[name] = draw(JSON)
                break
            where = where[name]
    return payload


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
# Drawing nested JSON takes long on a machine that is busy, which says nothing of the reading.
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_no_call_breaks_the_reading_and_what_is_read_can_be_stored(kind: type[Dialect], data: st.DataObject) -> None:
    payloads = [json.loads(path.read_text()) for path in sorted((PAYLOADS / kind.name).glob("*.json"))]
    payload = data.draw(spoiled(payloads) | st.dictionaries(st.text(max_size=8), JSON, max_size=3))
    assert_storable(kind.adapter("http://127.0.0.1:1", key="k", timeout_s=1, secret=None).read(payload))


def assert_storable(news: News) -> None:
    for told in (*news.receipts, *news.echoes):
        assert told.message_id.isprintable()
        assert " " not in told.message_id
    told_by_id = [echo for echo in news.echoes if echo.phone is None]  # of a person whom the call does not name
    for person in (*news.echoes, *news.inbound, *news.preferences):
        assert person in told_by_id or (person.phone.isascii() and person.phone.isdigit())
    json.dumps(asdict(news), ensure_ascii=False, allow_nan=False).encode()


def places(payload: Any) -> Iterator[tuple[Any, Any]]:
    """Every place in a call: what holds it, and its name there."""
    for name in list(payload if isinstance(payload, dict) else range(len(payload))):
        yield payload, name
        if isinstance(payload[name], dict | list):
            yield from places(payload[name])


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.name)
def test_half_a_character_can_stand_anywhere_in_a_call(kind: type[Dialect]) -> None:
    gateway = kind.adapter("http://127.0.0.1:1", key="k", timeout_s=1, secret=None)
    spoiled = 0
    for path in sorted((PAYLOADS / kind.name).glob("*.json")):  # by chance, these few places are hardly ever met
        payload = json.loads(path.read_text())
        for where, name in places(payload):
            before, where[name] = where[name], "a \ud83d"
            assert_storable(gateway.read(payload))
            where[name], spoiled = before, spoiled + 1
    assert spoiled > 300


# What is settled.


def on_the_wire(dialect: Dialect, store: Store, campaign: str = "c1", *, contacts: int = 1) -> list[Ticket]:
    """A campaign whose contacts all passed the fence."""
    people = [ANA] if contacts == 1 else [f"55319999900{number:02d}" for number in range(contacts)]
    store.workers.beat("broadcast", "w1")
    content = Content(kind=Kind.TEXT, text="Olá, Ana")
    order = an_order(campaign, contacts=people, instance=dialect.instance, content=content)
    accepting.accept(store, order, country="BR")
    held = tickets(fan_out(store, dialect.instance), run=campaign)
    for ticket in held:
        own_id = dialect.gateway().own_id(dialect.message(reference=ticket.reference))
        wait_for(lambda ticket=ticket, own_id=own_id: isinstance(ask(store, ticket, own_id=own_id, ahead_ms=5000), Go))
    return held


def left(dialect: Dialect, ticket: Ticket) -> Taken:
    """The ticket's message, which the far side took."""
    assert isinstance(send(dialect, dialect.message(reference=ticket.reference)), Accepted)
    return dialect.taken()[-1]


def record(store: Store, ticket: Ticket, status: Status, message_id: str = "") -> str:
    return store.contacts.record(ticket, Outcome(status=status, message_id=message_id, reason=""))


def hear(dialect: Dialect, store: Store, payload: Mapping[str, Any]) -> None:
    """Take a call as our webhook process does."""
    news = dialect.gateway().read(through_the_wire(dialect, payload))
    for echo in news.echoes:
        settling.adopt(store, dialect.instance, echo, lease_ms=LEASE_MS)
    settling.settle(store, dialect.instance, news.receipts)


def tally(store: Store, campaign: str = "c1") -> dict[Status, int]:
    return {status: count for status, count in telling.progress(store, campaign).counts.items() if count}


def word_of(dialect: Dialect, status: Status) -> str:
    return next(word for word, means in dialect.words.items() if means is status)


ORDERS = list(itertools.permutations([Status.SENT, Status.DELIVERED, Status.READ]))


@pytest.mark.parametrize("order", ORDERS, ids=lambda order: "-".join(status.value for status in order))
def test_receipts_in_any_order_and_each_twice_end_in_read(
    dialect: Dialect, store: Store, order: tuple[Status, ...]
) -> None:
    (ticket,) = on_the_wire(dialect, store)
    taken = left(dialect, ticket)
    record(store, ticket, Status.SENT, taken.message_id)
    for status in order:
        hear(dialect, store, dialect.told(taken, word_of(dialect, status)))
        hear(dialect, store, dialect.told(taken, word_of(dialect, status)))
    assert tally(store) == {Status.READ: 1}


def test_a_receipt_that_beats_the_answer_is_not_lost(dialect: Dialect, store: Store) -> None:
    (ticket,) = on_the_wire(dialect, store)
    taken = left(dialect, ticket)
    hear(dialect, store, dialect.told(taken, word_of(dialect, Status.DELIVERED)))
    record(store, ticket, Status.SENT, taken.message_id)
    assert tally(store) == {Status.DELIVERED: 1}


def test_a_message_that_fails_after_it_was_taken_fails_its_contact_with_a_reason(
    dialect: Dialect, store: Store
) -> None:
    (ticket,) = on_the_wire(dialect, store)
    taken = left(dialect, ticket)
    record(store, ticket, Status.SENT, taken.message_id)
    hear(dialect, store, dialect.told(taken, word_of(dialect, Status.FAILED)))
    page = telling.contacts(store, "c1", status=Status.FAILED, limit=10, cursor=None)
    assert [one.reason for one in page.items] == ["gateway_error"]


def test_news_resolves_a_contact_that_nobody_knows_the_end_of(dialect: Dialect, store: Store) -> None:
    (ticket,) = on_the_wire(dialect, store)
    taken = left(dialect, ticket)
    record(store, ticket, Status.UNCONFIRMED)
    assert tally(store) == {Status.UNCONFIRMED: 1}

    hear(dialect, store, dialect.told(taken, word_of(dialect, Status.DELIVERED)))
    if Can.ECHO_MESSAGES in dialect.can:
        hear(dialect, store, dialect.echoed(taken))
    assert tally(store) == {Status.DELIVERED: 1}


@needs(Can.ECHO_MESSAGES)
def test_an_echo_that_may_be_of_two_contacts_resolves_neither(dialect: Dialect, store: Store) -> None:
    for campaign in ("c1", "c2"):
        (ticket,) = on_the_wire(dialect, store, campaign)
        record(store, ticket, Status.UNCONFIRMED)
    stranger = left(dialect, replace(ticket, campaign="another"))
    hear(dialect, store, dialect.echoed(stranger))
    hear(dialect, store, dialect.told(stranger, word_of(dialect, Status.DELIVERED)))
    assert (tally(store, "c1"), tally(store, "c2")) == ({Status.UNCONFIRMED: 1}, {Status.UNCONFIRMED: 1})


def test_news_of_another_message_resolves_nobody(dialect: Dialect, store: Store) -> None:
    (ticket,) = on_the_wire(dialect, store)
    record(store, ticket, Status.UNCONFIRMED)
    other = dialect.message(reference="another:7", text="Outra")
    assert isinstance(send(dialect, other), Accepted)
    stranger = dialect.taken()[-1]
    if Can.ECHO_MESSAGES in dialect.can:
        hear(dialect, store, dialect.echoed(stranger))
    hear(dialect, store, dialect.told(stranger, word_of(dialect, Status.DELIVERED)))
    assert tally(store) == {Status.UNCONFIRMED: 1}


@pytest.mark.parametrize("can", [Can.ECHO_REFERENCES, Can.TAKE_IDS], ids=["by reference", "by our own id"])
def test_a_receipt_alone_resolves_where_it_names_the_contact(dialect: Dialect, store: Store, can: Can) -> None:
    if can not in dialect.can:
        pytest.skip(f"{dialect.name} has not: {can.value}")
    first, second = on_the_wire(dialect, store, contacts=2)
    for ticket in (first, second):
        record(store, ticket, Status.UNCONFIRMED)
    hear(dialect, store, dialect.told(left(dialect, second), word_of(dialect, Status.READ)))
    page = telling.contacts(store, "c1", status=Status.READ, limit=10, cursor=None)
    assert [one.number for one in page.items] == [1]
    assert tally(store) == {Status.UNCONFIRMED: 1, Status.READ: 1}
