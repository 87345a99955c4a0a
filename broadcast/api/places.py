"""The shapes of what fills a place of a template: a text, a medium, money, a moment, a place on the map, an action."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

from marshmallow import ValidationError, fields, validate, validates_schema

from broadcast.api.checks import Shape, is_web_address, like, readable, storable, the_same_for_all
from broadcast.domain.filling import is_empty
from broadcast.domain.folding import on_one_line
from broadcast.domain.places import MOST_CODE, MOST_NAME, MOST_PARAMETER

#: Characters of an action's data.
MOST_JSON = 32_768
#: How long a button may call for: 30 days.
MOST_MINUTES = 43_200
#: How deep the data of an action may be nested.
MOST_DEPTH = 10


def _as_meta_takes_it(text: str) -> None:
    if on_one_line(text) != text:
        raise ValidationError("must be on one line, without tabs, and with no more than four blanks in a row")
    _speaking(text)


def _speaking(text: str) -> None:
    if text and is_empty(text):
        raise ValidationError("must not be empty, in any of its options")


_TEXT: list[Callable[[str], Any]] = [validate.Length(1, MOST_PARAMETER), storable, readable, _as_meta_takes_it]
_SHORT: list[Callable[[str], Any]] = [validate.Length(1, MOST_NAME), storable, readable, _speaking]


def _address(url: str) -> None:
    if len(url) > 2048 or not is_web_address(url):
        raise ValidationError("must be an http or https address")
    the_same_for_all(url)


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
    code = fields.Str(required=True, **like("[A-Z]{3}", "must be such as BRL"))
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


class _Degrees(fields.Field[Any]):
    """A number, or one as a text: Meta's examples have both."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Any:
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number and not (isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,3}(\.[0-9]{1,20})?", value)):
            raise ValidationError("must be a number of degrees, such as -23.55")
        if not -180 <= float(value) <= 180:
            raise ValidationError("must be from -180 to 180 degrees")
        return value


_DEGREES = {
    "oneOf": [
        {"type": "number", "minimum": -180, "maximum": 180},
        {"type": "string", "pattern": r"^-?[0-9]{1,3}(\.[0-9]{1,20})?$"},
    ]
}


class Location(Shape):
    """A place on the map."""

    latitude = _Degrees(required=True, metadata=_DEGREES)
    longitude = _Degrees(required=True, metadata=_DEGREES)
    name = fields.Str(validate=_SHORT)
    address = fields.Str(validate=_SHORT)


class Product(Shape):
    """A product of a catalogue that is joined to the account."""

    product_retailer_id = fields.Str(required=True, validate=_SHORT)
    catalog_id = fields.Str(required=True, validate=_SHORT)


def _plain(value: Any) -> None:
    """Raise ValidationError for what a gateway's JSON cannot carry, and for more than is sane.

    Its texts are filled as all are; the names in it are the same for every contact.
    """
    left = [(value, 1)]
    while left:
        one, depth = left.pop()
        if depth > MOST_DEPTH:
            raise ValidationError(f"must not be nested deeper than {MOST_DEPTH}")
        if isinstance(one, str):
            storable(one)
            readable(one)
        elif isinstance(one, Mapping):
            for name in one:
                storable(name)
                the_same_for_all(name)
            left += [(inner, depth + 1) for inner in one.values()]
        elif isinstance(one, list):
            left += [(inner, depth + 1) for inner in one]
    if len(json.dumps(value)) > MOST_JSON:
        raise ValidationError(f"must have at most {MOST_JSON} characters of JSON")


class Action(Shape):
    """What a button of a flow, a catalogue, an order or products opens.

    What is inside `flow_action_data`, `order_details` and `sections` is Meta's to judge.
    """

    flow_token = fields.Str(validate=_SHORT)
    flow_action_data = fields.Dict(keys=fields.Str(), validate=_plain)
    thumbnail_product_retailer_id = fields.Str(validate=_SHORT)
    order_details = fields.Dict(keys=fields.Str(), validate=_plain)
    sections = fields.List(fields.Dict(keys=fields.Str()), validate=[validate.Length(min=1), _plain])


class Offer(Shape):
    """When an offer ends, Unix ms."""

    expiration_time_ms = fields.Int(required=True, strict=True, validate=validate.Range(0, 2**53))


class Parameter(Shape):
    """What fills one place of a component; the field named as its `type` has it, and no other such field is there."""

    type = fields.Str(required=True)
    parameter_name = fields.Str(**like("[a-z0-9_]{1,512}", "must be of a-z, 0-9 and _"))
    text = fields.Str(validate=_TEXT)
    image = fields.Nested(Medium)
    video = fields.Nested(Medium)
    document = fields.Nested(Document)
    currency = fields.Nested(Currency)
    date_time = fields.Nested(DateTime)
    payload = fields.Str(validate=_SHORT)
    location = fields.Nested(Location)
    product = fields.Nested(Product)
    coupon_code = fields.Str(validate=[validate.Length(1, MOST_CODE), storable, readable, _as_meta_takes_it])
    action = fields.Nested(Action)
    limited_time_offer = fields.Nested(Offer)
    order_status = fields.Dict(keys=fields.Str(), validate=_plain)
    ttl_minutes = fields.Int(strict=True, validate=validate.Range(1, MOST_MINUTES))

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
PARAMETERS = (
    *("text", "image", "video", "document", "currency", "date_time", "payload"),
    *("location", "product", "coupon_code", "action", "limited_time_offer"),
    *("order_status", "ttl_minutes"),
)
