"""The form of an instance: its fields, how they become the API's request, and where its problems are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from flask_babel import lazy_gettext
from wtforms import DecimalField, IntegerField, PasswordField, SelectField, SelectMultipleField, StringField
from wtforms.validators import Optional

from broadcast.api.registration import DAYS
from broadcast.dashboard import fields
from broadcast.dashboard.fields import Between, Form, text_of
from broadcast.dashboard.problems import in_words
from broadcast.errors import FieldError
from broadcast.gateways.catalogue import DIALECTS

_ = lazy_gettext

#: field of the API -> field of the form that its problems are shown at; of credentials, see `_field_of`
SHOWN_AT: Mapping[str, str] = {
    "dialect": "dialect",
    "url": "url",
    "checkNumbers": "check_numbers",
    "rateLimitMs": "gap_s",
    "jitterMs": "jitter_s",
    "dailyCap": "daily_cap",
    "window": "start",
    "window/start": "start",
    "window/end": "end",
    "window/timeZone": "zone",
    "window/days": "days",
    "warmUp": "since",
    "warmUp/since": "since",
}
#: credential -> what people call it
CREDENTIALS: Mapping[str, Any] = {
    "apiKey": _("API key of the gateway"),
    "webhookToken": _("Token of the webhook calls"),
    "token": _("Access token"),
    "appSecret": _("App secret"),
    "verifyToken": _("Verify token"),
    "phoneNumberId": _("Phone number ID"),
    "wabaId": _("WhatsApp Business account ID"),
    "hmacKey": _("HMAC key of the webhook calls"),
    "session": _("Session"),
}
#: what the API says of a wrong field -> the same where people meet it; the first whose words are in it
PROBLEMS: Mapping[str, Any] = {
    "everybody's webhook calls": _("This is needed: without it, anybody's webhook calls would be taken."),
    "is required": _("This is needed."),
    "must be printable ASCII": _("Use letters, digits and signs of ASCII, without blanks."),
    "must be an http or https address": _("This must be an address that begins with http:// or https://."),
    "must be a time of day": _("This must be a time of day from 00:00 to 23:59."),
    "Missing data": _("This is needed with a sending window."),
    "Shorter than minimum length": _("Choose at least one day."),
    "cannot be asked who has WhatsApp": _("Meta's Cloud API cannot be asked that."),
    "unknown time zone": _("This is no IANA time zone, such as America/Sao_Paulo."),
    "must not be ahead": _("This is ahead. Enter the day on which the number began to send."),
    "Not a valid date": _("This must be a date."),
}
_FLAGS: Mapping[str, bool | None] = {"": None, "yes": True, "no": False}


class Instance(Form):
    """All that `PUT /instances/{id}` takes. The credentials of each dialect are added below."""

    instance = StringField(
        _("Name"),
        description=_("As the gateway calls it: campaigns name it so."),
        render_kw={"required": True, "autocomplete": "off", "maxlength": 128},
    )
    dialect = SelectField(_("Gateway"), choices=[])
    url = StringField(
        _("Address of the gateway"),
        description=_("Empty: the setting's for this kind of gateway."),
        render_kw={"type": "url", "maxlength": 2048, "autocomplete": "off"},
    )
    check_numbers = SelectField(
        _("Ask who has WhatsApp"),
        choices=[],
        description=_("Before a message leaves; who has none is left out. Not with Meta's Cloud API."),
    )
    gap_s = DecimalField(
        _("Least seconds between two messages"),
        validators=[Optional(), Between(Decimal("0.01"), 86_400)],
        description=_("No campaign goes faster. Empty: as the campaigns say."),
        render_kw={"type": "number", "step": "any", "min": "0.01", "inputmode": "decimal"},
    )
    jitter_s = DecimalField(
        _("Random seconds on top"),
        validators=[Optional(), Between(0, 86_400)],
        description=_("Each gap is lengthened by up to so many."),
        render_kw={"type": "number", "step": "any", "min": "0", "inputmode": "decimal"},
    )
    daily_cap = IntegerField(
        _("Messages a day at the most"),
        validators=[Optional(), Between(1, 10_000_000)],
        description=_("Empty: no cap."),
        render_kw={"min": "1"},
    )
    since = StringField(
        _("First day of a young number"),
        description=_("It is warmed up: 20 messages a day at first, 50, 100, 200, and from day 31 on up to the cap."),
        render_kw={"type": "date"},
    )
    start = StringField(
        _("Opens at"), description=_("Both empty: sending is always allowed."), render_kw={"type": "time"}
    )
    end = StringField(
        _("Closes at"), description=_("Earlier than it opens: on the morning after."), render_kw={"type": "time"}
    )
    zone = StringField(_("Time zone"), render_kw={"list": "zones", "autocomplete": "off"})
    days = SelectMultipleField(_("Days"), choices=list(DAYS), default=list(DAYS), validate_choice=False)


for _dialect, _known in DIALECTS.items():
    for _name, _credential in _known.credentials.items():
        _kind = PasswordField if _credential.is_secret else StringField
        _kept_out = {"autocomplete": "new-password" if _credential.is_secret else "off", "maxlength": 4096}
        setattr(Instance, f"{_dialect}_{_name}", _kind(CREDENTIALS[_name], render_kw=_kept_out))


def credentials_of(form: Instance, dialect: str) -> list[Any]:
    """The form's fields of a dialect's credentials."""
    return [form[f"{dialect}_{name}"] for name in DIALECTS[dialect].credentials]


def body_of(form: Instance, kept: Mapping[str, Any], *, addresses: Mapping[str, str | None]) -> dict[str, Any]:
    """The API's request that the form asks for; `kept` is how the instance is registered, as the API shows it.

    `addresses` are the settings' of each dialect. Credentials that nobody touched are left out, and so they stay.
    """
    dialect, url = form.dialect.data or None, _text(form.url)
    body = {
        "dialect": dialect,
        "url": url,
        "checkNumbers": _FLAGS.get(form.check_numbers.data or ""),
        "rateLimitMs": _ms(form.gap_s),
        "jitterMs": _ms(form.jitter_s),
        "dailyCap": form.daily_cap.data,
        "window": _window(form),
        "warmUp": {"since": _text(form.since)} if _text(form.since) else None,
    }
    if dialect is not None:
        is_there = kept["registered"] and kept["dialect"] == dialect
        is_same = is_there and kept["url"] == (url or addresses[dialect] or "").rstrip("/")
        body["credentials"] = _credentials(form, dialect, kept["credentials"] if is_same else None)
    return {name: value for name, value in body.items() if value is not None}


def _credentials(form: Instance, dialect: str, kept: Mapping[str, str | bool] | None) -> dict[str, str] | None:
    """What was written, whole; None where that says no more than what is kept."""
    known = DIALECTS[dialect].credentials
    given = {name: text for name in known if (text := _text(form[f"{dialect}_{name}"]))}
    if kept is None:
        return given
    said = {name: text for name, text in kept.items() if text and not known[name].is_secret}
    return None if given == said else given


def _window(form: Instance) -> dict[str, Any] | None:
    given = {"start": _text(form.start), "end": _text(form.end)}
    if not any(given.values()):
        return None
    said = {**given, "timeZone": _text(form.zone), "days": form.days.data}
    return {name: value for name, value in said.items() if value is not None}


def form_data(kept: Mapping[str, Any], *, zone: str) -> dict[str, Any]:
    """The same the other way round, without secrets; `zone` is what a new window is offered."""
    window, dialect = kept["window"] or {}, kept["dialect"] if kept["registered"] and kept["url"] else ""
    opened = {f"{dialect}_{name}": text for name, text in kept["credentials"].items() if isinstance(text, str)}
    return {
        "instance": kept["instanceId"],
        "dialect": dialect,
        "url": kept["url"],
        "check_numbers": next(word for word, flag in _FLAGS.items() if flag is kept["checkNumbers"]),
        "gap_s": _seconds(kept["rateLimitMs"]),
        "jitter_s": _seconds(kept["jitterMs"]),
        "daily_cap": kept["dailyCap"],
        "since": (kept["warmUp"] or {}).get("since"),
        "start": window.get("start"),
        "end": window.get("end"),
        "zone": window.get("timeZone", zone),
        "days": window.get("days", list(DAYS)),
        **opened,
    }


def show_problems(form: Instance, problems: Sequence[FieldError]) -> list[str]:
    """Put each problem at its field; return those that have none."""
    dialect = form.dialect.data
    return fields.show_problems(
        form,
        problems,
        field_at=lambda pointer: _field_of(pointer, dialect),
        said=lambda problem: said(problem.detail),
    )


def _field_of(pointer: str, dialect: str) -> str | None:
    if pointer.startswith("credentials"):
        known = list(DIALECTS[dialect].credentials) if dialect in DIALECTS else []
        name = pointer.partition("/")[2] or (known[0] if known else "")
        return f"{dialect}_{name}" if name in known else None
    return SHOWN_AT.get("/".join(pointer.split("/")[:2]))


def said(detail: str) -> str:
    """What is wrong with a field, for people."""
    found = next((text for words, text in PROBLEMS.items() if words in detail), None)
    return str(found) if found is not None else in_words(detail)


def _text(field: Any) -> str | None:
    return text_of(field) or None


def _ms(field: Any) -> int | None:
    return None if field.data is None else round(field.data * 1000)


def _seconds(ms: int | None) -> Decimal | None:
    return None if ms is None else (Decimal(ms) / 1000).normalize()
