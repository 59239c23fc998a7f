"""What is done to each market: learned from it, and asked whether it may serve."""

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from benchmarks.honest.markets import MEASURES, NULLS, edge, measured
from models.config import TrainConfig
from models.evaluation import LEARNERS, evaluated
from models.sample import Sample
from models.splits import Fold, Inner, Rows, Times, inner
from models.training import attempts, folds_of

__all__ = ["leaks", "promoted_edge", "promoted_null"]

_CONFIG: Final = TrainConfig()


def promoted_null(name: str, rows: int, seed: int) -> bool:
    """Of the market without an edge of this name."""
    return _promoted(NULLS[name](rows, seed))


def promoted_edge(rows: int, seed: int) -> bool:
    """Of the market with one."""
    return _promoted(edge(rows, seed))


def leaks(seed: int) -> dict[str, bool]:
    """Each leak that was planted, by what is to be said of it, and whether it was; and that nothing is said without."""
    sample = NULLS["persistent features without information"](3_000, seed)
    folds = folds_of(sample, _CONFIG)
    honest = measured(3_000, seed)
    overlapping = [fold._replace(train=np.flatnonzero(sample.decided < fold.ts_start)) for fold in folds]

    def peeping(decided: Times, ends: Times, rows: Rows) -> Inner:
        return inner(decided, ends, rows)._replace(stop=folds[0].test)

    planted: tuple[tuple[str, Sample, Sequence[Fold], Callable[[Times, Times, Rows], Inner]], ...] = (
        *(
            (f"input feature_{at} looks ahead", leaky, folds_of(leaky, _CONFIG)[:1], inner)
            for at, leaky in ((at, measured(3_000, seed, name)) for name, at in MEASURES.items())
        ),
        ("labels overlap the split", sample, overlapping, inner),
        ("early stopping sees the test", sample, folds[:1], peeping),
    )
    found = {
        what: any(what in line for line in evaluated(leaky, split, LEARNERS["logistic"], _CONFIG, parts_of).leaks)
        for what, leaky, split, parts_of in planted
    }
    unspoilt = (sample, folds), (honest, folds_of(honest, _CONFIG)[:1])
    named = [evaluated(one, split, LEARNERS["logistic"], _CONFIG).leaks for one, split in unspoilt]
    return found | {"nothing where none was planted": not any(named)}


def _promoted(sample: Sample) -> bool:
    return attempts(sample, folds_of(sample, _CONFIG), _CONFIG, draws=2)[0].passed
