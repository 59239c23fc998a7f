"""``python -m benchmarks.honest``: what the gates let through, of markets with and without an edge, and the comparison
of a shadow with who serves, of equals and of a better one.
"""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from benchmarks.honest.markets import NULLS, REAL_BARS
from benchmarks.honest.shadows import EDGES, EQUALS, decided_after, gain, race, year_of_rounds
from benchmarks.honest.trials import leaks, promoted_edge, promoted_null
from flows.charts import lines

_ROWS: Final = 12_000
_LEAST_FOUND: Final = 0.99
_CURVE: Final = (1_500, 3_000, 6_000, 12_000)
_LEVEL: Final = 0.05
"""Of false promotions, that the comparison promises to stay below."""
_CHANCE: Final = 0.01
"""Of more of them than are allowed here, were they as frequent as that."""
_OUTCOMES: Final = (500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000)
_Curves = Mapping[str, Sequence[tuple[float, float]]]


def main() -> int:
    """Print the tables; 1 if a bound is not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.honest", description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="of each market")
    parser.add_argument("--seed", type=int, help="of the first run; default: one that nobody has seen")
    parser.add_argument("--quick", action="store_true", help="6 runs of 4,000 candidates, to see that it works")
    parser.add_argument("--only", choices=("gates", "comparison"), help="one of the two parts")
    parser.add_argument("--plots", type=Path, metavar="DIRECTORY", help="where to write the curves of power, as SVG")
    told = parser.parse_args()
    runs, rows = (6, 4_000) if told.quick else (told.runs, _ROWS)
    seed = int.from_bytes(os.urandom(3), "little") if told.seed is None else told.seed
    seeds = range(seed, seed + runs)
    curves: dict[str, _Curves] = {}
    kept: list[bool] = []
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        if told.only != "comparison":
            _say(f"gates: seeds from {seed}, {runs} runs of {rows:,} candidates each")
            curves["power"] = _gates(pool, seeds, rows, kept, quick=told.quick)
        if told.only != "gates":
            _say(f"comparison: seeds from {seed}, {2 * runs} years each of two that are equal, {runs} of each edge")
            curves["comparison"] = _comparison(pool, seeds, kept)
    if told.plots is not None:
        for name, series in curves.items():
            (told.plots / f"{name}.svg").write_text(lines(series))
    return 0 if all(kept) else 1


def _gates(pool: Executor, seeds: range, rows: int, kept: list[bool], *, quick: bool) -> _Curves:
    """What they let through; the share of edges by the number of candidates."""
    runs = len(seeds)
    kept += [_kept(f"named: {what}", int(named), 1, enough=named) for what, named in leaks(seeds[0]).items()]
    for name in NULLS:
        if name.endswith("real bars") and not REAL_BARS.is_dir():
            _say(f"{name}: skipped, no recordings in {REAL_BARS}")
            continue
        false = sum(pool.map(promoted_null, [name] * runs, [rows] * runs, seeds))
        kept.append(_kept(f"promoted, {name}", false, runs, enough=false <= runs // 100))
    found = sum(pool.map(promoted_edge, [rows] * runs, seeds))
    enough = quick or found >= _LEAST_FOUND * runs
    kept.append(_kept("promoted, an edge of AUC 0.60", found, runs, enough=enough))
    curve = {rows: found / runs}
    few = seeds[: max(runs // 4, 5)]
    for count in _CURVE:
        if count not in curve:
            curve[count] = sum(pool.map(promoted_edge, [count] * len(few), few)) / len(few)
    for count, share in sorted(curve.items()):
        _say(f"power with {count:,} candidates: {share:.2f}")
    return {"promoted": sorted(curve.items())}


def _comparison(pool: Executor, seeds: range, kept: list[bool]) -> _Curves:
    """What it comes to; the share of better shadows that are found, by the number of outcomes."""
    runs = range(seeds[0], seeds[0] + 2 * len(seeds))  # rare events: more of them
    binomial: Any = import_module("scipy.stats").binom
    most = int(binomial.ppf(1 - _CHANCE, len(runs), _LEVEL))
    for name in EQUALS:
        verdicts = list(pool.map(year_of_rounds, [name] * len(runs), runs))
        false = verdicts.count("better")
        kept.append(_kept(f"promoted in a year, {name}", false, len(runs), enough=false <= most))
        _say(f"withdrawn in a year, {name}: {verdicts.count('worse')} of {len(runs)}")
    curves = {}
    for name in EDGES:
        after = list(pool.map(partial(decided_after, counts=_OUTCOMES), [name] * len(seeds), seeds))
        curve = [(count, sum(one is not None and one <= count for one in after) / len(after)) for count in _OUTCOMES]
        shares = ", ".join(f"{share:.2f} after {count:,}" for count, share in curve)
        _say(f"found, {name} (squared error smaller by {gain(race(name, seeds[0], _OUTCOMES[-1])):.4f}): {shares}")
        curves[name] = curve
    return curves


def _kept(what: str, count: int, runs: int, *, enough: bool) -> bool:
    _say(f"{what}: {count} of {runs}{'' if enough else '  NOT KEPT'}")
    return enough


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
