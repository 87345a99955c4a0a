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
from broadcast.domain.content import Content, Kind, Needs, Template, fill, render_template
from broadcast.domain.filling import render
from broadcast.domain.folding import on_one_line
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


def twice(template: dict[str, Any]) -> dict[str, Any]:
    return {**template, "components": template["components"] * 2}


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


@pytest.mark.parametrize("more", [{}, {"policy": "deterministic"}, {"policy": None}])
def test_a_language_may_stand_in_metas_object(more: dict[str, Any]) -> None:
    said = {"name": "promo", "language": {"code": "pt_BR", **more}}
    template = order(said).content.template
    assert template == Template(name="promo", language="pt_BR", components=[])
    assert checked(request_of(a_message(template=template)), {})["template"]["language"] == {"code": "pt_BR"}


def test_a_component_may_be_written_in_capitals() -> None:
    components = [{**one, "type": one["type"].upper()} for one in a_template()["components"]]
    said = {**a_template(), "components": components}
    assert order(said).content == order(a_template()).content
    in_a_card = carousel(card(0, component("Header", IMAGE), component("BODY", TEXT_7)))
    in_small = carousel(card(0, component("header", IMAGE), component("body", TEXT_7)))
    assert order(in_a_card).content == order(in_small).content
    doubled = {**a_template(), "components": [component("BODY", TEXT_ONLY), component("body", TEXT_ONLY)]}
    assert pointers(doubled) == ["/template/components/1/type"]


def test_a_namespace_is_said_to_be_of_a_retired_api() -> None:
    with pytest.raises(Invalid, match="/template/namespace: belongs to Meta's on-premises API, which is retired"):
        order({"name": "promo", "language": "pt_BR", "namespace": "x"})
    assert sorted(pointers({"name": "promo", "namespace": None, "x": 1})) == [
        "/template/language",
        "/template/namespace",
        "/template/x",
    ]


def test_a_button_is_counted_either_way() -> None:
    button = {"type": "button", "sub_type": "url", "index": 1, "parameters": [{"type": "text", "text": "x"}]}
    template = {"name": "promo", "language": "pt_BR", "components": [button]}
    assert order(template).content.template.components == [{**button, "index": "1"}]  # type: ignore[union-attr]  # it has one


@pytest.mark.parametrize("kind", ["header", "body"])
def test_a_component_with_an_empty_list_fills_nothing_and_is_left_out(kind: str) -> None:
    full = component("body" if kind == "header" else "header", TEXT_ONLY)
    said = {"name": "promo", "language": "pt_BR", "components": [component(kind), full]}
    template = order(said).content.template
    assert template == Template(name="promo", language="pt_BR", components=[full])
    assert order(body()).content.template == Template(name="promo", language="pt_BR", components=[])


