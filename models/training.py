"""From a sample to a model that may serve: both learners walked forward, the better one held against the gates."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Final, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from models.config import TrainConfig
from models.dataset import Dataset
from models.drift import histogram
from models.errors import ModelError
from models.evaluation import LEARNERS, Learned, Walk, evaluated, learned
from models.gates import Verdict, by_window, earned_by_day, figures, gates
from models.manifest import Gate
from models.metrics import reliability, sharpe
from models.sample import Sample, inputs_of, sample_of
from models.scorer import Scorer
from models.splits import Fold, walk_forward
from models.trained import CANDIDATE_INPUTS, Golden, Trained
from schemas.cards import CurveBin
from schemas.time import DAY, to_text

__all__ = ["Attempt", "Candidate", "attempts", "folds_of", "segments", "trained"]

_KINDS: Final[dict[str, Literal["lightgbm-onnx", "logistic-onnx"]]] = {
    "lightgbm": "lightgbm-onnx",
    "logistic": "logistic-onnx",
}
_TOLERANCE: Final = 1e-5
"""Between the logit of the learner and that of its ONNX file: float32 sums."""
_GOLDEN: Final = 24
_LIBRARIES: Final = ("lightgbm", "numpy", "onnx", "onnxruntime", "scikit-learn")


class Candidate(Struct, frozen=True):
    """A segment of a data set that can be learned from."""

    segment: str
    sample: Sample
    instruments: list[str]
    strategy: tuple[str, str]
    """Name and version."""
    never_known: list[str]
    """Inputs left out as they are not known in any row."""

    @property
    def model(self) -> str:
        """The name of the model that is made of it."""
        return f"{self.strategy[0]}-{self.segment}"


class Attempt(Struct, frozen=True):
    """A learner walked forward."""

    learner: str
    walk: Walk
    verdict: Verdict
    gates: list[Gate]

    @property
    def passed(self) -> bool:
        """Whether it may serve."""
        return all(gate.passed for gate in self.gates)


def segments(data: Dataset, config: TrainConfig) -> tuple[list[Candidate], list[str]]:
    """Those of ``data`` to learn from, and why the others are not; see `sample_of`.

    Raises:
        ModelError: the rows are of several strategies, or the configuration names an input that there is not.
    """
    for where, names in (("without", config.without), ("boosting.monotone", config.boosting.monotone)):
        unknown = sorted({*names} - {*data.inputs, *CANDIDATE_INPUTS})
        if unknown:
            raise ModelError(f"{where}: {unknown[0]} is no input of the data set")
    strategies = [*data.manifest.strategies.items()]
    if len(strategies) != 1:
        raise ModelError(f"strategies {', '.join(name for name, _ in strategies)}: a data set of one is needed")
    own = np.array([config.segment_of(name) or "" for name in data["instrument_id"]])
    found, left = [], []
    for segment in config.segments:
        part = data.take(own == segment)
        if not len(part):
            continue
        inputs, empty = inputs_of(part.seen(), config)
        try:
            _check_whole(data, {*part["instrument_id"]}, config)
            sample = sample_of(part, inputs, config, segment)
        except ModelError as error:
            left.append(str(error))
            continue
        found.append(Candidate(segment, sample, sorted({*part["instrument_id"]}), strategies[0], empty))
    return found, left


def folds_of(sample: Sample, config: TrainConfig, test_from: int | None = None) -> list[Fold]:
    """The windows of ``config``; or a single one from ``test_from`` (ns) on.

    Raises:
        ModelError: a window without rows.
    """
    if test_from is None:
        rolling = None if config.rolling_days is None else round(config.rolling_days * DAY)
        return list(
            walk_forward(sample.decided, sample.ends, config.windows, first=config.first, rolling=rolling)
        )  # fmt: skip
    train, test = np.flatnonzero(sample.ends < test_from), np.flatnonzero(sample.decided >= test_from)
    if not len(train) or not len(test):
        raise ModelError(f"the split leaves {len(train)} rows to train on and {len(test)} to test on")
    return [Fold(train, test, test_from, int(sample.decided.max()) + 1)]


def attempts(
    sample: Sample, folds: Sequence[Fold], config: TrainConfig, trials: Sequence[float] = (), draws: int = 500
) -> list[Attempt]:
    """Both learners on the same folds, the better by log loss first.

    Parameters:
        trials: Sharpe ratios of what was tried on these data before.

    Raises:
        ModelError: see `evaluated`.
    """
    walks = {name: evaluated(sample, folds, learner, config) for name, learner in LEARNERS.items()}
    ratios = {name: sharpe(earned_by_day(walk)) for name, walk in walks.items()}
    found = []
    for name, walk in walks.items():
        tried = [*trials, *(ratio for other, ratio in ratios.items() if other != name)]
        verdict = figures(walk, config.seed, tried, draws)
        found.append(Attempt(name, walk, verdict, gates(walk, verdict, config.least_outcomes)))
    return sorted(found, key=lambda attempt: attempt.verdict.figures["log_loss"])


def trained(
    candidate: Candidate, attempt: Attempt, config: TrainConfig, dataset: str, hashes: tuple[str, str]
) -> tuple[Trained, Learned]:
    """The model of all rows, made as those of the walk were.

    Parameters:
        dataset: SHA-256 of its manifest.
        hashes: of the schemas of vectors and contexts.

    Raises:
        ModelError: the ONNX file does not say what the learner says.
    """
    sample = candidate.sample
    made = learned(sample, np.arange(len(sample)), LEARNERS[attempt.learner], config)
    onnx = made.model.onnx()
    logits = _checked(onnx, sample.x, made.model.logits(sample.x))
    rows = _golden_rows(sample.x, config.seed)
    return Trained(
        model=candidate.model,
        kind=_KINDS[attempt.learner],
        segment=candidate.segment,
        instruments=candidate.instruments,
        strategy=candidate.strategy[0],
        strategy_version=candidate.strategy[1],
        schema_hash=hashes[0],
        context_hash=hashes[1],
        inputs=sample.inputs,
        onnx=onnx,
        text=made.model.text,
        calibration=made.calibration,
        golden=[
            Golden(
                inputs=[None if np.isnan(value) else float(value) for value in sample.x[row]],
                logit=float(logits[row]),
                probability=made.calibration.probability(float(logits[row])),
            )
            for row in rows
        ],
        reference={name: histogram(sample.x[:, at]) for at, name in enumerate(sample.inputs)},
        scores=histogram(attempt.walk.p),
        curve=[
            CurveBin(said=part.mean, seen=part.share, rows=part.rows)
            for part in reliability(attempt.walk.p, attempt.walk.sample.win)
        ],
        importance={name: [one.get(name, 0.0) for one in attempt.walk.importance] for name in sample.inputs},
        train_start=int(sample.decided.min()),
        train_end=int(sample.ends.max()),
        outcomes=len(sample),
        figures={
            "break_even": made.bar,
            **{name: each for name, each in attempt.verdict.figures.items() if np.isfinite(each)},
        },
        intervals={
            name: (one.low, one.high) for name, one in attempt.verdict.intervals.items() if np.isfinite(one.low)
        },
        windows=by_window(attempt.walk, config.seed),
        dataset=dataset,
        seed=config.seed,
        libraries=_versions(),
    ), made


def _check_whole(data: Dataset, instruments: set[str], config: TrainConfig) -> None:
    told = data.manifest
    span = told.ts_end - told.ts_start
    for name in sorted(instruments):
        holes = [hole for hole in told.holes if hole.instrument_id == name]
        missing = sum(hole.ts_end - hole.ts_start for hole in holes)
        if missing > config.most_missing * span:
            widest = max(holes, key=lambda hole: hole.ts_end - hole.ts_start)
            raise ModelError(
                f"{name}: bars are missing for {missing / DAY:.1f} of {span / DAY:.1f} days, most of them from "
                f"{to_text(widest.ts_start)} to {to_text(widest.ts_end)}; at least "
                f"{(missing - config.most_missing * span) / DAY:.1f} days more are needed"
            )


def _checked(onnx: bytes, x: NDArray[np.float32], logits: NDArray[np.float64]) -> NDArray[np.float64]:
    """What the ONNX file says to every row, one at a time as in the stream."""
    scorer = Scorer(onnx, x.shape[1])
    found = np.array([scorer.logit(row) for row in x])
    worst = int(np.abs(found - logits).argmax())
    if not abs(found[worst] - logits[worst]) <= _TOLERANCE:
        raise ModelError(f"row {worst}: the ONNX file says {found[worst]:.7f}, the learner {logits[worst]:.7f}")
    return found


def _golden_rows(x: NDArray[np.float32], seed: int) -> list[int]:
    """Some by chance, and those with the most and the least that is not known."""
    unknown = np.isnan(x).sum(axis=1)
    drawn = np.random.default_rng(seed).choice(len(x), min(_GOLDEN, len(x)), replace=False)
    return sorted({*(int(row) for row in drawn), int(unknown.argmax()), int(unknown.argmin())})


def _versions() -> dict[str, str]:
    return {name: version(name) for name in _LIBRARIES}
