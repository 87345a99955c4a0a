"""A campaign's message: its kind, its text, its media, and how a contact's values fill it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from broadcast.domain.filling import Text, loose, parsed, render
from broadcast.domain.folding import longest_on_one_line
from broadcast.domain.foreign import foreign
from broadcast.domain.naming import Values
from broadcast.domain.places import Place, filled, places


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


def file_name(media_url: str) -> str:
    """The name at the end of a medium's address; "" where there is none."""
    return PurePosixPath(unquote(urlsplit(media_url).path)).name


def loose_mark(content: Content) -> str | None:
    """The first mark of what would be sent that goes out as it stands; see `loose`."""
    return next(filter(None, (loose(place.text) for place in _sent(content))), None)


def foreign_mark(content: Content, names: Set[str]) -> str | None:
    """The first mark of another tool's in what would be sent; see `foreign`."""
    return next(filter(None, (foreign(place.text, names) for place in _sent(content))), None)


def too_long(message: Content) -> str:
    """The length of what no gateway takes in a message that is filled, and what it may be; "" where all of it fits."""
    over = (f"{len(place.text)}/{place.most}" for place in _sent(message) if len(place.text) > place.most)
    return next(over, "")


class Needs:
    """What a message asks of its contacts' values: looked at once for all of them."""

    def __init__(self, content: Content) -> None:
        self._texts = [(parsed(place.text), place) for place in _sent(content)]

    def lacking(self, values: Mapping[str, str]) -> list[str]:
        """The variables that have neither a value nor a default, in the order they appear, in whichever option.

        Those as well whose value or default leaves a text, or a place of the template, empty in some option: no gateway
        takes such a one. A caption may be empty, and so may a text in the data of an action.
        """
        asked, names = Values(values), []
        for text, place in self._texts:
            names += text.missing(asked)
            if place.must_speak:
                names += text.empty(asked)
        return list(dict.fromkeys(names))

    def why_not(self, values: Mapping[str, str]) -> tuple[str, str]:
        """Why nobody with these values can get it: a reason and its detail; "" where they can."""
        lacks = ", ".join(" ".join(name.split()) for name in self.lacking(values))
        if lacks:
            return "missing_variable", lacks
        asked = Values(values)
        found = ((_over(text, asked, place), place.most) for text, place in self._texts)
        over = next((f"{length}/{most}" for length, most in found if length), "")
        return ("too_long", over) if over else ("", "")


def _over(text: Text, values: Values, place: Place) -> int:
    """The length of its longest option as it is sent, where that is more than the place takes; 0 where each fits."""
    over = text.over(values, place.most)
    if not over or not place.on_one_line:
        return over
    length = longest_on_one_line(text.pieces, lambda one: one.filled(values))
    return length if length > place.most else 0


def fill(content: Content, values: Mapping[str, str], *, variant: str) -> Content:
    """The message of one contact; see `render`."""
    template = content.template and render_template(content.template, values, variant=variant)
    return replace(content, text=render(content.text, values, variant=variant), template=template)


def render_template(template: Template, values: Mapping[str, str], *, variant: str) -> Template:
    """The template with the places of its components filled, those of its cards too."""
    return replace(template, components=filled(template.components, values, variant=variant))


def _sent(content: Content) -> Sequence[Place]:
    """The texts of what is sent (of the template, where there is one), and how long each may be when it is filled."""
    if content.template is not None:
        return places(content.template.components)
    is_text = content.kind is Kind.TEXT
    return [Place(content.text, MOST_TEXT if is_text else MOST_CAPTION, must_speak=is_text)]
