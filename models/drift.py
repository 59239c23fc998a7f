"""How far what a model sees has moved from what it was trained on, and how far is too far."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from math import ceil, fsum, log, pi, sqrt
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.trained import Histogram
from schemas.time import MINUTE

__all__ = [
    "ALERTS", "GRID", "WINDOW", "bin_of", "binned_ks", "counts_of", "histogram", "jensen_shannon", "ks",
    "kullback_leibler", "psi", "thresholds",
]  # fmt: skip

GRID: Final = 5 * MINUTE
"""Of shorter timeframes only the closes on it count: those between are much like their neighbours."""
WINDOW: Final = 200
"""Rows that are held against the reference together."""
ALERTS: Final = 0.1
"""A month, that thresholds are made for; one training span knows them so badly that on others there are up to ten times
as many, which is the budget: one."""
_BINS: Final = 10
_PRIOR: Final = 0.5
"""Added to each bin (Jeffreys), so that an empty one is no certainty."""
_DRAWS: Final = 400
_NOTHING: Final = 1e-18  # a variance that is rounding only
_MONTH: Final = 30.0
_KOLMOGOROV: Final = 6.0 / pi**2
"""Of n independent rows the squared distance is pi^2 / 12 n in the mean, and above x with probability 2 exp(-2 n x)."""
_Floats = NDArray[np.floating[Any]]


def histogram(values: _Floats) -> Histogram:
    """In bins of equal frequency, as far as the values differ."""
    known = values[~np.isnan(values)].astype(np.float64)
    edges = np.unique(np.quantile(known, np.linspace(0, 1, _BINS + 1)[1:-1])) if len(known) else np.array([])
    counts = np.bincount(np.searchsorted(edges, known, side="right"), minlength=len(edges) + 1)
    return Histogram(
        edges=[float(edge) for edge in edges], counts=[int(count) for count in counts], missing=len(values) - len(known)
    )


def counts_of(histogram: Histogram) -> list[int]:
    """All bins, and what is not known as the last one."""
    return [*histogram.counts, histogram.missing]


def bin_of(histogram: Histogram, values: _Floats) -> NDArray[np.intp]:
    """The bins of ``values``; NaN is in the last one of `counts_of`."""
    found = np.searchsorted(np.array(histogram.edges), values.astype(np.float64), side="right")
    return np.where(np.isnan(values), len(histogram.counts), found)


def psi(reference: Sequence[float], current: Sequence[float]) -> float:
    """Population stability index of two histograms, less what chance alone makes of it.

    sum (q - p) ln(q / p), less (bins - 1) (1 / n + 1 / m), its mean where nothing has moved; below 0 there is nothing
    to see. Yurdakul, "Statistical properties of population stability index", 2018.

    >>> round(psi([500, 500], [500, 500]), 6), round(psi([500, 500], [700, 300]), 3)
    (-0.002, 0.167)
    """
    p, q = _shares(reference), _shares(current)
    found = fsum((b - a) * log(b / a) for a, b in zip(p, q, strict=True))
    return found - (len(p) - 1) * (1.0 / fsum(reference) + 1.0 / fsum(current))


def kullback_leibler(reference: Sequence[float], current: Sequence[float]) -> float:
    """Of the current histogram from the reference, nats."""
    return _divergence(_shares(current), _shares(reference))


def jensen_shannon(reference: Sequence[float], current: Sequence[float]) -> float:
    """The square of the distance of that name, nats; at most ln 2 (Lin 1991)."""
    p, q = _shares(reference), _shares(current)
    middle = [(a + b) / 2 for a, b in zip(p, q, strict=True)]
    return (_divergence(p, middle) + _divergence(q, middle)) / 2


def ks(one: _Floats, other: _Floats) -> float:
    """Two-sample Kolmogorov-Smirnov statistic of what is known in both samples."""
    a, b = (np.sort(sample[~np.isnan(sample)]) for sample in (one, other))
    places = np.concatenate((a, b))
    return float(
        np.abs(np.searchsorted(a, places, "right") / len(a) - np.searchsorted(b, places, "right") / len(b)).max()
    )


def binned_ks(reference: Sequence[float], current: Sequence[float]) -> float:
    """The same of histograms, at their edges; the samples' own is at least that."""
    p, q = np.array(reference, float), np.array(current, float)
    return float(np.abs(np.cumsum(p) / p.sum() - np.cumsum(q) / q.sum()).max())


