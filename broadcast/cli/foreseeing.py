"""A preview on a terminal: who would get it, as it reads, until when, and what to mind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

#: So many of those who are left out are shown; the API's answer has more.
MOST_LEFT_OUT = 10


def preview(seen: Mapping[str, Any], *, rows: Sequence[int], phone: Sequence[str] | None, console: Console) -> None:
    """All that the API says, as one table; `rows` are those of the file that the contacts stood in.

    `phone` has the titles of the columns that their numbers are from, where there is a header.
    What strangers wrote is text, and no markup.
    """
    table = Table(show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    if phone:
        table.add_row("numbers from", Text(f"column {', '.join(phone)}"))
    for section in (partial(_contacts, rows=rows), _samples, _forecast, _minded):
        for title, text in section(seen):
            table.add_row(title, Text(str(text)))
        table.add_section()
    console.print(table)


def _contacts(seen: Mapping[str, Any], *, rows: Sequence[int]) -> Iterator[tuple[str, object]]:
    contacts = seen["contacts"]
    yield "queued", f"{contacts['queued']} of {contacts['total']}"
    for reason, count in seen["skippedReasons"].items():
        yield f"left out: {reason}", count
    for one in seen["leftOut"][:MOST_LEFT_OUT]:
        detail = f": {one['detail']}" if one["detail"] else ""
        yield f"  row {rows[one['number']]}", f"{one['phone']}, {one['reason']}{detail}"
    more = contacts["skipped"] - MOST_LEFT_OUT
    if more > 0:
        yield "", f"and {more} more"


def _samples(seen: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for one in seen["samples"]:
        template = one.get("template")
        named = f"template {template['name']} ({template['language']})\n" if template else ""
        yield one["phone"], named + one["text"]


def _forecast(seen: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    forecast = seen["forecast"]
    beyond = "in more than ten years" if seen["contacts"]["queued"] else "-"
    yield "begins", forecast["startAt"] or beyond
    yield "finishes about", forecast["finishAtP50"] or beyond
    yield (
        "at the latest about",
        f"{forecast['finishAtP90']} (in nine cases of ten)" if forecast["finishAtP90"] else beyond,
    )
    if forecast["waiting"]:
        yield "others waiting", forecast["waiting"]


def _minded(seen: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    for one in seen["warnings"]:
        yield f"warning: {one['code']}", one["text"]
    for one in seen["risks"]:
        yield f"risk (heuristic): {one['code']}", one["text"]
