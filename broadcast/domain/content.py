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

from broadcast.domain.naming import form_of, value_of


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
_VARIABLE = re.compile(r"\{\{(?P<name>[^{}|\[\]]*)(?:\|(?P<default>[^{}]*))?\}\}")
#: What looks like a variable.
_BRACED = re.compile(r"\{\{[^{}]*\}\}")
#: What begins or ends something; `]]` is no such mark, it may belong to brackets that are meant as they stand.
_LOOSE = re.compile(r"\{\{|\}\}|\[\[")
#: All that has a meaning inside a message: the above, `[[Oi|Olá]]`, of which each contact gets one, and `\[[` for a
#: bracket that is meant as it stands.
_MARK = re.compile(rf"(?P<escape>\\\[\[)|{_VARIABLE.pattern}|\[\[(?P<options>[^\[\]]*)\]\]")
#: What divides options; a variable is taken whole, because its default has a bar as well.
_BAR = re.compile(rf"{_VARIABLE.pattern}|(?P<bar>\|)")


def missing(text: str, values: Mapping[str, str]) -> list[str]:
    """The variables that have neither a value nor a default, in the order they appear, in whichever option."""
    wanted = (_name(match) for match in _variables(text) if match["default"] is None)
    return list(dict.fromkeys(name for name in wanted if not value_of(name, values)))


def unreadable(text: str) -> str | None:
    """The first `{{…}}` of the text that would go out as it stands, because it is no variable."""
    found = map(_BRACED.search, _rests(text))
    return next((match[0] for match in found if match), None)


def loose_mark(content: Content) -> str | None:
    """The first `{{`, `}}` or `[[` of what would be sent that goes out as it stands.

    It has no partner, is around one option alone, or is in a default.
    """
    texts = [content.text] if content.template is None else _texts(content.template.components)
    found = (_LOOSE.search(part) for text in texts for part in _rests(text))
    return next((match[0] for match in found if match), None)


def _rests(text: str) -> Iterator[str]:
    """What goes out as it stands: of the text around its variations, and of each of their options; "-" for the rest."""

    def outside(match: re.Match[str]) -> str:
        if match["escape"]:
            return "-"
        if match["options"] is None:
            return ("[[-" if "[[" in (match["default"] or "") else "-") if _is_readable(match) else match[0]
        options = _options(match["options"])
        within.extend(_VARIABLE.sub(outside_options, option) for option in options)
        return "-" if len(options) > 1 else "[[-"

    def outside_options(match: re.Match[str]) -> str:
        return "-" if _is_readable(match) else match[0]

    within: list[str] = []
    yield _MARK.sub(outside, text)
    yield from within


def varies(text: str) -> bool:
    """Whether contacts may get different words: it has a variable, or a variation of more than one option."""
    options = (_options(match["options"]) for match in _MARK.finditer(text) if match["options"] is not None)
    return any(len(set(each)) > 1 for each in options) or any(True for _ in _variables(text))


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
                yield from filter(_is_readable, _VARIABLE.finditer(option))
        elif not match["escape"] and _is_readable(match):
            yield match


def _name(match: re.Match[str]) -> str:
    return match["name"].strip()


def _is_readable(match: re.Match[str]) -> bool:
    return bool(form_of(_name(match)))


def _filled(match: re.Match[str], values: Mapping[str, str]) -> str:
    if not _is_readable(match):
        return match[0]
    return value_of(_name(match), values) or (match["default"] or "").strip()


def _options(text: str) -> list[str]:
    bars = [match.start() for match in _BAR.finditer(text) if match["bar"]]
    return [text[first + 1 : last] for first, last in itertools.pairwise([-1, *bars, len(text)])]


def _draw(said: str) -> int:
    """A number that is the same on every host and in every run, and spreads evenly."""
    return int.from_bytes(hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()[:8], "big")


def lacking(content: Content, values: Mapping[str, str]) -> list[str]:
    """The `missing` variables of what would be sent: of the template, where there is one.

    Those as well whose value or default leaves a text, or a place of the template, empty in some option: no gateway
    takes such a one. A caption may be empty.
    """
    if content.template is None and content.kind is not Kind.TEXT:
        return missing(content.text, values)
    texts = [content.text] if content.template is None else _texts(content.template.components)
    names = [name for text in texts for name in (*missing(text, values), *_empty(text, values))]
    return list(dict.fromkeys(names))


def lacks(content: Content, values: Mapping[str, str]) -> str:
    """The same, as a contact's detail names them; "" where there are none."""
    return ", ".join(" ".join(name.split()) for name in lacking(content, values))


def is_empty(text: str) -> bool:
    """Whether nothing would be left of the text, in some option, although every variable had a value."""
    return _may_be_blank(text, {_name(match): "x" for match in _variables(text)})


def _empty(text: str, values: Mapping[str, str]) -> list[str]:
    """The variables that have a value or default, and leave nothing of the text."""
    if not _may_be_blank(text, values):
        return []
    return [_name(match) for match in _variables(text) if not _filled(match, values).strip()]


def _may_be_blank(text: str, values: Mapping[str, str]) -> bool:
    """Whether the text renders to blanks in some option."""

    def at_least(match: re.Match[str]) -> str:
        if match["escape"]:
            return "[["
        if match["options"] is None:
            return _filled(match, values)
        options = _options(match["options"])
        if len(options) == 1:
            return "[[]]"
        return min((_VARIABLE.sub(lambda inner: _filled(inner, values), one).strip() for one in options), key=len)

    return not _MARK.sub(at_least, text).strip()


#: Blanks that Meta takes in a place of a template: up to four, without a line's end or a tab among them.
_HARMLESS = re.compile(r"[^\S\t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]{1,4}")


def on_one_line(text: str) -> str:
    """The text as Meta takes it in a place of a template: every other run of blanks is one blank."""
    return re.sub(r"\s+", lambda match: match[0] if _HARMLESS.fullmatch(match[0]) else " ", text)


#: Of a template's parameters, those whose text is filled for each contact; each is named as its field.
_FILLED_TYPES = frozenset({"text", "coupon_code"})


def render_template(template: Template, values: Mapping[str, str], *, variant: str) -> Template:
    """The template with its text parameters rendered, those of its cards too. Nothing else of it has variables."""

    def rendered(parameter: Mapping[str, Any]) -> Mapping[str, Any]:
        kind = parameter["type"]
        if kind not in _FILLED_TYPES:
            return parameter
        return {**parameter, kind: on_one_line(render(parameter[kind], values, variant=variant))}

    def filled(component: Mapping[str, Any]) -> Mapping[str, Any]:
        if "cards" in component:
            cards = [{**card, "components": [*map(filled, card["components"])]} for card in component["cards"]]
            return {**component, "cards": cards}
        return {**component, "parameters": [*map(rendered, component["parameters"])]}

    return replace(template, components=[*map(filled, template.components)])


def _texts(components: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for component in components:
        for parameter in component.get("parameters", ()):
            if parameter["type"] in _FILLED_TYPES:
                yield parameter[parameter["type"]]
        for card in component.get("cards", ()):
            yield from _texts(card["components"])
