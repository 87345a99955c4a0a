"""What a send to the Graph API must look like, and how Meta words it when it does not.

What Meta answers with which code to a wrong request differs by field and over the years; here it is one code for each
sort of mistake. Limits: Meta's Cloud API reference, 2026-09.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]

#: Characters: a text, a caption, our own data.
MOST = {"body": 4096, "caption": 1024, "biz_opaque_callback_data": 512}
FIELDS = {
    *("messaging_product", "recipient_type", "to", "type", "biz_opaque_callback_data", "context"),
    *("text", "image", "video", "audio", "document", "template"),
}
#: kind of media -> the fields that its object may have
MEDIA: Mapping[str, set[str]] = {
    "image": {"id", "link", "caption"},
    "video": {"id", "link", "caption"},
    "audio": {"id", "link", "voice"},
    "document": {"id", "link", "caption", "filename"},
}


class Wrong(Exception):
    """The request is refused with this code."""

    def __init__(self, code: int, message: str, details: str = "", *, status: int = 400, **more: Any) -> None:
        super().__init__(message)
        self.status = status
        self.body = envelope(code, message, details, **more)


def envelope(code: int, message: str = "Something went wrong", details: str = "", **more: Any) -> Json:
    """An error as Meta wraps it."""
    error = {"message": f"(#{code}) {message}", "type": "OAuthException", "code": code, "fbtrace_id": "AINVENTED"}
    told = {"error_data": {"messaging_product": "whatsapp", "details": details}} if details else {}
    return {"error": {**error, **told, **more}}


def checked(body: Any, templates: Mapping[tuple[str, str], int]) -> Json:
    """The body of a send, which is then fine; raises Wrong."""
    if not isinstance(body, dict):
        raise Wrong(100, "Invalid parameter", "The request body must be a JSON object.")
    if body.get("messaging_product") != "whatsapp":
        raise Wrong(100, "The parameter messaging_product is required.")
    for name in body.keys() - FIELDS:
        raise Wrong(100, "Invalid parameter", f'Unexpected key "{name}" on param "".')
    if body.get("recipient_type", "individual") != "individual":
        raise Wrong(100, "Invalid parameter", "Param recipient_type must be one of {INDIVIDUAL}.")
    _check_text(body, "to", missing=100)
    if not re.fullmatch(r"\+?[0-9 ()-]{7,25}", body["to"]):
        raise Wrong(131009, "Parameter value is not valid", "to is not a valid phone number.")
    if "biz_opaque_callback_data" in body:
        _check_text(body, "biz_opaque_callback_data")
    _check_content(body, templates)
    return body


def _check_content(body: Json, templates: Mapping[tuple[str, str], int]) -> None:
    kind = body.get("type", "text")
    if kind not in {"text", "template", *MEDIA}:
        raise Wrong(100, "Invalid parameter", f"Param type must not be {kind}.")
    content = body.get(kind)
    if not isinstance(content, dict):
        raise Wrong(131008, "Required parameter is missing", f"Parameter of type {kind} is missing.")
    if body.keys() & ({"text", "template", *MEDIA} - {kind}):
        raise Wrong(100, "Invalid parameter", "More than one kind of content.")
    check: Callable[[Json], None] = {
        "text": _check_body,
        "template": lambda template: _check_template(template, templates),
    }.get(kind, lambda media: _check_media(kind, media))
    check(content)


def _check_body(text: Json) -> None:
    _check_keys(text, {"body", "preview_url"}, "text")
    _check_text(text, "body")
    if type(text.get("preview_url", False)) is not bool:
        raise Wrong(131009, "Parameter value is not valid", "preview_url must be a boolean.")


def _check_media(kind: str, media: Json) -> None:
    _check_keys(media, MEDIA[kind], kind)
    if len(media.keys() & {"id", "link"}) != 1:
        raise Wrong(131008, "Required parameter is missing", f"{kind} needs either an id or a link.")
    if "link" in media and not re.fullmatch(r"https?://[^\s/]+(/\S*)?", str(media["link"])):
        raise Wrong(100, "Invalid parameter", f"Param {kind}['link'] is not a valid URI.")
    for name in media.keys() & {"caption", "filename"}:
        _check_text(media, name)


def _check_template(template: Json, templates: Mapping[tuple[str, str], int]) -> None:
    _check_keys(template, {"name", "language", "components", "namespace"}, "template")
    _check_text(template, "name")
    language = template.get("language")
    if not isinstance(language, dict):
        raise Wrong(131008, "Required parameter is missing", "language")
    _check_keys(language, {"code", "policy"}, "language")
    _check_text(language, "code")
    components = template.get("components", [])
    if not isinstance(components, list) or not all(isinstance(part, dict) for part in components):
        raise Wrong(131009, "Parameter value is not valid", "components must be a list of objects.")
    _check_components(components, KINDS)
    wanted = templates.get((template["name"], language["code"])) if templates else None
    if templates and wanted is None:
        raise Wrong(132001, "Template name does not exist in the translation", status=404)
    given = sum(len(part.get("parameters", [])) for part in components if part["type"].lower() == "body")
    if wanted not in {None, given}:
        raise Wrong(132000, "Number of parameters does not match the expected number of params")


#: component -> what its parameters may be; of a button by its sub_type
KINDS: Mapping[str, set[str]] = {
    "header": {"text", "image", "video", "document", "currency", "date_time", "location", "product"},
    "body": {"text", "currency", "date_time"},
    "limited_time_offer": {"limited_time_offer"},
    "quick_reply": {"payload"},
    "url": {"text"},
    "copy_code": {"coupon_code"},
    "flow": {"action"},
    "catalog": {"action"},
    "mpm": {"action"},
    "order_details": {"action"},
    "voice_call": {"ttl_minutes", "payload"},
    "order_status": {"order_status"},
    "carousel": set(),
}
CARD = {name: taken for name, taken in KINDS.items() if name not in {"carousel", "limited_time_offer", "order_status"}}
#: button -> what its action must have, and of which sort
ACTIONS: Mapping[str, Mapping[str, type]] = {
    "mpm": {"thumbnail_product_retailer_id": str, "sections": list},
    "order_details": {"order_details": dict},
}
#: component or button that has one parameter at least
FULL = {"mpm", "order_details", "voice_call", "order_status"}


def _check_components(components: list[Json], kinds: Mapping[str, set[str]]) -> None:
    for part in components:
        _check_component(part, kinds)
    which = [(str(part["type"]).lower(), str(part.get("index"))) for part in components]
    if len(set(which)) < len(which):
        raise Wrong(132018, "There was an issue with the parameters in your template", "A component is there twice.")


def _check_component(part: Json, kinds: Mapping[str, set[str]]) -> None:
    kind = str(part.get("type", "")).lower()
    if kind == "button":
        kind = str(part.get("sub_type", "")).lower()
        if not kind or ("index" not in part and kind != "voice_call"):
            raise Wrong(131008, "Required parameter is missing", "A button needs its sub_type and its index.")
    if kind not in kinds:
        raise Wrong(131009, "Parameter value is not valid", f"Components sub_type or type invalid: {kind}.")
    if kind == "carousel":
        _check_cards(part)
    else:
        _check_parameters(part.get("parameters", []), kinds[kind])
        _check_order(kind, part.get("parameters", []))


def _check_order(kind: str, parameters: list[Json]) -> None:
    """What is known of orders, products and calls: the outer form."""
    types = [parameter["type"] for parameter in parameters]
    if kind in FULL and (not types or len(set(types)) < len(types)):
        raise Wrong(132012, "Parameter format does not match format in the created template", kind)
    for name, sort in ACTIONS.get(kind, {}).items():
        if not isinstance(parameters[0]["action"].get(name), sort):
            raise Wrong(131009, "Parameter value is not valid", f"{name} of {kind}")
    for parameter in parameters:
        minutes, status = parameter.get("ttl_minutes", 1), parameter.get("order_status", {})
        if type(minutes) is not int or not 1 <= minutes <= 43_200 or not isinstance(status, dict):
            raise Wrong(131009, "Parameter value is not valid", parameter["type"])


def _check_parameters(parameters: Any, takes: set[str]) -> None:
    names = [parameter.get("parameter_name") for parameter in parameters if isinstance(parameter, dict)]
    if any(names) and (not all(names) or len(set(names)) < len(names)):
        raise Wrong(132018, "There was an issue with the parameters in your template", "Named or by place, not both.")
    for parameter in parameters:
        if not isinstance(parameter, dict) or parameter.get("type") not in parameter:
            raise Wrong(
                131008, "Required parameter is missing", "A parameter needs its type, and a field of that name."
            )
        if parameter["type"] not in takes:
            raise Wrong(132012, "Parameter format does not match format in the created template", parameter["type"])
        if parameter["type"] in {"text", "coupon_code"}:
            _check_place(parameter, parameter["type"])
        if parameter["type"] in MEDIA:
            _check_media(parameter["type"], parameter[parameter["type"]])


def _check_cards(carousel: Json) -> None:
    _check_keys(carousel, {"type", "cards"}, "carousel")
    cards = carousel.get("cards")
    if not isinstance(cards, list) or not 1 <= len(cards) <= 10:
        raise Wrong(131009, "Parameter value is not valid", "A carousel has up to ten cards.")
    indexes = [card.get("card_index") for card in cards]
    if len(set(indexes)) < len(indexes) or not all(type(index) is int for index in indexes):
        raise Wrong(131009, "Parameter value is not valid", "Each card has an index of its own.")
    for card in cards:
        _check_components(card["components"], CARD)


def _check_place(parameter: Json, name: str) -> None:
    """A text in a template's place. Meta's words are of its error page, 2026-09."""
    _check_text(parameter, name)
    text = parameter[name]
    if re.search(r"[\n\r\t]| {5}", text):
        details = "Param text cannot have new-line/tab characters or more than 4 consecutive spaces"
        raise Wrong(132018, "There was an issue with the parameters in your template", details)
    if not text.strip():
        raise Wrong(131008, "Required parameter is missing", "Param text is empty.")


def _check_keys(of: Json, known: set[str], where: str) -> None:
    for name in of.keys() - known:
        raise Wrong(100, "Invalid parameter", f'Unexpected key "{name}" on param "{where}".')


def _check_text(of: Json, name: str, *, missing: int = 131008) -> None:
    given = of.get(name)
    if given is None or given == "":
        raise Wrong(missing, "Required parameter is missing", name)
    if not isinstance(given, str):
        raise Wrong(131009, "Parameter value is not valid", f"{name} must be a string.")
    if len(given) > MOST.get(name, 1024):
        raise Wrong(100, "Invalid parameter", f"Param {name} must be at most {MOST.get(name, 1024)} characters long.")
