"""The part of the new campaign's form that is a template of Meta's, and how its fields become the API's `template`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask_babel import gettext, lazy_gettext
from wtforms import Field, SelectField, StringField, TextAreaField, ValidationError

from broadcast.dashboard import wording
from broadcast.dashboard.fields import Form, text_of
from broadcast.domain.content import Kind, file_name

#: What a header may be; "" is none.
HEADERS = ("", Kind.TEXT.value, Kind.IMAGE.value, Kind.VIDEO.value, Kind.DOCUMENT.value)
#: Meta's templates have so many buttons at the most.
MOST_BUTTONS = 10
#: component -> the form's field that its problems are shown at
SHOWN_AT: Mapping[str, str] = {"header": "header", "body": "body_texts", "button": "button_text"}
#: `place = text`, for a template whose places have names.
_NAMED = re.compile(r"\s*([a-z0-9_]+)\s*=\s*(.*)")


class TemplateFields(Form):
    """A template's name and language, and what fills its places; all of it empty where none is sent."""

    template_name = StringField(
        lazy_gettext("Template's name"),
        description=lazy_gettext("As WhatsApp Manager has it. With a template, the message above is not sent."),
        render_kw={"autocomplete": "off", "maxlength": 512},
    )
    template_language = StringField(
        lazy_gettext("Template's language"),
        default="pt_BR",
        description=lazy_gettext("As WhatsApp Manager has it, such as pt_BR or en_US."),
        render_kw={"autocomplete": "off", "maxlength": 10},
    )
    header_kind = SelectField(lazy_gettext("Header"), choices=[], default="")
    header = StringField(
        lazy_gettext("Header's text, or address of its medium"),
        description=lazy_gettext("Only where the template's header has a place to fill."),
        render_kw={"maxlength": 2048},
    )
    body_texts = TextAreaField(
        lazy_gettext("What fills the places of the body, one per line"),
        description=lazy_gettext(
            "The first line is for {{1}}, the second for {{2}}. {{name}} and the CSV's columns are filled in for each "
            "contact. Where the places have names, write: place = text."
        ),
        render_kw={"rows": 3},
    )
    button_text = StringField(
        lazy_gettext("What completes the address of a link button"),
        description=lazy_gettext("Only where the button's address ends in a place to fill."),
        render_kw={"maxlength": 2048},
    )
    button_place = SelectField(
        lazy_gettext("Which button it is"),
        choices=[],
        default="0",
    )

    def validate_header(self, field: Field) -> None:
        """What is written must have a kind."""
        if text_of(field) and not self.header_kind.data:
            raise ValidationError(gettext("Say what kind of header this is."))


def offer(form: TemplateFields) -> None:
    """The choices, in the language of this request."""
    form.header_kind.choices = [(kind, wording.kind(kind) if kind else gettext("nothing to fill")) for kind in HEADERS]
    form.button_place.choices = [(str(index), str(index + 1)) for index in range(MOST_BUTTONS)]


def template_of(form: TemplateFields) -> dict[str, Any] | None:
    """The template that the form asks for; None where all of it is empty. That its name is missing, the API says."""
    header, texts, button = (text_of(field) for field in (form.header, form.body_texts, form.button_text))
    if not (text_of(form.template_name) or form.header_kind.data or texts or button):
        return None
    components: list[dict[str, Any]] = []
    if form.header_kind.data:
        components.append({"type": "header", "parameters": [_header(form.header_kind.data, header)]})
    if texts:
        components.append({"type": "body", "parameters": _body(texts.splitlines())})
    if button:
        parameters = [{"type": "text", "text": button}]
        place = form.button_place.data
        components.append({"type": "button", "sub_type": "url", "index": place, "parameters": parameters})
    return {"name": text_of(form.template_name), "language": text_of(form.template_language), "components": components}


def template_data(template: Mapping[str, Any]) -> dict[str, Any]:
    """The same the other way round, for somebody who goes back to correct it."""
    found: dict[str, Any] = {"template_name": template["name"], "template_language": template["language"]}
    for component in template["components"]:
        first = component["parameters"][0]
        if component["type"] == "header":
            kind = first["type"]
            found |= {"header_kind": kind, "header": first["text"] if kind == "text" else first[kind]["link"]}
        elif component["type"] == "body":
            found["body_texts"] = "\n".join(_line(one) for one in component["parameters"])
        else:
            found |= {"button_text": first["text"], "button_place": component["index"]}
    return found


def field_at(pointer: list[str], template: Mapping[str, Any] | None) -> str:
    """The form's field that a problem of the template belongs to; `pointer` is what follows `/template`."""
    if pointer[:1] == ["language"]:
        return "template_language"
    if template and pointer[:1] == ["components"] and len(pointer) > 1:
        return SHOWN_AT[template["components"][int(pointer[1])]["type"]]
    return "template_name"


def _header(kind: str, said: str) -> dict[str, Any]:
    if kind == "text":
        return {"type": kind, kind: said}
    name = file_name(said) if kind == "document" else ""
    return {"type": kind, kind: {"link": said, **({"filename": name} if name else {})}}


def _body(lines: list[str]) -> list[dict[str, Any]]:
    named = [_NAMED.fullmatch(line) for line in lines]
    if all(named):
        return [{"type": "text", "parameter_name": match[1], "text": match[2].strip()} for match in named if match]
    return [{"type": "text", "text": line.strip()} for line in lines]


def _line(parameter: Mapping[str, Any]) -> str:
    name = parameter.get("parameter_name")
    return f"{name} = {parameter['text']}" if name else str(parameter["text"])
