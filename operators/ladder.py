"""One side of an order book: all levels in a dict, the best ones sorted beside it and mended only when read."""

from array import array
from bisect import bisect_left, insort
from heapq import nlargest, nsmallest
from typing import Any, Final

__all__ = ["Ladder"]

_KEPT: Final = 64
"""Prices that a fresh scan puts into the sorted list."""
_MOST: Final = 192
"""Longer than this and the sorted list is cut back."""
_CHANGES: Final = 2_000
"""With more changes than this a fresh scan is cheaper than mending."""


class Ladder:
    """The levels of one side.

    Prices are held with a sign that makes the best one the greatest on both sides (``sign`` is 1 for bids and -1 for
    asks), so one piece of code serves both. The sorted list holds every level at or above ``_floor``; a scan of the
    whole side (some 600 µs for 5,000 levels) happens only when it has run short.
    """

    __slots__ = ("_best", "_changed", "_floor", "levels", "sign")

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.levels: dict[float, float] = {}
        self._best: list[float] = []
        self._floor = float("-inf")
        self._changed: list[float] = []

    def __len__(self) -> int:
        return len(self.levels)

    def replace(self, prices: list[float], sizes: list[float]) -> None:
        """Forget everything and hold these levels."""
        self.levels = {price: size for price, size in zip(prices, sizes, strict=True) if size}
        self._scan()

    def update(self, prices: list[float], sizes: list[float]) -> None:
        """Set levels to their new sizes; a size of 0 removes one."""
        levels = self.levels
        levels.update(zip(prices, sizes, strict=True))
        if 0.0 in sizes:
            for price, size in zip(prices, sizes, strict=True):
                if not size:
                    levels.pop(price, None)
        self._changed += prices

    def best(self, count: int) -> list[float]:
        """The ``count`` best prices, best first; fewer where the side has fewer."""
        if self._changed:
            self._mend()
        if len(self._best) < count and len(self._best) < len(self.levels):
            self._scan(max(count, _KEPT))
        sign = self.sign
        return [sign * price for price in self._best[: -count - 1 : -1]]

    def trim(self, depth: int) -> float | None:
        """Drop all but the ``depth`` best levels; the worst price kept, ``None`` if nothing was dropped."""
        if len(self.levels) <= depth:
            return None
        kept = self.best(depth)
        self.levels = {price: self.levels[price] for price in kept}
        self._scan()
        return kept[-1]

    def _mend(self) -> None:
        if len(self._changed) > _CHANGES:
            self._scan()
            return
        best, floor, sign, levels = self._best, self._floor, self.sign, self.levels
        for price in self._changed:
            key = sign * price
            if key < floor:
                continue
            at = bisect_left(best, key)
            listed = at < len(best) and best[at] == key
            if price in levels:
                if not listed:
                    insort(best, key)
            elif listed:
                del best[at]
        self._changed.clear()
        if len(best) > _MOST:
            del best[:-_KEPT]
            self._floor = best[0]

    def _scan(self, count: int = _KEPT) -> None:
        self._changed.clear()
        choose = nlargest if self.sign > 0 else nsmallest
        sign = self.sign
        self._best = [sign * price for price in reversed(choose(count, self.levels))]
        self._floor = self._best[0] if len(self._best) < len(self.levels) else float("-inf")

    def state(self) -> list[bytes]:
        """Plain data for recovery: prices and sizes as packed doubles."""
        return [array("d", self.levels).tobytes(), array("d", self.levels.values()).tobytes()]

    def restore(self, state: Any) -> None:
        """Take up ``state`` again."""
        prices, sizes = (array("d", part) for part in state)
        self.levels = dict(zip(prices, sizes, strict=True))
        self._scan()
