"""Samples whose truth is known: without an edge in four ways, and with one of a stated size."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib import import_module
from math import sqrt
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pyarrow import csv

from models.metrics import auc
from models.sample import Sample
from schemas.time import DAY, MINUTE

__all__ = [
    "MEASURES", "NULLS", "REAL_BARS", "Floats", "edge", "edge_and_oracle", "measured", "slow", "strength",
]  # fmt: skip

_signal: Any = import_module("scipy.signal")
Floats = NDArray[np.float64]
REAL_BARS: Final = Path(__file__).resolve().parents[2].parent / "shared/data/bars_nolicense"
_START: Final = 1_672_531_200 * 10**9
_BAR: Final = 5 * MINUTE
_HORIZON: Final = 24
_STOP, _TARGET = 1.5, 3.0
_COST: Final = 14e-4
"""Round trip: fee 5, slippage 1 and half-spread 1 basis points, twice."""
_FEATURES: Final = 20
_REAL: Final = 100_000
"""Real bars of each coin, the last ones."""
_ORACLE: Final = 0.60
_LENGTHS: Final = (1, 3, 6, 12, 24, 48, 96, 288)
MEASURES: Final = {"return over 24 bars": 4, "volatility of 6 bars": 10, "return over 12 bars, by volatility": 18}
"""Some of them, by their place: moves and sizes over each of the lengths, then moves in terms of sizes."""


def persistent(rows: int, seed: int) -> Sample:
    """Features that stay as they are for hours, of a random walk that knows nothing of them."""
    chance = np.random.default_rng(seed)
    returns = chance.normal(0.0, 2e-3, (5, rows * 2))
    return _walked(returns, lambda at, _: slow(chance, returns.shape[1], _FEATURES)[at], rows, chance)


def volatility(rows: int, seed: int) -> Sample:
    """Features that tell how far the market will go, and not where: costs make that worth knowing, and yet no gain."""
    chance = np.random.default_rng(seed)
    size = np.exp(0.6 * slow(chance, rows * 2, 5).T)
    returns = 2e-3 * size * chance.normal(size=size.shape)

    def features(at: NDArray[np.intp], coin: int) -> Floats:
        told = np.log(size[coin, at])[:, np.newaxis] + 0.3 * chance.normal(size=(len(at), 8))
        return np.column_stack([told, slow(chance, size.shape[1], _FEATURES - 8)[at]])

    return _walked(returns, features, rows, chance)


def correlated(rows: int, seed: int) -> Sample:
    """Five instruments that are nearly one, asked at the same closes, in the same direction."""
    chance = np.random.default_rng(seed)
    market = chance.normal(0.0, 2e-3, rows * 2)
    returns = sqrt(0.9) * market + sqrt(0.1) * chance.normal(0.0, 2e-3, (5, rows * 2))
    shared = slow(chance, rows * 2, _FEATURES)
    return _walked(returns, lambda at, _: shared[at], rows, chance, together=True)


def shuffled(rows: int, seed: int) -> Sample:
    """Real bars and features of them; the labels of whole days of other days."""
    chance = np.random.default_rng(seed)
    returns = _real_returns()

    sample = _walked(returns, lambda at, coin: _measures(returns[coin], at), rows, chance)
    day = (sample.decided - sample.decided.min()) // DAY
    order = np.concatenate([np.flatnonzero(day == one) for one in chance.permutation(np.unique(day))])
    spans = (sample.ends - sample.decided)[order]
    return Sample(
        sample.inputs, sample.x, sample.net[order], sample.decided, sample.decided + spans, sample.weight, sample.ahead,
        sample.half_life_days,
    )  # fmt: skip


def measured(rows: int, seed: int, ahead: str = "") -> Sample:
    """Volatility that comes and goes, and measures of the path so far; one of `MEASURES` is one bar ``ahead``."""
    chance = np.random.default_rng(seed)
    size = np.exp(0.6 * slow(chance, rows * 2, 5).T)
    returns = 2e-3 * size * chance.normal(size=size.shape)

    def features(at: NDArray[np.intp], coin: int) -> Floats:
        found = _measures(returns[coin], at)
        if ahead:
            late = MEASURES[ahead]
            found[:, late] = _measures(returns[coin], at + 1)[:, late]
        return found

    return _walked(returns, features, rows, chance)


def _measures(returns: Floats, at: NDArray[np.intp]) -> Floats:
    sums, squares = (np.concatenate([[0.0], np.cumsum(one)]) for one in (returns, returns**2))
    back = [np.maximum(at - length, 0) for length in _LENGTHS]
    moves = [sums[at] - sums[start] for start in back]
    sizes = [np.sqrt(squares[at] - squares[start] + 1e-12) for start in back]
    return np.column_stack([*moves, *sizes, *(move / size for move, size in zip(moves[1:5], sizes[1:5], strict=True))])


NULLS: Final[dict[str, Callable[[int, int], Sample]]] = {
    "persistent features without information": persistent,
    "volatility without direction": volatility,
    "block-shuffled labels of real bars": shuffled,
    "five correlated instruments": correlated,
}


def edge(rows: int, seed: int) -> Sample:
    """Features that tell as much as an area of 0.60 under the oracle's ROC curve; who follows the oracle earns."""
    return edge_and_oracle(rows, seed)[0]


