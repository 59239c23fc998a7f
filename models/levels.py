"""Whether predicted price levels say more than chance: how often they are reached, and what is liquidated near them."""

from collections.abc import Iterator, Mapping, Sequence
from math import erfc, fsum, isfinite, log, sqrt
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["BASELINES", "CONCLUSIVE", "Forced", "Sample", "Score", "scores"]

CONCLUSIVE: Final = 100
"""Episodes below which nothing is concluded."""
BASELINES: Final = ("mirrored", "time-shifted", "volatility-matched")
"""The level of the other side at its distance; that of a horizon ago; that of a moment chosen at random among those
before that had one, with the distance in proportion to the volatilities of then and now."""

_BAND: Final = 25e-4
"""Logarithmic half-width of the band around a level in which a liquidation was predicted."""
_KEEP: Final = 1.0 - 1.0 / 288.0
_KNOWN: Final = 50
"""Returns until their volatility counts as known."""
_PAUSE: Final = 3_600 * 10**9
"""Nanoseconds without a liquidation that end an episode of them."""
_DRAWS: Final = 2_000
_Floats = NDArray[np.float64]


class Forced(NamedTuple):
    """A liquidation."""

    side: str
    """Of the order: ``sell`` closes a long position."""
    price: float
    notional: float


class Sample(NamedTuple):
    """What is known at a close, and what happened since the one before; distances are logarithmic and positive."""

    ts: int
    """ns."""
    low: float
    high: float
    close: float
    above: float
    """To the nearest predicted level above, NaN if there is none."""
    below: float
    forced: tuple[Forced, ...] = ()


class Score(NamedTuple):
    """Ours against a baseline, over the episodes in which both predict a level."""

    measure: str
    baseline: str
    episodes: int
    ours: float
    theirs: float
    low: float
    """2.5 % quantile of ``ours - theirs``, by a bootstrap of the episodes; NaN if there are none."""
    high: float

    @property
    def verdict(self) -> str:
        """In words."""
        if self.episodes < CONCLUSIVE:
            return "not conclusive"
        return "better" if self.low > 0.0 else "worse" if self.high < 0.0 else "no difference"


def scores(samples: Sequence[Sample], horizon: int, seed: int = 0) -> list[Score]:
    """Both measures against each baseline.

    *First passage*: an episode is a horizon (of so many samples); its value is whether the level of each side was
    reached within it, less the probability that a driftless random walk of the volatility up to then would reach it
    (reflection principle), the mean of both. So a level that is merely near earns nothing. *Liquidated inside*: an
    episode is a run of liquidations with no pause of an hour; its value is the share of their notional within 25 basis
    points of the level predicted at the close before.
    """
    market = _Market(samples, horizon, seed)
    return [*market.passages(), *market.inside()]