HEADER = "/template/components/0"
FIRST = f"{HEADER}/parameters/0"
LINK = {"link": "https://cdn.example/a.jpg"}
TEXT_ONLY = {"type": "text", "text": "x"}
PAYLOAD = {"type": "payload", "payload": "x"}
PLACE = {"latitude": "-23.55", "longitude": -46.63, "name": "Loja", "address": "Rua Azul, 7"}
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
        ({"name": "promo", "language": {"code": "pt-BR"}}, "/template/language/code"),
        ({"name": "promo", "language": {"policy": "deterministic"}}, "/template/language/code"),
        ({"name": "promo", "language": {"code": "pt_BR", "policy": "fallback"}}, "/template/language/policy"),
        ({"name": "promo", "language": {"code": "pt_BR", "locale": "x"}}, "/template/language/locale"),
        ({"name": "promo", "language": ["pt_BR"]}, "/template/language"),
        ({"name": "promo", "language": "pt_BR", "namespace": "x"}, "/template/namespace"),
        ({"name": "promo", "language": "pt_BR", "components": {}}, "/template/components"),
        ({"name": "promo", "language": "pt_BR", "components": ["body"]}, HEADER),
        (part("footer", TEXT_ONLY), f"{HEADER}/type"),
        ({"name": "promo", "language": "pt_BR", "components": [{"type": "body"}]}, f"{HEADER}/parameters"),
        (part("button", sub_type="url", index=0), f"{HEADER}/parameters"),
        (part("button", sub_type="flow", index=0), f"{HEADER}/parameters"),
        (part("limited_time_offer"), f"{HEADER}/parameters"),
        (twice(body()), "/template/components/1/type"),
        (body("Ana"), FIRST),
        (body({"text": "Ana"}), f"{FIRST}/type"),
        (body({"type": "text"}), f"{FIRST}/text"),
        (body({"type": "text", "text": ""}), f"{FIRST}/text"),
        (body({"type": "text", "text": "a\x00"}), f"{FIRST}/text"),
        (body({"type": "text", "text": 7}), f"{FIRST}/text"),
        (body({"type": "text", "text": "a\nb"}), f"{FIRST}/text"),
        (body({"type": "text", "text": "a\tb"}), f"{FIRST}/text"),
        (body({"type": "text", "text": "a\r\n"}), f"{FIRST}/text"),
        (body({"type": "text", "text": "a     b"}), f"{FIRST}/text"),
        (body({"type": "text", "text": "{{name|a     b}}"}), f"{FIRST}/text"),
        (body({"type": "text", "text": "   "}), f"{FIRST}/text"),
        (body({"type": "text", "text": "[[{{name}}| ]]"}), f"{FIRST}/text"),
        (body(TEXT_ONLY, {**TEXT_ONLY, "parameter_name": "a"}), f"{FIRST}/parameter_name"),
        (body(*[{**TEXT_ONLY, "parameter_name": "a"}] * 2), f"{HEADER}/parameters/1/parameter_name"),
        (twice(part("body", TEXT_ONLY)), "/template/components/1/type"),
        (twice(part("header", TEXT_ONLY)), "/template/components/1/type"),
        (twice(part("button", TEXT_ONLY, sub_type="url", index="0")), "/template/components/1/index"),
        (body({"type": "text", "text": "a", "payload": "b"}), f"{FIRST}/payload"),
        (body({"type": "text", "text": "a", "example": "b"}), f"{FIRST}/example"),
        (body({"type": "location", "location": {**PLACE}}), f"{FIRST}/type"),
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


TEXT_7 = {"type": "text", "text": "{{code}}"}
COUPON = {"type": "coupon_code", "coupon_code": "{{code}}"}
OFFER = {"type": "limited_time_offer", "limited_time_offer": {"expiration_time_ms": 1_900_000_000_000}}
IMAGE = {"type": "image", "image": LINK}


def action(**said: Any) -> dict[str, Any]:
    return {"type": "action", "action": said}


def component(kind: str, *parameters: Any, **more: Any) -> dict[str, Any]:
    return {"type": kind, "parameters": list(parameters), **more}


def card(index: Any, *components: Any) -> dict[str, Any]:
    return {"card_index": index, "components": list(components or [component("header", IMAGE)])}


def carousel(*cards: Any) -> dict[str, Any]:
    return {"name": "promo", "language": "pt_BR", "components": [{"type": "carousel", "cards": list(cards)}]}


def located(**changes: Any) -> dict[str, Any]:
    return part("header", {"type": "location", "location": {**PLACE, **changes}})


def button(sub_type: str, parameter: Any, index: Any = "0") -> dict[str, Any]:
    return component("button", parameter, sub_type=sub_type, index=index)


WHOLE_CARD = card(0, component("header", IMAGE), component("body", TEXT_7), button("url", TEXT_7))
PRODUCT = {"type": "product", "product": {"product_retailer_id": "7", "catalog_id": "8"}}


