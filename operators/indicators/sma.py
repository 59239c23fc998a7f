"""Simple moving average."""

from functools import partial

from operators.feature import Feature, of_close, one
from operators.indicators.window import Mean
from operators.state import Slotted

__all__ = ["MEASURES", "SimpleMovingAverage"]


class SimpleMovingAverage(Slotted):
    """The mean of the last ``period`` values; the convention of TA-Lib's ``SMA``.

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
    >>> sma = SimpleMovingAverage(2)
    >>> [sma.update(x) for x in (1.0, 2.0, 4.0)]
    [None, 1.5, 3.0]
    """

    __slots__ = ("_last",)
    VERSION = 3
    MIGRATIONS = {2: lambda state: [[1, *state]]}  # noqa: RUF012, a constant

    def __init__(self, period: int) -> None:
        self._last = Mean(period, "SMA")

    def update(self, x: float) -> float | None:
        """Take one value; the mean, or ``None`` until ``period`` values were seen."""
        last = self._last
        last.push(x)
        return last.mean if last.full else None


MEASURES = tuple(
    one(
        partial(SimpleMovingAverage, period), of_close,
        Feature(
            name=f"sma_{period}", unit="quote", low=0.0, summary=f"Mean of the last {period} closes",
            formula=f"sum(close[t-{period - 1}..t]) / {period}", source="TA-Lib SMA", null="never",
            ready=period, memory=period, warm_up=period,
        ),
    )
    for period in (50, 200)
)  # fmt: skip
