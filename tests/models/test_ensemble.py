"""Pooling: who was right before weighs more, and what is told is calibrated."""

from collections.abc import Callable
from math import exp, log, nan

import numpy as np
import pytest

from models.ensemble import Ensemble, log_loss, logit_of, sigmoid
from models.trained import Calibration

TRUSTED = frozenset({"batch"})


def drawn(count: int, slope: float, seed: int = 1) -> list[tuple[float, bool]]:
    """Scores whose true logit is ``slope`` times as large."""
    source = np.random.default_rng(seed)
    scores = source.normal(0, 1.5, count).tolist()
    return [(score, bool(source.random() < 1 / (1 + exp(-slope * score)))) for score in scores]


@pytest.mark.parametrize("told", [logit_of, sigmoid, Calibration(1.0, 0.0).probability])
def test_what_is_no_number_is_no_probability(told: Callable[[float], float]) -> None:
    with pytest.raises(ValueError, match=r"not a number|is no probability"):
        told(nan)


def test_one_that_is_trusted_speaks_alone_until_others_are_proven() -> None:
    ensemble = Ensemble()
    assert ensemble.pool({"online": 1.0}, TRUSTED) is None
    pooled = ensemble.pool({"batch": 1.0, "online": -3.0}, TRUSTED)
    assert pooled is not None
    assert (pooled.weights, pooled.score, pooled.disagreement) == ({"batch": 1.0, "online": 0.0}, 1.0, 0.0)
    assert pooled.probability == pytest.approx(1 / (1 + exp(-1)))
    for _ in range(100):
        ensemble.learn({"batch": 0.0, "online": 0.0}, win=True)
    pooled = ensemble.pool({"batch": 1.0, "online": -3.0}, TRUSTED)
    assert pooled is not None
    assert pooled.weights == {"batch": 0.5, "online": 0.5}
    assert pooled.score == -1.0
    assert pooled.disagreement > 0.3


def test_weights_follow_the_losses_out_of_sample() -> None:
    ensemble = Ensemble()
    for score, win in drawn(150, 1.0):
        ensemble.learn({"right": score, "flat": 0.0}, win=win)
    losses = {name: member.loss for name, member in ensemble.members.items()}
    pooled = ensemble.pool({"right": 1.0, "flat": 0.0}, frozenset())
    assert pooled is not None
    expected = 1 / (1 + exp(losses["right"] - losses["flat"]))
    assert pooled.weights["right"] == pytest.approx(expected)
    assert expected > 0.9
    for score, win in drawn(150, -1.0, 2):  # and turn when the world does
        ensemble.learn({"right": score, "flat": 0.0}, win=win)
    turned = ensemble.pool({"right": 1.0, "flat": 0.0}, frozenset())
    assert turned is not None
    assert turned.weights["right"] < 0.1


def test_who_comes_new_begins_as_the_best() -> None:
    ensemble = Ensemble()
    for _ in range(200):
        ensemble.learn({"good": 1.0, "awful": -8.0}, win=True)
    logits = {"good": 1.0, "awful": -8.0, "new": 1.0}
    for _ in range(2):
        pooled = ensemble.pool(logits, frozenset({"new"}))
        assert pooled is not None
        assert pooled.weights["new"] == pytest.approx(pooled.weights["good"])
        ensemble.learn(logits, win=True)


def test_who_comes_new_does_not_begin_as_one_who_left_in_easier_times() -> None:
    ensemble = Ensemble()
    for _ in range(200):
        ensemble.learn({"gone": 6.0}, win=True)
    for at in range(200):
        ensemble.learn({"online": 0.0}, win=at % 2 == 0)
    logits = {"online": 0.0, "new": 0.0}
    ensemble.learn(logits, win=True)
    pooled = ensemble.pool(logits, frozenset({"new"}))
    assert pooled is not None
    assert pooled.weights == pytest.approx({"online": 0.5, "new": 0.5})


def test_who_left_in_easier_times_does_not_return_as_the_best() -> None:
    ensemble = Ensemble()
    easy, hard = logit_of(0.2), 0.0
    for at in range(300):
        ensemble.learn({"first": easy, "online": easy}, win=at % 5 == 0)
    for at in range(300):
        ensemble.learn({"online": hard}, win=at % 2 == 0)
    weights = []
    for at in range(100):
        pooled = ensemble.pool({"first": easy, "online": hard}, frozenset())
        assert pooled is not None
        weights.append(pooled.weights["first"])
        ensemble.learn({"first": easy, "online": hard}, win=at % 2 == 0)
    assert max(weights) < 0.65  # one outcome is not much
    assert weights[-1] < 0.01


def test_outcomes_of_other_instruments_are_no_measure_between_members() -> None:
    ensemble = Ensemble()
    for at in range(1000):
        if at % 2:
            ensemble.learn({"alts": 0.0, "online": 0.0}, win=at % 4 == 1)
        else:
            ensemble.learn({"majors": logit_of(0.35), "online": logit_of(0.2)}, win=at % 10 == 0)
    pooled = ensemble.pool({"majors": logit_of(0.35), "online": logit_of(0.2)}, frozenset())
    assert pooled is not None
    assert pooled.weights["online"] > 0.9


def test_what_is_told_too_surely_is_calibrated() -> None:
    ensemble = Ensemble()
    for score, win in drawn(500, 0.4):
        ensemble.learn({"sure": score}, win=win, score=score)
    assert ensemble.calibrated
    assert ensemble.slope == pytest.approx(0.4, abs=0.12)
    pooled = ensemble.pool({"sure": 2.0}, frozenset())
    assert pooled is not None
    assert pooled.logit == pytest.approx(ensemble.slope * 2.0 + ensemble.intercept)
    assert pooled.probability < 0.75


def test_of_others_who_are_trusted_nothing_is_known_yet() -> None:
    ensemble = Ensemble()
    for score, win in drawn(500, 0.4):
        ensemble.learn({"sure": score}, win=win, score=score)
    ensemble.begin_anew()
    pooled = ensemble.pool({"right": 1.4}, frozenset({"right"}))
    assert pooled is not None
    assert (ensemble.calibrated, pooled.logit, ensemble.changes) == (False, 1.4, 1)


def test_losses_and_logits_stay_finite() -> None:
    assert log_loss(1e3, win=False) == 1e3
    assert log_loss(2.0, win=True) == pytest.approx(-log(1 / (1 + exp(-2.0))))
    assert logit_of(1.0) == -logit_of(0.0) == 12.0
