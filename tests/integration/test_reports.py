"""What a manager asks: who did not get it and why, how fast it went, and a file that a spreadsheet opens."""

from __future__ import annotations

import csv
import io
import re
import tracemalloc
from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.domain.contact import Recipient, Status
from broadcast.domain.receipt import Receipt
from broadcast.engine import accepting, reporting
from broadcast.store import Store
from broadcast.store.contacts import Go, Outcome, Ticket
from broadcast.store.keys import key
from broadcast.web import create_app
from broadcast.wiring import Services
from tests.builders import a_body, an_order, phones
from tests.lanes import ask, fan_out, tickets

EDGE = "/functions/v1/broadcast_messaging_service"


@pytest.fixture
def client(services: Services) -> FlaskClient:
    services.store.workers.beat("broadcast", "w1")
    return create_app(services).test_client()


def leave(store: Store, ticket: Ticket) -> None:
    while not isinstance(ask(store, ticket, ahead_ms=5000), Go):
        pass


def send(store: Store, *fates: Outcome | None, **order: Any) -> list[Ticket]:
    """A campaign whose contacts fared so, in their order; None: it waits still."""
    store.workers.beat("broadcast", "w1")
    accepting.accept(store, an_order(**{"contacts": len(fates), **order}), country="BR")
    held = tickets(fan_out(store))
    for ticket, fate in zip(held, fates, strict=True):
        if fate is not None:
            leave(store, ticket)
            store.contacts.record(ticket, fate)
    return held


def sent(message_id: str) -> Outcome:
    return Outcome(status=Status.SENT, message_id=message_id)


def failed(reason: str) -> Outcome:
    return Outcome(status=Status.FAILED, reason=reason, detail="no")


def settle(store: Store, message_id: str, status: Status) -> None:
    store.contacts.settle("i1", [Receipt(message_id=message_id, status=status)])


def rows(client: FlaskClient, query: str = "", **headers: str) -> list[dict[str, str]]:
    answer = client.get(f"/campaigns/c1/contacts?format=csv{query}", headers=headers)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


def test_the_report_has_every_contact_under_the_names_of_the_json(client: FlaskClient, store: Store) -> None:
    send(store, sent("m1"), failed("rejected"), None)
    settle(store, "m1", Status.DELIVERED)

    report, page = rows(client), client.get("/campaigns/c1/contacts").json["contacts"]

    assert list(report[0]) == [
        "number", "phone", "name", "status", "reason", "detail", "attempts", "messageId", "departedAt", "sentAt",
        "deliveredAt", "readAt", "failedAt", "skippedAt", "cancelledAt", "unconfirmedAt",
    ]  # fmt: skip
    assert report == [{name: "" if value is None else str(value) for name, value in one.items()} for one in page]
    assert [(one["status"], one["reason"]) for one in report] == [
        ("delivered", ""), ("failed", "rejected"), ("booked", ""),
    ]  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z", report[0]["deliveredAt"])


def test_the_report_is_asked_for_by_its_type_as_well(client: FlaskClient, store: Store) -> None:
    send(store, sent("m1"))
    asked = client.get("/campaigns/c1/contacts", headers={"Accept": "text/csv"})
    assert (asked.content_type, asked.headers["Content-Disposition"]) == (
        "text/csv; charset=utf-8",
        "attachment; filename=report.csv",
    )
    assert client.get("/campaigns/c1/contacts", headers={"Accept": "*/*"}).is_json
    assert client.get("/campaigns/c1/contacts?format=json", headers={"Accept": "text/csv"}).is_json
    assert client.get("/campaigns/nobody/contacts?format=csv").status_code == 404
    assert client.get("/campaigns/c1/contacts?format=xml").json["errors"][0]["pointer"] == "/format"


def test_excel_in_brazil_opens_it(client: FlaskClient, store: Store) -> None:
    people = [Recipient(phone=phones(1)[0], name="João; da Silva")]
    accepting.accept(store, an_order(recipients=people), country="BR")

    raw = client.get("/campaigns/c1/contacts?format=csv&bom=1&separator=;").data

    assert raw.startswith(b"\xef\xbb\xbfnumber;phone;name;")
    (row,) = csv.DictReader(io.StringIO(raw.decode("utf-8-sig"), newline=""), delimiter=";")
    assert row["name"] == "João; da Silva"
    assert not client.get("/campaigns/c1/contacts?format=csv").data.startswith(b"\xef\xbb\xbf")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_nothing_that_a_stranger_wrote_is_computed(client: FlaskClient, store: Store, text: str) -> None:
    people = [Recipient(phone=text, name=text), Recipient(phone=phones(1)[0], name=text)]
    accepting.accept(store, an_order(recipients=people), country="BR")
    store.scripts.client.hset(key("contact", "c1", 1), mapping={"detail": text, "message_id": text})

    invalid, fine = rows(client)

    assert (invalid["phone"], invalid["name"], invalid["reason"]) == (f"'{text}", f"'{text}", "invalid_phone")
    assert (fine["name"], fine["detail"], fine["messageId"]) == (f"'{text}",) * 3
    assert fine["phone"] == phones(1)[0]


