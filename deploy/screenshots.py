"""Takes the pictures of ``docs/screenshots`` from a demo that it starts: ``python -m deploy.screenshots``."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

import msgspec
from playwright.sync_api import Browser, sync_playwright

from schemas.errors import CandlewickError

__all__ = ["ScreenshotError", "main", "photograph", "take"]

_OUT: Final = Path(__file__).resolve().parents[1] / "docs" / "screenshots"
_PORT: Final = 8399
_PATIENCE_S: Final = 120.0
_PICTURES: Final = {"page": (1280, 1268, 1.0), "phone": (390, 900, 1.5)}
"""Width and height of the window in CSS pixels, and how many pixels of the picture one is."""
_FLAGS: Final = (
    "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip


class ScreenshotError(CandlewickError):
    """No picture could be taken; the text says what is missing."""


def take(url: str, out: Path = _OUT) -> list[Path]:
    """Pictures of the page at ``url``, in ``out``.

    Raises:
        ScreenshotError: there is no Chromium on PATH.
    """
    program = shutil.which("chromium")
    if program is None:
        raise ScreenshotError("screenshots: no chromium on PATH; Debian's package is named chromium")
    flags = [*_FLAGS, "--no-sandbox"] if os.geteuid() == 0 else list(_FLAGS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=flags)
        return photograph(browser, url, out)


def photograph(browser: Browser, url: str, out: Path) -> list[Path]:
    """The same with a browser that runs already; the store has to be fresh and to hold a signal."""
    out.mkdir(parents=True, exist_ok=True)
    return [_take(browser, url, out / f"{name}.png", *size) for name, size in _PICTURES.items()]


def _take(browser: Browser, url: str, path: Path, width: int, height: int, scale: float) -> Path:
    page = browser.new_page(viewport={"width": width, "height": height}, device_scale_factor=scale)
    page.goto(f"{url}/#{_place(url)}")
    page.locator("#light[data-state=live]").wait_for()
    page.locator(".item[aria-pressed=true]").wait_for()
    page.locator("#quality .stages").wait_for()
    page.wait_for_timeout(1_200)  # a beat of the page: the forming bar has moved
    page.screenshot(path=path)
    page.close()
    return path


def _place(url: str) -> str:
    """Where the newest published signal is drawn, one of a perpetual if there is one: there is more to see."""
    signals = _read(f"{url}/signals?limit=100")["items"]
    signal = max(signals, key=lambda one: one["instrument_id"].count(":"))
    return f"instrument={signal['instrument_id']}&timeframe={signal['timeframe']}&signal={signal['id']}"


@contextmanager
def _demo() -> Iterator[str]:
    """The address of a demo of our own, which ends with the block."""
    url = f"http://127.0.0.1:{_PORT}"
    with tempfile.TemporaryDirectory(prefix="candlewick-screenshots-") as folder:
        Path(folder).chmod(0o755)  # the embedded database may run as another user
        command = [sys.executable, "-m", "flows.cli.main", "demo", "--folder", folder]
        demo = subprocess.Popen(command, env={**os.environ, "CANDLEWICK_API__PORT": str(_PORT)}, stdout=sys.stderr)
        try:
            _wait_ready(demo, url)
            yield url
        finally:
            demo.terminate()
            demo.wait(60)


def _wait_ready(demo: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if demo.poll() is not None:
            raise ScreenshotError(f"screenshots: the demo ended with status {demo.returncode}; its reason stands above")
        try:
            if _read(f"{url}/ready")["ready"] and _read(f"{url}/signals?limit=1")["items"]:
                return
        except (URLError, ConnectionError):
            pass  # not up, or 503: not ready yet
        time.sleep(0.5)
    raise ScreenshotError(f"screenshots: the demo at {url} was not ready within {_PATIENCE_S:.0f} s")


def _read(url: str) -> dict[str, list[dict[str, str]]]:
    with urlopen(url, timeout=10) as answer:  # noqa: S310, always http, to ourselves or where the caller says
        body: dict[str, list[dict[str, str]]] = msgspec.json.decode(answer.read())
        return body


def main() -> int:
    """The command: 0, or 2 with one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m deploy.screenshots", description=__doc__)
    parser.add_argument("--url", help="a running API, without a slash at its end; default: a demo of its own")
    parser.add_argument("--out", type=Path, default=_OUT)
    chosen = parser.parse_args()
    try:
        if chosen.url:
            pictures = take(chosen.url, chosen.out)
        else:
            with _demo() as url:
                pictures = take(url, chosen.out)
    except CandlewickError as error:
        print(error, file=sys.stderr)  # noqa: T201, a command's output
        return 2
    for picture in pictures:
        print(picture)  # noqa: T201, this is a command
    return 0


if __name__ == "__main__":
    sys.exit(main())
