"""Which version of which model serves at a close, and what it says of a candidate."""

from heapq import heappop, heappush
from math import isnan
from typing import Any, Final, NamedTuple

import msgspec
from msgspec.structs import replace

from models.errors import ModelRefused
from models.registry import Catalogue, Model, Registry
from models.rows import Row
from operators.config import ModelsConfig
from operators.desk.confluence import NAME, VERSION, Opinion
from operators.desk.context import CONTEXT, CONTEXT_HASH
from operators.errors import StateError
from operators.features import NAMES, SCHEMA_HASH
from schemas.identifiers import derive
from schemas.market import Activation
from schemas.results import ModelEvent, Vector
from schemas.signals import Contribution, ModelOpinion

__all__ = ["PROGRAM", "Serving", "Verdict"]

PROGRAM: Final = Catalogue(SCHEMA_HASH, CONTEXT_HASH, frozenset((*NAMES, *(feature.name for feature in CONTEXT))))
"""What a model has to be trained on."""
_TOLD: Final = 3
"""Contributions, in the words of a signal."""
_Waiting = tuple[int, int, Activation, str]
"""Counts from when on, how many came before, the record, why it is refused."""


class Verdict(NamedTuple):
    """What is thought of a candidate in the end."""

    confidence: float
    models: list[ModelOpinion]
    """Empty: the rules alone have spoken."""
    vetoes: list[str]
    words: str


class Serving:
    """Activations come into force close by close, in the order of the log; one that is refused changes nothing.

    A version is loaded and verified when its activation is told, and that decides: its bytes are not looked at again
    until a restart, which verifies them anew. What comes of it is said at the close at which it takes effect.
    """

    def __init__(self, config: ModelsConfig, registry: Registry | None) -> None:
        self.active: dict[str, str] = {}
        """Version by model."""
        self._config, self._registry = config, registry
        self._waiting: list[_Waiting] = []
        self._count = 0
        self._loaded: dict[tuple[str, str], Model] = {}
        self._chosen: dict[str, Model | None] = {}  # by instrument

    def add(self, known: int, activation: Activation) -> None:
        """Take an activation that counts from ``known`` (ns) on."""
        refusal = ""
        if activation.version:
            try:
                self._load(activation.model, activation.version)
            except ModelRefused as error:
                refusal = str(error)
        self._count += 1
        heappush(self._waiting, (known, self._count, activation, refusal))

    def move(self, ts_close: int) -> list[ModelEvent]:
        """Move on to ``ts_close`` (ns); what changes."""
        events = []
        while self._waiting and self._waiting[0][0] <= ts_close:
            events.append(self._apply(heappop(self._waiting), ts_close))
        if events:
            self._chosen = {}
            served = {*self.active.items(), *((waits[2].model, waits[2].version) for waits in self._waiting)}
            self._loaded = {name: model for name, model in self._loaded.items() if name in served}
        return events

    def judge(self, vector: Vector, opinion: Opinion, *, explain: bool) -> Verdict:
        """What the model in charge of the instrument says, and why if asked to; ``vector`` with its context."""
        name = vector.instrument_id
        if name not in self._chosen:
            self._chosen[name] = self._choose(name)
        model, score = self._chosen[name], abs(opinion.score)
        if model is None:
            return Verdict(min(1.0, 0.5 + score / 2), [], [], "")
        direction = 1 if opinion.direction == "long" else -1
        row = model.row(vector.features, vector.tainted, direction=direction, score=min(1.0, score))
        probability = model.probability(row)
        about, least = model.manifest.model, self._config.min_probability
        said = ModelOpinion(model=about, version=model.version, probability=probability, weight=1.0)
        if explain and probability >= least:
            said = _explained(said, model, row)
        words = f" Model {about} {model.version}: {probability:.0%} of such candidates end with a net profit"
        words += f"{_reasons(said.contributions)}."
        vetoes = [f"model {about} gives {probability:.3f}, least is {least:g}"] if probability < least else []
        return Verdict(probability, [said], vetoes, words)

    def _apply(self, waited: _Waiting, ts_close: int) -> ModelEvent:
        known, _, activation, refusal = waited
        name, version = activation.model, activation.version
        before = self.active.get(name, "")
        late = known > activation.effective_close
        details: dict[str, Any] = {"before": before, "effective_close": activation.effective_close, "late": late}
        if refusal:
            event = "refused"
            details["reason"] = refusal
        elif version:
            event = "activated"
            self.active[name] = version
            gates = self._loaded[name, version].manifest.gates
            details["gates_failed"] = [gate.name for gate in gates if not gate.passed]
        else:
            event = "deactivated"
            self.active.pop(name, None)
        said = (name, version, event, ts_close, activation.ts_event, activation.effective_close, before)
        return ModelEvent(
            id=derive("model_event", *said), model=name, version=version, event=event, ts_event=ts_close,
            details=details,
        )  # fmt: skip

    def _choose(self, instrument_id: str) -> Model | None:
        """The model that names the instrument or its symbol; else one that names none; of several the first by name."""
        names = {instrument_id, instrument_id.partition(":")[2]}
        models = [self._loaded[named] for named in sorted(self.active.items())]
        named = [model for model in models if names.intersection(model.manifest.instruments)]
        return next(iter(named or [model for model in models if not model.manifest.instruments]), None)

    def _load(self, name: str, version: str) -> None:
        if (name, version) in self._loaded:
            return
        if self._registry is None:
            raise ModelRefused("there is no registry")
        model = self._registry.load(name, version, PROGRAM)
        asked, own = f"{model.manifest.strategy} {model.manifest.strategy_version}", f"{NAME} {VERSION}"
        if asked != own:
            raise ModelRefused(f"it is for candidates of {asked}, the desk makes those of {own}")
        self._loaded[name, version] = model

    def state(self) -> list[Any]:
        """Plain data for recovery: names only, the bytes are the registry's."""
        return [self.active, self._waiting, self._count]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again.

        Raises:
            StateError: a version that serves, or is to serve, is refused now.
        """
        self.active, self._waiting, self._count = msgspec.convert(state, tuple[dict[str, str], list[_Waiting], int])
        to_come = [(waits[2].model, waits[2].version) for waits in self._waiting if not waits[3] and waits[2].version]
        for name, version in (*self.active.items(), *to_come):
            try:
                self._load(name, version)
            except ModelRefused as error:
                raise StateError(
                    f"model {name} {version} serves by the recovery state, and is refused: {error}; put it back"
                ) from error


def _explained(said: ModelOpinion, model: Model, row: Row) -> ModelOpinion:
    """``said`` with its reasons."""
    logit, base, parts = model.explain(row)
    values = dict(zip(model.manifest.inputs, row.tolist(), strict=True))
    contributions = [
        Contribution(feature=name, value=None if isnan(values[name]) else values[name], contribution=parts[name])
        for name in sorted(parts, key=lambda name: (-abs(parts[name]), name))
    ]
    return replace(said, logit=logit, base=base, contributions=contributions)


def _reasons(contributions: list[Contribution]) -> str:
    """What weighs most, in words."""
    told = [
        f"{part.feature} {'unknown' if part.value is None else f'at {part.value:.4g}'} ({part.contribution:+.2f})"
        for part in contributions[:_TOLD]
    ]
    return f", mostly by {', '.join(told)}" if told else ""
