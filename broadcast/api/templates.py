"""The shape of a template in a request: what Meta takes for one, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from broadcast.api.checks import Shape, like
from broadcast.api.places import Parameter
from broadcast.domain import content

#: A header, a body, an offer, a carousel and ten buttons.
MOST_COMPONENTS = 14
MOST_PARAMETERS = 100
MOST_CARDS = 10

#: button -> the types of its parameters. Meta's examples write some in capitals.
BUTTONS: Mapping[str, tuple[str, ...]] = {
    "quick_reply": ("payload",),
    "url": ("text",),
    "copy_code": ("coupon_code",),
    "flow": ("action",),
    "catalog": ("action",),
    "mpm": ("action",),
    "order_details": ("action",),
    "voice_call": ("ttl_minutes", "payload"),
}
_HEADER = ("text", "image", "video", "document", "currency", "date_time", "location")
_BODY = ("text", "currency", "date_time")
_BUTTON = tuple(dict.fromkeys(chain.from_iterable(BUTTONS.values())))
#: component -> the types that its parameters may have; a button's are those of its sort, and a carousel has none
TAKES: Mapping[str, tuple[str, ...]] = {
    "header": _HEADER,
    "body": _BODY,
    "button": _BUTTON,
    "limited_time_offer": ("limited_time_offer",),
    "order_status": ("order_status",),
    "carousel": (),
}
#: the same of a carousel's card
ON_CARDS: Mapping[str, tuple[str, ...]] = {"header": ("image", "video", "product"), "body": _BODY, "button": _BUTTON}
#: Those that a template may have without a place in them: an empty list of parameters fills nothing.
MAY_BE_EMPTY = frozenset({"header", "body"})
_SUB_TYPES = (*BUTTONS, *(name.upper() for name in BUTTONS))
#: button -> what its action may say, and whether it must
ACTIONS: Mapping[str, Mapping[str, bool]] = {
    "flow": {"flow_token": False, "flow_action_data": False},
    "catalog": {"thumbnail_product_retailer_id": False},
    "mpm": {"thumbnail_product_retailer_id": True, "sections": True},
    "order_details": {"order_details": True},
}


class _Index(fields.Field[str]):
    """Which button it is, from 0; Meta's own examples write it as a number and as a text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if not isinstance(value, str | int) or str(value) not in set("0123456789"):
            raise ValidationError("must be a whole number from 0 to 9")
        return str(value)


class _Kind(fields.Str):
    """Which component it is, in small letters; Meta's own examples write some in capitals."""

    def __init__(self, kinds: Collection[str]) -> None:
        any_case = "|".join(re.sub("[a-z]", lambda match: f"[{match[0]}{match[0].upper()}]", kind) for kind in kinds)
        shown = {"pattern": f"^(?:{any_case})$", "description": f"{', '.join(kinds)}, in capitals or not"}
        super().__init__(required=True, metadata=shown)
        self._kinds = kinds

    def _deserialize(self, value: Any, attr: str | None, data: Any, **more: Any) -> Any:
        kind = super()._deserialize(value, attr, data, **more).lower()
        if kind not in self._kinds:
            raise ValidationError(f"Must be one of: {', '.join(self._kinds)}.")
        return kind


