"""Everything that is learned from, or held against, a candidate: its label, the same with more latency, and returns."""

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from models.barriers import Bracket, Label, TripleBarrier
from models.costs import Costs
from schemas.results import Bar
from schemas.time import MINUTE

__all__ = ["DELAYS", "HORIZONS", "Followed", "Labelled"]

DELAYS: Final = (MINUTE, 5 * MINUTE, 15 * MINUTE)
"""ns of additional latency for which the trade is followed too: how fast the edge decays."""
HORIZONS: Final = (1, 4, 12, 24)
"""Bars of the candidate's timeframe after which the return of the middle is taken."""


class Labelled(Struct, frozen=True, kw_only=True):
    """What became of a candidate, in all its forms."""

    label: Label
    delayed: list[float | None]
    """Net returns with each of `DELAYS`; ``None``: never entered."""
    forward: list[float | None]
    """Returns of the middle over `HORIZONS`, in the candidate's direction, from the first price after the decision;
    ``None``: the data ends before."""
    ts_forward: int
    """When the last of all these was known."""


class Followed:
    """A candidate on its way through the bars of its instrument; all of them of one timeframe, in order.

    Parameters:
        bracket: of the candidate.
        costs: of its trade.
        length: of a bar of its own timeframe, ns.
    """

    def __init__(self, bracket: Bracket, costs: Costs, length: int) -> None:
        self._bracket, self._length = bracket, length
        delayed = [replace(costs, latency=costs.latency + delay) for delay in DELAYS]
        self._barriers = [TripleBarrier(bracket=bracket, costs=each) for each in (costs, *delayed)]
        self._labels: list[Label | None] = [None] * len(self._barriers)
        self._forward: list[float | None] = [None] * len(HORIZONS)
        self._begin: float | None = None
        self._ts_begin = self._ts_last = 0

    def on_funding(self, ts: int, rate: float, mark: float) -> None:
        """Take a settlement, before the bar that it lies in."""
        for barrier, label in zip(self._barriers, self._labels, strict=True):
            if label is None:
                barrier.on_funding(ts, rate, mark)

    def on_bar(self, bar: Bar) -> bool:
        """Take the next bar; whether nothing more is to come."""
        if bar.ts_close <= self._bracket.ts_decided:
            return False
        self._ts_last = bar.ts_decided
        for at, barrier in enumerate(self._barriers):
            if self._labels[at] is None:
                self._labels[at] = barrier.on_bar(bar)
        if self._begin is None and bar.ts_open >= self._bracket.ts_decided:
            self._begin, self._ts_begin = _middle(bar, "first"), bar.ts_open
        if self._begin is not None:
            for at, count in enumerate(HORIZONS):
                if self._forward[at] is None and bar.ts_close >= self._ts_begin + count * self._length:
                    self._forward[at] = self._bracket.sign * (_middle(bar, "last") / self._begin - 1.0)
        return self._forward[-1] is not None and None not in self._labels

    def result(self) -> Labelled | None:
        """What is known so far; ``None`` as long as there is no label."""
        label, *delayed = self._labels
        if label is None:
            return None
        return Labelled(
            label=label,
            delayed=[None if each is None else each.net_return for each in delayed],
            forward=self._forward,
            ts_forward=self._ts_last,
        )


def _middle(bar: Bar, which: str) -> float:
    bid, ask = getattr(bar, f"bid_{which}"), getattr(bar, f"ask_{which}")
    if bid is not None and ask is not None:
        return float(bid + ask) / 2
    return bar.open if which == "first" else bar.close
