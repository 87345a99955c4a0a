"""`broadcast doctor`: what is wrong with this installation, and what to do about it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from broadcast.cli.checking import check, wrong_setting
from broadcast.domain.finding import Finding, Level
from broadcast.errors import SettingsError
from broadcast.settings import Settings

_STYLES = {Level.OK: "green", Level.WARNING: "yellow", Level.ERROR: "bold red"}


@click.command()
@click.option("--instance", help="Also ask the gateway whether this instance can send.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def doctor(instance: str | None, as_json: bool) -> None:
    """Look at settings, Redis, workers and gateway; say what is wrong and what to do. Ends with 1 for an error."""
    findings = _look(instance)
    if as_json:
        click.echo(json.dumps([asdict(found) for found in findings], indent=1, ensure_ascii=False))
    else:
        _show(findings)
    sys.exit(1 if any(found.level is Level.ERROR for found in findings) else 0)


def _look(instance: str | None) -> list[Finding]:
    try:
        settings = Settings.read()
    except SettingsError as wrong:  # nobody knows then where the rest is
        return [wrong_setting("settings", wrong)]
    return list(check(settings, instance=instance))


def _show(findings: Sequence[Finding]) -> None:
    table = Table("", "subject", "found", "what to do")
    for found in findings:
        level = Text(found.level.value, style=_STYLES[found.level])
        table.add_row(level, Text(found.subject), Text(found.text), Text(found.remedy))
    Console().print(table)


COMMANDS = (doctor,)
