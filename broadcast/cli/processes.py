"""Each process alone, as the Procfile starts it."""

from __future__ import annotations

import os
import sys

import click

from broadcast.cli.up import settings_or_exit, with_scripts_on_path
from broadcast.gateways.sandbox.__main__ import main as sandbox
from broadcast.wsgi import serve


@click.command()
def web() -> None:
    """The API (PORT)."""
    serve("web")


@click.command()
def webhook() -> None:
    """What the gateways call (WEBHOOK_PORT)."""
    serve("webhook")


@click.command()
def flower() -> None:
    """Flower, Celery's monitor (FLOWER_PORT), behind FLOWER_BASIC_AUTH."""
    settings = settings_or_exit()
    address = "0.0.0.0" if settings.flower_basic_auth else "127.0.0.1"  # noqa: S104 - it asks for a password then
    if not settings.flower_basic_auth:
        click.echo("FLOWER_BASIC_AUTH is unset: Flower listens on the loopback only", err=True)
    # The password stays in the environment, where Flower itself looks for FLOWER_BASIC_AUTH: a command line is public.
    # Its own API is shut without one, unless it is told that nobody else can reach it.
    alone = {} if settings.flower_basic_auth else {"FLOWER_UNAUTHENTICATED_API": "true"}
    command = [sys.executable, "-m", "celery", "-A", "broadcast.worker", "flower"]
    os.execve(  # noqa: S606 - our own command
        sys.executable,
        [*command, f"--port={settings.flower_port}", f"--address={address}"],
        with_scripts_on_path({**os.environ, **alone}),
    )


COMMANDS = (
    web,
    webhook,
    flower,
    click.Command("sandbox", params=sandbox.params, callback=sandbox.callback, help=sandbox.help),
)
