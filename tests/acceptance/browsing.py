"""A real browser for the tests of the dashboard: who visits, what is looked at, and how a page is judged.

Screenshots are kept in `artefacts/`, which git ignores.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect, sync_playwright

from tests.builders import a_body
from tests.processes import Stack, wait_for

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
#: What every file of such tests is marked with.
MARKS = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: install it (Debian: apt install chromium)"),
]

ROOT = Path(__file__).parents[2]
ARTEFACTS = ROOT / "artefacts"
OPTIONS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
KEY = "secret-of-marketing"
#: name -> width and height of the window
SIZES = {"phone": (375, 812), "desk": (1440, 900)}
#: Both widths and both schemes; the other two pairs are made of the same parts.
LOOKED_AT = {("desk", "light"), ("phone", "dark")}
#: A page that is right is right at once: so long, in ms, waits who runs on a busy machine. Playwright's own is 5 s.
PATIENCE_MS = 60_000
#: What WCAG 2.1 asks for on levels A and AA, which is what we promise.
RULES = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}}


expect.set_options(timeout=PATIENCE_MS)


@contextmanager
def a_browser() -> Iterator[Browser]:
    """One Chromium, with a user-data-dir of its own that is gone with it."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=OPTIONS)
        yield chromium
        chromium.close()


@contextmanager
def a_visitor(browser: Browser, stack: Stack) -> Iterator[BrowserContext]:
    """Somebody in Brazil. Whatever a page asks of another host, or the policy forbids, fails the test."""
    visitor = browser.new_context(locale="pt-BR", base_url=stack.url, viewport={"width": 1440, "height": 900})
    visitor.set_default_timeout(PATIENCE_MS)
    asked: list[str] = []
    visitor.on("request", lambda request: asked.append(request.url))
    problems: list[str] = []
    visitor.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    yield visitor
    visitor.close()
    assert not [url for url in asked if not url.startswith((stack.url, "data:"))]
    assert not [text for text in problems if "Content Security Policy" in text]


class Tab:
    """A tab of the browser's window, one of which is in front. Every `Page` of Playwright takes itself for that one."""

    _numbers = count(1)

    def __init__(self, browser: CDPSession, url: str) -> None:
        self._browser = browser
        self._answers: dict[int, Mapping[str, Any]] = {}
        self._target = browser.send("Target.createTarget", {"url": url})["targetId"]
        opened = browser.send("Target.attachToTarget", {"targetId": self._target, "flatten": False})
        self._session = opened["sessionId"]
        browser.on("Target.receivedMessageFromTarget", self._hear)

    def _hear(self, event: Mapping[str, Any]) -> None:
        if event["sessionId"] == self._session:
            message = json.loads(event["message"])
            self._answers[message.get("id", 0)] = message

    def evaluate(self, expression: str) -> Any:
        """What the expression is there; None where the page went away over it."""
        number = next(self._numbers)
        asked = {"id": number, "method": "Runtime.evaluate"}
        asked["params"] = {"expression": expression, "returnByValue": True, "awaitPromise": True}
        self._browser.send("Target.sendMessageToTarget", {"sessionId": self._session, "message": json.dumps(asked)})

        def is_answered() -> bool:
            self._browser.send("Browser.getVersion")  # has what the browser tells come through
            return number in self._answers

        wait_for(is_answered, what="the tab to answer")
        return self._answers.pop(number).get("result", {}).get("result", {}).get("value")

    def wait_for(self, expression: str) -> None:
        """Wait until the expression is true there."""
        wait_for(lambda: self.evaluate(expression) is True, what=expression)

    def bring_to_front(self) -> None:
        self._browser.send("Target.activateTarget", {"targetId": self._target})
        self.wait_for("!document.hidden")

    def close(self) -> None:
        self._browser.send("Target.closeTarget", {"targetId": self._target})


def log_in(page: Page) -> None:
    page.goto("/dashboard")
    page.get_by_label("Chave de API").fill(KEY)
    page.get_by_role("button", name="Entrar").click()
    expect(page.get_by_role("heading", name="Campanhas", exact=True)).to_be_visible()


def send(stack: Stack, campaign: str, instance: str, **changes: object) -> None:
    body = {name: value for name, value in a_body(campaign, instance, **changes).items() if name != "action"}
    stack.post("/queue/add-broadcast", body, Authorization=f"Bearer {KEY}").raise_for_status()


def violations(page: Page) -> list[str]:
    found = Axe().run(page, options=RULES).response["violations"]
    return [f"{page.url}: {one['id']}: {one['nodes'][0]['html'][:200]}" for one in found]


def shoot(page: Page, name: str) -> None:
    ARTEFACTS.mkdir(exist_ok=True)
    page.screenshot(path=ARTEFACTS / f"{name}.png", full_page=True)
