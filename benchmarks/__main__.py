"""`make bench`: measure, print a table, keep it for the page."""

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.context import Context
from benchmarks.figures import Figure, Result
from benchmarks.machine import machine
from benchmarks.page import page
from benchmarks.parts import (
    closing,
    indicators,
    latency,
    microstructure,
    models,
    profile,
    replay,
    resume,
    scaling,
    state,
    store,
    throughput,
)
from benchmarks.report import table

__all__ = ["main"]

_HERE: Final = Path(__file__).resolve().parent
_OUT: Final = _HERE / "out"
_DOCS: Final = _HERE.parent / "docs"
_PARTS: Final[dict[str, Callable[[Context], list[Figure]]]] = {
    part.NAME: part.measure
    for part in (
        throughput, models, scaling, latency, closing, microstructure, indicators, replay, state, resume, store,
        profile,
    )
}  # fmt: skip


def main() -> int:
    """Run the parts asked for."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short form, to see that everything runs")
    parser.add_argument("--runs", type=int, help="repetitions of what is compared (5; quick: 1)")
    parser.add_argument("--only", default="", help=f"parts, with commas: {', '.join(_PARTS)}")
    parser.add_argument("--peers", help="an interpreter that has the packages of benchmarks/requirements.txt")
    parser.add_argument("--no-peers", action="store_true", help="leave out those who need them, and the plots")
    parser.add_argument("--page", action="store_true", help="write docs/performance.md and its plots")
    asked = parser.parse_args()
    wanted = [name.strip() for name in asked.only.split(",") if name.strip()] or list(_PARTS)
    unknown = set(wanted) - set(_PARTS)
    if unknown:
        parser.error(f"--only {asked.only}: there is no {', '.join(sorted(unknown))}; parts are {', '.join(_PARTS)}")
    _OUT.mkdir(exist_ok=True)
    peers = None if asked.no_peers else asked.peers
    described = machine(peers)
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="candlewick-bench-") as work:
        context = Context(Path(work), quick=asked.quick, runs=asked.runs or (1 if asked.quick else 5), peers=peers)
        for name in wanted:
            print(name, flush=True)  # noqa: T201, this is a command
            with context.brokers():
                figures += _PARTS[name](context)
    result = Result(machine=described, quick=asked.quick, log=context.log, figures=figures)
    (_OUT / "latest.json").write_bytes(msgspec.json.format(msgspec.json.encode(result)))
    print(table(result))  # noqa: T201, this is a command
    _show(result, peers, _DOCS if asked.page else _OUT)
    return 0


def _show(result: Result, peers: str | None, folder: Path) -> None:
    """Write the page, with plots where there is something to draw with."""
    plots = folder / "performance"
    if peers is not None:
        command = [peers, "-m", "benchmarks.plots", str(_OUT / "latest.json"), str(plots)]
        subprocess.run(command, check=True, cwd=_HERE.parent)
    (folder / "performance.md").write_text(page(result, plots))


if __name__ == "__main__":
    sys.exit(main())
