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

    __slots__ = ("_bars", "_side", "_zones")

    def __init__(self, side: int) -> None:
        self._side = side
        self._bars = 0
        self._zones: list[list[float]] = []  # bar, near edge, far edge, how far it was entered; youngest last

    def move(self, high: float, low: float, close: float) -> None:
        """Take a bar that is after all zones so far."""
        self._bars += 1
        side, reached = self._side, low if self._side > 0 else high
        gone = False
        for zone in self._zones:
            if (zone[3] - reached) * side > 0.0:
                zone[3] = reached
            if (close - zone[2]) * side < 0.0:
                gone = True
        if gone or (self._zones and self._zones[0][0] <= self._bars - AGES):
            since = self._bars - AGES
            self._zones = [zone for zone in self._zones if zone[0] > since and (close - zone[2]) * side >= 0.0]

    def add(self, near: float, far: float) -> None:
        """A zone that this bar made known, from its edge ``near`` the market to the ``far`` one."""
        self._zones.append([self._bars, near, far, near])
        if len(self._zones) > MOST:
            del self._zones[0]

    def nearest(self, close: float) -> tuple[float | None, float | None]:
        """Distance from the close to the near edge in bps (below 0: inside), and the part of it that was entered."""
        if not self._zones:
            return None, None
        side = self._side
        best = self._zones[0]
        for zone in self._zones:
            if (zone[1] - best[1]) * side > 0.0:
                best = zone
        _, near, far, reached = best
        entered = min(max((near - reached) / (near - far), 0.0), 1.0)
        return 10_000.0 * (close - near) * side / close, entered
