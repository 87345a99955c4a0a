"""Whoever is told of a row finds it in their spreadsheet: the same number through every door, of the same file."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from werkzeug.serving import make_server

from broadcast.cli import main
from broadcast.web import create_app
from broadcast.wiring import Services
from tests.builders import a_body
from tests.integration.test_dashboard import FORM, Browser

#: As Excel saves it: it shows no row for the first line, and a row for what is between two ends of lines in quotes.
FILE = (
    'sep=;\r\nTelefone;Nome;Obs\r\n\r\n11998765432;Ana;"liga\r\nà noite\r\n"\r\n123;Zé;"duas\nlinhas"\r\n'
    "11998765433;{name};\r\n"
)
GOOD, LONG = FILE.format(name="Bia").encode("windows-1252"), FILE.format(name="B" * 300).encode("windows-1252")
BROKEN = GOOD + b'11998765434;"' + (b"x" * 60_000 + b"\n") * 3
#: A quotation mark that is never closed, and one that a later one closes: with other people between them.
OPEN = 'telefone;nome\r\n11999990001;Bia\r\n11999990002;"Zé\r\n11999990003;Ana\r\n11999990004;Caio\r\n'.encode()
SWALLOWED = OPEN + b'11999990005;Loja "Boa"\r\n11999990006;Davi\r\n'
QUOTE = 3
#: What a spreadsheet shows beside them.
ZE, LAST, BREAK = 4, 5, 6


@pytest.fixture
def browser(services: Services) -> Browser:
    return Browser(create_app(services).test_client())


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()


def preview(browser: Browser, raw: bytes) -> str:
    fields = {name: value for name, value in FORM.items() if name != "contacts"}
    return browser.preview(**fields, file=(io.BytesIO(raw), "a.csv")).text


def opened(browser: Browser) -> None:
    body = a_body("promo", "loja", open=True)
    del body["contacts"], body["action"]
    assert browser.client.post("/queue/add-broadcast", json=body).status_code == 202


def added(browser: Browser, raw: bytes) -> str:
    at = "/campaigns/promo/audience"
    chunk = re.search(r'name="chunk" value="(\d+)"', browser.text(at))
    assert chunk
    return browser.follow(at, at=at, chunk=chunk[1], file=(io.BytesIO(raw), "a.csv")).text


def test_a_chunk_names_the_spreadsheets_row(browser: Browser) -> None:
    opened(browser)
    url = "/campaigns/promo/contacts"
    answer = browser.client.post(f"{url}?chunk=1", data=LONG, content_type="text/csv").json
    assert [(one["row"], one["reason"]) for one in answer["leftOut"]] == [(ZE, "invalid_phone")]
    assert [one["row"] for one in answer["errors"]] == [LAST]
    broken = browser.client.post(f"{url}?chunk=2", data=BROKEN, content_type="text/csv").json
    assert f"is not CSV at row {BREAK}: " in broken["errors"][0]["detail"]


def test_the_page_of_an_audience_names_the_spreadsheets_row(browser: Browser) -> None:
    opened(browser)
    page = added(browser, LONG)
    assert f"Row {ZE}: not a phone number" in page
    assert re.search(rf"Row {LAST}: <span[^>]*>/name: must be a text", page)
    assert f"nobody is added twice. (Row {BREAK})" in added(browser, BROKEN)


@pytest.mark.parametrize("column", ["nome", "telefone", "cidade"])
def test_a_character_that_cannot_be_sent_is_called_that(browser: Browser, column: str) -> None:
    opened(browser)
    cells = {"nome": "Ana", "telefone": "11999990001", "cidade": "SP"}
    raw = "nome;telefone;cidade\n" + ";".join(text + "\0" * (name == column) for name, text in cells.items()) + "\n"
    place = {"nome": "/name", "telefone": "/phone", "cidade": "/vars/cidade"}[column]
    answer = browser.client.post("/campaigns/promo/contacts?chunk=1", data=raw, content_type="text/csv").json
    assert answer["errors"] == [{"row": 2, "detail": f"{place} has characters that cannot be sent"}]
    assert re.search(rf"Row 2: <span[^>]*>{place}: has characters that cannot be sent", added(browser, raw.encode()))
    assert f"Row 2: {place}: has characters that cannot be sent" in preview(browser, raw.encode())


def test_the_dashboards_preview_names_the_spreadsheets_row(browser: Browser) -> None:
    assert re.search(rf"Row {ZE}: .*123", preview(browser, GOOD))
    assert f"Row {LAST}: /name: must be a text, and not too long a one" in preview(browser, LONG)
    assert f"never closed? (Row {BREAK})" in preview(browser, BROKEN)


@pytest.mark.parametrize("raw", [OPEN, SWALLOWED])
def test_a_chunk_loses_nobody_between_quotation_marks(browser: Browser, raw: bytes) -> None:
    opened(browser)
    url = "/campaigns/promo/contacts"
    broken = browser.client.post(f"{url}?chunk=1", data=raw, content_type="text/csv")
    assert broken.status_code == 422
    assert f"is not CSV at row {QUOTE}: " in broken.json["errors"][0]["detail"]
    assert browser.client.get(url).json["contacts"] == []
    assert f"nobody is added twice. (Row {QUOTE})" in added(browser, raw)
    mended = raw.replace('"Zé'.encode(), "Zé".encode())
    answer = browser.client.post(f"{url}?chunk=1", data=mended, content_type="text/csv").json
    assert (answer["queued"], answer["unreadable"]) == (mended.count(b"\n") - 1, 0)


@pytest.mark.parametrize("raw", [OPEN, SWALLOWED])
def test_every_door_names_the_row_of_an_open_quote(
    browser: Browser, services: Services, tmp_path: Path, raw: bytes
) -> None:
    assert f"never closed? (Row {QUOTE})" in preview(browser, raw)
    answer = browser.client.post("/suppressions", data=raw, content_type="text/csv")
    assert (answer.status_code, browser.client.get("/suppressions").json["suppressions"]) == (422, [])
    assert f"is not CSV at row {QUOTE}: " in answer.json["errors"][0]["detail"]
    (tmp_path / "a.csv").write_bytes(raw)
    with serving(create_app(services)) as url:
        for command in (["preview", "--instance", "loja", "--message", "Oi"], ["suppressions", "import"]):
            told = CliRunner().invoke(main, [*command, str(tmp_path / "a.csv")], env={"BROADCAST_URL": url})
            assert (told.exit_code != 0, f"is not CSV at row {QUOTE}: " in told.output) == (True, True), told.output


def test_an_import_of_opt_outs_names_the_spreadsheets_row(browser: Browser) -> None:
    answer = browser.client.post("/suppressions", data=GOOD, content_type="text/csv").json
    assert [one["row"] for one in answer["invalid"]] == [ZE]


def test_the_command_line_names_the_spreadsheets_row(services: Services, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    with serving(create_app(services)) as url:

        def told(*command: str, raw: bytes) -> str:
            file.write_bytes(raw)
            options = (str(file), "--instance", "loja", "--message", "Oi", "--campaign", "c1")
            return CliRunner().invoke(main, [*command, *options], env={"BROADCAST_URL": url}).output

        assert re.search(rf"row {ZE} .*123, invalid_phone", told("preview", raw=GOOD))
        for command in ("preview", "send"):
            assert f"row {LAST}, /name: must be a text" in told(command, raw=LONG)
            assert f"is not CSV at row {BREAK}: " in told(command, raw=BROKEN)


def test_a_list_is_counted_the_same_whether_it_is_looked_at_or_added(browser: Browser) -> None:
    people = ["5511998765432", "123"]
    seen = browser.client.post("/campaigns/preview", json=a_body("c1", "loja", contacts=people)).json
    opened(browser)
    answer = browser.client.post("/campaigns/promo/contacts?chunk=1", json=people).json
    assert [one["row"] for one in seen["leftOut"]] == [one["row"] for one in answer["leftOut"]] == [2]
