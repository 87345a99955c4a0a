"""The dashboard in a real browser, against the running product: a marketer's day, looked at by axe on the way.

One Chromium and one stack for all of it.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
import requests
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Route, expect

from tests.acceptance.browsing import (
    KEY,
    LOOKED_AT,
    MARKS,
    SIZES,
    a_visitor,
    log_in,
    send,
    shoot,
    violations,
)
from tests.builders import TO_COME, phones
from tests.processes import RedisServer, Stack, wait_for

pytestmark = MARKS


@pytest.fixture(scope="module")
def stack(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product, asking for a key, on a database of its own."""
    url = redis_server.url(5)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    folder = tmp_path_factory.mktemp("browser")
    with Stack(folder, url, {"API_KEYS": f"marketing:{KEY}", "FANOUT_HORIZON_S": "2"}) as running:
        yield running


@pytest.fixture
def context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    with a_visitor(browser, stack) as visitor:
        yield visitor


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def marketer(page: Page) -> Page:
    """Somebody who has logged in."""
    log_in(page)
    return page


def test_a_stranger_is_let_in_with_the_key_and_out_again(page: Page) -> None:
    page.goto("/dashboard/instances")
    page.get_by_label("Chave de API").fill("wrong-wrong")
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("alert")).to_have_text("Esta chave não é conhecida.")
    page.get_by_label("Chave de API").fill(KEY)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/dashboard/instances$"))
    page.get_by_role("button", name="Sair").click()
    expect(page.get_by_role("heading", name="Entrar")).to_be_visible()
    page.goto("/dashboard")
    expect(page.get_by_role("heading", name="Entrar")).to_be_visible()


def test_what_was_said_of_a_deed_goes_when_the_page_says_otherwise(marketer: Page, stack: Stack, fresh: str) -> None:
    page = marketer
    send(stack, fresh, fresh, contacts=300, rateLimitMs=500)
    page.goto(f"/dashboard/campaigns/{fresh}/pause")
    page.get_by_role("button", name="Pausar").click()
    said = page.get_by_text("A campanha agora está: pausada.")
    expect(said).to_be_visible()
    stack.post(f"/campaigns/{fresh}/resume", Authorization=f"Bearer {KEY}").raise_for_status()
    expect(page.locator(".state")).to_have_text("enviando")
    expect(said).to_have_count(0)
    stack.post(f"/campaigns/{fresh}/cancel", Authorization=f"Bearer {KEY}").raise_for_status()


def test_the_lists_follow_what_happens_without_asking(marketer: Page, stack: Stack, fresh: str) -> None:
    page = marketer
    send(stack, fresh, fresh, contacts=300, rateLimitMs=500)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto("/dashboard")
    row = page.locator(f"[data-campaign='{fresh}']")
    expect(row.locator("[data-live=progress]")).not_to_have_text("0%")
    stack.post(f"/instances/{fresh}/pause", Authorization=f"Bearer {KEY}").raise_for_status()
    expect(row.get_by_text("em espera")).to_be_visible(timeout=20_000)
    stack.post(f"/instances/{fresh}/resume", Authorization=f"Bearer {KEY}").raise_for_status()
    expect(row.get_by_text("enviando")).to_be_visible(timeout=20_000)
    stack.post(f"/campaigns/{fresh}/pause", Authorization=f"Bearer {KEY}").raise_for_status()
    expect(row.get_by_text("pausada")).to_be_visible()
    assert not [url for url in asked if url.endswith("state.json")]

    page.goto("/dashboard/instances")
    lane = page.locator("[data-lanes] > li", has=page.get_by_role("heading", name=fresh, exact=True))
    expect(lane.get_by_text("ativa")).to_be_visible()
    stack.post(f"/instances/{fresh}/pause", Authorization=f"Bearer {KEY}").raise_for_status()
    expect(lane.get_by_role("link", name="Retomar")).to_be_visible()
    stack.post(f"/campaigns/{fresh}/cancel", Authorization=f"Bearer {KEY}").raise_for_status()