class Part(Shape):
    """A component, or that of a card, which has places to fill."""

    takes: ClassVar[Mapping[str, tuple[str, ...]]] = ON_CARDS
    may_be_empty: ClassVar[frozenset[str]] = frozenset()

    type = _Kind(ON_CARDS)
    sub_type = fields.Str(validate=validate.OneOf(_SUB_TYPES))
    index = _Index(
        metadata={
            "oneOf": [
                {"type": ["string", "null"], "pattern": "^[0-9]$"},
                {"type": "integer", "minimum": 0, "maximum": 9},
            ]
        }
    )
    parameters = fields.List(fields.Nested(Parameter), validate=validate.Length(max=MOST_PARAMETERS))

    @validates_schema(skip_on_field_errors=True)
    def fits_together(self, data: Mapping[str, Any], **_: Any) -> None:
        """A button says which one it is; each component takes some parameters only, and all but a body just one."""
        kind, is_button = data["type"], data["type"] == "button"
        sort = data["sub_type"].lower() if is_button and "sub_type" in data else ""
        # In Meta's examples a template's only button to call has none.
        may_lack = {"index"} if sort == "voice_call" else set()
        problems: dict[str, Any] = {
            name: "is missing, and type is button" if is_button else f"does not belong to type {kind}"
            for name in {"sub_type", "index"} - may_lack
            if (name in data) != is_button
        }
        if kind != "carousel" and not (kind in self.may_be_empty and data.get("parameters") == []):
            takes = BUTTONS[sort] if sort else self.takes[kind]
            problems |= _misfits(data.get("parameters"), takes, kind=kind, sort=sort)
        if problems:
            raise ValidationError(problems)


#: For OpenAPI: all of it once more, below itself, would make the document's reader go through everything twice.
_OF_A_CARD = {
    "type": "object",
    "description": "As a component of the template: a header of an image, a video or a product, a body, or a button.",
    "required": ["type", "parameters"],
    "properties": {
        "type": {"type": "string", **_Kind(ON_CARDS).metadata},
        "parameters": {"type": "array", "items": {"type": "object"}, "minItems": 1, "maxItems": MOST_PARAMETERS},
    },
}


class _OfACard(fields.Field[Any]):
    """A `Part`, which the document shows in short."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        return Part().load(value)


class Card(Shape):
    """A card of a carousel."""

    card_index = fields.Int(required=True, strict=True, validate=validate.Range(0, MOST_CARDS - 1))
    components = fields.List(_OfACard(metadata=_OF_A_CARD), required=True, validate=validate.Length(1, MOST_COMPONENTS))

    @validates_schema(skip_on_field_errors=True)
    def has_each_component_once(self, data: Mapping[str, Any], **_: Any) -> None:
        """A second one would be no part of the template."""
        if problems := _doubled(data["components"]):
            raise ValidationError(problems, "components")


class Component(Part):
    """A part of the template that has places to fill, or a carousel."""

    takes: ClassVar[Mapping[str, tuple[str, ...]]] = TAKES
    may_be_empty: ClassVar[frozenset[str]] = MAY_BE_EMPTY

    type = _Kind(TAKES)
    cards = fields.List(fields.Nested(Card), validate=validate.Length(1, MOST_CARDS))

    @validates_schema(skip_on_field_errors=True)
    def has_cards_if_it_is_a_carousel(self, data: Mapping[str, Any], **_: Any) -> None:
        """A carousel has cards, each once, in place of parameters."""
        is_carousel = data["type"] == "carousel"
        problems: dict[str, Any] = {}
        if is_carousel != ("cards" in data):
            problems["cards"] = "is missing" if is_carousel else f"does not belong to type {data['type']}"
        elif is_carousel:
            indexes = [card["card_index"] for card in data["cards"]]
            doubled = [place for place, index in enumerate(indexes) if index in indexes[:place]]
            problems |= {"cards": {place: {"card_index": ["is there already"]} for place in doubled}} if doubled else {}
        if is_carousel and "parameters" in data:
            problems["parameters"] = "does not belong to type carousel"
        if problems:
            raise ValidationError(problems)


def _misfits(
    parameters: Sequence[Mapping[str, Any]] | None, takes: Sequence[str], *, kind: str, sort: str
) -> dict[str, Any]:
    """What is wrong with a component's parameters; `sort` is a button's, or ""."""
    if not parameters:
        return {"parameters": "Missing data for required field." if parameters is None else "Must not be empty."}
    wrong: dict[int, Any] = {
        place: {"type": [f"must be {' or '.join(takes)} here"]}
        for place, parameter in enumerate(parameters)
        if parameter["type"] not in takes
    }
    if wrong:
        return {"parameters": wrong}
    if sort == "voice_call":
        doubled = _doubled(parameters)
    elif kind != "body" and len(parameters) > 1:
        return {"parameters": f"must be just one in a {kind}"}
    else:
        doubled = {}
    odd = _of_another(parameters[0]["action"], sort) if sort in ACTIONS else {}
    misfits = doubled or ({0: {"action": odd}} if odd else _misnamed(parameters))
    return {"parameters": misfits} if misfits else {}


def _of_another(action: Mapping[str, Any], sort: str) -> dict[str, list[str]]:
    """What an action has that is not its button's, and what it lacks."""
    may = ACTIONS[sort]
    odd = {name: [f"does not belong to a button of {sort}"] for name in action.keys() - may.keys()}
    return odd | {name: [f"is missing, and sub_type is {sort}"] for name in may if may[name] and name not in action}


