"""The shapes of requests, as marshmallow checks them and OpenAPI shows them."""

from __future__ import annotations

import hashlib
import json
import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema
from werkzeug.datastructures import MultiDict

from broadcast.api import templates
from broadcast.api.answers import EPOCH
from broadcast.api.checks import IS_UNSTORABLE, UNSTORABLE, Shape, is_web_address, readable, storable, the_same_for_all
from broadcast.callbacks.addresses import why_not_named
from broadcast.domain.callback import Delivery
from broadcast.domain.campaign import OnUnknown, Order, Scope, State
from broadcast.domain.contact import Recipient, Status
from broadcast.domain.content import MOST_CAPTION, MOST_TEXT, Content, Kind
from broadcast.domain.filling import is_empty
from broadcast.errors import FieldError, Invalid
from broadcast.settings import Settings

#: Contacts in one request.
MOST_CONTACTS = 100_000
#: People that one JSON request puts on the suppression list; a CSV file has as many rows as a campaign has contacts.
MOST_PHONES = 10_000
#: Characters that say where somebody on the suppression list comes from.
MOST_SOURCE = 128
#: What is said of a phone that is a number of JSON's, which has no plus and no zero at its beginning.
AS_TEXT = 'must be a text such as "5511999990001", not a number: in quotation marks'
PRIORITIES = {"high": 8, "normal": 5, "low": 2}

#: RFC 3339, section 5.6, its zone required. Read by hand because `fromisoformat` differs between Python versions.
_RFC3339 = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d+))?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def is_name(text: str) -> bool:
    """Whether it may name a campaign or an instance: it fits in a URL and in a log line as it is."""
    is_odd = any(char in "/?#%" or unicodedata.category(char) in {"Cc", "Cs"} for char in text)
    return 1 <= len(text) <= 128 and text == text.strip() and text not in {".", ".."} and not is_odd


#: For OpenAPI: what a name must be at least.
NAME = {"minLength": 1, "maxLength": 128, "pattern": r"^[^\s/?#%]([^/?#%]*[^\s/?#%])?$"}


def _name(text: str) -> None:
    if not is_name(text):
        raise ValidationError(
            "must be 1 to 128 characters without control characters, /, ?, #, % and without blanks around it"
        )


#: Campaigns and instances of these names would have the addresses of something else.
TAKEN = frozenset({"events"})
#: The same of a name that is new.
NEW_NAME = {**NAME, "not": {"enum": sorted(TAKEN)}}


def new_name(text: str) -> None:
    """Raise ValidationError unless a campaign or an instance may be given this name."""
    _name(text)
    if text in TAKEN:
        raise ValidationError(f"must be another name: {text} has an address of its own")


def _callable(url: str) -> None:
    if not is_web_address(url):
        raise ValidationError("must be an http or https address")
    parts = urlsplit(url)
    if parts.username is not None or parts.password is not None:
        raise ValidationError("must have no user or password in it; a callback is known by its signature")