def progress(row: Locator) -> float:
    """What a campaign's row shows, in per cent."""
    return float(str(row.locator("[data-live=progress]").text_content()).rstrip("%").replace(",", "."))


def test_an_open_list_shows_a_new_campaign_where_it_belongs(marketer: Page, stack: Stack, fresh: str) -> None:
    page = marketer
    for index in range(22):  # more than the page has: the events tell of all of them
        send(stack, f"{fresh}-{index}", f"{fresh}-{index}", contacts=1, scheduledFor=f"{TO_COME}-01-01T00:00:00Z")
    send(stack, f"{fresh}-runs", fresh, contacts=500, rateLimitMs=100)
    page.goto("/dashboard")
    page.evaluate("window.isTheSamePage = true")
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(request.url))
    rows = page.locator("[data-campaign]")
    began = progress(rows.first)
    wait_for(lambda: progress(rows.first) >= began + 2, what="ten messages, and the events of a second")
    assert not [url for url in loaded if url.endswith("/dashboard")]  # for those on the next page, nothing is fetched

    rows.first.get_by_role("link").focus()
    page.evaluate("scrollTo(0, 600)")
    scrolled = page.evaluate("scrollY")
    assert scrolled > 300
    send(stack, f"{fresh}-new", f"{fresh}-new", contacts=1, scheduledFor=f"{TO_COME}-01-01T00:00:00Z")
    expect(rows.first).to_have_attribute("data-campaign", f"{fresh}-new")
    expect(rows.nth(1)).to_have_attribute("data-campaign", f"{fresh}-runs")
    expect(rows).to_have_count(20)
    expect(rows.nth(1).get_by_role("link")).to_be_focused()
    assert page.evaluate("scrollY") == scrolled  # whoever reads further down goes on reading
    assert page.evaluate("window.isTheSamePage") is True
    assert len([url for url in loaded if url.endswith("/dashboard")]) == 1
    # Who was pushed off the page is the first of the next one.
    last = rows.last.get_attribute("data-campaign")
    page.get_by_role("link", name="Próxima página").click()
    expect(rows.first).to_have_attribute("data-campaign", f"{fresh}-{int(str(last).rpartition('-')[2]) - 1}")
    stack.post(f"/campaigns/{fresh}-runs/cancel", Authorization=f"Bearer {KEY}").raise_for_status()


def test_a_campaign_from_a_csv_is_watched_paused_resumed_and_reported(
    marketer: Page, stack: Stack, tmp_path: Path, fresh: str
) -> None:
    page, rows = marketer, [f"{number};Pessoa {index}" for index, number in enumerate(phones(40))]
    contacts = tmp_path / "contatos.csv"
    contacts.write_text("\n".join(["telefone;nome", *rows, rows[0], "123;Ninguém"]), encoding="latin-1")
    page.get_by_role("link", name="Nova campanha").first.click()
    page.get_by_label("Mensagem", exact=True).fill("Olá {{name}}, tudo bem?")
    page.get_by_label("Contatos de um arquivo CSV").set_input_files(contacts)
    page.get_by_label("Instância").fill(fresh)
    page.get_by_label("Nome da campanha").fill(f"promo-{fresh}")
    page.get_by_label("Segundos entre duas mensagens").fill("1")
    page.get_by_role("button", name="Prévia").click()
    expect(page.get_by_text("Olá Pessoa 0, tudo bem?")).to_be_visible()
    expect(page.get_by_text("repetido").first).to_be_visible()
    assert violations(page) == []
    shoot(page, "preview-desk-light")
    assert stack.arrivals(fresh) == []  # a preview sends nothing
    page.get_by_role("button", name="Começar").click()

    # It runs, and the page follows without being loaded again.
    page.evaluate("window.isTheSamePage = true")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    sent = page.locator("[data-live='counts.pending']")
    expect(sent).not_to_have_text("40")
    expect(page.locator("[data-live='progress']").first).not_to_have_text("4,8%")
    assert page.evaluate("window.isTheSamePage") is True
    assert not [url for url in asked if url.endswith("state.json")]  # the stream says it all, and nothing is asked for

    page.get_by_role("link", name="Pausar").click()
    page.get_by_role("button", name="Pausar").click()
    expect(page.get_by_role("status")).to_contain_text("pausada")
    wait_for(lambda: status(page, fresh)["counts"]["sending"] == 0, what="what was on the wire")
    paused = status(page, fresh)["counts"]["pending"]
    assert paused > 0
    shoot(page, "paused-desk-light")
    page.get_by_role("link", name="Retomar").click()
    page.get_by_role("button", name="Retomar").click()
    expect(page.get_by_text("enviando").first).to_be_visible()
    wait_for(lambda: status(page, fresh)["counts"]["pending"] < paused, what="it to go on")
    with page.expect_download() as download:
        page.get_by_role("link", name="Baixar relatório").click()
    assert download.value.suggested_filename == f"promo-{fresh}.csv"
    report = Path(download.value.path()).read_text("utf-8-sig")
    assert len(list(csv.DictReader(report.splitlines(), delimiter=";"))) == 42
    page.get_by_role("link", name="Cancelar de vez").click()
    page.get_by_role("button", name="Cancelar de vez").click()
    expect(page.get_by_text("cancelada").first).to_be_visible()


