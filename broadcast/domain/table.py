"""Tables of people as spreadsheets write them: separator, encoding and the name of a column have to be found out."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import chain, islice
from typing import Any

from broadcast.domain.columns import (
    AREA,
    COUNTRY,
    PHONE,
    is_name,
    is_part,
    is_whole,
    looks_like_number,
    may_be_number,
    name_columns,
    nearest,
    phone_columns,
    phones_beside,
    plain,
)
from broadcast.domain.lines import MOST_BYTES, Lines, Unreadable
from broadcast.domain.naming import form_of
from broadcast.domain.phone import with_country

#: So many rows are looked at where several columns may have the numbers.
LOOKED_AT = 50
#: A code in a column of its own; a number without an area code has eight or nine digits.
_AREA = re.compile(r"\(?0?([1-9][1-9])\)?")
_COUNTRY = re.compile(r"\(?\+?0{0,2}([1-9]\d{0,2})\)?")
_LOCAL = re.compile(r"\d[\d\s.-]*")
_LOCAL_DIGITS = {8, 9}
#: What may separate cells, the likelier before.
_SIGNS = ";,\t"
#: The header is looked for in so many rows: titles of the whole table may stand above it, and no number.
MOST_ABOVE = 10
_DIGITS = re.compile(r"\d{8}|\d{4,5}-\d{4}")
#: Excel's own first line, which says what separates the cells.
_SEPARATOR = re.compile(r"\"?sep=([^\w\"\s]|\t)\"?\s*", re.IGNORECASE)
#: Where a cell may begin that a spreadsheet takes for a formula, full-width signs among them: at the text's beginning,
#: and after whatever ends a cell for somebody who reads with another separator. What is not seen may stand before.
_FORMULA = re.compile(
    '^(?=[\t\r])|(?:^|(?<=[,;\t\r\n\v\f]))(?=[ "\xa0\u200b-\u200f\u2060\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20])'
)
#: A cell with one of these is quoted, whatever separates the cells here.
_QUOTED = re.compile('[,;\t\r\n"]')


@dataclass(frozen=True)
class Row:
    """One row of a table; `number` is what a spreadsheet shows beside it, from 1, however many lines its cells have."""

    number: int
    cells: Sequence[str]
    torn: Sequence[str] = ()  #: its lines but the first, where a quotation mark in it ends no cell

    def cell(self, column: int | None) -> str:
        """What stands in a column, without blanks around it; "" where the row is too short or there is no column."""
        return self.cells[column].strip() if column is not None and column < len(self.cells) else ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """People, one a row. `titles` are in plain form, empty where there is no header; `phone` is the numbers' column.

    The first row has `width` cells.
    """

    titles: Sequence[str]
    phone: int
    rows: Sequence[Row]
    width: int
    separator: str = ","
    encoding: str = "utf-8"

    @property
    def numbers(self) -> Sequence[int]:
        """What a spreadsheet shows beside each row."""
        return [row.number for row in self.rows]

    def number(self, row: Row) -> str:
        """The number in a row, from the column that it has it in; what has to go before it may stand in others."""
        return self._joined(row, self.source(row))

    def all_numbers(self, row: Row) -> list[str]:
        """Every number that a row has of its person, the likeliest first; where it has none, what stands for it."""
        found = (self._joined(row, column) for column in self.phones)
        return list(dict.fromkeys(filter(may_be_number, found))) or [self.number(row)]

    def source(self, row: Row) -> int:
        """The column of a row's number: the likeliest with a whole one, or else with one, or else with a part."""
        if len(self.phones) == 1:
            return self.phone
        found: dict[int, str] = {}
        for column in self.phones:
            text = found[column] = self._joined(row, column)
            if is_whole(text) and may_be_number(text):
                return column
        able = (column for column in self.phones if may_be_number(found[column]))
        part = (column for column in (self.phone, *self.phones) if is_part(found[column]))
        return next(chain(able, part), self.phone)

    def named(self, columns: Iterable[int]) -> list[str] | None:
        """The titles of these columns of numbers, the likeliest first, or of the likeliest; None without a header."""
        used = set(columns) or {self.phone}
        titles = [self.titles[column] for column in self.phones if column in used] if self.titles else []
        return list(dict.fromkeys(titles)) or None

    def how_read(self) -> dict[str, Any]:
        """What was found out, `phone` being the titles of the columns that the numbers are from."""
        read = {"separator": self.separator, "header": list(self.titles) or None, "encoding": self.encoding}
        return {**read, "phone": self.named(map(self.source, self.rows))}

    @cached_property
    def phones(self) -> Sequence[int]:
        """The columns that may have a row's number, the likeliest first."""
        return phones_beside(self.titles, self.phone)

    @cached_property
    def names(self) -> Sequence[str]:
        """The titles of the columns that may have a row's name, the likeliest first."""
        return name_columns(self.titles)

    @cached_property
    def _codes(self) -> Mapping[int, tuple[int | None, int | None]]:
        """Column of numbers -> those of its area and country codes."""
        return {at: (nearest(self.titles, AREA, at), nearest(self.titles, COUNTRY, at)) for at in self.phones}

    def _joined(self, row: Row, column: int) -> str:
        found, (area_at, country_at) = row.cell(column), self._codes[column]
        if area_at is not None and _LOCAL.fullmatch(found) and sum(map(str.isdigit, found)) in _LOCAL_DIGITS:
            area = _AREA.fullmatch(row.cell(area_at))
            found = f"{area[1]} {found}" if area else found
        country = _COUNTRY.fullmatch(row.cell(country_at))
        return with_country(found, country[1]) if country else found

    def column(self, *names: str) -> int | None:
        """The first column that has one of these titles."""
        return next((index for index, title in enumerate(self.titles) if title in names), None)


