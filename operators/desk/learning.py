"""What the desk's online models learn from what became of its own candidates."""

from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from models.ensemble import Ensemble, log_loss
from models.online import Learner
from operators.desk.outcomes import Outcome
from schemas.identifiers import derive
from schemas.results import ModelEvent

__all__ = ["Learning", "Learnt"]

_LEAST: Final = 500
"""Outcomes below which the rules alone speak, unless a batch model serves."""


class Learnt(NamedTuple):
    """What an outcome taught."""

    loss: float | None
    """Log loss of the pooled score; ``None``: there was none."""
    changed: list[str]
    """Who says that losses are not what they were."""


class _State(Struct, kw_only=True):
    learner: list[Any]
    ensemble: Ensemble


class Learning:
    """Predicts at a close, learns when a label is known, in the order of `Outcomes`."""

    def __init__(self) -> None:
        self.learner = Learner()
        self.ensemble = Ensemble()
        self.begun_anew = ""
        """Why what was learnt before was learnt again; to be told, and then cleared."""

    @property
    def proven(self) -> bool:
        """Whether enough outcomes are known for the online models to speak without a batch model."""
        return self.ensemble.labels >= _LEAST

    def learn(self, outcome: Outcome) -> Learnt:
        """Take an outcome."""
        label, prediction = outcome
        win, score = bool(label.win), prediction.score
        if prediction.changes != self.ensemble.changes:
            score = None  # of others, who are trusted no more
        loss = None if score is None else log_loss(score, win=win)
        self.learner.learn(prediction.inputs, win=win)
        self.ensemble.learn(prediction.logits, win=win, score=score)
        return Learnt(loss, [] if loss is None else self.learner.watch(loss))

    def begin_anew(self) -> None:
        """Others are trusted from now on: what was learnt of all together is of no use for them."""
        self.ensemble.begin_anew()
        self.learner.watch_anew()

    def event(self, ts_close: int) -> ModelEvent | None:
        """That learning has begun anew, if it is to be told."""
        reason, self.begun_anew = self.begun_anew, ""
        if not reason:
            return None
        version = self.learner.version
        return ModelEvent(
            id=derive("model_event", "online", version, "begun anew", ts_close), model="online", version=version,
            event="begun anew", ts_event=ts_close, details={"reason": reason},
        )  # fmt: skip

    def state(self) -> dict[str, Any]:
        """Plain data, and River's own bytes, for recovery."""
        return {"learner": self.learner.state(), "ensemble": self.ensemble}

    def restore(self, state: Any) -> None:
        """Take up ``state`` again; what another version of River has learnt is learnt again from its outcomes."""
        found = msgspec.convert(state, _State)
        self.learner.restore(found.learner)
        count = self.learner.relearnt
        if count != 0:
            self.ensemble = found.ensemble  # what was told of each outcome is as it was
        if count is not None:
            was, now = found.learner[0], self.learner.version
            self.begun_anew = f"it was learnt by River {was}, this is {now}; learnt again from {count} outcomes"
