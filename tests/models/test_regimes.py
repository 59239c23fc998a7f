"""Regimes: the filter against the definition, the fit against a market whose states are known."""

from itertools import pairwise, permutations, product
from math import exp, pi, prod, sqrt

import numpy as np
import pytest
from msgspec.structs import replace

from models.errors import ModelError
from models.regimes import STATES, Parameters, Regime, fit, matched, observed, outlook

TRUE = Parameters(
    means=[[1.5, -0.2], [-1.5, -0.2], [0.0, -0.4], [0.0, 1.0]],
    variances=[[0.3, 0.05], [0.3, 0.05], [0.2, 0.05], [1.0, 0.1]],
    transition=[[0.97 if i == j else 0.01 for j in range(4)] for i in range(4)], initial=[0.25] * 4,
)  # fmt: skip


def drawn(seed: int, bars: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    states, state = [], 0
    for _ in range(bars):
        state = int(random.choice(4, p=TRUE.transition[state]))
        states.append(state)
    means, spreads = np.array(TRUE.means)[states], np.sqrt(np.array(TRUE.variances)[states])
    return np.array(states), random.normal(means, spreads)


def filtered(rows: np.ndarray, parameters: Parameters) -> np.ndarray:
    """With observations as they are."""
    regime, found = Regime(level=0.0), []
    for trend, volatility in rows.tolist():
        regime.level = 0.0
        scale = exp(volatility * 500 / 499)
        found.append(regime.update(trend * scale * sqrt(20), scale, parameters))
    return np.array(found)


def test_the_filter_is_the_sum_over_all_paths() -> None:
    _, rows = drawn(1, 6)
    found = filtered(rows, TRUE)
    density = [
        [
            prod(
                exp(-((x - m) ** 2) / 2 / v) / sqrt(2 * pi * v)
                for x, m, v in zip(row, TRUE.means[s], TRUE.variances[s], strict=True)
            )
            for s in range(4)
        ]
        for row in rows.tolist()
    ]
    for length in range(1, 7):
        ends = [0.0] * 4
        for path in product(range(4), repeat=length):
            chance = TRUE.initial[path[0]] * prod(density[at][state] for at, state in enumerate(path))
            ends[path[-1]] += chance * prod(TRUE.transition[a][b] for a, b in pairwise(path))
        assert found[length - 1] == pytest.approx(np.array(ends) / sum(ends), abs=1e-9)


def test_the_states_of_a_known_market_are_found_and_named() -> None:
    states, rows = drawn(2, 6_000)
    found = fit([rows[:3_000], rows[3_000:]])
    assert np.array(found.means) == pytest.approx(np.array(TRUE.means), abs=0.12)
    assert np.diag(found.transition) == pytest.approx([0.97] * 4, abs=0.02)
    told = filtered(rows, found).argmax(axis=1)
    assert (told == states).mean() > 0.9
    assert STATES == ("bull", "bear", "sideways", "volatile")


def test_a_refit_keeps_the_names() -> None:
    first = fit([drawn(3, 3_000)[1]])
    again = fit([drawn(4, 3_000)[1]], first)
    assert np.array(again.means) == pytest.approx(np.array(first.means), abs=0.25)
    for order in permutations(range(4)):
        mixed = Parameters(
            means=[first.means[at] for at in order], variances=[first.variances[at] for at in order],
            transition=[[first.transition[a][b] for b in order] for a in order],
            initial=[first.initial[at] for at in order],
        )  # fmt: skip
        assert matched(mixed, first) == first


def test_a_refit_of_a_market_that_is_like_nothing_before_begins_anew() -> None:
    """From states that have no chance of what is seen, the search finds no numbers at all."""
    first, rows = fit([drawn(3, 3_000)[1]]), drawn(4, 3_000)[1] * 0.01 + 50.0
    assert fit([rows], first) == matched(fit([rows]), first)


@pytest.mark.parametrize("still", [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0)])
def test_a_market_that_stands_still_has_no_regimes(still: tuple[float, float]) -> None:
    with pytest.raises(ModelError, match="of 600 bars are too much alike to tell four regimes from each other"):
        fit([drawn(5, 600)[1] * still])


def test_what_is_not_known_lets_time_pass() -> None:
    regime = Regime()
    assert regime.update(None, 0.1, TRUE) is None
    known = regime.update(0.05, 0.01, TRUE)
    assert known is not None
    later = [regime.update(None, None, TRUE) for _ in range(2_000)][-1]
    assert later == pytest.approx([0.25] * 4, abs=1e-6)  # where the chain settles
    assert regime.update(0.0, 0.0, TRUE) is not None  # a volatility of nought is not known


def test_restored_it_goes_on_to_the_bit() -> None:
    one, other = Regime(), Regime()
    for trend, volatility in np.abs(np.random.default_rng(5).normal(0.01, 0.01, (50, 2))).tolist():
        assert one.update(trend, volatility, TRUE) == other.update(trend, volatility, TRUE)
        other = replace(other)


def test_a_duration_stays_within_its_bounds_whatever_is_rounded() -> None:
    """With probabilities whose sum is not quite one."""
    for stays, bound in ((1.0, 1000.0), (0.0, 1.0)):
        left = (1.0 - stays) / 3
        told = replace(TRUE, transition=[[stays if i == j else left for j in range(4)] for i in range(4)])
        for parts in ([20, 10, 20, 16], [17, 8, 15, 16]):
            found = outlook([part / sum(parts) for part in parts], told).duration
            assert 1.0 <= found <= 1000.0
            assert found == pytest.approx(bound)


def test_too_little_is_one_line() -> None:
    pairs = [(0.01, 0.02), (None, 0.1), (0.02, 0.02)]
    assert observed(pairs).shape == (2, 2)
    with pytest.raises(ModelError, match="2 bars with a known return and volatility: 500 are needed"):
        fit([observed(pairs)])
