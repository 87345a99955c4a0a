"""The API as the command line sees it: problems become one clear line per field."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import click
import requests
from requests import Response

SEND = "/functions/v1/broadcast_messaging_service"
#: A JSON pointer to a contact, or to something of theirs.
_CONTACT = re.compile(r"/contacts/(\d+)(.*)")


class Away(click.ClickException):
    """The API does not answer; it may be starting anew."""


class Later(click.ClickException):
    """The API has not got it yet, and says in how many seconds to ask again."""

    def __init__(self, message: str, *, after_s: int) -> None:
        super().__init__(message)
        self.after_s = after_s


class Client:
    """Calls the API at BROADCAST_URL with the key in BROADCAST_API_KEY."""

    def __init__(self, url: str | None = None, key: str | None = None) -> None:
        port = os.environ.get("PORT") or "3001"
        self.url = (url or os.environ.get("BROADCAST_URL") or f"http://127.0.0.1:{port}").rstrip("/")
        key = key or os.environ.get("BROADCAST_API_KEY")
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}

    def status(self, campaign: str) -> dict[str, Any]:
        """One campaign as it stands now."""
        return self.call("GET", f"/broadcast-status/{quote(campaign, safe='')}")

    def slow_reason(self, instance: str) -> str | None:
        """After which answers the instance is slowed down, as far as that is to be had."""
        try:
            reason = self.call("GET", f"/instances/{quote(instance, safe='')}").get("slowReason")
        except click.ClickException:  # the rest of the status is worth showing all the same
            return None
        return reason if isinstance(reason, str) else None

    def steer(self, campaign: str, move: str) -> dict[str, Any]:
        """Pause, resume or cancel."""
        return self.call("POST", f"/campaigns/{quote(campaign, safe='')}/{move}")

    def send(self, body: Mapping[str, Any], *, rows: Sequence[int] = ()) -> dict[str, Any]:
        """Hand a campaign in. See `call`."""
        return self.call("POST", SEND, json={"action": "send_broadcast", **body}, rows=rows)

    def call(self, method: str, path: str, *, rows: Sequence[int] = (), **options: Any) -> dict[str, Any]:
        """The answer's JSON. Raises ClickException with what the API says is wrong, or that it is not there.

        What is wrong with a contact is told by its row, where `rows` are those of the file that they stood in.
        """
        return self._read(self._ask(method, path, **options), rows=rows)

    def wait_for(self, path: str, *, patience_s: float) -> dict[str, Any]:
        """The same for what takes a while to have, asked for again while the API says so. Raises as `call`."""
        until = time.monotonic() + patience_s
        while True:
            try:
                return self.call("GET", path)
            except Later as later:
                if time.monotonic() + later.after_s > until:
                    raise
                time.sleep(later.after_s)

    def pieces(self, path: str, *, accept: str, **options: Any) -> Iterator[bytes]:
        """An answer that may be long, as it comes. Raises ClickException as `call`, and when it breaks off."""
        answer = self._ask("GET", path, headers={"Accept": accept}, stream=True, **options)
        if not answer.ok:
            self._read(answer)
        try:
            yield from answer.iter_content(65536)
        except requests.RequestException as error:
            raise click.ClickException(f"{self.url} broke off; what was written is not all.") from error

    def _ask(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **options: Any) -> Response:
        sent = {**self._headers, **(headers or {})}
        try:
            return requests.request(method, self.url + path, headers=sent, timeout=120, **options)
        except requests.RequestException as error:
            text = f"{self.url} does not answer. Start it with `broadcast up`, or set BROADCAST_URL."
            raise Away(text) from error

    def _read(self, answer: Response, *, rows: Sequence[int] = ()) -> dict[str, Any]:
        try:
            body: dict[str, Any] = answer.json()
        except ValueError as error:
            raise click.ClickException(f"{self.url} answered {answer.status_code}, and not as our API does.") from error
        if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE and answer.headers.get("Retry-After", "").isdecimal():
            raise Later(_problem(body), after_s=int(answer.headers["Retry-After"]))
        if not answer.ok:
            raise click.ClickException(_problem(body, rows))
        return body


def _problem(body: Mapping[str, Any], rows: Sequence[int] = ()) -> str:
    lines = [f"  {_place(error['pointer'], rows)}: {error['detail']}" for error in body.get("errors", [])]
    return "\n".join([str(body.get("detail", body)), *lines])


def _place(pointer: str, rows: Sequence[int]) -> str:
    of_contact = _CONTACT.fullmatch(pointer)
    if of_contact and int(of_contact[1]) < len(rows):
        return ", ".join(part for part in (f"row {rows[int(of_contact[1])]}", of_contact[2]) if part)
    return pointer or "the request"
