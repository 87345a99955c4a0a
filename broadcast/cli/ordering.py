"""A campaign as it is asked for on the command line: the same options to look at it and to send it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from broadcast.domain.table import Table, people

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
#: In the order of the help.
_OPTIONS: tuple[Callable[[Callable[..., None]], Callable[..., None]], ...] = (
    click.argument("contacts", type=_FILE),
    click.option("--instance", required=True, help="The WhatsApp instance that sends."),
    click.option(
        "--message", default="", help="The text, or the caption of a medium; {{name}} and columns are filled in."
    ),
    click.option(
        "--campaign", help="The campaign's id; the same id and content is never sent twice. Default: a new one."
    ),
    click.option("--media-type", type=click.Choice(["text", "image", "video", "audio", "document"]), default="text"),
    click.option("--media-url", help="Where the gateway fetches the medium."),
    click.option("--template", type=_FILE, help="A JSON file {name, language, components}: Meta's template to send."),
    click.option("--rate-limit-ms", type=int, help="Least time between two messages of the instance."),
    click.option("--priority", help="high, normal, low, or 0 to 9."),
    click.option("--schedule", help="When to begin, such as 2030-08-29T15:00:00Z."),
    click.option("--callback-url", help="Where the campaign's news are told, signed."),
)


def options(command: Callable[..., None]) -> Callable[..., None]:
    """The argument and the options that describe a campaign."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def body_of(contacts: Table, campaign: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """The API's body of what was asked for. Raises ClickException for a template that cannot be read."""
    priority = options["priority"]
    body = {
        "campaignId": campaign,
        "instanceId": options["instance"],
        "contacts": people(contacts),
        "message": options["message"],
        "mediaType": options["media_type"],
        "mediaUrl": options["media_url"],
        "template": _template(options["template"]) if options["template"] else None,
        "rateLimitMs": options["rate_limit_ms"],
        "priority": int(priority) if priority and priority.isdigit() else priority,
        "scheduledFor": options["schedule"],
        "callbackUrl": options["callback_url"],
    }
    return {name: value for name, value in body.items() if value is not None}


def _template(path: Path) -> Any:
    try:
        return json.loads(path.read_text("utf-8-sig"))
    except ValueError as error:
        raise click.ClickException(f"{path} is not JSON: {error}.") from error
