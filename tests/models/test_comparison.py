"""Looking after each outcome does not make a challenger better than it is."""

from collections.abc import Iterator

import numpy as np
import pytest

from models.comparison import Comparison


def race(seed: int, gap: float, outcomes: int = 1_500) -> Comparison:
    """The champion's logit is off by noise, the challenger's by the same noise less ``gap``."""
    random = np.random.default_rng(seed)
    comparison = Comparison()
    for at, (truth, one, other) in enumerate(random.normal(0, 1, (outcomes, 3)).tolist()):
        chance = 1 / (1 + np.exp(-truth))
        champion, challenger = (1 / (1 + np.exp(-(truth + noise))) for noise in (one, (1 - gap) * other))
        win = bool(random.random() < chance)
        comparison.add(champion=champion, challenger=challenger, win=win, decided=at, ended=at + 1)
    return comparison


def overlapping(seed: int, minutes: int = 3_000) -> Iterator[tuple[int, int, float, bool]]:
    """Outcomes of one minute each that end half an hour later, by the same price: minutes, what is said, a win."""
    random = np.random.default_rng(seed)
    price = np.cumsum(random.normal(size=minutes + 30))
    mood = 0.0
    for at in range(minutes):
        mood = 0.99 * mood + 0.14 * random.normal()
        yield at, at + 30, 0.5 + 0.1 * np.tanh(mood), bool(price[at + 29] > price[at])


def test_equals_are_seldom_told_apart_however_often_one_looks() -> None:
    found = [race(seed, 0.0, 600) for seed in range(100)]
    assert sum(one.better for one in found) <= 9  # at most 5 in a hundred on average
    assert sum(one.worse for one in found) <= 9


def test_nor_are_they_where_outcomes_overlap() -> None:
    """Both say the opposite of one another, for hours, of a price that nobody knows anything of."""
    found = []
    for seed in range(100):
        comparison = Comparison()
        for decided, ended, said, win in overlapping(seed):
            comparison.add(champion=1 - said, challenger=said, win=win, decided=decided, ended=ended)
        found.append(comparison)
    assert min(one.tables for one in found) > 15
    assert sum(one.better for one in found) <= 9
    assert sum(one.worse for one in found) <= 9


def test_a_better_one_is_found_and_a_worse_one_is_left() -> None:
    assert sum(race(seed, 0.9).better for seed in range(10)) >= 9
    assert sum(race(seed, -0.9).worse for seed in range(10)) >= 9
    assert not any(race(seed, -0.9).better for seed in range(10))


def test_what_is_decided_while_bets_are_open_is_left_out() -> None:
    comparison = Comparison()
    for decided, ended in ((0, 10), (5, 15), (10, 20), (30, 35), (39, 49), (40, 45), (50, 55)):
        comparison.add(champion=0.5, challenger=0.6, win=True, decided=decided, ended=ended)
    # 5 while the first is open; 10 opens a table until 40, and that is settled at 49
    assert (comparison.count, comparison.tables) == (5, 2)


def test_whether_a_bet_is_taken_is_known_when_it_is_decided() -> None:
    """A candidate that is not entered in the end has had its place at the table: it opens one, and holds it open."""
    for win in (True, False, None):
        comparison = Comparison()
        for at in range(0, 300, 100):
            comparison.add(champion=0.5, challenger=0.9, win=True, decided=at, ended=at + 10)
        comparison.add(champion=0.5, challenger=0.9, win=win, decided=300, ended=395)
        before = comparison.count
        comparison.add(champion=0.5, challenger=0.9, win=True, decided=350, ended=360)  # the table is closed
        assert comparison.count == before == 3 + (win is not None)


def test_the_mean_is_that_of_squared_errors() -> None:
    comparison = Comparison()
    comparison.add(champion=0.5, challenger=0.8, win=True, decided=0, ended=1)
    comparison.add(champion=0.5, challenger=0.8, win=False, decided=1, ended=2)
    assert comparison.mean == pytest.approx(((0.25 - 0.04) + (0.25 - 0.64)) / 2)
    assert comparison.count == 2
