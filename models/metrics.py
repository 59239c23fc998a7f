"""How good predictions and trades are, each figure by its textbook definition; what has no value is NaN."""

from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import combinations
from math import erf, exp, isfinite, sqrt
from statistics import NormalDist
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from schemas.time import DAY

__all__ = [
    "Bin", "Interval", "auc", "block_interval", "block_p", "blocks", "brier", "calmar", "daily", "deflated_sharpe",
    "drawdown", "hit_rate", "information_coefficient", "log_losses", "normal", "overfitting_probability",
    "profit_factor", "quantile_of_normal", "ranks", "reliability", "sharpe", "sortino",
]  # fmt: skip

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
_YEAR: Final = 365
"""Days: these markets never close."""
_EULER: Final = 0.5772156649015329


def log_losses(probability: Floats, win: NDArray[np.bool_]) -> Floats:
    """Of each row, in nats."""
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    return -np.where(win, np.log(p), np.log1p(-p))


def brier(probability: Floats, win: NDArray[np.bool_]) -> float:
    """Mean squared error of the probability (Brier 1950)."""
    return float(np.mean((probability - win) ** 2))


def auc(score: Floats, win: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: that a winner's score is above a loser's, ties half (Mann and Whitney 1947)."""
    wins = int(win.sum())
    if not 0 < wins < len(win):
        return float("nan")
    return float((ranks(score)[win].sum() - wins * (wins + 1) / 2) / (wins * (len(win) - wins)))


def information_coefficient(score: Floats, outcome: Floats) -> float:
    """Spearman's rank correlation of what was said and what came."""
    if len(score) < 2:
        return float("nan")
    return _correlation(ranks(score), ranks(outcome))


class Bin(NamedTuple):
    """A part of the predictions."""

    mean: float
    """Of the probabilities."""
    share: float
    """Of wins."""
    rows: int


def reliability(probability: Floats, win: NDArray[np.bool_], bins: int = 10) -> list[Bin]:
    """Said and seen in ``bins`` of equal size, lowest probabilities first."""
    parts = np.array_split(np.argsort(probability, kind="stable"), bins)
    return [
        Bin(float(probability[part].mean()), float(win[part].mean()), len(part)) for part in parts if len(part)
    ]  # fmt: skip


def profit_factor(returns: Floats) -> float:
    """Gains over losses."""
    losses = -returns[returns < 0].sum()
    return float(returns[returns > 0].sum() / losses) if losses else float("nan")


def hit_rate(returns: Floats) -> float:
    """Share of trades with a net profit."""
    return float((returns > 0).mean()) if len(returns) else float("nan")


def daily(ts: Integers, returns: Floats, start: int, end: int) -> Floats:
    """Sums by UTC day from ``start`` up to ``end`` (ns), days without a trade 0."""
    first, last = start // DAY, (end - 1) // DAY
    return np.bincount((ts // DAY - first).astype(np.intp), weights=returns, minlength=last - first + 1).astype(
        np.float64
    )


def sharpe(days: Floats) -> float:
    """Mean over standard deviation of daily returns, a year's."""
    spread = days.std(ddof=1) if len(days) > 1 else 0.0
    return float(days.mean() / spread * sqrt(_YEAR)) if spread > 0 else float("nan")


def sortino(days: Floats) -> float:
    """Mean over root mean square of the losses among daily returns, a year's (Sortino and Price 1994)."""
    below = sqrt(float(np.mean(np.minimum(days, 0.0) ** 2))) if len(days) else 0.0
    return float(days.mean() / below * sqrt(_YEAR)) if below > 0 else float("nan")


def drawdown(days: Floats) -> float:
    """Greatest fall of the sum of daily returns from a height before it, 0 or more."""
    worth = np.concatenate([[0.0], np.cumsum(days)])
    return float((np.maximum.accumulate(worth) - worth).max())


def calmar(days: Floats) -> float:
    """A year's mean return over the greatest drawdown."""
    fall = drawdown(days)
    return float(days.mean() * _YEAR / fall) if fall > 0 else float("nan")


def blocks(ts: Integers, length: int) -> Integers:
    """In which stretch of ``length`` ns each row lies, counted from 0 without holes."""
    _, found = np.unique((ts - ts.min()) // length, return_inverse=True)
    return found.astype(np.int64)


class Interval(NamedTuple):
    """A figure and between which values 95 % of its redrawn ones lie."""

    value: float
    low: float
    high: float


def block_interval(
    statistic: Callable[[NDArray[np.intp]], float], block: Integers, seed: int, draws: int = 500
) -> Interval:
    """Of ``statistic`` (of positions of rows) by drawing whole blocks with replacement.

    Rows of all instruments in one stretch of time stay together, so neither the overlap of labels nor the correlation
    of instruments makes the interval too narrow, if blocks are at least as long as the longest label (Künsch 1989).
    """
    chance = np.random.default_rng(seed)
    parts = [np.flatnonzero(block == at) for at in range(int(block.max()) + 1)]
    found = [
        statistic(np.concatenate([parts[at] for at in chance.integers(0, len(parts), len(parts))]))
        for _ in range(draws)
    ]
    whole = statistic(np.arange(len(block)))
    known = [value for value in found if isfinite(value)]
    if not known:
        return Interval(whole, float("nan"), float("nan"))
    low, high = np.quantile(known, [0.025, 0.975]).tolist()
    return Interval(whole, low, high)


def block_p(values: Floats, block: Integers) -> float:
    """Probability of a mean of ``values`` at least as high if it were 0 or below: a t-test of the sums by block.

    >>> round(block_p(np.array([1.0, 2.0, 3.0, -1.0]), np.array([0, 1, 2, 3])), 4)
    0.1197
    """
    sums = np.bincount(block, weights=values)
    if len(sums) < 3 or not sums.std() > 0:
        return 1.0
    t = float(sums.mean() / sums.std(ddof=1) * sqrt(len(sums)))
    return _student(t, len(sums) - 1)


def deflated_sharpe(days: Floats, trials: Sequence[float]) -> float:
    """Probability that the Sharpe ratio is above what the best of ``trials`` without skill would have shown.

    Bailey and López de Prado, "The deflated Sharpe ratio", Journal of Portfolio Management 40(5), 2014. ``trials`` are
    the yearly Sharpe ratios of all configurations tried, this one's among them.
    """
    count = len(days)
    own = sharpe(days) / sqrt(_YEAR)
    if count < 3 or not isfinite(own):
        return float("nan")
    known = [trial / sqrt(_YEAR) for trial in trials if isfinite(trial)]
    bar = 0.0
    if len(known) > 1:
        tried = len(known)
        high, higher = quantile_of_normal(1 - 1 / tried), quantile_of_normal(1 - 1 / (tried * exp(1)))
        bar = float(np.std(known, ddof=1)) * ((1 - _EULER) * high + _EULER * higher)
    z = (days - days.mean()) / days.std()
    skew, kurtosis = float(np.mean(z**3)), float(np.mean(z**4))
    spread = sqrt(max(1 - skew * own + (kurtosis - 1) / 4 * own**2, 1e-12))
    return normal((own - bar) * sqrt(count - 1) / spread)


def overfitting_probability(performance: NDArray[np.float64]) -> float:
    """Of what the best configuration in one half of the time is below the median in the other (0 to 1).

    Bailey, Borwein, López de Prado, Zhu, "The probability of backtest overfitting", Journal of Computational Finance
    20(4), 2016. ``performance`` has a row a stretch of time (an even count) and a column a configuration.
    """
    stretches, tried = performance.shape
    if tried < 2 or stretches < 2 or not np.ptp(performance, axis=1).any():
        return float("nan")
    worse = total = 0
    for chosen in combinations(range(stretches), stretches // 2):
        inside = np.isin(np.arange(stretches), chosen)
        best = int(performance[inside].mean(axis=0).argmax())
        outside = performance[~inside].mean(axis=0)
        rank = (ranks(outside)[best]) / (tried + 1)
        worse += rank <= 0.5
        total += 1
    return worse / total


def normal(z: float) -> float:
    """Distribution function of the standard normal."""
    return 0.5 * (1.0 + erf(z / sqrt(2.0)))


def quantile_of_normal(p: float) -> float:
    """Its inverse."""
    return NormalDist().inv_cdf(p)


def ranks(values: NDArray[Any]) -> Floats:
    """From 1; equal values share the mean of theirs."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[where]


def _correlation(one: Floats, other: Floats) -> float:
    a, b = one - one.mean(), other - other.mean()
    spread = sqrt(float(a @ a) * float(b @ b))
    return float(a @ b) / spread if spread > 0 else float("nan")


def _student(t: float, degrees: int) -> float:
    """Upper tail of Student's t."""
    special: Any = import_module("scipy.special")  # it takes a while, and few need it
    return float(special.stdtr(degrees, -t))
