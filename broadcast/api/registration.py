"""The shape of an instance's registration: as it is asked for, and as it is shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone
from typing import Any
from urllib.parse import urlsplit

from marshmallow import ValidationError, fields, post_load, validate

from broadcast.api.checks import Shape, is_web_address
from broadcast.api.shapes import Flag, load
from broadcast.domain.instance import Instance
from broadcast.engine.registering import Registration
from broadcast.gateways.catalogue import DIALECTS
from broadcast.pacing import Rules, Window
from broadcast.settings import Settings

#: their word -> day of the week, 0 for Monday
DAYS: Mapping[str, int] = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}
#: A credential goes into a header, and what a header cannot carry is none.
_CREDENTIAL = re.compile(r"[!-~]{1,4096}")


def _address(url: str) -> None:
    parts = urlsplit(url) if is_web_address(url) else None
    if parts is None or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValidationError("must be an http or https address, without a user, a query or a fragment")


#: What is wrong with a credential.
NO_TEXT = "must be printable ASCII without blanks"
#: The same of what an answer shows in its place.
SHOWN = "must be the text itself, for which answers show true or false; without `credentials`, those that are set stay"


class _Credentials(fields.Field[Mapping[str, str]]):
    """Texts by name. Null says the same as leaving a name out. What is wrong is told without the text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> Mapping[str, str]:
        if not isinstance(value, dict):
            raise ValidationError("must be an object of texts")
        given = {name: text for name, text in value.items() if text is not None}
        wrong = [name for name, text in given.items() if not (isinstance(text, str) and _CREDENTIAL.fullmatch(text))]
        if wrong:
            said = {name: SHOWN if isinstance(given[name], bool) else NO_TEXT for name in wrong}
            raise ValidationError({name: [why] for name, why in said.items()})
        return given


class _Clock(fields.Field[time]):
    """A reading of the wall clock, "HH:MM"; an hour may have one digit."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **_: Any) -> time:
        if not isinstance(value, str) or not re.fullmatch(r"([01]?[0-9]|2[0-3]):[0-5][0-9]", value):
            raise ValidationError("must be a time of day from 00:00 to 23:59")
        return time.fromisoformat(value.zfill(len("HH:MM")))


class SendingWindow(Shape):
    """When sending is allowed: while the wall clock shows `start` or later, and not yet `end`."""

    start = _Clock(required=True, metadata={"type": "string", "examples": ["08:00"]})
    end = _Clock(required=True, metadata={"type": "string", "examples": ["20:00"]})
    timeZone = fields.Str(required=True, metadata={"examples": ["America/Sao_Paulo"]})
    days = fields.List(
        fields.Str(validate=validate.OneOf(list(DAYS))), load_default=list(DAYS), validate=validate.Length(min=1)
    )

    @post_load
    def as_window(self, data: dict[str, Any], **_: Any) -> Window:
        """Only the zone can still be wrong."""
        days = frozenset(DAYS[day] for day in data["days"])
        try:
            return Window(start=data["start"], end=data["end"], zone=data["timeZone"], days=days)
        except ValueError as error:
            raise ValidationError(str(error), "timeZone") from error


def _begun(day: date) -> None:
    """Tomorrow is today somewhere."""
    if day > datetime.now(timezone.utc).date() + timedelta(days=1):
        raise ValidationError("must not be ahead: it is the day on which the number began to send")


class WarmUp(Shape):
    """A young number is warmed up from its first day."""

    since = fields.Date(required=True, validate=_begun)


class Register(Shape):
    """An instance, whole: what is left out is unset, but for `credentials`, which stay as they are."""

    dialect = fields.Str(load_default=None, validate=validate.OneOf(list(DIALECTS)))
    url = fields.Str(load_default=None, validate=[validate.Length(max=2048), _address])
    credentials = _Credentials(load_default=None, metadata={"type": "object", "writeOnly": True})
    checkNumbers = Flag(load_default=None)
    rateLimitMs = fields.Int(strict=True, load_default=None, validate=validate.Range(10, 86_400_000))
    jitterMs = fields.Int(strict=True, load_default=None, validate=validate.Range(0, 86_400_000))
    dailyCap = fields.Int(strict=True, load_default=None, validate=validate.Range(1, 10_000_000))
    window = fields.Nested(SendingWindow, load_default=None)
    warmUp = fields.Nested(WarmUp, load_default=None)


def registration_of(instance: str, body: Mapping[str, Any], settings: Settings) -> Registration:
    """What a body asks for. A dialect without an address is at the one that the settings name for it, if any."""
    asked = load(Register(), body)
    dialect, url = asked["dialect"], asked["url"]
    if dialect is not None and url is None:
        url = settings.url_of(dialect)
    return Registration(
        instance=instance,
        dialect=dialect,
        url=url.rstrip("/") if url else None,
        credentials=asked["credentials"],
        check_numbers=asked["checkNumbers"],
        rules=Rules(
            gap_ms=asked["rateLimitMs"] or 0,
            jitter_ms=asked["jitterMs"] or 0,
            daily_cap=asked["dailyCap"],
            window=asked["window"],
            warm_up_since=asked["warmUp"] and asked["warmUp"]["since"],
        ),
    )


def shown(instance: Instance | None, rules: Rules, *, fallback: str) -> dict[str, Any]:
    """The instance as it is registered, its secrets by name alone. `fallback` is the dialect of all others."""
    instance = instance or Instance(id="")
    return {
        "registered": instance.version > 0,
        "dialect": instance.dialect or fallback,
        "url": instance.url or None,
        "credentials": _shown_credentials(instance),
        "checkNumbers": instance.check_numbers,
        "rateLimitMs": rules.gap_ms or None,
        "jitterMs": rules.jitter_ms or None,
        "dailyCap": rules.daily_cap,
        "window": _shown_window(rules.window),
        "warmUp": {"since": rules.warm_up_since.isoformat()} if rules.warm_up_since else None,
    }


def _shown_credentials(instance: Instance) -> dict[str, str | bool]:
    if instance.dialect is None:
        return {}
    return {
        name: name in instance.secret_names if credential.is_secret else instance.open_credentials.get(name, False)
        for name, credential in DIALECTS[instance.dialect].credentials.items()
    }


def _shown_window(window: Window | None) -> dict[str, Any] | None:
    if window is None:
        return None
    return {
        "start": window.start.isoformat("minutes"),
        "end": window.end.isoformat("minutes"),
        "timeZone": window.zone,
        "days": [word for word, day in DAYS.items() if day in window.days],
    }
