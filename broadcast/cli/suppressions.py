"""The suppression list over the API: look, import, export, and take somebody off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from broadcast.cli.client import Client

PATH = "/suppressions"


@click.group()
def suppressions() -> None:
    """Who wants no more messages, from any instance."""


@suppressions.command(name="list")
@click.option("--limit", default=100, show_default=True, help="About how many; `export` has everybody.")
def list_(limit: int) -> None:
    """Show some of the list, in no order."""
    answer = Client().call("GET", PATH, params={"limit": limit})
    table = Table("phone", "source", "since")
    for one in answer["suppressions"]:
        table.add_row(one["phone"], one["source"], one["since"])
    Console().print(table)
    if answer["nextCursor"]:
        click.echo("There are more: broadcast suppressions export")


@suppressions.command(name="import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--source", help="Where these people are known from, for rows that do not say. Default: the file's name.")
def import_(file: Path, source: str | None) -> None:
    """Put everybody in a CSV file on the list. Ends with 1 when a row cannot be a number; the others are kept."""
    headers = {"Content-Type": "text/csv"}
    params = {"source": (source or file.name)[:128]}
    answer = Client().call("POST", PATH, data=file.read_bytes(), headers=headers, params=params)
    invalid: list[dict[str, Any]] = answer["invalid"]
    for wrong in invalid:
        click.echo(f"row {wrong['row']}: {wrong['phone']!r} {wrong['detail']}", err=True)
    click.echo(f"{answer['added']} added, {answer['known']} known before, {len(invalid)} left out")
    raise SystemExit(1 if invalid else 0)


@suppressions.command()
@click.argument("file", type=click.File("wb"), default="-")
@click.option(
    "--excel", is_flag=True, help="As Excel in Brazil opens it: a byte order mark, ; between, digits in groups."
)
def export(file: Any, excel: bool) -> None:
    """Write the whole list as CSV to a file, or to the standard output."""
    params = {"bom": "1", "separator": ";"} if excel else {}
    for piece in Client().pieces(PATH, accept="text/csv", params=params):
        file.write(piece)


@suppressions.command()
@click.argument("phone")
def remove(phone: str) -> None:
    """Take somebody off the list, so that they may be sent to again."""
    Client().call("DELETE", PATH, json={"phone": phone})
    click.echo("taken off the list")


COMMANDS = (suppressions,)
