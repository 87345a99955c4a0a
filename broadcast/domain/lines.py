"""A stream of bytes as lines of text, in whichever encoding a spreadsheet wrote it."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator

#: Bytes of one line, or of one contact in JSON; and how many are read at a time.
MOST_BYTES = 65_536


class Unreadable(ValueError):
    """Nothing after this can be made out. The text says what it is, as a sentence goes on."""


class Lines:
    """The stream's lines as text; UTF-8, UTF-16 by its mark, and Windows-1252 for a line that cannot be UTF-8.

    However a line ends, that is one newline here. Raises Unreadable for one of `most` characters.
    """

    def __init__(self, stream: io.BufferedReader, *, most: int = MOST_BYTES) -> None:
        is_wide = stream.peek(2)[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
        # Each byte is a character of Latin-1 until its line is whole: so a bare CR ends one, too.
        self._stream = io.TextIOWrapper(stream, "utf-16" if is_wide else "latin-1", errors="replace")
        self._is_wide = is_wide
        self._most = most
        self.encoding = "utf-16" if is_wide else "utf-8"
        self.count = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(self._most)
        if not line:
            raise StopIteration
        self.count += 1
        if len(line) >= self._most:
            raise Unreadable(f"has a line of more than {self._most} bytes, its {self.count}th")
        return line if self._is_wide else self._decoded(line.encode("latin-1"))

    def _decoded(self, raw: bytes) -> str:
        if self.count == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            self.encoding = "windows-1252"
            return _windows(raw)


def _windows(raw: bytes) -> str:
    """Text that is not UTF-8: as Windows in Brazil writes it, or Latin-1 where that has no such letter."""
    try:
        return raw.decode("windows-1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
