"""Relative strength index."""

from functools import partial

from operators.feature import Feature, forgotten, of_close, one, settled
from operators.indicators.period import checked_period
from operators.state import Slotted

__all__ = ["MEASURES", "RelativeStrengthIndex"]


class RelativeStrengthIndex(Slotted):
    """``100 * gain / (gain + loss)`` with Wilder's averages of rises and falls.

    The averages begin with the simple means of the first ``period`` changes and then move by ``1 / period`` (J. Welles
    Wilder, New Concepts in Technical Trading Systems, 1978; the convention of TA-Lib's ``RSI``). A market that has
    not moved at all gives 0, as TA-Lib does.

    Parameters
    ----------
    period
        Changes, at least 2.

    Raises
    ------
    OperatorError
        For a period below 2.

    Examples
    --------
    >>> rsi = RelativeStrengthIndex(2)
    >>> [rsi.update(x) for x in (1.0, 2.0, 1.0, 2.0)]
    [None, None, 50.0, 75.0]
    """

    __slots__ = ("_gain", "_loss", "_missing", "_period", "_previous", "value")

    def __init__(self, period: int) -> None:
        self._period = checked_period("RSI", period, 2)
        self._missing = period
        self._gain = self._loss = 0.0
        self._previous: float | None = None
        self.value: float | None = None
        """0 to 100, ``None`` until ready."""

    def update(self, x: float) -> float | None:
        """Take one price; the index, or ``None`` until ``period`` changes were seen."""
        previous, self._previous = self._previous, x
        if previous is None:
            return None
        change = x - previous
        gain, loss = (change, 0.0) if change > 0 else (0.0, -change)
        period = self._period
        if self._missing:
            self._gain += gain
            self._loss += loss
            self._missing -= 1
            if self._missing:
                return None
            self._gain /= period
            self._loss /= period
        else:
            self._gain = (self._gain * (period - 1) + gain) / period
            self._loss = (self._loss * (period - 1) + loss) / period
        total = self._gain + self._loss
        self.value = 100.0 * self._gain / total if total > 0 else 0.0
        return self.value


MEASURES = tuple(
    one(
        partial(RelativeStrengthIndex, period), of_close,
        Feature(
            name=f"rsi_{period}", unit="0-100", low=0.0, high=100.0, summary=f"Relative strength index, {period} bars",
            formula=f"100 gain / (gain + loss), Wilder's averages of {period} changes",
            source="Wilder 1978; TA-Lib RSI",
            null="never; 0 in a market that never moved", ready=period + 1, memory=forgotten(1 / period),
            warm_up=settled(1 / period),
        ),
    )
    for period in (7, 14)
)  # fmt: skip
