"""Regimes of a market: a hidden Markov model of four states, fitted offline, filtered alike in training and live.

Hamilton, "A new approach to the economic analysis of nonstationary time series", 1989; the algorithms are those of
Rabiner, "A tutorial on hidden Markov models", 1989, scaled at each step.
"""

from collections.abc import Sequence
from itertools import permutations
from math import exp, fsum, isfinite, log, pi, sqrt
from typing import Final, get_args

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from models.errors import ModelError
from schemas.market import RegimeName

__all__ = ["STATES", "Outlook", "Parameters", "Regime", "fit", "matched", "observed", "outlook"]

STATES: Final[tuple[RegimeName, ...]] = get_args(RegimeName)
_MEMORY: Final = 500
"""Bars of the average that volatility is held against."""
_ITERATIONS: Final = 60
_LEAST: Final = 500
"""Observations to fit on."""
_ALIKE: Final = "returns or volatilities of {} bars are too much alike to tell four regimes from each other"
_FLOOR: Final = 1e-3
"""Of a variance."""
_STAY: Final = 0.97
_LONGEST: Final = 1_000.0
"""Bars that a state is taken to last at most: what a fit saw left once or never says no more."""
_Floats = NDArray[np.float64]


class Parameters(Struct, frozen=True, kw_only=True):
    """Of the four states in the order of `STATES`; observations are those of `Regime.observe`."""

    means: list[list[float]]
    variances: list[list[float]]
    transition: list[list[float]]
    """From row to column."""
    initial: list[float]


class Outlook(Struct, frozen=True):
    """What the transition matrix makes of the probabilities of the states at a close."""

    following: list[float]
    """Probabilities of the states at the next close."""
    change: float
    """Probability that the state at the next close is another one."""
    duration: float
    """Bars that the present state lasts in the mean, from its first to its last; at most `_LONGEST`."""


class Regime(Struct, kw_only=True):
    """The forward filter of one instrument: plain data.

    >>> calm = Parameters(
    ...     means=[[1.0, 0.0], [-1.0, 0.0], [0.0, 0.0], [0.0, 1.0]], variances=[[0.1, 0.1]] * 4,
    ...     transition=[[0.25] * 4] * 4, initial=[0.25] * 4,
    ... )
    >>> [round(chance, 3) for chance in Regime().update(0.02, 0.02 / 20**0.5, calm)]
    [0.993, 0.0, 0.007, 0.0]
    """

    level: float | None = None
    """Average of the logarithm of volatility."""
    chances: list[float] | None = None

    def observe(self, trend: float | None, volatility: float | None) -> tuple[float, float] | None:
        """The return over 20 bars in its standard deviations, and how far log volatility is from its average; ``None``
        if one is not known.
        """
        if trend is None or not volatility:
            return None
        now = log(volatility)
        self.level = now if self.level is None else self.level + (now - self.level) / _MEMORY
        return trend / (volatility * sqrt(20.0)), now - self.level

    def update(self, trend: float | None, volatility: float | None, parameters: Parameters) -> list[float] | None:
        """Probabilities of the states given all up to now; an unknown observation lets time pass."""
        seen = self.observe(trend, volatility)
        before = self.chances
        if before is None:
            if seen is None:
                return None
            ahead = parameters.initial
        else:
            ahead = _moved(before, parameters.transition)
        if seen is not None:
            logs = [
                _log_density(seen, mean, variance)
                for mean, variance in zip(parameters.means, parameters.variances, strict=True)
            ]
            most = max(logs)
            ahead = [chance * exp(one - most) for chance, one in zip(ahead, logs, strict=True)]
        total = fsum(ahead)
        self.chances = [chance / total for chance in ahead] if total > 0 else parameters.initial
        return self.chances


