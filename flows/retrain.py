"""Retraining beside the stream: new data, a challenger, its shadow, and who serves in the end."""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from msgspec import Struct

from flows.dataset import fetch_stored, make_dataset
from flows.engine import costs, registry
from flows.ledger import Ledger
from flows.models import activate, effective_close, withdraw
from flows.settings import Settings
from flows.training import add_models, evaluate
from models.comparison import Comparison
from models.config import TrainConfig
from models.dataset import Dataset, load
from models.registry import Registry
from schemas.results import ModelEvent
from schemas.signals import Signal
from schemas.time import DAY
from sinks.database import connect, in_one_line
from sinks.export import model_changes
from sources.result_files import read_results, result_file

__all__ = ["Decision", "Plan", "judge", "retrain", "standing"]


class Plan(Struct, frozen=True, kw_only=True):
    """How a challenger is made and what it has to show."""

    days: float = 90.0
    """Of candidates that it learns from."""
    least: int = 100
    """Outcomes in the shadow before it may be promoted."""
    at_once: bool = False
    """It serves without a shadow where no other version of its model serves."""
    despite_gates: bool = False
    """It may go on though it did not pass them, and the changelog says so."""
    past: Path | None = None
    """What a replay wrote, to learn from beside what is stored of the time after it."""
    config: TrainConfig = TrainConfig()
    ledger: Path = Path(".candlewick/ledger.jsonl")


class Decision(Struct, frozen=True):
    """What is done about a version, and why."""

    model: str
    version: str
    what: str
    why: str


class _Glance(Struct):
    id: str


class _Closed(Struct):
    ts_close: int = 0


def retrain(settings: Settings, plan: Plan) -> list[Decision]:
    """One round: judge the challengers that are in the shadow; where there is none, train one.

    What is decided goes into the log as activations, with its reasons, and so into the changelog of models.

    Raises:
        CandlewickError: no database or broker, or nothing to learn from; nothing is left half done.
    """
    dsn, known = settings.database.reader, registry(settings)
    since = max(0, time.time_ns() - round(plan.days * DAY))
    if plan.past is not None:
        since = max(since, _end(plan.past) + 1)
    with TemporaryDirectory(prefix="candlewick-retrain-") as temporary:
        stored, made = Path(temporary) / "stored", Path(temporary) / "set"
        fetch_stored(settings, stored, since)
        with in_one_line(dsn), connect(dsn) as connection:
            serving, shadows = standing(model_changes(connection))
        if shadows:
            make_dataset([stored], made, costs(settings))
            decisions = list(_judged(stored, load(made), known, serving, shadows, plan))
        else:
            make_dataset([stored] if plan.past is None else [plan.past, stored], made, costs(settings))
            decisions = list(_challengers(made, known, serving, plan))
        for decision in decisions:
            _do(settings, decision, serving, despite_gates=plan.despite_gates)
    return decisions


def standing(events: Iterator[ModelEvent]) -> tuple[dict[str, str], dict[str, str]]:
    """Which version of each model serves, and which is its shadow, after ``events``."""
    serving: dict[str, str] = {}
    shadows: dict[str, str] = {}
    for event in events:
        if event.event == "activated":
            serving[event.model] = event.version
            if shadows.get(event.model) == event.version:
                del shadows[event.model]
        elif event.event == "shadowed":
            shadows[event.model] = event.version
        elif event.event == "deactivated":
            serving.pop(event.model, None)
        elif event.event == "no longer shadowed":
            shadows.pop(event.model, None)
    return serving, shadows


def judge(signals: Iterator[Signal], wins: Mapping[str, bool], version: str, base_rate: float) -> Comparison:
    """The shadow ``version`` against what was told, or ``base_rate`` where only the rules spoke; by ``wins`` of
    candidates, in the order of ``signals``.
    """
    comparison = Comparison()
    for signal in signals:
        shadow = next((one for one in signal.models if one.shadow and one.version == version), None)
        if shadow is not None and signal.id in wins:
            spoken = any(not one.shadow for one in signal.models)
            champion = signal.confidence if spoken else base_rate
            comparison.add(champion=champion, challenger=shadow.probability, win=wins[signal.id])
    return comparison


def _end(past: Path) -> int:
    """The last close in what a replay wrote (ns); 0 where it has none, which is told later."""
    last = 0

    def seen(bar: _Closed) -> bool:
        nonlocal last
        last = max(last, bar.ts_close)
        return False

    path = result_file(past, "features.bars")
    deque(() if path is None else read_results(path, "features.bars", _Closed, seen), maxlen=0)
    return last


def _judged(
    stored: Path, data: Dataset, known: Registry, serving: Mapping[str, str], shadows: Mapping[str, str], plan: Plan
) -> Iterator[Decision]:
    labelled = np.flatnonzero(data["status"] != "unfilled")
    order = labelled[np.argsort(data["ts_end"][labelled], kind="stable")]
    wins = {str(data["id"][row]): bool(data["net_return"][row] > 0) for row in order}
    path = stored / "signals.candidates.jsonl"
    signals = {one.id: one for one in read_results(path, "signals.candidates", _Glance, lambda seen: seen.id in wins)}
    for model, version in shadows.items():
        base_rate = known.manifest(model, version).figures.get("base_rate", 0.5)
        found = judge((signals[name] for name in wins if name in signals), wins, version, base_rate)
        against = serving.get(model) or "the base rate"
        figures = (
            f"{found.count} outcomes in the shadow, squared error smaller by {found.mean:.5f} than that of {against}"
        )
        if found.worse:
            yield Decision(model, version, "withdraw", f"{figures}: worse")
        elif found.better and found.count >= plan.least:
            yield Decision(model, version, "activate", f"{figures}: better")
        else:
            yield Decision(model, version, "wait", f"{figures}: not decided, {plan.least} are the least")


def _challengers(made: Path, known: Registry, serving: Mapping[str, str], plan: Plan) -> Iterator[Decision]:
    evaluations, left = evaluate(made, plan.config, Ledger(plan.ledger), "retrain")
    for added in add_models(made, evaluations, plan.config, known):
        failed = [gate.name for gate in added.attempt.gates if not gate.passed]
        why = f"did not pass {', '.join(failed)}" if failed else "passed every gate"
        if failed and not plan.despite_gates:
            yield Decision(added.model, added.version, "refuse", why)
        else:
            what = "activate" if plan.at_once and added.model not in serving else "shadow"
            yield Decision(added.model, added.version, what, why)
    for line in left:
        yield Decision("", "", "leave out", line)


def _do(settings: Settings, decision: Decision, serving: Mapping[str, str], *, despite_gates: bool) -> None:
    model, version, what = decision.model, decision.version, decision.what
    if version and serving.get(model) == version:
        return  # it learnt the same again
    if what in {"activate", "shadow"}:
        activate(
            settings, model, version, effective_close(None), despite_gates=despite_gates, shadow=what == "shadow",
            reason=decision.why,
        )  # fmt: skip
    elif what == "withdraw":
        withdraw(settings, model, effective_close(None), reason=decision.why)
