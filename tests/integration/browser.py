"""A headless Chromium, and pages that note what went wrong in them."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, Request, sync_playwright

__all__ = ["CHROMIUM", "Visit", "browser", "visit"]

CHROMIUM: Final = Path("/usr/bin/chromium")
_FLAGS: Final = [
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
_ABORTED: Final = "net::ERR_ABORTED"  # the page went elsewhere before it was answered


class Visit:
    """One page, and every error, failed request and answer above 399 since it was opened."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        page.on("console", lambda message: self._note(message.text if message.type == "error" else None))
        page.on("pageerror", lambda error: self._note(str(error)))
        page.on("requestfailed", self._on_failed)
        page.on("response", lambda answer: self._note(f"{answer.status} {answer.url}" if answer.status > 399 else None))

    def _on_failed(self, request: Request) -> None:
        if request.failure != _ABORTED:
            self._note(f"{request.url}: {request.failure}")

    def _note(self, problem: str | None) -> None:
        if problem is not None:
            self.problems.append(problem)

    def text(self, selector: str) -> str:
        """What can be read in an element."""
        return self.page.inner_text(selector)

    def until(self, condition: str, argument: object = None) -> None:
        """Wait until a JavaScript expression is true (asked from outside: the page's own policy forbids eval)."""
        deadline = time.monotonic() + 20
        while not self.page.evaluate(condition, argument):
            assert time.monotonic() < deadline, f"waited in vain for {condition}; {self.problems}"
            self.page.wait_for_timeout(50)


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's Chromium; as root it cannot have its sandbox."""
    flags = [*_FLAGS, "--no-sandbox"] if os.geteuid() == 0 else _FLAGS
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        try:
            yield chromium
        finally:
            chromium.close()


@contextmanager
def visit(chromium: Browser, address: str, *, width: int = 1280, height: int = 800) -> Iterator[Visit]:
    """The page at ``address`` in a window of its own."""
    page = chromium.new_page(viewport={"width": width, "height": height})
    seen = Visit(page)
    page.goto(address)
    try:
        yield seen
    finally:
        page.close()
