"""Templates: taken as Meta documents them, refused where Meta would refuse, filled for each contact."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.api import shapes
from broadcast.domain.campaign import Order
from broadcast.domain.content import Content, Kind, Template, lacking, render, render_template
from broadcast.errors import Invalid
from broadcast.gateways.cloud import request_of
from broadcast.settings import Settings
from tests.builders import a_body, a_message, a_template
from tests.standins.cloud_checks import checked


def order(template: Any, **changes: Any) -> Order:
    return shapes.order_of(a_body("c1", "loja", **{"message": "", "template": template, **changes}), Settings())


def pointers(template: Any, **changes: Any) -> list[str]:
    with pytest.raises(Invalid) as caught:
        order(template, **changes)
    return [error.pointer for error in caught.value.errors]


def part(kind: str, *parameters: Any, **more: Any) -> dict[str, Any]:
    component = {"type": kind, "parameters": list(parameters), **more}
    return {"name": "promo", "language": "pt_BR", "components": [component]}


def body(*parameters: Any) -> dict[str, Any]:
    return part("body", *parameters)


def test_a_template_is_taken_whole_and_needs_no_message() -> None:
    said = a_template()
    content = order(said).content
    assert (content.kind, content.text, content.media_url) == (Kind.TEXT, "", None)
    assert content.template == Template(name="promo", language="pt_BR", components=said["components"])
    assert order(said).digest != order({**said, "name": "natal"}).digest


def test_what_we_take_is_what_a_strict_server_takes() -> None:
    template = order(a_template()).content.template
    assert template
    filled = render_template(template, {"name": "Ana", "code": "7"}, variant="c1:0")
    sent = checked(request_of(a_message(template=filled)), {("promo", "pt_BR"): 3})
    assert sent["template"]["components"][1]["parameters"][0] == {"type": "text", "text": "Olá Ana"}


@pytest.mark.parametrize("name", ["a", "promo_2030", "x" * 512])
@pytest.mark.parametrize("language", ["pt_BR", "en", "fil", "es_419"])
def test_names_and_languages_are_metas(name: str, language: str) -> None:
    said = order({"name": name, "language": language}).content.template
    assert said == Template(name=name, language=language, components=[])


def test_a_button_is_counted_either_way() -> None:
    button = {"type": "button", "sub_type": "url", "index": 1, "parameters": [{"type": "text", "text": "x"}]}
    template = {"name": "promo", "language": "pt_BR", "components": [button]}
    assert order(template).content.template.components == [{**button, "index": "1"}]  # type: ignore[union-attr]


HEADER = "/template/components/0"
FIRST = f"{HEADER}/parameters/0"
LINK = {"link": "https://cdn.example/a.jpg"}
TEXT_ONLY = {"type": "text", "text": "x"}
PAYLOAD = {"type": "payload", "payload": "x"}
MONEY = {"fallback_value": "R$ 10", "code": "BRL", "amount_1000": 10_000}


@pytest.mark.parametrize(
    ("template", "pointer"),
    [
        ("promo", "/template"),
        ({"language": "pt_BR"}, "/template/name"),
        ({"name": "promo"}, "/template/language"),
        ({"name": "Promo", "language": "pt_BR"}, "/template/name"),
        ({"name": "promo\n", "language": "pt_BR"}, "/template/name"),
        ({"name": "x" * 513, "language": "pt_BR"}, "/template/name"),
        ({"name": "promo", "language": "pt-BR"}, "/template/language"),
        ({"name": "promo", "language": {"code": "pt_BR"}}, "/template/language"),
        ({"name": "promo", "language": "pt_BR", "namespace": "x"}, "/template/namespace"),
        ({"name": "promo", "language": "pt_BR", "components": {}}, "/template/components"),
        ({"name": "promo", "language": "pt_BR", "components": ["body"]}, HEADER),
        (part("footer", TEXT_ONLY), f"{HEADER}/type"),
        ({"name": "promo", "language": "pt_BR", "components": [{"type": "body"}]}, f"{HEADER}/parameters"),
        (body(), f"{HEADER}/parameters"),
        (body("Ana"), FIRST),
        (body({"text": "Ana"}), f"{FIRST}/type"),
        (body({"type": "text"}), f"{FIRST}/text"),
        (body({"type": "text", "text": ""}), f"{FIRST}/text"),
        (body({"type": "text", "text": "a\x00"}), f"{FIRST}/text"),
        (body({"type": "text", "text": 7}), f"{FIRST}/text"),
        (body({"type": "text", "text": "a", "payload": "b"}), f"{FIRST}/payload"),
        (body({"type": "text", "text": "a", "example": "b"}), f"{FIRST}/example"),
        (body({"type": "location", "location": {}}), f"{FIRST}/location"),
        (body({"type": "sticker"}), f"{FIRST}/type"),
        (body({"type": "image", "image": LINK}), f"{FIRST}/type"),
        (body({"type": "currency", "currency": {**MONEY, "amount_1000": "10"}}), f"{FIRST}/currency/amount_1000"),
        (body({"type": "currency", "currency": {**MONEY, "code": "R$"}}), f"{FIRST}/currency/code"),
        (body({"type": "date_time", "date_time": {"year": 2030}}), f"{FIRST}/date_time/fallback_value"),
    ],
)
def test_what_meta_would_refuse_is_named_by_its_place(template: Any, pointer: str) -> None:
    assert pointers(template) == [pointer]


@pytest.mark.parametrize(
    ("template", "pointer"),
    [
        (part("header", {"type": "image", "image": {}}), f"{FIRST}/image"),
        (part("header", {"type": "image", "image": {**LINK, "id": "7"}}), f"{FIRST}/image"),
        (part("header", {"type": "video", "video": {"link": "ftp://x/y"}}), f"{FIRST}/video/link"),
        (part("header", {"type": "image", "image": {**LINK, "caption": "x"}}), f"{FIRST}/image/caption"),
        (part("header", TEXT_ONLY, TEXT_ONLY), f"{HEADER}/parameters"),
        (part("header", PAYLOAD), f"{FIRST}/type"),
        (part("header", TEXT_ONLY, index=0), f"{HEADER}/index"),
        (part("button", TEXT_ONLY, index=0), f"{HEADER}/sub_type"),
        (part("button", TEXT_ONLY, sub_type="url"), f"{HEADER}/index"),
        (part("button", TEXT_ONLY, sub_type="url", index=10), f"{HEADER}/index"),
        (part("button", TEXT_ONLY, sub_type="url", index=True), f"{HEADER}/index"),
        (part("button", PAYLOAD, sub_type="url", index=0), f"{FIRST}/type"),
        (part("button", TEXT_ONLY, sub_type="call", index=0), f"{HEADER}/sub_type"),
    ],
)
def test_a_component_takes_what_is_its_own(template: Any, pointer: str) -> None:
    assert pointers(template) == [pointer]


def test_a_template_and_a_medium_contradict_each_other() -> None:
    image = {"mediaType": "image", "mediaUrl": "https://cdn.example/a.jpg"}
    assert pointers(a_template(), **image) == ["/mediaType"]
    assert pointers(a_template(), mediaUrl="https://cdn.example/a.jpg") == ["/mediaUrl"]


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place inside, as what holds it and under which name or number."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for name, inner in items for place in ((value, name), *places(inner))]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@given(st.data(), JSON)
def test_no_value_at_any_place_breaks_the_reader(data: st.DataObject, value: Any) -> None:
    said = {"template": a_template()}
    holder, name = data.draw(st.sampled_from(places(said)))
    holder[name] = value
    wrong: list[str] = []
    try:
        template = order(said["template"], message="Oi").content.template
    except Invalid as invalid:
        wrong, template = [error.pointer for error in invalid.errors], None
    assert all(pointer.startswith("/template") for pointer in wrong)
    if template:
        checked(request_of(a_message(template=template)), {})


TEXT = st.text(max_size=10) | st.sampled_from(["{{name}}", "Oi {{ city | aí }}", "{{code}}!", "{{", "}}"])
PARAMETER = st.one_of(
    st.fixed_dictionaries({"type": st.just("text"), "text": TEXT}, optional={"parameter_name": TEXT}),
    st.fixed_dictionaries({"type": st.just("payload"), "payload": TEXT}),
    st.fixed_dictionaries({"type": st.just("image"), "image": st.fixed_dictionaries({"link": TEXT})}),
)
COMPONENT = st.fixed_dictionaries(
    {"type": st.sampled_from(["header", "body", "button"]), "parameters": st.lists(PARAMETER, max_size=3)},
    optional={"index": TEXT},
)
VALUES = st.dictionaries(st.sampled_from(["name", "city", "code"]), TEXT)


@given(st.lists(COMPONENT, max_size=3), VALUES)
def test_only_texts_are_filled_and_the_template_stays_as_it_was(components: list[Any], values: dict[str, str]) -> None:
    template = Template(name="promo", language="pt_BR", components=components)
    before = copy.deepcopy(components)
    filled = render_template(template, values, variant="c1:0")

    assert template.components == before
    assert (filled.name, filled.language) == ("promo", "pt_BR")
    for was, now in zip(before, filled.components, strict=True):
        assert {**now, "parameters": None} == {**was, "parameters": None}
        for parameter, shown in zip(was["parameters"], now["parameters"], strict=True):
            is_text = parameter["type"] == "text"
            assert shown == (
                {**parameter, "text": render(parameter["text"], values, variant="c1:0")} if is_text else parameter
            )
    assert json.loads(json.dumps(filled.components)) == filled.components


@given(st.lists(COMPONENT, max_size=3), VALUES, TEXT)
def test_whoever_lacks_nothing_gets_every_variable_filled(
    components: list[Any], values: dict[str, str], message: str
) -> None:
    template = Template(name="promo", language="pt_BR", components=components)
    lacks = lacking(Content(kind=Kind.TEXT, text=message, template=template), values)

    texts = [one["text"] for part in components for one in part["parameters"] if one["type"] == "text"]
    assert set(lacks) == {
        name for name in ("name", "code") if any(f"{{{{{name}}}}}" in text for text in texts) and not values.get(name)
    }
