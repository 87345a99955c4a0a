"""Contacts are read from a stream as it comes, however it is cut, and whatever Brazilian spreadsheets made of it."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broadcast.domain.intake import READERS, Found, Intake
from broadcast.domain.lines import MOST_BYTES, Unreadable
from broadcast.domain.table import people, read_table


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
        (CSV.encode("windows-1252"), "windows-1252"),
        (CSV.replace("\n", "\r").encode(), "utf-8"),
        (CSV.replace("\n", "\r").encode("utf-16"), "utf-16"),
        (CSV.encode("utf-16"), "utf-16"),
        (CSV.replace("\n", "\r\n").encode(), "utf-8"),
    ],
)
def test_a_csv_tells_what_was_found_out(raw: bytes, encoding: str) -> None:
    assert read("text/csv", raw) == (
        PEOPLE,
        {"separator": ";", "header": ["nome", "telefone", "cidade"], "encoding": encoding, "phone": ["telefone"]},
    )


@pytest.mark.parametrize(
    ("raw", "rows"),
    [
        ("telefone;nome\n11998765432;“José” €5\n".encode("cp1252"), [(2, "11998765432", "“José” €5")]),
        (b"telefone;nome\n11998765432;A\x81\n", [(2, "11998765432", "A\x81")]),
        (b"sep=;\ntelefone;nome\n11998765432;A, b, c\n", [(2, "11998765432", "A, b, c")]),
        (b'\n"sep=|"\r\nnome|fone\r\nAna|11998765432\r\n', [(4, "11998765432", "Ana")]),
        (b'\n\nsep=|\n\nnome|fone\n"Ana\n\nLia"|11998765432\nBia|11998765433\n',
         [(6, "11998765432", "Ana\n\nLia"), (7, "11998765433", "Bia")]),
        (b"telefone;nome\r11998765432;Ana\r\r11998765433;Bia\r",
         [(2, "11998765432", "Ana"), (4, "11998765433", "Bia")]),
        (b"nome;numero;celular\nAna;123;11998765432\n", [(2, "11998765432", "Ana")]),
        (b"contato;telefone;nome\nX;11998765432;Ana\n", [(2, "11998765432", "Ana")]),
        (b"nome;Telefone Celular\nAna;(11) 99876-5432\n", [(2, "(11) 99876-5432", "Ana")]),
        (b"telefone;celular;nome\n;11998765432;Ana\n-;11998765433;Bia\n",
         [(2, "11998765432", "Ana"), (3, "11998765433", "Bia")]),
        (b"telefone;celular;nome\n;n/a;Ana\n5,51199E+12;;Bia\n", [(2, "n/a", "Ana"), (3, "5,51199E+12", "Bia")]),
    ],
)  # fmt: skip
def test_both_readers_find_out_the_same(raw: bytes, rows: list[tuple[int, str, str]]) -> None:
    found, details = read("text/csv", raw)
    assert [(one.row, one.contact["phone"], one.contact["name"]) for one in found] == rows
    table = read_table(raw)
    assert [one.contact for one in found] == people(table)
    assert [row.number for row in table.rows] == [number for number, _, _ in rows]
    assert (details["separator"], details["encoding"]) == (table.separator, table.encoding)
    assert details["header"] == table.titles
    assert details["phone"] == table.how_read()["phone"]


@pytest.mark.parametrize(
    ("raw", "row"),
    [
        ('telefone;nome\r\n11999990001;"Zé\r\n11999990002;Ana\r\n11999990003;Bia\r\n', 2),
        ('telefone;nome\n11999990001;Ana\n11999990002;"Zé', 3),
        ('telefone;nome\n11999990001;"', 2),
        ('telefone;"nome\n11999990001;Ana\n', 1),
        ('11999990001\n"11999990002\n11999990003\n', 2),
        ('telefone;"nome\n11999990001;Ana\n11999990002;"Bia"\n11999990003;Caio\n', 1),
    ],
)
def test_a_quote_that_is_still_open_at_the_end_is_an_error_and_no_contact(raw: str, row: int) -> None:
    for encoded in (raw.encode("utf-16"), raw.encode()):
        found: list[Found] = []
        with pytest.raises(Unreadable, match=f"^is not CSV at row {row}: "):
            found.extend(Intake().csv(io.BufferedReader(io.BytesIO(encoded))))
        with pytest.raises(Unreadable, match=f"^is not CSV at row {row}: "):
            read_table(encoded)
    assert [one.row for one in found] == list(range(1 if raw[0] == "1" else 2, row))


@pytest.mark.parametrize(
    ("swallowed", "after"),
    [
        ('telefone;nome\n11999990001;Ana\n11999990002;"Zé\n11999990003;Bia\n11999990004;Loja "Boa"\n', "11999990005;C"),
        ('telefone;nome\n11999990001;Ana\n11999990002;"Zé\n11999990004;Loja "Boa"\n', "11999990005;C"),
        ('telefone;nome\n11999990001;Ana\n11999990002;"Zé\n11999990004;TV 32"\n', "11999990005;C"),
        ('telefone;nome;uf\n11999990001;Ana;SP\n11999990002;"Zé;SP\n11999990004;TV 32";SP\n', "11999990005;C;RJ"),
        ('telefone;nome;uf\n11999990001;Ana;SP\n11999990002;"Zé;SP\n11999990004;"Bia";SP\n', "11999990005;C;RJ"),
        ('nome;telefone\nAna;11999990001\n"Zé;11999990002\nBia "B";11999990004\n', "C;11999990005"),
        ('nome;telefone\nAna;11999990001\nZé;"11999990002\n"Bia";11999990004\n', "C;11999990005"),
        ('"telefone";"nome"\n"11999990001";"Ana"\n"11999990002";"Zé\n"11999990004";"Bia"\n', '"11999990005";"C"'),
        ('telefone\n11999990001\n"11999990002\n11999990003\n"11999990004"\n', "11999990005"),
        (
            'telefone;nome;uf\n11999990001;Ana;SP\n11999990002;"Zé\n11999990003;Bia\n11999990004;Loja "B"\n',
            "11999990005",
        ),
    ],
)
def test_a_row_that_holds_other_rows_between_quotes_ends_the_reading(swallowed: str, after: str) -> None:
    raw = f"{swallowed}{after}\n".encode()
    stream = READERS["text/csv"](Intake(), io.BufferedReader(io.BytesIO(raw)))
    with pytest.raises(Unreadable, match=r"^is not CSV at row 3: "):  # noqa: PT012 - what came before is kept
        for one in stream:
            last = one.contact["phone"]
    assert last == "11999990001"
    with pytest.raises(Unreadable, match=r"^is not CSV at row 3: "):
        read_table(raw)


@pytest.mark.parametrize(
    "row",
    [
        '"Rua A\nSão Paulo";11999990001;x',
        'Ana;"11999990001\n";x',
        'Ana;"\n11999990001";x',
        'Ana;11999990001;"Ligar;de novo\n1133334444"',
        'Ana;11999990001;"Recado; 1133334444; urgente\nà noite"',
        'Ana;11999990001;"a\nb; c; d\n"',
        '"Loja ""Boa""\n";11999990001;"a\n""b"""',
        'Loja "Boa";11999990001;x',
        '"Ana" Souza;11999990001;x',
        'Ana;11999990001;"disse ""oi""\n tchau" fim',
    ],
)
def test_a_cell_of_several_lines_that_are_no_rows_is_one(row: str) -> None:
    raw = f"nome;telefone;obs\n{row}\nBia;11999990002;\n".encode()
    found = read("text/csv", raw)[0]
    assert [(one.row, one.contact["phone"]) for one in found] == [(2, "11999990001"), (3, "11999990002")]
    assert [one.contact for one in found] == people(read_table(raw))


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_one_line_in_another_encoding_changes_no_other(mark: bytes) -> None:
    raw = mark + "telefone;nome\n11999990001;José\n".encode() + b"11999990002;Jo\xe3o\n"
    found, details = read("text/csv", raw)
    table = read_table(raw)
    assert [one["name"] for one in people(table)] == [one.contact["name"] for one in found] == ["José", "João"]
    assert table.encoding == details["encoding"] == "windows-1252"