def test_back_and_reload_show_the_preview_again(marketer: Page, stack: Stack, fresh: str) -> None:
    page = marketer
    page.goto("/dashboard/new")
    page.get_by_label("Mensagem", exact=True).fill("Olá, amigo!")
    page.get_by_label("ou contatos").fill("11999990001")
    page.get_by_label("Instância").fill(fresh)
    page.get_by_label("Nome da campanha").fill(f"volta-{fresh}")
    page.get_by_role("button", name="Prévia").click()
    expect(page.get_by_text("Olá, amigo!")).to_be_visible()
    page.go_back()
    for label, text in {"Mensagem": "Olá, amigo!", "Instância": fresh, "Nome da campanha": f"volta-{fresh}"}.items():
        expect(page.get_by_label(label, exact=True)).to_have_value(text)
    page.go_forward()
    page.reload()
    expect(page.get_by_text("Olá, amigo!")).to_be_visible()
    page.get_by_role("button", name="Começar").click()
    expect(page.get_by_role("heading", name=f"volta-{fresh}")).to_be_visible()
    page.go_back()
    expect(page.get_by_text("já foi iniciada")).to_be_visible()
    expect(page.get_by_text("Olá, amigo!")).to_be_visible()
    assert violations(page) == []
    page.get_by_role("link", name="À campanha").click()
    expect(page.get_by_role("heading", name=f"volta-{fresh}")).to_be_visible()
    wait_for(lambda: len(stack.arrivals(fresh)) == 1, what="the one message")


def written(page: Page, fresh: str) -> None:
    """A form of a new campaign that somebody filled in."""
    page.goto("/dashboard/new")
    page.get_by_label("Mensagem", exact=True).fill("Um texto que levou meia hora")
    page.get_by_label("ou contatos").fill("11999990001\n11999990002")
    page.get_by_label("Instância").fill(fresh)
    page.get_by_label("Nome da campanha").fill(f"texto-{fresh}")
    page.get_by_label("Prioridade").select_option("high")


def log_out_elsewhere(page: Page) -> None:
    other = page.context.new_page()
    other.goto("/dashboard")
    other.get_by_role("button", name="Sair").click()
    expect(other.get_by_role("heading", name="Entrar")).to_be_visible()
    other.close()


