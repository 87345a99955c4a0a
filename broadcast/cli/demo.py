"""`broadcast demo`: the newcomer's first minute. Everything up, a campaign sent to nobody, and what came of it."""

from __future__ import annotations

import os
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import requests
from rich.console import Console

from broadcast.cli import showing
from broadcast.cli.client import Client
from broadcast.cli.up import Product, fail, is_free, settings_or_exit
from broadcast.errors import SettingsError
from broadcast.settings import Settings
from broadcast.supervisor import GaveUp, Supervisor

CAMPAIGN, INSTANCE = "demo", "loja-demo"
PORTS = {"PORT": 3001, "WEBHOOK_PORT": 3002, "WORKER_HTTP_PORT": 3004, "FLOWER_PORT": 5555}
SANDBOX_PORT = 3010


@click.command()
@click.option("--keep", is_flag=True, help="Stay up until Ctrl-C, to look around.")
@click.option("--contacts", default=20, show_default=True, type=click.IntRange(2, 9000))
@click.option("--rate-limit-ms", default=250, show_default=True, type=click.IntRange(10))
def demo(keep: bool, contacts: int, rate_limit_ms: int) -> None:
    """Start everything, send a campaign through the sandbox gateway (to nobody), and show the outcome."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="broadcast-demo-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        environ = _environ(folder)
        show = _Demo(settings_or_exit(environ), Console(), keep=keep, contacts=contacts, gap_ms=rate_limit_ms)
        log = stack.enter_context((folder / "demo.log").open("w"))
        try:
            with show.starting():
                Product(show.settings, environ, log).run(show.begin)
        except (SettingsError, GaveUp) as error:
            fail(str(error))
        if not show.succeeded:
            log.flush()
            tail = (folder / "demo.log").read_text().splitlines()[-30:]
            click.echo("\n".join([show.trouble or "the demo was stopped before its end", *tail]), err=True)
            sys.exit(1)


def _environ(folder: Path) -> dict[str, str]:
    """An environment of the demo's own: its folder, free ports, the sandbox, and no key to present."""
    ours = {"REDIS_URL", "BROKER_URL", "API_KEYS", "WEBHOOK_TOKEN", "GATEWAY", "BROADCAST_URL", "BROADCAST_API_KEY"}
    environ = {name: value for name, value in os.environ.items() if name not in ours}
    taken: set[int] = set()
    for name, usual in (*PORTS.items(), ("SANDBOX", SANDBOX_PORT)):
        port = usual if is_free(usual) else _free_port(taken)
        taken.add(port)
        environ[name] = str(port)
    environ["SANDBOX_URL"] = f"http://127.0.0.1:{environ.pop('SANDBOX')}"
    environ["DATA_DIR"] = str(folder)
    return environ


def _free_port(taken: set[int]) -> int:
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port not in taken:
            return port


@dataclass
class _Demo:
    """What happens once everything is up. The campaign is shown from a thread; the supervisor has the main one."""

    settings: Settings
    console: Console
    keep: bool
    contacts: int
    gap_ms: int
    succeeded: bool = False
    trouble: str | None = None
    _spinner: Any = field(default=None, repr=False)

    def starting(self) -> Any:
        """A spinner until `begin`."""
        self.console.print("Starting Redis, a sandbox gateway, the API, workers, beat and Flower.", highlight=False)
        self._spinner = self.console.status("starting")
        return self._spinner

    def begin(self, supervisor: Supervisor) -> None:
        """Everything is up: send the campaign, then stop or stay."""
        self._spinner.stop()
        threading.Thread(target=self._run, args=(supervisor.stop,), daemon=True, name="demo").start()

    def _run(self, stop: Callable[[], None]) -> None:
        try:
            self._show()
            self.succeeded = True
            if self.keep:
                self.console.print("Everything stays up until Ctrl-C.")
                return
        except (click.ClickException, requests.RequestException, AssertionError) as error:
            self.trouble = str(getattr(error, "message", error))
        stop()

    def _show(self) -> None:
        client = Client(f"http://127.0.0.1:{self.settings.port}")
        accepted = client.send(self._campaign())
        self.console.print(
            f"Accepted a campaign of {self.contacts + 2} contacts: {accepted['queued']} queued, "
            f"{accepted['skipped']} left out ({', '.join(accepted['skippedReasons'])}).",
            highlight=False,
        )
        last = showing.watch(client, CAMPAIGN, console=self.console)
        last = self._await_receipts(client, last)
        showing.tally(last, console=self.console)
        self._verdict()
        self._addresses()

    def _campaign(self) -> dict[str, Any]:
        people = [{"phone": f"55119900{index:05d}", "name": f"Pessoa {index + 1}"} for index in range(self.contacts)]
        twice, wrong = people[0], {"phone": "123", "name": "Ninguém"}
        return {
            "campaignId": CAMPAIGN,
            "instanceId": INSTANCE,
            "contacts": [*people, twice, wrong],
            "message": "Oi {{name}}, esta mensagem não sai desta máquina.",
            "rateLimitMs": self.gap_ms,
        }

    def _await_receipts(self, client: Client, last: dict[str, Any]) -> dict[str, Any]:
        """The last receipts come a moment after the last send."""
        for _ in range(20):
            if not last["counts"]["sent"]:
                break
            threading.Event().wait(0.2)
            last = client.status(CAMPAIGN)
        return last

    def _verdict(self) -> None:
        """What the gateway's own ledger says, which no counter of ours can embellish."""
        ledger = requests.get(f"{self.settings.sandbox_url}/ledger", timeout=10).json()["arrivals"]
        gaps = requests.get(f"{self.settings.sandbox_url}/ledger/gaps", timeout=10).json()
        doubled = len(ledger) - len({arrival["number"] for arrival in ledger})
        self.console.print(
            f"The gateway's ledger: {len(ledger)} arrivals, {doubled} doubled, least gap {gaps['least']:.0f} ms, "
            f"median {gaps['median']:.0f} ms, for a pace of {self.gap_ms} ms.",
            highlight=False,
        )
        if len(ledger) != self.contacts or doubled:
            raise AssertionError(f"the ledger has {len(ledger)} arrivals for {self.contacts} contacts")

    def _addresses(self) -> None:
        base = f"http://127.0.0.1:{self.settings.port}"
        rows = {
            "dashboard": f"{base}/dashboard",
            "status": f"{base}/broadcast-status/{CAMPAIGN}",
            "API": f"{base}/docs",
            "Flower": f"http://127.0.0.1:{self.settings.flower_port}",
            "ledger": f"{self.settings.sandbox_url}/ledger",
        }
        self.console.print("Addresses" + (":" if self.keep else ", had it been `broadcast demo --keep`:"))
        for name, address in rows.items():
            self.console.print(f"  {name:<9} {address}", highlight=False)


COMMANDS = (demo,)
