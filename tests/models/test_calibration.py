"""Platt's line against scikit-learn."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest

from models.calibration import PlattInTime, calibrated, platt

linear: Any = import_module("sklearn.linear_model")


@pytest.mark.parametrize("weighted", [False, True])
def test_the_line_is_the_logistic_regression_of_its_targets(*, weighted: bool) -> None:
    chance = np.random.default_rng(2)
    logits = chance.normal(0.0, 2.0, 4_000)
    win = chance.uniform(size=4_000) < 1 / (1 + np.exp(-(0.4 * logits - 0.7)))
    weights = chance.uniform(0.1, 2.0, 4_000) if weighted else np.ones(4_000)
    found = platt(logits, win, weights if weighted else None)
    wins, losses = weights[win].sum(), weights[~win].sum()
    target = np.where(win, (wins + 1) / (wins + 2), 1 / (losses + 2))
    twice = np.concatenate([logits, logits])[:, np.newaxis]
    regression = linear.LogisticRegression(C=np.inf, tol=1e-10, max_iter=1_000).fit(
        twice, np.repeat([True, False], 4_000), sample_weight=np.concatenate([weights * target, weights * (1 - target)])
    )
    assert (found.slope, found.intercept) == pytest.approx((regression.coef_[0, 0], regression.intercept_[0]), abs=1e-5)
    assert calibrated(found, logits)[7] == pytest.approx(found.probability(float(logits[7])))


def test_wins_alone_and_logits_far_apart_have_a_line() -> None:
    assert platt(np.zeros(300), np.ones(300, bool)).intercept > 4
    logits = np.linspace(-1e3, 1e3, 300)
    found = platt(logits, logits > 0)  # where whole steps run away
    assert 0.0 < found.slope < 1.0
    assert found.probability(1e3) > 0.99


def test_a_model_that_ranks_the_wrong_way_round_says_the_base_rate() -> None:
    logits = np.linspace(-1.0, 1.0, 100)
    p = calibrated(platt(logits, logits < -0.2, np.ones(100)), logits)
    assert p == pytest.approx(np.full(100, 0.4), abs=0.01)


def test_outcome_by_outcome_the_line_is_near_that_of_all_and_follows_a_change() -> None:
    chance, line = np.random.default_rng(3), PlattInTime()
    for slope, intercept in ((0.4, -0.7), (1.5, 0.5)):
        logits = chance.normal(0.0, 2.0, 4_000)
        win = chance.uniform(size=4_000) < 1 / (1 + np.exp(-(slope * logits + intercept)))
        for logit, won in zip(logits.tolist(), win.tolist(), strict=True):
            line.learn(logit, win=won)
        batch = platt(logits[-1_500:], win[-1_500:])
        assert (line.slope, line.intercept) == pytest.approx((batch.slope, batch.intercept), abs=0.25)


def test_the_line_stays_finite_whatever_comes() -> None:
    for logits in ([0.5] * 20_000, [12.0, -12.0] * 5_000, [0.0] * 20_000):
        line = PlattInTime()
        for at, logit in enumerate(logits):
            line.learn(logit, win=at % 3 == 0)
        said = 1 / (1 + np.exp(-(line.slope * logits[0] + line.intercept)))
        assert said == pytest.approx(1 / 3, abs=0.15)
        assert line.slope > 0


def test_what_came_five_hundred_outcomes_ago_decides_nothing() -> None:
    """Logits that were three times too large do not outweigh those that are right."""
    old, new = PlattInTime(), PlattInTime()
    for at in range(2_000):
        old.learn(6.0 if at % 2 else -6.0, win=bool(at % 2) != (at % 8 < 2))
    for at in range(550):
        for line in (old, new):
            line.slope, line.intercept = 1.0, 0.0
            line.learn(1.0 if at % 2 else -1.0, win=bool(at % 2) != (at % 8 < 2))
    assert (old.slope, old.intercept) == pytest.approx((new.slope, new.intercept), abs=1e-12)


def test_one_surprise_after_a_long_certainty_does_not_turn_the_line_over() -> None:
    line = PlattInTime()
    for number in range(6_000):
        line.learn(3.0 if number % 2 else -3.0, win=bool(number % 2))
    before = line.slope, line.intercept
    line.learn(3.0, win=False)
    assert (line.slope, line.intercept) == pytest.approx(before, abs=0.11)