def test_what_was_written_outlives_the_session_and_no_log_out(marketer: Page, fresh: str) -> None:
    page, kept = marketer, "sessionStorage.length"
    written(page, fresh)
    log_out_elsewhere(page)
    page.get_by_role("button", name="Prévia").click()
    expect(page.get_by_text("Sua sessão acabou")).to_be_visible()
    assert violations(page) == []
    shoot(page, "unsent-desk-light")
    for key in ("wrong-wrong", KEY):
        page.get_by_label("Chave de API").fill(key)
        page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_text("O que você tinha escrito está aqui de novo")).to_be_visible()
    expect(page.get_by_label("Mensagem", exact=True)).to_have_value("Um texto que levou meia hora")
    expect(page.get_by_label("ou contatos")).to_have_value("11999990001\n11999990002")
    expect(page.get_by_label("Instância")).to_have_value(fresh)
    expect(page.get_by_label("Prioridade")).to_have_value("high")
    assert violations(page) == []
    assert page.evaluate(kept) == 0
    page.get_by_role("button", name="Prévia").click()
    expect(page.get_by_role("heading", name=f"texto-{fresh}")).to_be_visible()
    assert page.evaluate(kept) == 0

    # To another person, or after a log-out, nothing of it is shown.
    written(page, fresh)
    log_out_elsewhere(page)
    page.get_by_role("button", name="Prévia").click()
    expect(page.get_by_text("Sua sessão acabou")).to_be_visible()
    page.evaluate(
        "sessionStorage.setItem('broadcast.written', sessionStorage['broadcast.written'].replace('marketing', 'x'))"
    )
    page.get_by_label("Chave de API").fill(KEY)
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("heading", name="Nova campanha")).to_be_visible()
    expect(page.get_by_label("Mensagem", exact=True)).to_have_value("")
    written(page, fresh)
    log_out_elsewhere(page)
    page.get_by_role("button", name="Prévia").click()
    expect(page.get_by_text("Sua sessão acabou")).to_be_visible()
    assert page.evaluate(kept) == 1
    page.goto("/dashboard/login")
    expect(page.get_by_role("heading", name="Entrar")).to_be_visible()
    assert page.evaluate(kept) == 0


def status(page: Page, fresh: str) -> dict[str, dict[str, int]]:
    answer: dict[str, dict[str, int]] = page.request.get(f"/dashboard/campaigns/promo-{fresh}/state.json").json()
    return answer


def test_an_audience_is_added_file_by_file_and_then_started(
    marketer: Page, stack: Stack, tmp_path: Path, fresh: str
) -> None:
    page = marketer
    page.goto("/dashboard/new")
    page.get_by_label("Mensagem", exact=True).fill("Olá {{name|amigo}}")
    page.get_by_label("Eles vêm em vários arquivos").check()
    page.get_by_label("Instância").fill(fresh)
    page.get_by_label("Nome da campanha").fill(f"aberta-{fresh}")
    page.get_by_label("Segundos entre duas mensagens").fill("1")
    page.get_by_role("button", name="Prévia").click()
    page.get_by_role("button", name="Criar e incluir contatos").click()
    large = tmp_path / "large.csv"
    large.write_bytes(b"x" * 33 * 1024 * 1024)
    page.get_by_label("arquivo").set_input_files(large)
    page.get_by_role("button", name="Incluir").click()
    assert "grande demais" in page.get_by_label("arquivo").evaluate("file => file.validationMessage")
    expect(page.get_by_text("O primeiro arquivo")).to_be_visible()
    for index in range(2):
        rows = [f"{number};P" for number in phones(20, start=20 * index)]
        file = tmp_path / f"parte-{index}.csv"
        file.write_text("\n".join(["telefone;nome", *rows, "123;Ninguém"]))
        page.get_by_label("arquivo").set_input_files(file)
        page.get_by_role("button", name="Incluir").click()
        expect(page.get_by_role("status")).to_contain_text("20 contatos foram incluídos.")
    expect(page.locator(".big")).to_have_text("40 a receber, 2 ficam de fora")
    page.get_by_text("Mostrar").click()
    expect(page.get_by_text("Linha 22: não é um número")).to_be_visible()
    assert violations(page) == []
    shoot(page, "audience-added-desk-light")
    assert stack.arrivals(fresh) == []
    page.get_by_role("link", name="Começar").click()
    page.go_back()
    expect(page.get_by_role("status")).to_contain_text("20 contatos foram incluídos.")
    page.get_by_role("link", name="Começar").click()
    expect(page.locator(".big")).to_have_text("40 de 42 contatos")
    expect(page.locator(".sample blockquote").first).to_have_text("Olá P")
    assert violations(page) == []
    page.get_by_role("button", name="Começar: enviar a 40 contatos").click()
    expect(page.get_by_role("status").first).to_contain_text("enviando")
    wait_for(lambda: stack.arrivals(fresh), what="the first message")
    stack.post(f"/campaigns/aberta-{fresh}/cancel", Authorization=f"Bearer {KEY}").raise_for_status()


