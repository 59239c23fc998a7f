"""How far what a model says of candidates, and what becomes of them, stray by chance alone."""

from collections.abc import Sequence
from math import sqrt
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.drift import (
    CANDIDATES,
    DRAWS,
    MONTH,
    OUTCOMES,
    OVERLAPPING,
    WINDOW,
    bin_of,
    counts_of,
    histogram,
    jensen_shannon,
    kullback_leibler,
    rare_mean,
    rare_squares,
)

__all__ = ["by_chance", "limits_of", "together"]

_LEAST: Final = 10
"""Windows, below which how they vary is not known."""
_SELDOMEST: Final = 1e-12
_OFTENEST: Final = 0.01
"""Bounds of a window's chance, however fast or slowly it came together."""
_Floats = NDArray[np.floating[Any]]


def limits_of(p: _Floats, win: NDArray[np.bool_], *, days: float, seed: int) -> dict[str, float]:
    """What windows of predictions out of sample exceed as seldom as the budget of alerts allows, by measure; empty
    where there are too few of them.

    ``calibration``: the wins less those expected, in standard deviations of independent ones; ``label_rate``: their
    share less that of all; ``kl`` and ``js``: of the probabilities from all of them. Windows are drawn as in
    `models.drift.thresholds`, in one piece, so they know how outcomes that overlap go together.

    Parameters:
        p, win: of each in order of time.
        days: that they span.
    """
    windows = len(p) / WINDOW
    if windows < _LEAST:
        return {}
    looks = max(1.0, windows / max(days, 1e-9) * MONTH)
    more, freedom = (1.0 + 1.0 / windows) / (1.0 - 1.0 / windows), OVERLAPPING * windows
    starts = np.random.default_rng(seed).integers(0, len(p) - WINDOW + 1, DRAWS)

    def sums(values: NDArray[Any]) -> NDArray[np.float64]:
        passed = np.concatenate(([0.0], np.cumsum(values, dtype=float)))
        found: NDArray[np.float64] = passed[starts + WINDOW] - passed[starts]
        return found

    rates = sums(win) / WINDOW - float(win.mean())
    surprises = sums(win - p) / np.sqrt(np.maximum(sums(p * (1.0 - p)), 1e-9))
    seldom = min(0.5, OUTCOMES / looks / 2)
    found = {
        "calibration": rare_mean(surprises, seldom, freedom) * sqrt(more),
        "label_rate": rare_mean(rates, seldom, freedom) * sqrt(more),
    }
    about = histogram(p)
    bins, reference = bin_of(about, p), counts_of(about)
    drawn = [np.bincount(bins[at : at + WINDOW], minlength=len(reference)).tolist() for at in starts.tolist()]
    for measure, of in (("kl", kullback_leibler), ("js", jensen_shannon)):
        far = rare_squares(np.array([of(reference, one) for one in drawn]), min(0.5, CANDIDATES / looks / 10), freedom)
        if far is not None:
            found[measure] = far * more
    return found


def by_chance(days: float) -> float:
    """Standard deviations that a sum which came together in so many days exceeds as seldom as the budget allows."""
    seldom = OUTCOMES * days / MONTH / 2
    return NormalDist().inv_cdf(1.0 - min(max(seldom, _SELDOMEST), _OFTENEST) / 2)


def together(begin: Sequence[int], end: Sequence[int], variance: Sequence[float]) -> float:
    """Variance of a sum of outcomes, in that of as many independent ones, if all instruments moved as one: then two of
    them are correlated by the root of the product of the parts that their common time is of either's.

    Parameters:
        begin, end: ns.

    >>> together([0, 0], [9, 9], [0.25, 0.25]), together([0, 9], [9, 18], [0.25, 0.25])
    (2.0, 1.0)
    """
    starts, ends = np.array(begin, float), np.array(end, float)
    lengths = np.sqrt(np.maximum(ends - starts, 1.0))
    common = np.minimum(ends[:, None], ends) - np.maximum(starts[:, None], starts)
    alike = np.clip(common / lengths[:, None] / lengths, 0.0, 1.0)
    np.fill_diagonal(alike, 1.0)
    errors = np.sqrt(np.maximum(np.array(variance, float), 1e-12))
    return float(errors @ alike @ errors / (errors @ errors))
