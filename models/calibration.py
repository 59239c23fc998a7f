"""Platt's calibration: a logistic regression of what came on what a model said."""

from math import exp, fsum, log
from typing import Final

import numpy as np
from msgspec import Struct, field
from numpy.typing import NDArray

from models.trained import Calibration

__all__ = ["PlattInTime", "calibrated", "platt"]

Floats = NDArray[np.float64]
_NOTHING: Final = 1e-6
"""The slope of a logit that says nothing; above 0, so that it can be gone back."""
_RIDGE: Final = 1e-9
"""On the curvature, which is none where all is certain."""
_PART, _PARTS = 50, 10
"""Outcomes whose curvature is summed up as one, and how many such sums decide: the last 500 outcomes, in steps of 50.
Were they forgotten by and by, those of logits that were far too large would outweigh all others for thousands more."""
_STEP: Final = 0.1
"""The most that one outcome moves slope and intercept: where scores are sure and right for long, curvature is next to
nothing, and a single surprise would turn the line over."""
_BEGIN: Final = 20.0
"""Curvature of what is believed before the first outcome, that logits are right as they are: that of 80 outcomes; it
goes with the first of them."""


def platt(logits: Floats, win: NDArray[np.bool_], weights: Floats | None = None) -> Calibration:
    """The line that makes ``win`` most likely, with its targets a little off 0 and 1 (Platt 1999, section 2.2). Where a
    model ranks the wrong way round its logit counts next to nothing.

    By Newton's method with halved steps: Lin, Lin, Weng, "A note on Platt's probabilistic outputs", 2007.
    """
    weights = np.ones(len(logits)) if weights is None else weights
    wins, losses = float(weights @ win), float(weights @ ~win)
    target = np.where(win, (wins + 1) / (wins + 2), 1 / (losses + 2))
    squares, base = logits * logits, log((wins + 1) / (losses + 1))

    def told(slope: float, intercept: float) -> tuple[Floats, float]:
        z = slope * logits + intercept
        return z, float(weights @ (np.logaddexp(0.0, z) - target * z))

    line = (0.0, base)
    z, now = told(*line)
    for _ in range(50):
        p = 1 / (1 + np.exp(-np.clip(z, -700, 700)))
        wrong, curve = weights * (p - target), weights * (p * (1 - p))
        steep, both, flat = float(curve @ squares) + _RIDGE, float(curve @ logits), float(curve.sum()) + _RIDGE
        down, across, area = float(wrong @ logits), float(wrong.sum()), steep * flat - both * both
        step, size = ((flat * down - both * across) / area, (steep * across - both * down) / area), 1.0
        if down * step[0] + across * step[1] < 1e-12:  # twice what is still to be gained
            break
        before = now
        while True:
            there = line[0] - size * step[0], line[1] - size * step[1]
            z, now = told(*there)
            if now <= before or size < 1e-6:
                break
            size /= 2
        line = there
    return Calibration(*line) if line[0] > 0 else Calibration(_NOTHING, base)


class PlattInTime(Struct, array_like=True):
    """The same line, followed from outcome to outcome by one step of Newton's method each, on the curvature of the last
    ones: Gupta and Ramdas, "Online Platt scaling with calibeating", 2023. A few operations each, whatever came before.

    >>> line = PlattInTime()
    >>> for at in range(400):
    ...     line.learn(2.0 if at % 2 else -2.0, win=bool(at % 2) != (at % 8 == 1 or at % 8 == 4))
    >>> abs(line.slope - 0.55) < 0.05  # log(3) / 2
    True
    """

    slope: float = 1.0
    intercept: float = 0.0
    count: int = 0
    _curves: list[tuple[float, float, float]] = field(default_factory=lambda: [(_BEGIN, 0.0, _BEGIN)])
    """Of each part, the one that grows last: by the slope, by both, by the intercept."""

    def learn(self, logit: float, *, win: bool) -> None:
        """Take an outcome and the logit that was told before it."""
        p = 1.0 / (1.0 + exp(-max(-700.0, min(700.0, self.slope * logit + self.intercept))))
        curve, wrong = p * (1.0 - p), p - win
        if self.count % _PART == 0:
            self._curves = [*self._curves[1 - _PARTS :], (0.0, 0.0, 0.0)]
        steep, both, flat = self._curves[-1]
        self._curves[-1] = steep + curve * logit * logit + _RIDGE, both + curve * logit, flat + curve + _RIDGE
        steep, both, flat = map(fsum, zip(*self._curves, strict=True))
        area = steep * flat - both * both
        steeper = _bounded(wrong * (flat * logit - both) / area)
        self.slope = max(_NOTHING, self.slope - steeper)
        self.intercept -= _bounded(wrong * (steep - both * logit) / area)
        self.count += 1


def _bounded(step: float) -> float:
    return max(-_STEP, min(_STEP, step))


def calibrated(calibration: Calibration, logits: Floats) -> Floats:
    """Probabilities of many rows."""
    z = np.clip(calibration.slope * logits + calibration.intercept, -700, 700)
    return np.asarray(np.clip(1 / (1 + np.exp(-z)), 1e-12, 1 - 1e-12))
