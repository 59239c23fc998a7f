"""Cumulative volume delta of the session."""

from operators.feature import Close, Feature, one
from operators.state import Slotted
from schemas.time import DAY

__all__ = ["MEASURES", "CumulativeVolumeDelta"]


class CumulativeVolumeDelta(Slotted):
    """Volume bought minus volume sold by aggressors since 00:00 UTC.

    Anchored, so that a start at any time ends up at the same value from the next session on; ``None`` until a session
    was seen from its beginning, and for the rest of one in which an aggressor is not told. Bars that are missing in it
    taint it.

    Examples
    --------
    >>> cvd = CumulativeVolumeDelta()
    >>> cvd.update(DAY, 2.0), cvd.update(DAY + 1, -5.0), cvd.update(2 * DAY, 1.0), cvd.update(2 * DAY + 1, None)
    (2.0, -3.0, 1.0, None)
    """

    __slots__ = ("_session", "value")

    def __init__(self) -> None:
        self._session: int | None = None
        self.value: float | None = None
        """In the instrument's size unit, ``None`` until ready."""

    def update(self, ts_open: int, delta: float | None) -> float | None:
        """Take what was bought minus sold in the bar that begins at ``ts_open`` (ns); ``None``: not known."""
        session = ts_open - ts_open % DAY
        if session == ts_open:
            self._session, self.value = session, 0.0
        elif session != self._session:
            self._session = self.value = None
        if self.value is not None:
            self.value = None if delta is None else self.value + delta
        return self.value


class _Flow(Slotted):
    """What aggressors did: of the bar alone, and summed over the session."""

    __slots__ = ("_cvd",)

    def __init__(self) -> None:
        self._cvd = CumulativeVolumeDelta()

    def update(self, close: Close) -> tuple[float | None, float | None, float | None]:
        bar = close.bar
        sided, delta = bar.buy_volume + bar.sell_volume, bar.buy_volume - bar.sell_volume
        cvd = self._cvd.update(bar.ts_open, delta if bar.sided else None)
        if sided <= 0 or not bar.sided:
            return None, None, cvd
        return delta / sided, bar.buy_volume / bar.sell_volume if bar.sell_volume > 0 else None, cvd


MEASURES = (
    one(
        _Flow, _Flow.update,
        Feature(
            name="tfi", unit="ratio", low=-1.0, high=1.0, summary="Trade-flow imbalance of the bar, by aggressor",
            formula="(bought - sold) / (bought + sold)", source="its definition",
            null="nothing traded, or an aggressor was not told", memory=1,
        ),
        Feature(
            name="taker_ratio", unit="ratio", low=0.0, summary="Bought over sold by aggressors, of the bar",
            formula="bought / sold", source="Binance, taker buy/sell volume", memory=1,
            null="nothing sold, or an aggressor was not told",
        ),
        Feature(
            name="cvd", unit="size", summary="Bought minus sold by aggressors since 00:00 UTC",
            formula="sum(bought - sold)", source="its definition",
            null="the session was not seen from its beginning, or an aggressor was not told", memory="session",
            warm_up="session",
        ),
    ),
)  # fmt: skip
