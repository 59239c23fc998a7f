"""Order-flow imbalance of several levels of the book."""

from typing import Final, NamedTuple

from operators.feature import Close, Feature
from operators.flow.part import summary
from operators.microstructure import Levels
from operators.state import Slotted
from schemas.time import MINUTE

__all__ = ["LEVELS", "MEASURES", "LevelFlow", "LevelsPart"]

LEVELS: Final = 5
"""Levels a side: what lies deeper adds little (Xu, Gould, Howison 2018, section 5) and costs as much."""


class LevelsPart(NamedTuple):
    """Net pressure on each level, best first, in the instrument's size unit."""

    minutes: int
    sums: tuple[float, ...]

    def plus(self, later: "LevelsPart") -> "LevelsPart":
        """Both together."""
        return LevelsPart(
            self.minutes + later.minutes, tuple(mine + its for mine, its in zip(self.sums, later.sums, strict=True))
        )


class LevelFlow(Slotted):
    """The order-flow imbalance of Cont, Kukanov and Stoikov at each of the best levels, one a side at a time.

    K. Xu, M. Gould, S. Howison, Multi-Level Order-Flow Imbalance in a Limit Order Book, 2018, equations 3 to 5: level
    ``m`` of a side is compared with what was level ``m`` before, by price and size.

    Examples
    --------
    >>> flow = LevelFlow()
    >>> asks, sizes = [10.0, 11.0, 12.0, 13.0, 14.0], [1.0, 1.0, 1.0, 1.0, 1.0]
    >>> flow.update(([9.0, 8.0, 7.0, 6.0, 5.0], sizes, asks, sizes))
    >>> flow.take()
    >>> flow.update(([9.5, 9.0, 8.0, 7.0, 6.0], [4.0, 1.0, 1.0, 1.0, 1.0], asks, sizes))
    >>> flow.take()
    LevelsPart(minutes=1, sums=(4.0, 1.0, 1.0, 1.0, 1.0))
    """

    __slots__ = ("_asked", "_begun", "_bid", "_known", "_last")
    VERSION = 2

    def __init__(self) -> None:
        self._last: Levels | None = None
        self._begun: tuple[list[float], list[float]] = ([], [])  # sizes of each side since when its prices stand
        self._known = False  # all the time since last taken
        self._bid, self._asked = [0.0] * LEVELS, [0.0] * LEVELS  # added minus taken, but for what stands

    def update(self, top: Levels | None) -> bool:
        """Take the `LEVELS` best levels after a change, ``None`` or fewer: not known; whether any price is another."""
        if top is None or len(top[0]) < LEVELS or len(top[2]) < LEVELS:
            self._last, self._known = None, False
            return True
        last, self._last = self._last, top
        if last is None:
            self._begun = top[1], top[3]
            return True
        bids, bid_sizes, asks, ask_sizes = top
        old_bids, old_bid_sizes, old_asks, old_ask_sizes = last
        # While prices stand, changes of sizes add up to the last one minus the first one.
        bids_moved, asks_moved = bids != old_bids, asks != old_asks
        if bids_moved:
            bid_begun, ask_begun = self._begun
            self._bid = [
                total - begun + (size if price == old else size + old_size if price > old else 0.0)
                for total, begun, price, size, old, old_size in zip(
                    self._bid, bid_begun, bids, bid_sizes, old_bids, old_bid_sizes, strict=True
                )
            ]
            self._begun = bid_sizes, ask_begun
        if asks_moved:
            bid_begun, ask_begun = self._begun
            self._asked = [
                total - begun + (size if price == old else size + old_size if price < old else 0.0)
                for total, begun, price, size, old, old_size in zip(
                    self._asked, ask_begun, asks, ask_sizes, old_asks, old_ask_sizes, strict=True
                )
            ]
            self._begun = bid_begun, ask_sizes
        return bids_moved or asks_moved

    def take(self) -> LevelsPart | None:
        """The sums of a minute, which begin anew; ``None`` if at any time of it so many levels were not known."""
        last, known = self._last, self._known
        part = None
        if last is not None:
            if known:
                ends = zip(self._bid, last[1], self._begun[0], self._asked, last[3], self._begun[1], strict=True)
                part = LevelsPart(1, tuple((bid + b1 - b0) - (asked + a1 - a0) for bid, b1, b0, asked, a1, a0 in ends))
            self._begun = last[1], last[3]
        self._bid, self._asked, self._known = [0.0] * LEVELS, [0.0] * LEVELS, last is not None
        return part


def _read(part: LevelsPart, close: Close) -> tuple[float | None, ...]:
    whole = part.minutes * MINUTE == close.ts_close - close.bar.ts_open
    return part.sums if whole else (None,) * LEVELS


MEASURES = (
    summary(
        "levels", _read,
        *(
            Feature(
                name=f"mlofi_{level}", unit="size", inputs=("book",), memory=1, source="Xu, Gould, Howison 2018",
                summary=f"Order-flow imbalance of level {level} of the book, from decision to decision",
                formula=f"sum over changes of (size added minus taken at bid {level}) - (the same at ask {level})",
                null=f"not all the time {LEVELS} levels a side were known",
            )
            for level in range(1, LEVELS + 1)
        ),
    ),
)  # fmt: skip
