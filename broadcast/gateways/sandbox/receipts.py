"""The sandbox's own webhooks: each accepted message is echoed, acknowledged, delivered, and by some read.

They are posted by a process of their own that gives way to all others, so that they never keep the server from stamping
an arrival, nor anybody from sending: a real gateway posts from another machine.
"""

from __future__ import annotations

import heapq
import itertools
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import IO, Any
from urllib.parse import quote, urlsplit

import urllib3

#: See nice(2).
NICENESS = 10
#: A call that fails is tried so often, a second apart, as Evolution does for longer.
TRIES = 5
#: So many calls are under way at once, each on a connection that is kept open as Node's HTTP client keeps it.
AT_ONCE = 8


class Postman:
    """Hands webhook calls to the process that posts them when they are due."""

    def __init__(self, url: str, token: str | None) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-m", "broadcast.gateways.sandbox.receipts"],
            stdin=subprocess.PIPE,
            text=True,
            start_new_session=True,  # out of Ctrl-C's reach: it ends when its stdin does
        )
        self._lock = threading.Lock()
        self._tell({"url": url, "token": token})

    def post(self, instance: str, calls: Sequence[tuple[float, dict[str, Any]]]) -> None:
        """Post the calls to the instance's address, each after so many seconds, and never before the one before it."""
        now = time.monotonic()
        if calls:
            self._tell({"instance": instance, "calls": [(now + in_s, call) for in_s, call in calls]})

    def _tell(self, line: dict[str, Any]) -> None:
        pipe: IO[str] | None = self._child.stdin
        # A posting process that died costs the receipts, not the answers.
        with self._lock, suppress(OSError):
            if pipe is not None and not pipe.closed:
                pipe.write(json.dumps(line) + "\n")
                pipe.flush()

    def close(self) -> None:
        """End the posting process. What is not yet posted is lost."""
        self._child.kill()
        self._child.wait()
        with self._lock, suppress(OSError):
            if self._child.stdin is not None:
                self._child.stdin.close()


#: Webhook calls about one message, and when each is due, in s.
_Calls = list[tuple[float, dict[str, Any]]]


class _Round:
    """The posting process: calls in the order in which they are due."""

    def __init__(self, url: str, token: str | None) -> None:
        self._path = urlsplit(url)._replace(scheme="", netloc="").geturl() or "/"
        self._headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        self._connections = urllib3.connection_from_url(url, maxsize=AT_ONCE, timeout=10, retries=False)
        self._due: list[tuple[float, int, str, _Calls, int]] = []
        self._order = itertools.count()
        self._ready = threading.Condition()
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="postman")
        threading.Thread(target=self._run, daemon=True, name="postman").start()

    def add(self, instance: str, calls: _Calls, tries: int = TRIES) -> None:
        """Post the calls one after the other, each at its moment of the monotonic clock, which all processes share."""
        with self._ready:
            heapq.heappush(self._due, (calls[0][0], next(self._order), instance, calls, tries))
            self._ready.notify()

    def _run(self) -> None:
        while True:
            with self._ready:
                while not self._due or self._due[0][0] > time.monotonic():
                    self._ready.wait(self._due[0][0] - time.monotonic() if self._due else None)
                _, _, instance, calls, tries = heapq.heappop(self._due)
            self._pool.submit(self._post, instance, calls, tries)

    def _post(self, instance: str, calls: _Calls, tries: int) -> None:
        path = self._path.replace("{instance}", quote(instance, safe=""))
        (_, call), *later = calls
        try:
            body = json.dumps(call).encode()
            failed = self._connections.urlopen("POST", path, body=body, headers=self._headers).status >= 500
        except urllib3.exceptions.HTTPError:
            failed = True
        if failed and tries > 1:
            # Later calls do not wait for it: what is tried again comes out of order, as with the real server.
            self.add(instance, [(time.monotonic() + 1.0, call)], tries - 1)
        if later:
            self.add(instance, later)


def main() -> None:
    """Post what comes in on stdin, a JSON object a line, until it ends."""
    os.nice(NICENESS)
    posting = None
    for line in sys.stdin:
        fields = json.loads(line)
        if posting is None:
            posting = _Round(**fields)
        else:
            posting.add(**fields)


if __name__ == "__main__":
    main()
