"""Venues' running numbers: what they prove, and what they can be trusted with."""

from typing import Any, Final, NamedTuple

from operators.state import Slotted
from schemas.time import SECOND

__all__ = ["RESTART", "Break", "TradeNumbers"]

RESTART: Final = 5 * SECOND
"""A number that went back although the exchange's clock went on by more than this is no repetition of an old record:
the venue has begun to count anew."""
_MOST: Final = 256
"""Breaks that can be open at a time."""


class Break(NamedTuple):
    """Where numbers do not continue: some are missing, or they begin anew."""

    expected: int
    received: int
    start: int
    """Event time of the number before the expected one, ns."""
    end: int
    """Event time of the received one."""
    ts_received: int
    """Receipt of what settled it."""

    @property
    def missing(self) -> int:
        """How many; 0 where they begin anew."""
        return max(0, self.received - self.expected)


class TradeNumbers(Slotted):
    """The numbers of an instrument's trades, where the venue leaves none out, in the order of event time.

    A missing number may still come: what `take` gives is missing for good as far as the bar that ends is concerned.

    Attributes
    ----------
    at, last
        Event time (ns) and number of the trade that is furthest on; 0 before the first one.
    """

    __slots__ = ("_breaks", "at", "last")

    def __init__(self) -> None:
        self.at = self.last = 0
        self._breaks: list[Break] = []

    @property
    def full(self) -> bool:
        """Whether there are so many breaks that it is time to tell of them."""
        return len(self._breaks) >= _MOST

    def follow(self, number: int, ts: int, ts_received: int) -> None:
        """Take the next trade's number, which may be any."""
        if number <= self.last and ts <= self.at + RESTART:
            self._fill(number)
            return
        if self.at and number != self.last + 1:
            self._breaks.append(Break(self.last + 1, number, self.at, ts, ts_received))
        self.at, self.last = ts, number

    def take(self) -> list[Break]:
        """What is missing still, in order; it can no longer be filled."""
        breaks, self._breaks = self._breaks, []
        return breaks

    def _fill(self, number: int) -> None:
        for i, hole in enumerate(self._breaks):
            if hole.expected <= number < hole.received:
                halves = (hole._replace(received=number), hole._replace(expected=number + 1))
                self._breaks[i : i + 1] = [half for half in halves if half.missing]
                return

    def restore(self, state: list[Any]) -> None:
        """Take up a `state` again."""
        super().restore(state)
        self._breaks = [Break(*one) for one in self._breaks]
