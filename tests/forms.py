"""What a browser would send of a page's form if nobody touched it."""

from __future__ import annotations

from html.parser import HTMLParser


class _Form(HTMLParser):
    """Reads the inputs and selects of the page's composing form."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, list[str]] = {}
        self.types: dict[str, str] = {}
        self._is_in = False
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._is_in = "composing" in given.get("class", "")
        elif self._is_in and tag == "input":
            self._input(given)
        elif self._is_in and tag == "select":
            self._select = given["name"]
        elif self._is_in and tag == "option" and "selected" in given:
            self.values[self._select] = [given["value"]]

    def _input(self, given: dict[str, str]) -> None:
        self.types[given["name"]] = given.get("type", "text")
        if given.get("type") != "checkbox" or "checked" in given:
            self.values.setdefault(given["name"], []).append(given.get("value", ""))


def fields(page: str) -> dict[str, list[str]]:
    """The fields that would be sent, each with its values."""
    form = _Form()
    form.feed(page)
    return form.values


def types(page: str) -> dict[str, str]:
    """The kind of each input."""
    form = _Form()
    form.feed(page)
    return form.types