def _misnamed(parameters: Sequence[Mapping[str, Any]]) -> dict[int, Any]:
    """Place -> what is wrong with its name: all have one or none has, and each its own."""
    names = [parameter.get("parameter_name") for parameter in parameters]
    problems = {
        place: "is there already" if name else "is missing, and others of this component have one"
        for place, name in enumerate(names)
        if (name is None and any(names)) or (name and name in names[:place])
    }
    return {place: {"parameter_name": [text]} for place, text in problems.items()}


def _doubled(components: Sequence[Mapping[str, Any]]) -> dict[int, Any]:
    """Place -> what is there already: a message has one of each component, and one button at each index."""
    problems: dict[int, Any] = {}
    seen = set()
    for place, component in enumerate(components):
        is_button = component["type"] == "button"
        which = (component["type"], component.get("index"))
        if which in seen:
            problems[place] = {"index" if is_button else "type": ["is there already"]}
        seen.add(which)
    return problems


_LANGUAGE = like("[a-z]{2,3}(?:_[A-Z0-9]{2,4})?", "must be such as pt_BR")


class LanguageObject(Shape):
    """A language as Meta's API takes it."""

    code = fields.Str(required=True, **_LANGUAGE)
    policy = fields.Str(validate=validate.OneOf(["deterministic"]))


class _Language(fields.Field[str]):
    """A language's code, alone or in Meta's object."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if isinstance(value, Mapping):
            return str(LanguageObject().load(value)["code"])
        code = fields.Str(**_LANGUAGE).deserialize(value)
        return str(code)


class Template(Shape):
    """A message that Meta approved, and what fills its places for each contact."""

    name = fields.Str(required=True, **like("[a-z0-9_]{1,512}", "must be of a-z, 0-9 and _"))
    language = _Language(
        required=True,
        metadata={
            "oneOf": [
                {"type": "string", **_LANGUAGE["metadata"]},
                {
                    "type": "object",
                    "required": ["code"],
                    "properties": {
                        "code": {"type": "string", **_LANGUAGE["metadata"]},
                        "policy": {"enum": ["deterministic", None]},
                    },
                    "additionalProperties": False,
                },
            ]
        },
    )
    components = fields.List(
        fields.Nested(Component), load_default=list, allow_none=True, validate=validate.Length(max=MOST_COMPONENTS)
    )

    @validates_schema(skip_on_field_errors=True)
    def has_each_component_once(self, data: Mapping[str, Any], **_: Any) -> None:
        """A second one would be no part of the template."""
        if problems := _doubled(data["components"] or ()):
            raise ValidationError(problems, "components")

    def handle_error(self, error: ValidationError, data: Any, **_: Any) -> None:
        """A field that Meta had once is named as such."""
        if isinstance(error.messages, dict) and "namespace" in error.messages:
            error.messages["namespace"] = ["belongs to Meta's on-premises API, which is retired: leave it out"]

    @post_load
    def as_template(self, data: Mapping[str, Any], **_: Any) -> content.Template:
        """What the domain calls it, without the components that fill nothing."""
        components = data["components"] and [one for one in data["components"] if one.get("parameters") != []]
        return content.Template(name=data["name"], language=data["language"], components=components)