def read_table(raw: bytes, *, most: int | None = None, is_strict: bool = False) -> Table:
    """The table in a CSV file of numbers, with or without a header; empty lines are left out.

    Separator (`,`, `;`, tab) and encoding (UTF-8 with or without a mark, UTF-16 with one, a line that is neither
    Windows-1252) are found out. Raises ValueError, with a sentence, for a file without numbers, that is no CSV, or with
    more than `most` rows; where it `is_strict`, also for one in which a quotation mark may have swallowed a row.
    """
    lines = Lines(io.BufferedReader(io.BytesIO(raw)), most=len(raw) + 1)
    separator, read = rows_of(lines)
    filled = (row for row in read if any(cell.strip() for cell in row.cells))
    rows = list(filled if most is None else islice(filled, most + 2))
    if not rows:
        raise ValueError("has no numbers")
    header, below = headed(iter(rows))
    filled_in = list(below)
    table = titled(header or rows[0], filled_in, separator, has_titles=header is not None)
    if most is not None and len(filled_in) > most:
        raise ValueError(f"has more than {most} rows; send it in parts")
    table = replace(table, rows=filled_in, encoding=lines.encoding)
    checked(table, rows, may_have_swallowed if is_strict else has_swallowed)
    return table


def headed(rows: Iterator[Row]) -> tuple[Row | None, Iterator[Row]]:
    """The header, and the rows below it; None, and all of them, where the first with a number has none above it."""
    seen: list[Row] = []
    for row in islice(rows, MOST_ABOVE):
        if phone_columns([plain(cell) for cell in row.cells]):
            return row, rows
        seen.append(row)
        cells = [cell.strip() for cell in row.cells]
        if any(map(may_be_number, cells)):
            break
    return None, chain(seen, rows)


def needs_rows(header: Row) -> bool:
    """Whether only the rows can tell which column has the numbers."""
    return len(phone_columns([plain(cell) for cell in header.cells])) > 1


def titled(first: Row, below: Sequence[Row], separator: str, *, has_titles: bool) -> Table:
    """What the columns are, without the rows; numbers alone may have no titles. Raises Unreadable.

    `first` is the header, or the first row where there is none; of the rows `below`, the first ones are looked at.
    """
    titles, width = [plain(cell) for cell in first.cells] if has_titles else [], len(first.cells)
    phone = phone_column(titles, below[:LOOKED_AT])
    if phone is None and not any(character.isdigit() for character in first.cells[0]):
        raise Unreadable(
            f"has no column that is called phone, telefone, celular, whatsapp; its first line is {first.cells}"
        )
    return Table(titles=titles, phone=phone or 0, rows=(), width=width, separator=separator)


def checked(table: Table, rows: Iterable[Row], is_torn: Callable[[Table, Row], bool]) -> None:
    """Raise Unreadable for the first of the rows that is."""
    torn = next((row.number for row in rows if is_torn(table, row)), None)
    if torn is not None:
        raise Unreadable(f"is not CSV at row {torn}: it holds other rows between quotation marks")


