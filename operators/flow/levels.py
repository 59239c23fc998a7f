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

    __slots__ = ("_known", "_last", "_sums")

    def __init__(self) -> None:
        self._last: Levels | None = None
        self._known = False  # all the time since last taken
        self._sums = [0.0] * LEVELS

    def update(self, top: Levels | None) -> None:
        """Take the `LEVELS` best levels after a change; ``None`` or fewer: not known."""
        if top is None or len(top[0]) < LEVELS or len(top[2]) < LEVELS:
            self._last, self._known = None, False
            return
        last, self._last = self._last, top
        if last is None or last == top:
            return
        sums = self._sums
        for level, (bid, bid_size, ask, ask_size, old_bid, old_bid_size, old_ask, old_ask_size) in enumerate(
            zip(*top, *last, strict=True)
        ):
            flow = (bid_size if bid >= old_bid else 0.0) - (old_bid_size if bid <= old_bid else 0.0)
            flow -= (ask_size if ask <= old_ask else 0.0) - (old_ask_size if ask >= old_ask else 0.0)
            sums[level] += flow

    def take(self) -> LevelsPart | None:
        """The sums of a minute, which begin anew; ``None`` if at any time of it so many levels were not known."""
        sums, known = self._sums, self._known
        self._sums, self._known = [0.0] * LEVELS, self._last is not None
        return LevelsPart(1, tuple(sums)) if known else None


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
