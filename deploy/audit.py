"""Asks PyPI and npm for known vulnerabilities of exactly what is installed here: ``python -m deploy.audit``.

One that is known fails, unless ``audit-allowed.toml`` beside this file says why it does no harm here, and until when
that was looked at. A service that does not answer is named and fails nothing: it says nothing of the packages.
"""

import subprocess
import sys
import tomllib
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from deploy.page_assets import PageAssetsError, npm_command
from schemas.errors import CandlewickError

__all__ = ["Allowance", "NotAskedError", "Vulnerability", "judge", "main", "of_npm", "of_pip", "read_allowances"]

_ROOT: Final = Path(__file__).resolve().parents[1]
_ALLOWED: Final = Path(__file__).with_name("audit-allowed.toml")
_PATIENCE_S: Final = 45.0


class NotAskedError(CandlewickError):
    """A service did not answer; the text names it and says why."""


class Vulnerability(Struct, frozen=True, kw_only=True):
    """A known one of a package that is installed here."""

    package: str
    id: str
    aliases: tuple[str, ...] = ()
    remedy: str = ""


class Allowance(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a vulnerability does no harm here, and until when nobody has to look at it again."""

    package: str
    id: str
    reason: str
    until: date


def judge(found: list[Vulnerability], allowances: list[Allowance], today: date, *, complete: bool = True) -> list[str]:
    """A line for everything that is not all right; unless ``complete``, what is not found may be there all the same."""
    lines = []
    for one in found:
        names = {one.id, *one.aliases}
        known = next((each for each in allowances if each.package == one.package and each.id in names), None)
        if known is None:
            lines.append(f"{one.package}: {one.id}{one.remedy and f', {one.remedy}'}")
        elif known.until < today:
            lines.append(f"{one.package}: {one.id} was allowed until {known.until}, as {known.reason}; look again")
    used = {(one.package, name) for one in found for name in (one.id, *one.aliases)}
    left = [each for each in allowances if complete and (each.package, each.id) not in used]
    return lines + [f"{_ALLOWED.name}: {each.package} {each.id} is not found any more; take it out" for each in left]


def read_allowances(path: Path = _ALLOWED) -> list[Allowance]:
    """Those of the file.

    Raises:
        CandlewickError: it is not as it has to be.
    """
    try:
        return msgspec.convert(tomllib.loads(path.read_text()).get("allowed", []), list[Allowance])
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise CandlewickError(f"{path.name}: {error}") from error


def of_pip(output: str) -> list[Vulnerability]:
    """What pip-audit found.

    Raises:
        NotAskedError: it could not ask, or PyPI knows nothing of any package.
    """
    packages = _parsed(output, "pypi.org").get("dependencies", [])
    skipped = [package for package in packages if "skip_reason" in package]
    if len(skipped) == len(packages):
        raise NotAskedError(f"pypi.org says nothing of any of the {len(packages)} packages")
    return [
        Vulnerability(
            package=package["name"],
            id=one["id"],
            aliases=tuple(one.get("aliases", ())),
            remedy=f"mended in {', '.join(one['fix_versions'])}" if one["fix_versions"] else "",
        )
        for package in packages
        for one in package.get("vulns", ())
    ]


def of_npm(output: str) -> list[Vulnerability]:
    """What npm audit found, as `of_pip`."""
    report = _parsed(output, "registry.npmjs.org")
    if "vulnerabilities" not in report:
        raise NotAskedError(f"registry.npmjs.org: {report.get('message') or 'no answer'}")
    return [
        Vulnerability(package=name, id=via["url"].rpartition("/")[2], remedy=via["title"])
        for name, one in report["vulnerabilities"].items()
        for via in one["via"]
        if isinstance(via, dict)  # a text is the name of another package of this list
    ]


def _parsed(output: str, service: str) -> Any:
    try:
        return msgspec.json.decode(output)
    except msgspec.DecodeError as error:
        lines = output.strip().splitlines() or ["no answer"]
        raise NotAskedError(f"{service}: {lines[-1]:.200}") from error


def _pip() -> list[Vulnerability]:
    options = ["--disable-pip", "--require-hashes", "--format=json", "--aliases=on", "--progress-spinner=off"]
    lock = ["-r", str(_ROOT / "requirements.lock")]
    return of_pip(_run([sys.executable, "-m", "pip_audit", *options, *lock], "pypi.org"))


def _npm() -> list[Vulnerability]:
    try:
        command = [*npm_command(), "audit", "--json", "--package-lock-only", "--loglevel=silent"]
    except PageAssetsError as error:
        raise NotAskedError(f"registry.npmjs.org: {error}") from error
    return of_npm(_run(command, "registry.npmjs.org"))


def _run(command: list[str], service: str) -> str:
    try:
        done = subprocess.run(
            command, cwd=_ROOT / "api" / "page", stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=_PATIENCE_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotAskedError(f"{service}: {error}") from error
    return done.stdout.strip() or done.stderr


def main() -> int:
    """The command: 1 if something has to be done, else 0."""
    found: list[Vulnerability] = []
    complete = True
    with ThreadPoolExecutor(2) as pool:
        for asked in [pool.submit(_pip), pool.submit(_npm)]:
            try:
                found += asked.result()
            except NotAskedError as error:
                complete = False
                print(f"dependency audit: not made, {error}", file=sys.stderr)  # noqa: T201, a command's output
    try:
        lines = judge(found, read_allowances(), datetime.now(UTC).date(), complete=complete)
    except CandlewickError as error:
        lines = [str(error)]
    for line in lines:
        print(f"dependency audit: {line}", file=sys.stderr)  # noqa: T201, this is a command
    if complete and not lines:
        print("dependency audit: no known vulnerability")  # noqa: T201, this is a command
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
