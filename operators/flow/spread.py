"""The spread through time, each value weighted by how long it stood."""

from collections.abc import Sequence
from math import inf
from typing import Final, NamedTuple

from operators.feature import Close, Feature
from operators.flow.part import summary
from operators.microstructure import Move, spread_bps
from operators.state import Slotted

__all__ = ["MEASURES", "SpreadMeter", "SpreadPart"]


class SpreadPart(NamedTuple):
    """Spreads of some time; areas are spread times ns."""

    known: int
    """ns in which it was known."""
    area: float
    area_bps: float
    low: float
    high: float
    low_bps: float
    high_bps: float

    def plus(self, later: "SpreadPart") -> "SpreadPart":
        """Both together."""
        return SpreadPart(
            self.known + later.known, self.area + later.area, self.area_bps + later.area_bps,
            min(self.low, later.low), max(self.high, later.high),
            min(self.low_bps, later.low_bps), max(self.high_bps, later.high_bps),
        )  # fmt: skip


class SpreadMeter(Slotted):
    """Integrates the spread over event time, so O(1) a change of price and nothing for what changes sizes only.

    A spread stands until the next one, over closes too, or until the quotes are lost; time without one has no weight.

    Examples
    --------
    >>> meter = SpreadMeter()
    >>> meter.update([(0, 99.5, 100.5), (30, 99.0, 101.0)])
    >>> part = meter.take(40)
    >>> part.area / part.known, part.low, part.high
    (1.25, 1.0, 2.0)
    """

    __slots__ = (
        "_area", "_area_bps", "_ask", "_bid", "_high", "_high_bps", "_known", "_low", "_low_bps", "_since",
    )  # fmt: skip

    def __init__(self) -> None:
        self._bid = self._ask = 0.0  # 0: not known
        self._since = 0  # ns up to which all is weighed
        self._begin()

    def update(self, moves: Sequence[Move]) -> None:
        """Take changes of the best prices, in order of time."""
        for ts, bid, ask in moves:
            if bid != self._bid or ask != self._ask:
                self._advance(ts)
                self._bid, self._ask = bid, ask
                self._see()

    def lose(self, ts: int) -> None:
        """From ``ts`` (ns) on the quotes are not known."""
        self._advance(ts)
        self._bid = self._ask = 0.0

    def take(self, end: int) -> SpreadPart | None:
        """What stood up to ``end`` (ns) since last taken, ``None`` if nothing is known of it."""
        self._advance(end)
        part = SpreadPart(
            self._known, self._area, self._area_bps, self._low, self._high, self._low_bps, self._high_bps
        )  # fmt: skip
        self._begin()
        return part if part.known else None

    def _begin(self) -> None:
        self._known, self._area, self._area_bps = 0, 0.0, 0.0
        self._low = self._low_bps = inf
        self._high = self._high_bps = 0.0
        if self._ask:
            self._see()

    def _advance(self, ts: int) -> None:
        """Weigh what stood up to ``ts``; what comes late for its place counts from where time has come to."""
        length = ts - self._since
        if length > 0:
            self._since = ts
            if self._ask:
                self._known += length
                self._area += (self._ask - self._bid) * length
                self._area_bps += spread_bps(self._bid, self._ask) * length

    def _see(self) -> None:
        """The spread as it is now is among the extremes."""
        spread, bps = self._ask - self._bid, spread_bps(self._bid, self._ask)
        self._low, self._high = min(self._low, spread), max(self._high, spread)
        self._low_bps, self._high_bps = min(self._low_bps, bps), max(self._high_bps, bps)


def _read(part: SpreadPart, _: Close) -> tuple[float, ...]:
    return part.area / part.known, part.low, part.high, part.area_bps / part.known, part.low_bps, part.high_bps


_NULL: Final = "at no time of the bar quotes were known"


def _feature(name: str, unit: str, what: str, formula: str) -> Feature:
    return Feature(
        name=name, unit=unit, low=0.0, inputs=("quotes",), memory=1, null=_NULL, formula=formula,
        summary=f"{what} spread of the bar{', over the middle' if unit == 'bps' else ''}",
        source="time-weighted quoted spread: McInish, Wood 1992",
    )  # fmt: skip


def _features(name: str, unit: str) -> tuple[Feature, ...]:
    return (
        _feature(f"{name}_mean", unit, "Mean", f"integral of {name} over time / time in which it was known"),
        _feature(f"{name}_min", unit, "Least", f"min({name}) over all changes of the best prices, and the first one"),
        _feature(
            f"{name}_max", unit, "Greatest", f"max({name}) over all changes of the best prices, and the first one"
        ),
    )


MEASURES = (summary("spread", _read, *_features("spread", "quote"), *_features("spread_bps", "bps")),)