#: As Meta documents it for Brazil, 2026-06.
PIX = {
    "reference_id": "{{code}}",
    "type": "digital-goods",
    "payment_type": "br",
    "payment_settings": [
        {
            "type": "pix_dynamic_code",
            "pix_dynamic_code": {"code": "00020101{{code}}", "merchant_name": "Loja", "key": "1", "key_type": "CNPJ"},
        },
        {"type": "boleto", "boleto": {"digitable_line": "{{code}}"}},
    ],
    "currency": "BRL",
    "total_amount": {"value": 50000, "offset": 100},
    "order": {"status": "pending", "items": [{"name": "Bolo", "amount": {"value": 50000, "offset": 100}}]},
}
STATUS = {"reference_id": "{{code}}", "order": {"status": "processing", "description": "{{code}}\n"}}
SECTIONS = [{"title": "Para {{code}}", "product_items": [{"product_retailer_id": "{{code}}"}]}]
CALL = {"type": "payload", "payload": "{{code}}"}


@pytest.mark.parametrize(
    "components",
    [
        [component("header", {"type": "location", "location": PLACE})],
        [component("body", TEXT_7), component("limited_time_offer", OFFER), button("copy_code", COUPON)],
        [
            button("flow", action(flow_token="x", flow_action_data={"a": ["{{code}}", 1, None]})),
            button("url", TEXT_7, 1),
        ],
        [button("FLOW", action())],
        [button("CATALOG", action(thumbnail_product_retailer_id="{{code}}"))],
        [component("body", TEXT_7), {"type": "carousel", "cards": [WHOLE_CARD, {**WHOLE_CARD, "card_index": 1}]}],
        [{"type": "carousel", "cards": [card(0, component("header", PRODUCT))]}],
        [component("body", TEXT_7), button("order_details", action(order_details=PIX))],
        [button("ORDER_DETAILS", action(order_details={}))],
        [button("mpm", action(thumbnail_product_retailer_id="7", sections=SECTIONS))],
        [component("button", {"type": "ttl_minutes", "ttl_minutes": 1440}, sub_type="voice_call")],
        [component("button", {"type": "ttl_minutes", "ttl_minutes": 1}, CALL, sub_type="voice_call", index="1")],
        [component("order_status", {"type": "order_status", "order_status": STATUS})],
    ],
)
def test_every_other_sort_of_template_is_taken_and_its_texts_are_filled(components: list[Any]) -> None:
    template = order({"name": "promo", "language": "pt_BR", "components": components}).content.template
    assert template
    wants_code = "{{code}}" in json.dumps(components)
    assert Needs(Content(kind=Kind.TEXT, text="", template=template)).lacking({}) == ["code"] * wants_code

    sent = checked(request_of(a_message(template=render_template(template, {"code": "7"}, variant="c1:0"))), {})

    filled = json.dumps(components).replace("{{code}}", "7")
    assert sent["template"]["components"] == json.loads(filled.replace('"index": 1', '"index": "1"'))


