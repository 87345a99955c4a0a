"""How long a receipt takes to an open page: `python -m tests.latency --streams 50` prints one JSON line, times in ms.

From the moment at which the gateway begins its webhook call until an event stream has the new count, and until a page
in a real browser shows it, while the campaign is being sent.
"""

from __future__ import annotations

import json
import random
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import requests
from playwright.sync_api import sync_playwright

from tests.acceptance.browsing import CHROMIUM, OPTIONS
from tests.builders import a_body
from tests.following import Browser
from tests.measure import follow
from tests.processes import RedisServer, Stack, wait_for

#: Notes each count of those delivered that the page shows, and when, Unix ms.
WATCH = """() => {
  window.seen = [];
  const look = () => {
    const count = Number(document.querySelector("[data-live='counts.delivered']").textContent);
    if (count !== window.seen.at(-1)?.[0]) window.seen.push([count, Date.now()]);
  };
  new MutationObserver(look).observe(document.body, { childList: true, characterData: true, subtree: true });
}"""
GAP_MS = 200


def tell(stack: Stack, message_id: str) -> None:
    """Have a message delivered, as the gateway tells it."""
    call = {
        "event": "messages.update",
        "instance": "i1",
        "data": {"keyId": message_id, "fromMe": True, "status": "DELIVERY_ACK"},
    }
    url = f"http://127.0.0.1:{stack.webhook_port}/webhooks/evolution/i1"
    requests.post(url, json=call, timeout=10).raise_for_status()


def tell_all(stack: Stack, receipts: int) -> list[float]:
    """Tell of one message after the other, at moments that have nothing to do with the pace; each moment, Unix s."""
    told: list[float] = []

    def others() -> list[dict[str, Any]]:
        return stack.arrivals("i1")[len(told) :]

    while len(told) < receipts:
        arrival = wait_for(others, what="the next message")[0]
        time.sleep(random.uniform(0.05, 0.5))
        told.append(time.time())
        tell(stack, arrival["id"])
    return told


def delays(told: Sequence[float], seen: Sequence[tuple[int, float]]) -> dict[str, float]:
    """Of the delays until each count, or a higher one, was seen: median, 99th percentile and greatest, in ms."""
    found = sorted(
        next(at for count, at in seen if count >= number) - began for number, began in enumerate(told, start=1)
    )
    at = {"median": len(found) // 2, "p99": int(len(found) * 0.99), "greatest": len(found) - 1}
    return {name: round(found[index] * 1000) for name, index in at.items()}


@click.command()
@click.option("--receipts", default=250)
@click.option("--streams", default=50, help="How many follow the campaign, one page in a browser among them.")
def main(receipts: int, streams: int) -> None:
    """Send a campaign, have its messages delivered one by one, and print how soon that was seen."""
    folder = Path(tempfile.mkdtemp())
    with RedisServer(folder) as server, Stack(folder, server.url()) as stack, sync_playwright() as playwright:
        behaviour = {"receipts": False, "echoes": False}
        requests.put(f"{stack.sandbox_url}/behaviour", json=behaviour, timeout=10).raise_for_status()
        body = a_body("c1", "i1", contacts=receipts * 3, rateLimitMs=GAP_MS)
        stack.post("/functions/v1/broadcast_messaging_service", body).raise_for_status()
        page = playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS).new_page(locale="en-US")
        page.goto(f"{stack.url}/dashboard/campaigns/c1")
        page.evaluate(WATCH)
        stream = f"{stack.url}/campaigns/c1/events"
        clocks = time.time() - time.monotonic()
        browser = Browser(stream)
        for _ in range(streams - 2):
            threading.Thread(target=follow, args=(stream,), daemon=True).start()
        told = tell_all(stack, receipts)
        wait_for(lambda: page.evaluate("window.seen.at(-1)?.[0]") == receipts, what="the last count")
        wait_for(lambda: browser.seen[-1].data["counts"]["delivered"] == receipts, what="the last count's event")
        events = [(one.data["counts"]["delivered"], one.at + clocks) for one in browser.seen]
        shown = [(count, at / 1000) for count, at in page.evaluate("window.seen")]
        browser.close()
        click.echo(json.dumps({
            "receipts": receipts, "streams": streams,
            "toStreamMs": delays(told, events), "toPageMs": delays(told, shown),
        }))  # fmt: skip


if __name__ == "__main__":
    main()
