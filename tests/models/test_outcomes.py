"""Limits of what is said and what comes of it: they hold where outcomes overlap, and tell what does not."""

import numpy as np
import pytest

from models.drift import WINDOW
from models.outcomes import by_chance, limits_of, together


def outcomes(random: np.random.Generator, count: int, alike: int) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities, and wins of which so many that follow one another are decided by one draw."""
    p = random.uniform(0.3, 0.6, count)
    draws = np.repeat(random.random(count // alike + 1), alike)[:count]
    return p, draws < p


@pytest.mark.parametrize("alike", [1, 10])
def test_what_training_exceeds_so_seldom_is_not_exceeded_later(alike: int) -> None:
    random = np.random.default_rng(alike)
    p, win = outcomes(random, 6_000, alike)
    limits = limits_of(p, win, days=90, seed=1)
    assert set(limits) == {"calibration", "label_rate", "kl", "js"}
    assert limits["calibration"] > 2.5 * alike**0.5
    p, win = outcomes(random, 12_000, alike)  # half a year
    surprise = (win - p).reshape(-1, WINDOW).sum(axis=1) / np.sqrt((p * (1 - p)).reshape(-1, WINDOW).sum(axis=1))
    assert (np.abs(surprise) < limits["calibration"]).all()


def test_of_few_outcomes_only_chance_is_known() -> None:
    assert limits_of(*outcomes(np.random.default_rng(1), 1_500, 1), days=90, seed=1) == {}
    assert 2.5 < by_chance(5.0) < by_chance(0.5) < by_chance(0.0) < 8.0


def test_the_variance_of_sums_knows_their_common_time() -> None:
    begin = list(range(200))
    assert together(begin, [one + 1 for one in begin], [0.25] * 200) == pytest.approx(1.0)
    assert together(begin, [one + 10 for one in begin], [0.25] * 200) == pytest.approx(10.0, rel=0.06)
    assert together([0] * 5, [7] * 5, [0.25] * 5) == pytest.approx(5.0)