@pytest.mark.parametrize(
    ("template", "pointer"),
    [
        (located(latitude="south"), f"{FIRST}/location/latitude"),
        (located(longitude=181), f"{FIRST}/location/longitude"),
        (located(longitude=True), f"{FIRST}/location/longitude"),
        (part("header", PRODUCT), f"{FIRST}/type"),
        (part("limited_time_offer", TEXT_ONLY), f"{FIRST}/type"),
        (part("limited_time_offer", OFFER, sub_type="url"), f"{HEADER}/sub_type"),
        (part("button", COUPON, sub_type="url", index=0), f"{FIRST}/type"),
        (part("button", TEXT_ONLY, sub_type="copy_code", index=0), f"{FIRST}/type"),
        (part("button", {**COUPON, "coupon_code": " "}, sub_type="copy_code", index=0), f"{FIRST}/coupon_code"),
        (part("button", action(flow_token="x"), sub_type="catalog", index=0), f"{FIRST}/action/flow_token"),
        (part("button", action(flow_action_data=[]), sub_type="flow", index=0), f"{FIRST}/action/flow_action_data"),
        (
            part("button", action(flow_action_data={"a": {"b": ["\x00"]}}), sub_type="flow", index=0),
            f"{FIRST}/action/flow_action_data",
        ),
        (
            part("button", action(flow_action_data={"a": json.loads("[" * 20 + "]" * 20)}), sub_type="flow", index=0),
            f"{FIRST}/action/flow_action_data",
        ),
        (part("button", action(flow_token="x"), sub_type="order_details", index=0), f"{FIRST}/action/flow_token"),
        (part("button", action(), sub_type="order_details", index=0), f"{FIRST}/action/order_details"),
        (part("button", TEXT_ONLY, sub_type="order_details", index=0), f"{FIRST}/type"),
        (part("button", action(order_details=PIX), sub_type="order_details"), f"{HEADER}/index"),
        (part("button", action(order_details=[]), sub_type="order_details", index=0), f"{FIRST}/action/order_details"),
        (
            part("button", action(order_details={"a": "\ud800"}), sub_type="order_details", index=0),
            f"{FIRST}/action/order_details",
        ),
        (
            part("button", action(order_details={"a": "x" * 32_768}), sub_type="order_details", index=0),
            f"{FIRST}/action/order_details",
        ),
        (
            part("button", action(sections=SECTIONS), sub_type="mpm", index=0),
            f"{FIRST}/action/thumbnail_product_retailer_id",
        ),
        (
            part("button", action(thumbnail_product_retailer_id="7"), sub_type="mpm", index=0),
            f"{FIRST}/action/sections",
        ),
        (part("button", action(sections=["a"]), sub_type="mpm", index=0), f"{FIRST}/action/sections/0"),
        (part("button", CALL, CALL, sub_type="voice_call"), f"{HEADER}/parameters/1/type"),
        (part("button", sub_type="voice_call"), f"{HEADER}/parameters"),
        (part("button", {"type": "ttl_minutes", "ttl_minutes": 0}, sub_type="voice_call"), f"{FIRST}/ttl_minutes"),
        (part("order_status", TEXT_ONLY), f"{FIRST}/type"),
        (part("order_status", *[{"type": "order_status", "order_status": STATUS}] * 2), f"{HEADER}/parameters"),
        (part("order_status", {"type": "order_status", "order_status": "paid"}), f"{FIRST}/order_status"),
        (
            carousel(card(0, component("order_status", {"type": "order_status", "order_status": {}}))),
            f"{HEADER}/cards/0/components/0/type",
        ),
        (part("carousel", TEXT_ONLY), f"{HEADER}/cards"),
        (carousel(), f"{HEADER}/cards"),
        (carousel(*[card(0)] * 11), f"{HEADER}/cards"),
        (carousel(card(0), card(0)), f"{HEADER}/cards/1/card_index"),
        (carousel(card("0")), f"{HEADER}/cards/0/card_index"),
        (carousel(card(0, *[component("body", TEXT_ONLY)] * 2)), f"{HEADER}/cards/0/components/1/type"),
        (carousel(card(0, component("body"))), f"{HEADER}/cards/0/components/0/parameters"),
        ({**carousel(card(0)), "components": [{"type": "carousel", "parameters": []}]}, f"{HEADER}/parameters"),
        (carousel(card(0, {"type": "carousel", "cards": []})), f"{HEADER}/cards/0/components/0/cards"),
        (body(TEXT_ONLY) | {"components": [{**component("body", TEXT_ONLY), "cards": [card(0)]}]}, f"{HEADER}/cards"),
    ],
)
def test_what_those_may_not_have_is_named_by_its_place(template: Any, pointer: str) -> None:
    assert pointer in pointers(template)
    assert all(one.startswith(HEADER) for one in pointers(template))


