"""Exponential moving average."""

from functools import partial

from operators.feature import Feature, forgotten, of_close, one, settled
from operators.indicators.period import checked_period
from operators.state import Slotted

__all__ = ["MEASURES", "ExponentialMovingAverage", "average_feature"]


class ExponentialMovingAverage(Slotted):
    """``ema += 2 / (period + 1) * (x - ema)``, begun with the simple mean of the first ``period`` values.

    The convention of TA-Lib's ``EMA`` (classic seeding). A flat market gives the flat price.

    Parameters
    ----------
    period
        Values, at least 1.

    Raises
    ------
    OperatorError
        For a period below 1.

    Examples
    --------
    >>> ema = ExponentialMovingAverage(3)
    >>> [ema.update(x) for x in (1.0, 2.0, 3.0, 5.0)]
    [None, None, 2.0, 3.5]
    """

    __slots__ = ("_alpha", "_missing", "_period", "_sum", "value")

    def __init__(self, period: int) -> None:
        self._period = checked_period("EMA", period)
        self._alpha = 2.0 / (period + 1)
        self._missing = period
        self._sum = 0.0
        self.value: float | None = None
        """The average, ``None`` until ready."""

    def update(self, x: float) -> float | None:
        """Take one value; the average, or ``None`` until ``period`` values were seen."""
        if self.value is not None:
            self.value += self._alpha * (x - self.value)
        else:
            self._sum += x
            self._missing -= 1
            if not self._missing:
                self.value = self._sum / self._period
        return self.value


def average_feature(period: int) -> Feature:
    """The entry of an exponential average of closes."""
    alpha = 2 / (period + 1)
    return Feature(
        name=f"ema_{period}", unit="quote", low=0.0, summary=f"Exponential average of closes, {period} bars",
        formula=f"ema += 2 / {period + 1} * (close - ema), from the mean of the first {period}",
        source="TA-Lib EMA", null="never", ready=period, memory=forgotten(alpha), warm_up=settled(alpha),
    )  # fmt: skip


MEASURES = (one(partial(ExponentialMovingAverage, 20), of_close, average_feature(20)),)
