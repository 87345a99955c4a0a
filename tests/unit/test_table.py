"""CSV files of people, as spreadsheets write them."""

from __future__ import annotations

import csv
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.domain.columns import PHONE
from broadcast.domain.spreadsheet import harmless, written
from broadcast.domain.table import read_table

#: Cells as people fill them; a lone CR inside one is a line's end to Excel as well.
CELL = st.text(st.characters(codec="utf-8", exclude_characters="\r\x00"), max_size=12)
NUMBER = st.from_regex(r"\+?[0-9]{8,13}", fullmatch=True)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_reader(raw: bytes) -> None:
    try:
        table = read_table(raw)
    except ValueError:
        return
    assert all(table.phone >= 0 and any(cell.strip() for cell in row.cells) for row in table.rows)


@given(
    st.lists(st.tuples(NUMBER, CELL), min_size=1, max_size=5),
    st.sampled_from(PHONE),
    st.sampled_from(";,\t"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_what_a_spreadsheet_writes_is_read_back(
    people: list[tuple[str, str]], title: str, separator: str, encoding: str, end: str
) -> None:
    file = io.StringIO()
    writer = csv.writer(file, delimiter=separator, lineterminator=end)
    writer.writerow([title.upper(), "Observação"])
    writer.writerows(people)

    table = read_table(file.getvalue().encode(encoding))
    assert [(row.cell(table.phone), row.cell(1)) for row in table.rows] == [
        (number, text.strip()) for number, text in people
    ]
    assert [row.number for row in table.rows] == list(range(2, len(people) + 2))


def test_latin_1_is_read_where_it_is_not_utf_8() -> None:
    table = read_table("Número;Razão\n5511999990001;já saiu\n".encode("latin-1"))
    assert (table.titles, table.rows[0].cell(table.column("razao"))) == (["numero", "razao"], "já saiu")


def test_a_rows_number_is_the_spreadsheets() -> None:
    table = read_table(b'telefone;obs\n\n5511999990001;"two\nlines"\n;\n5511999990002;\n')
    assert [(row.number, row.cell(0)) for row in table.rows] == [(3, "5511999990001"), (5, "5511999990002")]


def test_old_ends_of_lines_and_rows_without_a_cell_are_fine() -> None:
    table = read_table(b"nome,telefone\rAna,5511999990001\rBia\r")
    assert [row.cell(table.phone) for row in table.rows] == ["5511999990001", ""]


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"", "has no numbers"),
        (b"\n ; \n", "has no numbers"),
        (b"nome;cidade\nAna;Recife\n", "has no column that is called phone"),
        (b"1\n2\n3\n4\n", "has more than 3 rows"),
        (b"telefone\n1\n2\n3\n4\n", "has more than 3 rows"),
        (b'telefone\n"' + b"5" * 200_000 + b'"\n', "is not CSV"),
    ],
)
def test_a_file_that_cannot_be_used_says_why(raw: bytes, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        read_table(raw, most=3)
    assert len(read_table(b"telefone\n1\n2\n3\n", most=3).rows) == 3


SIGNS = "=+-@\uff1d\uff0b\uff0d\uff20"


@given(st.text(st.characters(codec="utf-8", exclude_characters=SIGNS), max_size=12), st.sampled_from(";,\t"))
def test_what_is_no_formula_is_written_as_it_is(text: str, separator: str) -> None:
    assert harmless(text) == ("'" if text[:1] in {"\t", "\r"} and text else "") + text
    line = written(["x", text], separator=separator)
    assert next(csv.reader(io.StringIO(line, newline=""), delimiter=separator)) == ["x", text]


@given(
    st.text(st.sampled_from(SIGNS + ",;\t\r\n \"'a\u200b"), max_size=12),
    st.sampled_from(";,\t"),
    st.sampled_from(";,\t"),
)
def test_no_cell_is_a_formula_whatever_it_is_read_with(text: str, separator: str, other: str) -> None:
    cell = harmless(text)
    assert re.sub("'(?=[ \"\u200b]*[=+@\uff1d\uff0b\uff0d\uff20\t\r-])", "", cell) == re.sub(
        "'(?=[ \"\u200b]*[=+@\uff1d\uff0b\uff0d\uff20\t\r-])", "", text
    )
    line = written(["x", cell, "y"], separator=separator)
    assert next(csv.reader(io.StringIO(line, newline=""), delimiter=separator)) == ["x", cell, "y"]
    # Whoever knows of no quotes, too, and every way to end a line.
    naive = [part for row in re.split("[\r\n]", line) for part in row.split(other)]
    proper = [part for row in csv.reader(io.StringIO(line, newline=""), delimiter=other) for part in row]
    for part in naive + proper:
        assert part.lstrip(' "\u200b')[:1] not in set(SIGNS), line


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("Ana;=1+1", "Ana;'=1+1"),
        ("Ana,+1", "Ana,'+1"),
        ("a\n@b", "a\n'@b"),
        ("\uff1d1", "'\uff1d1"),
        ('x";"=1', 'x";\'"=1'),
        ("Ana-Lia, 1+1=2 @ home", "Ana-Lia, 1+1=2 @ home"),
    ],
)
def test_a_formula_has_a_quote_before_it_and_nothing_else_has(text: str, cell: str) -> None:
    assert harmless(text) == cell
