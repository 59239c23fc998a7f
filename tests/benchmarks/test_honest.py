"""The markets without an edge have none, the one with an edge has that which is stated, and leaks are named."""

import numpy as np
import pytest

from benchmarks.honest.markets import MEASURES, NULLS, REAL_BARS, edge_and_oracle, measured
from benchmarks.honest.shadows import EDGES, EQUALS, decided_after, gain, race
from benchmarks.honest.trials import leaks
from models.leaks import leaks_of_inputs
from models.metrics import auc, information_coefficient


@pytest.mark.parametrize("name", NULLS)
def test_no_input_of_a_market_without_an_edge_tells_of_the_direction(name: str) -> None:
    if name.endswith("real bars") and not REAL_BARS.is_dir():
        pytest.skip(f"no recordings in {REAL_BARS}")
    sample = NULLS[name](6_000, 3)
    assert len(sample) == 6_000
    assert (np.diff(sample.decided) >= 0).all()
    assert (sample.ends > sample.decided).all()
    assert -40e-4 < sample.net.mean() < 0  # costs, and nothing else
    signed = sample.net * sample.x[:, sample.inputs.index("direction")]
    for at, _ in enumerate(sample.inputs[:-2]):
        assert abs(information_coefficient(sample.x[:, at].astype(float), signed)) < 0.15


def test_the_edge_is_that_which_is_stated() -> None:
    sample, p = edge_and_oracle(60_000, 4)
    assert auc(p, sample.win) == pytest.approx(0.60, abs=0.01)
    assert sample.net.mean() < 0
    assert sample.net[p > 62 / 120].mean() > 5e-4


@pytest.mark.parametrize("name", MEASURES)
def test_so_is_a_measure_of_many_bars_and_none_beside_it(name: str) -> None:
    """Its own rank correlation with the next bar is no larger than what may be honest."""
    assert leaks_of_inputs(measured(1_500, 4)) == []
    (told,) = leaks_of_inputs(measured(1_500, 4, name))
    assert told.startswith(f"input feature_{MEASURES[name]} looks ahead: ")


def test_every_planted_leak_is_named_and_none_that_was_not_planted() -> None:
    found = leaks(5)
    assert len(found) == 6
    assert all(found.values()), found


def test_outcomes_of_a_race_are_won_with_the_probabilities_that_are_stated() -> None:
    found = race(EQUALS[1], 6, 6_000)
    won = found.data["net_return"] > 0
    for low, high in ((0.0, 0.45), (0.45, 0.55), (0.55, 1.0)):
        rows = (found.p > low) & (found.p <= high)
        assert won[rows].mean() == pytest.approx(found.p[rows].mean(), abs=0.05)  # they are far from independent
    # Those of one close that end nearly together end alike: five instruments are nearly one.
    decided, ended = found.data["ts_decided"], found.data["ts_end"]
    near = (np.diff(decided) == 0) & (np.abs(np.diff(ended)) < 0.1 * (ended - decided)[1:])
    assert (won[1:] == won[:-1])[near].mean() > 0.7


def test_equals_are_equal_and_edges_are_as_large_as_is_stated() -> None:
    assert gain(race(EQUALS[0], 7, 4_000)) == pytest.approx(0.0, abs=1e-12)
    assert gain(race(EQUALS[1], 7, 8_000)) == pytest.approx(0.0, abs=4e-3)
    (first, _, last) = EDGES.items()
    for (name, (worth, more)), size in ((first, 0.0079), (last, 0.0029)):
        found = race(name, 8, 16_000)
        won = found.data["net_return"] > 0
        assert auc(found.shadow, won) == pytest.approx(more, abs=0.025)
        assert auc(found.champion, won) == pytest.approx(worth or 0.5, abs=0.025)
        assert gain(found) == pytest.approx(size, rel=0.2)


def test_a_much_better_shadow_is_found_in_time() -> None:
    assert decided_after(next(iter(EDGES)), 9, (500, 16_000)) == 16_000
