"""On-balance volume of the session."""

from operators.feature import Close, Feature, one
from operators.state import Slotted
from schemas.time import DAY

__all__ = ["MEASURES", "OnBalanceVolume"]


class OnBalanceVolume(Slotted):
    """Volume of bars that closed higher minus volume of bars that closed lower, since 00:00 UTC.

    J. Granville, Granville's New Key to Stock Market Profits, 1963; TA-Lib's ``OBV`` but for the anchor: a sum without
    one depends on when it was begun. ``None`` until a session was seen from its beginning.

    Examples
    --------
    >>> obv = OnBalanceVolume()
    >>> [obv.update(DAY + t, c, 2.0) for t, c in enumerate((10.0, 11.0, 11.0, 9.0, 8.0))]
    [0.0, 2.0, 2.0, 0.0, -2.0]
    """

    __slots__ = ("_close", "_session", "value")

    def __init__(self) -> None:
        self._session: int | None = None
        self._close: float | None = None
        self.value: float | None = None
        """In the instrument's size unit, ``None`` until ready."""

    def update(self, ts_open: int, close: float, volume: float) -> float | None:
        """Take the bar that begins at ``ts_open`` (ns)."""
        session = ts_open - ts_open % DAY
        before, self._close = self._close, close
        if session == ts_open:
            self._session, self.value = session, 0.0
        elif session != self._session:
            self._session = self.value = None
        if self.value is not None and before is not None and close != before:
            self.value += volume if close > before else -volume
        return self.value


def _step(obv: OnBalanceVolume, close: Close) -> float | None:
    bar = close.bar
    return obv.update(bar.ts_open, bar.close, bar.volume)


MEASURES = (
    one(
        OnBalanceVolume, _step,
        Feature(
            name="obv", unit="size", summary="Volume of rising bars minus that of falling ones, since 00:00 UTC",
            formula="sum(sign(close - close[-1]) volume)", source="Granville 1963; TA-Lib OBV, anchored",
            null="the session was not seen from its beginning", memory="session and a bar",
            warm_up="session and a bar",
        ),
    ),
)  # fmt: skip
