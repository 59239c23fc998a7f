"""Looking after each outcome does not make a challenger better than it is."""

import numpy as np
import pytest

from models.comparison import Comparison


def race(seed: int, gap: float, outcomes: int = 1_500) -> Comparison:
    """The champion's logit is off by noise, the challenger's by the same noise less ``gap``."""
    random = np.random.default_rng(seed)
    comparison = Comparison()
    for truth, one, other in random.normal(0, 1, (outcomes, 3)).tolist():
        chance = 1 / (1 + np.exp(-truth))
        champion, challenger = (1 / (1 + np.exp(-(truth + noise))) for noise in (one, (1 - gap) * other))
        comparison.add(champion=champion, challenger=challenger, win=bool(random.random() < chance))
    return comparison


def test_equals_are_seldom_told_apart_however_often_one_looks() -> None:
    found = [race(seed, 0.0, 600) for seed in range(100)]
    assert sum(one.better for one in found) <= 9  # at most 5 in a hundred on average
    assert sum(one.worse for one in found) <= 9


def test_a_better_one_is_found_and_a_worse_one_is_left() -> None:
    assert sum(race(seed, 0.9).better for seed in range(10)) >= 9
    assert sum(race(seed, -0.9).worse for seed in range(10)) >= 9
    assert not any(race(seed, -0.9).better for seed in range(10))


def test_the_mean_is_that_of_squared_errors() -> None:
    comparison = Comparison()
    comparison.add(champion=0.5, challenger=0.8, win=True)
    comparison.add(champion=0.5, challenger=0.8, win=False)
    assert comparison.mean == pytest.approx(((0.25 - 0.04) + (0.25 - 0.64)) / 2)
    assert comparison.count == 2
