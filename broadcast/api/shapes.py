"""The shapes of requests and answers, as marshmallow checks them and OpenAPI shows them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from broadcast.domain.campaign import Order, Progress, State
from broadcast.domain.contact import Recipient
from broadcast.domain.content import Content, Kind
from broadcast.errors import FieldError, Invalid
from broadcast.settings import Settings

#: What a message may hold on every gateway that we know (Cloud API's limits), in characters.
MOST_TEXT = 4096
MOST_CAPTION = 1024
#: Contacts in one request.
MOST_CONTACTS = 100_000
PRIORITIES = {"high": 8, "normal": 5, "low": 2}

_NAME = re.compile(
    r"[^\x00-\x20\x7f/?#%\ud800-\udfff](?:[^\x00-\x1f\x7f/?#%\ud800-\udfff]{0,126}[^\x00-\x20\x7f/?#%\ud800-\udfff])?"
)
_name = validate.Regexp(
    re.compile(f"(?:{_NAME.pattern})$"),
    error="must be 1 to 128 characters without control characters, /, ?, #, % and without blanks around it",
)


def _storable(text: str) -> None:
    """Text that every part of the way can carry: no NUL, no half of a surrogate pair."""
    if "\x00" in text or re.search("[\ud800-\udfff]", text):
        raise ValidationError("has characters that cannot be sent")


class _Contact(fields.Field[Recipient]):
    """A phone number, or an object {phone, name, vars}."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Recipient:
        if isinstance(value, str):
            value = {"phone": value}
        if not isinstance(value, dict):
            raise ValidationError("must be a phone number or an object {phone, name, vars}")
        unknown = value.keys() - {"phone", "name", "vars"}
        if unknown:
            raise ValidationError({name: ["unknown field"] for name in unknown})
        phone, name, extra = value.get("phone"), value.get("name"), value.get("vars") or {}
        problems = {}
        if not isinstance(phone, str) or len(phone) > 64:
            problems["phone"] = ["must be a text of at most 64 characters"]
        if name is not None and (not isinstance(name, str) or len(name) > 256):
            problems["name"] = ["must be a text of at most 256 characters"]
        if not isinstance(extra, dict) or not all(
            isinstance(item, str) and len(item) <= 1024 for item in extra.values()
        ):
            problems["vars"] = ["must be an object of texts of at most 1024 characters"]
        if problems:
            raise ValidationError(problems)
        for text in (phone, name or "", *extra, *extra.values()):
            _storable(str(text))
        return Recipient(phone=str(phone), name=name, vars=extra)