def _is_text(value: Any, *, most: float = math.inf) -> bool:
    return isinstance(value, str) and len(value) <= most and not UNSTORABLE.search(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


class _Contact(fields.Field[Recipient]):
    """A phone number, or an object {phone, name, vars}. The number itself is looked at when it is accepted."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Recipient:
        if isinstance(value, str):
            storable(value)
            return Recipient(phone=value)
        if _is_number(value):
            raise ValidationError(AS_TEXT)
        if not isinstance(value, dict):
            raise ValidationError("must be a phone number or an object {phone, name, vars}")
        if problems := _contact_problems(value):
            raise ValidationError(problems)
        given = {name: text for name, text in (value.get("vars") or {}).items() if text is not None}
        return Recipient(phone=value["phone"], name=value.get("name"), vars=given)


def recipient(value: Any) -> Recipient:
    """One contact that was read by itself. Raises ValueError, with what is wrong in a sentence."""
    try:
        found: Recipient = _Contact().deserialize(value)
    except ValidationError as error:
        problems = [f"{one.pointer} {one.detail}".strip() for one in _pointers(error.messages)]
        raise ValueError("; ".join(problems)) from error
    return found


def _contact_problems(person: Mapping[str, Any]) -> dict[str, Any]:
    problems: dict[str, Any] = {unknown: ["unknown field"] for unknown in person.keys() - {"phone", "name", "vars"}}
    phone, name, values = person.get("phone"), person.get("name"), person.get("vars")
    if not _is_text(phone):
        problems["phone"] = [_why_not([phone], AS_TEXT if _is_number(phone) else "must be a text")]
    if name is not None and not _is_text(name, most=256):
        problems["name"] = [_why_not([name], "must be a text of at most 256 characters")]
    if values is not None:
        problems |= _problems_of(values)
    return problems


#: What the value of a variable is.
LONGEST_VALUE = "must be a text of at most 1024 characters"


def _problems_of(values: Any) -> dict[str, Any]:
    """Each variable by its name; null is one that the contact has not."""
    if not isinstance(values, dict):
        return {"vars": ["must be an object of texts"]}
    if not all(_is_text(name, most=1024) for name in values):
        return {"vars": [_why_not(values, "must be an object of texts, with names of at most 1024 characters")]}
    wrong = [name for name, text in values.items() if text is not None and not _is_text(text, most=1024)]
    said = {name: 'must be a text such as "10,50"' if _is_number(values[name]) else LONGEST_VALUE for name in wrong}
    return {"vars": {name: [_why_not([values[name]], why)] for name, why in said.items()}} if wrong else {}


def _why_not(texts: Iterable[Any], otherwise: str) -> str:
    return IS_UNSTORABLE if any(isinstance(one, str) and UNSTORABLE.search(one) for one in texts) else otherwise


class _Contacts(fields.List[Recipient]):
    """The contacts; how many is looked at before the first of them, so that a list of millions costs nothing."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> list[Recipient | None]:
        _count(value, MOST_CONTACTS, "contacts")
        return super()._deserialize(value, attr, data)


class _Phones(fields.List[str]):
    """Phone numbers; how many is looked at first as well."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> list[str | None]:
        _count(value, MOST_PHONES, "phones")
        return super()._deserialize(value, attr, data)


def _count(value: Any, most: int, what: str) -> None:
    if isinstance(value, list) and not 1 <= len(value) <= most:
        raise ValidationError(f"must have 1 to {most} {what}, and has {len(value)}")


#: A contact as an object, for OpenAPI.
_PERSON = {
    "type": "object",
    "required": ["phone"],
    "properties": {
        "phone": {"type": "string"},
        "name": {"type": ["string", "null"], "maxLength": 256},
        "vars": {"type": ["object", "null"], "additionalProperties": {"type": ["string", "null"], "maxLength": 1024}},
    },
    "additionalProperties": False,
}


class Flag(fields.Bool):
    """true or false; no number, and no text that says so."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> bool:
        if isinstance(value, bool):
            return value
        raise ValidationError("must be true or false")


class _Priority(fields.Field[int]):
    """high, normal, low, or 0 to 9 with 9 the most urgent."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:
        if isinstance(value, str) and value in PRIORITIES:
            return PRIORITIES[value]
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 9:
            return value
        raise ValidationError("must be high, normal, low or a whole number from 0 to 9")


class _OrBlank:
    """A field that a form was left empty of is as one that is null."""

    def deserialize(self, value: Any, *given: Any, **more: Any) -> Any:
        """The value, or None."""
        return super().deserialize(None if value == "" else value, *given, **more)  # type: ignore[misc]  # a field's


class _Address(_OrBlank, fields.Str):
    """A web address; blanks around it are nobody's."""

    def deserialize(self, value: Any, *given: Any, **more: Any) -> Any:
        """The address without them, or None."""
        return super().deserialize(value.strip() if isinstance(value, str) else value, *given, **more)


class _Time(_OrBlank, fields.Field[int]):
    """RFC 3339 with a time zone; becomes Unix ms."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:
        match = _RFC3339.fullmatch(value) if isinstance(value, str) else None
        try:
            if match is None:
                raise ValueError
            day, clock, fraction, zone = match.groups()
            micros = (fraction or "")[:6].ljust(6, "0")
            moment = datetime.fromisoformat(f"{day}T{clock}.{micros}{zone.upper().replace('Z', '+00:00')}")
        except ValueError as error:
            raise ValidationError("must be a time with its zone, such as 2030-08-29T15:00:00Z") from error
        return (moment - EPOCH) // timedelta(milliseconds=1)


#: A web address, for OpenAPI.
_MEDIA_URL = {"type": "string", "pattern": r"^\s*https?://[^\s/?#:@\[\]]\S*\s*$"}


class Send(Shape):
    """The CRM's request for a campaign."""

    #: For OpenAPI: what `contacts_are_there` and `content_is_whole` look at.
    together: ClassVar[Mapping[str, Any]] = {
        "oneOf": [
            {"title": "whole", "required": ["contacts"], "properties": {"open": {"enum": [False, None]}}},
            {
                "title": "open",
                "required": ["open"],
                "properties": {"open": {"const": True}, "contacts": {"type": "null"}},
            },
        ],
        "anyOf": [
            {
                "title": "text",
                "required": ["message"],
                "properties": {
                    "message": {"type": "string", "pattern": r"\S"},
                    "mediaType": {"enum": [Kind.TEXT.value, None]},
                    "mediaUrl": {"enum": [None, ""]},
                },
            },
            {
                "title": "template",
                "required": ["template"],
                "properties": {
                    "template": {"type": "object"},
                    "mediaType": {"enum": [Kind.TEXT.value, None]},
                    "mediaUrl": {"enum": [None, ""]},
                },
            },
            {
                "title": "media",
                "required": ["mediaType", "mediaUrl"],
                "properties": {
                    "message": {"maxLength": MOST_CAPTION},
                    "mediaType": {"enum": [kind.value for kind in Kind if kind not in {Kind.TEXT, Kind.AUDIO}]},
                    "mediaUrl": _MEDIA_URL,
                },
            },
            {
                "title": "audio",
                "required": ["mediaType", "mediaUrl"],
                "properties": {
                    "message": {"maxLength": 0},
                    "mediaType": {"const": Kind.AUDIO.value},
                    "mediaUrl": _MEDIA_URL,
                },
            },
        ],
    }

    action = fields.Str(validate=validate.OneOf(["send_broadcast"]))
    instanceId = fields.Str(required=True, validate=new_name, metadata=NEW_NAME)
    campaignId = fields.Str(required=True, validate=new_name, metadata=NEW_NAME)
    contacts = _Contacts(
        _Contact(metadata={"oneOf": [{"type": "string"}, _PERSON]}),
        load_default=tuple,  # called, and so not shown as a default, which would have too few items
        metadata={"minItems": 1, "maxItems": MOST_CONTACTS, "description": "required, unless the campaign is open"},
    )
    open = Flag(load_default=False, allow_none=True)
    message = fields.Str(
        load_default="", allow_none=True, validate=[storable, readable], metadata={"maxLength": MOST_TEXT}
    )
    mediaType = fields.Enum(Kind, by_value=True, load_default=Kind.TEXT)
    mediaUrl = _Address(
        load_default=None, allow_none=True, validate=[validate.Length(max=2048), storable, the_same_for_all]
    )
    template = fields.Nested(templates.Template, load_default=None, allow_none=True)
    scheduledFor = _Time(
        load_default=None,
        allow_none=True,
        metadata={"anyOf": [{"type": "string", "format": "date-time"}, {"enum": [None, ""]}]},
    )
    rateLimitMs = fields.Int(strict=True, allow_none=True, validate=validate.Range(10, 86_400_000))
    onUnknown = fields.Enum(OnUnknown, by_value=True, load_default=OnUnknown.HOLD)
    callbackUrl = _Address(
        load_default=None, allow_none=True, validate=[validate.Length(max=2048), storable, _callable]
    )
    jitterMs = fields.Int(strict=True, allow_none=True, validate=validate.Range(0, 86_400_000))
    priority = _Priority(
        load_default=5,
        metadata={"oneOf": [{"enum": [*PRIORITIES, None]}, {"type": "integer", "minimum": 0, "maximum": 9}]},
    )

    @validates_schema(skip_on_field_errors=True)
    def contacts_are_there(self, data: Mapping[str, Any], **_: Any) -> None:
        """Either they are here, or they come later."""
        if data["open"] and data["contacts"]:
            raise ValidationError("must be left out of an open campaign, and added with POST …/contacts", "contacts")
        if not data["open"] and not data["contacts"]:
            raise ValidationError("Missing data for required field.", "contacts")

    @validates_schema(skip_on_field_errors=True)
    def content_is_whole(self, data: Mapping[str, Any], **_: Any) -> None:
        """Text needs words unless a template has them, media a place to be fetched from, and audio has no caption."""
        kind, text, url = data["mediaType"], data["message"], data["mediaUrl"]
        if data["template"] is not None and kind is not Kind.TEXT:
            raise ValidationError("must be text with a template, whose media are in its header", "mediaType")
        if kind is Kind.TEXT:
            if not text.strip() and data["template"] is None:
                raise ValidationError("must not be empty", "message")
            if text and is_empty(text) and data["template"] is None:
                raise ValidationError("must not be empty, in any of its options", "message")
            if url is not None:
                raise ValidationError("must be null when mediaType is text", "mediaUrl")
        elif not is_web_address(url):
            if is_web_address((url or "").replace(" ", "%20")):
                raise ValidationError("must have no blanks in it: write each as %20", "mediaUrl")
            raise ValidationError(f"must be an http or https address when mediaType is {kind.value}", "mediaUrl")
        most = {Kind.TEXT: MOST_TEXT, Kind.AUDIO: 0}.get(kind, MOST_CAPTION)
        if len(text) > most:
            problem = f"must have at most {most} characters" if most else "must be empty: audio has no caption"
            raise ValidationError(problem, "message")


class SendAction(Send):
    """The same at the endpoint that takes every action."""

    action = fields.Str(required=True, validate=validate.OneOf(["send_broadcast"]))


class Preview(Send):
    """A campaign that is looked at and not sent: the same body, which needs no id."""

    campaignId = fields.Str(load_default="preview", allow_none=True, validate=new_name, metadata=NEW_NAME)


class Steer(Shape):
    """Pause, resume, cancel, or look at one campaign."""

    action = fields.Str(
        required=True,
        validate=validate.OneOf(["pause_broadcast", "resume_broadcast", "cancel_broadcast", "broadcast_status"]),
    )
    campaignId = fields.Str(required=True, validate=_name, metadata=NAME)
    instanceId = fields.Str(allow_none=True, load_default=None, validate=_name, metadata=NAME)


class Retry(Shape):
    """Which contacts are to be sent again."""

    scope = fields.Enum(Scope, by_value=True, required=True)


class _Digits(fields.Int):
    """A whole number as a text of plain digits; Python's own reading takes those of every script, and more."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:
        if not re.fullmatch(r"-?[0-9]{1,20}", str(value)):
            raise ValidationError("must be a whole number in plain digits, such as 7")
        return int(value)


class ChunkQuery(Shape):
    """Which part of an audience this is."""

    chunk = _Digits(required=True, validate=validate.Range(0, 2**31))


class _Cursor(_OrBlank, fields.Str):
    """Where a list goes on; an empty one is none, as whoever fills in a form's or a template's address sends it."""


class ContactsQuery(Shape):
    """Which contacts of a campaign to show, and how."""

    status = fields.Enum(Status, by_value=True, load_default=None, allow_none=True)
    reason = fields.Str(load_default=None, allow_none=True)
    limit = fields.Int(load_default=100, validate=validate.Range(1, 1000))
    cursor = _Cursor(load_default=None, allow_none=True)
    format = fields.Str(load_default=None, allow_none=True, validate=validate.OneOf(["json", "csv"]))
    bom = fields.Str(load_default="0", validate=validate.OneOf(["0", "1"]))
    separator = fields.Str(load_default=",", validate=validate.OneOf([",", ";", "tab"]))


class CallbacksQuery(Shape):
    """Which callbacks of a campaign to show."""

    status = fields.Enum(Delivery, by_value=True, load_default=None, allow_none=True)
    limit = fields.Int(load_default=100, validate=validate.Range(1, 500))
    cursor = _Cursor(load_default=None, allow_none=True)


class FailedCallbacksQuery(Shape):
    """Which callbacks of all campaigns to show: those that failed."""

    status = fields.Str(load_default=Delivery.FAILED.value, validate=validate.OneOf([Delivery.FAILED.value]))
    limit = fields.Int(load_default=100, validate=validate.Range(1, 500))
    cursor = _Cursor(load_default=None, allow_none=True)


class ListQuery(Shape):
    """Which campaigns to list."""

    status = fields.Enum(State, by_value=True, load_default=None, allow_none=True)
    instance = fields.Str(load_default=None, allow_none=True, validate=_name, metadata=NAME)
    limit = fields.Int(load_default=50, validate=validate.Range(1, 200))
    cursor = _Cursor(load_default=None, allow_none=True)


class Suppress(Shape):
    """Who wants no more messages. Numbers that cannot be one are left to the engine, which names each."""

    phones = _Phones(fields.Str(validate=storable), required=True, metadata={"minItems": 1, "maxItems": MOST_PHONES})
    source = fields.Str(load_default=None, allow_none=True, validate=[validate.Length(1, MOST_SOURCE), storable])


class SuppressQuery(Shape):
    """Where people come from, for those whose row, or whose body, does not say."""

    source = fields.Str(load_default=None, allow_none=True, validate=[validate.Length(1, MOST_SOURCE), storable])


class SuppressionsPage(Shape):
    """Which part of the suppression list to show."""

    limit = fields.Int(load_default=100, validate=validate.Range(1, 1000))
    cursor = _Cursor(load_default=None, allow_none=True)


class SuppressionsQuery(SuppressionsPage):
    """The same, and how all of it is written as CSV."""

    bom = fields.Str(load_default="0", validate=validate.OneOf(["0", "1"]))
    separator = fields.Str(load_default=",", validate=validate.OneOf([",", ";", "tab"]))


class Unsuppress(Shape):
    """Who may be sent to again."""

    phone = fields.Str(required=True, validate=storable)


class ListAction(ListQuery):
    """The same as an action of the CRM's endpoint, which names the instance as it does elsewhere."""

    action = fields.Str(required=True, validate=validate.OneOf(["list_broadcasts"]))
    instance = fields.Str(data_key="instanceId", load_default=None, allow_none=True, validate=_name, metadata=NAME)
    limit = fields.Int(strict=True, load_default=50, validate=validate.Range(1, 200))

    @post_load
    def without_action(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        """What is left is a query."""
        return {name: value for name, value in data.items() if name != "action"}


def load(schema: Schema, body: Mapping[str, Any]) -> dict[str, Any]:
    """The checked fields. Raises Invalid that names every wrong one."""
    try:
        loaded: dict[str, Any] = schema.load(body)
    except ValidationError as error:
        raise Invalid(*_pointers(error.messages)) from error
    return loaded


def load_query(schema: Schema, query: MultiDict[str, str]) -> dict[str, Any]:
    """The same of an address's query. Raises Invalid also for a name that is there twice: one would be unheard."""
    twice = sorted(name for name, values in query.lists() if len(values) > 1)
    if twice:
        raise Invalid(*(FieldError(f"/{name[:64]}", "is there twice") for name in twice))
    return load(schema, query.to_dict())


def order_of(body: Mapping[str, Any], settings: Settings, *, shape: type[Send] = Send) -> Order:
    """The order that a body asks for; both of the CRM's endpoints and every retry of a body give the same digest."""
    sent = load(shape(), body)
    return Order(
        campaign=sent["campaignId"],
        instance=sent["instanceId"],
        recipients=sent["contacts"],
        content=Content(
            kind=sent["mediaType"],
            text=sent["message"],
            media_url=_media_url(sent["mediaUrl"], settings),
            template=sent["template"],
        ),
        gap_ms=sent.get("rateLimitMs", settings.default_rate_limit_ms),
        jitter_ms=sent.get("jitterMs", settings.default_jitter_ms),
        priority=sent["priority"],
        scheduled_ms=sent["scheduledFor"],
        on_unknown=sent["onUnknown"],
        is_open=sent["open"],
        callback_url=_callback_url(sent["callbackUrl"], settings),
        digest=digest(body),
    )


def _callback_url(url: str | None, settings: Settings) -> str | None:
    """The address, if callbacks may go there as these settings are. Raises Invalid."""
    if url is None:
        return None
    if not settings.callback_secret:
        raise Invalid(
            FieldError("/callbackUrl", "cannot be used: CALLBACK_SECRET is unset, and no callback is unsigned")
        )
    why = None if settings.callback_allow_private else why_not_named(url)
    if why is not None:
        raise Invalid(FieldError("/callbackUrl", f"is a {why} address; callbacks go to the internet only"))
    return url


def _media_url(url: str | None, settings: Settings) -> str | None:
    """The address, if gateways may be sent there as these settings are. Raises Invalid.

    Where a name leads, the gateway alone finds out, and perhaps elsewhere than we would.
    """
    why = None if url is None or settings.media_allow_private else why_not_named(url)
    if why is not None:
        hint = "MEDIA_ALLOW_PRIVATE=1 has gateways fetch inside their network"
        raise Invalid(FieldError("/mediaUrl", f"must be on the internet, and is a {why} address; {hint}"))
    return url


def digest(body: Mapping[str, Any]) -> str:
    """Stands for the body as it was sent, whatever the order of its names; nulls and `action` say nothing."""
    said = {name: value for name, value in body.items() if name != "action" and value is not None}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def _pointers(messages: Any, path: str = "") -> Iterator[FieldError]:
    """Nested messages of marshmallow as one error per JSON pointer (RFC 6901), whose steps escape ~ and /."""
    if isinstance(messages, dict):
        for name, inner in messages.items():
            step = str(name).replace("~", "~0").replace("/", "~1")
            yield from _pointers(inner, path if name == "_schema" else f"{path}/{step}")
    else:
        for text in messages if isinstance(messages, list) else [messages]:
            if isinstance(text, dict):
                yield from _pointers(text, path)
            else:
                yield FieldError(path, str(text))
