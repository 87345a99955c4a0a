"""`broadcast up`: everything in the foreground, under one supervisor."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NoReturn
from urllib.parse import urlsplit

import click
import requests
from honcho.environ import parse_procfile

from broadcast import embedded
from broadcast.errors import SettingsError
from broadcast.settings import Settings
from broadcast.supervisor import PROCFILE, GaveUp, Spec, Supervisor

#: Celery workers, whose memory is watched.
WORKERS = ("broadcast", "control")


def settings_or_exit(environ: Mapping[str, str] | None = None) -> Settings:
    """The settings; or one line that names the wrong one, and exit code 2."""
    try:
        return Settings.read(environ)
    except SettingsError as error:
        fail(str(error))


def fail(text: str) -> NoReturn:
    """Say what is wrong and exit with 2."""
    click.echo(f"broadcast: {text}", err=True)
    sys.exit(2)


def with_scripts_on_path(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment, with the commands that are installed beside this Python found first."""
    scripts = str(Path(sys.executable).parent)
    return {**environ, "PATH": f"{scripts}{os.pathsep}{environ.get('PATH', os.defpath)}"}


@dataclass
class Product:
    """All processes of the product, as `up` and `demo` run them."""

    settings: Settings
    environ: Mapping[str, str]
    out: IO[str]
    procfile: Path | None = None

    def run(self, on_ready: Callable[[Supervisor], None]) -> None:
        """Run until stopped; `on_ready` is called once, when the API answers and workers consume.

        Raises SettingsError for a port or a folder that is taken, GaveUp for a process that does not stay up.
        """
        check_ports(self.settings)
        with ExitStack() as stack:
            env = with_scripts_on_path({**self.environ, "PYTHONUNBUFFERED": "1"})
            specs: list[Spec] = []
            if self.settings.redis_url is None:
                stack.enter_context(embedded.lock(self.settings.data_dir))
                command, env["REDIS_URL"] = embedded.prepare(self.settings.data_dir)
                specs.append(Spec(name="redis", command=command, last=True))
                stack.enter_context(embedded.keep_synced(self.settings.data_dir))
            if self.settings.gateway == "sandbox":
                specs.append(self._sandbox())
            specs += self._procfile()
            supervisor = Supervisor(specs, env=env, out=self.out, pid_dir=self.settings.data_dir / "run")
            supervisor.run(each_look=_Readiness(self.settings, on_ready, supervisor))

    def _procfile(self) -> list[Spec]:
        text = self.procfile.read_text() if self.procfile else PROCFILE
        return [
            Spec(name=name, command=command, max_mb=self.settings.worker_max_memory_mb if name in WORKERS else None)
            for name, command in parse_procfile(text).processes.items()
        ]

    def _sandbox(self) -> Spec:
        hook = f"http://127.0.0.1:{self.settings.webhook_port}/webhooks/evolution/{{instance}}"
        command = [sys.executable, "-m", "broadcast.gateways.sandbox", "--port", str(_port(self.settings.sandbox_url))]
        if self.settings.webhook_token:
            hook += f"/{self.settings.webhook_token}"
        return Spec(name="sandbox", command=[*command, "--webhook-url", hook])


class _Readiness:
    """Asks the API whether all is ready, until it is."""

    def __init__(self, settings: Settings, on_ready: Callable[[Supervisor], None], supervisor: Supervisor) -> None:
        self._url = f"http://127.0.0.1:{settings.port}/health/ready"
        self._on_ready = on_ready
        self._supervisor = supervisor
        self._said = False

    def __call__(self) -> None:
        if self._said:
            return
        with suppress(requests.RequestException):
            if requests.get(self._url, timeout=2).ok:
                self._said = True
                self._on_ready(self._supervisor)


def check_ports(settings: Settings) -> None:
    """Raise SettingsError for a port that another program has."""
    ports = {
        "PORT": settings.port,
        "WEBHOOK_PORT": settings.webhook_port,
        "FLOWER_PORT": settings.flower_port,
        **({"SANDBOX_URL": _port(settings.sandbox_url)} if settings.gateway == "sandbox" else {}),
    }
    for variable, port in ports.items():
        if not is_free(port):
            raise SettingsError(variable, f"port {port} is taken by another program", "Stop it, or set another port.")


def is_free(port: int) -> bool:
    """Whether this port of the loopback can be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _port(url: str) -> int:
    return urlsplit(url).port or 80


@click.command()
@click.option(
    "--procfile",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Other processes than the usual; ./Procfile is taken when it is there.",
)
def up(procfile: Path | None) -> None:
    """Start everything in the foreground; prints `ready http://…` when campaigns can be sent."""
    settings = settings_or_exit()
    beside = Path("Procfile")
    product = Product(settings, os.environ, sys.stderr, procfile or (beside if beside.exists() else None))
    try:
        product.run(lambda _: click.echo(f"ready http://127.0.0.1:{settings.port}"))
    except SettingsError as error:
        fail(str(error))
    except GaveUp as error:
        click.echo(f"broadcast: {error}", err=True)
        sys.exit(1)


COMMANDS = (up,)
