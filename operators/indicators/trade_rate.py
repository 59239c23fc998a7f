"""How many trades there are, beside what is usual."""

from operators.feature import Close, Feature, one
from operators.indicators.zscore import ZScore, z_feature
from operators.state import Slotted
from schemas.time import SECOND

__all__ = ["MEASURES"]


class _Rate(Slotted):
    __slots__ = ("_z",)

    def __init__(self) -> None:
        self._z = ZScore()

    def update(self, close: Close) -> tuple[float | None, float | None]:
        bar = close.bar
        known = bar.trades or not bar.volume
        rate = bar.trades * SECOND / (close.ts_close - bar.ts_open) if known else None
        return rate, self._z.update(close, rate)


MEASURES = (
    one(
        _Rate, _Rate.update,
        Feature(
            name="trade_rate", unit="trades/s", low=0.0, memory=1, summary="Trades a second, mean of the bar",
            formula="trades / seconds", source="its definition", null="the bar was given without a number of trades",
        ),
        z_feature("trade_rate_z", "trade_rate"),
    ),
)  # fmt: skip