def outlook(chances: Sequence[float], parameters: Parameters) -> Outlook:
    """Of the states' probabilities at a close. A state that is left with probability q lasts 1 / q bars in the mean,
    as its duration is geometric; where the state is not sure, these are averaged by the probabilities.

    >>> even = Parameters(
    ...     means=[[0.0, 0.0]] * 4, variances=[[1.0, 1.0]] * 4, initial=[0.25] * 4,
    ...     transition=[[0.7, 0.1, 0.1, 0.1], [0.1, 0.7, 0.1, 0.1], [0.0, 0.0, 0.5, 0.5], [0.0, 0.0, 0.5, 0.5]],
    ... )
    >>> outlook([0.0, 0.0, 0.0, 1.0], even)
    Outlook(following=[0.0, 0.0, 0.5, 0.5], change=0.5, duration=2.0)
    """
    leaving = [1.0 - row[at] for at, row in enumerate(parameters.transition)]
    lasting = fsum(chance / max(one, 1.0 / _LONGEST) for chance, one in zip(chances, leaving, strict=True))
    return Outlook(
        _moved(chances, parameters.transition),
        fsum(chance * one for chance, one in zip(chances, leaving, strict=True)),
        min(_LONGEST, max(1.0, lasting)),  # probabilities sum to one but for rounding
    )


def observed(pairs: Sequence[tuple[float | None, float | None]]) -> _Floats:
    """The observations of one instrument, one row a bar, from its returns over 20 bars and volatilities."""
    regime = Regime()
    found = [seen for trend, volatility in pairs if (seen := regime.observe(trend, volatility)) is not None]
    return np.array(found).reshape(-1, 2)


@np.errstate(divide="ignore", invalid="ignore")
def fit(sequences: Sequence[_Floats], previous: Parameters | None = None) -> Parameters:
    """Parameters by expectation and maximisation over several instruments' observations, states in the order of
    `STATES`: by what they are, or as they were in ``previous``, with which the search then begins.

    Raises:
        ModelError: too few observations, or too much alike.
    """
    rows = np.concatenate(sequences) if sequences else np.zeros((0, 2))
    if len(rows) < _LEAST:
        raise ModelError(f"{len(rows)} bars with a known return and volatility: {_LEAST} are needed to fit regimes")
    means, variances, transition, initial = _begin(rows) if previous is None else _arrays(previous)
    likelihood = -np.inf
    for _ in range(_ITERATIONS):
        occupied = np.zeros(len(means))
        sums, squares = np.zeros_like(means), np.zeros_like(means)
        moves, starts, before = np.zeros_like(transition), np.zeros(len(means)), likelihood
        likelihood = 0.0
        for sequence in sequences:
            if not len(sequence):
                continue
            gamma, xi, scaled = _smooth(sequence, means, variances, transition, initial)
            likelihood += scaled
            occupied += gamma.sum(axis=0)
            sums += gamma.T @ sequence
            squares += gamma.T @ sequence**2
            moves += xi
            starts += gamma[0]
        means = sums / occupied[:, np.newaxis]
        variances = np.maximum(squares / occupied[:, np.newaxis] - means**2, _FLOOR)
        transition = (moves + 1e-6) / (moves + 1e-6).sum(axis=1, keepdims=True)
        initial = starts / starts.sum()
        if not likelihood - before >= 1e-6 * abs(likelihood):
            break
    if not isfinite(likelihood):  # no state of where it began is like what is seen
        if previous is None:
            raise ModelError(_ALIKE.format(len(rows)))
        return matched(fit(sequences), previous)
    found = Parameters(
        means=means.tolist(), variances=variances.tolist(), transition=transition.tolist(), initial=initial.tolist()
    )
    return _ordered(found, _by_nature(found)) if previous is None else matched(found, previous)


def matched(found: Parameters, previous: Parameters) -> Parameters:
    """``found`` with its states in the order in which they are most like those of ``previous`` (symmetric
    Kullback-Leibler divergence).
    """
    costs = [[_apart(found, at, previous, other) for at in range(len(STATES))] for other in range(len(STATES))]
    order = min(permutations(range(len(STATES))), key=lambda one: fsum(costs[i][at] for i, at in enumerate(one)))
    return _ordered(found, list(order))


