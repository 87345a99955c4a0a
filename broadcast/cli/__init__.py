"""The command line: everything up, a demo, campaigns over the API, its keys, a doctor, and each process alone."""

from __future__ import annotations

import click

from broadcast import __version__
from broadcast.cli import campaigns, demo, doctor, keys, processes, suppressions, up


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """WhatsApp campaigns from a CRM: paced per number, never twice, never lost."""


for room in (up, demo, campaigns, suppressions, keys, doctor, processes):
    for command in room.COMMANDS:
        main.add_command(command)
