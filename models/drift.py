"""How far what a model sees has moved from what it was trained on, and how far is too far."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from math import ceil, fsum, log, pi, sqrt
from statistics import NormalDist
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from models.trained import Histogram
from schemas.time import HOUR, MINUTE

__all__ = [
    "CANDIDATES", "CLOSES", "DRAWS", "GRID", "MONTH", "OUTCOMES", "OVERLAPPING", "PART", "PARTS", "WINDOW", "bin_of",
    "binned_ks", "counts_of", "histogram", "jensen_shannon", "ks", "kullback_leibler", "location", "normal_scores",
    "psi", "rare_mean", "rare_squares", "thresholds",
]  # fmt: skip

GRID: Final = 5 * MINUTE
"""Of shorter timeframes only the closes on it count: those between are much like their neighbours."""
WINDOW: Final = 200
"""Rows that are held against the reference together."""
PART: Final = 2 * HOUR
"""At the end of each the last `PARTS` are looked at."""
PARTS: Final = 11
"""With one more it is a day: whenever something begins, a window lies wholly behind that within a day."""
MONTH: Final = 30.0
"""Days."""
_MODELS: Final = 3
"""Segments of the default configuration: one false alert a month is shared by as many models."""
CLOSES: Final = 0.6 / _MODELS
"""False alerts a month and model that thresholds of what is seen at closes are made for."""
CANDIDATES: Final = 0.2 / _MODELS
"""The same of what is seen, and said, of candidates."""
OUTCOMES: Final = 0.2 / _MODELS
"""The same of what became of them."""
_MEASURES: Final = {"location": 0.8, "psi": 0.1, "ks": 0.1}
"""Their parts of it: the location sees a shift first, the others what is no shift."""
_BINS: Final = 10
_PRIOR: Final = 0.5
"""Added to each bin (Jeffreys), so that an empty one is no certainty."""
DRAWS: Final = 1_000
OVERLAPPING: Final = 1.5
"""Windows that overlap tell as much of a variance as so many times their number of separate ones (Meketon and
Schmeiser, "Overlapping batch means: something for nothing?", 1984)."""
_NOTHING: Final = 1e-18  # a variance that is rounding only
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


def normal_scores(counts: Sequence[float]) -> list[float]:
    """Of each bin, the normal quantile of its middle; 0 of the last one, which is what is not known."""
    known = _shares(counts[:-1])
    passed = [fsum(known[:at]) + share / 2 for at, share in enumerate(known)]
    return [*map(NormalDist().inv_cdf, passed), 0.0]


def location(reference: Sequence[float], current: Sequence[float]) -> float:
    """How far the middle of what is known has moved, in standard deviations of the reference, about.

    The distance of mean normal scores of the bins (van der Waerden, "Order tests for the two-sample problem and their
    power", 1952). The last bin is what is not known.

    >>> round(location([500, 500, 0], [700, 300, 9]), 3)
    0.27
    """
    scores = normal_scores(reference)
    return abs(_mean_score(scores, current) - _mean_score(scores, reference))


def _mean_score(scores: Sequence[float], counts: Sequence[float]) -> float:
    known = fsum(counts[:-1])
    return fsum(score * count for score, count in zip(scores, counts, strict=True)) / known if known else 0.0


def thresholds(
    rows: _Floats, reference: Mapping[str, Histogram], *, looks: float, alerts: float, window: int = WINDOW,
    seed: int = 0,
) -> dict[str, dict[str, float]]:  # fmt: skip
    """By input the `location`, `psi` and `binned_ks` (``"ks"``) that windows of the training span exceed so seldom that
    all inputs together give at most ``alerts`` a month.

    Windows are drawn from ``rows`` (by time, columns as in ``reference``) in blocks, since rows that follow one another
    are alike (Künsch, "The jackknife and the bootstrap for general stationary observations", 1989). There are too few
    windows in any training span to see such a rare one, so the tail is that of a normal mean and of sums of squares,
    with a variance that is known from so many windows only: Student's t, and F. That of the distance is at least
    Kolmogorov's for as many independent rows as give the same mean square. A drawn window is also part of its
    reference, and a new one is not: that is made up for.

    Parameters:
        looks: a month, at which a window is held against the reference; they may overlap.
    """
    if not reference:
        return {}
    block = max(1, min(window, len(rows) // 4))
    seldom = min(0.5, alerts / max(looks, 1.0) / len(reference))
    freedom = max(1.0, OVERLAPPING * len(rows) / window)
    starts = np.random.default_rng(seed).integers(0, len(rows) - block + 1, (DRAWS, ceil(window / block)))
    part = min(0.5, window / len(rows))
    more = (1.0 + part) / (1.0 - part)
    found: dict[str, dict[str, float]] = {}
    for at, (name, about) in enumerate(reference.items()):
        drawn, weights, distances, moved, chance = _drawn(bin_of(about, rows[:, at]), about, starts, block)
        far = _rare_sum(drawn, weights, seldom * _MEASURES["psi"], freedom)
        apart = rare_squares(distances**2, seldom * _MEASURES["ks"], freedom)
        if far is not None and apart is not None:
            least = float((distances**2).mean()) * log(2.0 / (seldom * _MEASURES["ks"])) * _KOLMOGOROV
            found[name] = {
                "psi": far * more - chance, "ks": sqrt(max(apart, least) * more),
                "location": rare_mean(moved, seldom * _MEASURES["location"], freedom) * sqrt(more),
            }  # fmt: skip
    return found


def rare_mean(drawn: NDArray[np.float64], seldom: float, freedom: float) -> float:
    """What is exceeded in size with probability ``seldom`` by what is normal, 0 in the mean, and was ``drawn``."""
    student: Any = import_module("scipy.stats").t
    return float(np.sqrt((drawn**2).mean()) * student.isf(seldom / 2, freedom))


def rare_squares(drawn: NDArray[np.float64], seldom: float, freedom: float) -> float | None:
    """The same of a sum of squares; none where nothing varies."""
    fisher: Any = import_module("scipy.stats").f
    middle, variance = float(drawn.mean()), float(drawn.var())
    if variance <= _NOTHING:
        return None
    return float(middle * fisher.isf(seldom, 2.0 * middle * middle / variance, freedom))


def _rare_sum(drawn: NDArray[np.float64], weights: NDArray[np.float64], seldom: float, freedom: float) -> float | None:
    """The same where the ``weights`` of the squares are known: by three cumulants, since the largest weights make the
    tail (Imhof, "Computing the distribution of quadratic forms in normal variables", 1961).
    """
    fisher: Any = import_module("scipy.stats").f
    if float(drawn.var()) <= _NOTHING:
        return None
    one, two, three = (float((weights**power).sum()) for power in (1, 2, 3))
    shape = two**3 / three**2
    far = one - two * two / three + three / two * shape * float(fisher.isf(seldom, shape, freedom))
    return far * float(drawn.mean()) / one


def _drawn(
    bins: NDArray[np.intp], histogram: Histogram, starts: NDArray[np.int64], block: int
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64], float]:
    """The index of each drawn window and the weights of the squares that it is a sum of, its distance and how far it
    has moved; what chance makes of the index, which `psi` takes off.
    """
    reference = np.array(counts_of(histogram), float)
    places = len(reference)
    passed = np.zeros((len(bins) + 1, places))
    np.cumsum(np.eye(places)[bins], axis=0, out=passed[1:])
    current = (passed[starts + block] - passed[starts]).sum(axis=1)
    n, m = reference.sum(), starts.shape[1] * block
    p = (reference + _PRIOR) / (n + _PRIOR * places)
    q = (current + _PRIOR) / (m + _PRIOR * places)
    found: NDArray[np.float64] = ((q - p) * np.log(q / p)).sum(axis=1)
    apart = (q - p) / np.sqrt(p)
    weights = np.maximum(np.linalg.eigvalsh(apart.T @ apart / len(apart)), 0.0)
    distances = np.abs(np.cumsum(current / m, axis=1) - np.cumsum(reference / n)).max(axis=1)
    scores = np.array(normal_scores(reference.tolist()))
    known = current[:, :-1].sum(axis=1)
    usual = _mean_score(scores.tolist(), reference.tolist())
    moved = np.where(known > 0, current @ scores / np.maximum(known, 1.0) - usual, 0.0)
    return found, weights, distances, moved, float((places - 1) * (1.0 / n + 1.0 / m))


def _shares(counts: Sequence[float]) -> list[float]:
    total = fsum(counts) + _PRIOR * len(counts)
    return [(count + _PRIOR) / total for count in counts]


def _divergence(one: Sequence[float], other: Sequence[float]) -> float:
    return fsum(a * log(a / b) for a, b in zip(one, other, strict=True))
