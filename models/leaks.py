"""What must not be in training or inputs, looked for by name before anything is believed."""

import numpy as np

from models.metrics import information_coefficient
from models.sample import Sample
from models.splits import Fold, Inner

__all__ = ["AHEAD", "leaks_of_fold", "leaks_of_inner", "leaks_of_inputs"]

AHEAD = 0.3
"""Rank correlation with the market's next bar beyond which an input is taken to know it; what order flow is known to
tell of a minute ahead stays below 0.15."""
_LEAST = 200


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
    """Inputs that go with the market's next bar as nothing does that was known before it."""
    found = []
    known = np.isfinite(sample.ahead)
    for at, name in enumerate(sample.inputs):
        rows = known & ~np.isnan(sample.x[:, at])
        if rows.sum() < _LEAST:
            continue
        correlation = information_coefficient(sample.x[rows, at].astype(np.float64), sample.ahead[rows])
        if abs(correlation) > AHEAD:
            found.append(
                f"input {name} looks ahead: rank correlation {correlation:+.2f} with the bar after the decision"
            )
    return found
