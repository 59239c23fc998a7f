"""Volume-weighted average price of the session."""

from operators.state import Slotted
from schemas.time import DAY

__all__ = ["SessionVwap"]


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
