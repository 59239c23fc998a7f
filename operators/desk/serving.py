"""Which version of which model serves at a close, and what it says of a candidate."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from models.costs import question_hash
from models.ensemble import Pooled, sigmoid
from models.errors import ModelRefused, ModelUnfit, RegistryAway, VersionAway
from models.online import online_inputs
from models.registry import Catalogue, Model, Registry
from models.rows import Row
from operators.closed import Closed
from operators.config import DeskConfig
from operators.desk.confluence import NAME, Opinion, version_of
from operators.desk.context import CONTEXT, CONTEXT_HASH
from operators.desk.drift import DriftWatch, Place
from operators.desk.learning import Learning
from operators.desk.opinions import Word, of_batch, of_learner, reasons, together
from operators.desk.outcomes import Outcomes, Prediction
from operators.errors import ModelAway, StateError
from operators.features import NAMES, SCHEMA_HASH
from schemas.identifiers import derive
from schemas.market import Activation, InstrumentDefinition
from schemas.results import Context, Drift, ModelEvent, Vector
from schemas.signals import ModelOpinion, Signal

__all__ = ["PROGRAM", "Serving", "Verdict", "program"]

PROGRAM: Final = Catalogue(SCHEMA_HASH, CONTEXT_HASH, frozenset((*NAMES, *(feature.name for feature in CONTEXT))))
"""What a model has to be trained on."""
_GIVEN_UP: Final = "it is given up by models.given_up"
_NOT_COMPARABLE: Final = "made before its brackets and costs were written down: nobody knows if they are these"
_Waiting = tuple[int, int, Activation]
"""Counts from when on, how many came before, the record."""


def program(config: DeskConfig) -> Catalogue:
    """`PROGRAM`, and which question is asked by these settings."""
    return replace(PROGRAM, question_hash=question_hash({NAME: version_of(config.strategy)}, config.models.costs))


class Verdict(NamedTuple):
    """What is thought of a candidate in the end."""

    confidence: float
    calibrated: bool
    models: list[ModelOpinion]
    """Empty: the rules alone have spoken."""
    vetoes: list[str]
    words: str
    size: float
    """0 to 1, times the size that risk suggests: smaller where models disagree."""
    prediction: Prediction | None
    """What is to be learnt from."""
    seen: tuple[Model, Row, float] | None = None
    """The batch model, what it saw, and the probability that it gave."""


class Serving:
    """Activations come into force close by close, in the order of the log; one that is refused changes nothing.

    What becomes of an activation is decided at the close at which it takes effect, and by the version's bytes alone: a
    registry that is away, or does not have them yet, would give another result each time that the log is read, so then
    nothing is decided at all. They are loaded and verified once, when the activation is told if they are there by then.
    """

    def __init__(self, config: DeskConfig, registry: Registry | None) -> None:
        self.active: dict[str, str] = {}
        """Version by model."""
        self.shadows: dict[str, str] = {}
        """The same of those that are asked and not heard."""
        models = config.models
        self.learning = Learning() if models.online else None
        self.outcomes = Outcomes(models.costs) if models.online or registry is not None else None
        """Of what somebody said something of."""
        self._config, self._registry = models, registry
        self._strategy_version, self._catalogue = version_of(config.strategy), program(config)
        self._watch = DriftWatch()
        self._drifts: list[Drift] = []
        self._waiting: list[_Waiting] = []
        self._count = 0
        self._loaded: dict[tuple[str, str], Model] = {}
        self._unfit: dict[tuple[str, str], str] = {}  # what was restored, and is not for this program
        self._chosen: dict[str, tuple[Model | None, Model | None]] = {}  # by instrument: it, and its shadow

    def add(self, known: int, activation: Activation) -> None:
        """Take an activation that counts from ``known`` (ns) on."""
        if activation.version:
            with suppress(ModelRefused):  # its close will tell
                self._load(activation.model, activation.version)
        self._count += 1
        heappush(self._waiting, (known, self._count, activation))

    def move(self, ts_close: int) -> list[ModelEvent]:
        """Move on to ``ts_close`` (ns); what changes.

        Raises:
            ModelAway: a version that counts from here on is not in the registry, or not all of it.
        """
        before = dict(self.active)
        events = [*self._left(ts_close)]
        while self._waiting and self._waiting[0][0] <= ts_close:
            events.append(self._apply(heappop(self._waiting), ts_close))
        if self.learning is not None and self.active != before:
            self.learning.begin_anew()
        if self.learning is not None and (told := self.learning.event(ts_close)) is not None:
            events.append(told)
        if events:
            self._chosen = {}
            waiting = {(waits[2].model, waits[2].version) for waits in self._waiting}
            kept = self._asked() | waiting
            self._loaded = {name: model for name, model in self._loaded.items() if name in kept}
            self._watch.keep({version for _, version in self._asked()})  # what waits goes by arrival
        return events

    def see(self, vector: Vector, context: Context) -> None:
        """Take what the model in charge sees at a close, whether it is asked or not."""
        model, _ = self._asked_of(vector.instrument_id)
        if model is not None:
            self._watch.closes.on_close(model, vector, context)

    def judge(self, vector: Vector, opinion: Opinion, *, reward: float, explain: bool) -> Verdict:
        """What the models in charge of the instrument say, and why if asked to; ``vector`` with its context.

        ``reward`` is the candidate's, in multiples of its risk.
        """
        (model, shadow), learning = self._asked_of(vector.instrument_id), self.learning
        direction, score = (1 if opinion.direction == "long" else -1), min(1.0, abs(opinion.score))
        least, comparable = self._least(model, reward), model is None or bool(model.manifest.question_hash)
        words: dict[str, Word] = {}
        silent: list[str] = []
        seen: tuple[Model, Row, float] | None = None
        if model is not None:
            row = model.row(vector.features, vector.tainted, direction=direction, score=score)
            try:
                word = words[_key(model)] = of_batch(model, row, explain=explain)
                seen = (model, row, word.probability)
            except ModelRefused:
                silent = [f"model {model.manifest.model} gives no number, so it says nothing"]
        asked: list[ModelOpinion] = []
        if shadow is not None:
            row = shadow.row(vector.features, vector.tainted, direction=direction, score=score)
            with suppress(ModelRefused):
                asked = [replace(of_batch(shadow, row, explain=False).opinion(0.0, explain=False), shadow=True)]
        if learning is None:
            verdict = self._verdict(least, words, None, score, explain=explain)
            logits = {key: word.logit for key, word in words.items()}
            return verdict._replace(
                calibrated=verdict.calibrated and comparable,
                prediction=Prediction({}, logits, None) if logits else None, seen=seen,
                models=[*verdict.models, *asked], vetoes=[*verdict.vetoes, *silent],
            )  # fmt: skip
        trusted = frozenset(words)
        inputs = online_inputs(vector.features, vector.tainted, direction=direction, score=score)
        words |= of_learner(learning.learner, inputs, vector.features)
        logits = {key: word.logit for key, word in words.items()}
        pooled = learning.ensemble.pool(logits, trusted)
        speaking = words if pooled is not None and (trusted or learning.proven) else {}
        verdict = self._verdict(least, speaking, pooled, score, explain=explain)
        verdict = verdict._replace(calibrated=verdict.calibrated and (learning.ensemble.calibrated or comparable))
        prediction = Prediction(inputs, logits, pooled and pooled.score, learning.ensemble.changes)
        return verdict._replace(
            prediction=prediction, seen=seen, models=[*verdict.models, *asked], vetoes=[*verdict.vetoes, *silent]
        )

    def _least(self, model: Model | None, reward: float) -> float:
        """The probability below which a candidate is vetoed."""
        asked, even = self._config.min_probability, 1.0 / (1.0 + reward)
        if asked is not None:
            return asked
        return even if model is None else model.manifest.figures.get("break_even", even)

    def _verdict(
        self, least: float, words: dict[str, Word], pooled: Pooled | None, score: float, *, explain: bool
    ) -> Verdict:
        if not words:
            told = ""
            if self.learning is not None:
                told = f" Models have learnt {self.learning.ensemble.labels} outcomes, too few to be heard."
            confidence = min(1.0, 0.5 + score / 2)
            return Verdict(confidence, models=[], calibrated=False, vetoes=[], words=told, size=1.0, prediction=None)
        most = self._config.max_disagreement
        if pooled is None:
            ((_, whole),) = words.items()
            opinions, spread, calibrated = [whole.opinion(1.0, explain=explain)], 0.0, True
        else:
            assert self.learning is not None
            ensemble = self.learning.ensemble
            whole, spread = together(words, pooled, ensemble.slope), pooled.disagreement
            opinions = [whole.opinion(1.0, explain=explain)]
            opinions += [word.opinion(pooled.weights[key], explain=explain) for key, word in words.items()]
            calibrated = ensemble.calibrated or max(pooled.weights.values()) == 1.0
        chance = whole.probability
        about = f" Model {whole.model} {whole.version}: {chance:.0%} of such candidates end with a net profit"
        vetoes = [f"model {whole.model} gives {chance:.3f}, least is {least:g}"] if chance < least else []
        if spread >= most:
            vetoes.append(f"models disagree: their standard deviation of {spread:.3f} is not below {most:g}")
        about += f"{reasons(opinions[0].contributions)}."
        return Verdict(chance, calibrated, opinions, vetoes, about, max(0.0, 1.0 - spread / most), None)

    def follow(self, signal: Signal, definition: InstrumentDefinition | None, verdict: Verdict) -> None:
        """Wait for what becomes of ``signal``, of which somebody said something; what a model saw counts for drift."""
        if verdict.seen is not None:
            self._drifts += self._watch.on_row(*verdict.seen, Place(signal.ts_event, signal.timeframe, signal.id))
        if self.outcomes is not None and verdict.prediction is not None:
            self.outcomes.follow(signal, definition, verdict.prediction)

    def learn(self, ts_close: int, closed: Sequence[Closed]) -> None:
        """Take the members' bars of a close, after its candidates: models are held against what they said, whether or
        not anybody learns.
        """
        if self.outcomes is None:
            return
        asked = sorted(self._asked())
        for outcome in self.outcomes.close(ts_close, closed):
            place = Place(ts_close, "1m", outcome.label.candidate_id)
            learns = self.learning if outcome.prediction.inputs else None  # nobody learnt when it was thought
            learnt = None if learns is None else learns.learn(outcome)
            if learnt is not None and learnt.loss is not None and learnt.changed:
                self._drifts += self._watch.on_losses(learnt.changed, learnt.loss, place)
            for named in asked:
                model = self._loaded[named]
                logit = outcome.prediction.logits.get(_key(model))
                if logit is not None:
                    self._drifts += self._watch.on_label(model, sigmoid(logit), outcome.label, place)

    def drifts(self, ts_close: int) -> list[Drift]:
        """What was found since last asked, up to ``ts_close`` (ns)."""
        models = [self._loaded[named] for named in sorted(self.active.items())]
        self._drifts += self._watch.look(models, ts_close)
        found, self._drifts = self._drifts, []
        return found

    def _asked_of(self, instrument_id: str) -> tuple[Model | None, Model | None]:
        """Of an instrument: its model, and its shadow."""
        found = self._chosen.get(instrument_id)
        if found is None:
            found = self._choose(instrument_id, self.active), self._choose(instrument_id, self.shadows)
            self._chosen[instrument_id] = found
        return found

    def _asked(self) -> set[tuple[str, str]]:
        """Model and version of all that are asked now."""
        asked = {*self.active.items(), *self.shadows.items()}
        return {named for named in asked if named[1] not in self._config.given_up and named not in self._unfit}

    def _left(self, ts_close: int) -> Iterator[ModelEvent]:
        """What serves by the recovery state, and was given up since or is for another program, serves no more."""
        for serving, event, shadow in ((self.active, "deactivated", False), (self.shadows, "no longer shadowed", True)):
            for name, version in sorted(serving.items()):
                reason = _GIVEN_UP if version in self._config.given_up else self._unfit.get((name, version))
                if reason is not None:
                    del serving[name]
                    yield _event(
                        name, version if shadow else "", event, ts_close, {"before": version, "reason": reason}
                    )
        self._unfit = {}

    def _apply(self, waited: _Waiting, ts_close: int) -> ModelEvent:
        known, _, activation = waited
        name, version = activation.model, activation.version or activation.refused or activation.withdrawn
        serving = self.shadows if activation.shadow else self.active
        before = serving.get(name, "")
        late = known > activation.effective_close
        details: dict[str, Any] = {"before": before, "effective_close": activation.effective_close, "late": late}
        if activation.failed:
            event = "failed"
        elif activation.refused:
            event = "refused"
        elif activation.version and (refusal := self._refusal(name, version)):
            event = "refused"
            details["reason"] = refusal
        elif activation.withdrawn and activation.withdrawn != before:
            event, details["reason"] = "refused", "it is not in the shadow, so it cannot be withdrawn"
        elif activation.version:
            event = "shadowed" if activation.shadow else "activated"
            if self.shadows.get(name) == version:
                del self.shadows[name]
            serving[name] = version
            manifest = self._loaded[name, version].manifest
            details["gates_failed"] = manifest.gates_failed
            if not manifest.question_hash:
                details["remark"] = _NOT_COMPARABLE
            details["trained"] = {"to": manifest.train_end, "outcomes": manifest.outcomes, **manifest.figures}
        else:
            event = "no longer shadowed" if activation.shadow else "deactivated"
            serving.pop(name, None)
        if activation.reason:
            details["why"] = activation.reason
        return _event(name, version, event, ts_close, details, activation.ts_event, activation.effective_close, before)

    def _choose(self, instrument_id: str, serving: dict[str, str]) -> Model | None:
        """The model that names the instrument or its symbol; else one that names none; of several the first by name."""
        names = {instrument_id, instrument_id.partition(":")[2]}
        models = [self._loaded[named] for named in sorted(serving.items())]
        named = [model for model in models if names.intersection(model.manifest.instruments)]
        return next(iter(named or [model for model in models if not model.manifest.instruments]), None)

    def _refusal(self, name: str, version: str) -> str:
        """Why a version must not serve, by what it is; empty if it may."""
        try:
            self._fetch(name, version)
        except ModelRefused as error:
            return str(error)
        return ""

    def _fetch(self, name: str, version: str) -> None:
        """Load what cannot be done without now."""
        try:
            self._load(name, version)
        except (RegistryAway, VersionAway) as error:
            raise ModelAway(
                f"model {name} {version} is to serve, and is away: {error}; put it there, or if it is lost name it in "
                "models.given_up"
            ) from error

    def _load(self, name: str, version: str) -> None:
        if (name, version) in self._loaded:
            return
        if version in self._config.given_up:
            raise ModelRefused(_GIVEN_UP)
        if self._registry is None:
            raise ModelRefused("there is no registry")
        model = self._registry.load(name, version, self._catalogue)
        asked, own = f"{model.manifest.strategy} {model.manifest.strategy_version}", f"{NAME} {self._strategy_version}"
        if asked != own:
            raise ModelUnfit(f"it is for candidates of {asked}, the desk makes those of {own}")
        self._loaded[name, version] = model

    def state(self) -> list[Any]:
        """Plain data for recovery: names only, the bytes are the registry's."""
        learnt = None if self.learning is None else self.learning.state()
        followed = None if self.outcomes is None else self.outcomes.state()
        return [self.active, self._waiting, self._count, learnt, self._watch.state(), self.shadows, followed]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again; what was learnt in the stream only if anybody learns now.

        Raises:
            ModelAway: a version that serves is not in the registry, or not all of it.
            StateError: it is there, and is refused by this very program now.
        """
        self.active, self._waiting, self._count, learnt, watched, self.shadows, followed = msgspec.convert(
            state,
            tuple[
                dict[str, str], list[_Waiting], int, dict[str, Any] | None, list[Any], dict[str, str], list[Any] | None
            ],
        )
        if self.outcomes is not None and followed is not None:
            self.outcomes.restore(followed)
        if self.learning is not None and learnt is not None:
            self.learning.restore(learnt)
        for name, version in sorted(self._asked()):
            try:
                self._fetch(name, version)
            except ModelUnfit as error:  # as its activation would be, if it came now
                self._unfit[name, version] = f"refused: {error}"
            except ModelRefused as error:
                raise StateError(
                    f"model {name} {version} serves by the recovery state, and is refused: {error}; put it back, or "
                    "name it in models.given_up"
                ) from error
        for _, _, activation in self._waiting:
            if activation.version:
                with suppress(ModelRefused):
                    self._load(activation.model, activation.version)
        self._watch.restore(watched, [self._loaded[named] for named in self._asked()])


def _event(name: str, version: str, event: str, ts_close: int, details: dict[str, Any], *of: int | str) -> ModelEvent:
    return ModelEvent(
        id=derive("model_event", name, version, event, ts_close, *of), model=name, version=version, event=event,
        ts_event=ts_close, details=details,
    )  # fmt: skip


def _key(model: Model) -> str:
    """Its name in the pool."""
    return f"{model.manifest.model} {model.version}"