def _moved(chances: Sequence[float], transition: Sequence[Sequence[float]]) -> list[float]:
    return [
        fsum(chance * row[at] for chance, row in zip(chances, transition, strict=True)) for at in range(len(chances))
    ]


def _begin(rows: _Floats) -> tuple[_Floats, _Floats, _Floats, _Floats]:
    wide = rows[:, 1] > np.quantile(rows[:, 1], 0.8)
    low, high = np.quantile(rows[~wide, 0], [0.25, 0.75])
    calm = rows[~wide]
    parts = [
        calm[calm[:, 0] > high],
        calm[calm[:, 0] < low],
        calm[(calm[:, 0] >= low) & (calm[:, 0] <= high)],
        rows[wide],
    ]
    if not all(map(len, parts)):
        raise ModelError(_ALIKE.format(len(rows)))
    means = np.array([part.mean(axis=0) for part in parts])
    variances = np.maximum([part.var(axis=0) for part in parts], _FLOOR)
    others = (1 - _STAY) / (len(STATES) - 1)
    transition = np.full((len(STATES), len(STATES)), others) + np.eye(len(STATES)) * (_STAY - others)
    return means, variances, transition, np.full(len(STATES), 1 / len(STATES))


def _smooth(
    rows: _Floats, means: _Floats, variances: _Floats, transition: _Floats, initial: _Floats
) -> tuple[_Floats, _Floats, float]:
    """Probabilities of states at each row, expected moves, log likelihood."""
    logs = -0.5 * (
        np.log(2 * pi * variances).sum(axis=1) + ((rows[:, np.newaxis] - means) ** 2 / variances).sum(axis=2)
    )
    most = logs.max(axis=1)
    density = np.exp(logs - most[:, np.newaxis])
    forward, backward, scale = np.empty_like(density), np.ones_like(density), np.empty(len(rows))
    ahead = initial
    for at, one in enumerate(density):
        ahead = ahead * one
        scale[at] = ahead.sum()
        forward[at] = ahead / scale[at]
        ahead = forward[at] @ transition
    for at in range(len(rows) - 2, -1, -1):
        backward[at] = transition @ (density[at + 1] * backward[at + 1]) / scale[at + 1]
    gamma = forward * backward
    later = density[1:] * backward[1:] / scale[1:, np.newaxis]
    return gamma, transition * (forward[:-1].T @ later), float((np.log(scale) + most).sum())


def _by_nature(found: Parameters) -> list[int]:
    volatile = max(range(len(STATES)), key=lambda at: found.means[at][1])
    bear, sideways, bull = sorted({*range(len(STATES))} - {volatile}, key=lambda at: found.means[at][0])
    return [bull, bear, sideways, volatile]


def _ordered(found: Parameters, order: list[int]) -> Parameters:
    return Parameters(
        means=[found.means[at] for at in order], variances=[found.variances[at] for at in order],
        transition=[[found.transition[at][other] for other in order] for at in order],
        initial=[found.initial[at] for at in order],
    )  # fmt: skip


def _arrays(told: Parameters) -> tuple[_Floats, _Floats, _Floats, _Floats]:
    return np.array(told.means), np.array(told.variances), np.array(told.transition), np.array(told.initial)


def _apart(one: Parameters, at: int, other: Parameters, place: int) -> float:
    total = 0.0
    pairs = zip(one.means[at], one.variances[at], other.means[place], other.variances[place], strict=True)
    for mean, variance, middle, spread in pairs:
        gap = (mean - middle) ** 2
        total += (variance + gap) / spread + (spread + gap) / variance - 2.0
    return total


def _log_density(seen: Sequence[float], mean: Sequence[float], variance: Sequence[float]) -> float:
    return fsum(-0.5 * ((x - m) ** 2 / v + log(2 * pi * v)) for x, m, v in zip(seen, mean, variance, strict=True))
