"""How much a label counts: less where others tell of the same time, and less the older it is."""

import numpy as np
from numpy.typing import NDArray

from schemas.time import DAY

__all__ = ["ages", "uniqueness"]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


def uniqueness(groups: Integers, starts: Integers, ends: Integers) -> Floats:
    """Mean over each label's span of one over the number of labels of its group in force (0 to 1).

    López de Prado, Advances in Financial Machine Learning, 2018, section 4.4. ``groups`` are instruments; spans in ns.

    >>> spans = np.array([0, 0, 10]), np.array([10, 10, 20])
    >>> uniqueness(np.array([0, 0, 0]), *spans).tolist()
    [0.5, 0.5, 1.0]
    """
    found = np.ones(len(starts))
    for group in np.unique(groups):
        own = groups == group
        begin, end = starts[own], np.maximum(ends[own], starts[own] + 1)
        times, where = np.unique(np.concatenate([begin, end]), return_inverse=True)
        steps = np.zeros(len(times))
        np.add.at(steps, where[: len(begin)], 1.0)
        np.add.at(steps, where[len(begin) :], -1.0)
        standing = np.maximum(np.cumsum(steps)[:-1], 1.0)
        passed = np.concatenate([[0.0], np.cumsum(np.diff(times) / standing)])
        found[own] = (passed[where[len(begin) :]] - passed[where[: len(begin)]]) / (end - begin)
    return found


def ages(ends: Integers, now: int, half_life_days: float) -> Floats:
    """Halved with each ``half_life_days`` between a label's end and ``now`` (ns).

    >>> ages(np.array([0, DAY]), DAY, 1.0).tolist()
    [0.5, 1.0]
    """
    return np.exp2(-(now - ends) / (half_life_days * DAY))
