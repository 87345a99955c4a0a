"""A large audience by the dashboard: an open campaign takes file after file, each once, and begins when it is told."""

from __future__ import annotations

import io
import re
import tracemalloc

import pytest
from werkzeug.test import TestResponse

from broadcast.domain.caller import Scope
from broadcast.domain.campaign import Move
from broadcast.engine import granting, steering, telling
from broadcast.store import Store
from broadcast.web import create_app
from broadcast.wiring import Services
from tests.builders import phones
from tests.integration.test_dashboard import FORM, Browser, a_key, send, upload

PAGE = "/campaigns/promo/audience"


@pytest.fixture
def browser(services: Services) -> Browser:
    return Browser(create_app(services).test_client())


def opened(browser: Browser) -> None:
    """An open campaign, made as a person makes it."""
    shown = browser.preview(**FORM, is_open="y")
    assert shown.status_code == 200, shown.text
    assert "Oi {{name|cliente}}!" in shown.text
    draft = re.search(r"/new/([\w-]+)/start", shown.text)
    assert draft
    for _ in range(2):  # a double click
        assert browser.post(f"/new/{draft[1]}/start", at="").location == f"/dashboard{PAGE}"


def chunk_of(page: str) -> str:
    found = re.search(r'name="chunk" value="(\d+)"', page)
    assert found
    return found[1]


def add(browser: Browser, text: str, name: str = "a.csv", *, chunk: str | None = None) -> TestResponse:
    file = io.BytesIO(text.encode()), name
    return browser.follow(PAGE, at=PAGE, chunk=chunk or chunk_of(browser.text(PAGE)), file=file)


def test_files_are_added_one_after_the_other_and_then_it_starts(browser: Browser, store: Store) -> None:
    opened(browser)
    page = browser.text("/campaigns/promo")
    assert "Contacts are being added." in page
    assert f"/dashboard{PAGE}" in page
    assert "/campaigns/promo/pause" not in page
    assert "/campaigns/promo/start" not in page  # there is nobody yet
    assert "100%" not in page

    shown = add(browser, "telefone;nome\n11999990001;Ana\n11999990001;Outra vez\n123;N\n")
    assert shown.status_code == 200
    for text in ("1 contact is added.", "Left out: 2.", "Row 3: there twice", "Row 4: not a phone number"):
        assert text in shown.text, text
    lines = '{"phone": "11999990002"}\nnonsense\n{"phone": "11999990003", "email": "x"}\n"11999990001"\n'
    shown = add(browser, lines, "b.ndjson")
    for text in (
        "1 contact is added.",
        "Left out: 1.",
        "Not readable: 2.",
        ">this is not JSON<",
        "/email: a field that is not known",
    ):
        assert text in shown.text, text
    assert telling.progress(store, "promo").total == 5

    assert "no contacts can be added" in browser.text("/campaigns/promo/start")
    browser.post("/campaigns/promo/start", at="/campaigns/promo/start")
    assert "The campaign is now: running." in browser.text("/campaigns/promo")
    assert browser.get(PAGE).location == "/dashboard/campaigns/promo"


def test_a_files_columns_of_numbers_are_named(browser: Browser) -> None:
    opened(browser)
    browser.headers = {"Accept-Language": "pt-BR"}
    shown = add(browser, "Nome;Telefone;Celular\nAna;1133334444;11999990001\nBia;;11999990002\n").text
    assert re.search(r"Números: <span[^>]*>coluna celular<", shown)
    shown = add(browser, "Nome;Telefone;Celular\nAna;1133334445;\nBia;;11999990003\n").text
    assert re.search(r"Números: <span[^>]*>colunas celular, telefone<", shown)


def test_what_became_of_a_file_has_an_address_and_is_for_its_adder_alone(browser: Browser, services: Services) -> None:
    opened(browser)
    file = io.BytesIO(b"11999990001\n123\n"), "lista.csv"
    answer = browser.post(PAGE, at=PAGE, chunk=chunk_of(browser.text(PAGE)), file=file)
    place = answer.location.removeprefix("/dashboard")
    assert (answer.status_code, place.partition("?")[0]) == (303, PAGE)
    for _ in range(2):
        assert "1 contact is added." in browser.text(place)
    assert "lista.csv" not in browser.text(PAGE)
    assert browser.get(f"/new/{place.partition('=')[2]}").status_code == 404  # it is no preview

    browser.log_in(a_key(services.store, "ana", Scope.SEND, Scope.READ))
    assert "lista.csv" not in browser.text(place)


