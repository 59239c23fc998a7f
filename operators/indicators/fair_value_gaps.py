"""Fair value gaps: prices that a fast move left out."""

from operators.feature import Feature, of_range, one
from operators.indicators.zones import AGES, Zones
from operators.state import Slotted

__all__ = ["MEASURES", "FairValueGaps"]


class FairValueGaps(Slotted):
    """A bullish gap lies between the high of the bar before last and the low of this one, a bearish one mirrored.

    It becomes known with the third bar. Later lows (highs) fill it; a close beyond its far edge ends it. The convention
    of M. Huddleston's three-bar "fair value gap"; the gap between shadows is J. Crabel's "window" of three bars.
    """

    __slots__ = ("_above", "_below", "_highs", "_lows")

    def __init__(self) -> None:
        self._highs: list[float] = []
        self._lows: list[float] = []
        self._below, self._above = Zones(1), Zones(-1)

    def update(self, high: float, low: float, close: float) -> tuple[float | None, ...]:
        """Take a bar; distance (bps) and filled part of the nearest bullish gap, the same of the bearish one."""
        self._below.move(high, low, close)
        self._above.move(high, low, close)
        highs, lows = self._highs, self._lows
        if len(highs) == 2:
            if low > highs[0]:
                self._below.add(low, highs[0])
            elif high < lows[0]:
                self._above.add(high, lows[0])
            del highs[0], lows[0]
        highs.append(high)
        lows.append(low)
        return *self._below.nearest(close), *self._above.nearest(close)


def _entries(name: str, words: str, formula: str) -> tuple[Feature, Feature]:
    source, seen, null = "Huddleston, Inner Circle Trader; three-bar gap", AGES + 3, f"no open gap in {AGES} bars"
    return (
        Feature(
            name=f"{name}_distance", unit="bps", summary=f"From the close to the nearest {words} gap; below 0: inside",
            formula=formula, source=source, null=null, ready=3, memory=seen, warm_up=seen,
        ),
        Feature(
            name=f"{name}_filled", unit="ratio", low=0.0, high=1.0,
            summary=f"Part of the nearest {words} gap traded since",
            formula="(near edge - extreme since) / (near edge - far edge)", source=source, null=null, ready=3,
            memory=seen, warm_up=seen,
        ),
    )  # fmt: skip


MEASURES = (
    one(
        FairValueGaps, of_range,
        *_entries("fvg_bull", "bullish", "10000 (close - low[t]) / close, of a bar t with low[t] > high[t-2]"),
        *_entries("fvg_bear", "bearish", "10000 (high[t] - close) / close, of a bar t with high[t] < low[t-2]"),
    ),
)  # fmt: skip
