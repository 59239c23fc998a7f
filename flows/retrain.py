"""Retraining beside the stream: new data, a challenger, its shadow, and who serves in the end."""

import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import Final

from msgspec import Struct

from flows.dataset import fetch_stored, make_dataset
from flows.engine import costs, registry
from flows.errors import FlowError
from flows.ledger import Ledger
from flows.models import activate, effective_close, refuse, withdraw
from flows.settings import Settings
from flows.training import Added, add_models, evaluate
from flows.trial import held_back, judge, outcomes, tell
from models.config import TrainConfig
from models.dataset import Dataset, load
from models.registry import Registry
from operators.desk.serving import PROGRAM
from schemas.results import ModelEvent
from schemas.time import DAY
from sinks.database import connect, in_one_line
from sinks.export import model_changes
from sources.result_files import read_results, result_file

__all__ = ["Decision", "Plan", "first_shadowed", "retrain", "standing"]


_WORDS: Final = 120
"""Characters that a gate has for its reason, as an activation's is at most 1,000 long."""
_PASSED: Final = "passed every gate"
_BEFORE_THE_SHADOW: Final = {"better": "activate", "worse": "refuse"}
_AFTER_THE_SHADOW: Final = {"better": "activate", "worse": "withdraw", "not decided": "wait"}


class Plan(Struct, frozen=True, kw_only=True):
    """How a challenger is made and what it has to show."""

    days: float = 90.0
    """Of candidates that it learns from."""
    least: int = 100
    """Outcomes in the shadow before it may be promoted."""
    held_back: float = 0.0
    """Of the newest days it learns nothing; by their outcomes it is judged before it goes into the stream."""
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
    with in_one_line(dsn), connect(dsn) as connection:
        events = list(model_changes(connection))
    serving, shadows = standing(events)
    if shadows:
        since = min(since, first_shadowed(events, shadows))
    with TemporaryDirectory(prefix="candlewick-retrain-") as temporary:
        stored, made = Path(temporary) / "stored", Path(temporary) / "set"
        fetch_stored(settings, stored, since)
        if shadows:
            make_dataset([stored], made, costs(settings))
            decisions = list(_judged(stored, load(made), known, serving, shadows, plan))
        else:
            make_dataset([stored] if plan.past is None else [plan.past, stored], made, costs(settings))
            decisions = list(_challengers(made, known, serving, plan))
        for decision in decisions:
            _do(settings, decision, serving, despite_gates=plan.despite_gates)
    return decisions


def standing(events: Iterable[ModelEvent]) -> tuple[dict[str, str], dict[str, str]]:
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


def first_shadowed(events: Iterable[ModelEvent], shadows: Mapping[str, str]) -> int:
    """Since when the oldest of ``shadows`` has been one (ns). A comparison may be looked at after each outcome, but it
    has to be the same one: over days that slide on, each look would be a new bet, and one of many is won by chance.
    """
    return min(
        event.ts_event for event in events if event.event == "shadowed" and shadows.get(event.model) == event.version
    )


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
    path = stored / "signals.candidates.jsonl"
    wanted = {str(data["id"][row]) for row in outcomes(data)}
    signals = {one.id: one for one in read_results(path, "signals.candidates", _Glance, lambda seen: seen.id in wanted)}
    for model, version in shadows.items():
        base_rate = known.manifest(model, version).figures.get("base_rate", 0.5)
        found = judge(data, signals, version, base_rate)
        judgement = tell(found, "in the shadow", serving.get(model) or "the base rate", plan.least)
        yield Decision(model, version, _AFTER_THE_SHADOW[judgement.verdict], judgement.why)


def _challengers(made: Path, known: Registry, serving: Mapping[str, str], plan: Plan) -> Iterator[Decision]:
    data = load(made)
    since = data.manifest.ts_end - round(plan.held_back * DAY) if plan.held_back else None
    if since is not None and since <= data.manifest.ts_start:
        days = (data.manifest.ts_end - data.manifest.ts_start) / DAY
        raise FlowError(
            f"--held-back {plan.held_back:g}: there are outcomes of {days:.1f} days, so nothing is left to learn from"
        )
    evaluations, left = evaluate(made, plan.config, Ledger(plan.ledger), "retrain", until=since)
    for added in add_models(made, evaluations, plan.config, known):
        yield _challenger(added, data, since, known, serving.get(added.model), plan)
    for line in left:
        yield Decision("", "", "leave out", line)


def _challenger(
    added: Added, data: Dataset, since: int | None, known: Registry, champion: str | None, plan: Plan
) -> Decision:
    model, version = added.model, added.version
    failed = [gate for gate in added.attempt.gates if not gate.passed]
    lacks = ", ".join(f"{gate.name} ({shorten(gate.detail, _WORDS, placeholder=' …')})" for gate in failed)
    why = f"did not pass {lacks}" if failed else _PASSED
    if failed and not plan.despite_gates:
        return Decision(model, version, "refuse", why)
    if since is not None and version != champion:
        two = known.load(model, version, PROGRAM), known.load(model, champion, PROGRAM) if champion else None
        judgement = held_back(data, since, *two, plan.least)
        why = f"{why}; {judgement.why}"
        if judgement.verdict in _BEFORE_THE_SHADOW:
            return Decision(model, version, _BEFORE_THE_SHADOW[judgement.verdict], why)
    return Decision(model, version, "activate" if plan.at_once and champion is None else "shadow", why)


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
    elif what == "refuse":
        refuse(settings, model, version, effective_close(None), reason=decision.why)