@pytest.mark.parametrize(
    ("raw", "contact"),
    [
        ('"Rua, número, bairro";Telefone\n"A, 5";11999990001\n', {"vars": {"rua,_numero,_bairro": "A, 5"}}),
        ("Cliente, nome, rua;Telefone\nA;11999990001\n", {"vars": {"cliente,_nome,_rua": "A"}}),
        ('Telefone,"a;b;c"\n11999990001,x\n', {"vars": {"a;b;c": "x"}}),
        ("nome;nome;telefone\nAna;Silva;11999990001\n", {"name": "Ana"}),
        ("nome;name;telefone\n;Silva;11999990001\n", {"name": "Silva"}),
        ("Preço;telefone;preco;PRECO\n;11999990001;9;8\n", {"vars": {"preco": "9"}}),
    ],
)
def test_commas_in_a_title_separate_nothing_and_of_two_columns_of_one_title_the_first_counts(
    raw: str, contact: dict[str, Any]
) -> None:
    assert people(read_table(raw.encode())) == [{"phone": "11999990001", **contact}]
    assert [one.contact for one in read("text/csv", raw.encode())[0]] == [{"phone": "11999990001", **contact}]


@pytest.mark.parametrize(
    ("raw", "contacts"),
    [
        (
            "Telefone;Nome;Telefone\n11999990001;Ana;\n;Bia;11999990002\n11999990003;Caio;11999990004\n",
            [
                {"phone": "11999990001", "name": "Ana"},
                {"phone": "11999990002", "name": "Bia"},
                {"phone": "11999990003", "name": "Caio"},
            ],
        ),
        (
            "telefone;name;nome\n11999990001;Ana;Bia\n",
            [{"phone": "11999990001", "name": "Ana", "vars": {"nome": "Bia"}}],
        ),
        (
            "telefone;nome;name\n11999990001;Bia;Ana\n",
            [{"phone": "11999990001", "name": "Ana", "vars": {"nome": "Bia"}}],
        ),
        ("telefone;name;nome\n11999990001;;Bia\n", [{"phone": "11999990001", "name": "Bia"}]),
        (
            "telefone;Cliente;Nome Completo;Primeiro_Nome\n11999990001;Loja;Ana Lia;Ana\n11999990002;Loja;Bia Sá;\n",
            [
                {
                    "phone": "11999990001",
                    "name": "Ana",
                    "vars": {"cliente": "Loja", "nome_completo": "Ana Lia", "primeiro_nome": "Ana"},
                },
                {"phone": "11999990002", "name": "Bia Sá", "vars": {"cliente": "Loja", "nome_completo": "Bia Sá"}},
            ],
        ),
        (
            "telefone;Cliente;Nome do Cliente\n11999990001;Loja;Ana\n11999990002;0042;\n",
            [
                {"phone": "11999990001", "name": "Ana", "vars": {"cliente": "Loja", "nome_do_cliente": "Ana"}},
                {"phone": "11999990002", "vars": {"cliente": "0042"}},
            ],
        ),
        (
            "phone;Full Name;Nombre\n11999990001;Ana Lia;Ana\n",
            [{"phone": "11999990001", "name": "Ana", "vars": {"full_name": "Ana Lia", "nombre": "Ana"}}],
        ),
        (
            "Cliente;Nome;Celular\nLoja;Ana;11999990001\n",
            [{"phone": "11999990001", "name": "Ana", "vars": {"cliente": "Loja"}}],
        ),
    ],
)
def test_of_two_columns_of_numbers_or_of_names_neither_is_lost(raw: str, contacts: list[dict[str, Any]]) -> None:
    assert people(read_table(raw.encode())) == contacts
    assert [one.contact for one in read("text/csv", raw.encode())[0]] == contacts


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"PK\x03\x04" + bytes(range(256)) * 9, "an Excel, LibreOffice or ZIP file"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "an old Excel file"),
        (b"%PDF-1.4\n1 0 obj\n" + b"abc;" * 500, "a PDF"),
        (b"\x1f\x8b\x08\x00" + bytes(range(256)), "a compressed file"),
        (b"{\\rtf1\\ansi 11999990001}", "a document"),
        (b"\xef\xbb\xbf\r\n <HTML><table><tr><td>Telefone</td></tr></table>", "a web page or XML"),
        (b"<?xml version='1.0'?><Workbook/>", "a web page or XML"),
    ],
)
@pytest.mark.parametrize("kind", sorted(READERS))
def test_what_is_no_text_is_called_by_its_kind_whatever_door_it_comes_to(raw: bytes, what: str, kind: str) -> None:
    said = re.escape(f"is {what}, not text: open it in Excel or LibreOffice and save it as CSV UTF-8")
    with pytest.raises(Unreadable, match=said):
        read(kind, raw)
    with pytest.raises(Unreadable, match=said):
        read_table(raw)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_known_without_its_mark(encoding: str) -> None:
    raw = CSV.encode(encoding)
    assert read("text/csv", raw)[0] == PEOPLE
    table = read_table(raw)
    assert (people(table), table.encoding) == ([one.contact for one in PEOPLE], "utf-16")


