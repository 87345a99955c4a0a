"""The form of a new campaign, and how its fields become the API's request."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask_babel import gettext, lazy_gettext
from flask_wtf.file import FileField
from wtforms import BooleanField, DateTimeLocalField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.validators import Optional

from broadcast.dashboard import fields, templating
from broadcast.dashboard.fields import Between, text_of
from broadcast.dashboard.problems import in_words
from broadcast.dashboard.rows import row_problem, row_title
from broadcast.dashboard.templating import TemplateFields
from broadcast.domain.content import Kind
from broadcast.domain.table import people, read_table
from broadcast.errors import FieldError, Invalid

#: field of the API -> field of the form that its problems are shown at
SHOWN_AT: Mapping[str, str] = {
    "campaignId": "campaign",
    "instanceId": "instance",
    "message": "message",
    "mediaType": "kind",
    "mediaUrl": "media_url",
    "scheduledFor": "scheduled",
    "rateLimitMs": "gap_s",
    "priority": "priority",
    "contacts": "contacts",
}


class NewCampaign(TemplateFields):
    """What a person has to say; everything else is the API's default."""

    instance = StringField(
        lazy_gettext("Instance"),
        description=lazy_gettext("The WhatsApp number or session that sends."),
        render_kw={"required": True, "list": "instances", "maxlength": 128},
    )
    campaign = StringField(
        lazy_gettext("Campaign's name"),
        description=lazy_gettext("A name is sent once: the same name again sends nothing twice."),
        render_kw={"required": True, "maxlength": 128},
    )
    message = TextAreaField(
        lazy_gettext("Message"),
        description=lazy_gettext(
            "{{name}} and the CSV's columns (but the numbers' own) are filled in; {{name|friend}} says friend where "
            "there is none. Of [[Hi|Hello]] each contact gets one."
        ),
        render_kw={"rows": 6, "maxlength": 4096},
    )
    kind = SelectField(lazy_gettext("Kind"), choices=[], default=Kind.TEXT.value)
    media_url = StringField(
        lazy_gettext("Address of the medium"),
        description=lazy_gettext("For image, video, audio and document: where WhatsApp's gateway fetches it."),
        render_kw={"type": "url", "maxlength": 2048},
    )
    file = FileField(
        lazy_gettext("Contacts from a CSV file"),
        description=lazy_gettext(
            "Separator, encoding and the column of the numbers (celular, telefone, …) are found out, and shown."
        ),
        render_kw={"accept": ".csv,.txt,text/csv,text/plain"},
    )
    contacts = TextAreaField(
        lazy_gettext("or contacts one per line"),
        description=lazy_gettext("Numbers alone, or with a first line such as: phone;name;city"),
        render_kw={"rows": 4},
    )
    is_open = BooleanField(
        lazy_gettext("They come in several files"),
        description=lazy_gettext(
            "For up to a million: the campaign takes file after file, and begins when you say so."
        ),
    )
    scheduled = DateTimeLocalField(
        lazy_gettext("Begin at"),
        format=["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"],
        validators=[Optional()],
        description=lazy_gettext("Empty: at once."),
    )
    gap_s = IntegerField(
        lazy_gettext("Seconds between two messages"),
        validators=[Optional(), Between(1, 86_400)],
        description=lazy_gettext("Empty: the setting's. An instance's own rules may be slower."),
    )
    priority = SelectField(lazy_gettext("Priority"), choices=[], default="normal")


def fresh_name() -> str:
    """A name for a campaign that has none yet."""
    word = gettext("campaign")
    return f"{word}-{secrets.token_hex(3)}"


def body_of(form: NewCampaign, *, zone: str, contacts: Sequence[Any]) -> dict[str, Any]:
    """The API's request that the form asks for."""
    scheduled, gap_s = form.scheduled.data, form.gap_s.data
    body = {
        "campaignId": text_of(form.campaign),
        "instanceId": text_of(form.instance),
        "contacts": list(contacts) or (None if form.is_open.data else []),
        "open": form.is_open.data or None,
        # A browser ends lines as HTTP does, and no telephone does.
        "message": (form.message.data or "").replace("\r\n", "\n"),
        "mediaType": form.kind.data,
        "mediaUrl": text_of(form.media_url) or None,
        "template": templating.template_of(form),
        "scheduledFor": _with_zone(scheduled, zone) if scheduled else None,
        "rateLimitMs": gap_s * 1000 if gap_s else None,
        "priority": form.priority.data,
    }
    return {name: value for name, value in body.items() if value is not None}


def form_data(body: Mapping[str, Any], *, zone: str) -> dict[str, Any]:
    """The same the other way round, for somebody who goes back to correct it."""
    scheduled = body.get("scheduledFor")
    return {
        "campaign": body.get("campaignId"),
        "instance": body.get("instanceId"),
        "message": body.get("message"),
        "kind": body.get("mediaType"),
        "media_url": body.get("mediaUrl"),
        "scheduled": datetime.fromisoformat(scheduled).astimezone(ZoneInfo(zone)) if scheduled else None,
        "gap_s": body["rateLimitMs"] // 1000 if body.get("rateLimitMs") else None,
        "priority": body.get("priority"),
        "is_open": body.get("open", False),
        **(templating.template_data(body["template"]) if body.get("template") else {}),
    }


def contacts_of(form: NewCampaign, *, most: int) -> tuple[list[Any], dict[str, Any]]:
    """Contacts of the file, or else of the field, and how it was read; none where there are neither. Raises Invalid."""
    file, written = form.file.data, form.contacts.data or ""
    if file and written.strip():
        raise Invalid(FieldError("/contacts", "are written beside a file"))
    if not file and not written.strip():
        return [], {}
    try:
        table = read_table(file.read() if file else written.encode(), most=most)
    except ValueError as error:
        raise Invalid(FieldError("/contacts", f"the list {error}")) from error
    if not table.rows:
        raise Invalid(FieldError("/contacts", "the list has no numbers"))
    return people(table), {**table.how_read(), "rows": table.numbers}


def show_problems(
    form: NewCampaign, problems: Sequence[FieldError], body: Mapping[str, Any], *, rows: Sequence[int]
) -> list[str]:
    """Put each problem of the body at its field; return those that have none.

    A contact's is told by its row: `rows` are those of the list that the contacts stood in.
    """
    return fields.show_problems(
        form,
        problems,
        field_at=lambda pointer: _field_at(pointer, body.get("template")),
        said=lambda problem: _told(problem.pointer, problem.detail, rows),
    )


def _field_at(pointer: str, template: Mapping[str, Any] | None) -> str | None:
    place, *rest = pointer.split("/")
    return templating.field_at(rest, template) if place == "template" else SHOWN_AT.get(place)


def _told(pointer: str, detail: str, rows: Sequence[int]) -> str:
    place, *rest = pointer.strip("/").split("/")
    if place != "contacts" or not rest or int(rest[0]) >= len(rows):
        return in_words(detail)
    within = "".join(f"/{part}" for part in rest[1:])
    return f"{row_title(rows[int(rest[0])])}: {row_problem(f'{within} {detail}'.strip())}"


def _with_zone(moment: datetime, zone: str) -> str:
    return moment.replace(tzinfo=ZoneInfo(zone)).isoformat(timespec="seconds")
