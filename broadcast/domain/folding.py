"""A text as Meta takes it in a place of a template: on one line, its blanks folded."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import reduce

from broadcast.domain.filling import Choice, Piece, Variable

#: Blanks that Meta takes: up to four, without a line's end or a tab among them.
_HARMLESS = re.compile(r"[^\S\t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]{1,4}")
#: What a text is made of: runs of blanks, and what is between.
_RUNS = re.compile(r"\s+|\S+")

#: How a text that is not over may end (in which blanks) -> its most characters before them.
_Ends = dict[str, int]


def on_one_line(text: str) -> str:
    """The text as Meta takes it: every other run of blanks is one blank."""
    return re.sub(r"\s+", lambda match: _folded(match[0]), text)


def longest_on_one_line(pieces: Sequence[Piece], said: Callable[[Variable], str]) -> int:
    """How many characters it has on one line, in its longest options; `said` is what stands for a variable.

    Blanks of one piece may go on in the next, and five are one. So what counts is how each option ends.
    """
    ends = reduce(lambda so_far, piece: _after(so_far, piece, said), pieces, {"": 0})
    return max(length + len(blanks) for blanks, length in ends.items())


def _folded(blanks: str) -> str:
    return blanks if _HARMLESS.fullmatch(blanks) else " "


def _after(ends: _Ends, piece: Piece, said: Callable[[Variable], str]) -> _Ends:
    if isinstance(piece, Choice):
        return _most(
            end
            for option in piece.options
            for end in reduce(lambda so_far, part: _after(so_far, part, said), option, ends).items()
        )
    text = piece if isinstance(piece, str) else said(piece)
    return reduce(_with, _RUNS.findall(text), ends)


def _with(ends: _Ends, run: str) -> _Ends:
    if not run.isspace():
        return {"": max(length + len(blanks) for blanks, length in ends.items()) + len(run)}
    # Blanks that are not taken are one, however many more follow: as a line's end is.
    return _most(
        (" " * len(more) if _HARMLESS.fullmatch(more := blanks + run) else "\n", length)
        for blanks, length in ends.items()
    )


def _most(ends: Iterable[tuple[str, int]]) -> _Ends:
    found: _Ends = {}
    for blanks, length in ends:
        found[blanks] = max(length, found.get(blanks, 0))
    return found