OTHERS = [
    (part("body", {"type": "currency", "currency": {**MONEY, "fallback_value": "R$ {{due}}"}}), "currency"),
    (part("body", {"type": "date_time", "date_time": {"fallback_value": "até {{due}}"}}), "date_time"),
    (part("header", {"type": "document", "document": {**LINK, "filename": "{{due}}.pdf"}}), "document"),
    (part("header", {"type": "location", "location": {**PLACE, "address": "{{due}}"}}), "location"),
    (part("button", {"type": "payload", "payload": "pay {{due}}"}, sub_type="quick_reply", index=0), "payload"),
    (part("button", action(flow_token="{{due}}"), sub_type="flow", index=0), "action"),
    (part("button", action(flow_action_data={"a": [{"b": "{{due}}"}]}), sub_type="flow", index=0), "action"),
]


@pytest.mark.parametrize(("said", "kind"), OTHERS)
def test_what_stands_elsewhere_than_in_a_text_is_filled_as_well(said: dict[str, Any], kind: str) -> None:
    content = order(said).content
    assert Needs(content).why_not({}) == ("missing_variable", "due")
    assert Needs(content).why_not({"due": "24/12"}) == ("", "")

    template = fill(content, {"due": "24/12\n"}, variant="c1:0").template

    assert template
    (shown,) = checked(request_of(a_message(template=template)), {})["template"]["components"][0]["parameters"]
    (given,) = said["components"][0]["parameters"]
    assert shown == {"type": kind, kind: json.loads(json.dumps(given[kind]).replace("{{due}}", "24/12 "))}


@pytest.mark.parametrize(("said", "kind"), OTHERS[:-1])
def test_a_contact_whose_value_leaves_such_a_text_too_long_is_left_out(said: dict[str, Any], kind: str) -> None:
    reason, detail = Needs(order(said).content).why_not({"due": "7" * 513})
    assert (reason, detail.partition("/")[2], bool(kind)) == ("too_long", "512", True)


def test_an_orders_amount_is_a_number_although_a_contacts_value_is_a_text() -> None:
    item = {"name": "{{name}}", "amount": {"value": "{{due}}", "offset": "100"}, "quantity": "{{n}}"}
    code = {"type": "pix_dynamic_code", "pix_dynamic_code": {"code": "{{due}}"}}
    details = {"order": {"items": [item], "tax": {"value": "{{n}}", "offset": 100}}, "payment_settings": [code]}
    content = order(part("button", action(order_details=details), sub_type="order_details", index=0)).content

    template = fill(content, {"name": "9", "due": "5000", "n": "1,5"}, variant="c1:0").template

    assert template
    shown = template.components[0]["parameters"][0]["action"]["order_details"]
    sold = {"name": "9", "amount": {"value": 5000, "offset": "100"}, "quantity": "1,5"}
    assert shown["order"] == {"items": [sold], "tax": {"value": "1,5", "offset": 100}}
    assert shown["payment_settings"][0]["pix_dynamic_code"] == {"code": "5000"}


def test_what_is_fixed_in_an_actions_data_stays_and_may_be_empty() -> None:
    data = {"a": "x\n\ty", "b": "", "c": "{{name|}}", "d": "{{name}}:\n1", "e": [True, None, 1.5]}
    content = order(part("button", action(flow_action_data=data), sub_type="flow", index=0)).content
    assert Needs(content).why_not({"name": " "}) == ("", "")

    template = fill(content, {"name": "Ana\nLu"}, variant="c1:0").template

    assert template
    shown = template.components[0]["parameters"][0]["action"]["flow_action_data"]
    assert shown == {**data, "c": "Ana Lu", "d": "Ana Lu:\n1"}


@pytest.mark.parametrize(
    ("said", "pointer"),
    [
        (part("header", {"type": "document", "document": {**LINK, "filename": "{{?}}.pdf"}}), "document/filename"),
        (part("body", {"type": "date_time", "date_time": {"fallback_value": "[[a| ]]"}}), "date_time/fallback_value"),
        (
            part("button", action(flow_action_data={"a": {"{{name}}": 1}}), sub_type="flow", index=0),
            "action/flow_action_data",
        ),
        (
            part("button", action(flow_action_data={"a": "{{?}}"}), sub_type="flow", index=0),
            "action/flow_action_data",
        ),
    ],
)
def test_a_mark_that_would_go_out_as_it_stands_is_refused_wherever_it_is(said: Any, pointer: str) -> None:
    assert pointers(said) == [f"{FIRST}/{pointer}"]


