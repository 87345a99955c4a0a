"""Campaigns on a terminal: a progress bar while they run, a table of what became of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from broadcast.cli.client import Away, Client

#: A campaign in one of these does not change any more by itself.
DONE = ("completed", "cancelled")
LOOK_S = 0.5
#: An API that does not answer for so long is not coming back by itself.
AWAY_S = 30.0
#: Without a terminal, a line this often.
LINE_S = 5.0


def statuses(client: Client, campaign: str) -> Iterator[dict[str, Any]]:
    """The campaign's status twice a second, until it is done. An API that starts anew is waited for."""
    away_since: float | None = None
    while True:
        try:
            status = client.status(campaign)
        except Away:
            away_since = away_since or time.monotonic()
            if time.monotonic() - away_since > AWAY_S:
                raise
            time.sleep(LOOK_S)
            continue
        away_since = None
        yield status
        if status["status"] in DONE:
            return
        time.sleep(LOOK_S)


def watch(client: Client, campaign: str, *, console: Console) -> dict[str, Any]:
    """Show the campaign until it is done; return its last status. Ctrl-C leaves it running."""
    show = _bar if console.is_terminal else _lines
    try:
        return show(client, campaign, console)
    except KeyboardInterrupt:
        click.echo(f"\nThe campaign goes on. Look again with: broadcast status {campaign} --watch", err=True)
        raise click.exceptions.Exit(130) from None


def _bar(client: Client, campaign: str, console: Console) -> dict[str, Any]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}/min"),
        TimeRemainingColumn(),
        TextColumn("[yellow]{task.fields[hold]}"),
    )
    last: dict[str, Any] = {}
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(campaign, total=None, rate="-", hold="")
        for last in statuses(client, campaign):
            progress.update(
                task,
                total=last["total"],
                completed=done(last),
                rate=last["sendsPerMinute"],
                hold=last["holdDetail"] or (slowness(last) if last["status"] == "running" else last["status"]),
            )
    return last


def _lines(client: Client, campaign: str, console: Console) -> dict[str, Any]:
    last: dict[str, Any] = {}
    said_at = 0.0
    for last in statuses(client, campaign):
        if time.monotonic() - said_at > LINE_S or last["status"] in DONE:
            hold = f" ({last['holdDetail']})" if last["holdDetail"] else ""
            console.print(f"{campaign}: {last['status']} {done(last)}/{last['total']}{hold}", highlight=False)
            said_at = time.monotonic()
    return last


def done(status: Mapping[str, Any]) -> int:
    """How many contacts nothing more will be sent to."""
    counts = status["counts"]
    return int(status["total"] - counts["pending"] - counts["booked"] - counts["sending"])


def slowness(status: Mapping[str, Any], *, reason: str | None = None) -> str:
    """By how much the gateway's busy answers slow the campaign down just now, and after which; "" where they do not."""
    times = status.get("slowDown", 1)
    if times <= 1 or status["status"] in DONE:
        return ""
    return f"slowed down {times:.1f} times" + (f" after {reason}" if reason else "")


def tally(status: Mapping[str, Any], *, console: Console) -> None:
    """What became of the contacts, as a table."""
    console.print(f"{status['campaignId']}: {status['status']}", style="bold", highlight=False)
    table = Table()
    table.add_column("contacts")
    table.add_column("", justify="right")
    for name, count in status["counts"].items():
        if count:
            table.add_row(name, str(count))
    table.add_row("total", str(status["total"]), style="bold")
    console.print(table)
    if status["skippedReasons"]:
        reasons = ", ".join(f"{reason} {count}" for reason, count in status["skippedReasons"].items())
        console.print(f"left out: {reasons}", highlight=False)
    if status["lastError"]:
        console.print(f"last error: {status['lastError']}", highlight=False)


def summary(found: Mapping[str, Any], *, console: Console) -> None:
    """What became of a campaign, as a table, and the pace that it kept."""
    pacing, median_ms = found["pacing"], found["medianDeliveryMs"]
    console.print(f"{found['campaignId']}: {found['status']}, as of {found['asOf']}", style="bold", highlight=False)
    table = Table(show_header=False)
    table.add_row("contacts", str(found["total"]))
    table.add_row("departed", str(found["departed"]))
    table.add_row("delivered", f"{found['delivered']} ({_percent(found['deliveryRate'])})")
    table.add_row("read", f"{found['read']} ({_percent(found['readRate'])} of the delivered)")
    table.add_row("median time to delivery", "-" if median_ms is None else f"{median_ms / 1000:.1f} s")
    for kind in ("failures", "skipped", "unconfirmed"):
        for one in found[kind]:
            table.add_row(f"{kind}: {one['reason']}", str(one["count"]))
    table.add_row("least gap", "-" if pacing["leastGapMs"] is None else f"{pacing['leastGapMs']} ms")
    table.add_row("most departures in any 60 s", f"{pacing['mostIn60s']} (the pace allows {pacing['allowedIn60s']})")
    table.add_row(f"gaps below {pacing['rateLimitMs']} ms", str(pacing["breaches"]))
    for one in pacing["firstBreaches"]:
        table.add_row(f"  at {one['at']}", f"{one['gapMs']} ms")
    for title, text in _foretold(found.get("forecast")):
        table.add_row(title, text)
    console.print(table)
    console.print(pacing["basis"], highlight=False)


def _foretold(forecast: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    """What was foretold of its end, and what came."""
    if forecast is None:
        return
    yield "foretold to finish about", forecast["finishAtP50"] or "in more than ten years"
    yield "and in nine cases of ten by", forecast["finishAtP90"] or "in more than ten years"
    if forecast["incomparable"]:
        yield "not compared with what came", str(forecast["incomparable"])
        return
    error_s, came = forecast["errorSeconds"], "later" if forecast["errorSeconds"] > 0 else "earlier"
    yield f"finished {came} by", f"{abs(error_s):.1f} s ({abs(forecast['errorShare']):.1%} of the time foretold)"
    yield "within the nine of ten", "yes" if forecast["withinP90"] else "no"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
