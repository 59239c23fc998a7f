"""What must not be in training or inputs, looked for by name before anything is believed."""

from math import isnan, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.metrics import information_coefficient, ranks
from models.sample import Sample
from models.splits import Fold, Inner

Floats = NDArray[np.float64]
__all__ = ["AHEAD", "leaks_of_fold", "leaks_of_inner", "leaks_of_inputs"]

AHEAD: Final = 0.3
"""Rank correlation with the market's next bar beyond which an input is taken to know it; what order flow is known to
tell of a minute ahead stays below 0.15."""
_BESIDE: Final = 0.2
"""The same of what the other inputs do not tell of it. What is honest stays below 0.13 on real bars, for the return and
for its size; an RSI of 14 bars that is one bar ahead has 0.8, a return over 20 bars 0.4."""
_ERRORS: Final = 5.0
"""Standard errors of such a correlation, for spans so short that chance alone reaches these limits."""
_LEAST: Final = 200
_RIDGE: Final = 1e-3


def leaks_of_fold(sample: Sample, fold: Fold) -> list[str]:
    """Labels of the training that were not yet known when the test began."""
    if not len(fold.test) or not len(fold.train):
        return []
    begin, last = int(sample.decided[fold.test].min()), int(sample.ends[fold.test].max())
    spoilt = (sample.ends[fold.train] >= begin) & (sample.decided[fold.train] <= last)
    both = np.intersect1d(fold.train, fold.test).size
    found = [f"{both} rows are in training and test"] if both else []
    if spoilt.any():
        found.append(f"labels overlap the split: {int(spoilt.sum())} of the training end after the test begins")
    return found


def leaks_of_inner(sample: Sample, parts: Inner, fold: Fold) -> list[str]:
    """Rows that training stops or calibrates on and that it must not see then."""
    found = []
    begin = int(sample.decided[fold.test].min()) if len(fold.test) else None
    for name, rows in (("early stopping", parts.stop), ("calibration", parts.calibrate)):
        seen = np.intersect1d(rows, fold.test).size
        late = int((sample.ends[rows] >= begin).sum()) if begin is not None else 0
        if seen or late:
            found.append(f"{name} sees the test: {max(seen, late)} rows of it were not known when the test began")
    for early, late_rows, name in (
        (parts.fit, parts.stop, "early stopping"), (parts.stop, parts.calibrate, "calibration"),
    ):  # fmt: skip
        if len(early) and len(late_rows) and sample.ends[early].max() >= sample.decided[late_rows].min():
            found.append(f"labels overlap the rows of {name}")
    return found


def leaks_of_inputs(sample: Sample) -> list[str]:
    """Inputs that go with the market's next bar as nothing does that was known before it.

    One bar more is little in a measure of many. So beside each input stands what no other input tells of it, which in
    one that is ahead is the next bar; and it is held against the bar's return and its size. The furthest is named, and
    taken out before the next is looked for, as others would be told apart from it by the same bar.
    """
    known = np.isfinite(sample.ahead)
    x = sample.x[known].astype(np.float64)
    told = np.count_nonzero(~np.isnan(x), axis=0) >= _LEAST
    if not told.any():
        return []
    names, columns = [name for name, one in zip(sample.inputs, told, strict=True) if one], x[:, told]
    ahead = np.column_stack([sample.ahead[known], np.abs(sample.ahead[known])])
    alone = [_correlation(column, ahead[:, 0]) for column in columns.T]
    standing, targets = _standing(columns), _standing(ahead)
    chance = _ERRORS / sqrt(len(np.unique(sample.decided[known])))
    limits = max(AHEAD, chance), max(_BESIDE, chance)
    found = []
    while names:
        beside = _beside(standing, targets)
        at = int(np.maximum(np.abs(alone) / limits[0], np.abs(beside).max(axis=1) / limits[1]).argmax())
        if abs(alone[at]) > limits[0]:
            found.append(
                f"input {names[at]} looks ahead: rank correlation {alone[at]:+.2f} with the bar after the decision"
            )
        elif abs(beside[at]).max() > limits[1]:
            size = int(abs(beside[at]).argmax())
            found.append(
                f"input {names[at]} looks ahead: what no other input tells of it has a rank correlation of "
                f"{beside[at, size]:+.2f} with the {('return', 'size')[size]} of the bar after the decision"
            )
        else:
            break
        del names[at], alone[at]
        standing = np.delete(standing, at, axis=1)
    return found


def _correlation(column: Floats, ahead: Floats) -> float:
    known = ~np.isnan(column)
    found = information_coefficient(column[known], ahead[known])
    return 0.0 if isnan(found) else found


def _standing(columns: Floats) -> Floats:
    """Ranks of each column, of mean 0 and deviation 1; what is not known is in the middle."""
    found = np.zeros(columns.shape)
    for at, column in enumerate(columns.T):
        known = ~np.isnan(column)
        own = ranks(column[known])
        found[known, at] = (own - own.mean()) / (own.std() or 1.0)
    return found


def _beside(standing: Floats, targets: Floats) -> Floats:
    """Correlation of what is left of each column without all others with each of ``targets``."""
    covariance = standing.T @ standing / len(standing) + _RIDGE * np.eye(standing.shape[1])
    left = standing @ np.linalg.inv(covariance)  # in proportion to the residuals of a regression on all others
    deviation = left.std(axis=0)
    return np.asarray(left.T @ targets / len(left) / np.where(deviation > 0, deviation, 1.0)[:, np.newaxis])
