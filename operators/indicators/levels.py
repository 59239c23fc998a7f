"""Support and resistance: where the market has turned before."""

from bisect import bisect_left, bisect_right, insort
from typing import Final

from operators.feature import Feature, of_range, one
from operators.indicators.swings import REACH, Swings
from operators.state import Slotted

__all__ = ["MEASURES", "Levels"]

_AGES: Final = 200
"""Bars for which a swing is a level."""
_NEAR: Final = 0.001
"""Of the price: swings that close to the nearest one count as touches of the same level."""


class Levels(Slotted):
    """The nearest swing below the close is support, the nearest above it resistance, whichever side it was made on.

    A level is known from the bar that confirms its swing on, and forgotten `_AGES` bars later. O(log n) an update
    in the swings kept, of which there are at most a third of the bars.
    """

    __slots__ = ("_ages", "_bars", "_prices", "_swings")

    def __init__(self, reach: int = REACH) -> None:
        self._swings = Swings(reach)
        self._bars = 0
        self._ages: list[list[float]] = []  # bar of confirmation and price, oldest first
        self._prices: list[float] = []  # of the same swings, sorted

    def update(self, high: float, low: float, close: float) -> tuple[float | None, ...]:
        """Take a bar; distance (bps of the close, 0 and more) and touches of support, the same of resistance."""
        self._bars += 1
        ages, prices = self._ages, self._prices
        while ages and ages[0][0] <= self._bars - _AGES:
            del prices[bisect_left(prices, ages.pop(0)[1])]
        for swing in self._swings.update(high, low):
            if swing is not None:
                ages.append([self._bars, swing])
                insort(prices, swing)
        at = bisect_right(prices, close)
        below, above = prices[at - 1 : at], prices[at : at + 1]
        return *self._told(below, close), *self._told(above, close)

    def _told(self, level: list[float], close: float) -> tuple[float | None, float | None]:
        if not level:
            return None, None
        (price,) = level
        first = bisect_left(self._prices, price * (1.0 - _NEAR))
        touches = bisect_right(self._prices, price * (1.0 + _NEAR)) - first
        return 10_000.0 * abs(close - price) / close, float(touches)


def _entries(name: str, side: str) -> tuple[Feature, Feature]:
    seen = _AGES + 2 * REACH + 1
    null = f"no swing {side} the close in {_AGES} bars"
    source = "Murphy, Technical Analysis of the Financial Markets, 1999"
    return (
        Feature(
            name=f"{name}_distance", unit="bps", low=0.0, summary=f"From the close to the nearest swing {side} it",
            formula=f"10000 |close - {name}| / close", source=source, null=null, memory=seen, warm_up=seen,
            ready=2 * REACH + 1,
        ),
        Feature(
            name=f"{name}_touches", unit="swings", low=1.0, summary=f"Swings within 0.1 % of the nearest one {side} it",
            formula=f"count(|swing - {name}| <= 0.001 {name})", source=source, null=null, memory=seen, warm_up=seen,
            ready=2 * REACH + 1,
        ),
    )  # fmt: skip


MEASURES = (one(Levels, of_range, *_entries("support", "below"), *_entries("resistance", "above")),)
