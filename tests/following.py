"""A client of the event streams, as a dashboard is one."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import requests


@dataclass(frozen=True)
class Event:
    kind: str
    id: str | None  #: None where the event had none of its own
    data: dict[str, Any]
    at: float  #: monotonic s


def events(lines: Iterable[str]) -> Iterator[Event]:
    """The events of a stream's lines; `retry` and comments are no events."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(": ")
        if name in {"event", "id", "data"}:
            fields[name] = value
        elif not line and "data" in fields:
            yield Event(fields.get("event", "message"), fields.get("id"), json.loads(fields["data"]), time.monotonic())
            fields = {}


@dataclass
class Browser:
    """Follows an address in a thread of its own and, as an EventSource, comes back with the last id."""

    url: str
    seen: list[Event] = field(default_factory=list)
    codes: list[int] = field(default_factory=list)
    last_id: str = ""

    def __post_init__(self) -> None:
        self._stop = threading.Event()
        self._answer: requests.Response | None = None
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()

    def _follow(self) -> None:
        while not self._stop.is_set():
            with suppress(requests.RequestException, AttributeError, OSError, ValueError):
                self._read()
            self._stop.wait(0.05)

    def _read(self) -> None:
        headers = {"Last-Event-ID": self.last_id} if self.last_id else {}
        with requests.get(self.url, headers=headers, stream=True, timeout=30) as answer:
            self._answer = answer
            self.codes.append(answer.status_code)
            answer.raise_for_status()
            for event in events(line.decode() for line in answer.iter_lines()):
                self.last_id = event.id or self.last_id
                self.seen.append(event)
                if self._stop.is_set() or self._cut:
                    self._cut = False
                    return

    _cut: bool = False

    def cut(self) -> None:
        """Lose the connection after the next event."""
        self._cut = True

    def close(self) -> None:
        self._stop.set()
