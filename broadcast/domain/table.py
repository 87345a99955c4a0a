"""Tables of people as spreadsheets write them: separator, encoding and the name of a column have to be found out."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

#: What a column of numbers may be called.
PHONE = ("phone", "telefone", "celular", "numero", "whatsapp", "fone", "number", "contato")
#: What a column of names may be called.
NAME = ("name", "nome")
#: What a spreadsheet takes for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
#: Byte order marks, and the encoding of what follows; Excel's "Unicode text" is UTF-16.
_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True)
class Row:
    """One line of a table; `number` is what the spreadsheet shows beside it, from 1."""

    number: int
    cells: Sequence[str]

    def cell(self, column: int | None) -> str:
        """What stands in a column, without blanks around it; "" where the row is too short or there is no column."""
        return self.cells[column].strip() if column is not None and column < len(self.cells) else ""


@dataclass(frozen=True, kw_only=True)
class Table:
    """People, one a row. `titles` are in plain form, empty where there is no header; `phone` is the numbers' column."""

    titles: Sequence[str]
    phone: int
    rows: Sequence[Row]

    def column(self, *names: str) -> int | None:
        """The first column that has one of these titles."""
        return next((index for index, title in enumerate(self.titles) if title in names), None)


def read_table(raw: bytes, *, most: int | None = None) -> Table:
    """The table in a CSV file of numbers, with or without a header; empty lines are left out.

    Separator (`,`, `;`, tab) and encoding (UTF-8 with or without a mark, UTF-16 with one, else Latin-1) are found out.
    Raises ValueError, with a sentence, for a file without numbers or with more than `most` rows.
    """
    text = _decoded(raw)
    separator = separator_of(text.split("\n", 1)[0])
    filled = (row for row in _rows(text, separator) if any(cell.strip() for cell in row.cells))
    try:
        rows = list(filled if most is None else islice(filled, most + 2))
    except csv.Error as error:
        raise ValueError(f"is not CSV: {error}") from error
    if not rows:
        raise ValueError("has no numbers")
    titles = [plain(cell) for cell in rows[0].cells]
    phone = next((index for index, title in enumerate(titles) if title in PHONE), None)
    if phone is None and not any(character.isdigit() for character in rows[0].cells[0]):
        raise ValueError(f"has no column that is called {', '.join(PHONE[:4])}; its first line is {rows[0].cells}")
    filled_in = rows if phone is None else rows[1:]
    if most is not None and len(filled_in) > most:
        raise ValueError(f"has more than {most} rows; send it in parts")
    return Table(titles=[] if phone is None else titles, phone=phone or 0, rows=filled_in)


def people(table: Table) -> list[Any]:
    """A campaign's contacts as its request has them: numbers, or objects {phone, name, vars} under a header."""
    if not table.titles:
        return [row.cell(table.phone) for row in table.rows]
    return [person(table, row) for row in table.rows]


def separator_of(line: str) -> str:
    """What stands between the cells of a table whose first line this is."""
    return max(";,\t", key=line.count)


def person(table: Table, row: Row) -> dict[str, Any]:
    """The contact in a row, {phone, name, vars}: a variable for each column that has a title."""
    contact: dict[str, Any] = {"phone": row.cell(table.phone)}
    extra = {}
    for index, title in enumerate(table.titles):
        value = row.cell(index)
        if index == table.phone or not value:
            continue
        if title in NAME:
            contact["name"] = value
        elif title:
            extra[title.replace(" ", "_")] = value
    return {**contact, "vars": extra} if extra else contact


def _decoded(raw: bytes) -> str:
    encoding = _MARKS.get(raw[:2], "utf-8-sig")
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _rows(text: str, separator: str) -> Iterator[Row]:
    # Every way to end a line becomes one: a bare CR would be an error.
    reader = csv.reader(io.StringIO(text, newline=None), delimiter=separator)
    return (Row(number, cells) for number, cells in enumerate(reader, 1))


def plain(title: str) -> str:
    """A column's title without accents, blanks around it, or capitals."""
    letters = unicodedata.normalize("NFKD", title.strip().lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))


def written(cells: Iterable[str], *, separator: str = ",") -> str:
    """One line of CSV, its end included. What a cell may hold that strangers wrote goes through `harmless` before."""
    line = io.StringIO()
    csv.writer(line, delimiter=separator).writerow(cells)
    return line.getvalue()


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet computes: a quote stands before what looks like a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
