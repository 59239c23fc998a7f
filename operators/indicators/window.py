"""The last values of a series, with their mean and spread: what has left a window leaves nothing behind in it."""

from math import fsum, sqrt
from typing import Any

from operators.indicators.period import checked_period
from operators.state import Slotted

__all__ = ["Mean", "Window"]


def _add(parts: list[float], x: float) -> None:
    """Add ``x`` to the sum that ``parts`` are, ascending and none reaching into another: nothing is rounded."""
    at = 0
    for part in parts:
        both = x + part
        added = both - x
        rest = (x - (both - added)) + (part - added)
        if rest:
            parts[at] = rest
            at += 1
        x = both
    parts[at:] = [x] if x else []


def _summed(state: list[Any]) -> list[Any]:
    """Of a `Mean` whose mean slid, rounded at each step."""
    at, values, length, _ = state
    parts: list[float] = []
    for value in values:
        _add(parts, value)
    return [at, parts, values, length]


class Mean(Slotted):
    """The last ``length`` values and their mean, O(1) an update.

    The sum is kept exactly, as floats that do not overlap (J. Shewchuk, Discrete & Computational Geometry 18, 1997),
    and rounded once where it is asked for: it depends on the values in the window alone, and is 0 if all of them are.

    Parameters
    ----------
    length
        Values, at least 1.

    Examples
    --------
    >>> mean = Mean(2)
    >>> for x in (1e16, 0.1, 0.2):
    ...     mean.push(x)
    >>> mean.total, mean.mean
    (0.30000000000000004, 0.15000000000000002)
    """

    __slots__ = ("_at", "_sum", "_values", "length")
    VERSION = 2
    MIGRATIONS = {1: _summed}  # noqa: RUF012, a constant

    def __init__(self, length: int, owner: str = "mean") -> None:
        self.length = checked_period(owner, length)
        self._values: list[float] = []
        self._at = 0  # the oldest, once full
        self._sum: list[float] = []

    @property
    def full(self) -> bool:
        """Whether ``length`` values have come."""
        return len(self._values) == self.length

    @property
    def total(self) -> float:
        """The sum of the values, correctly rounded."""
        return fsum(self._sum)

    @property
    def mean(self) -> float:
        """That over their number; 0 of none."""
        return fsum(self._sum) / (len(self._values) or 1)

    def push(self, x: float) -> None:
        """Take one value."""
        values, at = self._values, self._at
        if len(values) < self.length:
            values.append(x)
            _add(self._sum, x)
            return
        gone, values[at] = values[at], x
        self._at = at + 1 if at + 1 < self.length else 0
        change = x - gone
        lost = x - change
        rest = (x - (change + lost)) + (lost - gone)  # what rounding took off the change: mostly nothing
        _add(self._sum, change)
        if rest:
            _add(self._sum, rest)


class Window(Slotted):
    """The last ``length`` values; their mean and standard deviation are computed from them whenever asked for.

    That is O(1) an update and O(length) an answer, which for some tens of values takes no longer than to slide sums of
    squares, and nothing can be left of what is no longer there: values that are all equal deviate by exactly 0.

    Parameters
    ----------
    length
        Values, at least 1.

    Examples
    --------
    >>> window = Window(3)
    >>> for x in (1.0, 2.0, 4.0, 6.0):
    ...     window.push(x)
    >>> window.mean, window.newest, window.spread()[0]
    (4.0, 6.0, -2.0)
    """

    __slots__ = ("_at", "_values", "length")
    VERSION = 2
    MIGRATIONS = {1: lambda state: [state[0], *state[2:4]]}  # noqa: RUF012, a constant; the sums are gone

    def __init__(self, length: int, owner: str = "window") -> None:
        self.length = checked_period(owner, length)
        self._values: list[float] = []
        self._at = 0  # the oldest, once full

    @property
    def full(self) -> bool:
        """Whether ``length`` values have come."""
        return len(self._values) == self.length

    def clear(self) -> None:
        """Begin anew."""
        self._values, self._at = [], 0

    @property
    def newest(self) -> float:
        """The value that came last; 0 if none has, as for what follows."""
        return self._values[self._at - 1] if self._values else 0.0

    @property
    def mean(self) -> float:
        """Of all values."""
        return self.newest + self.spread()[0]

    @property
    def deviation(self) -> float:
        """Standard deviation over all values (``n``, not ``n - 1``)."""
        return self.spread()[1]

    def spread(self) -> tuple[float, float]:
        """How far the mean lies above the newest value, and the standard deviation.

        Both come of distances from the newest value, oldest first, so that digits are lost to neither the level of the
        values nor the place of the oldest one in the ring. As one of the distances is 0, what is taken off their
        squares leaves at least an ``n``th of them.
        """
        values, at = self._values, self._at
        count, newest = len(values) or 1, self.newest
        total = squares = 0.0
        for value in values[at:] + values[:at]:
            distance = value - newest
            total += distance
            squares += distance * distance
        shift = total / count
        return shift, sqrt((squares - total * shift) / count)

    def push(self, x: float) -> None:
        """Take one value."""
        values, at = self._values, self._at
        if len(values) < self.length:
            values.append(x)
        else:
            values[at] = x
            self._at = at + 1 if at + 1 < self.length else 0
