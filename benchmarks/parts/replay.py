"""How long `candlewick replay` takes over 17 months of 5m bars of five instruments, two of them younger."""

import gzip
import os
import resource
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Final

from benchmarks.context import Context
from benchmarks.figures import Figure, of_runs
from flows.process import command

__all__ = ["NAME", "measure"]

NAME: Final = "replay"
_ROOT: Final = Path(__file__).resolve().parents[2]
_BARS: Final = _ROOT.parent / "shared/data/bars_nolicense/binance_um_5m_2023-01_2024-05"
_COINS: Final = ("BTC", "ETH", "LTC", "SUI", "1000PEPE")
_MONTHS: Final = 144_000  # bars
_QUICK: Final = 5_000
_BEGIN: Final = 1_672_531_200_000  # ms
_LENGTH: Final = 300_000


def measure(context: Context) -> list[Figure]:
    """The whole command with its files, several times over; CPU time is of all its processes."""
    inputs = [_table(context, coin) for coin in _COINS]
    target = {} if context.quick else {"at_most": 90.0}
    took: list[float] = []
    spent: list[float] = []
    vectors = 0
    for number in range(min(context.runs, 3)):
        out = context.scratch()
        begun, before = time.monotonic(), _cpu()
        done = subprocess.run(
            [*command("replay"), *inputs, "--timeframe", "5m", "--out", str(out)], cwd=_ROOT, check=True,
            env={**os.environ, "PYTHONPATH": str(_ROOT)}, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        took.append(time.monotonic() - begun)
        spent.append(_cpu() - before)
        counts = dict(line.split(": ") for line in done.stdout.splitlines())
        vectors = int(counts["features.vectors"])
        context.say(f"{number + 1}: {took[-1]:.1f} s, CPU {spent[-1]:.1f} s, load {os.getloadavg()[0]:.1f}")
        for path in out.iterdir():
            path.unlink()
    return [
        Figure(part=NAME, name="vectors", value=vectors, unit="vectors"),
        of_runs(NAME, "whole replay", took, "s", **target),
        of_runs(NAME, "whole replay: CPU", spent, "s"),
        of_runs(NAME, "a vector: CPU", [cpu / vectors * 1e6 for cpu in spent], "µs"),
    ]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _table(context: Context, coin: str) -> str:
    """Bars of an instrument, recorded ones where these are on the machine, as an argument of the command."""
    recorded, count = _BARS / f"{coin}USDT_5m.csv.gz", _QUICK if context.quick else _MONTHS
    path = context.folder / f"{coin}.csv"
    if recorded.exists():
        with gzip.open(recorded, "rt") as file:
            head, *rows = file
        path.write_text(head + "".join(rows[-count:]))  # the newest, as all of them end together
    else:
        path.write_text("".join(_walk(coin, count)))
    return f"binanceusdm:{coin}/USDT:USDT={path}"


def _walk(coin: str, count: int) -> Iterator[str]:
    draw, price = Random(coin), 100.0  # noqa: S311, prices
    yield "ts_ms,open,high,low,close,volume\n"
    for number in range(count):
        before, price = price, price * (1.0 + draw.gauss(0.0, 0.001))
        high, low = max(before, price) * 1.0005, min(before, price) * 0.9995
        yield f"{_BEGIN + number * _LENGTH},{before:.4f},{high:.4f},{low:.4f},{price:.4f},{draw.random() * 1e3:.3f}\n"
