"""A campaign by one of Meta's templates, on the dashboard: filled in from the form and the CSV, shown, and started."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from broadcast.domain.content import Template
from broadcast.settings import Settings
from broadcast.web import create_app
from broadcast.wiring import Services, build_services
from tests.integration.test_dashboard import FORM, Browser, upload

TEMPLATE = {
    **FORM, "message": "", "template_name": "promo_natal", "template_language": "pt_BR", "header_kind": "image",
    "header": "https://cdn.example/natal.jpg", "body_texts": "{{name|cliente}}\r\n{{city}}",
    "button_text": "{{code|natal}}", "button_place": "1",
}  # fmt: skip
ROWS = "telefone;nome;city\n11999990001;Ana;Recife\n11999990002;Bia;\n"


@pytest.fixture
def cloud(redis_url: str) -> Iterator[Services]:
    """Services whose instances are on Meta's Cloud API."""
    services = build_services(Settings(redis_url=redis_url, gateway="cloud", cloud_api_token="t"))
    yield services
    services.store.scripts.client.close()


@pytest.fixture
def browser(cloud: Services) -> Browser:
    return Browser(create_app(cloud).test_client())


def started(browser: Browser, cloud: Services, page: str) -> Template:
    draft = re.search(r"/new/([\w-]+)/start", page)
    assert draft
    assert browser.post(f"/new/{draft[1]}/start", at="").location == "/dashboard/campaigns/promo"
    found = cloud.store.campaigns.find("promo")
    assert found
    assert found.content.template
    return found.content.template


def test_a_template_is_filled_in_from_the_csv_shown_and_started(browser: Browser, cloud: Services) -> None:
    shown = browser.preview(**TEMPLATE, file=upload(ROWS))
    assert shown.status_code == 200
    for text in ("promo_natal", "pt_BR", "https://cdn.example/natal.jpg", ">Ana<", ">Recife<", "Button 2", ">natal<"):
        assert text in shown.text, text
    assert "a variable has no value" in shown.text  # Bia has no city
    assert "24 hours" not in shown.text

    template = started(browser, cloud, shown.text)
    assert (template.name, template.language) == ("promo_natal", "pt_BR")
    assert template.components == [
        {"type": "header", "parameters": [{"type": "image", "image": {"link": "https://cdn.example/natal.jpg"}}]},
        {
            "type": "body",
            "parameters": [{"type": "text", "text": "{{name|cliente}}"}, {"type": "text", "text": "{{city}}"}],
        },
        {
            "type": "button",
            "sub_type": "url",
            "index": "1",
            "parameters": [{"type": "text", "text": "{{code|natal}}"}],
        },
    ]
    counts = browser.get("/campaigns/promo/state.json").json["counts"]
    assert (counts["pending"], counts["skipped"]) == (1, 1)


def test_places_that_have_names_and_a_document_that_has_one(browser: Browser, cloud: Services) -> None:
    fields = {
        "body_texts": "first = {{name}}\ncity= a = b ", "button_text": "", "header_kind": "document",
        "header": "https://cdn.example/oferta.pdf",
    }  # fmt: skip
    shown = browser.preview(**{**TEMPLATE, **fields}, file=upload(ROWS)).text
    assert "{{first}}" in shown
    header, body = started(browser, cloud, shown).components
    assert header["parameters"][0]["document"]["filename"] == "oferta.pdf"
    assert [(one["parameter_name"], one["text"]) for one in body["parameters"]] == [
        ("first", "{{name}}"),
        ("city", "a = b"),
    ]


@pytest.mark.parametrize(
    "fields", [{}, {"body_texts": "first = {{name}}"}, {"header_kind": "text", "header": "Oi {{name}}"}]
)
def test_who_goes_back_finds_the_template_as_it_was(browser: Browser, fields: dict[str, str]) -> None:
    given = {**TEMPLATE, **fields}
    shown = browser.preview(**given, file=upload(ROWS)).text
    draft = re.search(r"draft=([\w-]+)", shown)
    assert draft
    form = browser.text(f"/new?draft={draft[1]}")
    assert 'value="promo_natal"' in form
    assert f'<option selected value="{given["header_kind"]}">' in form
    assert f'value="{given["header"]}"' in form
    assert given["body_texts"].replace("\r\n", "\n") in form.replace("\r\n", "\n")
    assert '<option selected value="1">' in form


def test_free_text_on_metas_instance_is_warned_of(browser: Browser) -> None:
    shown = browser.preview(**{**FORM, "contacts": "11999990001"}).text
    assert "within 24 hours" in shown


@pytest.mark.parametrize(
    ("changes", "said", "field"),
    [
        ({"template_name": "Promo de Natal"}, "Use small letters", "template_name"),
        ({"template_name": ""}, "Use small letters", "template_name"),
        ({"template_language": "portuguese"}, "such as pt_BR", "template_language"),
        ({"header_kind": ""}, "Say what kind of header", "header"),
        ({"header": "natal.jpg"}, "begins with https", "header"),
        ({"body_texts": "{{name}}\n\nx"}, "Write something here, and not too much", "body_texts"),
        ({"kind": "image", "media_url": "https://a.example/a.jpg"}, "goes into its header", "kind"),
    ],
)  # fmt: skip
def test_what_is_not_right_with_a_template_is_said_at_its_field(
    browser: Browser, changes: dict[str, str], said: str, field: str
) -> None:
    answer = browser.preview(**{**TEMPLATE, **changes}, file=upload(ROWS))
    assert answer.status_code == 422
    assert "<details open>" in answer.text
    at_field = re.search(rf'id="{field}".*?invalid-feedback[^>]*>([^<]*)', answer.text, re.DOTALL)
    assert at_field
    assert said in at_field[1].replace("&#39;", "'")


def test_a_gateway_that_knows_no_templates_is_said_so(services: Services) -> None:
    browser = Browser(create_app(services).test_client())
    answer = browser.preview(**TEMPLATE, file=upload(ROWS))
    assert answer.status_code == 422
    assert "Cloud API send templates" in answer.text