def thresholds(
    rows: _Floats, reference: Mapping[str, Histogram], *, days: float, window: int = WINDOW, alerts: float = ALERTS,
    seed: int = 0,
) -> dict[str, dict[str, float]]:  # fmt: skip
    """By input the `psi` and `binned_ks` (``"ks"``) that windows of the training span exceed so seldom that all inputs
    together give at most ``alerts`` a month.

    Windows are drawn from ``rows`` (by time, columns as in ``reference``) in blocks, since rows that follow one another
    are alike (Künsch, "The jackknife and the bootstrap for general stationary observations", 1989). There are too few
    windows in any training span to see such a rare one, so the tail is that of a gamma distribution with their mean and
    variance, as PSI is a sum of squares; that of the distance is at least Kolmogorov's for as many independent rows as
    give the same mean square. The budget is shared evenly by inputs, both measures and windows. A drawn window is also
    part of its reference, and a new one is not: that is made up for.

    Parameters:
        days: that the rows span, which says how many windows there are in a month.
    """
    block = max(1, min(window, len(rows) // 4))
    blocks = ceil(window / block)
    windows = len(rows) / window / max(days, 1e-9) * _MONTH
    seldom = min(0.5, alerts / max(windows, 1.0) / len(reference) / 2)
    starts = np.random.default_rng(seed).integers(0, len(rows) - block + 1, (_DRAWS, blocks))
    part = min(0.5, window / len(rows))
    more = (1.0 + part) / (1.0 - part)
    found: dict[str, dict[str, float]] = {}
    for at, (name, about) in enumerate(reference.items()):
        drawn, distances, chance = _drawn(bin_of(about, rows[:, at]), about, starts, block)
        far, apart = _rare(drawn, seldom), _rare(distances**2, seldom)
        if far is not None and apart is not None:
            apart = max(apart, float((distances**2).mean()) * log(2.0 / seldom) * _KOLMOGOROV)
            found[name] = {"psi": far * more - chance, "ks": sqrt(apart * more)}
    return found


def _rare(drawn: NDArray[np.float64], seldom: float) -> float | None:
    """What is exceeded with probability ``seldom``; none where nothing varies."""
    gamma: Any = import_module("scipy.stats").gamma
    middle, variance = float(drawn.mean()), float(drawn.var())
    if variance <= _NOTHING:
        return None
    return float(gamma.isf(seldom, middle * middle / variance, scale=variance / middle))


def _drawn(
    bins: NDArray[np.intp], histogram: Histogram, starts: NDArray[np.int64], block: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """The index of each drawn window and its distance, and what chance makes of the index, which `psi` takes off."""
    reference = np.array(counts_of(histogram), float)
    places = len(reference)
    passed = np.zeros((len(bins) + 1, places))
    np.cumsum(np.eye(places)[bins], axis=0, out=passed[1:])
    current = (passed[starts + block] - passed[starts]).sum(axis=1)
    n, m = reference.sum(), starts.shape[1] * block
    p = (reference + _PRIOR) / (n + _PRIOR * places)
    q = (current + _PRIOR) / (m + _PRIOR * places)
    found: NDArray[np.float64] = ((q - p) * np.log(q / p)).sum(axis=1)
    distances = np.abs(np.cumsum(current / m, axis=1) - np.cumsum(reference / n)).max(axis=1)
    return found, distances, float((places - 1) * (1.0 / n + 1.0 / m))


def _shares(counts: Sequence[float]) -> list[float]:
    total = fsum(counts) + _PRIOR * len(counts)
    return [(count + _PRIOR) / total for count in counts]


def _divergence(one: Sequence[float], other: Sequence[float]) -> float:
    return fsum(a * log(a / b) for a, b in zip(one, other, strict=True))