def test_the_same_form_sent_twice_adds_everybody_once(browser: Browser, store: Store) -> None:
    opened(browser)
    chunk = chunk_of(browser.text(PAGE))
    answers = [add(browser, "\n".join(phones(300)), chunk=chunk) for _ in range(2)]
    assert ["300 contacts are added." in answer.text for answer in answers] == [True, True]
    assert telling.progress(store, "promo").total == 300
    assert chunk_of(answers[0].text) != chunk, "the next file is another chunk"


def test_another_file_in_a_form_that_was_used_is_not_added(browser: Browser, store: Store) -> None:
    opened(browser)
    chunk = chunk_of(browser.text(PAGE))
    add(browser, "11999990001", chunk=chunk)
    answer = add(browser, "11999990002", chunk=chunk)
    assert answer.status_code == 409
    assert "used for another file" in answer.text
    assert telling.progress(store, "promo").total == 1
    assert add(browser, "11999990002", chunk=chunk_of(answer.text)).status_code == 200
    assert telling.progress(store, "promo").total == 2


def test_a_file_that_breaks_off_is_corrected_and_gone_on_with(browser: Browser, store: Store) -> None:
    opened(browser)
    people = ", ".join(f'"{phone}"' for phone in phones(300))
    broken = add(browser, f"[{people}, oops", "a.json")
    assert broken.status_code == 422
    assert "cannot be read to its end" in broken.text
    mended = add(browser, f"[{people}]", "a.json", chunk=chunk_of(broken.text))
    assert "300 contacts are added." in mended.text
    assert telling.progress(store, "promo").total == 300


@pytest.mark.parametrize(
    ("raw", "name", "said"),
    [
        ("Nome;Endereço\nAna;Rua A\n", "a.csv", "não tem uma coluna"),
        ("João;11987651111\nZé;11987652222\n", "a.csv", "não tem uma coluna"),
        ('telefone;nome\n11999990001;Ana\n11999990002;"Bia\n', "a.csv", "Há aspas que nunca se fecham"),
        ('{"people": []}', "a.json", "não tem uma lista de contatos"),
        ('"11999990001"', "a.json", "não tem uma lista de contatos"),
        ("[" + "1" * 2**17, "a.json", "até o fim"),
        ("telefone\n" + "x" * 2**17, "a.csv", "longa demais"),
    ],
)
def test_what_is_wrong_with_a_file_is_told(browser: Browser, raw: str, name: str, said: str) -> None:
    opened(browser)
    browser.headers = {"Accept-Language": "pt-BR"}
    answer = add(browser, raw, name)
    assert (answer.status_code, said in answer.text) == (422, True), answer.text


def test_a_phone_that_is_no_text_is_told_so(browser: Browser) -> None:
    opened(browser)
    browser.headers = {"Accept-Language": "pt-BR"}
    shown = add(browser, '["5511999990001", 5511999990002]', "a.json").text
    assert "deve ser um texto como &#34;5511999990001&#34;, entre aspas" in shown


def test_a_header_alone_is_told_so(browser: Browser, store: Store) -> None:
    opened(browser)
    browser.headers = {"Accept-Language": "pt-BR"}
    answer = add(browser, "telefone;nome\n")
    assert answer.status_code == 422
    assert "O arquivo não tem linhas abaixo do cabeçalho." in answer.text
    assert telling.progress(store, "promo").total == 0


@pytest.mark.parametrize("name", ["contacts.xlsx", "contacts", ""])
def test_a_file_of_another_kind_is_not_taken(browser: Browser, store: Store, name: str) -> None:
    opened(browser)
    answer = add(browser, "11999990001", name)
    assert answer.status_code == 422
    assert "Choose a file that ends in" in answer.text
    assert telling.progress(store, "promo").total == 0


def test_a_workbook_that_is_called_csv_is_not_taken_and_it_is_said_what_to_do(browser: Browser, store: Store) -> None:
    opened(browser)
    answer = add(browser, "PK\x03\x04" + "\0;11999990001\n" * 99)
    assert answer.status_code == 422
    assert "This is no table in text" in answer.text
    assert telling.progress(store, "promo").total == 0


