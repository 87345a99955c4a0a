"""The API as the command line sees it: problems become one clear line per field."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

import click
import requests
from requests import Response

SEND = "/functions/v1/broadcast_messaging_service"


class Away(click.ClickException):
    """The API does not answer; it may be starting anew."""


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

    def steer(self, campaign: str, move: str) -> dict[str, Any]:
        """Pause, resume or cancel."""
        return self.call("POST", f"/campaigns/{quote(campaign, safe='')}/{move}")

    def send(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Hand a campaign in."""
        return self.call("POST", SEND, json={"action": "send_broadcast", **body})

    def call(self, method: str, path: str, **options: Any) -> dict[str, Any]:
        """The answer's JSON. Raises ClickException with what the API says is wrong, or that it is not there."""
        return self._read(self._ask(method, path, **options))

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

    def _read(self, answer: Response) -> dict[str, Any]:
        try:
            body: dict[str, Any] = answer.json()
        except ValueError as error:
            raise click.ClickException(f"{self.url} answered {answer.status_code}, and not as our API does.") from error
        if not answer.ok:
            raise click.ClickException(_problem(body))
        return body


def _problem(body: Mapping[str, Any]) -> str:
    lines = [f"  {error['pointer'] or 'the request'}: {error['detail']}" for error in body.get("errors", [])]
    return "\n".join([str(body.get("detail", body)), *lines])