def has_swallowed(table: Table, row: Row) -> bool:
    """Whether lines of a row look like rows of this table: a quotation mark was never closed, until another did.

    Where a mark ends no cell, one with a number does, however many cells it has.
    """
    if any(looks_like_number(cell.strip()) for line in row.torn for cell in line.split(table.separator)):
        return True
    cells = row.cells
    return any("\n" in cell and _holds_rows(table, cell, index, len(cells)) for index, cell in enumerate(cells))


def may_have_swallowed(table: Table, row: Row) -> bool:
    """The same where nobody may be lost: any mark that ends no cell, and any number beside something on such a line."""
    lines = (line for cell in row.cells if "\n" in cell for line in cell.split("\n") if table.separator in line)
    cells = (cell for line in lines for cell in line.split(table.separator))
    return bool(row.torn) or any(looks_like_number(cell.strip()) for cell in cells) or has_swallowed(table, row)


def _holds_rows(table: Table, cell: str, index: int, count: int) -> bool:
    """The same of the cell at this index, of so many: its first line goes on with what is before, its last after it."""
    first, *others, last = cell.split("\n")
    return (
        _is_row(table, first, before=index)
        or any(_is_row(table, line) for line in others)
        or _is_row(table, last, after=count - index - 1)
    )


def _is_row(table: Table, line: str, *, before: int = 0, after: int = 0) -> bool:
    """Whether the line has as many cells as the table, and a number where it should be; some are before or after it."""
    if table.width > 1 and table.separator not in line:
        return False
    cells = next(csv.reader([line[:MOST_BYTES]], delimiter=table.separator), [])
    places = [place - before for place in table.phones if 0 <= place - before < len(cells)]
    is_whole = before + len(cells) + after == table.width
    return is_whole and any(looks_like_number(cells[place].strip()) for place in places)


def phone_column(titles: Sequence[str], rows: Sequence[Row]) -> int | None:
    """The likeliest of them that has a number in these rows, or else the likeliest; None where there is none."""
    found = phone_columns(titles)
    having = (index for index in found if any(may_be_number(row.cell(index)) for row in rows))
    return next(having, found[0] if found else None)


def people(table: Table) -> list[Any]:
    """A campaign's contacts as its request has them: numbers, or objects {phone, name, vars} under a header."""
    if not table.titles:
        return [table.number(row) for row in table.rows]
    return [person(table, row) for row in table.rows]


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
    """What separates the cells of the line that names the numbers, or else of the first that has several."""
    lines = start[-1:] if _titles(start[-1], _sign(start[-1]))[0] else start
    return next((sign for line in lines if _titles(line, sign := _sign(line)) > (False, 1)), _SIGNS[0])


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


def person(table: Table, row: Row) -> dict[str, Any]:
    """The contact in a row, {phone, name, vars}: a variable for each column that has a title.

    Of several columns of one title, the first that is not empty counts; of those of the name, the first of `NAME`. It
    is a variable as well, unless a message finds it under its own title anyhow.
    """
    numbers = table.titles[table.phone] if table.titles else ""
    found: dict[str, Any] = {}
    for title, cell in zip(table.titles, row.cells, strict=False):
        value = cell.strip()
        if value and title and title != numbers:
            found.setdefault(title, value)
    contact: dict[str, Any] = {"phone": table.number(row)}
    named = next((title for title in table.names if is_name(found.get(title, ""), title)), None)
    if named is not None:
        contact["name"] = found[named]
        if form_of(named) == "name":
            del found[named]
    extra: dict[str, Any] = {}
    for title, value in found.items():
        extra.setdefault(title.replace(" ", "_"), value)
    return {**contact, "vars": extra} if extra else contact


def written(cells: Iterable[str], *, separator: str = ",") -> str:
    """One line of CSV, its end included. What a cell may hold that strangers wrote goes through `harmless` before."""
    return separator.join(_quoted(cell) for cell in cells) + "\r\n"


def _quoted(cell: str) -> str:
    doubled = cell.replace('"', '""')
    return f'"{doubled}"' if _QUOTED.search(cell) else cell


def harmless(text: str) -> str:
    """The text as cells that no spreadsheet computes, whatever it separates by: `'` before each formula."""
    return _FORMULA.sub("'", text)
