"""Audiences past one request: an open campaign takes contacts chunk by chunk, each once, and begins when it is told."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from broadcast.domain.campaign import Move, State
from broadcast.domain.contact import Recipient, Status
from broadcast.domain.phone import identity
from broadcast.engine import adding, removing, steering, telling
from broadcast.engine.adding import Row
from broadcast.errors import Conflict, Invalid, NotFound
from broadcast.store import Store
from broadcast.web import create_app
from broadcast.wiring import Services
from tests.builders import TO_COME, a_body, phones
from tests.lanes import fan_out, tickets

EDGE = "/functions/v1/broadcast_messaging_service"
CSV, NDJSON = "text/csv", "application/x-ndjson"


@pytest.fixture
def client(services: Services) -> FlaskClient:
    services.store.workers.beat("broadcast", "w1")
    return create_app(services).test_client()


def opened(client: FlaskClient, campaign: str = "c1", **changes: Any) -> TestResponse:
    body = a_body(campaign, "i1", open=True, **changes)
    del body["contacts"]
    return client.post(EDGE, json=body)


def add(client: FlaskClient, contacts: Any, *, chunk: int = 1, kind: str = "application/json") -> TestResponse:
    raw = contacts if isinstance(contacts, bytes) else json.dumps(contacts).encode()
    return client.post(f"/campaigns/c1/contacts?chunk={chunk}", data=raw, content_type=kind)


def stored(store: Store) -> list[tuple[str, str, str | None]]:
    found = telling.contacts(store, "c1", status=None, limit=1000, cursor=None)
    return [(one.phone, one.status.value, one.reason) for one in found.items]


def test_an_open_campaign_waits_for_its_contacts_and_its_start(client: FlaskClient, store: Store) -> None:
    accepted = opened(client)
    assert (accepted.status_code, accepted.json["status"], accepted.json["queued"]) == (202, "scheduled", 0)
    add(client, phones(3))
    status = client.get("/broadcast-status/c1").json
    assert (status["status"], status["holdReason"], status["total"]) == ("scheduled", "open", 3)
    assert (status["counts"]["pending"], status["expectedFinishAt"], status["startedAt"]) == (3, None, None)
    assert store.campaigns.begin_due() == []
    assert fan_out(store).departures == []

    assert client.post("/campaigns/c1/start").json == {"success": True, "campaignId": "c1", "status": "running"}

    assert client.post("/campaigns/c1/start").json["status"] == "running"
    status = client.get("/broadcast-status/c1").json
    assert (status["status"], status["holdReason"]) == ("running", "no_control_worker")
    assert [ticket.number for ticket in tickets(fan_out(store))] == [0, 1, 2]
    assert [name for name in store.scripts.client.keys("bcast:*") if "identities" in name or "chunks" in name] == []


def test_everything_that_is_left_out_is_told_by_its_row(client: FlaskClient, store: Store) -> None:
    opened(client, message="Oi {{name}}" + "{{x|}}" * 4)
    store.suppressions.add({"551190000003": {"source": "test"}})
    people = [
        {"phone": "5511990000001", "name": "Ana"},
        {"phone": "551190000001", "name": "Ana, once more"},
        {"phone": "nobody", "name": "N"},
        {"phone": "5511990000002"},
        {"phone": "5511990000003", "name": "Zé"},
        {"phone": 7},
        "\ud800",
        {"phone": "1", "email": "x"},
        {"phone": "5511990000004", "name": "Bia", "vars": {"x": "x" * 1024}},
    ]

    answer = add(client, people).json

    assert (answer["queued"], answer["skipped"], answer["unreadable"]) == (1, 5, 3)
    assert answer["leftOut"] == [
        {"row": 2, "reason": "duplicate", "detail": None},
        {"row": 3, "reason": "invalid_phone", "detail": None},
        {"row": 4, "reason": "missing_variable", "detail": "name"},
        {"row": 5, "reason": "opted_out", "detail": None},
        {"row": 9, "reason": "too_long", "detail": "4102/4096"},
    ]
    assert add(client, people).json["leftOut"] == answer["leftOut"], "and the same again"
    details = [one["detail"] for one in client.get("/campaigns/c1/contacts").json["contacts"]]
    assert details == [None, None, None, "name", None, "4102/4096"]
    assert [one["row"] for one in answer["errors"]] == [6, 7, 8]
    assert "/email unknown field" in answer["errors"][2]["detail"]
    assert [reason for _, _, reason in stored(store)] == [
        row["reason"] for row in [{"reason": None}, *answer["leftOut"]]
    ]
    assert client.get("/broadcast-status/c1").json["skippedReasons"] == answer["skippedReasons"]


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        (CSV, "telefone;nome\n5511990000001;José\n5511990000002;Zé “€”\n".encode("windows-1252")),
        (NDJSON, '{"phone": "5511990000001", "name": "José"}\n{"phone": "5511990000002", "name": "Zé"}\n'.encode()),
        ("application/json", '{"contacts": [{"phone": "5511990000001", "name": "José"}, "5511990000002"]}'.encode()),
    ],
)
def test_each_form_is_taken(client: FlaskClient, store: Store, kind: str, raw: bytes) -> None:
    opened(client)
    answer = add(client, raw, kind=kind).json
    assert (answer["queued"], answer["skipped"]) == (2, 0)
    assert [phone for phone, _, _ in stored(store)] == ["5511990000001", "5511990000002"]
    assert telling.contacts(store, "c1", status=None, limit=1, cursor=None).items[0].name == "José"
    found = {"separator": ";", "header": ["telefone", "nome"], "encoding": "windows-1252", "phone": ["telefone"]}
    assert answer["csv"] == (found if kind == CSV else None)


def test_a_chunk_sent_again_changes_nothing_and_is_answered_the_same(client: FlaskClient, store: Store) -> None:
    opened(client)
    people = [*phones(600), "nobody", phones(1)[0]]
    first = add(client, people)
    second = add(client, people, chunk=2)

    assert add(client, people).json == first.json
    assert (first.json["queued"], first.json["skippedReasons"]) == (600, {"invalid_phone": 1, "duplicate": 1})
    assert second.json["skippedReasons"] == {"duplicate": 601, "invalid_phone": 1}
    assert len(second.json["leftOut"]) == 100
    assert telling.progress(store, "c1").total == 2 * 602


def test_who_was_left_out_is_added_by_a_corrected_chunk_and_nobody_twice(client: FlaskClient, store: Store) -> None:
    opened(client, message="Vence {{Vencimento}}")
    store.suppressions.add({"551190000003": {"source": "test"}})
    lines = "".join(f"{phone};10/12/2026\n" for phone in [*phones(4), "nobody"])

    wrong = add(client, f"telefone;Vencto\n{lines}".encode(), kind=CSV)
    right = add(client, f"telefone;Vencimento\n{lines}".encode(), kind=CSV, chunk=2)
    again = add(client, f"telefone;Vencimento\n{lines}".encode(), kind=CSV, chunk=3)

    left_out = {"invalid_phone": 1, "opted_out": 1}
    assert (wrong.json["queued"], wrong.json["skippedReasons"]) == (0, {"missing_variable": 3, **left_out})
    assert (right.json["queued"], right.json["skippedReasons"]) == (3, left_out)
    assert (again.json["queued"], again.json["skippedReasons"]) == (0, {"duplicate": 3, **left_out})
    assert add(client, f"telefone;Vencto\n{lines}".encode(), kind=CSV).json == wrong.json, "and the same again"
    assert add(client, f"telefone;Vencimento\n{lines}".encode(), kind=CSV, chunk=2).json == right.json


def test_whoever_is_in_several_chunks_at_once_is_queued_once(client: FlaskClient, store: Store) -> None:
    opened(client, message="Oi {{name}}")
    short = [phone[:4] + phone[5:] for phone in phones(300)]

    def chunk(number: int) -> None:
        forms = phones(300) if number % 2 else short
        rows = [{"phone": phone, **({"name": "A"} if (at + number) % 3 else {})} for at, phone in enumerate(forms)]
        random.Random(number).shuffle(rows)
        rows = [Row(at, Recipient(phone=row["phone"], name=row.get("name"))) for at, row in enumerate(rows)]
        adding.add(store, "c1", rows, chunk=number // 2, country="BR")

    with ThreadPoolExecutor(6) as pool:
        for started in [pool.submit(chunk, number) for number in [*range(0, 12, 2), *range(1, 12, 2)]]:
            with suppress(Conflict):  # of two under one number the first counts
                started.result()
    found = telling.contacts(store, "c1", status=Status.PENDING, limit=1000, cursor=None).items
    assert sorted(identity(one.phone) for one in found) == sorted(identity(phone) for phone in phones(300))


@pytest.mark.parametrize("people", [phones(600), phones(499), phones(250), phones(500, start=1), []])
def test_another_chunk_under_the_same_number_is_a_conflict(
    client: FlaskClient, store: Store, people: list[str]
) -> None:
    opened(client)
    add(client, phones(500))
    assert add(client, people).status_code == 409
    assert telling.progress(store, "c1").total == 500


@pytest.mark.parametrize(
    ("kind", "raw"), [("application/json", b"[]"), (CSV, b"\n\n"), (NDJSON, b"[\n{}\n"), (CSV, b"")]
)
def test_a_chunk_in_which_nobody_could_be_read_takes_up_no_number(
    client: FlaskClient, store: Store, kind: str, raw: bytes
) -> None:
    opened(client)
    empty = add(client, raw, kind=kind)
    assert (empty.status_code, empty.json["queued"]) == (200, 0)
    assert add(client, raw, kind=kind).json == empty.json
    corrected = add(client, phones(1))
    assert (corrected.status_code, corrected.json) == (200, {**corrected.json, "queued": 1})
    assert telling.progress(store, "c1").total == 1
    assert add(client, raw, kind=kind).status_code == 409  # now it would be another chunk


LINES = "telefone;nome\r\n5511999990001;Ana\r\n5511999990002;Bia\r\n"


@pytest.mark.parametrize(
    "raw",
    [
        LINES.replace("\r\n", ""),  # what curl makes of it with -d
        LINES.replace("\r\n", "").replace(";nome", "").replace(";Ana", "").replace(";Bia", ""),
        "telefone;nome\n",
        "Clientes\n\ntelefone;nome\n;\n",
    ],
)
def test_a_header_alone_is_refused_with_what_may_have_happened_and_its_number_stays_free(
    client: FlaskClient, store: Store, raw: str
) -> None:
    opened(client)
    answer = add(client, raw.encode(), kind=CSV)
    detail = answer.json["errors"][0]["detail"]
    assert (answer.status_code, answer.json["code"]) == (422, "invalid_request")
    assert "has no rows below its header" in detail
    assert "--data-binary" in detail
    assert add(client, LINES.encode(), kind=CSV).json["queued"] == 2
    assert telling.progress(store, "c1").total == 2


def rows(people: list[str]) -> Iterator[Row]:
    return (Row(number, Recipient(phone=phone)) for number, phone in enumerate(people, 1))


def test_a_chunk_that_broke_off_is_gone_on_with(client: FlaskClient, store: Store) -> None:
    opened(client)

    def broken() -> Iterator[Row]:
        yield from rows(phones(400))
        raise ConnectionError

    with pytest.raises(ConnectionError):
        adding.add(store, "c1", broken(), chunk=1, country="BR")
    assert telling.progress(store, "c1").total == 250

    added = adding.add(store, "c1", rows(phones(600)), chunk=1, country="BR")
    assert (added.queued, added.skipped, telling.progress(store, "c1").total) == (600, 0, 600)


def test_chunks_at_the_same_time_and_twice_add_everybody_once(client: FlaskClient, store: Store) -> None:
    opened(client)
    parts = [phones(600, start=600 * number) for number in range(4)] * 2

    with ThreadPoolExecutor(8) as pool:
        jobs = [
            pool.submit(adding.add, store, "c1", rows(people), chunk=number % 4, country="BR")
            for number, people in enumerate(parts)
        ]
    assert [job.result().queued for job in jobs] == [600] * 8
    assert telling.progress(store, "c1").counts[Status.PENDING] == 2400
    assert store.scripts.client.llen("bcast:pending:c1") == 2400


def test_what_cannot_be_made_out_keeps_what_came_before(client: FlaskClient, store: Store) -> None:
    opened(client)
    raw = b"[" + b",".join(json.dumps(phone).encode() for phone in phones(300)) + b", oops]"
    answer = add(client, raw)
    assert (answer.status_code, "same chunk" in answer.json["errors"][0]["detail"]) == (422, True)
    assert telling.progress(store, "c1").total == 250
    assert add(client, phones(300)).json["queued"] == 300
    assert telling.progress(store, "c1").total == 300


def test_what_is_not_open_takes_nobody(client: FlaskClient, store: Store) -> None:
    client.post(EDGE, json=a_body("c1", "i1"))
    assert add(client, phones(1)).status_code == 409
    assert add(client, []).status_code == 409
    assert client.post("/campaigns/nobody/contacts?chunk=1", json=phones(1)).status_code == 404
    assert client.post("/campaigns/nobody/start").status_code == 404
    with pytest.raises(NotFound):
        adding.add(store, "nobody", [], chunk=1, country="BR")


def test_a_campaign_without_contacts_does_not_start(client: FlaskClient, store: Store) -> None:
    opened(client)
    with pytest.raises(Conflict, match="no contacts"):
        adding.start(store, "c1")


@pytest.mark.parametrize("move", [Move.PAUSE, Move.RESUME])
def test_an_open_campaign_is_started_or_cancelled_and_nothing_else(
    client: FlaskClient, store: Store, move: Move
) -> None:
    opened(client)
    add(client, phones(300))
    with pytest.raises(Conflict):
        steering.steer(store, "c1", move)

    assert steering.steer(store, "c1", Move.CANCEL).state is State.CANCELLED
    assert client.post("/campaigns/c1/start").json["status"] == "cancelled"
    assert add(client, phones(1), chunk=2).status_code == 409
    removing.remove(store, "c1")
    assert removing.erase(store, "c1", limit=1000) == -1
    assert [name for name in store.scripts.client.keys("bcast:*") if name.endswith("c1")] == []


def test_a_start_waits_for_the_schedule(client: FlaskClient, store: Store) -> None:
    opened(client, scheduledFor=f"{TO_COME}-08-29T15:00:00Z")
    add(client, phones(1))
    assert client.post("/campaigns/c1/start").json["status"] == "scheduled"
    status = client.get("/broadcast-status/c1").json
    assert (status["holdReason"], status["scheduledFor"]) == (None, f"{TO_COME}-08-29T15:00:00Z")
    assert store.scripts.client.zscore("bcast:scheduled", "c1") is not None
    assert steering.steer(store, "c1", Move.PAUSE).state is State.PAUSED


def test_an_audience_has_a_greatest_size(client: FlaskClient, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adding, "MOST_CONTACTS", 500)
    opened(client)
    assert adding.add(store, "c1", rows(phones(500)), chunk=1, country="BR").queued == 500
    with pytest.raises(Invalid, match="at most 500"):
        adding.add(store, "c1", rows(phones(1, start=900)), chunk=2, country="BR")


@pytest.mark.parametrize(
    ("path", "kind", "status"),
    [
        ("/campaigns/c1/contacts", CSV, 422),
        ("/campaigns/c1/contacts?chunk=-1", CSV, 422),
        ("/campaigns/c1/contacts?chunk=x", CSV, 422),
        ("/campaigns/c1/contacts?chunk=1", "text/plain", 415),
    ],
)
def test_a_request_that_cannot_be_served_is_refused(client: FlaskClient, path: str, kind: str, status: int) -> None:
    opened(client)
    assert client.post(path, data=b"phone\n1\n", content_type=kind).status_code == status


def test_the_chunk_may_be_named_in_a_header(client: FlaskClient) -> None:
    opened(client)
    answer = client.post("/campaigns/c1/contacts", json=phones(1), headers={"X-Chunk": "7"})
    assert (answer.json["chunk"], answer.json["queued"]) == (7, 1)
    again = client.post("/campaigns/c1/contacts?chunk=07", json=phones(1), headers={"X-Chunk": "7"})
    assert (again.status_code, again.json) == (200, answer.json)


@pytest.mark.parametrize(
    ("query", "header", "detail"),
    [
        ("chunk=50", "51", "must be one number, and query and X-Chunk say 50 and 51"),
        ("chunk=51", "50", "must be one number, and query and X-Chunk say 50 and 51"),
        ("chunk=1&chunk=2", None, "must be one number, and query and X-Chunk say 1 and 2"),
        ("chunk=٣", None, "must be a whole number in plain digits, such as 7"),
        ("chunk=1_0", None, "must be a whole number in plain digits, such as 7"),
        ("", "+5", "must be a whole number in plain digits, such as 7"),
        ("chunk=5", "x", "must be a whole number in plain digits, such as 7"),
    ],
)
def test_a_chunk_has_one_number_in_plain_digits(
    client: FlaskClient, store: Store, query: str, header: str | None, detail: str
) -> None:
    opened(client)
    headers = {} if header is None else {"X-Chunk": header}
    answer = client.post(f"/campaigns/c1/contacts?{query}", json=phones(1), headers=headers)
    assert (answer.status_code, answer.json["errors"]) == (422, [{"pointer": "/chunk", "detail": detail}])
    assert stored(store) == []


def test_an_open_campaign_brings_no_contacts_and_another_must(client: FlaskClient) -> None:
    both = client.post(EDGE, json=a_body("c1", "i1", open=True))
    assert (both.status_code, both.json["errors"][0]["pointer"]) == (422, "/contacts")
    body = a_body("c1", "i1", open=False)
    del body["contacts"]
    assert client.post(EDGE, json=body).json["errors"][0]["pointer"] == "/contacts"
    assert opened(client).json == {**opened(client).json, "status": "scheduled"}


def test_a_large_chunk_takes_no_more_memory_than_a_small_one(client: FlaskClient) -> None:
    opened(client)

    def peak(count: int, chunk: int) -> int:
        people = (f"{phone};nome {phone}\n".encode() for phone in phones(count, start=chunk * 100_000))
        raw = b"telefone;nome\n" + b"".join(people)
        tracemalloc.start()
        before = tracemalloc.get_traced_memory()[0]
        answer = add(client, raw, chunk=chunk, kind=CSV)
        used = tracemalloc.get_traced_memory()[1] - before
        tracemalloc.stop()
        assert answer.json["queued"] == count
        return used

    peak(10, 1)  # what is loaded once, is
    assert peak(10_000, 3) < 1.25 * peak(1000, 2) + 200_000


WIDE = "telefone;nome\r\n11 99999-0001;João\r\n"


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("text/csv; charset=utf-16le", WIDE.encode("utf-16-le")),
        ('text/csv; charset="UTF-16LE"', WIDE.encode("utf-16")),
        ("text/csv; charset=utf-16be", WIDE.encode("utf-16-be")),
        ("text/csv; charset=windows-1252", WIDE.encode("windows-1252")),
        ("text/csv; charset=utf-8", WIDE.encode("windows-1252")),
        ("text/csv; charset=iso-8859-1", WIDE.encode()),
        ("application/x-ndjson; charset=utf-16le", '{"phone": "11 99999-0001", "name": "João"}'.encode("utf-16-le")),
        ("application/x-ndjson; charset=latin1", '{"phone": "11 99999-0001", "name": "João"}'.encode("latin-1")),
        ("application/json; charset=UTF-8", '[{"phone": "11 99999-0001", "name": "João"}]'.encode()),
    ],
)
def test_what_a_chunk_is_said_to_be_written_in_is_heeded(
    client: FlaskClient, store: Store, kind: str, raw: bytes
) -> None:
    opened(client)
    answer = add(client, raw, kind=kind)
    assert (answer.status_code, answer.json["queued"], answer.json["errors"]) == (200, 1, [])
    contact = client.get("/campaigns/c1/contacts").json["contacts"][0]
    assert (contact["phone"], contact["name"]) == ("5511999990001", "João")


@pytest.mark.parametrize(
    "kind", ["text/plain", "text/csv; charset=utf-7", "application/json; charset=utf-16le", "application/xml"]
)
def test_a_chunk_in_another_form_is_told_which_are_read(client: FlaskClient, kind: str) -> None:
    opened(client)
    answer = add(client, b"[]", kind=kind)
    assert (answer.status_code, answer.json["code"]) == (415, "other_type")
    assert ("utf-8" if "charset" in kind else "text/csv") in answer.json["detail"]


def test_a_line_that_is_too_long_is_named_by_its_number(client: FlaskClient) -> None:
    opened(client)
    answer = add(client, b"telefone\n5511999990001\n" + b"9" * 70_000, kind="text/csv")
    assert (answer.status_code, "line 3," in answer.json["errors"][0]["detail"]) == (422, True)
