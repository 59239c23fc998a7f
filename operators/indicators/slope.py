"""The slope of a slow average: the trend's speed."""

from operators.feature import Feature, forgotten, of_close, one, settled
from operators.indicators.ema import ExponentialMovingAverage, average_feature
from operators.state import Slotted

__all__ = ["MEASURES", "AverageSlope"]

_PERIOD = 50


class AverageSlope(Slotted):
    """An exponential average, and its change from bar to bar in hundredths of a percent of itself.

    Examples
    --------
    >>> slope = AverageSlope(1)
    >>> [slope.update(x) for x in (100.0, 101.0)]
    [(100.0, None), (101.0, 100.0)]
    """

    __slots__ = ("_average",)

    def __init__(self, period: int = _PERIOD) -> None:
        self._average = ExponentialMovingAverage(period)

    def update(self, x: float) -> tuple[float | None, float | None]:
        """Take one price; the average and its slope in bps a bar."""
        before = self._average.value
        now = self._average.update(x)
        if now is None or before is None:
            return now, None
        return now, 10_000.0 * (now - before) / before


_ALPHA = 2 / (_PERIOD + 1)

MEASURES = (
    one(
        AverageSlope, of_close,
        average_feature(_PERIOD),
        Feature(
            name=f"ema_{_PERIOD}_slope", unit="bps/bar", summary=f"Change of EMA {_PERIOD} from bar to bar",
            formula=f"10000 (ema_{_PERIOD} / ema_{_PERIOD}[t-1] - 1)", source="its definition", null="never",
            ready=_PERIOD + 1, memory=forgotten(_ALPHA), warm_up=settled(_ALPHA),
        ),
    ),
)  # fmt: skip