@pytest.mark.parametrize(
    ("raw", "numbers"),
    [
        ("Nome;DDD;Telefone\nAna;11;99999-0001\nBia;011;33334444\n", ["11 99999-0001", "11 33334444"]),
        ("DDD Celular;Celular\n(21);999990001\n", ["21 999990001"]),
        ("DDD1;Telefone 1;DDD2;Telefone\n11;33334444;21;999990001\n", ["21 999990001"]),
        ("DDD;Telefone\n11;21999990001\n;999990001\n01;999990001\n", ["21999990001", "999990001", "999990001"]),
        ("Telefone com DDD;Nome\n11999990001;Ana\n", ["11999990001"]),
    ],
)
def test_an_area_code_in_a_column_of_its_own_goes_before_a_number_without_one(raw: str, numbers: list[str]) -> None:
    assert [one["phone"] for one in people(read_table(raw.encode()))] == numbers
    assert [one.contact["phone"] for one in read("text/csv", raw.encode())[0]] == numbers


@pytest.mark.parametrize(
    ("raw", "numbers"),
    [
        ("DDI;DDD;Telefone\n55;11;99999-0001\n+54;11;99999-000\n;21;999990001\nBR;21;999990002\n",
         ["+55 11 99999-0001", "+54 11 99999-000", "21 999990001", "21 999990002"]),
        ("Telefone;DDI\n2125551234;1\n11999990001;(+055)\n999990001;55\n+351912345678;55\n912345678;351\n",
         ["+1 2125551234", "+55 11999990001", "+55 999990001", "+351912345678", "+351 912345678"]),
        ("DDI Telefone;Telefone;DDI Celular;Celular\n1;2125551234;55;11999990001\n1;2125551234;;\n",
         ["+55 11999990001", "+1 2125551234"]),
        ("Código do País;Celular\n351;912345678\n", ["+351 912345678"]),
    ],
)  # fmt: skip
def test_a_country_code_in_a_column_of_its_own_goes_before_a_number_without_one(raw: str, numbers: list[str]) -> None:
    assert [one["phone"] for one in people(read_table(raw.encode()))] == numbers
    assert [one.contact["phone"] for one in read("text/csv", raw.encode())[0]] == numbers


