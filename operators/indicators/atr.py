"""Average true range."""

from functools import partial

from operators.feature import Feature, forgotten, of_range, one, settled
from operators.indicators.period import checked_period
from operators.state import Slotted

__all__ = ["MEASURES", "AverageTrueRange"]


class AverageTrueRange(Slotted):
    """Wilder's average of ``max(high, previous close) - min(low, previous close)``.

    The true range begins with the second bar; the average begins with the simple mean of the first ``period`` ranges
    and then moves by ``1 / period`` (Wilder 1978; the convention of TA-Lib's ``ATR``). A flat market gives 0.

    Parameters
    ----------
    period
        Bars, at least 1.

    Raises
    ------
    OperatorError
        For a period below 1.

    Examples
    --------
    >>> atr = AverageTrueRange(2)
    >>> [atr.update(h, l, c) for h, l, c in ((2, 1, 2), (3, 2, 3), (6, 3, 4))]
    [None, None, 2.0]
    """

    __slots__ = ("_close", "_missing", "_period", "_sum", "value")

    def __init__(self, period: int) -> None:
        self._period = checked_period("ATR", period)
        self._missing = period
        self._sum = 0.0
        self._close: float | None = None
        self.value: float | None = None
        """In price units, ``None`` until ready."""

    def update(self, high: float, low: float, close: float) -> float | None:
        """Take one bar; the average, or ``None`` until ``period`` true ranges were seen."""
        previous, self._close = self._close, close
        if previous is None:
            return None
        span = max(high, previous) - min(low, previous)
        if self.value is not None:
            self.value = (self.value * (self._period - 1) + span) / self._period
        else:
            self._sum += span
            self._missing -= 1
            if not self._missing:
                self.value = self._sum / self._period
        return self.value


MEASURES = (
    one(
        partial(AverageTrueRange, 14), of_range,
        Feature(
            name="atr_14", unit="quote", low=0.0, summary="Average true range, 14 bars",
            source="Wilder 1978; TA-Lib ATR",
            formula="Wilder_14(max(high, close[t-1]) - min(low, close[t-1]))", null="never; 0 in a flat market",
            ready=15, memory=forgotten(1 / 14), warm_up=settled(1 / 14),
        ),
    ),
)  # fmt: skip
