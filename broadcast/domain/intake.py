"""Contacts out of a stream of bytes: JSON, NDJSON or CSV, read as they come, so that a million cost what one does."""

from __future__ import annotations

import codecs
import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from broadcast.domain.table import PHONE, Row, Table, person, plain, separator_of

#: Bytes of one line, or of one contact in JSON; and how many are read at a time.
MOST_BYTES = 65_536


class Unreadable(ValueError):
    """Nothing after this can be made out. The text says what it is, as a sentence goes on."""


@dataclass(frozen=True)
class Found:
    """One contact as it was written, a number or an object, or what is wrong with its row (from 1)."""

    row: int
    contact: Any = None
    problem: str | None = None


@dataclass
class Intake:
    """A stream of contacts. What was found out about a CSV is in `details`, once all of it is read."""

    details: dict[str, Any] = field(default_factory=dict)

    def csv(self, stream: io.BufferedReader) -> Iterator[Found]:
        """The rows of a CSV file, with or without a header. Raises Unreadable."""
        lines = _Lines(stream)
        first = next((line for line in lines if line.strip()), None)
        if first is None:
            return
        separator = separator_of(first)
        rows = _rows(_with(first, lines), separator, skipped=lines.count - 1)
        table, head = _table(next(rows))
        self.details |= {"separator": separator, "header": list(table.titles) or None}
        if head is not None:
            yield Found(head.number, person(table, head))
        for row in rows:
            if any(cell.strip() for cell in row.cells):
                yield Found(row.number, person(table, row))
        self.details["encoding"] = lines.encoding

    def ndjson(self, stream: io.BufferedReader) -> Iterator[Found]:
        """A contact a line. A line that is no JSON is named, and the next one read."""
        for number, line in enumerate(_Lines(stream), 1):
            if line.strip():
                yield _json(number, line)

    def json(self, stream: io.BufferedReader) -> Iterator[Found]:
        """The contacts in `[…]`, or in `{"contacts": […]}`. Raises Unreadable."""
        text = _Text(stream)
        is_object = text.take("{")
        if is_object and not (text.value() == "contacts" and text.take(":")):
            raise Unreadable('is neither a list nor {"contacts": […]}')
        if not text.take("["):
            raise Unreadable("has no list of contacts")
        row = 0
        while not text.take("]"):
            if row and not text.take(","):
                raise Unreadable(f"breaks off after contact {row}")
            row += 1
            yield Found(row, text.value())
        if (is_object and not text.take("}")) or not text.is_over():
            raise Unreadable("goes on after the contacts")


#: Media type -> how it is read
READERS: Mapping[str, Callable[[Intake, io.BufferedReader], Iterator[Found]]] = {
    "application/json": Intake.json,
    "application/x-ndjson": Intake.ndjson,
    "application/ndjson": Intake.ndjson,
    "application/jsonl": Intake.ndjson,
    "text/csv": Intake.csv,
}


class _Lines:
    """The stream's lines as text; UTF-8, UTF-16 by its mark, and Latin-1 for a line that cannot be UTF-8."""

    def __init__(self, stream: io.BufferedReader) -> None:
        is_wide = stream.peek(2)[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
        self._stream: io.BufferedReader | io.TextIOWrapper = stream
        if is_wide:
            self._stream = io.TextIOWrapper(stream, "utf-16", errors="replace")
        self.encoding = "utf-16" if is_wide else "utf-8"
        self.count = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(MOST_BYTES)
        if not line:
            raise StopIteration
        self.count += 1
        if len(line) >= MOST_BYTES:
            raise Unreadable(f"has a line of more than {MOST_BYTES} bytes, its {self.count}th")
        return line if isinstance(line, str) else self._decoded(line)

    def _decoded(self, raw: bytes) -> str:
        if self.count == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self.encoding = "latin-1"
            return raw.decode("latin-1")


def _with(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines


def _rows(lines: Iterator[str], separator: str, *, skipped: int) -> Iterator[Row]:
    reader = csv.reader(lines, delimiter=separator)
    try:
        for cells in reader:
            yield Row(reader.line_num + skipped, cells)
    except csv.Error as error:
        raise Unreadable(f"is not CSV at line {reader.line_num + skipped}: {error}") from error


def _table(first: Row) -> tuple[Table, Row | None]:
    """What the columns are, and the first row where it is a contact already. Raises Unreadable."""
    titles = [plain(cell) for cell in first.cells]
    phone = next((index for index, title in enumerate(titles) if title in PHONE), None)
    if phone is not None:
        return Table(titles=titles, phone=phone, rows=()), None
    if not any(character.isdigit() for character in first.cells[0]):
        raise Unreadable(f"has no column that is called {', '.join(PHONE[:4])}; its first line is {first.cells}")
    return Table(titles=[], phone=0, rows=()), first


def _json(row: int, text: str) -> Found:
    try:
        return Found(row, json.loads(text))
    except (ValueError, RecursionError) as error:
        return Found(row, problem=f"is not JSON: {error}")


class _Text:
    """JSON that is read value by value, with no more of it in memory than one value and what came with it."""

    def __init__(self, stream: io.BufferedReader) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._values = json.JSONDecoder()
        self._held = ""
        self._at = 0
        self._is_over = False

    def take(self, mark: str) -> bool:
        """Whether this character comes next; if so, it is passed."""
        self._pass_blanks()
        if self._held[self._at : self._at + 1] != mark:
            return False
        self._at += 1
        return True

    def value(self) -> Any:
        """The next value. Raises Unreadable."""
        self._pass_blanks()
        while True:
            try:
                found, end = self._values.raw_decode(self._held, self._at)
            except (ValueError, RecursionError) as error:
                if len(self._held) - self._at > MOST_BYTES or not self._more():
                    raise Unreadable(f"is not JSON: {error}") from error
                continue
            # A number may go on in what has not been read.
            if end < len(self._held) or not self._more():
                self._at = end
                return found

    def is_over(self) -> bool:
        """Whether nothing but blanks is left."""
        self._pass_blanks()
        return self._at == len(self._held)

    def _pass_blanks(self) -> None:
        while True:
            while self._held[self._at : self._at + 1] in {" ", "\t", "\r", "\n"}:
                self._at += 1
            if self._at < len(self._held) or not self._more():
                return

    def _more(self) -> bool:
        if self._is_over:
            return False
        raw = self._stream.read1(MOST_BYTES)
        self._is_over = not raw
        try:
            more = self._decoder.decode(raw, final=self._is_over)
        except UnicodeDecodeError as error:
            raise Unreadable("is not UTF-8") from error
        self._held, self._at = self._held[self._at :] + more, 0
        return not self._is_over or bool(more)