def test_what_was_started_or_cancelled_takes_nobody(browser: Browser, store: Store) -> None:
    opened(browser)
    chunk, token = chunk_of(browser.text(PAGE)), browser.token(PAGE)
    add(browser, "11999990001")
    steering.steer(store, "promo", Move.CANCEL)
    data = {"csrf_token": token, "chunk": chunk, "file": upload("11999990002")}
    answer = browser.client.post(f"/dashboard{PAGE}", data=data, headers=browser.headers, buffered=True)
    assert answer.status_code == 409
    assert "takes no contacts any more" in answer.text
    assert telling.progress(store, "promo").total == 1


def test_without_anybody_it_does_not_start(browser: Browser) -> None:
    opened(browser)
    assert browser.get("/campaigns/promo/start").status_code == 303  # nobody is asked whether they mean it
    answer = browser.post("/campaigns/promo/start", at="")
    assert answer.location == "/dashboard/campaigns/promo"
    assert "Campaign promo has no contacts." in browser.text("/campaigns/promo")
    assert browser.get("/campaigns/promo/state.json").json["holdReason"] == "open"


def test_contacts_in_the_form_of_an_open_campaign_are_refused(browser: Browser) -> None:
    answer = browser.preview(**{**FORM, "contacts": "11999990001"}, is_open="y")
    assert answer.status_code == 422
    assert "you add the files after the preview" in answer.text


def test_who_goes_back_finds_the_campaign_open(browser: Browser) -> None:
    shown = browser.preview(**FORM, is_open="y").text
    draft = re.search(r"draft=([\w-]+)", shown)
    assert draft
    assert re.search(r'<input checked[^>]*name="is_open"', browser.text(f"/new?draft={draft[1]}"))


def test_only_a_key_that_may_send_by_the_instance_adds_anybody(browser: Browser, store: Store) -> None:
    opened(browser)
    chunk = chunk_of(browser.text(PAGE))
    a_key(store, "all", Scope.ADMIN)
    for words, instances, status in (((Scope.READ,), None, 403), ((Scope.SEND, Scope.READ), frozenset({"outra"}), 404)):
        browser.log_in(a_key(store, "ana", *words, instances=instances))
        assert browser.get(PAGE).status_code == status
        assert browser.post(PAGE, at="", chunk=chunk, file=upload("11999990001")).status_code == status
        browser.post("/logout", at="")
        granting.revoke(store, "ana")
    assert telling.progress(store, "promo").total == 0


@pytest.mark.slow
def test_a_large_file_takes_no_more_memory_than_a_small_one(browser: Browser) -> None:
    opened(browser)

    def peak(count: int, start: int) -> int:
        """The most bytes that were in use at a time, the request itself aside."""
        chunk, token = chunk_of(browser.text(PAGE)), browser.token(PAGE)
        raw = "telefone;nome\r\n" + "".join(f"{phone};{phone * 5}\r\n" for phone in phones(count, start=start))
        fields = [('name="csrf_token"', token), ('name="chunk"', chunk), ('name="file"; filename="a.csv"', raw)]
        parts = [f"--x\r\nContent-Disposition: form-data; {field}\r\n\r\n{text}\r\n" for field, text in fields]
        sent = {"data": "".join([*parts, "--x--\r\n"]).encode(), "content_type": "multipart/form-data; boundary=x"}
        tracemalloc.start()
        answer = browser.client.post(f"/dashboard{PAGE}", **sent, headers=browser.headers, buffered=True)
        used = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert f"{count:,} contacts are added." in browser.text(answer.location.removeprefix("/dashboard"))
        return used

    peak(10, 0)  # what is loaded once, is
    small, large = peak(1_000, 100_000), peak(10_000, 200_000)
    assert large < small + 2_000_000, (small, large)


def test_the_list_shows_what_an_open_campaign_has_so_far(browser: Browser) -> None:
    send(browser, "whole")
    opened(browser)
    add(browser, "11999990001")
    shown = browser.text("")
    assert re.search(r'data-live="counts.pending"[^>]*>1</strong> <span>would be sent to', shown)
    assert shown.count('data-hold="open"') == 1
    assert shown.count("taking contacts") == 1
