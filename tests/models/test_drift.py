"""Distances of distributions: the plain definitions and scipy are the oracles; a stationary world gives no alarm."""

from importlib import import_module
from math import log
from typing import Any

import numpy as np
import pytest

from models.drift import (
    WINDOW,
    bin_of,
    binned_ks,
    counts_of,
    histogram,
    jensen_shannon,
    ks,
    kullback_leibler,
    location,
    psi,
    thresholds,
)
from models.trained import Histogram

stats: Any = import_module("scipy.stats")
distance: Any = import_module("scipy.spatial.distance")


def shares(counts: list[int]) -> list[float]:
    return [(count + 0.5) / (sum(counts) + 0.5 * len(counts)) for count in counts]


@pytest.mark.parametrize("seed", range(5))
def test_distances_of_histograms_equal_their_definitions_and_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    a, b = (random.integers(0, 60, 11).tolist() for _ in range(2))
    p, q = shares(a), shares(b)
    plain = sum((y - x) * log(y / x) for x, y in zip(p, q, strict=True))
    assert psi(a, b) == pytest.approx(plain - 10 * (1 / sum(a) + 1 / sum(b)), abs=1e-12)
    assert psi(a, b) + 10 * (1 / sum(a) + 1 / sum(b)) == pytest.approx(
        kullback_leibler(a, b) + kullback_leibler(b, a), abs=1e-12
    )
    assert kullback_leibler(a, b) == pytest.approx(stats.entropy(q, p), abs=1e-12)
    assert jensen_shannon(a, b) == pytest.approx(distance.jensenshannon(p, q) ** 2, abs=1e-12)


@pytest.mark.parametrize("seed", range(5))
def test_kolmogorov_smirnov_equals_scipy(seed: int) -> None:
    random = np.random.default_rng(seed)
    a, b = random.normal(size=200).round(1), random.normal(0.3, 1, size=150).round(1)
    b[::10] = np.nan
    expected = stats.ks_2samp(a, b[~np.isnan(b)]).statistic
    assert ks(a, b) == pytest.approx(expected, abs=1e-12)
    about = histogram(a)
    current = np.bincount(bin_of(about, b), minlength=len(about.counts) + 1)[:-1]
    assert binned_ks(about.counts, current.tolist()) <= expected + 1e-12


def test_bins_are_those_of_training() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=500).round(1)
    values[:20] = np.nan
    about = histogram(values)
    assert np.bincount(bin_of(about, values)).tolist() == counts_of(about)
    one = Histogram(edges=[1.0], counts=[3, 4], missing=1)
    assert bin_of(one, np.array([0.9, 1.0, np.nan])).tolist() == [0, 1, 2]


def test_what_chance_makes_of_small_samples_is_taken_off() -> None:
    random = np.random.default_rng(2)
    about = histogram(random.normal(size=5_000))
    found = [
        psi(about.counts, np.bincount(bin_of(about, random.normal(size=60)), minlength=10).tolist()) for _ in range(400)
    ]
    assert abs(np.mean(found)) < 0.02


def persistent(random: np.random.Generator, rows: int, inputs: int, keep: float) -> Any:
    """Autoregressive inputs of variance one."""
    found = np.empty((rows, inputs))
    found[0] = random.normal(size=inputs)
    for at in range(1, rows):
        found[at] = keep * found[at - 1] + np.sqrt(1 - keep**2) * random.normal(size=inputs)
    return found


def test_a_stationary_market_stays_within_the_budget_and_a_shift_is_seen() -> None:
    """Twelve months of a market as persistent as that of training: at most one alarm a month, of all inputs."""
    random = np.random.default_rng(3)
    training = persistent(random, 18_000, 12, 0.9)
    reference = {f"x{at}": histogram(training[:, at]) for at in range(12)}
    limits = thresholds(training, reference, looks=30.0, alerts=1.0)
    assert set(limits) == set(reference)

    def alarms(rows: Any) -> list[set[str]]:
        found = []
        for begin in range(0, len(rows), WINDOW):
            part = rows[begin : begin + WINDOW]
            far = set()
            for at, (name, about) in enumerate(reference.items()):
                counts = np.bincount(bin_of(about, part[:, at]), minlength=len(about.counts) + 1)
                for measure, of in (("psi", psi), ("ks", binned_ks), ("location", location)):
                    if of(counts_of(about), counts.tolist()) > limits[name][measure]:
                        far.add(name)
            found.append(far)
        return found

    assert sum(bool(far) for far in alarms(persistent(random, 12 * 6_000, 12, 0.9))) <= 12
    shifted = persistent(random, 10 * WINDOW, 12, 0.9)
    shifted[:, 4] += 1.5  # of ten independent values, as these rows go
    assert sum("x4" in far for far in alarms(shifted)) >= 4


def test_a_location_is_a_shift_in_standard_deviations_and_knows_nothing_of_what_is_not_known() -> None:
    random = np.random.default_rng(6)
    values = random.normal(size=20_000)
    about = histogram(values)
    reference = counts_of(about)
    for shift in (-0.5, 0.0, 0.3):
        moved = values + shift
        counts = np.bincount(bin_of(about, moved), minlength=len(reference))
        assert location(reference, counts.tolist()) == pytest.approx(abs(shift), rel=0.12, abs=1e-9)
        assert location(reference, [*counts.tolist()[:-1], 7_000]) == location(reference, counts.tolist())
    assert location(reference, [0] * len(reference)) == pytest.approx(0.0, abs=1e-9)


def test_an_input_that_never_varies_has_no_threshold() -> None:
    rows = np.column_stack((np.ones(1_000), np.random.default_rng(4).normal(size=1_000)))
    reference = {"flat": histogram(rows[:, 0]), "lively": histogram(rows[:, 1])}
    assert set(thresholds(rows, reference, looks=15.0, alerts=1.0)) == {"lively"}
