"""What became of the desk's own candidates, and what its online models learn from it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec
from msgspec import Struct

from models.barriers import Bracket, Label, TripleBarrier
from models.costs import Costs
from models.ensemble import Ensemble, log_loss
from models.online import Learner
from models.settlements import INTERVAL, TOLD, settled
from operators.closed import Closed
from schemas.identifiers import derive
from schemas.market import InstrumentDefinition
from schemas.results import ModelEvent, Vector
from schemas.signals import Signal
from schemas.time import DAY

__all__ = ["Learning", "Learnt", "Prediction"]

_LEAST: Final = 500
"""Outcomes below which the rules alone speak, unless a batch model serves."""


class Prediction(Struct, array_like=True):
    """What was thought of a candidate before its outcome was known."""

    inputs: dict[str, float]
    logits: dict[str, float]
    """By member."""
    score: float | None
    """Pooled; ``None``: nobody had a weight."""


class Learnt(NamedTuple):
    """An outcome that was learnt."""

    label: Label
    prediction: Prediction
    loss: float | None
    """Log loss of the pooled score; ``None``: there was none."""
    changed: list[str]
    """Who says that losses are not what they were."""


class _Followed(Struct, array_like=True):
    barrier: TripleBarrier
    prediction: Prediction


class _State(Struct, kw_only=True):
    learner: list[Any]
    ensemble: Ensemble
    following: dict[str, dict[str, _Followed]]
    funding: dict[str, tuple[int, dict[str, float | None]]]


class Learning:
    """Predicts at a close, learns when a label is known: at the close that tells it, after that close's candidates, in
    the order of label end, instrument and identifier. So neither arrival nor a restart changes what is learnt.

    Labels are those of `models.barriers`, from the shortest bars of revision 0, as in a data set.
    """

    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self.learner = Learner()
        self.ensemble = Ensemble()
        self.begun_anew = ""
        """Why what was learnt before was learnt again; to be told, and then cleared."""
        self._following: dict[str, dict[str, _Followed]] = {}  # by instrument, then candidate
        self._funding: dict[str, tuple[int, dict[str, float | None]]] = {}  # close and what the vector told of it

    @property
    def proven(self) -> bool:
        """Whether enough outcomes are known for the online models to speak without a batch model."""
        return self.ensemble.labels >= _LEAST

    def follow(self, signal: Signal, definition: InstrumentDefinition | None, prediction: Prediction) -> None:
        """Wait for what becomes of ``signal``."""
        barrier = TripleBarrier(bracket=Bracket.of(signal, definition), costs=self._costs)
        self._following.setdefault(signal.instrument_id, {})[signal.id] = _Followed(barrier, prediction)

    def close(self, ts_close: int, closed: Sequence[Closed]) -> list[Learnt]:
        """Take the members' bars of a close, all its candidates being followed; the labels that were learnt, in order.

        What was never filled is no label.
        """
        ended: list[tuple[Label, Prediction]] = []
        for member in closed:
            if member.bar is not None:
                ended += self._on_bar(member)
        ended.sort(key=lambda one: (one[0].ts_end, one[0].instrument_id, one[0].candidate_id))
        learnt = []
        for label, prediction in ended:
            win, score = bool(label.win), prediction.score
            loss = None if score is None else log_loss(score, win=win)
            self.learner.learn(prediction.inputs, win=win)
            self.ensemble.learn(prediction.logits, win=win, score=score)
            learnt.append(Learnt(label, prediction, loss, [] if loss is None else self.learner.watch(loss)))
        self._forget(ts_close)
        return learnt

    def _on_bar(self, member: Closed) -> list[tuple[Label, Prediction]]:
        name, bar = member.instrument_id, member.bar
        assert bar is not None
        vector = next((one for one in member.records if isinstance(one, Vector)), None)
        after = {told: vector.features.get(told) for told in TOLD} if vector is not None else {}
        close, before = self._funding.get(name, (0, {}))
        self._funding[name] = (bar.ts_close, after)
        following = self._following.get(name)
        if not following:
            return []
        interval = member.definition.funding_interval if member.definition is not None else None
        known: Mapping[str, float | None] = before if close == bar.ts_open else {}
        settlement = settled(bar.ts_open, bar.ts_close, known, after, interval or INTERVAL)
        ended: list[tuple[Label, Prediction]] = []
        for identifier, followed in list(following.items()):
            if settlement is not None:
                followed.barrier.on_funding(*settlement, bar.open)
            label = followed.barrier.on_bar(bar)
            if label is not None:
                del following[identifier]
                if label.win is not None and not label.gap:  # a missing bar hides what was reached first
                    ended.append((label, followed.prediction))
        return ended

    def _forget(self, ts_close: int) -> None:
        """What is long over and has no label belongs to an instrument that has gone."""
        if ts_close % DAY == 0:
            self._following = {
                name: kept
                for name, following in self._following.items()
                if (
                    kept := {
                        key: one for key, one in following.items() if one.barrier.bracket.ts_horizon > ts_close - DAY
                    }
                )
            }

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
        return {
            "learner": self.learner.state(), "ensemble": self.ensemble, "following": self._following,
            "funding": self._funding,
        }  # fmt: skip

    def restore(self, state: Any) -> None:
        """Take up ``state`` again; what another version of River has learnt is learnt again from its outcomes."""
        found = msgspec.convert(state, _State)
        self._following, self._funding = found.following, found.funding
        self.learner.restore(found.learner)
        count = self.learner.relearnt
        if count != 0:
            self.ensemble = found.ensemble  # what was told of each outcome is as it was
        if count is not None:
            was, now = found.learner[0], self.learner.version
            self.begun_anew = f"it was learnt by River {was}, this is {now}; learnt again from {count} outcomes"
