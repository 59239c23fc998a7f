"""Platt's line against scikit-learn."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from models.calibration import calibrated, platt

linear: Any = import_module("sklearn.linear_model")


def test_the_line_is_the_most_likely_one() -> None:
    chance = np.random.default_rng(2)
    logits = chance.normal(0.0, 2.0, 4_000)
    win = chance.uniform(size=4_000) < 1 / (1 + np.exp(-(0.4 * logits - 0.7)))
    found = platt(logits, win, np.ones(4_000))
    plain = linear.LogisticRegression(C=1e9, max_iter=1_000).fit(logits[:, np.newaxis], win)
    assert found.slope == pytest.approx(plain.coef_[0, 0], rel=1e-2)
    assert found.intercept == pytest.approx(plain.intercept_[0], rel=1e-2)
    assert calibrated(found, logits)[7] == pytest.approx(found.probability(float(logits[7])))


def test_a_model_that_ranks_the_wrong_way_round_says_the_base_rate() -> None:
    logits = np.linspace(-1.0, 1.0, 100)
    p = calibrated(platt(logits, logits < -0.2, np.ones(100)), logits)
    assert p == pytest.approx(np.full(100, 0.4), abs=0.01)
