"""Swing highs and lows: extremes that the bars on both sides confirm."""

from typing import Final

from operators.indicators.period import checked_period
from operators.state import Slotted

__all__ = ["REACH", "Swings"]

REACH: Final = 3
"""Bars on each side."""


class Swings(Slotted):
    """Tells a swing when it becomes knowable, ``reach`` bars after it happened, never earlier.

    A bar is a swing high if its high is above those of the ``reach`` bars before it and not below those of the
    ``reach`` bars after it (of equal highs the first counts); a swing low likewise (B. Williams, Trading Chaos, 1995,
    with ``reach`` 2).

    Examples
    --------
    >>> swings = Swings(1)
    >>> [swings.update(x, x - 1) for x in (2.0, 3.0, 3.0, 2.0, 4.0)]
    [(None, None), (None, None), (3.0, None), (None, None), (None, 1.0)]
    """

    __slots__ = ("_highs", "_lows", "reach")

    def __init__(self, reach: int = REACH) -> None:
        self.reach = checked_period("swings", reach)
        self._highs: list[float] = []
        self._lows: list[float] = []

    def update(self, high: float, low: float) -> tuple[float | None, float | None]:
        """Take a bar; the high and the low of the bar ``reach`` bars ago, where this one makes them swings."""
        highs, lows, reach = self._highs, self._lows, self.reach
        highs.append(high)
        lows.append(low)
        if len(highs) <= 2 * reach:
            return None, None
        top, bottom = highs[reach], lows[reach]
        # Most bars are none beside their neighbours already.
        is_top = highs[reach - 1] < top >= highs[reach + 1]
        is_top = is_top and top > max(highs[:reach]) and top >= max(highs[reach + 1 :])
        is_bottom = lows[reach - 1] > bottom <= lows[reach + 1]
        is_bottom = is_bottom and bottom < min(lows[:reach]) and bottom <= min(lows[reach + 1 :])
        del highs[0], lows[0]
        return top if is_top else None, bottom if is_bottom else None
