"""What a manager asks: who did not get it and why, how fast it went, and a file that a spreadsheet opens."""

from __future__ import annotations

import csv
import gc
import io
import json
import re
import tracemalloc
from array import array
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from threading import Event
from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.api import answers
from broadcast.domain.campaign import Move, Scope
from broadcast.domain.contact import Recipient, Status
from broadcast.domain.receipt import Receipt
from broadcast.engine import accepting, reporting, steering
from broadcast.errors import NotFound, Unavailable
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.store.tickets import Go, Outcome, Ticket
from broadcast.web import create_app
from broadcast.wiring import Services
from tests.builders import a_body, an_order, phones
from tests.lanes import ask, fan_out, tickets
from tests.processes import wait_for

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
        "attachment; filename=c1.csv; filename*=UTF-8''c1.csv",
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


def test_a_spreadsheet_loses_no_digits_of_a_number(client: FlaskClient) -> None:
    people = ["5511999990001", "551133334444", "+14155552671", "+351912345678", "5511999990001234"]
    client.post(EDGE, json=a_body("c1", "i1", contacts=people))

    sheet = client.get("/campaigns/c1/contacts?format=csv&bom=1&separator=;").data

    told = [row["phone"] for row in csv.DictReader(io.StringIO(sheet.decode("utf-8-sig"), newline=""), delimiter=";")]
    assert told == [
        "55 11 99999-0001", "55 11 3333-4444", "(+1) 415-555-2671", "(+351) 912 345 678", "5511999990001234",
    ]  # fmt: skip
    bare = [one.removeprefix("+") for one in people]
    assert [row["phone"] for row in rows(client)] == bare
    body = a_body("c2", "i1", open=True)
    del body["contacts"]
    assert client.post(EDGE, json=body).status_code < 300
    assert client.post("/campaigns/c2/contacts?chunk=1", data=sheet, content_type="text/csv").status_code < 300
    assert [one["phone"] for one in client.get("/campaigns/c2/contacts").json["contacts"]] == bare
    assert client.post("/suppressions", data=sheet, content_type="text/csv").json["added"] == 4
    assert {one["phone"] for one in client.get("/suppressions").json["suppressions"]} == set(bare[:4])


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        *((text, f"'{text}") for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1")),
        ("\t=1", "'\t'=1"),  # whoever separates by tabs sees two cells
        ("\r=1", "'\r'=1"),
        ("Ana;=1", "Ana;'=1"),
        ("a\n=1", "a\n'=1"),
    ],
)
def test_nothing_that_a_stranger_wrote_is_computed(client: FlaskClient, store: Store, text: str, cell: str) -> None:
    people = [Recipient(phone=text, name=text), Recipient(phone=phones(1)[0], name=text)]
    accepting.accept(store, an_order(recipients=people), country="BR")
    store.scripts.client.hset(key("contact", "c1", 1), mapping={"detail": text, "message_id": text})

    invalid, fine = rows(client)

    assert (invalid["phone"], invalid["name"], invalid["reason"]) == (cell, cell, "invalid_phone")
    assert (fine["name"], fine["detail"], fine["messageId"]) == (cell,) * 3
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


@pytest.mark.parametrize("path", ["/campaigns/{}/contacts?format=csv", "/dashboard/campaigns/{}/report.csv"])
def test_a_long_report_takes_no_more_memory_than_a_short_one(client: FlaskClient, store: Store, path: str) -> None:
    def peak(count: int) -> int:
        accepting.accept(store, an_order(f"c{count}", contacts=count, gap_ms=1000), country="BR")
        gc.collect()
        gc.freeze()  # what other tests left is not looked at, and keeps nothing of this one's from being collected
        tracemalloc.start()
        answer = client.get(path.format(f"c{count}"), buffered=False)
        lines = sum(piece.count(b"\n") for piece in answer.iter_encoded())
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        gc.unfreeze()
        print(f"{count} contacts: {used} bytes")  # noqa: T201 - a figure
        assert lines == count + 1
        return used

    peak(10)  # what is loaded once, is
    short, long = peak(2000), peak(8000)  # pages that are read ahead are there with a short one as well
    # A row that is kept takes some hundred bytes; what threads of other tests allocate meanwhile is counted as well.
    assert long - short < 6000 * 32


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