@pytest.mark.parametrize(
    "above",
    [
        "Clientes 2024;;\n",
        "Clientes 2024\n",
        "Lista de clientes;;\n;;\nEmitida em 27/11/2026;;\n",
        "\nClientes, de A a Z\n\n",
    ],
)
@pytest.mark.parametrize("separator", [";", ",", "\t"])
def test_titles_of_the_whole_table_may_stand_above_its_header(above: str, separator: str) -> None:
    rows = above.count("\n") + 2
    raw = (above + "Nome;Telefone;Cidade\nAna;11999990001;\nBia;11999990002;Recife\n".replace(";", separator)).encode()
    contacts = [
        {"phone": "11999990001", "name": "Ana"},
        {"phone": "11999990002", "name": "Bia", "vars": {"cidade": "Recife"}},
    ]
    table, (found, details) = read_table(raw), read("text/csv", raw)
    assert (people(table), list(table.numbers)) == (contacts, [rows, rows + 1])
    assert [(one.row, one.contact) for one in found] == list(zip(table.numbers, contacts, strict=True))
    assert details["header"] == ["nome", "telefone", "cidade"]


@pytest.mark.parametrize(
    ("raw", "numbers", "phone"),
    [
        ("Nome;Telefone;Celular\nA;1133334444;11999990001\nB;1133334445;\nC;;11999990003\n",
         ["11999990001", "1133334445", "11999990003"], ["celular", "telefone"]),
        ("Telefone;Celular\n1133334443;11999990001\n1133334444;não tem\n1133334445;(00) 0000-0000\n;não tem\n",
         ["11999990001", "1133334444", "1133334445", "não tem"], ["celular", "telefone"]),
        ("Celular;Data do WhatsApp\n11999990001;27/11/2026 10:00\n;2026-11-27\n", ["11999990001", ""], ["celular"]),
        ("Telefone;Celular\n1133334444;99999-0001\n;99999-0002\n", ["1133334444", "99999-0002"],
         ["celular", "telefone"]),
        ("Celular;Telefone;WhatsApp\n11999990001;;11999990002\n11999990003;;\n", ["11999990002", "11999990003"],
         ["whatsapp", "celular"]),
        ("Celular;Tem WhatsApp\n11999990001;Sim\n;Não\n", ["11999990001", ""], ["celular"]),
        ("Tel. fixo;Celular 2;Telefone celular\n1133334444;11999990001;11999990002\n;;11999990003\n",
         ["11999990001", "11999990003"], ["celular 2", "telefone celular"]),
        ("Phone;Mobile Phone\n1133334444;cel: 11999990001\n", ["cel: 11999990001"], ["mobile phone"]),
        ("Numero;Endereço;Telefone\n12345678;Rua A;11999990001\n12345679;Rua B;\n", ["11999990001", ""], ["telefone"]),
        ("Contato;Numero do telefone\n11999990009;11999990001\n11999990008;\n", ["11999990001", ""],
         ["numero do telefone"]),
        ("Numero;WhatsApp\n11999990001;Sim\n11999990002;Não\n", ["11999990001", "11999990002"], ["numero"]),
        ("Celular do vendedor;Telefone\n11999990009;1133334444\n11999990009;\n", ["1133334444", ""], ["telefone"]),
        ("DDD;Telefone;DDD Celular;Celular\n11;33334444;21;999990001\n11;33334445;;\n", ["21 999990001", "11 33334445"],
         ["celular", "telefone"]),
        ("DDD+Telefone;DDD+Celular\n1133334444;21999990001\n1133334445;\n", ["21999990001", "1133334445"],
         ["ddd+celular", "ddd+telefone"]),
        ("Nome;Celular;Celular\nA;11999990001;\nB;n/a;11999990002\nC;n/a;\n", ["11999990001", "11999990002", "n/a"],
         ["celular"]),
    ],
)  # fmt: skip
def test_of_several_columns_of_numbers_each_row_has_its_own_from_the_likeliest_that_has_one(
    raw: str, numbers: list[str], phone: list[str]
) -> None:
    found, details = read("text/csv", raw.encode())
    table = read_table(raw.encode())
    assert [one.contact["phone"] for one in found] == numbers
    assert [one.contact for one in found] == people(table)
    assert details["phone"] == phone
    assert details == table.how_read()


