"""What models say of one candidate, each with its reasons, and all of them together."""

from collections.abc import Mapping
from math import fsum, isnan
from typing import Final, NamedTuple

from models.ensemble import Pooled, sigmoid
from models.online import LOGISTIC, Learner
from models.registry import Model
from models.rows import Row
from schemas.signals import Contribution, ModelOpinion

__all__ = ["ENSEMBLE", "Word", "of_batch", "of_learner", "reasons", "together"]

ENSEMBLE: Final = "ensemble"
_VERSION: Final = "1"
_TOLD: Final = 3
"""Contributions, in the words of a signal."""


class Word(NamedTuple):
    """A member's word; ``base`` and the parts sum to the logit."""

    model: str
    version: str
    logit: float
    probability: float
    base: float
    parts: Mapping[str, float]
    values: Mapping[str, float | None]
    """What the member saw of each input."""

    def opinion(self, weight: float, *, explain: bool) -> ModelOpinion:
        """As a signal carries it, with its parts if they are to be told."""
        said = (self.model, self.version, self.probability)
        if not explain:
            return ModelOpinion(model=said[0], version=said[1], probability=said[2], weight=weight)
        contributions = [
            Contribution(feature=name, value=self.values.get(name), contribution=self.parts[name])
            for name in sorted(self.parts, key=lambda name: (-abs(self.parts[name]), name))
        ]
        return ModelOpinion(
            model=said[0], version=said[1], probability=said[2], weight=weight, logit=self.logit, base=self.base,
            contributions=contributions,
        )  # fmt: skip


def of_batch(model: Model, row: Row, *, explain: bool) -> Word:
    """What a model of the registry says.

    Raises:
        ModelRefused: nothing that is a number.
    """
    name, version = model.manifest.model, model.version
    calibration, score = model.manifest.calibration, model.scorer.logit(row)
    logit, probability = calibration.slope * score + calibration.intercept, calibration.probability(score)
    if not explain:
        return Word(name, version, logit, probability, logit, {}, {})
    told = model.explain(row, score)
    seen = {key: None if isnan(x) else x for key, x in zip(model.manifest.inputs, row.tolist(), strict=True)}
    return Word(name, version, told.logit, probability, told.base, told.parts, seen)


def of_learner(learner: Learner, inputs: Mapping[str, float], features: Mapping[str, float | None]) -> dict[str, Word]:
    """What the models say that learn in the stream, by name; a tree of theirs has no parts. Told are the values of
    ``features``, of which ``inputs`` are some by how far they speak for the candidate's direction.
    """
    found, version = {}, f"river {learner.version}"
    values = {name: features.get(name, value) for name, value in inputs.items()}
    for name, logit in learner.logits(inputs).items():
        parts = learner.terms(inputs)[1] if name == LOGISTIC else {}
        found[name] = Word(name, version, logit, sigmoid(logit), logit - fsum(parts.values()), parts, values)
    return found


def together(words: Mapping[str, Word], pooled: Pooled, slope: float) -> Word:
    """The members' words pooled, by their names in the pool; ``slope`` is that of the pool's calibration."""
    parts: dict[str, float] = {}
    values: dict[str, float | None] = {}
    for key, word in words.items():
        for name, part in word.parts.items():
            if pooled.weights[key]:
                parts[name] = parts.get(name, 0.0) + slope * pooled.weights[key] * part
                values.setdefault(name, word.values.get(name))
    base = pooled.logit - fsum(parts.values())
    return Word(ENSEMBLE, _VERSION, pooled.logit, pooled.probability, base, parts, values)


def reasons(contributions: list[Contribution]) -> str:
    """What weighs most, in words."""
    told = [
        f"{part.feature} {'unknown' if part.value is None else f'at {part.value:.4g}'} ({part.contribution:+.2f})"
        for part in contributions[:_TOLD]
    ]
    return f", mostly by {', '.join(told)}" if told else ""
