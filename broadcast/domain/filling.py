"""A text with marks in it: taken apart once, however many contacts it is filled for."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, groupby, pairwise
from typing import Any

from broadcast.domain.naming import Values, form_of

#: So many texts are kept taken apart: some KB each, and 1.5 MB for a template's longest, all of it variables.
MOST_KEPT = 100

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


@dataclass(frozen=True)
class Variable:
    """What a contact's value fills; without a value, its default, where it has one."""

    name: str
    default: str | None

    def filled(self, values: Values) -> str:
        """What stands there for this contact."""
        return values.of(self.name) or self.default or ""


@dataclass(frozen=True)
class Choice:
    """Of whose options each contact gets one; `at` is where it stands in the text."""

    at: int
    options: tuple[tuple[str | Variable, ...], ...]


Piece = str | Variable | Choice


@dataclass(frozen=True)
class Text:
    """A text taken apart: what stands, what is filled, what is chosen."""

    pieces: tuple[Piece, ...]
    variables: Mapping[Variable, int]  #: how often each stands in it at most, in the order they appear
    speaks: bool  #: something is left of it in every option, even with blank values
    fixed: int  #: how many characters stand in it at most, whatever the values

    def render(self, values: Values, *, variant: str) -> str:
        """The text for one contact; see `render`."""
        chosen = self._chosen(variant)
        return "".join(piece if isinstance(piece, str) else piece.filled(values) for piece in chosen)

    def _chosen(self, variant: str) -> Iterator[str | Variable]:
        for piece in self.pieces:
            if isinstance(piece, Choice):
                yield from piece.options[_draw(f"{piece.at} {variant}") % len(piece.options)]
            else:
                yield piece

    def missing(self, values: Values) -> list[str]:
        """The names of the variables that have neither a value nor a default."""
        return [one.name for one in self.variables if one.default is None and not values.of(one.name)]

    def empty(self, values: Values) -> list[str]:
        """The names of the variables that have a value or default, and leave nothing of the text in some option."""
        if self.speaks or not _may_be_blank(self.pieces, lambda one: one.filled(values)):
            return []
        return [one.name for one in self.variables if not one.filled(values).strip()]

    def over(self, values: Values, most: int) -> int:
        """How many characters its longest option has, where they are more than `most`; 0 where each fits."""
        bound = self.fixed + sum(times * len(one.filled(values)) for one, times in self.variables.items())
        longest = bound if bound <= most else _longest(self.pieces, lambda one: len(one.filled(values)))
        return longest if longest > most else 0


@lru_cache(maxsize=MOST_KEPT)
def parsed(text: str) -> Text:
    """The text taken apart. What goes out as it stands, because it means nothing, is part of what stands."""
    pieces = tuple(_joined(_pieces(text)))
    return Text(
        pieces,
        _variables(pieces),
        speaks=not _may_be_blank(pieces, lambda _: ""),
        fixed=_longest(pieces, lambda _: 0),
    )


def render(text: str, values: Mapping[str, str], *, variant: str) -> str:
    """The text with its variables replaced by their values or defaults, and one option taken of each variation.

    Values are never read as templates. `variant` is the contact's reference: the same one always gets the same text.
    """
    return parsed(text).render(Values(values), variant=variant)


def varies(text: str) -> bool:
    """Whether contacts may get different words: it has a variable, or a variation of more than one option."""
    found = parsed(text)
    choices = (piece for piece in found.pieces if isinstance(piece, Choice))
    return bool(found.variables) or any(len(set(choice.options)) > 1 for choice in choices)


def is_empty(text: str) -> bool:
    """Whether nothing would be left of the text, in some option, although every variable had a value."""
    return _may_be_blank(parsed(text).pieces, lambda _: "x")


def unreadable(text: str) -> str | None:
    """The first `{{…}}` of the text that would go out as it stands, because it is no variable."""
    found = map(_BRACED.search, rests(text))
    return next((match[0] for match in found if match), None)


def loose(text: str) -> str | None:
    """The first `{{`, `}}` or `[[` of the text that goes out as it stands.

    It has no partner, is around one option alone, or is in a default.
    """
    found = map(_LOOSE.search, rests(text))
    return next((match[0] for match in found if match), None)


def _pieces(text: str) -> Iterator[Piece]:
    at = 0
    for match in _MARK.finditer(text):
        yield text[at : match.start()]
        at = match.end()
        if match["escape"]:
            yield "[["
        elif match["options"] is None:
            yield _variable(match)
        else:
            options = [tuple(_joined(_parts(option))) for option in _options(match["options"])]
            yield from [Choice(match.start(), tuple(options))] if len(options) > 1 else ["[[", *options[0], "]]"]
    yield text[at:]


def _parts(option: str) -> Iterator[str | Variable]:
    at = 0
    for match in _VARIABLE.finditer(option):
        yield option[at : match.start()]
        yield _variable(match)
        at = match.end()
    yield option[at:]


def _variable(match: re.Match[str]) -> str | Variable:
    if not _is_readable(match):
        return match[0]
    default: str | None = match["default"]
    return Variable(match["name"].strip(), None if default is None else default.strip())


def _joined(pieces: Iterator[Any]) -> Iterator[Any]:
    """The same with what stands side by side as one."""
    for is_text, some in groupby(pieces, key=lambda piece: isinstance(piece, str)):
        if not is_text:
            yield from some
        elif text := "".join(some):
            yield text


def _variables(pieces: Sequence[Piece]) -> Counter[Variable]:
    """How often each is there, in the options that have it most often."""
    found: Counter[Variable] = Counter()
    for piece in pieces:
        if isinstance(piece, Choice):
            most: Counter[Variable] = Counter()
            for one, times in chain.from_iterable(_variables(option).items() for option in piece.options):
                most[one] = max(most[one], times)
            found.update(most)
        elif isinstance(piece, Variable):
            found[piece] += 1
    return found


def _longest(pieces: Sequence[Piece], length: Callable[[Variable], int]) -> int:
    """How many characters there are in the longest options; `length` is that of what stands for a variable."""

    def longest(piece: Piece) -> int:
        if isinstance(piece, Choice):
            return max(sum(map(longest, option)) for option in piece.options)
        return len(piece) if isinstance(piece, str) else length(piece)

    return sum(map(longest, pieces))


def _may_be_blank(pieces: Sequence[Piece], said: Callable[[Variable], str]) -> bool:
    """Whether nothing but blanks is left in some option; `said` is what stands for a variable."""

    def is_blank(piece: Piece) -> bool:
        if isinstance(piece, Choice):
            return any(all(map(is_blank, option)) for option in piece.options)
        return not (piece if isinstance(piece, str) else said(piece)).strip()

    return all(map(is_blank, pieces))


def rests(text: str) -> Iterator[str]:
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


def _is_readable(match: re.Match[str]) -> bool:
    return bool(form_of(match["name"].strip()))


def _options(text: str) -> list[str]:
    bars = [match.start() for match in _BAR.finditer(text) if match["bar"]]
    return [text[first + 1 : last] for first, last in pairwise([-1, *bars, len(text)])]


def _draw(said: str) -> int:
    """A number that is the same on every host and in every run, and spreads evenly."""
    return int.from_bytes(hashlib.sha256(said.encode("utf-8", "surrogatepass")).digest()[:8], "big")
