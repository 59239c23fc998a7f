"""Splits against a plain slow way that asks of every pair of rows what was known when."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ModelError
from models.splits import combinatorial, inner, walk_forward

Spans = tuple[np.ndarray, np.ndarray]


@st.composite
def spans(draw: st.DrawFn) -> Spans:
    """Rows in order of decision with labels of very different lengths, several decided at once."""
    steps = draw(st.lists(st.integers(0, 5), min_size=40, max_size=90))
    lengths = draw(st.lists(st.integers(1, 40), min_size=len(steps), max_size=len(steps)))
    decided = np.cumsum(np.array(steps)) + 1_000
    return decided, decided + np.array(lengths)


class Known:
    """When each thing about a row is known."""

    def __init__(self, decided: np.ndarray, ends: np.ndarray) -> None:
        self.rows = [(int(a), int(b)) for a, b in zip(decided, ends, strict=True)]

    def before(self, moment: int, since: int) -> list[int]:
        """Rows whose label somebody at ``moment`` knows already."""
        return [at for at, (decided, end) in enumerate(self.rows) if end < moment and decided >= since]

    def between(self, start: int, stop: int) -> list[int]:
        return [at for at, (decided, _) in enumerate(self.rows) if start <= decided < stop]


@given(spans(), st.integers(1, 4), st.one_of(st.none(), st.integers(20, 60)))
def test_walk_forward_trains_on_exactly_what_was_known(both: Spans, windows: int, rolling: int | None) -> None:
    decided, ends = both
    known, tested = Known(decided, ends), []
    try:
        folds = list(walk_forward(decided, ends, windows, rolling=rolling))
    except ModelError:
        return
    for fold in folds:
        since = 0 if rolling is None else fold.ts_start - rolling
        assert fold.train.tolist() == known.before(fold.ts_start, since)
        assert fold.test.tolist() == known.between(fold.ts_start, fold.ts_end)
        assert all(known.rows[at][1] < known.rows[test][0] for at in fold.train for test in fold.test)
        tested += fold.test.tolist()
    assert tested == known.between(folds[0].ts_start, folds[-1].ts_end)  # each once, none left out


@given(spans())
def test_of_the_inner_parts_an_earlier_one_knows_nothing_of_a_later_one(both: Spans) -> None:
    decided, ends = both
    rows = np.arange(0, len(decided), 2)
    parts = inner(decided, ends, rows)
    for early, late in combinations(parts, 2):
        assert all(ends[one] < decided[other] for one in early for other in late)
    assert set(np.concatenate(parts)) <= set(rows)
    assert set(parts.calibrate) == {row for row in rows if decided[row] >= decided[parts.calibrate].min()}


@given(spans(), st.integers(0, 10))
def test_combinatorial_training_shares_no_time_with_a_test(both: Spans, embargo: int) -> None:
    decided, ends = both
    groups, tests = 5, 2
    folds = list(combinatorial(decided, ends, groups, tests, embargo))
    assert len(folds) == 10
    begin, end = int(decided.min()), int(decided.max()) + 1
    cuts = [begin + (end - begin) * at // groups for at in range(groups + 1)]
    group = [max(at for at in range(groups) if cuts[at] <= when) for when in decided]
    for fold, chosen in zip(folds, combinations(range(groups), tests), strict=True):
        assert fold.test.tolist() == [at for at in range(len(decided)) if group[at] in chosen]
        kept = []
        for row in range(len(decided)):
            clear = group[row] not in chosen
            for one in chosen:
                reach = max([int(ends[at]) for at in range(len(decided)) if group[at] == one], default=cuts[one])
                clear &= ends[row] < cuts[one] or decided[row] > reach + embargo
            if clear:
                kept.append(row)
        assert fold.train.tolist() == kept


def test_a_window_without_rows_is_told() -> None:
    decided = np.array([0, 1, 2, 1_000]) + 10**18
    with pytest.raises(ModelError, match="fewer windows"):
        list(walk_forward(decided, decided + 1, 4))
