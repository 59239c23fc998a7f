"""Evaluating a data set and training on it: what both commands do."""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from math import isfinite
from pathlib import Path

import msgspec
import numpy as np
from msgspec import Struct

from flows.errors import FlowError
from flows.ledger import Ledger, Look, Trial, times, tried
from flows.settings import Settings
from models.closes import everyday
from models.config import TrainConfig
from models.costs import question_hash
from models.dataset import load, load_closes, manifest_hash
from models.drift import CANDIDATES, MONTH, WINDOW, thresholds
from models.errors import ModelError
from models.evaluation import LEARNERS
from models.gates import stretches
from models.manifest import entry_of
from models.metrics import overfitting_probability
from models.outcomes import limits_of
from models.registry import Registry
from models.training import Attempt, Candidate, attempts, folds_of, segments, trained
from operators.desk.serving import PROGRAM
from schemas.time import DAY
from sinks.mlflow import Mlflow

__all__ = ["Added", "Evaluation", "add_models", "evaluate", "log_runs", "look_across", "looked_at", "train_config"]


class Evaluation(Struct, frozen=True):
    """A segment, and both learners on it, the better one first."""

    candidate: Candidate
    attempts: list[Attempt]
    look: Look
    """As the ledger has it."""
    looks: int
    """How often this test span, or part of it, had been looked at before."""
    tried: int
    """Different configurations and data sets held against it so far, these among them."""
    overfitting: float
    """Probability of backtest overfitting over all that was tried on exactly this span."""


def looked_at(evaluation: Evaluation) -> str:
    """How often the test span had been seen, and what that means, in words."""
    text = (
        f"this span, or part of it, was looked at {evaluation.looks} times before, {evaluation.tried} configurations "
        "and data sets were tried on it"
    )
    if not isfinite(evaluation.overfitting):
        return text
    return f"{text}, and the probability that the best of them is overfitted is {evaluation.overfitting:.2f}"


class Added(Struct, frozen=True):
    """A version in the registry."""

    model: str
    version: str
    attempt: Attempt
    looks: int
    """See `Evaluation`."""


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
    until: int | None = None, without: Collection[str] = (),
) -> tuple[list[Evaluation], list[str]]:  # fmt: skip
    """Walk both learners through every segment of the data set, and write down that it was done.

    Parameters:
        test_from: ns; instead of windows, one test of all that was decided from then on.
        until: ns; as if the data set had ended then.
        without: models whose segments are not looked at.

    Returns:
        The evaluations, and why segments were left out.

    Raises:
        FlowError: nothing can be learned from.
        ModelError: the data set cannot be read, or an input is named that it lacks.
    """
    data = load(directory)
    if until is not None:
        data = data.before(until).weighed()
    dataset = manifest_hash(directory)
    candidates, left = segments(data, config)
    if not candidates:
        raise FlowError("\n".join(left) or f"{directory}: no outcome of any segment")
    found, now = [], datetime.now(UTC).isoformat(timespec="microseconds")
    for candidate in candidates:
        if candidate.model in without:
            continue
        try:
            found.append(_evaluation(candidate, config, ledger, command, now, dataset, test_from))
        except ModelError as error:  # which says nothing of the others
            left.append(f"{candidate.segment}: {error}")
    if left and not found and not without:
        raise FlowError("\n".join(left))
    return found, left


def _evaluation(
    candidate: Candidate, config: TrainConfig, ledger: Ledger, command: str, at: str, dataset: str,
    test_from: int | None,
) -> Evaluation:  # fmt: skip
    folds = folds_of(candidate.sample, config, test_from)
    look = Look(
        at=at, command=command, segment=candidate.segment, instruments=candidate.instruments,
        ts_start=folds[0].ts_start, ts_end=folds[-1].ts_end,
    )  # fmt: skip
    known = ledger.looks()
    own = {tried(look, learner, _digest(config), dataset) for learner in LEARNERS}
    others = [one for one in known if isinstance(one, Trial) and one.saw(look) and one.what not in own]
    different = {trial.what: trial for trial in others}
    ratios = [trial.sharpe for trial in different.values() if trial.sharpe is not None]
    made = attempts(candidate.sample, folds, config, ratios)
    trials = [_trial(attempt, config, look, dataset) for attempt in made]
    ledger.add(trials)
    alike = {one.what: one for one in others if (one.ts_start, one.ts_end) == (look.ts_start, look.ts_end)}
    table = np.array([trial.stretches for trial in [*alike.values(), *trials]]).T
    return Evaluation(
        candidate, made, look, times(known, look), len(different) + len(trials), overfitting_probability(table)
    )


def look_across(evaluation: Evaluation, ledger: Ledger) -> None:
    """Write down that all outcomes of the segment were tested on as well."""
    decided = evaluation.candidate.sample.decided
    span = int(decided.min()), int(decided.max()) + 1
    ledger.add([msgspec.structs.replace(evaluation.look, ts_start=span[0], ts_end=span[1])])


def add_models(
    directory: Path, evaluations: Sequence[Evaluation], config: TrainConfig, registry: Registry,
    until: int | None = None,
) -> list[Added]:  # fmt: skip
    """Train the better learner of each segment on all its rows and take it into the registry, gates passed or not: who
    lets it serve sees them.

    Parameters:
        until: that of `evaluate`.

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
        limits = thresholds(
            sample.x, manifest.reference, looks=len(sample) / WINDOW / max(days, 1e-9) * MONTH, alerts=0.8 * CANDIDATES,
            seed=config.seed,
        )  # fmt: skip
        usual = {}
        if closes is not None:
            usual = everyday(closes, manifest.instruments, manifest.inputs, manifest.train_end, seed=config.seed)
        held_back = None if until is None else (until, told.ts_end)
        walk = best.walk
        tested = (int(walk.sample.ends.max()) - int(walk.sample.decided.min())) / DAY
        said = limits_of(walk.p, walk.sample.win, days=tested, seed=config.seed)
        manifest = msgspec.structs.replace(
            manifest, drift=limits, closes=usual, said=said, held_back=held_back,
            question_hash=question_hash(told.strategies, told.costs),
        )  # fmt: skip
        found.append(Added(manifest.model, registry.add(manifest, files, PROGRAM), best, evaluation.looks))
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


def _trial(attempt: Attempt, config: TrainConfig, look: Look, dataset: str) -> Trial:
    told = attempt.verdict.figures
    return Trial(
        **msgspec.structs.asdict(look), dataset=dataset, learner=attempt.learner, config=_digest(config),
        passed=attempt.passed, sharpe=_finite(told["sharpe"]), log_loss=told["log_loss"], ic=_finite(told["ic"]),
        stretches=stretches(attempt.walk),
    )  # fmt: skip


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None


def _digest(config: TrainConfig) -> str:
    return sha256(msgspec.json.encode(config)).hexdigest()
