"""A stream of bytes as lines of text, in whichever encoding a spreadsheet wrote it."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator, Mapping

#: Bytes of one line, or of one contact in JSON; and how many are read at a time.
MOST_BYTES = 65_536
#: So many bytes are looked at to find out what a stream is.
_LOOKED_AT = 64
#: what a file of another kind begins with, blanks and capitals aside -> what it is, whatever its name says
_OTHERS: Mapping[bytes, str] = {
    b"pk\x03\x04": "an Excel, LibreOffice or ZIP file",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"%pdf": "a PDF",
    b"\x1f\x8b": "a compressed file",
    b"{\\rtf": "a document",
    **dict.fromkeys((b"<html", b"<!doctype", b"<?xml", b"<table", b"<head", b"<meta"), "a web page or XML"),
}
#: What is said of all of them.
NO_TEXT = "not text: open it in Excel or LibreOffice and save it as CSV UTF-8"


#: What a caller may say that its bytes are -> how they are read
CHARSETS: Mapping[str, str] = {
    **dict.fromkeys(("", "utf-8", "utf8", "us-ascii", "ascii"), "utf-8"),
    **dict.fromkeys(("utf-16le", "utf-16-le"), "utf-16-le"),
    **dict.fromkeys(("utf-16be", "utf-16-be", "utf-16"), "utf-16-be"),  # by its mark, where it has one (RFC 2781)
    **dict.fromkeys(("windows-1252", "cp1252", "iso-8859-1", "latin-1", "latin1"), "windows-1252"),
}


class Unreadable(ValueError):
    """Nothing after this can be made out. The text says what it is, as a sentence goes on."""


def refuse_others(stream: io.BufferedReader) -> None:
    """Raise Unreadable where the stream begins as a file does that is no text."""
    start = stream.peek(_LOOKED_AT)[:_LOOKED_AT].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    found = next((what for magic, what in _OTHERS.items() if start.startswith(magic)), None)
    if found:
        raise Unreadable(f"is {found}, {NO_TEXT}")


def _wide(stream: io.BufferedReader) -> str | None:
    """The form of UTF-16 that it begins as, by its mark, or else by every other byte of its first letters; or None."""
    start = stream.peek(_LOOKED_AT)[:8]
    if start[:2] in {codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE}:
        return "utf-16"
    forms = {"utf-16-le": (start[::2], start[1::2]), "utf-16-be": (start[1::2], start[::2])}
    return next(
        (form for form, (low, high) in forms.items() if len(high) == len(low) > 1 and all(low) and not any(high)), None
    )


class Lines:
    """The stream's lines as text; UTF-8, UTF-16, and Windows-1252 for a line that cannot be UTF-8.

    `charset`, one of `CHARSETS`, says that it is UTF-16 without its mark; what many say of whatever they send is looked
    at all the same. Without `may_guess`, and without a charset that is none of UTF-8, a byte of no UTF-8 is a lone
    surrogate.
    However a line ends, that is one newline here. Raises Unreadable for one of `most` characters, and for no text.
    """

    def __init__(
        self, stream: io.BufferedReader, *, most: int = MOST_BYTES, charset: str = "", may_guess: bool = True
    ) -> None:
        refuse_others(stream)
        said = CHARSETS.get(charset.lower(), "utf-8")
        wide = _wide(stream) or (said if said.startswith("utf-16") else None)
        # Each byte is a character of Latin-1 until its line is whole: so a bare CR ends one, too.
        self._stream = io.TextIOWrapper(stream, wide or "latin-1", errors="replace")
        self._is_wide = wide is not None
        self._may_guess = may_guess or said == "windows-1252"
        self._most = most
        self.encoding = "utf-16" if wide else "utf-8"
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