class _Market:
    def __init__(self, samples: Sequence[Sample], horizon: int, seed: int) -> None:
        self._samples, self._horizon = samples, horizon
        self._random = np.random.default_rng(seed)
        self._price = np.log([sample.close for sample in samples])
        self._reach = {
            1: np.log([sample.high for sample in samples]), -1: -np.log([sample.low for sample in samples]),
        }  # fmt: skip
        self._level = {
            1: np.array([sample.above for sample in samples]), -1: np.array([sample.below for sample in samples]),
        }  # fmt: skip
        self._volatility = _volatility(self._price)
        self._known = {
            side: np.flatnonzero(np.isfinite(level + self._volatility)) for side, level in self._level.items()
        }

    def passages(self) -> list[Score]:
        """First passage."""
        found: dict[str, dict[int, _Floats]] = {name: {} for name in BASELINES}
        for at in range(_KNOWN, len(self._samples) - self._horizon, self._horizon):
            for side in (1, -1):
                for name, ours, theirs in self._pairs(at, side):
                    both = np.array([self._excess(at, side, ours), self._excess(at, side, theirs), 1.0])
                    found[name][at] = found[name].get(at, np.zeros(3)) + both
        return self._scored("first passage", found)

    def inside(self) -> list[Score]:
        """Liquidations within the bands."""
        found: dict[str, dict[int, _Floats]] = {name: {} for name in BASELINES}
        episode, last = 0, -_PAUSE
        for at, sample in enumerate(self._samples[1:]):
            if not sample.forced:
                continue
            episode += sample.ts - last > _PAUSE
            last = sample.ts
            for side, order in ((1, "buy"), (-1, "sell")):
                forced = [one for one in sample.forced if one.side == order]
                whole = fsum(one.notional for one in forced)
                for name, ours, theirs in self._pairs(at, side) if forced else ():
                    near = [self._within(at, side, distance, forced) for distance in (ours, theirs)]
                    found[name][episode] = found[name].get(episode, np.zeros(3)) + np.array([*near, whole])
        return self._scored("liquidated inside", found)

    def _scored(self, measure: str, found: Mapping[str, Mapping[int, _Floats]]) -> list[Score]:
        """By baseline of each episode our sum, the baseline's, and the weight of both."""
        told = {name: np.array([*rows.values()]).reshape(-1, 3) for name, rows in found.items()}
        return [self._score(measure, name, rows[:, :2], rows[:, 2]) for name, rows in told.items()]

    def _pairs(self, at: int, side: int) -> Iterator[tuple[str, float, float]]:
        """Of each baseline its name, our level and its own, where both are known."""
        ours = float(self._level[side][at])
        for name, theirs in self._baselines(at, side).items():
            if isfinite(ours) and isfinite(theirs):
                yield name, ours, theirs

    def _baselines(self, at: int, side: int) -> dict[str, float]:
        levels, volatility = self._level[side], self._volatility
        before = levels[at - self._horizon] if at >= self._horizon else np.nan
        matched, earlier = np.nan, int(np.searchsorted(self._known[side], at))
        if earlier:
            drawn = self._known[side][self._random.integers(earlier)]
            matched = levels[drawn] * volatility[at] / volatility[drawn] if volatility[drawn] > 0.0 else np.nan
        return dict(zip(BASELINES, (float(self._level[-side][at]), float(before), float(matched)), strict=True))

    def _excess(self, at: int, side: int, distance: float) -> float:
        window = self._reach[side][at + 1 : at + 1 + self._horizon] - side * self._price[at]
        reached = bool((window >= distance).any())
        spread = self._volatility[at] * sqrt(self._horizon)
        return reached - (erfc(distance / spread / sqrt(2.0)) if spread > 0.0 else 0.0)

    def _within(self, at: int, side: int, distance: float, forced: Sequence[Forced]) -> float:
        level = self._price[at] + side * distance
        return fsum(one.notional for one in forced if abs(log(one.price) - level) <= _BAND)

    def _score(self, measure: str, baseline: str, pairs: _Floats, weights: _Floats) -> Score:
        if not len(pairs):
            return Score(measure, baseline, 0, *[np.nan] * 4)
        ours, theirs = (pairs.sum(axis=0) / weights.sum()).tolist()
        drawn = self._random.integers(0, len(pairs), (_DRAWS, len(pairs)))
        differences = (pairs[:, 0] - pairs[:, 1])[drawn].sum(axis=1) / weights[drawn].sum(axis=1)
        low, high = np.quantile(differences, [0.025, 0.975]).tolist()
        return Score(measure, baseline, len(pairs), ours, theirs, low, high)


def _volatility(price: _Floats) -> _Floats:
    """Of a step, exponentially weighted over the returns up to each sample; NaN until enough were seen.

    >>> prices = np.cumsum(np.tile([0.01, -0.01], 200))
    >>> round(float(_volatility(prices)[-1]), 6)
    0.01
    """
    found = np.full(len(price), np.nan)
    square = weight = 0.0
    for at, move in enumerate(np.diff(price).tolist(), start=1):
        square, weight = square * _KEEP + move * move, weight * _KEEP + 1.0
        if at >= _KNOWN:
            found[at] = sqrt(square / weight)
    return found
