"""Splits in time that let nothing of a test into its training: by what was known when, across all instruments.

López de Prado, Advances in Financial Machine Learning, 2018, chapters 7 (purging, embargo) and 12 (combinatorial
purged cross-validation). A row is known from its decision on, its label from the label's real end on.
"""

from collections.abc import Iterator
from itertools import combinations, pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from schemas.time import to_text

__all__ = ["Fold", "Inner", "combinatorial", "inner", "walk_forward"]

Rows = NDArray[np.intp]
Times = NDArray[np.int64]


class Inner(NamedTuple):
    """What a model may be made of, all of it known at one moment."""

    fit: Rows
    stop: Rows
    """On which training stops early: decided after the last label of ``fit`` was known."""
    calibrate: Rows
    """The same of ``stop``."""


class Fold(NamedTuple):
    """Rows to train on and rows to test on."""

    train: Rows
    """Every label of it was known before the first decision of the test."""
    test: Rows
    ts_start: int
    """Of the test, ns."""
    ts_end: int


def walk_forward(
    decided: Times, ends: Times, windows: int, *, first: float = 0.4, rolling: int | None = None
) -> Iterator[Fold]:
    """``windows`` tests of equal length one after the other, each with all that was known at its beginning.

    Parameters:
        decided: when each row was decided, ns.
        ends: when its label was known, ns.
        first: part of the span before the first test, 0 to 1.
        rolling: ns before the test from which on rows are trained on; ``None``: from the beginning (anchored).

    Raises:
        ModelError: a window without rows to train on or to test on.
    """
    begin, end = int(decided.min()), int(decided.max()) + 1
    opening = begin + round((end - begin) * first)
    cuts = [opening + (end - opening) * at // windows for at in range(windows + 1)]
    for start, stop in pairwise(cuts):
        since = begin if rolling is None else start - rolling
        train = np.flatnonzero((decided >= since) & (ends < start))
        test = np.flatnonzero((decided >= start) & (decided < stop))
        if not len(train) or not len(test):
            raise ModelError(
                f"the window from {to_text(start)} to {to_text(stop)} has {len(train)} rows to train on and "
                f"{len(test)} to test on: fewer windows or a longer span are needed"
            )
        yield Fold(train, test, start, stop)


def inner(decided: Times, ends: Times, rows: Rows, *, stop: float = 0.15, calibrate: float = 0.15) -> Inner:
    """``rows`` cut into three in time, so that nothing of a later part is known in an earlier one.

    Parameters:
        stop: part of the rows to stop on.
        calibrate: part of the rows to calibrate on.
    """
    when = np.sort(decided[rows])
    first, second = (
        when[min(round(len(when) * part), len(when) - 1)] for part in (1 - stop - calibrate, 1 - calibrate)
    )
    own, known = decided[rows], ends[rows]
    return Inner(
        rows[known < first],
        rows[(own >= first) & (known < second)],
        rows[own >= second],
    )


def combinatorial(decided: Times, ends: Times, groups: int, tests: int, embargo: int) -> Iterator[Fold]:
    """Every choice of ``tests`` of ``groups`` stretches of time as the test, all other rows as training, purged.

    A row is left out of training if anything of its way from decision to label's end lies within that of a test row of
    the same stretch, or if it was decided less than ``embargo`` ns after one.
    """
    begin, end = int(decided.min()), int(decided.max()) + 1
    cuts = [begin + (end - begin) * at // groups for at in range(groups + 1)]
    where = np.searchsorted(np.array(cuts[1:-1]), decided, side="right")
    reach = [int(ends[where == at].max(initial=cuts[at])) for at in range(groups)]
    for chosen in combinations(range(groups), tests):
        tested = np.isin(where, chosen)
        spoilt = np.zeros(len(decided), dtype=bool)
        for at in chosen:
            spoilt |= (ends >= cuts[at]) & (decided <= reach[at] + embargo)
        yield Fold(
            np.flatnonzero(~tested & ~spoilt), np.flatnonzero(tested), cuts[chosen[0]], cuts[chosen[-1] + 1]
        )  # fmt: skip
