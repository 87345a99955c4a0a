"""Lines of CSV as spreadsheets take them, and cells in which they compute nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable

#: Where a cell may begin that a spreadsheet takes for a formula, full-width signs among them: at the text's beginning,
#: and after whatever ends a cell for somebody who reads with another separator. What is not seen may stand before.
_FORMULA = re.compile(
    '^(?=[\t\r])|(?:^|(?<=[,;\t\r\n\v\f]))(?=[ "\xa0\u200b-\u200f\u2060\ufeff]*[=+\\-@\uff1d\uff0b\uff0d\uff20])'
)
#: A cell with one of these is quoted, whatever separates the cells here.
_QUOTED = re.compile('[,;\t\r\n"]')


def written(cells: Iterable[str], *, separator: str = ",") -> str:
    """One line of CSV, its end included. What a cell may hold that strangers wrote goes through `harmless` before."""
    return separator.join(_quoted(cell) for cell in cells) + "\r\n"


def _quoted(cell: str) -> str:
    doubled = cell.replace('"', '""')
    return f'"{doubled}"' if _QUOTED.search(cell) else cell


def harmless(text: str) -> str:
    """The text as cells that no spreadsheet computes, whatever it separates by: `'` before each formula."""
    return _FORMULA.sub("'", text)
