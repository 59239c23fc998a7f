"""Order-flow imbalance of several levels of the book."""

from typing import Final, NamedTuple

from operators.feature import Close, Feature
from operators.flow.part import summary
from operators.microstructure import Levels
from operators.state import Slotted
from schemas.time import MINUTE

__all__ = ["LEVELS", "MEASURES", "LevelFlow", "LevelSide", "LevelsPart"]

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


class LevelSide(Slotted):
    """Size added minus taken at each level of a side; ``sign`` is 1 for bids, -1 for asks.

    While prices stand, changes of sizes add up to the last one minus the first one.
    """

    __slots__ = ("_begun", "_prices", "_sign", "_sizes", "_sums")

    def __init__(self, sign: int) -> None:
        self._sign = sign
        self._prices: list[float] = []
        self._sizes: list[float] = []
        self._begun: list[float] = []  # sizes since when the prices stand
        self._sums = [0.0] * LEVELS  # up to then

    def begin(self, prices: list[float], sizes: list[float]) -> None:
        """The levels are these from now on."""
        self._prices, self._sizes, self._begun = prices, sizes, sizes

    def update(self, prices: list[float], sizes: list[float]) -> bool:
        """Take the levels after a change; whether any price is another."""
        moved = prices != self._prices
        if moved:
            # What stood is settled; a better price brings its size, a worse one takes away the old size.
            sign = self._sign
            self._sums = [
                total - begun + (size if price == old else size + old_size if sign * (price - old) > 0.0 else 0.0)
                for total, begun, price, size, old, old_size in zip(
                    self._sums, self._begun, prices, sizes, self._prices, self._sizes, strict=True
                )
            ]
            self._begun = sizes
        self._prices, self._sizes = prices, sizes
        return moved

    def take(self) -> list[float]:
        """The sums of each level, which begin anew."""
        sums = [total + size - begun for total, size, begun in zip(self._sums, self._sizes, self._begun, strict=False)]
        self.restart()
        return sums

    def restart(self) -> None:
        """Begin anew."""
        self._sums, self._begun = [0.0] * LEVELS, self._sizes


class LevelFlow(Slotted):
    """The order-flow imbalance of Cont, Kukanov and Stoikov at each of the best levels, one a side at a time.

    K. Xu, M. Gould, S. Howison, Multi-Level Order-Flow Imbalance in a Limit Order Book, 2018, equations 3 to 5: level
    ``m`` of a side is compared with what was level ``m`` before, by price and size.

    Examples
    --------
    >>> flow = LevelFlow()
    >>> asks, sizes = [10.0, 11.0, 12.0, 13.0, 14.0], [1.0, 1.0, 1.0, 1.0, 1.0]
    >>> flow.update(([9.0, 8.0, 7.0, 6.0, 5.0], sizes, asks, sizes))
    True
    >>> flow.take()
    >>> flow.update(([9.5, 9.0, 8.0, 7.0, 6.0], [4.0, 1.0, 1.0, 1.0, 1.0], asks, sizes))
    True
    >>> flow.take()
    LevelsPart(minutes=1, sums=(4.0, 1.0, 1.0, 1.0, 1.0))
    """

    __slots__ = ("_asks", "_bids", "_known", "_whole")
    VERSION = 3

    def __init__(self) -> None:
        self._bids, self._asks = LevelSide(1), LevelSide(-1)
        self._known = False  # the levels, now
        self._whole = False  # and all the time since last taken

    def update(self, top: Levels | None) -> bool:
        """Take the `LEVELS` best levels after a change, ``None`` or fewer: not known; whether any price is another."""
        if top is None or len(top[0]) < LEVELS or len(top[2]) < LEVELS:
            self._known = self._whole = False
            return True
        bids, bid_sizes, asks, ask_sizes = top
        if not self._known:
            self._known = True
            self._bids.begin(bids, bid_sizes)
            self._asks.begin(asks, ask_sizes)
            return True
        bids_moved, asks_moved = self._bids.update(bids, bid_sizes), self._asks.update(asks, ask_sizes)
        return bids_moved or asks_moved

    def take(self) -> LevelsPart | None:
        """The sums of a minute, which begin anew; ``None`` if at any time of it so many levels were not known."""
        whole, self._whole = self._whole, self._known
        if not whole:
            self._bids.restart()
            self._asks.restart()
            return None
        return LevelsPart(1, tuple(bid - ask for bid, ask in zip(self._bids.take(), self._asks.take(), strict=True)))


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
