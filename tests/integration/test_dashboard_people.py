"""One person's data on the dashboard: found in each campaign that the caller may see, and deleted after clear words."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest
from flask.testing import FlaskClient

from broadcast.domain.caller import Caller, Scope
from broadcast.domain.phone import forms
from broadcast.engine import accepting, granting, removing, telling, tracing
from broadcast.engine.tracing import Traces, trace
from broadcast.errors import Invalid
from broadcast.store import Store
from broadcast.store.keys import key
from tests.builders import an_order, phones
from tests.integration.test_dashboard import Browser

ANA, BIA = "5511999990001", "5511999990002"


@pytest.fixture
def browser(client: FlaskClient) -> Browser:
    return Browser(client)


def accept(store: Store, campaign: str, *contacts: str, instance: str = "loja") -> None:
    accepting.accept(store, an_order(campaign, contacts=list(contacts), instance=instance), country="BR")


def traced(store: Store, phone: str = ANA, **changes: Any) -> Traces:
    return trace(store, phone, **{"country": "BR", "instances": None, **changes})


def everywhere(store: Store, phone: str = ANA) -> list[tuple[str, int]]:
    """Campaign and number of all that is found, look after look."""
    found, cursor = [], None
    for _ in range(100):
        traces = traced(store, phone, cursor=cursor)
        found += [(one.campaign, one.contact.number) for one in traces.items]
        cursor = traces.next_cursor
        if cursor is None:
            return found
    raise AssertionError("it never comes to its end")


# The engine


def test_a_person_is_found_in_every_campaign_in_either_form(store: Store) -> None:
    accept(store, "c1", BIA, ANA)
    accept(store, "c2", BIA)
    accept(store, "c3", min(forms(ANA), key=len))
    assert sorted(everywhere(store)) == [("c1", 1), ("c3", 0)]
    for written in ("(11) 9999-0001", "(011) 99999-0001", "11 99999-0001", "+55 11 9999-0001", "551199990001"):
        assert sorted(everywhere(store, written)) == [("c1", 1), ("c3", 0)]


def test_every_form_of_a_number_ends_alike() -> None:
    for digits in (ANA, "525512345678", "5215512345678", "5491122334455", "16502530000"):
        assert len({form[-tracing.SHARED :] for form in forms(digits)}) == 1


def test_who_ends_with_the_same_digits_is_somebody_else(store: Store) -> None:
    accept(store, "c1", "5521999990001", ANA)
    assert everywhere(store) == [("c1", 1)]


@pytest.mark.parametrize(("most", "at_once", "campaigns"), [(7, 2, 200), (1, 500, 200), (20_000, 500, 1), (5, 5, 2)])
def test_a_look_goes_on_where_it_stopped(
    store: Store, monkeypatch: pytest.MonkeyPatch, most: int, at_once: int, campaigns: int
) -> None:
    for name, value in (("LOOKED_AT", most), ("LOOKED_AT_ONCE", at_once), ("CAMPAIGNS_LOOKED_AT", campaigns)):
        monkeypatch.setattr(tracing, name, value)
    accept(store, "c1", *phones(9), ANA)
    accept(store, "c2", ANA, *phones(4))
    accept(store, "c3", *phones(5))
    accept(store, "c4", *phones(2), ANA)
    assert sorted(everywhere(store)) == [("c1", 9), ("c2", 0), ("c4", 2)]


def test_a_campaign_that_is_removed_meanwhile_hides_nobody(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracing, "LOOKED_AT", 4)
    accept(store, "old", ANA)
    accept(store, "new", *phones(9))
    store.scripts.client.zincrby(key("campaigns"), -1000, "old")
    cursor = traced(store).next_cursor
    store.scripts.client.zrem(key("campaigns"), "new")
    assert [one.campaign for one in traced(store, cursor=cursor).items] == ["old"]


@pytest.mark.parametrize("cursor", ["x", "bm90aGluZw==", "W10=", "WzEsMiwzXQ==", "é"])
def test_a_cursor_that_is_none_of_ours_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(Invalid):
        traced(store, cursor=cursor)


# The pages


def page_of(browser: Browser, phone: str = ANA) -> str:
    """The address of the page about somebody."""
    answer = browser.post("/people", at="/people", phone=phone)
    assert answer.status_code == 303, answer.text
    return str(answer.location.removeprefix("/dashboard"))


def find(browser: Browser, phone: str = ANA) -> str:
    return browser.text(page_of(browser, phone))


def test_what_became_of_a_person_is_shown(browser: Browser, store: Store) -> None:
    accept(store, "c1", BIA, ANA)
    accept(store, "c2", BIA)
    store.scripts.client.hset(key("contact", "c1", 1), mapping={"status": "failed", "reason": "not_on_whatsapp"})
    shown = find(browser, "11 99999-0001")
    for text in ("+55 11 99999-0001", "/dashboard/campaigns/c1", "not on WhatsApp", "They have not opted out."):
        assert text in shown, text
    assert "/dashboard/campaigns/c2" not in shown
    browser.client.post("/suppressions", json={"phones": [ANA]})
    assert "They have opted out" in find(browser)
    assert "In none." in find(browser, "+55 21 99999-0009")


def test_what_is_no_number_is_said_so(browser: Browser) -> None:
    answer = browser.post("/people", at="/people", phone="Ana")
    assert answer.status_code == 422
    assert "This cannot be a phone number." in answer.text
    assert browser.get(f"{page_of(browser)}?cursor=x").status_code == 422


def test_a_page_about_somebody_can_be_loaded_again_for_a_while_by_who_asked(browser: Browser, store: Store) -> None:
    accept(store, "c1", ANA)
    page = page_of(browser)
    assert "/dashboard/campaigns/c1" in browser.text(page)
    assert "/dashboard/campaigns/c1" in browser.text(page)
    (name,) = store.scripts.client.scan_iter(key("note", "*"))
    assert ANA not in name + store.scripts.client.get(name)
    assert 800 < store.scripts.client.ttl(name) <= 900
    store.scripts.client.delete(name)
    for path in (page, f"{page}/forget"):
        assert browser.get(path).location == "/dashboard/people"
    assert browser.post(f"{page}/forget", at="/people").location == "/dashboard/people"
    assert "this one is gone" in browser.text("/people")
    assert store.removals.unfinished(idle_ms=-5000) == ([], [])


def test_older_campaigns_are_looked_at_one_page_after_another(
    browser: Browser, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tracing, "LOOKED_AT", 5)
    accept(store, "c1", ANA, *phones(4))
    accept(store, "c2", *phones(5))
    store.scripts.client.zincrby(key("campaigns"), -1000, "c1")
    first = find(browser)
    assert "there are more" in first
    older = re.search(r'href="/dashboard(/people/[^"]+cursor=[^"]+)"', first)
    assert older
    assert "/dashboard/campaigns/c1" in browser.text(older[1])


def test_a_number_is_in_no_address(browser: Browser, store: Store) -> None:
    accept(store, "c1", ANA)
    page = page_of(browser)
    assert ANA not in page
    for shown in (browser.text(page), browser.text(f"{page}/forget")):
        assert not re.search(rf'(?:href|action|src)="[^"]*{ANA}', shown)


def test_a_persons_data_are_deleted_after_clear_words(
    browser: Browser, store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    accept(store, "c1", BIA, ANA)
    browser.client.post("/suppressions", json={"phones": [ANA]})
    page = page_of(browser)
    asked = browser.text(f"{page}/forget")
    for text in ("What stays", "by a hash instead of the number", "It cannot be undone."):
        assert text in asked, text
    assert store.removals.unfinished(idle_ms=-5000) == ([], [])

    answer = browser.post(f"{page}/forget", at=f"{page}/forget")
    assert answer.location == "/dashboard/people"
    assert not list(store.scripts.client.scan_iter(key("note", "*")))
    (token,) = store.removals.unfinished(idle_ms=-5000)[1]
    while removing.blank(store, token, limit=500)[0] == "on":
        pass
    contact = telling.contacts(store, "c1", status=None, limit=2, cursor=None).items[1]
    assert (contact.phone, contact.reason) == ("5511*******01", "forgotten")
    shown = browser.text("/people")
    assert "5511*******01 are being deleted" in shown
    assert ANA not in shown
    assert ANA not in caplog.text
    after = find(browser)
    assert "In none." in after
    assert "They have opted out" in after


def test_who_has_not_opted_out_is_warned_that_nothing_keeps_them_from_being_written_to(browser: Browser) -> None:
    assert "Put them on the opt-outs first" in browser.text(f"{page_of(browser)}/forget")


def test_a_person_of_another_country_is_that_person_on_every_page(browser: Browser, store: Store) -> None:
    foreign = "+1 650 253 0000"
    accept(store, "c1", foreign)
    page = page_of(browser, foreign)
    assert "/dashboard/campaigns/c1" in browser.text(page)
    assert "+16502530000" in browser.text(f"{page}/forget")


def test_people_are_found_where_the_key_may_look_and_deleted_by_admins_of_everything(
    browser: Browser, store: Store
) -> None:
    accept(store, "hers", ANA)
    accept(store, "theirs", ANA, instance="outra")
    reader = Caller(name="ana", scopes=frozenset({Scope.READ}), instances=frozenset({"loja"}))
    for caller in (reader, replace(reader, name="lea", scopes=frozenset({Scope.ADMIN}))):
        browser.log_in(granting.grant(store, caller))
        page = page_of(browser)
        shown = browser.text(page)
        assert "/dashboard/campaigns/hers" in shown
        assert "theirs" not in shown
        assert "Delete their data" not in shown
        assert browser.get(f"{page}/forget").status_code == 403
        assert browser.post(f"{page}/forget", at="/people").status_code == 403
        browser.post("/logout", at="/people")
    assert store.removals.unfinished(idle_ms=-5000) == ([], [])
