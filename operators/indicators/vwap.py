"""Volume-weighted average price, of the session and of the last bars."""

from operators.feature import Close, Feature, one
from operators.indicators.window import Mean
from operators.state import Slotted
from schemas.time import DAY

__all__ = ["MEASURES", "RollingVwap", "SessionVwap"]


class SessionVwap(Slotted):
    """Notional over volume since 00:00 UTC.

    ``None`` until a whole session could be seen from its beginning and something was traded in it: an average over a
    part of the day is another measure. Nothing of the day before enters.

    Examples
    --------
    >>> vwap = SessionVwap()
    >>> vwap.update(DAY + 1, 10.0, 1.0) is None  # the session began before the first bar
    True
    >>> vwap.update(2 * DAY, 20.0, 2.0), vwap.update(2 * DAY + 1, 40.0, 1.0)
    (10.0, 20.0)
    """

    __slots__ = ("_notional", "_session", "_volume", "value")

    def __init__(self) -> None:
        self._session: int | None = None
        self._notional = self._volume = 0.0
        self.value: float | None = None
        """In price units, ``None`` until ready."""

    def update(self, ts_open: int, notional: float, volume: float) -> float | None:
        """Take the bar that begins at ``ts_open`` (ns)."""
        session = ts_open - ts_open % DAY
        if session == ts_open:
            self._session, self._notional, self._volume = session, 0.0, 0.0
        elif session != self._session:  # its beginning was missed
            self._session = None
        if self._session is None:
            self.value = None
            return None
        self._notional += notional
        self._volume += volume
        self.value = self._notional / self._volume if self._volume > 0 else None
        return self.value


class RollingVwap(Slotted):
    """Notional over volume of the last ``period`` bars; ``None`` until ready and if nothing was traded in them.

    Examples
    --------
    >>> vwap = RollingVwap(2)
    >>> [vwap.update(n, v) for n, v in ((10.0, 1.0), (20.0, 1.0), (60.0, 3.0))]
    [None, 15.0, 20.0]
    """

    __slots__ = ("_notional", "_volume")
    VERSION = 2

    def __init__(self, period: int = 20) -> None:
        self._notional, self._volume = Mean(period, "VWAP"), Mean(period, "VWAP")

    def update(self, notional: float, volume: float) -> float | None:
        """Take one bar's notional and volume."""
        self._notional.push(notional)
        self._volume.push(volume)
        traded = self._volume.total
        return self._notional.total / traded if self._volume.full and traded else None


def _distance(close: float, vwap: float | None) -> float | None:
    return 10_000.0 * (close / vwap - 1.0) if vwap else None


def _session(vwap: SessionVwap, close: Close) -> tuple[float | None, float | None]:
    bar = close.bar
    value = vwap.update(bar.ts_open, bar.notional, bar.volume)
    return value, _distance(bar.close, value)


def _rolling(vwap: RollingVwap, close: Close) -> tuple[float | None, float | None]:
    bar = close.bar
    value = vwap.update(bar.notional, bar.volume)
    return value, _distance(bar.close, value)


_NULL = "the session was not seen from its beginning, or nothing was traded in it"

MEASURES = (
    one(
        SessionVwap, _session,
        Feature(
            name="vwap", unit="quote", low=0.0, summary="Volume-weighted price since 00:00 UTC",
            formula="sum(notional) / sum(volume)", source="its definition", null=_NULL, memory="session",
            warm_up="session",
        ),
        Feature(
            name="vwap_distance", unit="bps", summary="Close over the session's VWAP, minus one",
            formula="10000 (close / vwap - 1)", source="its definition", null=_NULL, memory="session",
            warm_up="session",
        ),
    ),
    one(
        RollingVwap, _rolling,
        Feature(
            name="vwap_20", unit="quote", low=0.0, summary="Volume-weighted price of 20 bars",
            formula="sum_20(notional) / sum_20(volume)", source="its definition", null="nothing traded in 20 bars",
            ready=20, memory=20, warm_up=20,
        ),
        Feature(
            name="vwap_20_distance", unit="bps", summary="Close over the VWAP of 20 bars, minus one",
            formula="10000 (close / vwap_20 - 1)", source="its definition", null="nothing traded in 20 bars", ready=20,
            memory=20, warm_up=20,
        ),
    ),
)  # fmt: skip
