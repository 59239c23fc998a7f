"""Bollinger bands."""

from operators.feature import Feature, of_close, one
from operators.indicators.window import Window
from operators.state import Slotted

__all__ = ["MEASURES", "BollingerBands"]


class BollingerBands(Slotted):
    """Mean of the last ``period`` closes, and ``k`` standard deviations (over ``n``) above and below it.

    J. Bollinger, Bollinger on Bollinger Bands, 2001; the convention of TA-Lib's ``BBANDS``. In a flat market the bands
    lie on the price, the width is 0 and %B, 0 over 0, is ``None``.

    Parameters
    ----------
    period
        Closes, at least 2.
    k
        Standard deviations.

    Raises
    ------
    OperatorError
        For a period below 1.
    """

    __slots__ = ("_closes", "_k")
    VERSION = 2
    MIGRATIONS = {1: lambda state: [[1, *state[:-1]], state[-1]]}  # noqa: RUF012, a constant

    def __init__(self, period: int = 20, k: float = 2.0) -> None:
        self._closes = Window(period, "Bollinger bands")
        self._k = k

    def update(self, x: float) -> tuple[float | None, ...]:
        """Take one close; upper, middle and lower band, %B and width, or ``None`` until ready."""
        closes = self._closes
        closes.push(x)
        if not closes.full:
            return None, None, None, None, None
        shift, deviation = closes.spread()
        middle, reach = x + shift, self._k * deviation
        percent = 0.5 - 0.5 * shift / reach if reach else None
        return middle + reach, middle, middle - reach, percent, 2.0 * reach / middle


_SOURCE = "Bollinger 2001; TA-Lib BBANDS(20, 2)"

MEASURES = (
    one(
        BollingerBands, of_close,
        Feature(
            name="bb_upper", unit="quote", low=0.0, summary="Upper Bollinger band", source=_SOURCE, null="never",
            formula="bb_middle + 2 stddev_20(close)", ready=20, memory=20, warm_up=20,
        ),
        Feature(
            name="bb_middle", unit="quote", low=0.0, summary="Middle of the Bollinger bands", source=_SOURCE,
            null="never", formula="SMA_20(close)", ready=20, memory=20, warm_up=20,
        ),
        Feature(
            name="bb_lower", unit="quote", summary="Lower Bollinger band", source=_SOURCE, null="never",
            formula="bb_middle - 2 stddev_20(close)", ready=20, memory=20, warm_up=20,
        ),
        Feature(
            name="bb_percent_b", unit="ratio", summary="Where the close lies between the bands: 0 lower, 1 upper",
            source=_SOURCE, null="flat market", formula="(close - bb_lower) / (bb_upper - bb_lower)", ready=20,
            memory=20, warm_up=20,
        ),
        Feature(
            name="bb_width", unit="ratio", low=0.0, summary="Width of the bands over their middle", source=_SOURCE,
            null="never; 0 in a flat market", formula="(bb_upper - bb_lower) / bb_middle", ready=20, memory=20,
            warm_up=20,
        ),
    ),
)  # fmt: skip
