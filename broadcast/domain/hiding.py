"""Phone numbers in anybody's text, however they are written, hidden; dates, times, addresses and ids are left."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from urllib.parse import unquote

#: A number has so many digits at least, where an area code is part of it …
LEAST = 10
#: … and so many at most.
_MOST = 15
#: A word of so many is one by itself, whatever digits follow it.
_WHOLE = 12

_DAY, _MONTH, _YEAR = "(?:0[1-9]|[12][0-9]|3[01])", "(?:0[1-9]|1[0-2])", "(?:19|20)[0-9]{2}"
_CLOCK = "(?:[01]?[0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:[.,][0-9]+)?)?(?:Z| ?[+-][0-9]{2}:?[0-9]{2})?"
_OCTET = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]{1,2})"
#: What could look like a number, and is none.
_OTHERS = (
    "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}",  # a UUID
    "(?=[a-fA-F]*[0-9]+[a-fA-F])[0-9a-fA-F]{16,}",  # the hex of an id; letters before the digits alone make none
    *(f"{_YEAR}{dash}{_MONTH}{dash}{_DAY}(?:[T ]{_CLOCK})?" for dash in ("-", r"\.")),
    *(f"{_DAY}{dash}{_MONTH}{dash}{_YEAR}(?: {_CLOCK})?" for dash in ("-", r"\.")),
    _CLOCK,
    # A moment in one word; no number of Egypt, whose code is 20, begins so.
    f"20[23][0-9]{_MONTH}{_DAY}(?:[01][0-9]|2[0-3])[0-5][0-9](?:[0-5][0-9](?:[0-9]{{3}})?)?",
    # Unix time in ms, or in s with a fraction: North America's numbers, whose code is 1, are shorter.
    r"1[0-9]{12}|1[0-9]{9}\.[0-9]{3,9}",
    rf"(?:{_OCTET}\.){{3}}{_OCTET}(?![.-][0-9])",  # an IPv4 address
)
_OTHER = rf"(?<![^\W_])(?:{'|'.join(_OTHERS)})(?![^\W_])"

#: A sign of a URL's, escaped, and escaped again by whoever quotes it.
_ESCAPE = "%(?:25){0,3}"
_DIGIT = rf"(?:{_ESCAPE}3[0-9]|\d)"
_BLANK = rf"(?:[\s+\uff0b]|{_ESCAPE}(?:20|2[Bb]|[Cc]2{_ESCAPE}[Aa]0))"
#: What stands between a number's digits. Anything beyond ASCII that is escaped may be a dash or a blank.
_BETWEEN = (
    rf"(?:{_BLANK}|[().\[\]\-\u00ad\u200b\u2010-\u2015\u2060\u2212\u30fc\uff08\uff09\uff0d]"
    rf"|{_ESCAPE}(?:2[89DdEe]|5[BbDd]|[89A-Fa-f][0-9A-Fa-f]))"
)
_BEGIN = rf"(?:[+(\[\uff0b\uff08]|{_ESCAPE}(?:2[8Bb]|5[Bb])){{0,4}}"
_PART = re.compile(rf"(?P<other>{_OTHER})|{_BEGIN}{_DIGIT}(?:{_DIGIT}|{_BETWEEN}{{1,8}}(?!{_OTHER}){_DIGIT})*")
_BLANKS = re.compile(rf"({_BLANK}+)")


def hide(text: str, *, shown: Callable[[str], str], least: int = LEAST) -> str:
    """The text with what `shown` makes of a number's digits in the place of each phone number.

    `least`: a word of fewer digits is left. Words that a blank divides are a number together from `LEAST` digits on.
    """

    def replaced(match: re.Match[str]) -> str:
        if match["other"]:
            return match[0]
        return "".join(_hidden(words, shown, least) for words in _numbers(match[0]))

    return _PART.sub(replaced, text)


def digits_in(text: str) -> str:
    """All digits of a text, those that are escaped as in a URL too."""
    for _ in range(4):
        text = unquote(text)
    return re.sub(r"\D", "", text)


def _numbers(text: str) -> Iterator[str]:
    """Digits and what is between them, divided at blanks where one number ends and another may begin."""
    pending, is_whole = "", False
    for word in _words(text):
        count = len(digits_in(word))
        begins = pending.lstrip().startswith(("+", "(", "00", "%2B", "%2b"))
        if is_whole or (count >= LEAST and not begins) or len(digits_in(pending)) + count > _MOST:
            yield pending
            pending = ""
        pending, is_whole = pending + word, count >= _WHOLE
    yield pending


def _words(text: str) -> Iterator[str]:
    """The words, each with the blanks that stand before it."""
    parts = _BLANKS.split(text)
    yield parts[0]
    yield from (blank + word for blank, word in zip(parts[1::2], parts[2::2], strict=True))


def _hidden(text: str, shown: Callable[[str], str], least: int) -> str:
    """The text, with `shown` in its place where it is a number; blanks at its edges stay."""
    digits = digits_in(text)
    words = len(_BLANKS.split(text.strip(" +\t\n"))) // 2 + 1
    if len(digits) < (least if words == 1 else LEAST):
        return text
    blanks, end = len(text) - len(text.lstrip()), len(text.rstrip(" \t\n.()[]-"))
    return text[:blanks] + shown(digits) + text[end:]