def test_who_failed_without_a_reason_is_counted_and_found(client: FlaskClient, store: Store) -> None:
    send(store, failed("a"), failed("a"), sent("m2"), sent("m3"))
    store.contacts.settle("i1", [Receipt(message_id="m2", status=Status.FAILED)])

    found = client.get("/campaigns/c1/summary").json["failures"]

    assert found == [{"reason": "a", "count": 2}, {"reason": "unknown", "count": 1}]
    assert sum(one["count"] for one in found) == client.get("/campaigns/c1").json["counts"]["failed"]
    for query in ("status=failed&reason=unknown", "reason=unknown"):
        assert [one["number"] for one in client.get(f"/campaigns/c1/contacts?{query}").json["contacts"]] == [2]


def noted(store: Store) -> list[int]:
    return list(store.summaries.departures("c1"))


def test_a_contact_that_is_tried_again_keeps_its_earlier_departure(client: FlaskClient, store: Store) -> None:
    again = Outcome(status=Status.PENDING, reason="busy")
    send(store, again, sent("m1"), gap_ms=50)
    (first,) = tickets(fan_out(store), run="later")
    leave(store, first)
    store.contacts.record(first, sent("m0"))

    found = client.get("/campaigns/c1/summary").json

    assert found["departed"] == 2
    assert (found["pacing"]["departures"], found["pacing"]["mostIn60s"]) == (3, 3)
    assert (found["pacing"]["allowedIn60s"], found["pacing"]["triedAgain"]) == (1200, 1)
    assert found["pacing"]["leastGapMs"] >= 50
    assert "every departure" in found["pacing"]["basis"]
    departed = [int(store.scripts.client.hget(key("contact", "c1", number), "departed")) for number in (0, 1)]
    assert noted(store)[1:] == [departed[1], departed[0]]


@pytest.mark.parametrize("scope", list(Scope))
def test_the_attempts_before_a_retry_are_reported_and_not_counted_against_the_next(
    client: FlaskClient, store: Store, scope: Scope
) -> None:
    fate = failed("rejected") if scope is Scope.FAILED else Outcome(status=Status.UNCONFIRMED, reason="gateway_timeout")
    send(store, fate, sent("m1"), gap_ms=50)
    for times in (1, 2):
        store.campaigns.finish("c1")
        assert steering.retry(store, "c1", scope).queued == 1
        (again,) = tickets(fan_out(store), run=f"retry{times}")
        leave(store, again)
        assert store.scripts.client.hget(key("contact", "c1", 0), "attempts") == "1"  # all of them are there again
        store.contacts.record(again, fate)
    store.campaigns.finish("c1")

    assert [row["attempts"] for row in rows(client)] == ["3", "1"]
    assert [one["attempts"] for one in client.get("/campaigns/c1/contacts").json["contacts"]] == [3, 1]
    pacing = client.get("/campaigns/c1/summary").json["pacing"]
    assert (pacing["departures"], pacing["triedAgain"]) == (4, 1)


def test_a_departure_that_was_overslept_or_written_late_is_noted_once(store: Store) -> None:
    store.workers.beat("broadcast", "w1")
    accepting.accept(store, an_order(contacts=2, gap_ms=50), country="BR")
    first, second = tickets(fan_out(store))
    leave(store, first)
    leave(store, second)
    overslept = noted(store)

    again = ask(store, first, ahead_ms=5000)
    while not isinstance(again, Go):
        again = ask(store, first, ahead_ms=5000)
    assert noted(store) == [again.departure_ms, overslept[1]]
    assert store.contacts.slip(first, late_ms=40)
    assert noted(store) == [again.departure_ms + 40, overslept[1]]

    # Too late for the lane's clock, but the gap was shorter than was planned, and the certificate has to say so.
    assert not store.contacts.slip(second, late_ms=30)
    assert noted(store) == [again.departure_ms + 40, overslept[1] + 30]


