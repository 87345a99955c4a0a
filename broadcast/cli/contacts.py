"""Contacts from a CSV file, the way Brazilian spreadsheets write it."""

from __future__ import annotations

import csv
import io
import unicodedata
from pathlib import Path
from typing import Any

import click

#: what a column of numbers, or of names, may be called
PHONE = ("phone", "telefone", "celular", "numero", "whatsapp", "fone", "number", "contato")
NAME = ("name", "nome")


def read_contacts(path: Path) -> list[Any]:
    """The file's contacts: numbers, or objects {phone, name, vars} when there is a header with more columns.

    Separator (`,`, `;`, tab) and encoding (UTF-8 with or without BOM, else Latin-1) are found out.
    """
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = raw.decode("latin-1")
    first = text.split("\n", 1)[0]
    separator = max(";,\t", key=first.count)
    rows = [row for row in csv.reader(io.StringIO(text), delimiter=separator) if any(cell.strip() for cell in row)]
    if not rows:
        raise click.ClickException(f"{path} has no contacts.")
    header = [_plain(cell) for cell in rows[0]]
    column = next((index for index, name in enumerate(header) if name in PHONE), None)
    if column is None:
        if any(character.isdigit() for character in rows[0][0]):
            return [row[0].strip() for row in rows]
        raise click.ClickException(f"{path}: no column is called {', '.join(PHONE[:4])}; the first line has {rows[0]}.")
    return [_contact(header, rows[0], row, column) for row in rows[1:]]


def _contact(header: list[str], titles: list[str], row: list[str], column: int) -> dict[str, Any]:
    contact: dict[str, Any] = {"phone": row[column].strip() if column < len(row) else ""}
    extra = {}
    for index, value in enumerate(row[: len(header)]):
        if index == column or not value.strip():
            continue
        if header[index] in NAME:
            contact["name"] = value.strip()
        elif titles[index].strip():
            extra[header[index].replace(" ", "_")] = value.strip()
    return {**contact, "vars": extra} if extra else contact


def _plain(title: str) -> str:
    """A column's title without accents, blanks around it, or capitals."""
    letters = unicodedata.normalize("NFKD", title.strip().lower())
    return "".join(letter for letter in letters if not unicodedata.combining(letter))
