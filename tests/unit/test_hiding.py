"""No number is shown however it is written, and what is none stays as it is."""

from __future__ import annotations

import time
import uuid
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from broadcast.domain.hiding import digits_in, hide
from broadcast.gateways.words import words

#: Numbers as WhatsApp knows them, of one to three digits' countries.
NUMBERS = st.one_of(
    st.from_regex(r"55[1-9][1-9]9[0-9]{8}", fullmatch=True),
    st.from_regex(r"55[1-9][1-9][2-5][0-9]{7}", fullmatch=True),
    st.from_regex(r"[1-9][1-9]9[0-9]{8}", fullmatch=True),
    st.from_regex(r"1[2-9][0-9]{9}", fullmatch=True),
    st.from_regex(r"521?[1-9][0-9]{9}", fullmatch=True),
    st.from_regex(r"351[0-9]{9}", fullmatch=True),
    st.from_regex(r"201[0125][0-9]{8}", fullmatch=True),
)
BETWEEN = st.sampled_from(
    ["", " ", "-", ".", " (", ") ", ")", "[", "] ", " - ", "\u00a0", "\u2011", "\u2013", "\u200b", "%20", "%2D",
     "%28", "%29%20", "%2E", "%2520", "%C2%A0", "%E2%80%91", "+"]
)  # fmt: skip
BEGIN = st.sampled_from(["", "+", "(", "+(", "%2B", "[+", "00"])
#: What text stands around it.
BEFORE = st.sampled_from(
    ["", " ", "/people/", "tel:", "number ", '{"number": "', "campaign=", "to-", "c_", "loja", ","]
)
AFTER = st.sampled_from(["", " ", "/x", "?", '"}', "@s.whatsapp.net", ":1@lid", ".", ", then", "_1", " cannot"])


def hidden(text: str, least: int = 10) -> str:
    return hide(text, shown=lambda digits: f"{digits[:4]}***{digits[-2:]}", least=least)


@st.composite
def written(draw: st.DrawFn) -> tuple[str, str]:
    """A number's digits, and one way of many to write them, in groups."""
    digits = draw(NUMBERS)
    groups, left = [], digits
    while left:
        size = draw(st.integers(2, 5) if len(left) > 3 else st.just(len(left)))
        groups.append(left[:size])
        left = left[size:]
    text = groups[0]
    for group in groups[1:]:
        text += draw(BETWEEN) + group
    return digits, draw(BEGIN) + text


@given(BEFORE, written(), AFTER)
@example("number ", ("5511987654397", "+55 (11) 98765-4397"), " cannot")
@example("", ("5511987654397", "5511987654397"), ":12@lid")
def test_a_number_is_hidden_however_it_is_written(before: str, number: tuple[str, str], after: str) -> None:
    text = number[1]
    shown = hidden(before + text + after)
    assert text not in shown
    assert len(digits_in(shown)) <= len(digits_in(before + text + after)) - 4
    assert (shown.startswith(before.rstrip()), shown.endswith(after.strip())) == (True, True)


@given(written())
def test_it_is_hidden_with_its_digits_escaped(number: tuple[str, str]) -> None:
    text = "".join(f"%3{sign}" if sign.isdigit() else quote(sign, safe="") for sign in number[0])
    assert len(digits_in(hidden(f"/people/{text}"))) <= len(digits_in(text)) - 4


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("/people/+55 (11) 98765-4399", "/people/5511***99"),
        ("/people/11 98765-4399 202", "/people/1198***02"),
        ("/people/55.11.98765.4399", "/people/5511***99"),
        ("/people/tel:5511987654399", "/people/tel:5511***99"),
        ("the number +55 (11) 98765-4397 cannot be reached", "the number 5511***97 cannot be reached"),
        ("5511987654399 5511987654398 200", "5511***99 5511***98 200"),
        ("5511987654399\n5511987654398", "5511***99\n5511***98"),
        ("5511987654399 2026-11-27T15:09:41Z 5511987654398", "5511***99 2026-11-27T15:09:41Z 5511***98"),
        ("got 200 for 5511987654399. 20 are left", "got 200 for 5511***99. 20 are left"),
        ("cafe5511987654399", "cafe5511***99"),
    ],
)
def test_what_is_around_it_stays(text: str, shown: str) -> None:
    assert hidden(text) == shown


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2033, 5, 1))  # noqa: DTZ001 - the zone is put on below
ZONES = st.integers(-14, 14).map(lambda hours: timezone(timedelta(hours=hours)))


@given(MOMENTS, ZONES)
def test_a_moment_is_shown(moment: datetime, zone: timezone) -> None:
    there = moment.replace(tzinfo=zone)
    for text in (
        there.isoformat(),
        there.isoformat(timespec="milliseconds"),
        there.strftime("%Y-%m-%d %H:%M:%S %z"),
        f"[{there:%Y-%m-%d %H:%M:%S %z}] [12345] [INFO]",
        f"{there:%Y%m%d%H%M%S}",
        f"campaign c-{there:%Y-%m-%d}-1 at {there:%H:%M:%S}.123",
        f"{there:%d.%m.%Y %H:%M}",
        f"{there:%Y%m%dT%H%M%SZ}",
        str(int(there.timestamp() * 1000)),
    ):
        assert hidden(text) == text


@given(st.uuids())
@example(uuid.UUID("12345678-1234-4234-8234-123456789012"))
@example(uuid.UUID("805ac0fe4a7a46c6a5f1cffbe69c3f14"))
def test_an_id_is_shown(id_: uuid.UUID) -> None:
    for text in (str(id_), f"{id_}-8", f"msg_{id_}"):
        assert hidden(text) == text
    if any(sign.isdigit() and after.isalpha() for sign, after in zip(id_.hex, id_.hex[1:], strict=False)):
        assert hidden(f"task {id_.hex}-8") == f"task {id_.hex}-8"


@given(st.ip_addresses(v=4), st.integers(1, 65535), st.integers(0, 10**9 - 1), st.integers(100, 599))
def test_addresses_and_counts_are_shown(address: object, port: int, count: int, status: int) -> None:
    text = f"{address}:{port} took {count} ms, {status} of {count}"
    assert hidden(text) == text


def test_a_shorter_number_is_hidden_where_it_is_asked_for() -> None:
    assert hidden("98765-4397 cannot, error 131026", least=8) == "9876***97 cannot, error 131026"


@pytest.mark.parametrize("part", ["1 ", "1", "-", "12%20", "(", "a1", "2026-11-27 ", "1.", "%25", "+", "0000-"])
def test_it_takes_no_time(part: str) -> None:
    began = time.process_time()
    hidden(part * (40_000 // len(part)))
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("the number +55 (11) 98765-4397 cannot be reached", "the number 5511*******97 cannot be reached"),
        ("98765-4397 is barred since 2026-11-27 10:00", "9876***97 is barred since 2026-11-27 10:00"),
        ("no account for 55%2011%2098765-4397 (#131026)", "no account for 5511*******97 (#131026)"),
    ],
)
def test_a_gateways_words_are_kept_without_numbers(said: str, kept: str) -> None:
    assert words(said) == kept
