"""A browser that accepts no fault: errors on the console, broken rules of the page, answers of 5xx, other hosts."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from serve_kit import Served

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
"""No sandbox: it needs rights that root in a container lacks, and the pages are our own."""
PATIENCE_MS = 20_000
PHOTOS = Path(__file__).parents[2] / "demo" / "photos"
"""Real photographs, and drawn signs with text to read."""
WATCH = """
document.addEventListener("securitypolicyviolation", (event) => {
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`);
});
"""


def chromium() -> str:
    """The browser's program."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    assert found, "no Chromium: apt-get install chromium, or name it in the environment as CHROMIUM"
    return found


class Faults:
    """What went wrong on a page, in words."""

    def __init__(self, page: Page, host: str, allowed: Sequence[str]) -> None:
        self.found: list[str] = []
        self._host = host
        self._allowed = allowed
        page.on("console", lambda message: message.type == "error" and self._say(f"{message.text} {message.location}"))
        page.on("pageerror", lambda error: self._say(f"script: {error}"))
        page.on("request", lambda request: self._look(request.url))
        page.on("response", lambda answer: answer.status >= 500 and self._say(f"{answer.status} {answer.url}"))

    def _say(self, text: str) -> None:
        if not any(re.search(allowed, text) for allowed in self._allowed):
            self.found.append(text)

    def _look(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.netloc != self._host:
            self._say(f"asks another host: {url}")


@contextmanager
def tab(browser: Browser, served: Served, *, allowed: Sequence[str] = (), **options: Any) -> Iterator[Page]:
    """A page in a window of its own, at Home; its faults fail the test at the end of the block.

    Args:
        browser: the browser.
        served: the server.
        allowed: patterns of faults that the test brings about.
        options: of the window (Playwright's `new_context`).

    """
    address = str(served.client.base_url)
    context = browser.new_context(base_url=address, reduced_motion="reduce", **options)
    context.add_init_script(WATCH)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    faults = Faults(page, urlsplit(address).netloc, allowed)
    try:
        page.goto("/")
        yield page
    finally:
        context.close()
    assert not faults.found, "\n".join([*faults.found, "", "the server's last words:", *served.said[-12:]])


def toast(page: Page) -> Locator:
    """The words that follow what was done."""
    return page.locator("#toasts .toast")


def agree(page: Page) -> str:
    """Say yes to the question that is asked first; returns it."""
    question = page.locator("#confirm-text")
    question.wait_for()
    text = question.inner_text()
    page.locator('#confirm button[value="yes"]').click()
    return text
