"""``python -m benchmarks.honest``: what the gates let through, of markets with and without an edge."""

import argparse
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Final

from benchmarks.honest.markets import NULLS, REAL_BARS
from benchmarks.honest.trials import leaks, promoted_edge, promoted_null
from flows.charts import lines

_ROWS: Final = 12_000
_LEAST_FOUND: Final = 0.99
_CURVE: Final = (1_500, 3_000, 6_000, 12_000)


def main() -> int:
    """Print the table; 1 if a bound is not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.honest", description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="of each market")
    parser.add_argument("--seed", type=int, help="of the first run; default: one that nobody has seen")
    parser.add_argument("--quick", action="store_true", help="6 runs of 4,000 candidates, to see that it works")
    parser.add_argument("--plot", type=Path, help="where to write the power curve, as SVG")
    told = parser.parse_args()
    runs, rows = (6, 4_000) if told.quick else (told.runs, _ROWS)
    seed = int.from_bytes(os.urandom(3), "little") if told.seed is None else told.seed
    seeds = range(seed, seed + runs)
    _say(f"seeds from {seed}, {runs} runs of {rows:,} candidates each")
    kept = [_kept(f"named: {what}", int(named), 1, enough=named) for what, named in leaks(seed).items()]
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        for name in NULLS:
            if name.endswith("real bars") and not REAL_BARS.is_dir():
                _say(f"{name}: skipped, no recordings in {REAL_BARS}")
                continue
            false = sum(pool.map(promoted_null, [name] * runs, [rows] * runs, seeds))
            kept.append(_kept(f"promoted, {name}", false, runs, enough=false <= max(1, runs // 100)))
        found = sum(pool.map(promoted_edge, [rows] * runs, seeds))
        enough = told.quick or found >= _LEAST_FOUND * runs
        kept.append(_kept("promoted, an edge of AUC 0.60", found, runs, enough=enough))
        curve = {rows: found / runs}
        few = seeds[: max(runs // 4, 5)]
        for count in _CURVE:
            if count not in curve:
                curve[count] = sum(pool.map(promoted_edge, [count] * len(few), few)) / len(few)
    for count, share in sorted(curve.items()):
        _say(f"power with {count:,} candidates: {share:.2f}")
    if told.plot is not None:
        told.plot.write_text(lines({"promoted": sorted(curve.items())}))
    return 0 if all(kept) else 1


def _kept(what: str, count: int, runs: int, *, enough: bool) -> bool:
    _say(f"{what}: {count} of {runs}{'' if enough else '  NOT KEPT'}")
    return enough


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
