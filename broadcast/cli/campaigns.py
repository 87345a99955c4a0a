"""Campaigns over the API: send, look, list, report, pause, resume, cancel."""

from __future__ import annotations

import json
import secrets
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
from rich.console import Console
from rich.table import Column, Table

from broadcast.cli import foreseeing, ordering, showing
from broadcast.cli.client import Client
from broadcast.cli.contacts import read_contacts

#: A summary of a million contacts is counted in less.
COUNT_S = 120.0


@click.command()
@ordering.options
@click.option("--wait/--no-wait", default=True, help="Show the progress until the campaign is done.")
def send(contacts: Path, campaign: str | None, wait: bool, **options: Any) -> None:
    """Send a campaign to the contacts of a CSV file."""
    console, client = Console(), Client()
    campaign = campaign or f"cli-{secrets.token_hex(4)}"
    table = read_contacts(contacts)
    accepted = client.send(ordering.body_of(table, campaign, options), rows=table.numbers)
    reasons = ", ".join(f"{reason} {count}" for reason, count in accepted["skippedReasons"].items())
    left_out = f", {accepted['skipped']} left out ({reasons})" if accepted["skipped"] else ""
    console.print(f"{campaign}: {accepted['status']}, {accepted['queued']} contacts{left_out}", highlight=False)
    if not wait or accepted["status"] == "scheduled":
        console.print(f"Look with: broadcast status {campaign} --watch", highlight=False)
        return
    last = showing.watch(client, campaign, console=console)
    showing.tally(last, console=console)
    sys.exit(1 if last["counts"]["failed"] or last["counts"]["unconfirmed"] else 0)


@click.command()
@ordering.options
@click.option("--json", "as_json", is_flag=True, help="The API's answer as it is.")
def preview(contacts: Path, campaign: str | None, as_json: bool, **options: Any) -> None:
    """Show what sending it would do, and when it would be over. Nothing is sent, and nothing stored."""
    table = read_contacts(contacts)
    body = ordering.body_of(table, campaign, options)
    seen = Client().call("POST", "/campaigns/preview", json=body, rows=table.numbers)
    if as_json:
        click.echo(json.dumps(seen, indent=1))
    else:
        foreseeing.preview(seen, rows=table.numbers, phone=table.how_read()["phone"], console=Console())


@click.command()
@click.argument("campaign")
@click.option("--watch", is_flag=True, help="Stay until the campaign is done.")
@click.option("--json", "as_json", is_flag=True, help="The API's answer as it is.")
def status(campaign: str, watch: bool, as_json: bool) -> None:
    """Show how a campaign stands."""
    console, client = Console(), Client()
    last = showing.watch(client, campaign, console=console) if watch else client.status(campaign)
    if as_json:
        click.echo(json.dumps(last, indent=1))
        return
    showing.tally(last, console=console)
    if last["holdDetail"]:
        console.print(f"not sending: {last['holdDetail']}", highlight=False)
    if showing.slowness(last):
        slowed = showing.slowness(last, reason=client.slow_reason(last["instanceId"]))
        console.print(slowed, highlight=False)
    if last["expectedFinishAt"]:
        finish = f"{last['sendsPerMinute']} a minute, expected to finish at {last['expectedFinishAt']}"
        console.print(finish, highlight=False)


@click.command(name="list")
@click.option("--status", "state", help="Only campaigns in this state.")
@click.option("--instance", help="Only campaigns of this instance.")
@click.option("--limit", default=20, show_default=True)
def list_(state: str | None, instance: str | None, limit: int) -> None:
    """List campaigns, newest first."""
    params = {"status": state, "instance": instance, "limit": limit}
    answer = Client().call("GET", "/campaigns", params={name: value for name, value in params.items() if value})
    names = (Column(name, overflow="fold") for name in ("campaign", "instance"))  # cut off, they name nothing
    table = Table(*names, "status", "done", "a minute", "created (UTC)")
    for one in answer["campaigns"]:
        share = f"{showing.done(one)}/{one['total']}"
        created = one["createdAt"][:16].replace("T", " ")
        table.add_row(one["campaignId"], one["instanceId"], one["status"], share, str(one["sendsPerMinute"]), created)
    Console().print(table)


@click.command()
@click.argument("campaign")
@click.option(
    "--csv", "file", type=click.File("wb"), help="Write every contact to this file; - is the standard output."
)
@click.option(
    "--excel", is_flag=True, help="The file as Excel in Brazil opens it: with a byte order mark, and ; between."
)
@click.option("--json", "as_json", is_flag=True, help="The API's summary as it is.")
def report(campaign: str, file: Any, excel: bool, as_json: bool) -> None:
    """Show what became of a campaign, and the pace it kept; or write the whole report."""
    client, path = Client(), f"/campaigns/{quote(campaign, safe='')}"
    if file:
        params = {"format": "csv", **({"bom": "1", "separator": ";"} if excel else {})}
        for piece in client.pieces(f"{path}/contacts", accept="text/csv", params=params):
            file.write(piece)
        return
    summary = client.wait_for(f"{path}/summary", patience_s=COUNT_S)
    if as_json:
        click.echo(json.dumps(summary, indent=1))
    else:
        showing.summary(summary, console=Console())


def _steer(move: str, help_: str) -> click.Command:
    @click.command(name=move, help=help_)
    @click.argument("campaign")
    def command(campaign: str) -> None:
        answer = Client().steer(campaign, move)
        wire = f", {answer['onTheWire']} on the wire" if answer["onTheWire"] else ""
        click.echo(f"{campaign}: {answer['status']}{wire}")

    return command


COMMANDS = (
    send,
    preview,
    status,
    list_,
    report,
    _steer("pause", "Stop sending a campaign until it is resumed."),
    _steer("resume", "Go on with a paused campaign, at its pace."),
    _steer("cancel", "Stop a campaign for good."),
)