@pytest.mark.parametrize(
    "title",
    ["Celular do avalista", "WhatsApp do representante", "Celular fiador", "Celular do médico", "Celular antigo",
     "Indicado por (celular)", "WhatsApp da empresa", "ID WhatsApp", "Protocolo WhatsApp", "IMEI do celular"],
)  # fmt: skip
def test_what_may_be_somebody_elses_number_never_stands_for_a_persons_own(title: str) -> None:
    raw = f"Nome;Telefone;{title}\nAna;1133334444;11999990009\nBia;;11999990008\n".encode()
    assert [one["phone"] for one in people(read_table(raw))] == ["1133334444", ""]
    alone = f"Nome;{title}\nAna;11999990009\n".encode()
    assert [one["phone"] for one in people(read_table(alone))] == ["11999990009"]
    empty = f"Nome;Telefone;{title}\nAna;;11999990009\n".encode()  # as a small part of a file may be
    assert [one["phone"] for one in people(read_table(empty))] == [""]


@pytest.mark.parametrize(
    "titles",
    ["Telefone do devedor;Celular do avalista", "Telefone do lead;WhatsApp do vendedor",
     "Celular do responsável;WhatsApp da escola", "Seu telefone;Celular de quem indicou"],
)  # fmt: skip
@pytest.mark.parametrize("row", ["11999990001;11999990009", "11999990001;", ";11999990009", ";"])
def test_where_two_columns_may_have_the_numbers_a_person_is_to_say_which(titles: str, row: str) -> None:
    raw = f"Nome;{titles}\nAna;{row}\n".encode()
    with pytest.raises(ValueError, match=r"^has several columns that may have the numbers, "):
        read_table(raw)
    with pytest.raises(Unreadable, match=r"^has several columns that may have the numbers, "):
        read("text/csv", raw)


