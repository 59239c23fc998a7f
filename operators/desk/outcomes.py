"""What became of the desk's own candidates."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from models.barriers import Bracket, Label, TripleBarrier
from models.costs import Costs
from models.settlements import INTERVAL, TOLD, settled
from operators.closed import Closed
from schemas.market import InstrumentDefinition
from schemas.results import Vector
from schemas.signals import Signal
from schemas.time import DAY

__all__ = ["Outcome", "Outcomes", "Prediction"]


class Prediction(Struct, array_like=True):
    """What was thought of a candidate before its outcome was known."""

    inputs: dict[str, float]
    """Of the models that learn in the stream."""
    logits: dict[str, float]
    """By member."""
    score: float | None
    """Pooled; ``None``: nobody had a weight."""
    changes: int = 0
    """`Ensemble.changes` then: what was told when others were trusted says nothing of those who are now."""


class Outcome(NamedTuple):
    """A candidate that was filled has ended."""

    label: Label
    prediction: Prediction


class _Followed(Struct, array_like=True):
    barrier: TripleBarrier
    prediction: Prediction


_Following = dict[str, dict[str, _Followed]]
_Funding = dict[str, tuple[int, dict[str, float | None]]]


class Outcomes:
    """Labels are those of `models.barriers`, from the shortest bars of revision 0, as in a data set; each is told at
    its close, after that close's candidates.
    """

    def __init__(self, costs: Costs) -> None:
        self._costs = costs
        self._following: _Following = {}  # by instrument, then candidate
        self._funding: _Funding = {}  # close and what the vector told of it

    def follow(self, signal: Signal, definition: InstrumentDefinition | None, prediction: Prediction) -> None:
        """Wait for what becomes of ``signal``."""
        barrier = TripleBarrier(bracket=Bracket.of(signal, definition), costs=self._costs)
        self._following.setdefault(signal.instrument_id, {})[signal.id] = _Followed(barrier, prediction)

    def close(self, ts_close: int, closed: Sequence[Closed]) -> list[Outcome]:
        """Take the members' bars of a close, all its candidates being followed; what ended, in the order of label end,
        instrument and identifier, so neither arrival nor a restart changes it.

        What was never filled is no label.
        """
        ended: list[Outcome] = []
        for member in closed:
            if member.bar is not None:
                ended += self._on_bar(member)
        ended.sort(key=lambda one: (one.label.ts_end, one.label.instrument_id, one.label.candidate_id))
        self._forget(ts_close)
        return ended

    def _on_bar(self, member: Closed) -> list[Outcome]:
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
        ended: list[Outcome] = []
        for identifier, followed in list(following.items()):
            if settlement is not None:
                followed.barrier.on_funding(*settlement, bar.open)
            label = followed.barrier.on_bar(bar)
            if label is not None:
                del following[identifier]
                if label.win is not None and not label.gap:  # a missing bar hides what was reached first
                    ended.append(Outcome(label, followed.prediction))
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

    def state(self) -> list[Any]:
        """Plain data for recovery."""
        return [self._following, self._funding]

    def restore(self, state: Any) -> None:
        """Take up ``state`` again."""
        self._following, self._funding = msgspec.convert(state, tuple[_Following, _Funding])
