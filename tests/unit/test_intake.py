"""Contacts are read from a stream as it comes, however it is cut, and whatever Brazilian spreadsheets made of it."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.domain.intake import MOST_BYTES, READERS, Found, Intake, Unreadable


class Trickle(io.RawIOBase):
    """A stream that comes in pieces of these sizes."""

    def __init__(self, raw: bytes, sizes: Iterator[int]) -> None:
        self._rest, self._sizes = raw, sizes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        size = min(next(self._sizes, len(self._rest)), len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size


def read(kind: str, raw: bytes, *, sizes: Sequence[int] = ()) -> tuple[list[Found], dict[str, Any]]:
    intake = Intake()
    return list(READERS[kind](intake, io.BufferedReader(Trickle(raw, iter(sizes))))), intake.details


CSV = "Nome;Telefone;Cidade\nJoão;11 99999-0001;São Paulo\n\n;5511999990002;\n"
PEOPLE = [
    Found(2, {"phone": "11 99999-0001", "name": "João", "vars": {"cidade": "São Paulo"}}),
    Found(4, {"phone": "5511999990002"}),
]


@pytest.mark.parametrize(
    ("raw", "encoding"),
    [
        (CSV.encode(), "utf-8"),
        (CSV.encode("utf-8-sig"), "utf-8"),
        (CSV.encode("latin-1"), "latin-1"),
        (CSV.encode("utf-16"), "utf-16"),
        (CSV.replace("\n", "\r\n").encode(), "utf-8"),
    ],
)
def test_a_csv_tells_what_was_found_out(raw: bytes, encoding: str) -> None:
    assert read("text/csv", raw) == (
        PEOPLE,
        {"separator": ";", "header": ["nome", "telefone", "cidade"], "encoding": encoding},
    )


def test_a_csv_may_have_no_header_and_cells_of_several_lines() -> None:
    found, details = read("text/csv", b"5511999990001\n5511999990002\n")
    assert ([one.contact for one in found], details["header"]) == (
        [{"phone": "5511999990001"}, {"phone": "5511999990002"}],
        None,
    )
    found, _ = read("text/csv", b'phone,name\n1,"a\nb"\n2,c\n')
    assert [one.contact["name"] for one in found] == ["a\nb", "c"]
    assert read("text/csv", b"\n\n") == ([], {})


@pytest.mark.parametrize("raw", ["[]", ' {"contacts" : [ ] } ', "\ufeff[]"])
def test_an_empty_list_has_nobody(raw: str) -> None:
    assert read("application/json", raw.encode())[0] == []


def test_a_line_that_is_no_json_is_named_and_the_next_one_read() -> None:
    found, _ = read("application/x-ndjson", b'"1"\n{"phone": \n\n{"phone": "2"}')
    assert [(one.row, one.contact) for one in found if one.problem is None] == [(1, "1"), (4, {"phone": "2"})]
    assert [(one.row, (one.problem or "")[:11]) for one in found if one.problem] == [(2, "is not JSON")]


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("application/json", b""),
        ("application/json", b"7"),
        ("application/json", b'{"people": []}'),
        ("application/json", b'["1" "2"]'),
        ("application/json", b'["1",'),
        ("application/json", b'["1"] x'),
        ("application/json", b'{"contacts": ["1"]'),
        ("application/json", b'["1", {"phone": nope}]'),
        ("application/json", b'["\xff"]'),
        ("application/json", b"[" * 100_000),
        ("application/json", b'["' + b"x" * 3 * MOST_BYTES),
        ("text/csv", b"nome;cidade\nAna;Recife\n"),
        ("text/csv", b"x" * 2 * MOST_BYTES),
        ("text/csv", b"phone\n1\ra\n"),
        ("application/x-ndjson", b"1" * 2 * MOST_BYTES),
    ],
)
def test_what_cannot_be_made_out_says_so(kind: str, raw: bytes) -> None:
    with pytest.raises(Unreadable):
        read(kind, raw)


CONTACTS = st.lists(
    st.text(max_size=8)
    | st.integers()
    | st.fixed_dictionaries({"phone": st.text(max_size=8)}, optional={"name": st.text(max_size=5)}),
    max_size=12,
)
SIZES = st.lists(st.integers(1, 9), max_size=60)


@given(CONTACTS, SIZES, st.booleans(), st.sampled_from([None, 2]))
def test_json_is_read_the_same_however_it_is_cut(
    contacts: list[Any], sizes: list[int], wrapped: bool, indent: int | None
) -> None:
    raw = json.dumps({"contacts": contacts} if wrapped else contacts, indent=indent).encode()
    assert [one.contact for one in read("application/json", raw, sizes=sizes)[0]] == contacts
    lines = "\n".join(json.dumps(one) for one in contacts).encode()
    assert [one.contact for one in read("application/x-ndjson", lines, sizes=sizes)[0]] == contacts


@given(st.sampled_from(sorted(READERS)), st.binary(max_size=60) | st.text('[]{},:" 1a\n', max_size=30).map(str.encode))
def test_no_body_breaks_the_reader(kind: str, raw: bytes) -> None:
    with suppress(Unreadable):
        found, _ = read(kind, raw)
        assert [one.row for one in found] == sorted(one.row for one in found)
