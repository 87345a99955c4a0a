"""The dashboard's desk in a real browser: an instance, a key, the CRM's callbacks and a person's data, by axe too.

One stack and one Chromium for all of it, with a CRM that takes one callback of each campaign.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import redis
import requests
from playwright.sync_api import Browser, Page, expect

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
from tests.builders import phones
from tests.crm import SECRET, Crm, a_crm
from tests.processes import RedisServer, Stack, wait_for

pytestmark = MARKS

ANA = "5511999990001"


@pytest.fixture(scope="module")
def crm() -> Iterator[Crm]:
    """A CRM that hears of the beginning, and is out of order then; of some campaigns it wants to hear nothing."""

    def answer(news: dict[str, Any]) -> int:
        if news["data"]["campaignId"].endswith("-unwanted"):
            return 410
        return 204 if news["type"] == "campaign.started" else 503

    with a_crm() as crm:
        crm.answer = answer
        yield crm


@pytest.fixture(scope="module")
def stack(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The product, asking for a key, on a database of its own."""
    url = redis_server.url(6)
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    env = {
        "API_KEYS": f"marketing:{KEY}",
        "SECRET_KEY": "a-secret-key-of-32-characters-or-more",
        "CALLBACK_SECRET": SECRET,
        "CALLBACK_ALLOW_PRIVATE": "1",
    }
    with Stack(tmp_path_factory.mktemp("desk"), url, env) as running:
        yield running


@pytest.fixture
def page(browser: Browser, stack: Stack) -> Iterator[Page]:
    """Somebody who has logged in."""
    with a_visitor(browser, stack) as visitor:
        page = visitor.new_page()
        log_in(page)
        yield page


def fill_in(page: Page, stack: Stack, name: str, *, url: str | None = None) -> None:
    """The form of a new instance of Evolution's."""
    page.goto("/dashboard/register")
    page.get_by_label("Nome", exact=True).fill(name)
    page.get_by_label("Gateway", exact=True).select_option("evolution")
    page.get_by_label("Endereço do gateway").fill(url or stack.sandbox_url)
    page.get_by_label("Chave de API do gateway").locator("visible=true").fill("secret-of-the-tests")
    page.get_by_label("Token das chamadas de webhook").locator("visible=true").fill("a-token")


def test_an_instance_is_registered_and_its_gateway_is_heard(page: Page, stack: Stack, fresh: str) -> None:
    fill_in(page, stack, fresh)
    expect(page.get_by_text("Credenciais para WAHA")).to_be_hidden()
    page.get_by_label("Abre às").fill("08:00")
    page.get_by_label("Fuso horário").fill("Marte/Norte")
    page.get_by_label("Fecha às").fill("20:00")
    page.get_by_role("button", name="Salvar").click()
    expect(page.get_by_text("não é um fuso horário da IANA")).to_be_visible()
    assert violations(page) == []
    page.get_by_label("Fuso horário").fill("America/Sao_Paulo")
    page.get_by_label("Chave de API do gateway").locator("visible=true").fill("secret-of-the-tests")
    page.get_by_label("Token das chamadas de webhook").locator("visible=true").fill("a-token")
    page.get_by_role("button", name="Salvar").click()
    page.evaluate("window.isTheSamePage = true")
    expect(page.get_by_text(re.compile("perguntado em"))).to_be_visible()  # the page follows the probe
    assert page.evaluate("window.isTheSamePage") is True
    page.get_by_role("link", name="Alterar").click()
    page.get_by_label("Máximo de mensagens por dia").fill("50")
    page.get_by_role("button", name="Salvar").click()
    expect(page.get_by_text(re.compile("08:00.20:00"))).to_be_visible()
    assert "secret-of-the-tests" not in page.content()


def test_a_key_is_copied_once_and_revoked(page: Page, fresh: str) -> None:
    page.get_by_role("link", name="Chaves").click()
    page.get_by_label("Para quem").fill(fresh)
    page.get_by_role("button", name="Criar a chave").click()
    secret = page.get_by_label("Segredo").input_value()
    assert secret.startswith("bc_")
    page.reload()
    expect(page.get_by_text("só é mostrado uma vez")).to_be_visible()  # and it asks for nothing to be sent again
    assert secret not in page.content()
    page.goto("/dashboard/keys")
    page.get_by_role("link", name=f"Revogar {fresh}").click()
    page.get_by_role("button", name="Revogar a chave").click()
    expect(page.get_by_role("status")).to_contain_text("foi revogada")


