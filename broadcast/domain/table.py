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
    is_clear,
    is_landline,
    is_mobile,
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
    quality,
    rivals,
    says_whatsapp,
)
from broadcast.domain.lines import MOST_BYTES, Lines, Unreadable
from broadcast.domain.naming import form_of
from broadcast.domain.phone import with_country
from broadcast.domain.separated import MOST_ABOVE, Row, rows_of

#: So many rows are looked at where several columns may have the numbers.
LOOKED_AT = 50
#: A code in a column of its own; a number without an area code has eight or nine digits.
_AREA = re.compile(r"\(?0?([1-9][1-9])\)?")
_COUNTRY = re.compile(r"\(?\+?0{0,2}([1-9]\d{0,2})\)?")
#: What programs write of a whole number in a column in which some are missing.
_FRACTION = re.compile(r"(\d+)[.,]0{1,2}")
_LOCAL = re.compile(r"\d[\d\s.-]*")
_LOCAL_DIGITS = {8, 9}
#: What Google's exports have between several numbers in a cell.
_BETWEEN = ":::"
#: What is wrong with a row that has more cells than there are titles, and what to do about it.
SURPLUS, QUOTE = "has more cells than titles", "put what has the separator in it between quotation marks"


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
        found = (self._with_codes(text, row, at) for at in self.phones for text in row.cell(at).split(_BETWEEN))
        return list(dict.fromkeys(filter(may_be_number, found))) or [self.number(row)]

    def has_surplus(self, row: Row) -> bool:
        """Whether a row has more cells than there are titles: a separator stood in one, and its values are others'."""
        return bool(self.titles) and any(cell.strip() for cell in row.cells[self.width :])

    def is_nameless(self, row: Row) -> bool:
        """Whether a row without titles has several cells: nobody says which is the number, and a CPF looks like one."""
        return not self.titles and sum(bool(cell.strip()) for cell in row.cells) > 1

    def source(self, row: Row) -> int:
        """The column of a row's number: the likeliest with a whole one, or else with one, or else with a part.

        A mobile goes before a landline, unless that is said to be WhatsApp's.
        """
        if len(self.phones) == 1:
            return self.phone
        found = {column: self._joined(row, column) for column in self.phones}
        able = [column for column, text in found.items() if may_be_number(text)]
        whole = [column for column in able if is_whole(found[column])]
        if whole and is_landline(found[whole[0]]) and not says_whatsapp(self.titles[whole[0]]):
            whole = [*(column for column in whole if is_mobile(found[column])), *whole]
        part = (column for column in (self.phone, *self.phones) if is_part(found[column]))
        return next(chain(whole, able, part), self.phone)

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
        return self._with_codes(row.cell(column).split(_BETWEEN)[0], row, column)

    def _with_codes(self, text: str, row: Row, column: int) -> str:
        found, (area_at, country_at) = _as_whole(text.strip()), self._codes[column]
        if area_at is not None and _LOCAL.fullmatch(found) and sum(map(str.isdigit, found)) in _LOCAL_DIGITS:
            area = _AREA.fullmatch(_as_whole(row.cell(area_at)))
            found = f"{area[1]} {found}" if area else found
        country = _COUNTRY.fullmatch(_as_whole(row.cell(country_at)))
        return with_country(found, country[1]) if country else found

    def column(self, *names: str) -> int | None:
        """The first column that has one of these titles."""
        return next((index for index, title in enumerate(self.titles) if title in names), None)


def _as_whole(cell: str) -> str:
    fraction = _FRACTION.fullmatch(cell)
    return fraction[1] if fraction else cell


def read_table(raw: bytes, *, most: int | None = None, is_strict: bool = False) -> Table:
    """The table in a CSV file of numbers, with or without a header; empty lines are left out.

    Separator (`,`, `;`, tab) and encoding (UTF-8 with or without a mark, UTF-16 with one, a line that is neither
    Windows-1252) are found out. Raises ValueError, with a sentence, for a file without numbers, that is no CSV, or with
    more than `most` rows, or with more cells in a row than titles; where it `is_strict`, instead of that for one in
    which a quotation mark may have swallowed a row.
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
    wide = next((row.number for row in filled_in if table.has_surplus(row)), None)
    if wide is not None and not is_strict:  # where the number is all that counts, the other values do not
        raise Unreadable(f"{SURPLUS} at row {wide}: {QUOTE}")
    return table


def headed(rows: Iterator[Row]) -> tuple[Row | None, Iterator[Row]]:
    """The header, and the rows below it; None, and all of them, where the first with a number has none above it.

    Of several rows that may be the header, such as a title of the whole table, it is the best, and of equals the last.
    """
    seen: list[Row] = []
    best: tuple[tuple[bool, int], int] | None = None
    for row in islice(rows, MOST_ABOVE):
        titles = [plain(cell) for cell in row.cells]
        seen.append(row)
        found = quality(titles)
        if found is not None and (best is None or found <= best[0]):
            best = found, len(seen)
        if (best is not None and is_clear(best[0])) or any(
            looks_like_number(cell) and may_be_number(cell) for cell in titles
        ):
            break
    if best is None:
        return None, chain(seen, rows)
    return seen[best[1] - 1], chain(seen[best[1] :], rows)


def needs_rows(header: Row) -> bool:
    """Whether only the rows can tell which column has the numbers."""
    return len(phone_columns([plain(cell) for cell in header.cells])) > 1


def titled(first: Row, below: Sequence[Row], separator: str, *, has_titles: bool) -> Table:
    """What the columns are, without the rows; numbers alone may have no titles. Raises Unreadable.

    `first` is the header, or the first row where there is none; of the rows `below`, the first ones are looked at.
    """
    titles, width = [plain(cell) for cell in first.cells] if has_titles else [], len(first.cells)
    may_be = [titles[column] for column in rivals(titles) if not _has_others(below[:LOOKED_AT], column)]
    if len(may_be) > 1:
        raise Unreadable(
            f"has several columns that may have the numbers, {' and '.join(may_be)}: call the right one telefone"
        )
    phone = phone_column(titles, below[:LOOKED_AT])
    if phone is None and not any(character.isdigit() for character in first.cells[0]):
        raise Unreadable(
            f"has no column that is called phone, telefone, celular, whatsapp; its first line is {first.cells}"
        )
    return Table(titles=titles, phone=phone or 0, rows=(), width=width, separator=separator)


def _has_others(rows: Sequence[Row], column: int) -> bool:
    """Whether a column has no numbers in these rows, and something else: when somebody was written to, say."""
    cells = list(filter(None, (row.cell(column) for row in rows)))
    return bool(cells) and not any(map(may_be_number, cells))


def checked(table: Table, rows: Iterable[Row], is_torn: Callable[[Table, Row], bool]) -> None:
    """Raise Unreadable for the first of the rows that is, or that has columns without titles."""
    for row in rows:
        if is_torn(table, row):
            raise Unreadable(f"is not CSV at row {row.number}: it holds other rows between quotation marks")
        if table.is_nameless(row):
            raise Unreadable(
                f"has several columns at row {row.number}, and no titles: name them in its first line (telefone;nome), "
                "also in a part of a larger file"
            )


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