def test_a_campaign_of_before_the_record_is_judged_by_what_its_contacts_know(store: Store) -> None:
    send(store, sent("m0"), sent("m1"), gap_ms=50)
    store.scripts.client.hdel(key("campaign", "c1"), "noted")
    first_ms = int(store.scripts.client.hget(key("contact", "c1", 0), "departed") or 0)
    store.scripts.client.hset(key("contact", "c1", 1), "departed", first_ms + 30)
    found = reporting.summary(store, "c1")
    assert (found.certificate.departures, found.certificate.breaches, found.is_recorded) == (2, 1, False)
    assert "last one of each contact" in answers.summary(found)["pacing"]["basis"]


def test_the_record_of_a_hundred_thousand_departures_is_read_whole(store: Store) -> None:
    times = array("q", range(1_900_000_000_000, 1_900_000_100_000))
    store.scripts.client.set(key("departures", "c1"), times.tobytes())
    assert store.summaries.departures("c1") == times


def test_the_summary_of_a_running_campaign_is_counted_once_in_ten_seconds(store: Store) -> None:
    held = send(store, sent("m0"), None, gap_ms=50)
    first = reporting.summary(store, "c1")
    leave(store, held[1])
    assert reporting.summary(store, "c1") == first

    age(store, by_ms=reporting.FRESH_MS)
    later = reporting.summary(store, "c1")
    assert (first.departed, later.departed) == (1, 2)
    assert later.as_of_ms >= first.as_of_ms


