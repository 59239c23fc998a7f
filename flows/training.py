"""Evaluating a data set and training on it: what both commands do."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from math import isfinite
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from flows.errors import FlowError
from flows.ledger import Ledger, Trial
from flows.settings import Settings
from models.closes import everyday
from models.config import TrainConfig
from models.dataset import load, load_closes, manifest_hash
from models.drift import thresholds
from models.errors import ModelError
from models.gates import stretches
from models.manifest import entry_of
from models.metrics import overfitting_probability
from models.registry import Registry
from models.training import Attempt, Candidate, attempts, folds_of, segments, trained
from operators.desk.serving import PROGRAM
from schemas.time import DAY
from sinks.mlflow import Mlflow

__all__ = ["Added", "Evaluation", "add_models", "evaluate", "log_runs", "looked_at", "train_config"]


class Evaluation(Struct, frozen=True):
    """A segment, and both learners on it, the better one first."""

    candidate: Candidate
    attempts: list[Attempt]
    looks: int
    """How often this test span had been looked at before."""
    tried: int
    """Different configurations held against it so far, these among them."""
    overfitting: float
    """Probability of backtest overfitting over all that was tried on it."""


def looked_at(evaluation: Evaluation) -> str:
    """How often the test span had been seen, and what that means, in words."""
    text = (
        f"this span was looked at {evaluation.looks} times before, {evaluation.tried} configurations were tried on it"
    )
    if not isfinite(evaluation.overfitting):
        return text
    return f"{text}, and the probability that the best of them is overfitted is {evaluation.overfitting:.2f}"


class Added(Struct, frozen=True):
    """A version in the registry."""

    model: str
    version: str
    attempt: Attempt


def train_config(path: Path | None) -> TrainConfig:
    """The configuration in a TOML or JSON file; without one, the default.

    Raises:
        FlowError: the file cannot be read, or holds what is no configuration; names the field.
    """
    if path is None:
        return TrainConfig()
    try:
        data = path.read_bytes()
        read = msgspec.json.decode if path.suffix == ".json" else msgspec.toml.decode
        return read(data, type=TrainConfig)
    except OSError as error:
        raise FlowError(f"{path}: {error.strerror}") from error
    except (ModelError, msgspec.MsgspecError, ValueError) as error:
        raise FlowError(f"{path}: {error}") from error


def evaluate(
    directory: Path, config: TrainConfig, ledger: Ledger, command: str, test_from: int | None = None, *,
    until: int | None = None,
) -> tuple[list[Evaluation], list[str]]:  # fmt: skip
    """Walk both learners through every segment of the data set, and write down that it was done.

    Parameters:
        test_from: ns; instead of windows, one test of all that was decided from then on.
        until: ns; what was known later is left out.

    Returns:
        The evaluations, and why segments were left out.

    Raises:
        FlowError: nothing can be learned from.
        ModelError: the data set cannot be read, or a window has too little in it.
    """
    data = load(directory)
    if until is not None:
        data = data.take(data["ts_end"] < until)
    dataset = manifest_hash(directory)
    candidates, left = segments(data, config)
    if not candidates:
        raise FlowError("\n".join(left) or f"{directory}: no outcome of any segment")
    found, now = [], datetime.now(UTC).isoformat(timespec="microseconds")
    for candidate in candidates:
        folds = folds_of(candidate.sample, config, test_from)
        span = (dataset, candidate.segment, folds[0].ts_start, folds[-1].ts_end)
        before = [trial for trial in ledger.trials() if trial.span == span]
        own = {(learner, _digest(config)) for learner in ("lightgbm", "logistic")}
        others = {trial.what: trial for trial in before if trial.what not in own}
        made = attempts(candidate.sample, folds, config, [one.sharpe for one in others.values() if one.sharpe])
        trials = [_trial(attempt, config, span, command, now) for attempt in made]
        ledger.add(trials)
        table = np.array([trial.stretches for trial in [*others.values(), *trials]]).T
        found.append(
            Evaluation(
                candidate, made, len({trial.at for trial in before}), len(others) + len(trials),
                overfitting_probability(table),
            )
        )  # fmt: skip
    return found, left


def add_models(
    directory: Path, evaluations: Sequence[Evaluation], config: TrainConfig, registry: Registry
) -> list[Added]:
    """Train the better learner of each segment on all its rows and take it into the registry, gates passed or not: who
    lets it serve sees them.

    Raises:
        ModelError: a model that does not say as ONNX what it said in training, or that the registry refuses.
    """
    told, closes = load(directory).manifest, load_closes(directory)
    found = []
    for evaluation in evaluations:
        best = evaluation.attempts[0]
        made, _ = trained(
            evaluation.candidate, best, config, manifest_hash(directory), (told.schema_hash, told.context_hash)
        )
        manifest, files = entry_of(made, best.gates)
        sample = evaluation.candidate.sample
        days = (manifest.train_end - manifest.train_start) / DAY
        limits = thresholds(sample.x, manifest.reference, days=days, seed=config.seed)
        usual = {}
        if closes is not None:
            usual = everyday(closes, manifest.instruments, manifest.inputs, manifest.train_end, seed=config.seed)
        manifest = msgspec.structs.replace(manifest, drift=limits, closes=usual)
        found.append(Added(manifest.model, registry.add(manifest, files, PROGRAM), best))
    return found


def log_runs(settings: Settings, added: Sequence[Added], config: TrainConfig) -> int:
    """Write what was trained to the tracking server of the settings; how many runs, 0 where none is named.

    Raises:
        MlflowError: it does not answer, or refuses.
    """
    if settings.mlflow.uri is None:
        return 0
    server = Mlflow(settings.mlflow.uri)
    parameters = {name: str(value) for name, value in msgspec.to_builtins(config).items()}
    now = round(datetime.now(UTC).timestamp() * 1_000)
    for one in added:
        server.log_run(
            settings.mlflow.experiment, f"{one.model} {one.version}", now,
            parameters={**parameters, "learner": one.attempt.learner},
            figures={name: each for name, each in one.attempt.verdict.figures.items() if isfinite(each)},
            tags={
                "model": one.model, "version": one.version,
                **{f"gate.{gate.name.replace(' ', '_')}": str(gate.passed) for gate in one.attempt.gates},
            },
        )  # fmt: skip
    return len(added)


def _trial(attempt: Attempt, config: TrainConfig, span: tuple[str, str, int, int], command: str, now: str) -> Trial:
    told = attempt.verdict.figures
    return Trial(
        at=now, command=command, dataset=span[0], segment=span[1],
        learner=attempt.learner, config=_digest(config), ts_start=span[2], ts_end=span[3], passed=attempt.passed,
        sharpe=_finite(told["sharpe"]), log_loss=told["log_loss"], ic=_finite(told["ic"]),
        stretches=stretches(attempt.walk),
    )  # fmt: skip


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _digest(config: TrainConfig) -> str:
    return sha256(msgspec.json.encode(config)).hexdigest()