def test_callbacks_that_no_crm_takes_are_seen_and_tried_again(page: Page, stack: Stack, crm: Crm, fresh: str) -> None:
    send(stack, fresh, fresh, contacts=[ANA], callbackUrl=crm.url)
    wait_for(lambda: "campaign.completed" in crm.types, what="a callback that fails")
    page.get_by_role("link", name="Avisos ao CRM").click()
    page.get_by_role("link", name=fresh, exact=True).click()
    expect(page.get_by_text("O CRM respondeu 503").first).to_be_visible()
    before = crm.types.count("campaign.started")
    page.get_by_role("button", name="Entregar de novo").click()
    expect(page.get_by_role("status")).to_contain_text("1 aviso será entregue de novo")
    wait_for(lambda: crm.types.count("campaign.started") > before, what="the callback once more")
    page.get_by_role("link", name="Entregar de novo").click()
    page.get_by_role("button", name="Entregar de novo").click()
    expect(page.get_by_role("status")).to_contain_text("nada para entregar")  # none is given up yet


def test_what_was_given_up_is_found_over_all_campaigns(page: Page, stack: Stack, crm: Crm, fresh: str) -> None:
    send(stack, f"{fresh}-unwanted", fresh, contacts=[ANA], callbackUrl=crm.url)
    page.get_by_role("link", name="Avisos ao CRM").click()
    page.get_by_role("link", name="Todos os abandonados").click()

    def is_shown() -> bool:
        page.reload()
        return page.get_by_role("link", name=f"{fresh}-unwanted", exact=True).first.is_visible()

    wait_for(is_shown, what="the callback that was given up")
    page.get_by_role("button", name=re.compile(f"Entregar de novo.*{fresh}-unwanted")).first.click()
    expect(page.get_by_role("status")).to_contain_text("1 aviso será entregue de novo")


def test_a_persons_data_are_found_and_deleted(page: Page, stack: Stack, fresh: str) -> None:
    number = f"5521{abs(hash(fresh)) % 10**8 + 9 * 10**8}"
    send(stack, fresh, fresh, contacts=[number])
    page.get_by_role("link", name="Pessoas").click()
    page.get_by_label("Número").fill(number)
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name=fresh)).to_be_visible()
    page.reload()
    page.get_by_role("link", name="Apagar os dados").click()
    expect(page.get_by_text("O que fica")).to_be_visible()
    page.go_back()
    expect(page.get_by_role("link", name=fresh)).to_be_visible()
    page.go_forward()
    page.get_by_role("button", name="Apagar os dados").click()
    expect(page.get_by_role("status")).to_contain_text("estão sendo apagados")

    def is_gone() -> bool:
        page.goto("/dashboard/people")
        page.get_by_label("Número").fill(number)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="Campanhas", exact=True)).to_be_visible()
        return page.get_by_text("Em nenhuma.").is_visible()

    wait_for(is_gone, what="the person to be forgotten")


def test_every_page_passes_axe_and_fits_on_every_window(page: Page, stack: Stack, crm: Crm, fresh: str) -> None:
    before = crm.types.count("campaign.completed")
    send(stack, fresh, fresh, contacts=[*phones(3), ANA], callbackUrl=crm.url)
    wait_for(lambda: crm.types.count("campaign.completed") > before, what="a callback that fails")
    send(stack, f"{fresh}-unwanted", fresh, contacts=[ANA], callbackUrl=crm.url)
    fill_in(page, stack, f"{fresh}-a")
    page.get_by_role("button", name="Salvar").click()
    expect(page.get_by_text(re.compile("perguntado em"))).to_be_visible()
    fill_in(page, stack, f"{fresh}-b", url="http://127.0.0.1:1")
    page.get_by_role("button", name="Salvar").click()
    expect(page.get_by_role("status").first).to_be_visible()
    send(stack, f"{fresh}-held", f"{fresh}-held", contacts=50)
    stack.post(f"/instances/{fresh}-held/pause", Authorization=f"Bearer {KEY}").raise_for_status()
    on_cloud(stack, f"{fresh}-cloud")
    pages = {
        "callbacks": f"/dashboard/callbacks?campaign={fresh}", "called": "/dashboard/callbacks",
        "given-up": "/dashboard/callbacks/failed",
        "replay": f"/dashboard/campaigns/{fresh}/callbacks/replay", "register": "/dashboard/register",
        "instance": f"/dashboard/instances/{fresh}-b", "change": f"/dashboard/instances/{fresh}-b/change",
        "healthy": f"/dashboard/instances/{fresh}-a", "keys": "/dashboard/keys",
        "revoke": "/dashboard/keys/x/revoke", "people": "/dashboard/people",
        "held": f"/dashboard/campaigns/{fresh}-held",
    }  # fmt: skip
    problems: list[str] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for size, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            for name, address in pages.items():
                page.goto(address)
                problems += looked_at(page, name, size, scheme)
            problems += forms_looked_at(page, size, scheme)
            problems += template_looked_at(page, fresh, size, scheme)
    assert problems == [], "\n".join(problems)


