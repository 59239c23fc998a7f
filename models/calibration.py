"""Platt's calibration: a logistic regression of what came on what a model said."""

import numpy as np
from numpy.typing import NDArray

from models.trained import Calibration

__all__ = ["calibrated", "platt"]

Floats = NDArray[np.float64]


def platt(logits: Floats, win: NDArray[np.bool_], weights: Floats) -> Calibration:
    """The line that makes ``win`` most likely, with his targets a little off 0 and 1 (Platt 1999, section 2.2), by
    Newton's method. Where a model ranks the wrong way round its logit counts next to nothing.
    """
    wins, losses = float(weights[win].sum()), float(weights[~win].sum())
    target = np.where(win, (wins + 1) / (wins + 2), 1 / (losses + 2))
    design = np.column_stack([logits, np.ones(len(logits))])
    line = np.array([0.0, np.log((wins + 1) / (losses + 1))])
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(design @ line, -30, 30)))
        gradient = design.T @ (weights * (target - p))
        hessian = (design * (weights * p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        line += np.clip(step, -5, 5)
        if np.abs(step).max() < 1e-10:
            break
    slope, intercept = line.tolist()
    if slope > 0:
        return Calibration(slope, intercept)
    return Calibration(1e-6, float(np.log((wins + 1) / (losses + 1))))


def calibrated(calibration: Calibration, logits: Floats) -> Floats:
    """Probabilities of many rows."""
    z = np.clip(calibration.slope * logits + calibration.intercept, -700, 700)
    return np.asarray(np.clip(1 / (1 + np.exp(-z)), 1e-12, 1 - 1e-12))
