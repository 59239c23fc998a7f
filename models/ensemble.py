"""Several models' words on one candidate made one: pooled in logits, weighted by what each has been worth so far."""

from math import exp, fsum, isnan, log, log1p, sqrt
from typing import Final, NamedTuple

from msgspec import Struct, field

from models.calibration import PlattInTime

__all__ = ["Ensemble", "Pooled", "log_loss", "logit_of", "sigmoid"]

_FORGET: Final = 0.99
"""A loss counts so much less with each label after it: some hundred labels decide."""
_PROVEN: Final = 100
"""Labels on which a member that came without a walk-forward has to be scored before it has a weight."""
_LEAST: Final = 200
"""Pooled scores with their outcomes before their calibration counts."""
_FAR: Final = 12.0
"""Beyond this a logit says no more."""


class Pooled(NamedTuple):
    """One word of several members."""

    weights: dict[str, float]
    """They sum to one; of those not proven 0."""
    score: float
    """The weighted mean of their logits."""
    logit: float
    """Calibrated."""
    probability: float
    disagreement: float
    """Weighted standard deviation of the members' probabilities."""


class _Member(Struct, array_like=True):
    loss: float = 0.0
    """Sum of its log losses out of sample, each against the mean of all who spoke then, forgotten by and by."""
    count: int = 0


class Ensemble(Struct, kw_only=True):
    """Weights from the members' own predictions made before the outcome was known (Dawid, "Prequential analysis",
    1984): exp(-loss), as in Raftery, Kárný, Ettler, "Online prediction under model uncertainty via dynamic model
    averaging", 2010. A loss counts against the mean of those who spoke on the same outcome, which leaves the weights of
    these as they are: who has left, or is for other instruments, is no worse and no better for outcomes that it did not
    see. Who comes new begins as the best of those do who speak beside it, and loses by what it says. Plain data.

    >>> ensemble = Ensemble()
    >>> for _ in range(100):
    ...     ensemble.learn({"good": 2.0, "bad": -2.0}, win=True)
    >>> pooled = ensemble.pool({"good": 2.0, "bad": -2.0}, frozenset())
    >>> round(pooled.weights["good"], 3), round(pooled.score, 3)
    (1.0, 2.0)
    """

    members: dict[str, _Member] = {}
    labels: int = 0
    line: PlattInTime = field(default_factory=PlattInTime)
    """Of the pooled scores, since who is trusted changed last."""
    changes: int = 0
    """How often that was."""

    @property
    def calibrated(self) -> bool:
        """Whether enough outcomes are known for slope and intercept to be used."""
        return self.line.count >= _LEAST

    @property
    def slope(self) -> float:
        """What a pooled score is multiplied with."""
        return self.line.slope if self.calibrated else 1.0

    @property
    def intercept(self) -> float:
        """What is added then."""
        return self.line.intercept if self.calibrated else 0.0

    def begin_anew(self) -> None:
        """Others are trusted from now on, so the line is that of scores which nobody makes any more."""
        self.line, self.changes = PlattInTime(), self.changes + 1

    def pool(self, logits: dict[str, float], trusted: frozenset[str]) -> Pooled | None:
        """One word of ``logits``, by member; those ``trusted`` need no proof. ``None`` if nobody has a weight."""
        known = {name: self.members.get(name, _Member()) for name in logits}
        entitled = [name for name in logits if name in trusted or known[name].count >= _PROVEN]
        if not entitled:
            return None
        seen = [member.loss for member in known.values() if member.count]
        unseen = min(seen, default=0.0)
        losses = {name: known[name].loss if known[name].count else unseen for name in entitled}
        least = min(losses.values())
        shares = {name: exp(least - loss) for name, loss in losses.items()}
        total = fsum(shares.values())
        weights = {name: shares.get(name, 0.0) / total for name in logits}
        score = fsum(weights[name] * clipped(logits[name]) for name in entitled)
        logit = self.slope * score + self.intercept
        told = {name: sigmoid(logits[name]) for name in entitled}
        mean = fsum(weights[name] * told[name] for name in entitled)
        spread = sqrt(fsum(weights[name] * (told[name] - mean) ** 2 for name in entitled))
        return Pooled(weights, score, logit, sigmoid(logit), spread)

    def learn(self, logits: dict[str, float], *, win: bool, score: float | None = None) -> None:
        """Take an outcome; ``logits`` and the pooled ``score`` are those told before it."""
        start = min((self.members[name].loss for name in logits if name in self.members), default=0.0)
        losses = {name: log_loss(logit, win=win) for name, logit in logits.items()}
        common = fsum(losses.values()) / len(losses) if losses else 0.0
        for name, loss in losses.items():
            member = self.members.setdefault(name, _Member(start))
            member.loss = _FORGET * member.loss + loss - common
            member.count += 1
        self.labels += 1
        if score is not None:
            self.line.learn(score, win=win)


def clipped(logit: float) -> float:
    """``logit`` within what says anything.

    Raises:
        ValueError: it is none, and would count as nearly certain.
    """
    if isnan(logit):
        raise ValueError("a logit is not a number")
    return max(-_FAR, min(_FAR, logit))


def log_loss(logit: float, *, win: bool) -> float:
    """Of a probability by its logit.

    >>> round(log_loss(0.0, win=True), 6)
    0.693147
    """
    wrong = -logit if win else logit
    return wrong + log1p(exp(-wrong)) if wrong > 0 else log1p(exp(wrong))


def logit_of(probability: float) -> float:
    """Within `clipped`'s bounds, also of 0 and 1.

    Raises:
        ValueError: ``probability`` is none.
    """
    if isnan(probability):
        raise ValueError("a probability is not a number")
    if not 0.0 < probability < 1.0:
        return _FAR if probability else -_FAR
    return clipped(log(probability / (1.0 - probability)))


def sigmoid(logit: float) -> float:
    """1 / (1 + exp(-logit)), within `clipped`'s bounds."""
    return 1.0 / (1.0 + exp(-clipped(logit)))
