"""What an update of each indicator costs beside the same of TA-Lib, talipp and NautilusTrader."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from benchmarks.context import Context
from benchmarks.figures import Figure, of_runs
from benchmarks.jobs.indicators import OURS, VECTOR

__all__ = ["NAME", "measure"]

NAME: Final = "indicators"
_ROOT: Final = Path(__file__).resolve().parents[2]


def measure(context: Context) -> list[Figure]:
    """All in one process, so many rounds over the same bars; a ratio is of one round."""
    module = f"benchmarks.{'jobs' if context.peers is None else 'peers'}.indicators"
    command = [context.peers or sys.executable, "-m", module, str(max(context.runs, 3))]
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    done = subprocess.run(
        [*command, "2000" if context.quick else "10000"], capture_output=True, check=True, cwd=_ROOT, env=environment
    )
    found: dict[str, dict[str, list[float]]] = json.loads(done.stdout)
    ours = found.pop(OURS)
    vector = of_runs(NAME, VECTOR, ours.pop(VECTOR), "µs", at_most=50.0)
    figures: list[Figure] = []
    for name, runs in ours.items():
        figures.append(of_runs(NAME, name, runs, "µs/update"))
        for who, theirs in found.items():
            if name in theirs:
                ratios = [one / other for one, other in zip(runs, theirs[name], strict=True)]
                target = {"at_most": 1.0} if who == "talipp" else {}
                figures.append(of_runs(NAME, f"{name} / {who}", ratios, "ratio", **target))
    return [*figures, vector]
