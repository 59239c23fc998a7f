"""Cumulative volume delta of the session."""

from operators.state import Slotted
from schemas.time import DAY

__all__ = ["CumulativeVolumeDelta"]


class CumulativeVolumeDelta(Slotted):
    """Volume bought minus volume sold by aggressors since 00:00 UTC.

    Anchored, so that a start at any time ends up at the same value from the next session on; ``None`` until a session
    was seen from its beginning, and for the rest of a session of which a part is not known.

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
