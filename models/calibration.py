"""Platt's calibration: a logistic regression of what came on what a model said."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.trained import Calibration

__all__ = ["calibrated", "platt"]

Floats = NDArray[np.float64]
_NOTHING: Final = 1e-6
"""The slope of a logit that says nothing; above 0, so that it can be gone back."""


def platt(logits: Floats, win: NDArray[np.bool_], weights: Floats | None = None) -> Calibration:
    """The line that makes ``win`` most likely, with its targets a little off 0 and 1 (Platt 1999, section 2.2). Where a
    model ranks the wrong way round its logit counts next to nothing.

    By Newton's method with halved steps: Lin, Lin, Weng, "A note on Platt's probabilistic outputs", 2007.
    """
    weights = np.ones(len(logits)) if weights is None else weights
    wins, losses = float(weights[win].sum()), float(weights[~win].sum())
    target = np.where(win, (wins + 1) / (wins + 2), 1 / (losses + 2))
    design = np.column_stack([logits, np.ones(len(logits))])

    def loss(line: Floats) -> float:
        z = design @ line
        return float((weights * (np.logaddexp(0.0, z) - target * z)).sum())

    base = float(np.log((wins + 1) / (losses + 1)))
    line = np.array([0.0, base])
    now = loss(line)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(design @ line, -700, 700)))
        gradient = design.T @ (weights * (p - target))
        hessian = (design * (weights * p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
        step, size = np.linalg.solve(hessian, gradient), 1.0
        while size > 1e-6 and loss(line - size * step) > now:
            size /= 2
        line = line - size * step
        before, now = now, loss(line)
        if before - now < 1e-10:
            break
    slope, intercept = line.tolist()
    return Calibration(slope, intercept) if slope > 0 else Calibration(_NOTHING, base)


def calibrated(calibration: Calibration, logits: Floats) -> Floats:
    """Probabilities of many rows."""
    z = np.clip(calibration.slope * logits + calibration.intercept, -700, 700)
    return np.asarray(np.clip(1 / (1 + np.exp(-z)), 1e-12, 1 - 1e-12))