def forms_looked_at(page: Page, size: str, scheme: str) -> list[str]:
    """The pages that answer a form: somebody's data, the question before they are deleted, a new key, a wrong one."""
    page.goto("/dashboard/people")
    page.get_by_label("Número").fill(ANA)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Campanhas")).to_be_visible()
    problems = looked_at(page, "person", size, scheme)
    page.get_by_role("link", name="Apagar os dados").click()
    expect(page.get_by_text("O que fica")).to_be_visible()
    problems += looked_at(page, "forget", size, scheme)
    page.goto("/dashboard/keys")
    page.get_by_label("Para quem").fill("a b")
    page.get_by_role("button", name="Criar a chave").click()
    problems += looked_at(page, "keys-wrong", size, scheme)
    page.get_by_label("Para quem").fill(f"{size}-{scheme}")
    page.get_by_role("button", name="Criar a chave").click()
    expect(page.get_by_label("Segredo")).to_be_visible()
    problems += looked_at(page, "key", size, scheme)
    page.reload()
    return problems + looked_at(page, "shown", size, scheme)


def on_cloud(stack: Stack, instance: str) -> None:
    """An instance of Meta's, whose messages may be templates."""
    credentials = {"token": "t", "appSecret": "s", "verifyToken": "v", "phoneNumberId": "1"}
    body = {"dialect": "cloud", "url": stack.sandbox_url, "credentials": credentials}
    headers = {"Authorization": f"Bearer {KEY}"}
    requests.put(f"{stack.url}/instances/{instance}", json=body, headers=headers, timeout=30).raise_for_status()


def template_looked_at(page: Page, fresh: str, size: str, scheme: str) -> list[str]:
    """The form with a template that is not right yet, and the preview of one, with who is left out and a warning."""
    page.goto("/dashboard/new")
    page.get_by_text("Ou um modelo").click()
    page.get_by_label("Nome do modelo").fill("promo_natal")
    page.get_by_label("Cabeçalho", exact=True).select_option("image")
    page.get_by_label("Texto do cabeçalho, ou endereço da mídia dele").fill("https://cdn.example/natal.jpg")
    page.get_by_label("O que preenche as posições do corpo").fill("{{name|cliente}}\n{{city}}")
    page.get_by_label("O que completa o endereço de um botão com link").fill("{{code|natal}}")
    page.get_by_label("ou contatos, um por linha").fill("telefone;nome;city\n11999990001;Ana;Recife\n11999990002;Bia;")
    page.get_by_label("Instância").fill(f"{fresh}-cloud")
    page.get_by_label("Nome da campanha").fill(fresh)
    page.get_by_label("Idioma do modelo").fill("Português")
    page.get_by_role("button", name="Prévia").click()
    expect(page.get_by_role("alert")).to_be_visible()
    problems = looked_at(page, "template-wrong", size, scheme)
    page.get_by_label("Idioma do modelo").fill("pt_BR")
    page.get_by_role("button", name="Prévia").click()
    expect(page.locator("blockquote.filled")).to_contain_text("promo_natal")
    expect(page.get_by_text("Já existe outra campanha")).to_be_visible()
    page.get_by_text("Mostrar").click()
    return problems + looked_at(page, "template", size, scheme)


def looked_at(page: Page, name: str, size: str, scheme: str) -> list[str]:
    """What is wrong with the page as it is shown just now."""
    shoot(page, f"{name}-{size}-{scheme}")
    problems = violations(page) if (size, scheme) in LOOKED_AT else []
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        problems.append(f"{name} is wider than a {size}")
    return problems
