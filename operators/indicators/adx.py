"""Average directional movement index."""

from operators.feature import Feature, forgotten, of_range, one, settled
from operators.indicators.period import checked_period
from operators.state import Slotted

__all__ = ["MEASURES", "AverageDirectionalIndex"]


class AverageDirectionalIndex(Slotted):
    """Strength of a trend whatever its direction, and the two directional indicators it is made of.

    Of two bars, the greater of the rise of the highs and the fall of the lows counts if it is above 0. Its sums and
    that of the true ranges are smoothed by Wilder (``sum += x - sum / period``, begun with ``period - 1`` changes);
    the index is Wilder's average of ``100 * |+DI - -DI| / (+DI + -DI)``, begun with the mean of ``period`` of them
    (J. Welles Wilder, New Concepts in Technical Trading Systems, 1978; the convention of TA-Lib's ``ADX``,
    ``PLUS_DI`` and ``MINUS_DI``). In a market that does not move both indicators are 0 and the index stays.

    Parameters
    ----------
    period
        Bars, at least 2.

    Raises
    ------
    OperatorError
        For a period below 2.
    """

    __slots__ = (
        "_close", "_high", "_low", "_minus", "_missing", "_period", "_plus", "_range", "_seed", "_seeds", "value",
    )  # fmt: skip

    def __init__(self, period: int = 14) -> None:
        self._period = checked_period("ADX", period, 2)
        self._missing = period - 1
        self._plus = self._minus = self._range = 0.0
        self._high = self._low = 0.0
        self._close: float | None = None
        self._seed = 0.0
        self._seeds = 0
        self.value: float | None = None
        """0 to 100, ``None`` until ready."""

    def update(self, high: float, low: float, close: float) -> tuple[float | None, float | None, float | None]:
        """Take one bar; the index, +DI and -DI, each 0 to 100 or ``None`` until ready."""
        before, self._close = self._close, close
        up, down = high - self._high, self._low - low
        self._high, self._low = high, low
        if before is None:
            return None, None, None
        span = max(high, before) - min(low, before)
        plus = up if up > down and up > 0.0 else 0.0
        minus = down if down > up and down > 0.0 else 0.0
        if self._missing:
            self._missing -= 1
            self._plus += plus
            self._minus += minus
            self._range += span
            return None, None, None
        period = self._period
        self._plus += plus - self._plus / period
        self._minus += minus - self._minus / period
        self._range += span - self._range / period
        if self._range <= 0.0:
            self._average(None)
            return self.value, 0.0, 0.0
        plus_di, minus_di = 100.0 * self._plus / self._range, 100.0 * self._minus / self._range
        both = plus_di + minus_di
        self._average(100.0 * abs(plus_di - minus_di) / both if both > 0.0 else None)
        return self.value, plus_di, minus_di

    def _average(self, x: float | None) -> None:
        """Wilder's average of ``x``; ``None``, where nothing moves, leaves it as it is and counts as 0 at its begin."""
        period = self._period
        if self.value is None:
            self._seed += x or 0.0
            self._seeds += 1
            if self._seeds == period:
                self.value = self._seed / period
        elif x is not None:
            self.value = (self.value * (period - 1) + x) / period


_ALPHA = 1 / 14
_SOURCE = "Wilder 1978; TA-Lib"

MEASURES = (
    one(
        AverageDirectionalIndex, of_range,
        Feature(
            name="adx_14", unit="0-100", low=0.0, high=100.0, summary="Strength of the trend, without its direction",
            formula="Wilder_14(100 |plus_di - minus_di| / (plus_di + minus_di))", source=_SOURCE, null="never",
            ready=28, memory=2 * forgotten(_ALPHA), warm_up=2 * settled(_ALPHA),
        ),
        Feature(
            name="plus_di_14", unit="0-100", low=0.0, high=100.0, summary="Upward movement over true range",
            formula="100 Wilder_14(+DM) / Wilder_14(true range)", source=_SOURCE, null="never; 0 in a flat market",
            ready=15, memory=forgotten(_ALPHA), warm_up=settled(_ALPHA),
        ),
        Feature(
            name="minus_di_14", unit="0-100", low=0.0, high=100.0, summary="Downward movement over true range",
            formula="100 Wilder_14(-DM) / Wilder_14(true range)", source=_SOURCE, null="never; 0 in a flat market",
            ready=15, memory=forgotten(_ALPHA), warm_up=settled(_ALPHA),
        ),
    ),
)  # fmt: skip
