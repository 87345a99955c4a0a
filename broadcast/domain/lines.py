"""A stream of bytes as lines of text, in whichever encoding a spreadsheet wrote it."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping

#: Bytes of one line, or of one contact in JSON; and how many are read at a time.
MOST_BYTES = 65_536


#: What a caller may say that its bytes are -> how they are read
CHARSETS: Mapping[str, str] = {
    **dict.fromkeys(("", "utf-8", "utf8", "us-ascii", "ascii"), "utf-8"),
    **dict.fromkeys(("utf-16le", "utf-16-le"), "utf-16-le"),
    **dict.fromkeys(("utf-16be", "utf-16-be", "utf-16"), "utf-16-be"),  # by its mark, where it has one (RFC 2781)
    **dict.fromkeys(("windows-1252", "cp1252", "iso-8859-1", "latin-1", "latin1"), "windows-1252"),
}


class Unreadable(ValueError):
    """Nothing after this can be made out. The text says what it is, as a sentence goes on."""


class Lines:
    """The stream's lines as text; UTF-8, UTF-16 by its mark, and Windows-1252 for a line that cannot be UTF-8.

    `charset`, one of `CHARSETS`, says that it is UTF-16 without its mark; what many say of whatever they send is looked
    at all the same. Without `may_guess`, and without a charset that is none of UTF-8, a byte of no UTF-8 is a lone
    surrogate.
    However a line ends, that is one newline here. Raises Unreadable for one of `most` characters.
    """

    def __init__(
        self, stream: io.BufferedReader, *, most: int = MOST_BYTES, charset: str = "", may_guess: bool = True
    ) -> None:
        has_mark = stream.peek(2)[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}
        said = CHARSETS.get(charset.lower(), "utf-8")
        wide = "utf-16" if has_mark else said if said.startswith("utf-16") else None
        # Each byte is a character of Latin-1 until its line is whole: so a bare CR ends one, too.
        self._stream = io.TextIOWrapper(stream, wide or "latin-1", errors="replace")
        self._is_wide = wide is not None
        self._may_guess = may_guess or said == "windows-1252"
        self._most = most
        self.encoding = wide or "utf-8"
        self.count = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._stream.readline(self._most)
        if not line:
            raise StopIteration
        self.count += 1
        if len(line) >= self._most:
            raise Unreadable(f"has a line, line {self.count}, of more than {self._most} bytes")
        return line if self._is_wide else self._decoded(line.encode("latin-1"))

    def _decoded(self, raw: bytes) -> str:
        if self.count == 1:
            raw = raw.removeprefix(codecs.BOM_UTF8)
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            if not self._may_guess:
                return raw.decode("utf-8", "surrogateescape")
            self.encoding = "windows-1252"
            return _windows(raw)


def _windows(raw: bytes) -> str:
    """Text that is not UTF-8: as Windows in Brazil writes it, or Latin-1 where that has no such letter."""
    try:
        return raw.decode("windows-1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")
