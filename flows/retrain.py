"""Retraining beside the stream: new data, a challenger, its shadow, and who serves in the end."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import shorten
from typing import Final

from msgspec import Struct, structs

from flows.dataset import fetch_stored, make_dataset
from flows.engine import costs, desk_config, registry
from flows.errors import FlowError
from flows.ledger import Compared, Ledger, Look, times
from flows.models import activate, effective_close, of_late, refuse, unpassed, withdraw
from flows.settings import Settings
from flows.standing import Shadow, Standing, standing
from flows.training import Added, add_models, evaluate, log_runs
from flows.trial import Duel, Judgement, gated, held_back, judge, tell
from models.config import TrainConfig
from models.dataset import Dataset, load
from models.errors import ModelError, ModelRefused, RegistryAway, RegistryError
from models.manifest import Manifest
from operators.desk.serving import PROGRAM, program
from schemas.market import Activation
from schemas.signals import Signal
from schemas.time import DAY, MINUTE, to_text
from sinks.database import connect, in_one_line
from sinks.export import model_changes
from sinks.mlflow import MlflowError
from sources.result_files import read_results, result_file

__all__ = ["Decision", "Plan", "look", "retrain"]

_WORDS: Final = 120
"""Characters that a gate has for its reason, as an activation's is at most 1,000 long."""
_ON_THE_WAY: Final = 10 * MINUTE
"""What came later may have reached the store in part: its topics are read side by side, and bars come before the
candidates that they end."""
_BEFORE_THE_SHADOW: Final = {"better": "activate", "worse": "refuse"}
_AFTER_THE_SHADOW: Final = {"better": "activate", "worse": "withdraw"}


class Plan(Struct, frozen=True, kw_only=True):
    """How a challenger is made and what it has to show."""

    days: float = 90.0
    """Of candidates that it learns from."""
    least: int = 100
    """Outcomes in the shadow before it may be promoted."""
    patience: float = 60.0
    """Days in the shadow after which it is withdrawn if nothing is decided."""
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
    instrument_id: str
    strategy: str


class _Closed(Struct):
    ts_close: int = 0


class _Hashed(Struct):
    schema_hash: str = ""


def retrain(settings: Settings, plan: Plan) -> Iterator[Decision]:
    """One round: judge the challengers that are in the shadow, and train one of each model that has none there.

    What is decided goes into the log as activations, with its reasons, and so into the changelog of models; each
    decision comes once that is done.

    Raises:
        CandlewickError: no database or broker, or nothing to learn from; nothing is left half done.
    """
    current = _Round(settings, plan)
    judged = list(current.judged())
    for decision in chain(judged, current.trained({one.model for one in judged if one.what != "withdraw"})):
        yield current.do(decision)


def look(settings: Settings, plan: Plan) -> Iterator[Decision]:
    """Judge the challengers that are in the shadow, and train none; as `retrain` does.

    Raises:
        CandlewickError: no database or broker.
    """
    current = _Round(settings, plan)
    for decision in current.judged():
        yield current.do(decision)


