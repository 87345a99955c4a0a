"""How long the far side asks to be left alone, in whichever of HTTP's forms."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

import pytest

from broadcast.domain.waiting import asked_s

NOW_S = parsedate_to_datetime("Sun, 06 Nov 1994 08:49:37 GMT").timestamp()


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("3000000", 3_000_000),
        ("9" * 400, float("inf")),
        ("Sun, 06 Nov 1994 09:49:37 GMT", 3600),
        ("Sunday, 06-Nov-94 08:50:37 GMT", 60),
        ("Sun Nov  6 08:50:37 1994", 60),
        ("Sun, 06 Nov 1994 08:50:37 -0000", 60),
        ("Sun, 06 Nov 1994 08:49:27 GMT", 0),
        ("\u0663", None),
        ("-5", None),
        ("7.5", 7.5),
        ("120s", 120),
        ("0.5 s", 0.5),
        ("1.", None),
        (".5", None),
        ("1,5", None),
        ("1e3", None),
        ("2m", None),
        ("120ss", None),
        ("soon", None),
        ("", None),
        ("Mon, 01 Jan 99999999999999999999 00:00:00 GMT", None),
    ],
)
def test_a_wait_is_read_in_each_of_https_forms(given: str, asked: float | None) -> None:
    assert asked_s(given, now_s=NOW_S) == asked
