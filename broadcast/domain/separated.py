"""Rows of separated text: what separates the cells is found out, and which line is which row of a spreadsheet."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

from broadcast.domain.columns import PHONE, plain
from broadcast.domain.lines import Unreadable

#: What may separate cells, the likelier before.
_SIGNS = ";,\t|"
#: The header is looked for in so many rows: titles of the whole table may stand above it, and no number.
MOST_ABOVE = 10
_DIGITS = re.compile(r"\d{8}|\d{4,5}-\d{4}")
#: Excel's own first line, which says what separates the cells.
_SEPARATOR = re.compile(r"\"?sep=([^\w\"\s]|\t)\"?\s*", re.IGNORECASE)


@dataclass(frozen=True)
class Row:
    """One row of a table; `number` is what a spreadsheet shows beside it, from 1, however many lines its cells have."""

    number: int
    cells: Sequence[str]
    torn: Sequence[str] = ()  #: its lines but the first, where a quotation mark in it ends no cell

    def cell(self, column: int | None) -> str:
        """What stands in a column, without blanks around it; "" where the row is too short or there is no column."""
        return self.cells[column].strip() if column is not None and column < len(self.cells) else ""


def rows_of(lines: Iterator[str]) -> tuple[str, Iterator[Row]]:
    """What separates the cells, and the rows from the first one that is not blank. Raises Unreadable.

    Excel's `sep=;` is no row where it is the first line: spreadsheets do not show it.
    """
    said, above, first = "", 0, ""
    for line in lines:
        found = "" if said else _declared(line)
        if line.strip() and not found:
            first = line
            break
        said, above = said or found, above + (not found or above > 0)
    start = [first] if said else _start(first, lines)
    separator = said or _separator(start)
    return separator, _rows(chain(start, lines), separator, above=above) if first else iter(())


def _start(first: str, lines: Iterator[str]) -> list[str]:
    """The first lines, as far as one that names the numbers, or has one; they are few."""
    start = [first]
    while len(start) < MOST_ABOVE and not _DIGITS.search(start[-1]) and not _titles(start[-1], _sign(start[-1]))[0]:
        line = next(lines, None)
        if line is None:
            break
        start.append(line)
    return start


def _separator(start: Sequence[str]) -> str:
    """What separates the cells of the line that names the numbers, or else of the last that has several."""
    lines = start[-1:] if _titles(start[-1], _sign(start[-1]))[0] else start
    return next((sign for line in reversed(lines) if _titles(line, sign := _sign(line)) > (False, 1)), _SIGNS[0])


def _sign(line: str) -> str:
    return max(_SIGNS, key=lambda sign: _titles(line, sign))


def _titles(line: str, separator: str) -> tuple[bool, int]:
    """Whether a header that is separated so names the numbers, and how many cells it has; what is quoted is one."""
    try:
        cells = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:  # is told of with its row when it is read
        return False, 0
    return any(plain(cell) in PHONE for cell in cells), len(cells)


def _declared(line: str) -> str:
    """What stands between the cells where this first line says so."""
    found = _SEPARATOR.fullmatch(line)
    return found[1] if found else ""


def _rows(lines: Iterable[str], separator: str, *, above: int) -> Iterator[Row]:
    number, is_over = above, False
    held: list[str] = []

    def kept() -> Iterator[str]:
        nonlocal is_over
        for line in lines:
            held.append(line)
            yield line
        is_over = True

    try:
        for cells in csv.reader(kept(), delimiter=separator):
            number += 1
            if is_over:  # what a row is asked for after the last line, is inside a cell
                raise Unreadable(f"is not CSV at row {number}: a quotation mark is never closed")
            yield Row(number, cells, held[1:] if len(held) > 1 and _is_torn(held, separator) else ())
            held.clear()
    except csv.Error as error:
        raise Unreadable(f"is not CSV at row {number + 1}: {error}") from error


def _is_torn(lines: Sequence[str], separator: str) -> bool:
    """Whether a quotation mark stands behind a quoted cell's end, without a separator between them or a line's end."""
    try:
        list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error:
        return True
    return False
