"""Uniqueness against counting at every nanosecond."""

import numpy as np

from models.weights import uniqueness


def test_uniqueness_is_the_mean_of_one_over_the_labels_in_force() -> None:
    chance = np.random.default_rng(5)
    groups, starts = chance.integers(0, 3, 60), chance.integers(0, 100, 60)
    ends = starts + chance.integers(1, 30, 60)
    plain = []
    for group, start, end in zip(groups, starts, ends, strict=True):
        counts = [((groups == group) & (starts <= at) & (at < ends)).sum() for at in range(start, end)]
        plain.append(np.mean(1.0 / np.array(counts)))
    assert np.allclose(uniqueness(groups, starts, ends), plain)
