"""Returns over several horizons, and how much prices moved."""

from math import log, sqrt

from operators.feature import Feature, of_close, one
from operators.indicators.window import Window
from operators.state import Slotted

__all__ = ["MEASURES", "RealisedVolatility", "Returns"]

_HORIZONS = (1, 5, 20)
_PERIOD = 20


class Returns(Slotted):
    """``close / close[horizon bars before] - 1`` for each horizon; TA-Lib's ``ROCP``.

    Examples
    --------
    >>> returns = Returns((1, 2))
    >>> [returns.update(x) for x in (1.0, 2.0, 3.0)]
    [(None, None), (1.0, None), (0.5, 2.0)]
    """

    __slots__ = ("_at", "_closes", "_horizons", "_most")
    VERSION = 2

    def __init__(self, horizons: tuple[int, ...] = _HORIZONS) -> None:
        self._horizons, self._most = horizons, max(horizons)
        self._closes: list[float] = []
        self._at = 0  # the oldest, once full

    def update(self, x: float) -> tuple[float | None, ...]:
        """Take one close; a return a horizon, ``None`` where that many bars were not seen."""
        closes, at = self._closes, self._at
        if len(closes) < self._most:
            closes.append(x)
            count = len(closes)
            return tuple([x / closes[-1 - horizon] - 1.0 if horizon < count else None for horizon in self._horizons])
        values = tuple([x / closes[at - horizon] - 1.0 for horizon in self._horizons])
        closes[at] = x
        self._at = at + 1 if at + 1 < self._most else 0
        return values


class RealisedVolatility(Slotted):
    """Root of the sum of squared log returns of the last ``period`` bars: not annualised, not centred.

    T. Andersen, T. Bollerslev, Answering the Skeptics, International Economic Review 39, 1998.
    """

    __slots__ = ("_close", "_squares")

    def __init__(self, period: int = _PERIOD) -> None:
        self._squares = Window(period, "realised volatility")
        self._close: float | None = None

    def update(self, x: float) -> float | None:
        """Take one close; the volatility, or ``None`` until ``period`` returns were seen."""
        before, self._close = self._close, x
        if before is None:
            return None
        self._squares.push(log(x / before) ** 2)
        return sqrt(max(self._squares.mean, 0.0) * self._squares.length) if self._squares.full else None


MEASURES = (
    one(
        Returns, of_close,
        *(
            Feature(
                name=f"return_{horizon}", unit="ratio", low=-1.0, summary=f"Return over {horizon} bars",
                formula=f"close / close[t-{horizon}] - 1", source="TA-Lib ROCP", null="never", ready=horizon + 1,
                memory=horizon + 1, warm_up=horizon + 1,
            )
            for horizon in _HORIZONS
        ),
    ),
    one(
        RealisedVolatility, of_close,
        Feature(
            name=f"realised_volatility_{_PERIOD}", unit="ratio", low=0.0,
            summary=f"Realised volatility of {_PERIOD} bars, not annualised",
            formula=f"sqrt(sum_{_PERIOD}(log(close / close[t-1])^2))", source="Andersen, Bollerslev 1998",
            null="never; 0 in a flat market", ready=_PERIOD + 1, memory=_PERIOD + 1, warm_up=_PERIOD + 1,
        ),
    ),
)  # fmt: skip