def test_a_column_that_has_something_else_is_no_rival() -> None:
    raw = "Nome;Celular do aluno;Tem WhatsApp\nAna;11999990001;Sim\nBia;11999990002;Não\n".encode()
    assert [one["phone"] for one in people(read_table(raw))] == ["11999990001", "11999990002"]


@pytest.mark.parametrize(
    "title",
    ["Celular do cliente", "WhatsApp (com DDD)", "Nº do WhatsApp", "Zap", "Wpp", "Whats", "Celular/WhatsApp",
     "MobilePhone", "Telemóvel", "Celular pessoal", "Cel.", "Celular 1", "Celular (obrigatório)", "WhatsApp válido"],
)  # fmt: skip
def test_a_persons_own_number_goes_before_a_telephone(title: str) -> None:
    raw = f"Nome;Telefone;{title}\nAna;1133334444;11999990009\n".encode()
    assert [one["phone"] for one in people(read_table(raw))] == ["11999990009"]


@pytest.mark.parametrize(
    ("raw", "phone"),
    [
        ("Phone 1 - Value,Phone 2 - Value\n(11) 3333-5555,+55 11 97777-1234\n", "+55 11 97777-1234"),
        ("Celular;Telefone\n(11) 3222-1111;(11) 98765-0001\n", "(11) 98765-0001"),
        ("WhatsApp;Celular\n(11) 3222-1111;(11) 98765-0001\n", "(11) 3222-1111"),  # a shop's, at WhatsApp Business
        ("Celular;Telefone\n(11) 3222-1111;(11) 3222-2222\n", "(11) 3222-1111"),
        ("Phone 1 - Value,Name\n+55 11 97777-1234 ::: +55 11 3333-5555,Ana\n", "+55 11 97777-1234"),
        ("Mobile,Phone\n212-555-1234,12125550000\n", "212-555-1234"),  # of another country, no landline
        ("Nome|Celular|Valor\nAna|11999990001|1,50\n", "11999990001"),
    ],
)
def test_a_mobile_goes_before_a_landline_that_nobody_says_is_whatsapps(raw: str, phone: str) -> None:
    assert [one["phone"] for one in people(read_table(raw.encode()))] == [phone]
    assert [one.contact["phone"] for one in read("text/csv", raw.encode())[0]] == [phone]


def test_a_row_with_more_cells_than_titles_has_nobodys_values() -> None:
    raw = b"Nome,Celular,Valor,Vencimento\nAna,11999990001,1.234,56,10/12\nBia,11999990002,5,10/12,,\n"
    found, _ = read("text/csv", raw)
    assert [one.row for one in found if one.problem] == [2]
    assert "more cells than titles" in (found[0].problem or "")
    assert found[1].contact["vars"] == {"valor": "5", "vencimento": "10/12"}
    with pytest.raises(ValueError, match=r"^has more cells than titles at row 2: "):
        read_table(raw)


@pytest.mark.parametrize(
    "above",
    ["Lista WhatsApp - Novembro;;", "Disparo WhatsApp Black Friday", "Clientes com telefone - 27/11/2026 08:00;;",
     "WhatsApp;;", "Cliente;Contato;Financeiro", "Empresa X Ltda;Tel: (11) 3222-1111;", "Celular antigo;Contato;"],
)  # fmt: skip
def test_what_stands_above_is_no_header_whatever_words_it_has(above: str) -> None:
    raw = f"{above}\nNome;Celular;Valor\nAna;11999990001;10\nBia;;20\n".encode()
    contacts = [
        {"phone": "11999990001", "name": "Ana", "vars": {"valor": "10"}},
        {"phone": "", "name": "Bia", "vars": {"valor": "20"}},
    ]
    assert people(read_table(raw)) == contacts
    assert [one.contact for one in read("text/csv", raw)[0]] == contacts


def test_who_has_no_number_in_the_first_row_is_no_header() -> None:
    raw = b"Nome;Celular;Canal\nAna;;WhatsApp\nBia;11999990001;Celular\n"
    assert [one["name"] for one in people(read_table(raw))] == ["Ana", "Bia"]


