"""What a large audience costs: `python -m tests.audience --contacts 1000000` prints one JSON line.

The memory of the processes that take it, in MB at their greatest, and the bytes that a contact has in Redis.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from pathlib import Path

import click
import psutil
import redis
import requests

from tests.builders import a_body
from tests.processes import RedisServer, Stack, wait_for

CHUNK = 50_000


def rows(first: int, count: int) -> bytes:
    """So many contacts as lines of JSON, each with a name and a variable."""
    numbers = range(first, first + count)
    lines = (
        json.dumps({"phone": f"55119{number:08}", "name": f"Cliente {number}", "vars": {"cidade": "Recife"}})
        for number in numbers
    )
    return "\n".join(lines).encode()


def rss_mb(pid: int) -> float:
    """Resident memory of the largest of a process and its children, in MB."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    return max(one.memory_info().rss for one in family) / 2**20


class Watch(threading.Thread):
    """Remembers the greatest memory of a process."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.greatest = pid, 0.0
        self.start()

    def run(self) -> None:
        while psutil.pid_exists(self.pid):
            self.greatest = max(self.greatest, rss_mb(self.pid))
            time.sleep(0.05)


def taken(stack: Stack, contacts: int) -> float:
    """Hand so many contacts in, chunk by chunk; the seconds that it took."""
    began = time.monotonic()
    for chunk, first in enumerate(range(0, contacts, CHUNK)):
        answer = requests.post(
            f"{stack.url}/campaigns/c1/contacts?chunk={chunk}",
            data=rows(first, min(CHUNK, contacts - first)),
            headers={"Content-Type": "application/x-ndjson"},
            timeout=300,
        )
        answer.raise_for_status()
    return time.monotonic() - began


@click.command()
@click.option("--contacts", default=1_000_000)
def main(contacts: int) -> None:
    """Open a campaign, hand the contacts in, start it, and print what it cost."""
    folder = Path(tempfile.mkdtemp())
    with RedisServer(folder) as server, Stack(folder, server.url()) as stack:
        client = redis.Redis.from_url(server.url())
        body = {**a_body("c1", "i1", rateLimitMs=60_000), "message": "{{name}} {{cidade}}", "open": True}
        del body["contacts"]
        stack.post("/queue/add-broadcast", body).raise_for_status()
        web = stack.processes["web"].child.pid
        before_mb, before = rss_mb(web), client.info("memory")["used_memory"]
        watch = Watch(web)
        seconds = taken(stack, contacts)
        opened = client.info("memory")["used_memory"]
        stack.post("/campaigns/c1/start").raise_for_status()
        stack.wait_until("c1", lambda status: status["status"] == "running")
        wait_for(lambda: client.info("memory")["lazyfree_pending_objects"] == 0, what="Redis to free what it can")
        started = client.info("memory")["used_memory"]
        total = stack.status("c1")["total"]
    click.echo(json.dumps({
        "contacts": total, "seconds": round(seconds),
        "webMb": {"before": round(before_mb), "most": round(watch.greatest)},
        "bytesPerContact": {"open": round((opened - before) / total), "started": round((started - before) / total)},
    }))  # fmt: skip


if __name__ == "__main__":
    main()
