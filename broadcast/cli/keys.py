"""`broadcast keys`: API keys created, listed and revoked, in Redis itself: who has no key yet can make the first."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import click
from rich.console import Console
from rich.table import Table

from broadcast.api.answers import rfc3339
from broadcast.api.auth import REVOKED_S
from broadcast.api.shapes import is_name
from broadcast.cli.up import settings_or_exit
from broadcast.domain.caller import Caller, Key, Scope, is_key_name
from broadcast.engine import granting
from broadcast.errors import BroadcastError
from broadcast.settings import Settings
from broadcast.store import Store
from broadcast.wiring import redis_url

#: Seconds that Redis has for an answer.
ANSWER_S = 5.0


@contextmanager
def _store(settings: Settings | None = None) -> Iterator[Store]:
    """The state. What is wrong with it, or with what was asked of it, is said in one line."""
    settings = settings or settings_or_exit()
    try:
        store = Store(redis_url(settings), answer_s=ANSWER_S)
        with closing(store.scripts.client):
            yield store
    except BroadcastError as error:
        raise click.ClickException(str(error)) from error


def _name(_: click.Context, __: click.Parameter, value: str) -> str:
    if not is_key_name(value):
        raise click.BadParameter("use 1 to 64 letters, digits, and . _ @ -")
    return value


def _instances(_: click.Context, __: click.Parameter, value: tuple[str, ...]) -> frozenset[str] | None:
    for name in value:
        if not is_name(name):
            raise click.BadParameter(f"{name!r} cannot be an instance")
    return frozenset(value) or None


@click.group()
def keys() -> None:
    """API keys: create, list, revoke."""


@keys.command()
@click.argument("name", callback=_name)
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    default=(Scope.READ.value, Scope.SEND.value),
    show_default=True,
    help="What the key is good for; may be given several times.",
)
@click.option("--instance", "instances", multiple=True, callback=_instances, help="Only for this one; may be repeated.")
def create(name: str, scopes: tuple[str, ...], instances: frozenset[str] | None) -> None:
    """Create a key for the caller NAME. Its secret is shown now, and never again."""
    caller = Caller(name=name, scopes=frozenset(Scope(scope) for scope in scopes), instances=instances)
    settings = settings_or_exit()
    with _store(settings) as store:
        secret = granting.grant(store, caller, of_settings=settings.key_names)
    click.echo(secret)
    click.echo(f"{name}: {_scopes(caller)}; {_instances_of(caller)}. The secret is shown this once.", err=True)


@keys.command(name="list")
def list_() -> None:
    """List the keys that were created, revoked ones too, and when each was last used, to the minute.

    Those of API_KEYS are not among them.
    """
    with _store() as store:
        every = store.callers.every()
    table = Table("name", "scopes", "instances", "created", "last used", "revoked")
    for key in every:
        caller, revoked = key.caller, rfc3339(key.revoked_ms) or ""
        created, used = rfc3339(key.created_ms), _used(key)
        table.add_row(caller.name, _scopes(caller), _instances_of(caller), created, used, revoked)
    Console().print(table)


@keys.command()
@click.argument("name", callback=_name)
def revoke(name: str) -> None:
    """Revoke the key of the caller NAME, for good."""
    with _store() as store:
        granting.revoke(store, name)
    click.echo(f"{name}: revoked; refused everywhere within {REVOKED_S:.0f} s")


def _scopes(caller: Caller) -> str:
    return ", ".join(sorted(scope.value for scope in caller.scopes))


def _instances_of(caller: Caller) -> str:
    return "every instance" if caller.instances is None else ", ".join(sorted(caller.instances))


def _used(key: Key) -> str:
    return "not known" if key.used_ms is None else rfc3339(key.used_ms or None) or "never"


COMMANDS = (keys,)
