"""The last values of a series, with their sum and spread kept as they come and go."""

from math import fsum, sqrt

from operators.indicators.period import checked_period
from operators.state import Slotted

__all__ = ["Mean", "Window"]


class Mean(Slotted):
    """The last ``length`` values and their mean, O(1) an update.

    Rounding cannot pile up: each time the ring has gone round, the mean is computed anew from its values.

    Parameters
    ----------
    length
        Values, at least 1.
    """

    __slots__ = ("_at", "_values", "length", "mean")

    def __init__(self, length: int, owner: str = "mean") -> None:
        self.length = checked_period(owner, length)
        self._values: list[float] = []
        self._at = 0  # the oldest, once full
        self.mean = 0.0

    @property
    def full(self) -> bool:
        """Whether ``length`` values have come."""
        return len(self._values) == self.length

    def push(self, x: float) -> None:
        """Take one value."""
        values, at = self._values, self._at
        count = len(values)
        if count < self.length:
            values.append(x)
            self.mean += (x - self.mean) / (count + 1)
            if count + 1 == self.length:
                self.mean = fsum(values) / self.length
            return
        gone, values[at] = values[at], x
        if at + 1 < count:
            self._at = at + 1
            self.mean += (x - gone) / count
        else:
            self._at = 0
            self.mean = fsum(values) / count


class Window(Slotted):
    """The last ``length`` values, their mean and their standard deviation, O(1) an update.

    Rounding cannot pile up: each time the ring has gone round, mean and squares are computed anew from its values.
    Between these the update is that of B. P. Welford (Technometrics 4, 1962) with one value leaving as another comes.

    Parameters
    ----------
    length
        Values, at least 1.

    Examples
    --------
    >>> window = Window(3)
    >>> [window.push(x) for x in (1.0, 2.0, 3.0, 4.0)]  # what leaves
    [None, None, None, 1.0]
    >>> window.mean, window.full, window.oldest
    (3.0, True, 2.0)
    """

    __slots__ = ("_at", "_squares", "_values", "length", "mean")

    def __init__(self, length: int, owner: str = "window") -> None:
        self.length = checked_period(owner, length)
        self._values: list[float] = []
        self._at = 0  # the oldest, once full
        self.mean = 0.0
        self._squares = 0.0  # of the distances from the mean

    @property
    def full(self) -> bool:
        """Whether ``length`` values have come."""
        return len(self._values) == self.length

    def clear(self) -> None:
        """Begin anew."""
        self._values, self._at, self.mean, self._squares = [], 0, 0.0, 0.0

    @property
    def oldest(self) -> float | None:
        """The value that leaves next; ``None`` until full."""
        return self._values[self._at] if len(self._values) == self.length else None

    @property
    def deviation(self) -> float:
        """Standard deviation over all values (``n``, not ``n - 1``)."""
        return sqrt(self._squares / len(self._values)) if self._squares > 0.0 else 0.0

    def push(self, x: float) -> float | None:
        """Take one value; the one that leaves for it, if any."""
        values = self._values
        count = len(values)
        if count < self.length:
            values.append(x)
            step = x - self.mean
            self.mean += step / (count + 1)
            self._squares += step * (x - self.mean)
            if count + 1 == self.length:
                self._anew()
            return None
        at = self._at
        gone, values[at] = values[at], x
        self._at = at + 1
        if self._at == count:
            self._at = 0
            self._anew()
            return gone
        before = self.mean
        self.mean = before + (x - gone) / count
        self._squares += (x - gone) * (x - self.mean + gone - before)
        return gone

    def _anew(self) -> None:
        values = self._values
        self.mean = mean = fsum(values) / len(values)
        self._squares = fsum((x - mean) ** 2 for x in values)
