"""The sandbox's own receipts: each accepted message is acknowledged, delivered, and by some read, over a webhook."""

from __future__ import annotations

import heapq
import itertools
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import requests

log = logging.getLogger(__name__)


class Postman:
    """Posts webhook calls when they are due. Calls that fail are tried a few times, as Evolution does."""

    def __init__(self, url: str, token: str | None) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._due: list[tuple[float, int, str, dict[str, Any], int]] = []
        self._order = itertools.count()
        self._ready = threading.Condition()
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="postman")
        threading.Thread(target=self._run, daemon=True, name="postman").start()

    def post(self, instance: str, call: dict[str, Any], *, in_s: float, tries: int = 5) -> None:
        """Post the call to the instance's address after so many seconds."""
        with self._ready:
            heapq.heappush(self._due, (time.monotonic() + in_s, next(self._order), instance, call, tries))
            self._ready.notify()

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._due or self._due[0][0] > time.monotonic():
                    self._ready.wait(self._due[0][0] - time.monotonic() if self._due else None)
                _, _, instance, call, tries = heapq.heappop(self._due)
            self._pool.submit(self._post, instance, call, tries)

    def _post(self, instance: str, call: dict[str, Any], tries: int) -> None:
        url = self._url.replace("{instance}", quote(instance, safe=""))
        try:
            answer = requests.post(url, json=call, headers=self._headers, timeout=10)
            failed = answer.status_code >= 500
        except requests.RequestException:
            failed = True
        if failed and tries > 1:
            self.post(instance, call, in_s=1.0, tries=tries - 1)