def edge_and_oracle(rows: int, seed: int) -> tuple[Sample, Floats]:
    """`edge`, and each row's true probability.

    Half of what the features tell is a straight line, half depends on the direction. A win pays 58, a loss costs 62
    basis points, so that all candidates together lose.
    """
    chance = np.random.default_rng(seed)
    x = slow(chance, rows, _FEATURES)
    direction = chance.choice([-1.0, 1.0], rows)
    told = (x[:, 0] + x[:, 1] + direction * (x[:, 2] + x[:, 3])) / 2.0
    p = 1 / (1 + np.exp(-strength() * told))
    win = chance.uniform(size=rows) < p
    net = np.where(win, 60e-4, -60e-4) - 2e-4
    decided = _START + np.sort(chance.integers(0, rows * 30 * MINUTE, rows))
    ends = decided + chance.integers(10 * MINUTE, 8 * 60 * MINUTE, rows)
    return _sample(x, direction, net, decided, ends, chance.normal(size=rows), chance), p


@lru_cache
def strength(oracle: float = _ORACLE) -> float:
    """Of a latent logit of standard deviation 1, so that its area under the ROC curve is ``oracle``."""
    chance = np.random.default_rng(0)
    told, luck = chance.normal(size=200_000), chance.uniform(size=200_000)
    low, high = 0.1, 1.0
    for _ in range(25):
        middle = (low + high) / 2
        above = auc(told, luck < 1 / (1 + np.exp(-middle * told))) > oracle
        low, high = (low, middle) if above else (middle, high)
    return low


def slow(chance: np.random.Generator, length: int, count: int, keep: float = 0.98) -> Floats:
    """Autoregressive series of standard deviation 1, a column each."""
    shocks = sqrt(1 - keep**2) * chance.normal(size=(length, count))
    shocks[0] /= sqrt(1 - keep**2)
    return np.asarray(_signal.lfilter([1.0], [1.0, -keep], shocks, axis=0))


def _walked(
    returns: Floats, features: Callable[[NDArray[np.intp], int], Floats], rows: int, chance: np.random.Generator, *,
    together: bool = False,
) -> Sample:  # fmt: skip
    """Candidates at random closes of each coin, with the triple barrier of the path that follows."""
    coins, length = returns.shape
    each = rows // coins
    shared = np.sort(chance.choice(np.arange(300, length - _HORIZON - 1), each, replace=False))
    sides = chance.choice([-1.0, 1.0], each)
    parts: list[Sequence[Any]] = []
    for coin in range(coins):
        at, direction = shared, sides
        if not together:
            at = np.sort(chance.choice(np.arange(300, length - _HORIZON - 1), each, replace=False))
            direction = chance.choice([-1.0, 1.0], each)
        path = np.cumsum(returns[coin])
        reach = np.sqrt(np.convolve(returns[coin] ** 2, np.ones(48) / 48, "full")[: len(path)])[at] * 1.25
        way = (path[at[:, np.newaxis] + np.arange(1, _HORIZON + 1)] - path[at][:, np.newaxis]) * direction[
            :, np.newaxis
        ]
        net, bars = _barriers(way, reach)
        decided = _START + (at + 1) * _BAR
        x = features(at + 1, coin)
        parts.append((x, direction, net - _COST, decided, decided + bars * _BAR, returns[coin][at + 1]))
    x, direction, net, decided, ends, ahead = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(decided, kind="stable")
    return _sample(x[order], direction[order], net[order], decided[order], ends[order], ahead[order], chance)


def _barriers(way: Floats, reach: Floats) -> tuple[Floats, NDArray[np.int64]]:
    """Gross returns and bars until the first of stop, target and horizon; the path is known at closes only."""
    stop, target = -_STOP * reach[:, np.newaxis], _TARGET * reach[:, np.newaxis]
    ended = (way <= stop) | (way >= target)
    ended[:, -1] = True
    bars = ended.argmax(axis=1)
    return way[np.arange(len(way)), bars], bars.astype(np.int64) + 1


def _sample(
    x: Floats, direction: Floats, net: Floats, decided: NDArray[np.int64], ends: NDArray[np.int64], ahead: Floats,
    chance: np.random.Generator,
) -> Sample:  # fmt: skip
    known = np.column_stack([x, direction, chance.uniform(0.3, 0.5, len(x))]).astype(np.float32)
    names = [*(f"feature_{at}" for at in range(x.shape[1])), "direction", "score"]
    return Sample(names, known, net, decided, ends, np.ones(len(x)), ahead, 180.0)


@lru_cache
def _real_returns() -> Floats:
    """Of the five coins over their last common year."""
    folder = next(REAL_BARS.glob("binance_um_5m*"))
    files = sorted(folder.glob("*USDT_5m.csv.gz"))
    closes = [np.log(csv.read_csv(path).column("close").to_numpy()[-_REAL:]) for path in files]
    shortest = min(map(len, closes))
    return np.diff(np.array([close[-shortest:] for close in closes]), axis=1)
