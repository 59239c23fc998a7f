"""Returns over several horizons, and how much prices moved."""

from math import log, sqrt

from operators.feature import Feature, of_close, one
from operators.indicators.window import Mean
from operators.state import Slotted

__all__ = ["MEASURES", "RealisedVolatility", "Returns"]

_HORIZONS = (1, 5, 20)
_PERIODS = (5, 20, 60)


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
    """Root of the sum of squared log returns of the last bars, of three periods: not annualised, not centred.

    T. Andersen, T. Bollerslev, Answering the Skeptics, International Economic Review 39, 1998.
    """

    __slots__ = ("_close", "_long", "_short", "_usual")
    VERSION = 4
    MIGRATIONS = {3: lambda state: [*state[:3], state[4]]}  # noqa: RUF012, a constant; no count of closes

    def __init__(self, periods: tuple[int, int, int] = _PERIODS) -> None:
        self._short, self._usual, self._long = (Mean(period, "realised volatility") for period in periods)
        self._close: float | None = None

    def update(self, x: float) -> tuple[float | None, ...]:
        """Take one close; a volatility a period, ``None`` until so many returns were seen, and the ratio.

        The ratio is that of the shortest to the longest period, of a bar each.
        """
        before, self._close = self._close, x
        if before is None:
            return None, None, None, None
        square = log(x / before) ** 2
        short, usual, long = self._short, self._usual, self._long
        short.push(square)
        usual.push(square)
        long.push(square)
        found = [sqrt(one.total) if one.full else None for one in (short, usual, long)]
        least, _, most = found
        ratio = least * sqrt(long.length / short.length) / most if least is not None and most else None
        return *found, ratio


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
        *(
            Feature(
                name=f"realised_volatility_{period}", unit="ratio", low=0.0,
                summary=f"Realised volatility of {period} bars, not annualised",
                formula=f"sqrt(sum_{period}(log(close / close[t-1])^2))", source="Andersen, Bollerslev 1998",
                null="never; 0 in a flat market", ready=period + 1, memory=period + 1, warm_up=period + 1,
            )
            for period in _PERIODS
        ),
        Feature(
            name="volatility_ratio", unit="ratio", low=0.0, ready=_PERIODS[-1] + 1, memory=_PERIODS[-1] + 1,
            warm_up=_PERIODS[-1] + 1, null="nothing moved in the longer period", source="Andersen, Bollerslev 1998",
            summary=f"Realised volatility of {_PERIODS[0]} bars over that of {_PERIODS[-1]}, of a bar each",
            formula=f"realised_volatility_{_PERIODS[0]} / realised_volatility_{_PERIODS[-1]} "
            f"sqrt({_PERIODS[-1]} / {_PERIODS[0]})",
        ),
    ),
)  # fmt: skip