def test_status_and_reason_choose(client: FlaskClient, store: Store) -> None:
    send(store, failed("rejected"), failed("not_on_whatsapp"), failed("rejected"), sent("m1"))

    def numbers(query: str) -> list[int]:
        return [one["number"] for one in client.get(f"/campaigns/c1/contacts?{query}").json["contacts"]]

    assert numbers("reason=rejected") == [0, 2]
    assert numbers("status=failed&reason=rejected") == [0, 2]
    assert numbers("status=failed&reason=not_on_whatsapp") == [1]
    assert numbers("status=sent&reason=rejected") == []
    assert [one["number"] for one in rows(client, "&status=failed&reason=rejected")] == ["0", "2"]


@pytest.mark.parametrize("status", [None, Status.FAILED])
def test_a_reason_is_paged_through_as_well(client: FlaskClient, store: Store, status: Status | None) -> None:
    send(store, *[failed("rejected" if number % 3 else "other") for number in range(12)])
    seen, cursor = [], None
    while True:
        page = reporting.contacts(store, "c1", status=status, reason="rejected", limit=3, cursor=cursor)
        seen += [one.number for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [number for number in range(12) if number % 3]


def test_a_long_report_takes_no_more_memory_than_a_short_one(client: FlaskClient, store: Store) -> None:
    def peak(count: int) -> int:
        accepting.accept(store, an_order(f"c{count}", contacts=count, gap_ms=1000), country="BR")
        tracemalloc.start()
        answer = client.get(f"/campaigns/c{count}/contacts?format=csv", buffered=False)
        lines = sum(piece.count(b"\n") for piece in answer.iter_encoded())
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert lines == count + 1
        return used

    peak(10)  # what is loaded once, is
    short, long = peak(600), peak(6000)
    assert long < 1.25 * short


def test_the_summary_says_what_became_of_everybody(client: FlaskClient, store: Store) -> None:
    people = [*phones(6), "nobody", phones(1)[0]]
    send(store, sent("m0"), sent("m1"), sent("m2"), failed("b"), failed("a"), failed("a"), contacts=people, gap_ms=50)
    for message_id, status in (("m0", Status.DELIVERED), ("m1", Status.READ), ("m0", Status.READ), ("m2", Status.SENT)):
        settle(store, message_id, status)

    found = client.get("/campaigns/c1/summary").json

    assert (found["total"], found["departed"], found["delivered"], found["read"]) == (8, 6, 2, 2)
    assert (found["deliveryRate"], found["readRate"]) == (0.3333, 1.0)
    assert found["failures"] == [{"reason": "a", "count": 2}, {"reason": "b", "count": 1}]
    assert sorted(one["reason"] for one in found["skipped"]) == ["duplicate", "invalid_phone"]
    assert found["medianDeliveryMs"] >= 0
    pacing = found["pacing"]
    assert (pacing["departures"], pacing["rateLimitMs"], pacing["mostIn60s"]) == (6, 50, 6)
    assert (pacing["breaches"], pacing["triedAgain"]) == (0, 0)
    assert pacing["leastGapMs"] >= 50
    assert "other campaigns of the instance" in pacing["basis"]


def test_a_gap_that_was_too_short_is_a_breach(store: Store) -> None:
    send(store, sent("m0"), sent("m1"), sent("m2"), gap_ms=50)
    store.scripts.client.hincrby(key("contact", "c1", 1), "departed", -20)

    certificate = reporting.summary(store, "c1").certificate

    assert certificate.breaches == 1
    assert certificate.least_gap_ms is not None
    assert certificate.least_gap_ms < 50


def test_nobody_who_left_divides_nothing(client: FlaskClient, store: Store) -> None:
    accepting.accept(store, an_order(contacts=["nobody"]), country="BR")
    found = client.get("/campaigns/c1/summary").json
    assert (found["deliveryRate"], found["readRate"], found["medianDeliveryMs"]) == (None, None, None)
    assert (found["pacing"]["leastGapMs"], found["pacing"]["mostIn60s"]) == (None, 0)
    assert client.get("/campaigns/nobody/summary").status_code == 404


def test_who_was_read_without_being_delivered_first_counts_in_the_time_to_delivery(store: Store) -> None:
    send(store, sent("m0"))
    settle(store, "m0", Status.READ)
    store.scripts.client.hincrby(key("contact", "c1", 0), "at_read", 60_000)
    assert reporting.summary(store, "c1").median_delivery_ms > 50_000  # type: ignore[operator]


def test_a_summary_is_kept_when_it_is_over_and_until_a_receipt_comes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(store, sent("m0"), failed("a"))
    asked = []
    outcomes = store.contacts.outcomes
    monkeypatch.setattr(store.contacts, "outcomes", lambda *args, **kw: asked.append(1) or outcomes(*args, **kw))

    running = reporting.summary(store, "c1")
    assert reporting.summary(store, "c1") == running
    before = len(asked)
    assert before == 4  # twice, each time until nothing is left
    store.campaigns.finish("c1")
    over = reporting.summary(store, "c1")
    assert reporting.summary(store, "c1") == over
    assert len(asked) == before + 2
    settle(store, "m0", Status.READ)
    assert reporting.summary(store, "c1").read == 1


def test_a_missing_variable_is_told_by_number_and_by_row(client: FlaskClient) -> None:
    people = [{"phone": phones(1)[0], "name": "Ana"}, *phones(2, start=1)]
    accepted = client.post(EDGE, json=a_body("c1", "i1", contacts=people, message="[[Oi|Olá]] {{name}}")).json

    assert accepted["skippedReasons"] == {"missing_variable": 2}
    assert [(one["number"], one["reason"]) for one in rows(client, "&reason=missing_variable")] == [
        ("1", "missing_variable"),
        ("2", "missing_variable"),
    ]