class Slow:
    """Counts that have begun, and end when they may."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.begun = 0
        self.may_end = Event()
        self._outcomes = store.contacts.outcomes
        monkeypatch.setattr(store.contacts, "outcomes", self._wait)

    def _wait(self, campaign: str, *, first: int, count: int) -> Any:
        rows = self._outcomes(campaign, first=first, count=count)
        if first == 0:
            self.begun += 1
            assert self.may_end.wait(30)
        return rows


@pytest.fixture
def slow(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slow]:
    counting = Slow(store, monkeypatch)
    yield counting
    counting.may_end.set()


def begin(store: Store, slow: Slow, *, begun: int) -> None:
    """Ask for a summary, and leave while it is counted."""
    with suppress(Unavailable):
        reporting.summary(store, "c1", wait_s=0)
    wait_for(lambda: slow.begun == begun, what="a count")


def test_who_asks_while_another_counts_gets_the_last_summary_at_once(store: Store, slow: Slow) -> None:
    slow.may_end.set()
    held = send(store, sent("m0"), None, gap_ms=50)
    first = reporting.summary(store, "c1")
    leave(store, held[1])
    age(store, by_ms=300_000)
    slow.may_end.clear()
    begin(store, slow, begun=2)
    assert reporting.summary(store, "c1", wait_s=60).departed == first.departed
    assert slow.begun == 2
    slow.may_end.set()
    wait_for(lambda: reporting.summary(store, "c1").departed == 2, what="the new one")


def test_nobody_waits_long_for_the_first_summary_and_it_is_counted_once(
    client: FlaskClient, store: Store, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(store, sent("m0"), None, gap_ms=50)
    monkeypatch.setattr(reporting, "summary", partial(reporting.summary, wait_s=0.3))
    for _ in range(2):
        answer = client.get("/campaigns/c1/summary")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    wait_for(lambda: slow.begun == 1, what="the count to begin, which nobody waited for")
    slow.may_end.set()
    wait_for(lambda: client.get("/campaigns/c1/summary").status_code == 200, what="a summary")
    assert slow.begun == 1


@pytest.mark.parametrize("is_over", [False, True])
def test_what_was_counted_before_a_retry_is_never_shown_after_it(store: Store, slow: Slow, is_over: bool) -> None:
    held = send(store, failed("a"), *([] if is_over else [None]))
    if is_over:
        store.campaigns.finish("c1")
    assert len(held) == 2 - is_over
    begin(store, slow, begun=1)
    retried = store.campaigns.retry("c1", Scope.FAILED)
    assert retried is not None
    assert retried.queued == 1
    begin(store, slow, begun=2)  # nobody waits for the count of what is past
    slow.may_end.set()
    assert reporting.summary(store, "c1").reasons["failed"] == []
    assert reporting.summary(store, "c1").reasons["failed"] == []


def test_a_summary_outlives_no_change_of_state(store: Store) -> None:
    held = send(store, None, None, gap_ms=50)
    leave(store, held[0])
    assert reporting.summary(store, "c1").departed == 1
    store.campaigns.steer("c1", Move.PAUSE)
    store.campaigns.steer("c1", Move.RESUME)
    leave(store, tickets(fan_out(store))[0])
    assert reporting.summary(store, "c1").departed == 2
    store.campaigns.steer("c1", Move.PAUSE)
    assert reporting.summary(store, "c1").state == "paused"


def test_a_count_that_took_long_is_good_for_longer(store: Store) -> None:
    held = send(store, sent("m0"), None, gap_ms=50)
    reporting.summary(store, "c1")
    leave(store, held[1])
    age(store, by_ms=reporting.FRESH_MS + 5000, took_ms=2000)
    assert reporting.summary(store, "c1").departed == 1
    age(store, by_ms=5000)
    assert reporting.summary(store, "c1").departed == 2


def test_who_claims_just_as_another_is_done_counts_nothing(
    store: Store, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(store, sent("m0"))
    begin(store, slow, begun=1)
    claim = store.summaries.claim

    def late(campaign: str, *, epoch: str) -> str | None:
        slow.may_end.set()
        return wait_for(lambda: claim(campaign, epoch=epoch), what="the claim")

    monkeypatch.setattr(store.summaries, "claim", late)
    assert (reporting.summary(store, "c1").departed, slow.begun) == (1, 1)


@pytest.mark.parametrize("gone", ["removing", "erased", "another"])
def test_a_report_breaks_off_where_its_campaign_is_removed_meanwhile(
    client: FlaskClient, store: Store, monkeypatch: pytest.MonkeyPatch, gone: str
) -> None:
    monkeypatch.setattr(reporting, "READ_AT_ONCE", 2)
    send(store, *[failed("a")] * 6)
    store.campaigns.finish("c1")
    answer = client.get("/campaigns/c1/contacts?format=csv", buffered=False)
    pieces = iter(answer.iter_encoded())
    assert [next(pieces).count(b"\n") for _ in range(2)] == [1, 2]
    store.removals.remove("c1")
    if gone != "removing":
        wait_for(lambda: store.removals.erase("c1") < 0, what="the removal")
    if gone == "another":
        accepting.accept(store, an_order(contacts=6), country="BR")
    with pytest.raises(NotFound):  # the server closes the connection: nobody takes what came for the whole
        list(pieces)


def test_nothing_is_counted_anew_where_nothing_moved(store: Store, slow: Slow) -> None:
    slow.may_end.set()
    send(store, sent("m0"), None)
    first = reporting.summary(store, "c1")
    age(store, by_ms=300_000)
    assert (reporting.summary(store, "c1"), slow.begun) == (first, 1)


def test_who_counts_too_long_frees_no_claim_of_another(store: Store) -> None:
    def claim() -> str | None:
        return store.summaries.claim("c1", epoch="1-running")

    first = claim()
    assert first is not None
    assert claim() is None
    store.scripts.client.delete(key("counting", "c1", "1-running"))  # as if it had expired
    second = claim()
    assert second is not None
    store.summaries.release("c1", epoch="1-running", token=first)
    assert claim() is None
    store.summaries.release("c1", epoch="1-running", token=second)
    assert claim() is not None


def test_who_counts_for_long_keeps_the_claim_meanwhile(
    store: Store, slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reporting, "HOLD_EVERY", 1)
    monkeypatch.setattr(store.summaries, "release", lambda *_, **__: None)
    send(store, sent("m0"))
    begin(store, slow, begun=1)
    (claim,) = store.scripts.client.keys(key("counting", "c1", "*"))
    store.scripts.client.expire(claim, 5)
    slow.may_end.set()
    wait_for(lambda: store.summaries.kept("c1"), what="the summary")
    assert store.scripts.client.ttl(claim) > 5


def test_no_summary_is_kept_of_a_campaign_that_is_gone_nor_over_a_newer_one(store: Store) -> None:
    send(store, sent("m0"))
    store.campaigns.finish("c1")
    reporting.summary(store, "c1")
    kept, created = store.summaries.kept("c1"), store.scripts.client.hget(key("campaign", "c1"), "created_ms")
    assert kept is not None
    older = replace(kept, as_of_ms=kept.as_of_ms - 1)
    assert not store.summaries.keep("c1", older, created=created, keep_s=60)
    assert store.summaries.keep("c1", kept, created=created, keep_s=60)
    assert not store.summaries.keep("c1", kept, created="1", keep_s=60)
    store.removals.remove("c1")
    assert not store.summaries.keep("c1", kept, created=created, keep_s=60)


def test_what_an_older_version_kept_is_counted_anew(store: Store) -> None:
    send(store, sent("m0"))
    store.scripts.client.set(key("summary", "c1"), json.dumps({"of": "[]", "summary": {}}))
    assert reporting.summary(store, "c1").departed == 1
    assert store.summaries.kept("c1") is not None


def test_a_count_that_fails_holds_nobody_up(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    send(store, sent("m0"), None, gap_ms=50)

    def away(*_: Any, **__: Any) -> None:
        raise Unavailable("Redis does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(store.summaries, "departures", away)
        with pytest.raises(Unavailable):
            reporting.summary(store, "c1")
    assert reporting.summary(store, "c1").departed == 1


def age(store: Store, *, by_ms: int, **parts: int) -> None:
    """As if the kept summary had been counted so long before."""
    kept = json.loads(store.scripts.client.get(key("summary", "c1")))
    kept = {**kept, **parts, "as_of_ms": kept["as_of_ms"] - by_ms}
    store.scripts.client.set(key("summary", "c1"), json.dumps(kept))


def test_a_gap_that_was_too_short_is_a_breach(store: Store) -> None:
    send(store, sent("m0"), sent("m1"), sent("m2"), gap_ms=50)
    times = array("q", noted(store))
    times[1] -= 20
    store.scripts.client.set(key("departures", "c1"), times.tobytes())

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
    assert reporting.summary(store, "c1").median_delivery_ms > 50_000  # type: ignore[operator]  # None would fail as well


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
    assert before == 2  # once, until nothing is left
    store.campaigns.finish("c1")
    over = reporting.summary(store, "c1")
    assert reporting.summary(store, "c1") == over
    assert len(asked) == before + 2
    settle(store, "m0", Status.READ)
    assert reporting.summary(store, "c1").read == 1


def test_a_missing_variable_is_told_by_number_and_by_row(client: FlaskClient) -> None:
    bia = {"phone": "5511999990009", "name": "Bia"}
    people = [{**bia, "phone": phones(1)[0], "vars": {"code": "7"}}, bia, *phones(1, start=1)]
    accepted = client.post(EDGE, json=a_body("c1", "i1", contacts=people, message="[[Oi|Olá]] {{name}}, {{code}}")).json

    assert accepted["skippedReasons"] == {"missing_variable": 2}
    left_out = rows(client, "&reason=missing_variable")
    assert [(one["number"], one["reason"], one["detail"]) for one in left_out] == [
        ("1", "missing_variable", "code"),
        ("2", "missing_variable", "name, code"),
    ]