class _Priority(fields.Field[int]):
    """high, normal, low, or 0 to 9 with 9 the most urgent."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:
        if isinstance(value, str) and value in PRIORITIES:
            return PRIORITIES[value]
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 9:
            return value
        raise ValidationError("must be high, normal, low or a whole number from 0 to 9")


class _Time(fields.Field[int]):
    """RFC 3339 with a time zone; becomes Unix ms."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> int:
        try:
            if not isinstance(value, str) or not re.match(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d", value):
                raise ValueError
            moment = datetime.fromisoformat(re.sub(r"[zZ]$", "+00:00", value))
            if moment.tzinfo is None:
                raise ValueError
            return int(moment.timestamp() * 1000)
        except (ValueError, OverflowError) as error:
            raise ValidationError("must be a time with its zone, such as 2030-08-29T15:00:00Z") from error


class Send(Schema):
    """The CRM's request for a campaign."""

    action = fields.Str(validate=validate.Equal("send_broadcast"))
    instanceId = fields.Str(required=True, validate=_name)
    campaignId = fields.Str(required=True, validate=_name)
    contacts = fields.List(
        _Contact(), required=True, validate=validate.Length(1, MOST_CONTACTS, error="must have 1 to 100000 contacts")
    )
    message = fields.Str(load_default="", allow_none=True, validate=_storable)
    mediaType = fields.Enum(Kind, by_value=True, load_default=Kind.TEXT)
    mediaUrl = fields.Str(load_default=None, allow_none=True, validate=validate.Length(max=2048))
    scheduledFor = _Time(load_default=None, allow_none=True)
    rateLimitMs = fields.Int(strict=True, allow_none=True, validate=validate.Range(10, 86_400_000))
    jitterMs = fields.Int(strict=True, allow_none=True, validate=validate.Range(0, 86_400_000))
    priority = _Priority(load_default=5)

    @validates_schema(skip_on_field_errors=True)
    def content_is_whole(self, data: Mapping[str, Any], **_: Any) -> None:
        """Text needs words, media needs a place to be fetched from, and audio has no caption."""
        kind, text, url = data["mediaType"], data["message"] or "", data["mediaUrl"]
        if kind is Kind.TEXT:
            if not text.strip():
                raise ValidationError("must not be empty", "message")
            if url is not None:
                raise ValidationError("must be null when mediaType is text", "mediaUrl")
        elif not _is_web_address(url):
            raise ValidationError(f"must be an http or https address when mediaType is {kind.value}", "mediaUrl")
        most = {Kind.TEXT: MOST_TEXT, Kind.AUDIO: 0}.get(kind, MOST_CAPTION)
        if len(text) > most:
            problem = f"must have at most {most} characters" if most else "must be empty: audio has no caption"
            raise ValidationError(problem, "message")


class Steer(Schema):
    """Pause, resume, cancel, or look at one campaign."""

    action = fields.Str(required=True)
    campaignId = fields.Str(required=True, validate=_name)
    instanceId = fields.Str(allow_none=True, load_default=None, validate=_name)


class ListQuery(Schema):
    """Which campaigns to list."""

    status = fields.Enum(State, by_value=True, load_default=None, allow_none=True)
    instance = fields.Str(load_default=None, allow_none=True, validate=_name)
    limit = fields.Int(load_default=50, validate=validate.Range(1, 200))
    cursor = fields.Str(load_default=None, allow_none=True)


class ListAction(ListQuery):
    """The same as an action of the CRM's endpoint, which names the instance as it does elsewhere."""

    action = fields.Str(required=True)
    instance = fields.Str(data_key="instanceId", load_default=None, allow_none=True, validate=_name)

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


def order_of(body: Mapping[str, Any], settings: Settings) -> Order:
    """The order that a body asks for; both of the CRM's endpoints and every retry of a body give the same digest."""
    sent = load(Send(), body)
    gap, jitter = sent.get("rateLimitMs"), sent.get("jitterMs")
    return Order(
        campaign=sent["campaignId"],
        instance=sent["instanceId"],
        recipients=sent["contacts"],
        content=Content(kind=sent["mediaType"], text=sent["message"] or "", media_url=sent["mediaUrl"]),
        gap_ms=settings.default_rate_limit_ms if gap is None else gap,
        jitter_ms=settings.default_jitter_ms if jitter is None else jitter,
        priority=sent["priority"],
        scheduled_ms=sent["scheduledFor"],
        digest=digest(body),
    )


def digest(body: Mapping[str, Any]) -> str:
    """Stands for the body as it was sent, whatever the order of its names; nulls and `action` say nothing."""
    said = {name: value for name, value in body.items() if name != "action" and value is not None}
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()


def status_answer(progress: Progress) -> dict[str, Any]:
    """A campaign as the status answer shows it."""
    return {
        "success": True,
        "campaignId": progress.id,
        "instanceId": progress.instance,
        "status": progress.state.value,
        "priority": progress.priority,
        "total": progress.total,
        "counts": {status.value: count for status, count in progress.counts.items()},
        "progress": progress.progress,
        "rateLimitMs": progress.gap_ms,
        "sendsPerMinute": progress.sends_per_minute,
        "expectedFinishAt": rfc3339(progress.expected_finish_ms),
        "holdReason": progress.hold_reason,
        "holdDetail": progress.hold_detail,
        "lastError": progress.last_error,
        "skippedReasons": dict(progress.skipped),
        "createdAt": rfc3339(progress.created_ms),
        "scheduledFor": rfc3339(progress.scheduled_ms),
        "startedAt": rfc3339(progress.started_ms),
        "pausedAt": rfc3339(progress.paused_ms),
        "finishedAt": rfc3339(progress.finished_ms),
    }


def rfc3339(unix_ms: int | None) -> str | None:
    """`2030-08-29T15:24:10Z`; parts of a second only where there are any."""
    if unix_ms is None:
        return None
    moment = datetime.fromtimestamp(unix_ms / 1000, timezone.utc)
    return moment.isoformat(timespec="milliseconds" if unix_ms % 1000 else "seconds").replace("+00:00", "Z")


def _is_web_address(url: str | None) -> bool:
    try:
        parts = urlsplit(url or "")
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and not re.search(r"\s", url or "")
    except ValueError:
        return False


def _pointers(messages: Any, path: str = "") -> Iterator[FieldError]:
    """Nested messages of marshmallow as one error per JSON pointer (RFC 6901)."""
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