def test_a_campaign_is_removed_as_soon_as_it_is_over(marketer: Page, stack: Stack, fresh: str) -> None:
    page = marketer
    stack.fault(instance=fresh, kind="not_on_whatsapp", delayMs=4000)
    send(stack, fresh, fresh, contacts=5, rateLimitMs=500)
    page.goto(f"/dashboard/campaigns/{fresh}")
    expect(page.locator("[data-live='counts.sending']")).not_to_have_text("0")
    page.evaluate("window.isTheSamePage = true")
    stack.post(f"/campaigns/{fresh}/cancel", Authorization=f"Bearer {KEY}").raise_for_status()
    expect(page.get_by_text("cancelada").first).to_be_visible()  # and what is on the wire is waited for
    link = page.get_by_role("link", name="Excluir de vez")
    expect(link).to_be_visible()
    assert page.evaluate("window.isTheSamePage") is True
    link.click()
    page.get_by_role("button", name="Excluir de vez").click()
    expect(page.get_by_role("status")).to_contain_text("foi excluída")
    assert page.locator(f"[data-campaign='{fresh}']").count() == 0
    assert page.goto(f"/dashboard/campaigns/{fresh}").status == 404


def test_every_page_passes_axe_and_fits_on_every_window(context: BrowserContext, stack: Stack, fresh: str) -> None:
    page = context.new_page()
    log_in(page)
    stack.fault(instance=fresh, kind="not_on_whatsapp", share=0.2)
    send(stack, f"verao-{fresh}", fresh, contacts=[*phones(60), "123", "456"], rateLimitMs=20)
    send(stack, f"natal-{fresh}", f"{fresh}-b", contacts=300, rateLimitMs=2000)
    body = {"campaignId": f"aberta-{fresh}", "instanceId": fresh, "message": "Oi", "open": True}
    stack.post("/queue/add-broadcast", body, Authorization=f"Bearer {KEY}").raise_for_status()
    people = {"contacts": [*phones(20), "123"]}
    added = stack.post(f"/campaigns/aberta-{fresh}/contacts?chunk=1", people, Authorization=f"Bearer {KEY}")
    added.raise_for_status()
    page.request.post("/dashboard/suppressions", form={"csrf_token": token(page), "phones": "11999990001\n11999990002"})
    long = f"{fresh}-{'x' * 128}"[:128]
    send(stack, long, long, contacts=5, scheduledFor=f"{TO_COME}-01-01T00:00:00Z")
    finished = f"/dashboard/campaigns/verao-{fresh}/state.json"
    wait_for(lambda: page.request.get(finished).json()["status"] == "completed", seconds=120, what="a campaign to end")
    pages = {
        "campaigns": "/dashboard", "running": f"/dashboard/campaigns/natal-{fresh}",
        "completed": f"/dashboard/campaigns/verao-{fresh}", "contacts": f"/dashboard/campaigns/verao-{fresh}/contacts",
        "instances": "/dashboard/instances", "new": "/dashboard/new", "suppressions": "/dashboard/suppressions",
        "confirm": f"/dashboard/campaigns/natal-{fresh}/cancel", "nothing": "/dashboard/nothing",
        "audience": f"/dashboard/campaigns/aberta-{fresh}/audience", "open": f"/dashboard/campaigns/aberta-{fresh}",
        "start": f"/dashboard/campaigns/aberta-{fresh}/start",
        "remove": f"/dashboard/campaigns/verao-{fresh}/remove", "long": f"/dashboard/campaigns/{long}",
        "long-instance": f"/dashboard/instances/{long}", "long-contacts": f"/dashboard/campaigns/{long}/contacts",
    }  # fmt: skip
    problems = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for name, address in pages.items():
                page.goto(address)
                if name == "new":
                    page.get_by_text("Ou um modelo").click()
                shoot(page, f"{name}-{size}-{scheme}")
                if (size, scheme) in LOOKED_AT:
                    problems += violations(page)
                if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
                    problems.append(f"{address} is wider than {width} px")
    assert problems == [], "\n".join(problems)


