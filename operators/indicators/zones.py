"""Zones of price that wait to be traded again: what order blocks and fair value gaps have in common."""

from typing import Final

from operators.state import Slotted

__all__ = ["AGES", "MOST", "Zones"]

AGES: Final = 200
"""Bars after which a zone is forgotten."""
MOST: Final = 16
"""Zones of one side that are kept, the youngest."""


class Zones(Slotted):
    """Zones of one side, each with the extreme that price has reached into it since it was known.

    A zone below the market (``side`` 1) is entered from above and is gone once a close lies below it; one above the
    market (``side`` -1) the other way round.
    """

    __slots__ = ("_at", "_bars", "_deepest", "_fars", "_limit", "_nears", "_reached", "_side", "_since")
    VERSION = 3

    def __init__(self, side: int) -> None:
        self._side = side
        self._bars = 0
        # Of each zone, the youngest last: its bar, near edge, far edge, and how far it was entered.
        self._since: list[int] = []
        self._nears: list[float] = []
        self._fars: list[float] = []
        self._reached: list[float] = []
        # Of all of them: which is nearest, beyond what one is entered deeper, and beyond what one is gone.
        self._at = 0
        self._deepest = self._limit = 0.0

    def move(self, high: float, low: float, close: float) -> None:
        """Take a bar that is after all zones so far."""
        self._bars += 1
        if not self._since:
            return
        if self._side > 0:
            if low < self._deepest:
                self._reached = [min(reached, low) for reached in self._reached]
                self._deepest = max(self._reached)
            gone = close < self._limit
        else:
            if high > self._deepest:
                self._reached = [max(reached, high) for reached in self._reached]
                self._deepest = min(self._reached)
            gone = close > self._limit
        if gone or self._since[0] <= self._bars - AGES:
            self._keep(close)

    def add(self, near: float, far: float) -> None:
        """A zone that this bar made known, from its edge ``near`` the market to the ``far`` one."""
        self._since.append(self._bars)
        self._nears.append(near)
        self._fars.append(far)
        self._reached.append(near)
        if len(self._since) > MOST:
            del self._since[0], self._nears[0], self._fars[0], self._reached[0]
        self._look()

    def nearest(self, close: float) -> tuple[float | None, float | None]:
        """Distance from the close to the near edge in bps (below 0: inside), and the part of it that was entered."""
        if not self._since:
            return None, None
        at = self._at
        near = self._nears[at]
        entered = (near - self._reached[at]) / (near - self._fars[at])
        entered = 0.0 if entered < 0.0 else 1.0 if entered > 1.0 else entered
        return 10_000.0 * (close - near) * self._side / close, entered

    def _keep(self, close: float) -> None:
        """Only the zones that are not too old and that ``close`` is not beyond."""
        since, side = self._bars - AGES, self._side
        kept = [at for at, far in enumerate(self._fars) if self._since[at] > since and (close - far) * side >= 0.0]
        self._since = [self._since[at] for at in kept]
        self._nears = [self._nears[at] for at in kept]
        self._fars = [self._fars[at] for at in kept]
        self._reached = [self._reached[at] for at in kept]
        if kept:
            self._look()

    def _look(self) -> None:
        first = max if self._side > 0 else min
        self._at = self._nears.index(first(self._nears))
        self._deepest, self._limit = first(self._reached), first(self._fars)
