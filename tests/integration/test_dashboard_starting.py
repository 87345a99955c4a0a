"""Before an open campaign is started, its page shows what a new campaign's preview does: whom, how, and until when."""

from __future__ import annotations

import re

import pytest

from broadcast.domain.caller import Scope
from broadcast.engine import telling
from broadcast.store import Store
from broadcast.web import create_app
from broadcast.wiring import Services
from tests.integration.test_dashboard import Browser, a_key, send
from tests.integration.test_dashboard_audience import PAGE, add, opened

START = "/campaigns/promo/start"
FILE = """telefone;nome
11999990001;Ana
11999990001;Outra
123;N
11999990002;Bia
11999990003;Caio
11999990004;Duda
124;M
"""


@pytest.fixture
def browser(services: Services) -> Browser:
    return Browser(create_app(services).test_client())


def words(page: str) -> str:
    """What a person reads of it."""
    main = page[page.index("<main") : page.index("</main>")]
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", main))


def test_who_would_be_sent_to_and_who_is_left_out_is_said_of_all_files_together(browser: Browser) -> None:
    opened(browser)
    assert "would be sent to" not in browser.text(PAGE)
    add(browser, FILE)
    add(browser, "11999990001\n125\n126\n", "b.csv")
    shown = words(browser.text(PAGE))
    assert "4 would be sent to, 6 are left out" in shown
    assert re.search(r"Left out not a phone number 4 there twice 2", shown), shown
    browser.headers = {"Accept-Language": "pt-BR"}
    assert "4 a receber, 6 ficam de fora" in words(browser.text(PAGE))
    for page in ("", "/campaigns/promo"):
        assert "4 a receber · 6 fora do envio" in words(browser.text(page)), page


def test_the_start_is_shown_before_the_button(browser: Browser, store: Store) -> None:
    opened(browser)
    add(browser, FILE)
    store.lanes.hold("loja", "paused", reason="test")
    shown = browser.text(START)
    text = words(shown)
    for part in (
        "4 of 7 contacts",
        "Left out not a phone number 2 there twice 1",
        "Oi Ana! ",
        "Oi Bia! ",
        "Oi Caio! ",
        "+55 11 99999-0003",
        "First message",
        "Finishes about",
        "At the latest about",
        "nothing leaves until it is resumed",
        "What may get the number blocked The pace is faster",
        "no contacts can be added",
        "Start: send to 4 contacts",
    ):
        assert part in text, (part, text)
    assert "Duda" not in text  # three are enough
    assert f"/dashboard{PAGE}" in shown
    links = [link.replace("&amp;", "&") for link in re.findall(r'"/dashboard(/[^"]+skipped[^"]+)"', shown)]
    assert [browser.text(link).count('<li class="card">') for link in links] == [2, 1]
    assert telling.progress(store, "promo").state.value == "scheduled"

    browser.headers = {"Accept-Language": "pt-BR"}
    assert "4 de 7 contatos" in words(browser.text(START))
    assert "Começar: enviar a 4 contatos" in words(browser.text(START))
    browser.post(START, at=START)
    assert telling.progress(store, "promo").state.value == "running"


def test_who_may_only_send_sees_the_numbers_and_nobodys_message(browser: Browser, store: Store) -> None:
    opened(browser)
    add(browser, FILE)
    a_key(store, "all", Scope.ADMIN)
    browser.log_in(a_key(store, "ana", Scope.SEND))
    text = words(browser.text(START))
    assert "4 of 7 contacts" in text
    assert "The messages are shown to keys that may read." in text
    assert "Ana" not in text
    assert "99999" not in text
    assert "contacts?" not in browser.text(START)


def test_where_all_are_left_out_no_start_is_offered(browser: Browser) -> None:
    opened(browser)
    shown = add(browser, "123\n124\n")
    assert "Nobody is added. Left out: 2." in words(shown.text)
    assert "0 would be sent to, 2 are left out" in words(shown.text)
    for page in (PAGE, "/campaigns/promo"):
        assert START not in browser.text(page)
    assert browser.get(START).status_code == 303


def test_one_contact_is_one(browser: Browser) -> None:
    send(browser, "c1", contacts=["5511999990001"])
    browser.headers = {"Accept-Language": "pt-BR"}
    assert "de 1 contato " in words(browser.text("/campaigns/c1"))
    opened(browser)
    assert "Nenhum contato foi incluído." in words(add(browser, "123\n").text)
    assert "1 contato foi incluído." in words(add(browser, "11999990001\n").text)
    assert "1 de 2 contatos" in words(browser.text(START))
