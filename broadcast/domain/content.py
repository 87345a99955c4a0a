"""A campaign's message: its kind, its text, its media, and how a contact's values fill it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit


class Kind(str, Enum):
    """What sort of message it is; the values are the CRM's `mediaType`."""

    TEXT = "text"
    IMAGE = "image"
    VIDEO = "video"
    AUDIO = "audio"
    DOCUMENT = "document"


@dataclass(frozen=True, kw_only=True)
class Template:
    """A message that Meta approved beforehand; `components` are as its API takes them, texts with variables in them."""

    name: str
    language: str
    components: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class Content:
    """One message to many contacts. `text` is the caption where there is media; audio has none.

    With a `template`, that is what is sent where the gateway knows templates.
    """

    kind: Kind
    text: str
    media_url: str | None = None
    template: Template | None = None


def file_name(media_url: str) -> str:
    """The name at the end of a medium's address; "" where there is none."""
    return PurePosixPath(unquote(urlsplit(media_url).path)).name


#: `{{name}}` or `{{name|what to say instead}}`. Nothing else has a meaning inside a message.
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*(?:\|([^{}]*))?\}\}")


def missing(text: str, values: Mapping[str, str]) -> list[str]:
    """The variables that have neither a value nor a default, in the order they appear."""
    wanted = (match for match in _VARIABLE.finditer(text) if match[2] is None)
    return list(dict.fromkeys(match[1] for match in wanted if not values.get(match[1])))


def render(text: str, values: Mapping[str, str]) -> str:
    """The text with each variable replaced by its value or default. Values are never read as templates."""
    return _VARIABLE.sub(lambda match: values.get(match[1]) or (match[2] or "").strip(), text)


def lacking(content: Content, values: Mapping[str, str]) -> list[str]:
    """The `missing` variables of what would be sent: of the template, where there is one."""
    texts = _texts(content.template) if content.template else [content.text]
    return list(dict.fromkeys(name for text in texts for name in missing(text, values)))


def render_template(template: Template, values: Mapping[str, str]) -> Template:
    """The template with the variables in its text parameters replaced. Nothing else of it has variables."""
    return replace(template, components=[_rendered(component, values) for component in template.components])


def _rendered(component: Mapping[str, Any], values: Mapping[str, str]) -> Mapping[str, Any]:
    parameters = [
        {**parameter, "text": render(parameter["text"], values)} if parameter["type"] == "text" else parameter
        for parameter in component["parameters"]
    ]
    return {**component, "parameters": parameters}


def _texts(template: Template) -> Iterator[str]:
    for component in template.components:
        yield from (parameter["text"] for parameter in component["parameters"] if parameter["type"] == "text")
