"""A campaign's message: its kind, its text, its media, and how a contact's values fill it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from broadcast.domain.filling import Text, loose, parsed, render
from broadcast.domain.folding import longest_on_one_line, on_one_line
from broadcast.domain.foreign import foreign
from broadcast.domain.naming import Values


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


#: What a message may hold on every gateway that we know (Cloud API's limits), in characters. Meta says nowhere how many
#: an emoji is (2026-09). We count code points: who would get what it takes for more is refused, and nobody for less.
MOST_TEXT = 4096
MOST_CAPTION = 1024
#: What Meta takes in a place of a template's header; in one of its body, where other components are filled or it is a
#: card's, and else.
MOST_HEADER = 60
MOST_BODY = 1024
MOST_PARAMETER = 32_768
#: What we take for a code.
MOST_CODE = 512


def file_name(media_url: str) -> str:
    """The name at the end of a medium's address; "" where there is none."""
    return PurePosixPath(unquote(urlsplit(media_url).path)).name


def loose_mark(content: Content) -> str | None:
    """The first mark of what would be sent that goes out as it stands; see `loose`."""
    return next(filter(None, (loose(text) for text, _ in _sent(content))), None)


def foreign_mark(content: Content, names: Set[str]) -> str | None:
    """The first mark of another tool's in what would be sent; see `foreign`."""
    return next(filter(None, (foreign(text, names) for text, _ in _sent(content))), None)


def too_long(filled: Content) -> str:
    """The length of what no gateway takes in a message that is filled, and what it may be; "" where all of it fits."""
    return next((f"{len(text)}/{most}" for text, most in _sent(filled) if len(text) > most), "")


class Needs:
    """What a message asks of its contacts' values: looked at once for all of them."""

    def __init__(self, content: Content) -> None:
        self._texts = [(parsed(text), most) for text, most in _sent(content)]
        self._is_folded = content.template is not None
        self._must_speak = self._is_folded or content.kind is Kind.TEXT

    def lacking(self, values: Mapping[str, str]) -> list[str]:
        """The variables that have neither a value nor a default, in the order they appear, in whichever option.

        Those as well whose value or default leaves a text, or a place of the template, empty in some option: no gateway
        takes such a one. A caption may be empty.
        """
        asked, names = Values(values), []
        for text, _ in self._texts:
            names += text.missing(asked)
            if self._must_speak:
                names += text.empty(asked)
        return list(dict.fromkeys(names))

    def why_not(self, values: Mapping[str, str]) -> tuple[str, str]:
        """Why nobody with these values can get it: a reason and its detail; "" where they can."""
        lacks = ", ".join(" ".join(name.split()) for name in self.lacking(values))
        if lacks:
            return "missing_variable", lacks
        asked = Values(values)
        found = ((self._over(text, asked, most), most) for text, most in self._texts)
        over = next((f"{length}/{most}" for length, most in found if length), "")
        return ("too_long", over) if over else ("", "")

    def _over(self, text: Text, values: Values, most: int) -> int:
        """The length of its longest option as it is sent, where that is more than `most`; 0 where each fits."""
        over = text.over(values, most)
        if not over or not self._is_folded:
            return over
        length = longest_on_one_line(text.pieces, lambda one: one.filled(values))
        return length if length > most else 0


def fill(content: Content, values: Mapping[str, str], *, variant: str) -> Content:
    """The message of one contact; see `render`."""
    template = content.template and render_template(content.template, values, variant=variant)
    return replace(content, text=render(content.text, values, variant=variant), template=template)


def _sent(content: Content) -> Iterator[tuple[str, int]]:
    """The texts of what is sent (of the template, where there is one), and how long each may be when it is filled."""
    if content.template is not None:
        return _texts(content.template.components)
    return iter([(content.text, MOST_TEXT if content.kind is Kind.TEXT else MOST_CAPTION)])


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


def _texts(components: Sequence[Mapping[str, Any]], *, is_card: bool = False) -> Iterator[tuple[str, int]]:
    body = MOST_BODY if is_card or len(components) > 1 else MOST_PARAMETER
    takes = {"header": MOST_HEADER, "body": body}
    for component in components:
        for parameter in component.get("parameters", ()):
            if parameter["type"] in _FILLED_TYPES:
                is_code = parameter["type"] == "coupon_code"
                most = MOST_CODE if is_code else takes.get(component.get("type", ""), MOST_PARAMETER)
                yield parameter[parameter["type"]], most
        for card in component.get("cards", ()):
            yield from _texts(card["components"], is_card=True)
