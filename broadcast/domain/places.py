"""The texts of a template's components that are filled for each contact, and how long each may be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from broadcast.domain.filling import parsed
from broadcast.domain.folding import on_one_line
from broadcast.domain.naming import Values

#: What Meta takes in a place of a template's header; in one of its body, where other components are filled or it is a
#: card's, and else.
MOST_HEADER = 60
MOST_BODY = 1024
MOST_PARAMETER = 32_768
#: What we take for a code; for a file's name, a payload, what an amount or a moment is shown as, and their like.
MOST_CODE = 512
MOST_NAME = 512


@dataclass(frozen=True)
class Place:
    """A text that is filled, and the characters that it may have then.

    One `on_one_line` is folded as a whole; of any other the contact's values are, and the rest stands as it is.
    """

    text: str
    most: int
    on_one_line: bool = False
    must_speak: bool = True  #: nobody gets it empty


_Component = Mapping[str, Any]
_Said = Callable[[Place], str]

#: Of an order's data, what Meta wants as whole numbers.
_WHOLE = frozenset({"value", "offset", "quantity"})


def places(components: Sequence[_Component]) -> list[Place]:
    """Every text of the components that is filled, those of cards too."""
    found: list[Place] = []

    def noted(place: Place) -> str:
        found.append(place)
        return place.text

    _mapped(components, noted)
    return found


def filled(components: Sequence[_Component], values: Mapping[str, str], *, variant: str) -> list[_Component]:
    """The components with all their places filled for one contact; see `render`."""
    as_given = Values(values)
    in_lines = Values({name: on_one_line(value) for name, value in values.items()})

    def said(place: Place) -> str:
        text = parsed(place.text)
        if place.on_one_line:
            return on_one_line(text.render(as_given, variant=variant))
        return text.render(in_lines, variant=variant)

    return _mapped(components, said)


def _mapped(components: Sequence[_Component], said: _Said, *, is_card: bool = False) -> list[_Component]:
    body = MOST_BODY if is_card or len(components) > 1 else MOST_PARAMETER
    takes = {"header": MOST_HEADER, "body": body}

    def mapped(component: _Component) -> _Component:
        if "cards" in component:
            cards = [
                {**card, "components": _mapped(card["components"], said, is_card=True)} for card in component["cards"]
            ]
            return {**component, "cards": cards}
        most = takes.get(component.get("type", ""), MOST_PARAMETER)
        return {**component, "parameters": [_parameter(one, said, most) for one in component["parameters"]]}

    return [*map(mapped, components)]


def _parameter(parameter: Mapping[str, Any], said: _Said, most: int) -> Mapping[str, Any]:
    kind = parameter["type"]
    value = parameter[kind]
    if kind == "text":
        return {**parameter, kind: said(Place(value, most, on_one_line=True))}
    if kind == "coupon_code":
        return {**parameter, kind: said(Place(value, MOST_CODE, on_one_line=True))}
    if kind == "order_status":
        return {**parameter, kind: _data(value, said)}
    if kind == "action":
        return {**parameter, kind: {name: _of_action(name, one, said) for name, one in value.items()}}
    if isinstance(value, Mapping):
        # A link is the same for all.
        return {**parameter, kind: {name: _short(one, said) if name != "link" else one for name, one in value.items()}}
    return {**parameter, kind: _short(value, said)}


def _short(value: Any, said: _Said) -> Any:
    return said(Place(value, MOST_NAME)) if isinstance(value, str) else value


def _of_action(name: str, value: Any, said: _Said) -> Any:
    return _short(value, said) if isinstance(value, str) else _data(value, said, is_order=name == "order_details")


def _data(value: Any, said: _Said, *, is_order: bool = False) -> Any:
    """Meta's own data with the texts in them filled, in which nothing may be a text as well."""
    if isinstance(value, str):
        return said(Place(value, MOST_PARAMETER, must_speak=False))
    if isinstance(value, list):
        return [_data(one, said, is_order=is_order) for one in value]
    if not isinstance(value, Mapping):
        return value
    inner = {name: _data(one, said, is_order=is_order) for name, one in value.items()}
    if is_order:
        # A contact's values are texts, and an amount is none.
        inner |= {name: _number(inner[name]) for name in _WHOLE & inner.keys() if inner[name] != value[name]}
    return inner


def _number(text: Any) -> Any:
    is_whole = isinstance(text, str) and text.isascii() and text.isdigit() and len(text) < 16
    return int(text) if is_whole else text
