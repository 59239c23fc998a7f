"""Quantiles of a stream in bounded memory."""

from math import ceil, exp, log
from typing import Final

from operators.errors import OperatorError
from operators.state import Slotted

__all__ = ["LogHistogram"]

_MOST: Final = 512
"""Bins; at 2 % they reach over eight orders of magnitude."""


class LogHistogram(Slotted):
    """Counts in bins of equal relative width: a quantile is within ``accuracy`` of the exact one, relatively.

    The DDSketch of C. Masson, J. Rim, H. Lee (PVLDB 12, 2019): bin ``i`` holds what lies above ``g^(i-1)`` up to
    ``g^i``, where ``g = (1 + accuracy) / (1 - accuracy)``; of too many bins the lowest become one. Counts do not depend
    on order, and those of two streams add up.

    Parameters
    ----------
    accuracy
        Greatest relative error, above 0 and below 1.

    Examples
    --------
    >>> histogram = LogHistogram(0.02)
    >>> for x in range(1, 1001):
    ...     histogram.add(float(x))
    >>> abs(histogram.quantile(0.9) / 900 - 1) <= 0.02
    True
    """

    __slots__ = ("_counts", "_scale", "count")

    def __init__(self, accuracy: float) -> None:
        if not 0.0 < accuracy < 1.0:
            raise OperatorError(f"accuracy = {accuracy}: must be above 0 and below 1")
        self._scale = 1.0 / log((1.0 + accuracy) / (1.0 - accuracy))
        self._counts: dict[int, int] = {}
        self.count = 0

    def add(self, value: float) -> None:
        """Count ``value``, above 0."""
        at = ceil(log(value) * self._scale)
        counts = self._counts
        if at in counts:
            counts[at] += 1
        else:
            counts[at] = 1
            if len(counts) > _MOST:
                self._collapse()
        self.count += 1

    def quantile(self, share: float, beside: "LogHistogram | None" = None) -> float | None:
        """The value that ``share`` of all, of those ``beside`` too, are not above, by the lower nearest rank; ``None``
        if there are none."""
        counts, others = self._counts, {} if beside is None else beside._counts  # noqa: SLF001, of its own class
        count = self.count + (0 if beside is None else beside.count)
        above = count - 1 - int(share * (count - 1))  # how many rank higher
        for place, at in enumerate(sorted({*counts, *others}, reverse=True), 1):
            above -= counts.get(at, 0) + others.get(at, 0)
            if above < 0 or place == _MOST:  # of too many bins the last one holds all that are lower
                return 2.0 * exp(at / self._scale) / (exp(1.0 / self._scale) + 1.0)
        return None

    def _collapse(self) -> None:
        """Make one of the lowest bins, as many as there are too many."""
        excess = len(self._counts) - _MOST
        if excess > 0:
            *lowest, least = sorted(self._counts)[: excess + 1]
            self._counts[least] += sum(self._counts.pop(at) for at in lowest)
