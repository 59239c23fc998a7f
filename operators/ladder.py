"""One side of an order book: all levels in a dict, the best ones sorted beside it."""

from array import array
from bisect import bisect_left, bisect_right, insort
from heapq import nlargest, nsmallest
from struct import pack
from typing import Any, Final

__all__ = ["Ladder"]

_KEPT: Final = 64
"""Prices that a fresh scan puts into the sorted list, or more where more are asked for; twice as many are cut back."""
_INFINITE: Final = float("inf")


class Ladder:
    """The levels of one side.

    ``sign`` is 1 for bids, whose best price is the highest, and -1 for asks. The sorted list holds every level from
    ``_low`` to ``_high``, of which one is infinite; a scan of the whole side (some 600 µs for 5,000 levels) happens
    only when it has run short, and then it becomes a quarter longer than was asked for. Most of what venues send lies
    beyond it or is there already, so it seldom changes.
    """

    __slots__ = ("_best", "_high", "_kept", "_low", "levels", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.levels: dict[float, float] = {}
        """Sizes by price."""
        self._best: list[float] = []  # ascending
        self._kept = _KEPT
        self._unsort()

    def __len__(self) -> int:
        return len(self.levels)

    def replace(self, prices: list[float], sizes: list[float]) -> None:
        """Forget everything and hold these levels."""
        self.levels = {}
        self._unsort()
        self.update(prices, sizes)

    def update(self, prices: list[float], sizes: list[float]) -> None:
        """Set levels to their new sizes; a size of 0 removes one. Of a price that comes twice the last size counts."""
        levels, best, low, high = self.levels, self._best, self._low, self._high
        for price, size in zip(prices, sizes, strict=True):
            if size:
                if low <= price <= high and price not in levels:
                    insort(best, price)
                levels[price] = size
            elif levels.pop(price, None) and low <= price <= high:
                del best[bisect_left(best, price)]
        if len(best) > 2 * self._kept:
            if self.sign > 0:
                del best[: -self._kept]
            else:
                del best[self._kept :]
            self._bound()

    def best(self, count: int) -> list[float]:
        """The ``count`` best prices, best first; fewer where the side has fewer."""
        best = self._best
        if len(best) < count and len(best) < len(self.levels):
            best = self._scan(max(count, self._kept))
        return best[: -count - 1 : -1] if self.sign > 0 else best[:count]

    def top(self, count: int) -> tuple[list[float], list[float]]:
        """Prices and sizes of the ``count`` best levels, as `best`."""
        prices, levels = self.best(count), self.levels
        return prices, [levels[price] for price in prices]

    def within(self, bound: float) -> tuple[list[float], list[float]]:
        """Prices and sizes of all levels whose price is not worse than ``bound``, best first."""
        best, levels = self._best, self.levels
        if not self._low <= bound <= self._high:
            count = len([price for price in levels if self.sign * (price - bound) >= 0.0])
            self._kept = max(_KEPT, count + count // 4)
            best = self._scan(self._kept)
        inside = best[bisect_left(best, bound) :][::-1] if self.sign > 0 else best[: bisect_right(best, bound)]
        return inside, [levels[price] for price in inside]

    def worst(self) -> float:
        """The price furthest from the other side.

        Raises:
            ValueError: there is no level.
        """
        return min(self.levels) if self.sign > 0 else max(self.levels)

    def trim(self, depth: int) -> bool:
        """Drop all but the ``depth`` best levels; whether there were more."""
        excess = len(self.levels) - depth
        if excess <= 0:
            return False
        dropped = (nsmallest if self.sign > 0 else nlargest)(excess, self.levels)
        self.update(dropped, [0.0] * excess)
        return True

    def _scan(self, count: int) -> list[float]:
        if self.sign > 0:
            self._best = nlargest(count, self.levels)[::-1]
        else:
            self._best = nsmallest(count, self.levels)
        if len(self._best) < len(self.levels):
            self._bound()
        else:
            self._low, self._high = -_INFINITE, _INFINITE
        return self._best

    def _bound(self) -> None:
        """The sorted list holds every level that is not worse than its worst."""
        if self.sign > 0:
            self._low, self._high = self._best[0], _INFINITE
        else:
            self._low, self._high = -_INFINITE, self._best[-1]

    def _unsort(self) -> None:
        """Sort afresh when next read."""
        self._best.clear()
        self._low, self._high = _INFINITE, -_INFINITE  # no price lies between

    def state(self) -> list[bytes]:
        """Plain data for recovery: prices and sizes as packed doubles."""
        doubles = f"{len(self.levels)}d"  # six times as fast as array("d", ...)
        return [pack(doubles, *self.levels), pack(doubles, *self.levels.values())]

    def restore(self, state: Any) -> None:
        """Take up ``state`` again."""
        prices, sizes = (array("d", part) for part in state)
        self.levels = dict(zip(prices, sizes, strict=True))
        self._unsort()
