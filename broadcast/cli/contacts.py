"""Contacts from a CSV file, the way Brazilian spreadsheets write it."""

from __future__ import annotations

from pathlib import Path

import click

from broadcast.domain.table import Table, read_table


def read_contacts(path: Path) -> Table:
    """The file's contacts, one a row. See `read_table`."""
    try:
        table = read_table(path.read_bytes())
    except ValueError as error:
        raise click.ClickException(f"{path} {error}.") from error
    if not table.rows:
        raise click.ClickException(f"{path} has no contacts.")
    return table
