"""Contacts from a CSV file, the way Brazilian spreadsheets write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from broadcast.domain.table import Row, Table, read_table

#: What a column of names may be called.
NAME = ("name", "nome")


def read_contacts(path: Path) -> list[Any]:
    """The file's contacts: numbers, or objects {phone, name, vars} when there is a header. See `read_table`."""
    try:
        table = read_table(path.read_bytes())
    except ValueError as error:
        raise click.ClickException(f"{path} {error}.") from error
    if not table.rows:
        raise click.ClickException(f"{path} has no contacts.")
    if not table.titles:
        return [row.cell(table.phone) for row in table.rows]
    return [_contact(table, row) for row in table.rows]


def _contact(table: Table, row: Row) -> dict[str, Any]:
    contact: dict[str, Any] = {"phone": row.cell(table.phone)}
    extra = {}
    for index, title in enumerate(table.titles):
        value = row.cell(index)
        if index == table.phone or not value:
            continue
        if title in NAME:
            contact["name"] = value
        elif title:
            extra[title.replace(" ", "_")] = value
    return {**contact, "vars": extra} if extra else contact
