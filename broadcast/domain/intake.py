"""Contacts out of a stream of bytes: JSON, NDJSON or CSV, read as they come, so that a million cost what one does."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any

from broadcast.domain.columns import is_run_together
from broadcast.domain.lines import MOST_BYTES, Lines, Unreadable, refuse_others
from broadcast.domain.separated import Row, rows_of
from broadcast.domain.table import (
    LOOKED_AT,
    QUOTE,
    SURPLUS,
    Table,
    checked,
    has_swallowed,
    headed,
    needs_rows,
    person,
    titled,
)

#: What is said of a header alone; whoever sends a whole file so, has sent it as one line.
NO_ROWS = "has no rows below its header (curl -d drops line ends: send a file with --data-binary)"
#: What stands for a byte that is no UTF-8.
_NO_UTF8 = re.compile("[\udc80-\udcff]")


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
    charset: str = ""  #: that the stream is said to be in

    def csv(self, stream: io.BufferedReader) -> Iterator[Found]:
        """The rows of a CSV file, with or without a header. Raises Unreadable, also for a header alone."""
        lines = Lines(stream, charset=self.charset)
        separator, rows = rows_of(lines)
        header, below = headed(rows)
        if header is None:
            first = next(below, None)
            if first is None:
                return
            if is_run_together(first.cells):
                raise Unreadable(NO_ROWS)
            table, seen = titled(first, (), separator, has_titles=False), [first]
        else:
            seen = list(islice(below, LOOKED_AT)) if needs_rows(header) else []
            table = titled(header, seen, separator, has_titles=True)
            checked(table, [header], has_swallowed)
        self.details |= {"separator": separator, "header": list(table.titles) or None}
        used, is_header_alone = set[int](), header is not None
        for row in chain(seen, below):
            checked(table, [row], has_swallowed)
            if any(cell.strip() for cell in row.cells):
                is_header_alone = False
                used |= {table.source(row)} if len(table.phones) > 1 else set()
                yield _row(table, row)
        if is_header_alone:
            raise Unreadable(NO_ROWS)
        self.details |= {"encoding": lines.encoding, "phone": table.named(used)}

    def ndjson(self, stream: io.BufferedReader) -> Iterator[Found]:
        """A contact a line. A line that is no JSON is named, and the next one read."""
        for number, line in enumerate(Lines(stream, charset=self.charset, may_guess=False), 1):
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
            yield _found(row, text.value())
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


def _row(table: Table, row: Row) -> Found:
    problem = f"{SURPLUS}: {QUOTE}" if table.has_surplus(row) else None
    return Found(row.number, None if problem else person(table, row), problem)


class _Twice(dict[str, Any]):
    """An object with a name twice, in itself or in what it holds."""

    name = ""


def _object(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    found = [value.name for _, value in pairs if isinstance(value, _Twice)]
    found += [name for name, count in Counter(names).items() if count > 1]
    if not found:
        return dict(pairs)
    twice = _Twice(pairs)
    twice.name = found[0]
    return twice


def _found(row: int, value: Any) -> Found:
    """Which of two values is meant, nobody knows."""
    if isinstance(value, _Twice):
        return Found(row, problem=f"has the name {value.name[:64]!r} twice")
    return Found(row, value)


def _json(row: int, text: str) -> Found:
    if _NO_UTF8.search(text):
        return Found(row, problem="is not UTF-8")
    try:
        return _found(row, json.loads(text, object_pairs_hook=_object))
    except (ValueError, RecursionError) as error:
        return Found(row, problem=f"is not JSON: {error}")


class _Text:
    """JSON that is read value by value, with no more of it in memory than one value and what came with it."""

    def __init__(self, stream: io.BufferedReader) -> None:
        refuse_others(stream)
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._values = json.JSONDecoder(object_pairs_hook=_object)
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