def token(page: Page) -> str:
    return page.locator("[name=csrf_token]").first.input_value()


def test_without_a_stream_the_page_asks_every_two_seconds(marketer: Page, stack: Stack, fresh: str) -> None:
    page = marketer
    send(stack, fresh, fresh, contacts=30, rateLimitMs=500)
    page.route("**/events", lambda route: route.abort())
    page.add_init_script("delete window.EventSource")
    with page.expect_response("**/state.json"):
        page.goto(f"/dashboard/campaigns/{fresh}")
    page.evaluate("window.isTheSamePage = true")
    expect(page.locator("[data-live='counts.pending']")).not_to_have_text(re.compile("^(30|29|28)$"))
    assert page.evaluate("window.isTheSamePage") is True


def test_an_open_page_of_a_campaign_that_was_over_shows_when_it_goes_on(
    marketer: Page, stack: Stack, fresh: str
) -> None:
    page = marketer
    stack.fault(instance=fresh, kind="not_on_whatsapp", times=1)
    send(stack, fresh, fresh, contacts=3, rateLimitMs=20)
    wait_for(lambda: state_of(page, fresh)["status"] == "completed", what="the campaign to end")
    over = json.dumps(state_of(page, fresh))
    opened: list[str] = []

    def end_at_once(route: Route) -> None:
        """The first stream tells the present and its end, as one does after 30 s of quiet; others are the real ones."""
        opened.append(route.request.url)
        if len(opened) > 1:
            return route.continue_()
        events = f"id: 1\ndata: {over}\n\nevent: end\nid: 1.end\ndata: {{}}\n\n"
        return route.fulfill(content_type="text/event-stream", body=events)

    page.route(f"**/campaigns/{fresh}/events", end_at_once)
    page.clock.install()
    page.goto(f"/dashboard/campaigns/{fresh}")
    page.evaluate("window.isTheSamePage = true")
    failed = page.locator("[data-live='counts.failed']")
    expect(failed).to_have_text("3")
    asked: list[str] = []
    page.on("response", lambda answer: asked.append(answer.url) if answer.url.endswith("state.json") else None)

    def has_asked_twice() -> bool:
        page.clock.fast_forward(15_000)
        return len(asked) > 1

    wait_for(has_asked_twice, what="the page to ask, slowly")
    assert len(opened) == 1  # nothing is new

    stack.post(f"/campaigns/{fresh}/retry", {"scope": "failed"}, Authorization=f"Bearer {KEY}").raise_for_status()
    wait_for(lambda: state_of(page, fresh)["counts"]["failed"] == 0, what="all to be sent")
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")  # somebody comes back to the page
    expect(failed).to_have_text("0")
    assert page.evaluate("window.isTheSamePage") is True
    wait_for(lambda: page.evaluate("true") and len(opened) == 2, what="the events to be heard again")


