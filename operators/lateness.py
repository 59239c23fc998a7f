"""What came after its time, counted until it is told."""

from typing import Any, Final

from operators.outbox import Outbox
from operators.state import Slotted
from schemas.time import MINUTE

__all__ = ["Lateness"]

_LONGEST: Final = 2 * MINUTE
"""Of receipts, without a close that would tell the counts."""


class Lateness(Slotted):
    """Counts of one instrument.

    Attributes
    ----------
    revised
        Trades that are in a revision of their bars.
    trades, quotes, bars
        Those that came too late for anything.
    """

    __slots__ = ("_since", "bars", "quotes", "revised", "trades")

    def __init__(self) -> None:
        self.revised = self.trades = self.quotes = self.bars = 0
        self._since: int | None = None

    def overdue(self, ts_received: int) -> bool:
        """Whether there is something to tell, and was already when last asked two minutes ago or more."""
        if not (self.revised or self.trades or self.quotes or self.bars):
            return False
        if self._since is None:
            self._since = ts_received
        return abs(ts_received - self._since) >= _LONGEST

    def tell(self, outbox: Outbox[Any], start: int, end: int, ts_received: int) -> None:
        """Put the counts into the ledger, for the event time from ``start`` to ``end``, and begin anew."""
        if self.revised:
            outbox.gap("late", start, end, ts_received, count=self.revised)
        for what, count in (("trades", self.trades), ("quotes", self.quotes), ("bars", self.bars)):
            if count:
                outbox.gap("too_late", start, end, ts_received, count=count, detail=what)
        self.revised = self.trades = self.quotes = self.bars = 0
        self._since = None