class _Round:
    def __init__(self, settings: Settings, plan: Plan) -> None:
        self._settings, self._plan = settings, plan
        self._known, self._ledger = registry(settings), Ledger(plan.ledger)
        self._catalogue = program(desk_config(settings))
        self._standing = self._stands()
        self._begun = time.time_ns()
        self._written: list[Activation] = []
        """By this round."""

    def _stands(self) -> Standing:
        dsn = self._settings.database.reader
        with in_one_line(dsn), connect(dsn) as connection:
            return standing(model_changes(connection))

    def judged(self) -> Iterator[Decision]:
        """What becomes of those in the shadow."""
        shadows = self._standing.shadows
        if not shadows:
            return
        with TemporaryDirectory(prefix="candlewick-shadows-") as temporary:
            stored, made = Path(temporary) / "stored", Path(temporary) / "set"
            fetch_stored(self._settings, stored, min(shadow.first for shadow in shadows.values()))
            try:
                data = self._data([stored], made).before(time.time_ns() - _ON_THE_WAY)
            except (FlowError, ModelError) as error:  # there is no outcome yet, and for some reason there may never be
                for model, shadow in shadows.items():
                    yield self._aged(model, shadow, Judgement("not decided", str(error)))
                return
            path = stored / "signals.candidates.jsonl"
            signals: list[Signal] = list(read_results(path, "signals.candidates", _Glance, lambda _: True))
        for model, shadow in shadows.items():
            try:
                yield self._judged(model, shadow, data, signals)
            except RegistryAway:  # which says nothing of the shadow
                raise
            except ModelRefused as error:  # it is not there any more
                yield self._aged(model, shadow, Judgement("not decided", str(error)))

    def _judged(self, model: str, shadow: Shadow, data: Dataset, signals: Sequence[Signal]) -> Decision:
        champion, version = self._standing.serving.get(model), shadow.version
        manifest = self._known.load(model, version, self._catalogue).manifest
        duel = judge(data, signals, version, champion, manifest.figures.get("base_rate", 0.5))
        where = f"in the shadow since {to_text(shadow.first)}"
        judgement = self._told(manifest, version, champion, duel, where)
        lacks = "" if self._plan.despite_gates else unpassed(manifest)
        decision = self._aged(model, shadow, gated(judgement, lacks))
        if decision.what != "wait":  # a look that decides nothing chooses nothing
            self._remember("shadow", manifest, version, champion, duel, judgement)
        return decision

    def _aged(self, model: str, shadow: Shadow, judgement: Judgement) -> Decision:
        """It waits on if nothing is decided, but not for ever."""
        age, why = (time.time_ns() - shadow.since) / DAY, judgement.why
        what = _AFTER_THE_SHADOW.get(judgement.verdict, "wait")
        if what == "wait" and age > self._plan.patience:
            what, why = "withdraw", f"{why}; {age:.1f} days in the shadow, {self._plan.patience:g} at most"
        return Decision(model, shadow.version, what, why)

    def trained(self, busy: set[str]) -> Iterator[Decision]:
        """New challengers of all models but ``busy`` ones."""
        plan = self._plan
        since = max(0, time.time_ns() - round(plan.days * DAY))
        if plan.past is not None:
            _see_schemas(plan.past)
            since = max(since, _end(plan.past) + 1)
        with TemporaryDirectory(prefix="candlewick-retrain-") as temporary:
            stored, made = Path(temporary) / "stored", Path(temporary) / "set"
            told = fetch_stored(self._settings, stored, since)
            directories = [stored] if plan.past is None else [plan.past, stored]
            if busy and self._models(directories) <= busy:
                return
            if told:
                yield Decision("", "", "leave out", told)
            yield from self._challengers(self._data(directories, made), made, busy)

    def _data(self, directories: Sequence[Path], made: Path) -> Dataset:
        try:
            make_dataset(directories, made, costs(self._settings))
        except (FlowError, ModelError) as error:  # it may be told in public, and where we work is of no use to anybody
            raise FlowError(str(error).replace(f"{made.parent}/", "")) from error
        return load(made)

    def _models(self, directories: Sequence[Path]) -> set[str]:
        """Of which there are candidates."""
        found = set()

        def seen(one: _Glance) -> bool:
            segment = self._plan.config.segment_of(one.instrument_id)
            if segment is not None:
                found.add(f"{one.strategy}-{segment}")
            return False

        for path in (result_file(directory, "signals.candidates") for directory in directories):
            deque(() if path is None else read_results(path, "signals.candidates", _Glance, seen), maxlen=0)
        return found

    def _challengers(self, data: Dataset, made: Path, busy: set[str]) -> Iterator[Decision]:
        plan = self._plan
        since = data.manifest.ts_end - round(plan.held_back * DAY) if plan.held_back else None
        if since is not None and since <= data.manifest.ts_start:
            days = (data.manifest.ts_end - data.manifest.ts_start) / DAY
            raise FlowError(
                f"--held-back {plan.held_back:g}: there are outcomes of {days:.1f} days, so nothing is left to learn "
                "from"
            )
        evaluations, left = evaluate(made, plan.config, self._ledger, "retrain", until=since, without=busy)
        challengers: list[Added] = []
        for evaluation in evaluations:
            try:
                challengers += add_models(made, [evaluation], plan.config, self._known, since)
            except RegistryError:
                raise
            except ModelError as error:  # which says nothing of the others
                left.append(f"{evaluation.candidate.segment}: {error}")
        for added in challengers:
            yield self._challenger(added, data, since)
        try:
            log_runs(self._settings, challengers, plan.config)
        except MlflowError as error:  # it is all in the registry and the ledger
            left.append(str(error))
        for line in left:
            yield Decision("", "", "leave out", line)

    def _challenger(self, added: Added, data: Dataset, since: int | None) -> Decision:
        model, version, plan = added.model, added.version, self._plan
        champion = self._standing.serving.get(model)
        if (model, version) in self._standing.met:
            return Decision(model, version, "leave out", "the same data made the same version again")
        failed = [gate for gate in added.attempt.gates if not gate.passed]
        lacks = ", ".join(f"{gate.name} ({shorten(gate.detail, _WORDS, placeholder=' …')})" for gate in failed)
        passed = f"did not pass {lacks}" if failed else "passed every gate"
        why = f"{passed}; its tests were looked at {added.looks} times before"
        if failed and not plan.despite_gates:
            return Decision(model, version, "refuse", why)
        if since is not None:
            found = self._known.load(model, version, self._catalogue)
            try:
                served = self._known.load(model, champion, self._catalogue) if champion else None
            except RegistryAway:
                raise
            except ModelRefused as error:  # it cannot be asked here, and in the stream it speaks
                return Decision(model, version, "shadow", f"{why}; {error}")
            duel = held_back(data, since, found, served, self._standing.chosen.get(model, 0))
            where = f"held back ({to_text(duel.ts_start)} to {to_text(duel.ts_end)})"
            judgement = self._told(found.manifest, version, champion, duel, where)
            self._remember("held back", found.manifest, version, champion, duel, judgement)
            why = f"{why}; {judgement.why}"
            if judgement.verdict in _BEFORE_THE_SHADOW:
                return Decision(model, version, _BEFORE_THE_SHADOW[judgement.verdict], why)
        return Decision(model, version, "activate" if plan.at_once and champion is None else "shadow", why)

    def _told(self, manifest: Manifest, version: str, champion: str | None, duel: Duel, where: str) -> Judgement:
        """The comparison in words, with how often that was done before."""
        looks = times(self._ledger.looks(), self._look("", manifest, duel))
        against = champion or "the base rate"
        number = len({*self._ledger.challengers(manifest.model, champion or ""), version})
        found = tell(duel.comparison, f"{where}, looked at {looks} times before", against, self._plan.least)
        return Judgement(found.verdict, f"challenger {number} of {against}: {found.why}")

    def _remember(
        self, command: str, manifest: Manifest, version: str, champion: str | None, duel: Duel, judgement: Judgement
    ) -> None:
        comparison = duel.comparison
        if comparison.count:
            self._ledger.add([
                Compared(
                    **structs.asdict(self._look(command, manifest, duel)), model=manifest.model, challenger=version,
                    champion=champion or "", verdict=judgement.verdict, outcomes=comparison.count,
                    gain=comparison.mean,
                )
            ])  # fmt: skip

    @staticmethod
    def _look(command: str, manifest: Manifest, duel: Duel) -> Look:
        return Look(
            at=datetime.now(UTC).isoformat(timespec="microseconds"), command=command, segment=manifest.segment,
            instruments=manifest.instruments, ts_start=duel.ts_start, ts_end=duel.ts_end,
        )  # fmt: skip

    def do(self, decision: Decision) -> Decision:
        """Write ``decision`` into the log; another one comes of it where its model is not as the round found it."""
        settings, reason = self._settings, decision.why
        model, version, what = decision.model, decision.version, decision.what
        if what in {"activate", "shadow", "withdraw"} and (changed := self._changed(model)):
            return Decision(model, version, "leave out", f"{changed} since the round began, so it does not {what}")
        close = effective_close(None)
        if what in {"activate", "shadow"}:
            record = activate(
                settings, model, version, close, despite_gates=self._plan.despite_gates, shadow=what == "shadow",
                reason=reason,
            )  # fmt: skip
        elif what == "withdraw":
            record = withdraw(settings, model, version, close, reason=reason)
        elif what == "refuse":
            record = refuse(settings, model, version, close, reason=reason)
        else:
            return decision
        self._written.append(record)
        return decision

    def _changed(self, model: str) -> str:
        """What others did meanwhile to who serves and who is in the shadow of ``model``, in words; empty if nothing.

        What came into force is in the store, and what has yet to in the log alone.
        """
        was, now = self._standing, self._stands()
        if now.serving.get(model) != was.serving.get(model):
            return f"{now.serving.get(model, 'no version')} serves"
        before, shadow = (found.shadows[model].version if model in found.shadows else "" for found in (was, now))
        withdrawn = any(one.withdrawn and one.model == model for one in self._written)
        if shadow != before and not (withdrawn and not shadow):
            return f"{shadow or 'no version'} is in the shadow"
        for one in of_late(self._settings):
            if one.model == model and one.ts_received >= self._begun and one not in self._written:
                return f"{one.version or 'no version'} was activated, for a close to come,"
        return ""


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


def _see_schemas(past: Path) -> None:
    """Refuse what a replay of another program wrote, which is no past of what is stored."""
    own = {"features.vectors": PROGRAM.schema_hash, "features.context": PROGRAM.context_hash}
    for topic, schema in own.items():
        path = result_file(past, topic)
        first = (
            None
            if path is None
            else next(read_results(path, topic, _Hashed, lambda seen: bool(seen.schema_hash)), None)
        )
        if first is not None and first.schema_hash != schema:
            raise FlowError(
                f"--past {past}: {topic} are of schema {first.schema_hash}, this program's is {schema}: replay it anew"
            )