def test_a_medium_is_the_same_for_all() -> None:
    image = {"type": "image", "image": {"link": "https://cdn.example/{{name}}.jpg"}}
    assert pointers(part("header", image)) == [f"{FIRST}/image/link"]


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
    more = [component("limited_time_offer", OFFER), {"type": "carousel", "cards": [WHOLE_CARD]}]
    more += [button("copy_code", COUPON, 2), button("flow", action(flow_action_data={"a": ["b", 1]}), 3)]
    said = {"template": copy.deepcopy(a_template(components=[*a_template()["components"], *more]))}
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


def said_in(kind: str, text: str, values: dict[str, str]) -> str:
    if kind == "text":
        return on_one_line(render(text, values, variant="c1:0"))
    return render(text, {name: on_one_line(value) for name, value in values.items()}, variant="c1:0")


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
            kind = parameter["type"]
            assert shown == (
                parameter if kind == "image" else {**parameter, kind: said_in(kind, parameter[kind], values)}
            )
    assert json.loads(json.dumps(filled.components)) == filled.components


@given(st.lists(COMPONENT, max_size=3), VALUES, TEXT)
def test_whoever_lacks_nothing_gets_every_variable_filled(
    components: list[Any], values: dict[str, str], message: str
) -> None:
    template = Template(name="promo", language="pt_BR", components=components)
    lacks = Needs(Content(kind=Kind.TEXT, text=message, template=template)).lacking(values)

    given = [one for part in components for one in part["parameters"] if one["type"] != "image"]
    texts = [one[one["type"]] for one in given]
    missing = {
        name for name in ("name", "code") if any(f"{{{{{name}}}}}" in text for text in texts) and not values.get(name)
    }
    emptied = {"name"} if "{{name}}" in texts and not values.get("name", "").strip() else set()
    assert set(lacks) == missing | emptied


@pytest.mark.parametrize(
    ("text", "values", "lacks"),
    [
        ("{{name|}}", {}, ["name"]),
        ("{{name|}}", {"name": " \n"}, ["name"]),
        ("{{name|}}", {"name": "Ana"}, []),
        ("{{name|}} {{code|}}", {}, ["name", "code"]),
        ("{{name|}} {{code|}}", {"code": "7"}, []),
        ("Oi {{name|}}", {}, []),
        ("[[{{name}}|{{code}}]]", {"name": "Ana", "code": " "}, ["code"]),
        ("[[{{name}}]]", {"name": " "}, []),  # brackets are no variation, and stay
        ("\\[[{{name}}", {"name": " "}, []),
    ],
)
def test_whoever_would_leave_a_place_empty_lacks_a_variable(
    text: str, values: dict[str, str], lacks: list[str]
) -> None:
    template = order(body({"type": "text", "text": text})).content.template
    assert Needs(Content(kind=Kind.TEXT, text="", template=template)).lacking(values) == lacks


BLANKS = st.text(alphabet=" \t\n\r\u00a0\u2028ab", max_size=14)


@given(BLANKS, BLANKS)
def test_whatever_a_value_has_between_its_words_the_strict_server_takes(name: str, code: str) -> None:
    values = {"name": name, "code": code}
    template = order(body({"type": "text", "text": "{{name|}} {{code|}}"})).content.template
    assert template
    if Needs(Content(kind=Kind.TEXT, text="", template=template)).lacking(values):
        assert not f"{name}{code}".strip()
        return
    filled = render_template(template, values, variant="c1:0")
    (parameter,) = checked(request_of(a_message(template=filled)), {})["template"]["components"][0]["parameters"]
    assert parameter["text"].split() == f"{name} {code}".split()
