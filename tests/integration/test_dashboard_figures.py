"""A campaign's page says in figures what became of it; and of one that was sent to nobody, just that."""

from __future__ import annotations

import pytest

from broadcast.dashboard import counting, formats
from broadcast.domain.campaign import Scope
from broadcast.domain.contact import Status
from broadcast.domain.receipt import Receipt
from broadcast.engine import accepting, steering
from broadcast.store import Store
from broadcast.store.keys import key
from broadcast.web import create_app
from broadcast.wiring import Services
from tests.builders import an_order
from tests.integration.test_dashboard import Browser, send
from tests.integration.test_dashboard_starting import words
from tests.lanes import send_all

ONE = "/campaigns/c1"


#: How long a page waits for its figures.
GLANCE_S = counting.GLANCE_S


@pytest.fixture
def browser(services: Services, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """Of a page that has its figures, however slow the machine."""
    monkeypatch.setattr(counting, "GLANCE_S", 30.0)
    return Browser(create_app(services).test_client())


def test_what_the_summary_knows_is_on_the_page(browser: Browser, store: Store) -> None:
    send_all(store, 4)
    for number, status in enumerate((Status.DELIVERED, Status.DELIVERED, Status.READ)):
        store.contacts.settle("i1", [Receipt(message_id=f"m{number}", status=status)])
    moved = store.scripts.client.hget(key("contact", "c1", 0), "departed")
    for number in range(3):
        contact, at = key("contact", "c1", number), int(moved)
        store.scripts.client.hset(contact, mapping={"departed": at, "at_delivered": at + 125_000})
    text = words(browser.text(ONE))
    for part in (
        "Delivered 75% 3 of 4 messages",
        "Read 33.3% of those delivered: 1 of 3",
        "Time to delivery 2 min 5 s half were faster",
        "at least 0.01 s was asked for",
        "Most in any minute 4 of 6,000 allowed",
        "Gaps that were too short 0 of 4 departures",
        "By our own record of every departure",
    ):
        assert part in text, (part, text)
    assert "Tried more than once" not in text

    browser.headers = {"Accept-Language": "pt-BR"}
    text = words(browser.text(ONE))
    for part in ("Entregue 75% 3 de 4 mensagens", "dos entregues: 1 de 3", "Intervalos curtos demais 0 de 4 saídas"):
        assert part in text, (part, text)
    assert "In figures" not in browser.text(f"{ONE}/chart")
    assert "Em números" in browser.text(f"{ONE}/chart")


def test_a_gap_that_was_too_short_is_shown(browser: Browser, store: Store) -> None:
    send_all(store, 3)
    store.scripts.client.hset(key("campaign", "c1"), "gap_ms", 60_000)
    text = words(browser.text(ONE))
    assert "Gaps that were too short 2 of 3 departures" in text
    assert text.count("0.01") >= 2


def test_a_page_does_not_wait_for_its_figures(browser: Browser, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    send_all(store, 2)
    with monkeypatch.context() as another:
        another.setattr(store.summaries, "claim", lambda *_, **__: None)  # another counts
        another.setattr(counting, "GLANCE_S", GLANCE_S)
        text = words(browser.text(ONE))
    assert "In figures Being counted." in text
    assert "Nobody so far." in text  # nobody failed, counted or not
    assert "2 of 2 messages" not in text
    assert "0 of 2 messages" in words(browser.text(ONE))
    assert GLANCE_S <= 0.2


def test_before_anything_has_left_there_are_no_figures(browser: Browser) -> None:
    send(browser, "c1")
    assert "In figures" not in browser.text(ONE)


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0 s"), (3240, "3.2 s"), (59_400, "59.4 s"), (59_600, "1 min"), (125_000, "2 min 5 s"), (3_599_600, "1 h"),
     (11_100_000, "3 h 5 min"), (180_000_000, "50 h")],
)  # fmt: skip
def test_how_long_something_took_is_written_as_people_say_it(services: Services, ms: int, text: str) -> None:
    with create_app(services).test_request_context():
        assert formats.span(ms).replace("\xa0", " ") == text


def test_of_a_campaign_whose_contacts_were_all_left_out_it_is_said(browser: Browser) -> None:
    send(browser, "c1", contacts=["123", "124"])
    send(browser, "c2", contacts=["123"])
    shown = words(browser.text(""))
    assert "nobody was sent to: all 2 were left out" in shown
    assert "nobody was sent to: the one contact was left out" in shown
    assert "100%" not in shown
    page = words(browser.text(ONE))
    assert "all 2 were left out" in page
    assert "100%" not in page


def test_the_last_error_is_shown_while_it_is_of_anybody(browser: Browser, store: Store) -> None:
    accepting.accept(store, an_order("c1", contacts=1), country="BR")
    client = store.scripts.client
    client.hset(key("contact", "c1", 0), mapping={"status": "failed", "reason": "not_on_whatsapp", "at_failed": "1"})
    client.hset(key("tally", "c1"), mapping={"pending": 0, "failed": 1})
    client.hset(key("campaign", "c1"), mapping={"last_error": "not_on_whatsapp", "last_error_of": 0})
    client.zadd(key("listed", "c1", "failed"), {"0": 0})
    assert "Last error not on WhatsApp" in words(browser.text(ONE))
    steering.retry(store, "c1", Scope.FAILED)
    assert "Last error" not in browser.text(ONE)
