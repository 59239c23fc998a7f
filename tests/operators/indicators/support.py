"""Price series that indicators are held against their oracles on."""

import csv
import gzip
from collections.abc import Sequence
from functools import cache
from itertools import chain, islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from operators.bars import OpenBar
from schemas.time import MILLISECOND, TIMEFRAME_NS, Timeframe
from tests.data import DATA
from tests.operators.support import START

_FOLDER = DATA / "bars_nolicense" / "binance_um_5m_2023-01_2024-05"
_SAMPLE = 1_500
"""Bars of each instrument that are looked at, if not all of them are."""
_all_bars = False

Column = NDArray[np.float64]


class Series(NamedTuple):
    """Bars, column by column; times in ms."""

    ts_ms: list[int]
    open: Column
    high: Column
    low: Column
    close: Column
    volume: Column


def take_all_bars() -> None:
    """From now on `real` gives all of them."""
    global _all_bars  # noqa: PLW0603, the choice of a whole run
    _all_bars = True


@cache
def real(symbol: str, skip: int) -> Series:
    """5m bars of Binance's perpetual: some from the ``skip``th on, or the 17 months from the first on."""
    with gzip.open(_FOLDER / f"{symbol}_5m.csv.gz", "rt") as file:
        head, span = next(file), (0, None) if _all_bars else (skip, skip + _SAMPLE)
        rows = list(csv.DictReader(chain([head], islice(file, *span))))
    columns = (np.array([float(row[name]) for row in rows]) for name in ("open", "high", "low", "close", "volume"))
    return Series([int(row["ts_ms"]) for row in rows], *columns)


def bars_of(symbol: str, skip: int) -> list[OpenBar]:
    """The same as bars; without data, of a random walk."""
    if not DATA.is_dir():
        return walked_bars(skip, _SAMPLE, "5m")
    bars: list[OpenBar] = []
    times, *columns = real(symbol, skip)
    for ts_ms, *values in zip(times, *(column.tolist() for column in columns), strict=True):
        bar = OpenBar(ts_ms * MILLISECOND)
        bar.open, bar.high, bar.low, bar.close, bar.volume = values
        bars.append(bar)
    return bars


def walk(scale: float, seed: int) -> Series:
    """A random walk around ``scale`` that often stands still."""
    rng = np.random.default_rng(seed)
    close = scale * np.exp(np.cumsum(rng.normal(0, 0.01, 500) * rng.integers(0, 2, 500)))
    high, low = close * (1 + rng.uniform(0, 0.01, 500)), close * (1 - rng.uniform(0, 0.01, 500))
    return Series(list(range(500)), close, high, low, close, rng.uniform(0, 5, 500))


def flat(price: float) -> Series:
    """A market in which nothing moves."""
    column = np.full(200, price)
    return Series(list(range(200)), column, column, column, column, np.zeros(200))


def lulled(scale: float, before: int) -> Series:
    """A walk by ticks of ``before`` bars, then 60 in which nothing is traded, then 40 more."""
    rng, count = np.random.default_rng(before), before + 100
    traded = np.r_[np.ones(before), np.zeros(60), np.ones(40)]
    ticks = 10_000 + np.cumsum(rng.integers(-50, 51, count) * traded)
    close, part = scale * ticks / 10_000, traded * rng.uniform(0, 1, count) / 1_000
    volume = np.round(rng.lognormal(0, 3, count), 3) * traded
    return Series(list(range(count)), close, close * (1 + part), close * (1 - part), close, volume)


MADE = [walk(1.0, 1), walk(61_000.0, 2), walk(1e-8, 3), flat(100.0), flat(1e-8)]
LULLS = [lulled((1e-8, 1.0, 61_000.0)[before % 3], before) for before in range(21, 41)]
"""The lull begins at each place of a ring of 20."""
REAL = [("BTCUSDT", 0), ("ETHUSDT", 40_000), ("1000PEPEUSDT", 3_000), ("LTCUSDT", 100_000), ("SUIUSDT", 9_000)]


def assert_equal(ours: list[float | None], oracle: Column) -> None:
    """TA-Lib's value at each place depends on what came before only, so this compares every prefix."""
    assert [value is None for value in ours] == np.isnan(oracle).tolist()
    known = np.array([value for value in ours if value is not None])
    np.testing.assert_allclose(known, oracle[~np.isnan(oracle)], rtol=1e-10, atol=0)


def walked_bars(seed: int, count: int, timeframe: Timeframe = "1m") -> list[OpenBar]:
    """Bars of a random walk one after the other, from 00:00 UTC on; some empty, some of which no side is told."""
    rng = np.random.default_rng(seed)
    moves, ups, downs, volumes, parts, kinds = (
        rng.normal(0, 0.002, count), rng.uniform(0, 0.003, count), rng.uniform(0, 0.003, count),
        rng.lognormal(0, 1, count), rng.uniform(0, 1, count), rng.integers(0, 20, count),
    )  # fmt: skip
    bars: list[OpenBar] = []
    price = 100.0
    for i in range(count):
        bar = OpenBar(START + i * TIMEFRAME_NS[timeframe])
        if not kinds[i] and i:
            bar.empty(price)
        else:
            bar.open, price = price, price * float(np.exp(moves[i]))
            bar.close = price
            bar.high = max(bar.open, price) * float(1 + ups[i])
            bar.low = min(bar.open, price) * float(1 - downs[i])
            bar.volume, bar.trades = float(volumes[i]), 5
            bar.notional = bar.volume * (bar.high + bar.low + bar.close) / 3
            bar.buy_volume = float(volumes[i] * parts[i])
            bar.sell_volume = bar.volume - bar.buy_volume
        bars.append(bar)
    return bars


def rank_of(x: float, others: Sequence[float]) -> float:
    """The share of ``others`` below ``x``, equal ones by half: the mean kind of scipy.stats.percentileofscore."""
    return sum((other < x) + (other == x) / 2 for other in others) / len(others)