def test_the_chart_is_drawn_anew_after_the_last_news(marketer: Page, stack: Stack, fresh: str) -> None:
    page = marketer
    send(stack, fresh, fresh, contacts=3, scheduledFor=f"{TO_COME}-01-01T00:00:00Z")
    once = f"retry: 3600000\n\nid: 1\ndata: {json.dumps(state_of(page, fresh))}\n\n"
    page.route(f"**/campaigns/{fresh}/events", lambda route: route.fulfill(content_type="text/event-stream", body=once))
    page.route(f"**/campaigns/{fresh}/chart", lambda route: route.fulfill(body="<p>As it is now</p>"))
    page.goto(f"/dashboard/campaigns/{fresh}")  # and the only news comes at once
    expect(page.get_by_text("As it is now")).to_be_visible(timeout=20_000)


def test_a_campaign_that_is_removed_elsewhere_leaves_the_open_list(marketer: Page, stack: Stack, fresh: str) -> None:
    page = marketer
    send(stack, fresh, fresh, contacts=1, scheduledFor=f"{TO_COME}-01-01T00:00:00Z")
    stack.post(f"/campaigns/{fresh}/cancel", Authorization=f"Bearer {KEY}").raise_for_status()
    page.clock.install()
    with page.expect_response("**/dashboard/events"):
        page.goto("/dashboard")
    page.evaluate("window.isTheSamePage = true")
    row = page.locator(f"[data-campaign='{fresh}']")
    expect(row).to_be_visible()
    headers = {"Authorization": f"Bearer {KEY}"}
    requests.delete(f"{stack.url}/campaigns/{fresh}", headers=headers, timeout=60).raise_for_status()

    def is_gone() -> bool:
        page.clock.fast_forward(15_000)
        return row.count() == 0

    wait_for(is_gone, what="the row to go")
    assert page.evaluate("window.isTheSamePage") is True


def test_an_open_page_says_when_no_answers_come(marketer: Page, stack: Stack, fresh: str) -> None:
    page = marketer
    send(stack, fresh, fresh, contacts=1, scheduledFor=f"{TO_COME}-01-01T00:00:00Z")
    page.route("**/events", lambda route: route.abort())
    page.route("**/state.json", lambda route: route.abort())
    page.goto(f"/dashboard/campaigns/{fresh}")
    notice = page.get_by_text("Sem resposta há algum tempo")
    expect(notice).to_be_visible(timeout=20_000)
    expect(notice).to_have_attribute("aria-live", "polite")
    assert violations(page) == []
    page.unroute("**/state.json")
    page.unroute("**/events")
    expect(notice).to_have_count(0)


def state_of(page: Page, campaign: str) -> dict[str, Any]:
    answer: dict[str, Any] = page.request.get(f"/dashboard/campaigns/{campaign}/state.json").json()
    return answer


def test_a_campaign_is_paused_by_keyboard_alone(marketer: Page, stack: Stack, fresh: str) -> None:
    page = marketer
    send(stack, fresh, fresh, contacts=50, rateLimitMs=1000)
    page.goto(f"/dashboard/campaigns/{fresh}")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Pular para o conteúdo")).to_be_focused()
    page.keyboard.press("Enter")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "Pausar":
            break
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Pausar").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("pausada")


def test_without_scripts_nothing_is_missing_but_the_moment(browser: Browser, stack: Stack, fresh: str) -> None:
    send(stack, fresh, fresh, contacts=30, rateLimitMs=1000)
    visitor = browser.new_context(locale="en-US", base_url=stack.url, java_script_enabled=False, color_scheme="dark")
    page = visitor.new_page()
    page.goto(f"/dashboard/campaigns/{fresh}")
    assert brightness(page) < 64
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Log in").click()
    expect(page.locator("noscript meta[http-equiv=refresh]")).to_have_count(1)  # a click does not wait for the page
    page.get_by_role("link", name="Pause").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_contain_text("paused")
    assert brightness(page) < 64
    shoot(page, "no-script-desk-dark")  # its contrast is judged with scripts, which axe needs: they change no colour
    page.emulate_media(color_scheme="light")
    assert brightness(page) > 192
    visitor.close()


def brightness(page: Page) -> float:
    """That of the page's ground, from 0 to 255."""
    colour = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    parts = [int(part) for part in re.findall(r"\d+", colour)[:3]]
    return sum(parts) / len(parts)
