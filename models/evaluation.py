"""A way of learning held against what came after: window by window, each by a model that knew nothing of it."""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from models.boosting import fit_trees
from models.calibration import calibrated, platt
from models.config import TrainConfig
from models.errors import ModelError
from models.leaks import leaks_of_fold, leaks_of_inner, leaks_of_inputs
from models.logistic import fit_terms
from models.metrics import auc, log_losses
from models.sample import Sample
from models.splits import Fold, Inner, Rows, Times, combinatorial, inner
from models.trained import Calibration
from schemas.time import to_text

__all__ = ["LEARNERS", "Crossed", "Fitted", "Learned", "Walk", "crossed", "evaluated", "learned"]

Floats = NDArray[np.float64]


class Fitted(Protocol):
    """A model that can be asked and written down."""

    @property
    def inputs(self) -> list[str]: ...
    @property
    def text(self) -> str: ...
    def logits(self, x: NDArray[np.float32]) -> Floats: ...
    def importance(self) -> dict[str, float]: ...
    def onnx(self) -> bytes: ...


Learner = Callable[[Sample, Sample, TrainConfig], Fitted]
LEARNERS: Final[dict[str, Learner]] = {
    "lightgbm": lambda fit, stop, config: fit_trees(fit, stop, config.boosting, config.seed),
    "logistic": lambda fit, stop, config: fit_terms(fit.followed_by(stop), config.linear),
}
"""By name; the second is the baseline that the first has to beat."""


class Learned(Struct, frozen=True):
    """A model and what belongs to it, all of it made of rows known at one moment."""

    model: Fitted
    calibration: Calibration
    base: float
    """Share of wins among the rows."""
    bar: float
    """The probability from which a candidate pays: mean loss over mean win plus mean loss."""
    parts: Inner

    def probabilities(self, x: NDArray[np.float32]) -> Floats:
        """Calibrated."""
        return calibrated(self.calibration, self.model.logits(x))


class Walk(Struct, frozen=True):
    """Every test row with what was said of it beforehand, in order of the windows."""

    sample: Sample
    """The test rows."""
    p: Floats
    base: Floats
    bar: Floats
    window: NDArray[np.intp]
    folds: list[Fold]
    inside: Floats
    """Of each window the area under the ROC curve on the rows it was fitted to."""
    importance: list[dict[str, float]]
    """Of each window."""
    leaks: list[str]

    @property
    def chosen(self) -> NDArray[np.bool_]:
        """Test rows that would have been traded: said to pay."""
        return self.p > self.bar


class Crossed(Struct, frozen=True):
    """A learner over every choice of test stretches, one value a choice."""

    auc: Floats
    gain: Floats
    """Of log loss, over the base rate's."""
    expectancy: Floats
    """Net return of what was chosen, a candidate."""


def learned(
    sample: Sample, rows: Rows, learner: Learner, config: TrainConfig,
    parts_of: Callable[[Times, Times, Rows], Inner] = inner,
) -> Learned:  # fmt: skip
    """A model of ``rows``.

    Raises:
        ModelError: a part of them is empty or of one class.
    """
    parts = parts_of(sample.decided, sample.ends, rows)
    for name, part in zip(("fit", "stop on", "calibrate on"), parts, strict=True):
        wins = int(sample.win[part].sum())
        if wins in {0, len(part)}:
            when = to_text(int(sample.decided[rows].max()))
            raise ModelError(
                f"of {len(rows)} outcomes known by {when}, {len(part)} are to {name}, {wins} of them wins: both wins "
                "and losses are needed, so a longer span or fewer windows"
            )
    model = learner(sample.take(parts.fit), sample.take(parts.stop), config)
    held = sample.take(parts.calibrate)
    own = sample.take(rows)
    weights = own.weights()
    base = float(np.average(own.win, weights=weights))
    gain = float(np.average(own.net[own.win], weights=weights[own.win]))
    loss = float(-np.average(own.net[~own.win], weights=weights[~own.win]))
    return Learned(model, platt(model.logits(held.x), held.win, held.weights()), base, loss / (loss + gain), parts)


def evaluated(
    sample: Sample, folds: Sequence[Fold], learner: Learner, config: TrainConfig,
    parts_of: Callable[[Times, Times, Rows], Inner] = inner,
) -> Walk:  # fmt: skip
    """What models of ``learner`` say to the test of each fold, and the leaks found on the way.

    Raises:
        ModelError: see `learned`.
    """
    leaks = leaks_of_inputs(sample)
    said: list[tuple[Floats, float, float]] = []
    inside, importance = [], []
    for fold in folds:
        made = learned(sample, fold.train, learner, config, parts_of)
        leaks += [*leaks_of_fold(sample, fold), *leaks_of_inner(sample, made.parts, fold)]
        said.append((made.probabilities(sample.x[fold.test]), made.base, made.bar))
        inside.append(auc(made.model.logits(sample.x[made.parts.fit]), sample.win[made.parts.fit]))
        importance.append(made.model.importance())
    sizes = [len(fold.test) for fold in folds]
    return Walk(
        sample=sample.take(np.concatenate([fold.test for fold in folds])),
        p=np.concatenate([p for p, _, _ in said]),
        base=np.repeat([base for _, base, _ in said], sizes),
        bar=np.repeat([bar for _, _, bar in said], sizes),
        window=np.repeat(np.arange(len(sizes)), sizes),
        folds=list(folds),
        inside=np.array(inside),
        importance=importance,
        leaks=list(dict.fromkeys(leaks)),
    )


def crossed(sample: Sample, learner: Learner, config: TrainConfig, groups: int = 6, tests: int = 2) -> Crossed:
    """Combinatorial purged cross-validation; the embargo is as long as the longest label.

    Rows after a test are trained on too, so it says how much a result depends on when it was looked at, and not what
    would have been earned.

    Raises:
        ModelError: see `learned`.
    """
    found = []
    for fold in combinatorial(sample.decided, sample.ends, groups, tests, sample.longest):
        made, test = learned(sample, fold.train, learner, config), sample.take(fold.test)
        p = made.probabilities(test.x)
        base = np.full(len(p), made.base)
        gain = float((log_losses(base, test.win) - log_losses(p, test.win)).mean())
        found.append((auc(p, test.win), gain, float(np.where(p > made.bar, test.net, 0.0).mean())))
    return Crossed(*(np.array(column) for column in zip(*found, strict=True)))
