"""The shape of a template in a request: what Meta takes for one, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from broadcast.api.checks import Shape, is_web_address, storable
from broadcast.domain import content

#: Characters of a text parameter: what Meta takes where the template is nothing but its body.
MOST_TEXT = 32_768
MOST_NAME = 512
#: A header, a body and ten buttons.
MOST_COMPONENTS = 12
MOST_PARAMETERS = 100

_TEXT: list[Callable[[str], Any]] = [validate.Length(1, MOST_TEXT), storable]
_SHORT: list[Callable[[str], Any]] = [validate.Length(1, MOST_NAME), storable]


def _address(url: str) -> None:
    if len(url) > 2048 or not is_web_address(url):
        raise ValidationError("must be an http or https address")


class Medium(Shape):
    """An image or a video, by its address or by the id that Meta gave it."""

    link = fields.Str(validate=_address)
    id = fields.Str(validate=_SHORT)

    @validates_schema(skip_on_field_errors=True)
    def is_in_one_place(self, data: Mapping[str, Any], **_: Any) -> None:
        """Meta refuses both, and neither."""
        if ("link" in data) == ("id" in data):
            raise ValidationError("must have either link or id")


class Document(Medium):
    """A document, which may have a name."""

    filename = fields.Str(validate=_SHORT)


class Currency(Shape):
    """An amount of money; `amount_1000` is a thousand times the amount."""

    fallback_value = fields.Str(required=True, validate=_SHORT)
    code = fields.Str(required=True, validate=validate.Regexp(r"[A-Z]{3}\Z", error="must be such as BRL"))
    amount_1000 = fields.Int(required=True, strict=True)


class DateTime(Shape):
    """A moment. Meta shows the fallback, and takes the rest."""

    fallback_value = fields.Str(required=True, validate=_SHORT)
    day_of_week = fields.Int(strict=True)
    year = fields.Int(strict=True)
    month = fields.Int(strict=True)
    day_of_month = fields.Int(strict=True)
    hour = fields.Int(strict=True)
    minute = fields.Int(strict=True)
    calendar = fields.Str(validate=_SHORT)


class Parameter(Shape):
    """What fills one place of a component; the field named as its `type` has it, and no other such field is there."""

    type = fields.Str(required=True)
    parameter_name = fields.Str(validate=validate.Regexp(r"[a-z0-9_]{1,512}\Z", error="must be of a-z, 0-9 and _"))
    text = fields.Str(validate=_TEXT)
    image = fields.Nested(Medium)
    video = fields.Nested(Medium)
    document = fields.Nested(Document)
    currency = fields.Nested(Currency)
    date_time = fields.Nested(DateTime)
    payload = fields.Str(validate=_SHORT)

    @validates_schema(skip_on_field_errors=True)
    def has_what_its_type_says(self, data: Mapping[str, Any], **_: Any) -> None:
        """Which types a component may have is the component's to say."""
        kind = data["type"]
        problems = {name: f"does not belong to type {kind}" for name in PARAMETERS if name in data and name != kind}
        if kind not in PARAMETERS:
            problems["type"] = f"must be one of {', '.join(PARAMETERS)}"
        elif kind not in data:
            problems[kind] = f"is missing, and type is {kind}"
        if problems:
            raise ValidationError(problems)


#: The types of a parameter.
PARAMETERS = ("text", "image", "video", "document", "currency", "date_time", "payload")
#: component -> the types that its parameters may have
TAKES: Mapping[str, tuple[str, ...]] = {
    "header": ("text", "image", "video", "document", "currency", "date_time"),
    "body": ("text", "currency", "date_time"),
    "button": ("text", "payload"),
}
#: button -> the type of its parameter
BUTTONS: Mapping[str, str] = {"quick_reply": "payload", "url": "text"}


class _Index(fields.Field[str]):
    """Which button it is, from 0; Meta's own examples write it as a number and as a text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> str:
        if not isinstance(value, str | int) or str(value) not in set("0123456789"):
            raise ValidationError("must be a whole number from 0 to 9")
        return str(value)


class Component(Shape):
    """A part of the template that has places to fill."""

    type = fields.Str(required=True, validate=validate.OneOf(TAKES))
    sub_type = fields.Str(validate=validate.OneOf(BUTTONS))
    index = _Index(
        metadata={
            "oneOf": [
                {"type": ["string", "null"], "pattern": "^[0-9]$"},
                {"type": "integer", "minimum": 0, "maximum": 9},
            ]
        }
    )
    parameters = fields.List(fields.Nested(Parameter), required=True, validate=validate.Length(1, MOST_PARAMETERS))

    @validates_schema(skip_on_field_errors=True)
    def fits_together(self, data: Mapping[str, Any], **_: Any) -> None:
        """A button says which one it is; each component takes some parameters only, a header just one."""
        kind, is_button = data["type"], data["type"] == "button"
        problems: dict[str, Any] = {
            name: "is missing, and type is button" if is_button else f"does not belong to type {kind}"
            for name in ("sub_type", "index")
            if (name in data) != is_button
        }
        takes = (BUTTONS[data["sub_type"]],) if "sub_type" in data and is_button else TAKES[kind]
        wrong = {
            place: {"type": [f"must be {' or '.join(takes)} here"]}
            for place, parameter in enumerate(data["parameters"])
            if parameter["type"] not in takes
        }
        if wrong:
            problems["parameters"] = wrong
        elif kind != "body" and len(data["parameters"]) > 1:
            problems["parameters"] = f"must be just one in a {kind}"
        if problems:
            raise ValidationError(problems)


class Template(Shape):
    """A message that Meta approved, and what fills its places for each contact."""

    name = fields.Str(required=True, validate=validate.Regexp(r"[a-z0-9_]{1,512}\Z", error="must be of a-z, 0-9 and _"))
    language = fields.Str(
        required=True, validate=validate.Regexp(r"[a-z]{2,3}(_[A-Z0-9]{2,4})?\Z", error="must be such as pt_BR")
    )
    components = fields.List(
        fields.Nested(Component), load_default=list, allow_none=True, validate=validate.Length(max=MOST_COMPONENTS)
    )

    @post_load
    def as_template(self, data: Mapping[str, Any], **_: Any) -> content.Template:
        """What the domain calls it."""
        return content.Template(name=data["name"], language=data["language"], components=data["components"])
