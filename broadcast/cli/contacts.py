"""Contacts from a CSV file, the way Brazilian spreadsheets write it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from broadcast.domain.table import person, read_table


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
    return [person(table, row) for row in table.rows]