@pytest.mark.parametrize(
    "raw",
    [
        "11987651111, 11987652222\n",
        "11999990000\n11987651111;39053344705\n",
        "39053344705;Ana;11999990001\n",  # a part of a larger file: the first column has the people's tax numbers
        "11998765432;Cel Silva\n",
    ],
)
def test_of_several_columns_without_titles_none_is_taken_for_the_number(raw: str) -> None:
    for is_strict in (False, True):
        with pytest.raises(ValueError, match=r"^has several columns at row \d, and no titles"):
            read_table(raw.encode(), is_strict=is_strict)
    with pytest.raises(Unreadable, match=r"^has several columns"):
        read("text/csv", raw.encode())


def test_numbers_that_a_program_wrote_as_fractions_are_whole() -> None:
    raw = """Nome,Telefone,Celular,DDD,DDI
Ana,33334444.0,998765432.0,11.0,55.0
Bia,,987651111.0,21.0,55.0
Caio,1133334444.0,998765433.0,,55.0
"""
    assert [one["phone"] for one in people(read_table(raw.encode()))] == [
        "+55 11 998765432",
        "+55 21 987651111",
        "+55 1133334444",
    ]


def test_the_column_of_the_numbers_is_no_variable_and_the_others_are() -> None:
    raw = b"Telefone;Celular;Numero\n1133334444;11999990001;12\n1133334445;;\n"
    assert people(read_table(raw)) == [
        {"phone": "11999990001", "vars": {"telefone": "1133334444", "numero": "12"}},
        {"phone": "1133334445", "vars": {"telefone": "1133334445"}},
    ]


def test_what_comes_after_a_number_is_no_header() -> None:
    raw = b"11999990001\ntelefone\n"
    assert people(read_table(raw)) == [one.contact["phone"] for one in read("text/csv", raw)[0]]
    assert people(read_table(raw)) == ["11999990001", "telefone"]


@pytest.mark.parametrize("title", ["Teléfono", "Móvil", "Nº de teléfono", "Teléfono móvil"])
def test_spanish_columns_of_numbers_are_known(title: str) -> None:
    assert people(read_table(f"Ciudad;{title}\nLima;51987654321\n".encode())) == [
        {"phone": "51987654321", "vars": {"ciudad": "Lima"}}
    ]


def test_a_contact_is_no_header_whatever_they_are_called() -> None:
    raw = b"11998765432;Cel Silva\n11998765433;Bia\n"
    for reads in (lambda: read("text/csv", raw), lambda: read_table(raw)):
        with pytest.raises(ValueError, match=r"^has several columns at row 1"):
            reads()


def test_a_csv_may_have_no_header_and_cells_of_several_lines() -> None:
    found, details = read("text/csv", b"5511999990001\n5511999990002\n")
    assert [one.contact for one in found] == [{"phone": "5511999990001"}, {"phone": "5511999990002"}]
    assert (details["header"], details["phone"]) == (None, None)
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
        ("text/csv", b'phone\n"' + (b"1" * 60_000 + b"\n") * 3),
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


@pytest.mark.parametrize(
    "written",
    [
        '{"phone": "5511999990001", "phone": "5511999990002"}',
        '{"phone": "5511999990001", "vars": {"a": "1", "a": "2"}}',
    ],
)
def test_of_two_values_of_one_name_none_is_taken(written: str) -> None:
    name = "a" if "vars" in written else "phone"
    wanted = [Found(1, "5511999990000"), Found(2, problem=f"has the name '{name}' twice"), Found(3, {"phone": "1"})]
    rest = ['"5511999990000"', written, '{"phone": "1"}']
    assert read("application/x-ndjson", "\n".join(rest).encode())[0] == wanted
    assert read("application/json", f"[{','.join(rest)}]".encode())[0] == wanted
    assert read("application/json", f'{{"contacts": [{",".join(rest)}]}}'.encode(), sizes=[7] * 50)[0] == wanted


def test_ndjson_that_is_not_utf_8_is_named_and_not_guessed_at() -> None:
    rows = ['{"phone": "1", "name": "João"}'.encode("windows-1252"), '{"phone": "2", "name": "João"}'.encode()]
    assert read("application/x-ndjson", b"\n".join(rows))[0] == [
        Found(1, problem="is not UTF-8"),
        Found(2, {"phone": "2", "name": "João"}),
    ]
