"""Where a value stands among the last ones before it."""

from bisect import bisect_left, bisect_right, insort

from operators.indicators.period import checked_period
from operators.state import Slotted

__all__ = ["Percentile"]


class Percentile(Slotted):
    """Share of the last ``length`` values that are smaller, those that are equal counted half.

    That is the percentile rank of ``scipy.stats.percentileofscore(kind="mean")``, as a share. ``None`` until ``least``
    values have come.

    Examples
    --------
    >>> rank = Percentile(3, least=2)
    >>> for x in (5.0, 1.0, 2.0, 3.0):
    ...     rank.push(x)
    >>> rank.of(2.0), rank.of(9.0)  # the 5 has left
    (0.5, 1.0)
    """

    __slots__ = ("_at", "_least", "_length", "_sorted", "_values")

    def __init__(self, length: int, least: int) -> None:
        self._length = checked_period("percentile", length)
        self._least = least
        self._values: list[float] = []
        self._sorted: list[float] = []
        self._at = 0  # the oldest, once full

    def push(self, x: float) -> None:
        """Take a value; O(log length) comparisons."""
        if len(self._values) < self._length:
            self._values.append(x)
        else:
            gone, self._values[self._at] = self._values[self._at], x
            self._at = (self._at + 1) % self._length
            del self._sorted[bisect_left(self._sorted, gone)]
        insort(self._sorted, x)

    @property
    def last(self) -> float | None:
        """The value that came last."""
        return self._values[self._at - 1] if self._values else None

    def of(self, x: float) -> float | None:
        """The share of ``x``, from 0 to 1."""
        if len(self._sorted) < self._least:
            return None
        return (bisect_left(self._sorted, x) + bisect_right(self._sorted, x)) / (2.0 * len(self._sorted))
