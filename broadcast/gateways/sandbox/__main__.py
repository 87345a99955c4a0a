"""`python -m broadcast.gateways.sandbox`: the sandbox gateway alone."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from types import FrameType

import click

from broadcast.gateways.sandbox.ledger import Ledger
from broadcast.gateways.sandbox.receipts import Postman
from broadcast.gateways.sandbox.server import Behaviour, Sandbox


@click.command()
@click.option("--port", default=3010, show_default=True, help="Port on the loopback; 0 for a free one.")
@click.option("--latency-ms", default=50, show_default=True, help="How long each send takes.")
@click.option("--webhook-url", help="Where receipts are posted; {instance} is replaced by the instance's name.")
@click.option("--webhook-token", help="Bearer token that the receipts carry.")
@click.option("--ledger", type=click.Path(path_type=Path, dir_okay=False), help="Also write arrivals to this file.")
def main(port: int, latency_ms: int, webhook_url: str | None, webhook_token: str | None, ledger: Path | None) -> None:
    """A gateway that speaks Evolution's dialect, sends to nobody and keeps a ledger of arrivals."""
    try:
        server = Sandbox(
            port,
            ledger=Ledger(ledger),
            behaviour=Behaviour(latency_ms=latency_ms),
            postman=Postman(webhook_url, webhook_token) if webhook_url else None,
        )
    except OSError as error:
        raise click.ClickException(f"port {port}: {error.strerror}. Choose another with --port.") from error
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell starts what is in its background with SIGINT ignored
        signal.signal(number, _stop)
    sys.setswitchinterval(0.0005)
    click.echo(f"sandbox {server.url}")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()


def _stop(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
