"""A campaign's message: its kind, its text, its media, and how a contact's values fill it."""

from __future__ import annotations

import hashlib
import itertools
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


#: `{{name}}` or `{{name|what to say instead}}`.
_VARIABLE = re.compile(r"\{\{\s*(?P<name>[A-Za-z_][A-Za-z0-9_]{0,63})\s*(?:\|(?P<default>[^{}]*))?\}\}")
#: All that has a meaning inside a message: the above, `[[Oi|Olá]]`, of which each contact gets one, and `\[[` for a
#: bracket that is meant as it stands.
_MARK = re.compile(rf"(?P<escape>\\\[\[)|{_VARIABLE.pattern}|\[\[(?P<options>[^\[\]]*)\]\]")
#: What divides options; a variable is taken whole, because its default has a bar as well.
_BAR = re.compile(rf"{_VARIABLE.pattern}|(?P<bar>\|)")


def missing(text: str, values: Mapping[str, str]) -> list[str]:
    """The variables that have neither a value nor a default, in the order they appear, in whichever option."""
    wanted = (match["name"] for match in _variables(text) if match["default"] is None)
    return list(dict.fromkeys(name for name in wanted if not values.get(name)))


def render(text: str, values: Mapping[str, str], *, variant: str) -> str:
    """The text with its variables replaced by their values or defaults, and one option taken of each variation.

    Values are never read as templates. `variant` is the contact's reference: the same one always gets the same text.
    """

    def said(match: re.Match[str]) -> str:
        if match["escape"]:
            return "[["
        if match["options"] is None:
            return _filled(match, values)
        options = _options(match["options"])
        chosen = options[_draw(f"{match.start()} {variant}") % len(options)]
        filled = _VARIABLE.sub(lambda inner: _filled(inner, values), chosen)
        return filled if len(options) > 1 else f"[[{filled}]]"

    return _MARK.sub(said, text)


def _variables(text: str) -> Iterator[re.Match[str]]:
    for match in _MARK.finditer(text):
        if match["options"] is not None:
            for option in _options(match["options"]):
                yield from _VARIABLE.finditer(option)
        elif not match["escape"]:
            yield match


def _filled(match: re.Match[str], values: Mapping[str, str]) -> str:
    return values.get(match["name"]) or (match["default"] or "").strip()


def _options(text: str) -> list[str]:
    bars = [match.start() for match in _BAR.finditer(text) if match["bar"]]
    return [text[first + 1 : last] for first, last in itertools.pairwise([-1, *bars, len(text)])]


def _draw(said: str) -> int:
    """A number that is the same on every host and in every run, and spreads evenly."""
    return int.from_bytes(hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def lacking(content: Content, values: Mapping[str, str]) -> list[str]:
    """The `missing` variables of what would be sent: of the template, where there is one."""
    texts = _texts(content.template) if content.template else [content.text]
    return list(dict.fromkeys(name for text in texts for name in missing(text, values)))


def render_template(template: Template, values: Mapping[str, str], *, variant: str) -> Template:
    """The template with its text parameters rendered. Nothing else of it has variables or variations."""

    def rendered(parameter: Mapping[str, Any]) -> Mapping[str, Any]:
        if parameter["type"] != "text":
            return parameter
        return {**parameter, "text": render(parameter["text"], values, variant=variant)}

    components = [
        {**component, "parameters": [rendered(parameter) for parameter in component["parameters"]]}
        for component in template.components
    ]
    return replace(template, components=components)


def _texts(template: Template) -> Iterator[str]:
    for component in template.components:
        yield from (parameter["text"] for parameter in component["parameters"] if parameter["type"] == "text")
