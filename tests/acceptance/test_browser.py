"""The dashboard in a real browser, against the running product: a marketer's day, looked at by axe on the way.

One Chromium and one stack for all of it. Screenshots are kept in `artefacts/`, which git ignores.
"""

from __future__ import annotations

import csv
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.builders import a_body, phones
from tests.processes import RedisServer, Stack, wait_for

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: install it (Debian: apt install chromium)"),
]

ROOT = Path(__file__).parents[2]
ARTEFACTS = ROOT / "artefacts"
OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
KEY = "secret-of-marketing"
#: name -> width and height of the window
SIZES = {"phone": (375, 812), "desk": (1440, 900)}
#: Both widths and both schemes; the other two pairs are made of the same parts.
LOOKED_AT = {("desk", "light"), ("phone", "dark")}
#: What WCAG 2.1 asks for on levels A and AA, which is what we promise.
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}


@pytest.fixture(scope="module")
def stack(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product, asking for a key, on a database of its own."""
    url = redis_server.url(5)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    folder = tmp_path_factory.mktemp("browser")
    with Stack(folder, url, {"API_KEYS": f"marketing:{KEY}", "FANOUT_HORIZON_S": "2"}) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium, with a user-data-dir of its own that is gone with it."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=OPTIONS)
        yield chromium
        chromium.close()


@pytest.fixture
def context(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """A visitor in Brazil. Whatever the page asks of another host fails the test."""
    visitor = browser.new_context(locale="pt-BR", base_url=stack.url, viewport={"width": 1440, "height": 900})
    visitor.set_default_timeout(15_000)
    asked: list[str] = []
    visitor.on("request", lambda request: asked.append(request.url))
    problems: list[str] = []
    visitor.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    yield visitor
    visitor.close()
    assert not [url for url in asked if not url.startswith((stack.url, "data:"))]
    assert not [text for text in problems if "Content Security Policy" in text]


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def marketer(page: Page) -> Page:
    """Somebody who has logged in."""
    log_in(page)
    return page


def log_in(page: Page) -> None:
    page.goto("/dashboard")
    page.get_by_label("Chave de API").fill(KEY)
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("heading", name="Campanhas", exact=True)).to_be_visible()


def send(stack: Stack, campaign: str, instance: str, **changes: object) -> None:
    body = {name: value for name, value in a_body(campaign, instance, **changes).items() if name != "action"}
    stack.post("/queue/add-broadcast", body, Authorization=f"Bearer {KEY}").raise_for_status()


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


def shoot(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)


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


def test_a_campaign_from_a_csv_is_watched_paused_resumed_and_reported(
    marketer: Page, stack: Stack, tmp_path: Path, fresh: str
) -> None:
    page, rows = marketer, [f"{number};Pessoa {index}" for index, number in enumerate(phones(40))]
    contacts = tmp_path / "contatos.csv"
    contacts.write_text("\n".join(["telefone;nome", *rows, rows[0], "123;Ninguém"]), encoding="latin-1")
    page.get_by_role("link", name="Nova campanha").first.click()
    page.get_by_label("Mensagem").fill("Olá {{name}}, tudo bem?")
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
    expect(sent).not_to_have_text("40", timeout=20_000)
    expect(page.locator("[data-live='progress']").first).not_to_have_text("4,8%", timeout=20_000)
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
    report = Path(download.value.path()).read_text("utf-8-sig")
    assert len(list(csv.DictReader(report.splitlines(), delimiter=";"))) == 42
    page.get_by_role("link", name="Cancelar de vez").click()
    page.get_by_role("button", name="Cancelar de vez").click()
    expect(page.get_by_text("cancelada").first).to_be_visible()


def status(page: Page, fresh: str) -> dict[str, dict[str, int]]:
    answer: dict[str, dict[str, int]] = page.request.get(f"/dashboard/campaigns/promo-{fresh}/state.json").json()
    return answer


def test_every_page_passes_axe_and_fits_on_every_window(context: BrowserContext, stack: Stack, fresh: str) -> None:
    page = context.new_page()
    log_in(page)
    stack.fault(instance=fresh, kind="not_on_whatsapp", share=0.2)
    send(stack, f"verao-{fresh}", fresh, contacts=[*phones(60), "123", "456"], rateLimitMs=20)
    send(stack, f"natal-{fresh}", f"{fresh}-b", contacts=300, rateLimitMs=2000)
    page.request.post("/dashboard/suppressions", form={"csrf_token": token(page), "phones": "11999990001\n11999990002"})
    finished = f"/dashboard/campaigns/verao-{fresh}/state.json"
    wait_for(lambda: page.request.get(finished).json()["status"] == "completed", seconds=60, what="a campaign to end")
    pages = {
        "campaigns": "/dashboard", "running": f"/dashboard/campaigns/natal-{fresh}",
        "completed": f"/dashboard/campaigns/verao-{fresh}", "contacts": f"/dashboard/campaigns/verao-{fresh}/contacts",
        "instances": "/dashboard/instances", "new": "/dashboard/new", "suppressions": "/dashboard/suppressions",
        "confirm": f"/dashboard/campaigns/natal-{fresh}/cancel", "nothing": "/dashboard/nothing",
    }  # fmt: skip
    problems = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for name, address in pages.items():
                page.goto(address)
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
    expect(page.locator("[data-live='counts.pending']")).not_to_have_text(re.compile("^(30|29|28)$"), timeout=20_000)
    assert page.evaluate("window.isTheSamePage") is True


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
    visitor = browser.new_context(locale="en-US", base_url=stack.url, java_script_enabled=False)
    page = visitor.new_page()
    page.goto(f"/dashboard/campaigns/{fresh}")
    page.get_by_label("API key").fill(KEY)
    page.get_by_role("button", name="Log in").click()
    assert page.locator("noscript meta[http-equiv=refresh]").count() == 1
    page.get_by_role("link", name="Pause").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("status")).to_contain_text("paused")
    visitor.close()
