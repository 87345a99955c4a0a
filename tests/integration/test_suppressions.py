"""The suppression list over HTTP: who is on it is sent nothing, and only who may take them off does."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.domain.phone import identity
from broadcast.engine import suppressing
from broadcast.settings import ApiKey, Settings
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.web import create_app
from broadcast.wiring import build_services
from tests.builders import a_body, phones

LIST = "/suppressions"
QUEUE = "/queue/add-broadcast"
NOBODY: dict[str, Any] = {"success": True, "suppressions": [], "nextCursor": None}


@pytest.fixture
def guarded(redis_url: str) -> Iterator[FlaskClient]:
    """An API with two keys: one for everything, one for a single instance."""
    keys = (ApiKey("crm", "secret-of-crm"), ApiKey("loja", "secret-of-loja", frozenset({"loja"})))
    services = build_services(Settings(redis_url=redis_url, api_keys=keys))
    yield create_app(services).test_client()
    services.store.scripts.client.close()


def listed(client: FlaskClient) -> list[str]:
    return sorted(one["phone"] for one in client.get(LIST, query_string={"limit": 1000}).json["suppressions"])


def import_csv(client: FlaskClient, raw: str | bytes, **query: str) -> Any:
    return client.post(LIST, data=raw, content_type="text/csv; charset=utf-8", query_string=query)


def test_who_opted_out_is_left_out_in_either_brazilian_form(client: FlaskClient) -> None:
    added = client.post(LIST, json={"phones": ["551199990001", "+1 415 555 2671"], "source": "loja"})
    assert (added.status_code, added.json) == (200, {"success": True, "added": 2, "known": 0, "invalid": []})

    contacts = ["5511999990001", "5511999990002", "+14155552671"]
    answer = client.post(QUEUE, json=a_body("c1", "loja", contacts=contacts))
    assert (answer.json["queued"], answer.json["skippedReasons"]) == (1, {"opted_out": 2})


def test_what_cannot_be_a_number_is_named_and_the_rest_is_kept(client: FlaskClient) -> None:
    answer = client.post(LIST, json={"phones": ["5511999990001", "ninguém", "551199990001", "123"]})

    assert (answer.json["added"], answer.json["known"]) == (1, 1)
    assert answer.json["invalid"] == [
        {"pointer": "/phones/1", "phone": "ninguém", "detail": "cannot be a phone number"},
        {"pointer": "/phones/3", "phone": "123", "detail": "cannot be a phone number"},
    ]
    assert listed(client) == ["5511999990001"]


def test_who_is_on_the_list_stays_as_they_are(client: FlaskClient) -> None:
    client.post(LIST, json={"phones": ["5511999990001"], "source": "first"})
    before = client.get(LIST).json["suppressions"]
    again = client.post(LIST, json={"phones": ["551199990001"], "source": "second"})

    assert (again.json["added"], again.json["known"]) == (0, 1)
    assert client.get(LIST).json["suppressions"] == before
    assert (before[0]["phone"], before[0]["source"]) == ("5511999990001", "first")
    assert before[0]["since"].endswith("Z")


def test_a_csv_is_imported_as_people_write_it_with_its_rows_named(client: FlaskClient) -> None:
    raw = "Nome;Celular;Origem\nJoão;(11) 99999-0001;balcão\n\nZé;n/a;\nAna;5511999990002;\n".encode("latin-1")
    answer = import_csv(client, raw, source="planilha")

    assert answer.json == {
        "success": True, "added": 2, "known": 0,
        "invalid": [{"row": 4, "phone": "n/a", "detail": "cannot be a phone number"}],
    }  # fmt: skip
    found = {one["phone"]: one["source"] for one in client.get(LIST).json["suppressions"]}
    assert found == {"5511999990001": "balcão", "5511999990002": "planilha"}


def test_a_workbook_is_not_imported_and_it_is_said_what_to_do(client: FlaskClient) -> None:
    answer = import_csv(client, b"PK\x03\x04" + bytes(range(256)) * 9)
    assert answer.status_code == 422
    assert "save it as CSV UTF-8" in answer.json["errors"][0]["detail"]


def test_an_export_comes_back_as_the_same_people(client: FlaskClient, store: Store) -> None:
    # Read as a number of Brazil, the digits of the American one would be somebody in Marília.
    given = ["5511999990001", "551133334444", "+14155552671", "+351912345678"]
    client.post(LIST, json={"phones": given, "source": '=HYPERLINK("http://x")'})
    export = client.get(LIST, headers={"Accept": "text/csv"})

    assert (export.status_code, export.content_type) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(export.text)))
    assert {row["source"] for row in rows} == {'\'=HYPERLINK("http://x")'}
    assert {row["phone"].lstrip("+") for row in rows} == {phone.lstrip("+") for phone in given}
    before = store.scripts.client.hkeys("bcast:suppressed")
    store.scripts.client.delete("bcast:suppressed")
    assert import_csv(client, export.data).json == {"success": True, "added": 4, "known": 0, "invalid": []}
    assert sorted(store.scripts.client.hkeys("bcast:suppressed")) == sorted(before)


def test_all_telephones_of_a_row_are_put_on_the_list(client: FlaskClient) -> None:
    raw = "Nome;Telefone;Celular;Numero\nAna;1133334444;11 99999-0001;1234\nZé;não tem;11999990002;5\nÍris;;123;6\n"
    answer = import_csv(client, raw)

    assert (answer.json["added"], [wrong["row"] for wrong in answer.json["invalid"]]) == (3, [4])
    listed = {one["phone"] for one in client.get(LIST).json["suppressions"]}
    assert listed == {"551133334444", "5511999990001", "5511999990002"}


def test_an_export_for_spreadsheets_has_numbers_that_none_rounds_and_comes_back(client: FlaskClient) -> None:
    phones = ["5511999990001", "551133334444", "+14155552671"]
    client.post(LIST, json={"phones": phones})
    export = client.get(LIST, query_string={"bom": "1", "separator": ";"}, headers={"Accept": "text/csv"})

    text = export.data.decode("utf-8-sig")
    assert export.data.startswith(b"\xef\xbb\xbf")
    assert {row["phone"] for row in csv.DictReader(io.StringIO(text), delimiter=";")} == {
        "55 11 99999-0001",
        "55 11 3333-4444",
        "(+1) 415-555-2671",
    }
    assert (import_csv(client, export.data).json["known"], import_csv(client, export.data).json["invalid"]) == (3, [])


def test_an_export_has_everybody_and_pages_do_too(client: FlaskClient) -> None:
    everybody = phones(3000)
    assert client.post(LIST, json={"phones": everybody}).json["added"] == 3000
    rows = list(csv.DictReader(io.StringIO(client.get(LIST, headers={"Accept": "text/csv"}).text)))
    assert sorted(row["phone"] for row in rows) == everybody

    seen: list[str] = []
    cursor = None
    while True:
        page = client.get(LIST, query_string={"limit": 700, **({"cursor": cursor} if cursor else {})}).json
        assert len(page["suppressions"]) < 1000
        seen += [one["phone"] for one in page["suppressions"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert sorted(seen) == everybody


@pytest.mark.parametrize("by", ["body", "query"])
@pytest.mark.parametrize("phone", ["5511999990001", "551199990001", "(11) 99999-0001", "+5511999990001"])
def test_somebody_is_taken_off_once_in_any_form(client: FlaskClient, by: str, phone: str) -> None:
    client.post(LIST, json={"phones": ["5511999990001"]})
    # The plus stands in the address as it is, as many clients leave it.
    call = {"json": {"phone": phone}} if by == "body" else {"path": f"{LIST}?phone={phone}"}

    gone = client.delete(**{"path": LIST, **call})
    assert (gone.status_code, gone.json) == (200, {"success": True, "removed": True})
    again = client.delete(**{"path": LIST, **call})
    assert (again.status_code, again.json["code"]) == (404, "not_found")
    assert client.get(LIST).json == NOBODY


@pytest.mark.parametrize("shown", ["14155552671", "+14155552671"])
def test_a_foreign_number_is_taken_off_as_the_list_shows_it(client: FlaskClient, shown: str) -> None:
    brazilian = "5514155552671"  # what the digits mean in Brazil
    client.post(LIST, json={"phones": ["+14155552671", brazilian]})
    assert client.delete(f"{LIST}?phone={shown}").status_code == 200
    assert listed(client) == [brazilian]


def test_who_is_taken_off_is_sent_to_again(client: FlaskClient) -> None:
    client.post(LIST, json={"phones": phones(1)})
    assert client.post(QUEUE, json=a_body("c1", "loja", contacts=1)).json["queued"] == 0
    client.delete(LIST, json={"phone": phones(1)[0]})
    assert client.post(QUEUE, json=a_body("c2", "loja", contacts=1)).json["queued"] == 1


def test_a_key_of_some_instances_reads_and_adds_and_takes_nobody_off(guarded: FlaskClient) -> None:
    loja, crm = {"apikey": "secret-of-loja"}, {"apikey": "secret-of-crm"}
    assert guarded.post(LIST, json={"phones": phones(1)}, headers=loja).json["added"] == 1
    assert len(guarded.get(LIST, headers=loja).json["suppressions"]) == 1
    refused = guarded.delete(LIST, json={"phone": phones(1)[0]}, headers=loja)
    assert (refused.status_code, refused.json["code"]) == (403, "forbidden")
    assert guarded.delete(LIST, json={"phone": phones(1)[0]}, headers=crm).status_code == 200
    for method in ("GET", "POST", "DELETE"):
        assert guarded.open(LIST, method=method, json={}).status_code == 401


def test_every_change_is_one_line_with_the_phone_masked_and_who_asked(
    guarded: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    crm = {"apikey": "secret-of-crm", "X-Request-Id": "r-1"}
    with caplog.at_level(logging.INFO):
        guarded.post(LIST, json={"phones": ["5511999990001", "5511999990002", "551199990001", "x"]}, headers=crm)
        guarded.post(LIST, json={"phones": ["5511999990001"]}, headers=crm)
        guarded.delete(LIST, json={"phone": "5511999990002"}, headers=crm)
        guarded.delete(LIST, json={"phone": "5511999990002"}, headers=crm)

    lines = [record for record in caplog.records if record.name == "broadcast.api.suppressions"]
    assert [(line.getMessage(), line.phone, line.caller, line.request) for line in lines] == [  # type: ignore[attr-defined]  # what `extra` puts there
        ("put on the suppression list", "5511*******01", "crm", "r-1"),
        ("put on the suppression list", "5511*******02", "crm", "r-1"),
        ("taken off the suppression list", "5511*******02", "crm", "r-1"),
    ]
    assert not any("99999000" in str(vars(record)) for record in lines)


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/phones"),
        ({"phones": []}, "/phones"),
        ({"phones": "5511999990001"}, "/phones"),
        ({"phones": ["1"] * 10_001}, "/phones"),
        ({"phones": ["5511999990001", 5511999990002]}, "/phones/1"),
        ({"phones": ["a\x00"]}, "/phones/0"),
        ({"phones": ["1"], "source": ""}, "/source"),
        ({"phones": ["1"], "source": "x" * 129}, "/source"),
        ({"phones": ["1"], "since": "2030"}, "/since"),
    ],
)
def test_a_wrong_field_is_named_and_nobody_is_added(client: FlaskClient, body: Any, pointer: str) -> None:
    answer = client.post(LIST, json=body)
    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, pointer)
    assert client.get(LIST).json == NOBODY


@pytest.mark.parametrize(("raw", "detail"), [("", "has no numbers"), ("nome;cidade\nAna;Recife\n", "no column")])
def test_a_file_without_numbers_is_refused(client: FlaskClient, raw: str, detail: str) -> None:
    answer = import_csv(client, raw)
    assert answer.status_code == 422
    assert detail in answer.json["errors"][0]["detail"]


def test_what_is_asked_wrongly_is_a_problem(client: FlaskClient) -> None:
    assert client.post(LIST, data="5511999990001", content_type="text/plain").status_code == 415
    assert import_csv(client, b"x" * (33 * 1024 * 1024)).status_code == 413
    for cursor in ("nonsense", "-1", str(2**64), "9" * 21):
        assert client.get(LIST, query_string={"cursor": cursor}).json["errors"][0]["pointer"] == "/cursor"
    assert client.delete(LIST, json={"phone": "ninguém"}).json["errors"][0]["pointer"] == "/phone"
    assert client.delete(LIST, json={}).json["errors"][0]["pointer"] == "/phone"
    assert client.delete(f"{LIST}?phones=1").status_code == 422


def test_a_redis_that_is_away_is_a_503_for_the_export_too(settings: Settings) -> None:
    away = dataclasses.replace(settings, redis_url="redis://127.0.0.1:1/0")
    client = create_app(build_services(away)).test_client()
    for accept in ("application/json", "text/csv"):
        assert client.get(LIST, headers={"Accept": accept}).status_code == 503
    assert client.post(LIST, json={"phones": phones(1)}).status_code == 503


def test_who_told_the_gateway_is_told_of_like_anybody(client: FlaskClient, store: Store) -> None:
    known = {"phone": "5511999990001", "source": "message to loja", "since": "2030-01-31T12:00:00Z"}
    store.suppressions.add({"551199990001": known, "14155552671": {"source": "test"}})
    found = {one["phone"]: one for one in client.get(LIST).json["suppressions"]}
    assert found["5511999990001"] == known
    assert found["14155552671"] == {"phone": "14155552671", "source": "test", "since": None}
    assert (
        "5511999990001,message to loja,2030-01-31T12:00:00Z\r\n"
        in client.get(LIST, headers={"Accept": "text/csv"}).text
    )


@pytest.mark.parametrize("place", ["message to", "preference at", "gateway of"])
def test_a_key_of_one_instance_is_not_told_by_which_other_somebody_was_written_to(
    guarded: FlaskClient, store: Store, place: str
) -> None:
    sources = [f"{place} loja", f"{place} outra", "outra planilha"]
    people = zip(phones(3), sources, strict=True)
    store.suppressions.add({identity(phone): {"phone": phone, "source": source} for phone, source in people})

    def told(name: str, **headers: str) -> list[str]:
        headers |= {"Authorization": f"Bearer secret-of-{name}"}
        answer = guarded.get(LIST, headers=headers)
        rows = answer.json["suppressions"] if answer.is_json else csv.DictReader(io.StringIO(answer.text, newline=""))
        return sorted(row["source"] for row in rows)

    shown = sorted([f"{place} loja", place.partition(" ")[0], "outra planilha"])
    assert told("loja") == told("loja", Accept="text/csv") == shown
    assert told("crm") == told("crm", Accept="text/csv") == sorted(sources)


def test_the_fence_knows_whom_the_list_was_given(client: FlaskClient, store: Store) -> None:
    client.post(LIST, json={"phones": phones(2)})
    assert store.suppressions.among(identity(phone) for phone in phones(3)) == {identity(one) for one in phones(2)}


def test_who_was_put_on_the_list_by_an_earlier_version_is_found_by_upkeep(store: Store) -> None:
    known = {
        "551151234567": "5511951234567",
        "5215512345678": "5215512345678",
        "551190000000": "5511990000000",
        "5491122334455": "5491122334455",
    }
    for name, phone in known.items():  # as it was kept then
        store.scripts.client.hset(
            key("suppressed"), name, json.dumps({"phone": phone, "since": "2026-01-01T00:00:00Z"})
        )
    store.suppressions.hash_only("551190000000")

    assert suppressing.bring_up_to_date(store) == 3
    assert suppressing.bring_up_to_date(store) == 0
    people = {identity(phone) for phone in known.values()}
    assert store.suppressions.among(people) == people


@pytest.mark.parametrize(
    "raw",
    [
        'telefone;origem;obs\n11955550001;"loja\n11955550002;loja\n11955550003;loja "B"\n11955550004\n',
        'telefone;origem;obs\n11955550001;"loja\n11955550002;loja\n11955550003"\n11955550004\n',
        'telefone;origem\n11955550001;"loja" e\n11955550002;"outra\nloja" x\n',
        'telefone;origem\n11955550001;"loja\n11955550002;loja\n',
    ],
)
def test_a_file_in_which_somebody_may_be_lost_between_quotes_is_refused(client: FlaskClient, raw: str) -> None:
    answer = client.post(LIST, data=raw, content_type="text/csv")
    assert answer.status_code == 422, answer.text
    assert re.search(r"is not CSV at row [23]: ", answer.json["errors"][0]["detail"])
    assert client.get(LIST).json["suppressions"] == []


def test_a_source_may_have_several_lines(client: FlaskClient) -> None:
    raw = 'telefone;origem\n11955550001;"loja; de\nSão Paulo, 1133334444"\n11955550002;"Loja" B\n'
    assert client.post(LIST, data=raw, content_type="text/csv").json["added"] == 2
