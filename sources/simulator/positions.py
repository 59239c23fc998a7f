"""Who holds what of a perpetual: the truth that an estimate of liquidation levels can be held against."""

from heapq import heappop, heappush
from math import exp, floor, fsum, log
from typing import Final, Literal

from msgspec import Struct

from schemas.time import DAY, SECOND
from sources.simulator.config import Listing

__all__ = ["LEVERAGES", "MAINTENANCE", "Positions", "TruePosition"]

LEVERAGES: Final = ((5, 0.30), (10, 0.38), (25, 0.20), (50, 0.08), (100, 0.04))
"""Leverage, and the share of new positions that takes it."""
MAINTENANCE: Final = 0.004
"""Maintenance margin as a fraction of the position."""

_BUCKET: Final = 5e-4  # entry prices are kept on a logarithmic grid of 5 basis points
_TURNOVER: Final = 0.3  # share of traded volume that opens positions
_REACH: Final = 80  # buckets on either side of the price in which the first positions were opened


class TruePosition(Struct, frozen=True, kw_only=True):
    """All positions that were opened on one side at one price with one leverage."""

    instrument_id: str
    side: Literal["long", "short"]
    entry_price: float
    leverage: int
    size: float
    """Base currency."""
    liquidation_price: float
    """Mark price at which all of it is closed by force."""


class _Side:
    """Cohorts of one direction (+1 long, -1 short), in units whose worth shrinks when positions are closed."""

    def __init__(self, direction: int) -> None:
        self.direction = direction
        self.units: dict[tuple[int, int], float] = {}  # (entry bucket, leverage)
        self.worth = 1.0
        self._heap: list[tuple[float, int, int]] = []

    def liquidation_price(self, bucket: int, leverage: int) -> float:
        """Where a loss has eaten the margin down to the maintenance margin (isolated margin, no fees)."""
        return entry_price(bucket) * (1.0 - self.direction * (1.0 / leverage - MAINTENANCE))

    def add(self, bucket: int, leverage: int, lots: float) -> None:
        key = (bucket, leverage)
        if key not in self.units:
            self.units[key] = 0.0
            heappush(self._heap, (-self.direction * self.liquidation_price(bucket, leverage), bucket, leverage))
        self.units[key] += lots / self.worth

    def liquidate(self, mark: float) -> float:
        """Close what ``mark`` has reached; the lots."""
        lots = 0.0
        while self._heap and self._heap[0][0] <= -self.direction * mark:
            _, bucket, leverage = heappop(self._heap)
            lots += self.units.pop((bucket, leverage)) * self.worth
        return lots

    def shrink(self, factor: float) -> None:
        """Leave only ``factor`` of every cohort; what has become dust is forgotten."""
        self.worth *= factor
        if self.worth < 1e-6:
            self.units, old, worth = {}, self.units, self.worth
            self._heap, self.worth = [], 1.0
            for (bucket, leverage), units in old.items():
                if units * worth > 1e-3:
                    self.add(bucket, leverage, units * worth)


def entry_price(bucket: int) -> float:
    """The price of an entry bucket."""
    return exp((bucket + 0.5) * _BUCKET)


class Positions:
    """Longs and shorts of equal size. Sizes are in lots, not rounded."""

    def __init__(self, listing: Listing, price: float) -> None:
        self._id = listing.instrument_id
        self._lot = listing.lot_size
        self._longs, self._shorts = _Side(1), _Side(-1)
        self.open_interest = listing.open_interest / listing.lot_size
        opening = _TURNOVER * listing.trades_per_second * listing.trade_size
        # As much is closed as opened once there is as much as at the start; from nothing, a day's openings.
        self._closing = min(0.5, opening / listing.open_interest) if listing.open_interest else SECOND / DAY
        self._inherit(price)

    def second(self, price: float, traded_lots: int, momentum: float) -> None:
        """Let a second pass: volume opens positions at ``price`` and others are closed.

        As many are opened as closed in the long run, more in a rising market and fewer in a falling one
        (``momentum``: the last seconds' return over its deviation).
        """
        opened = _TURNOVER * traded_lots * (1.0 + 0.5 * max(-1.0, min(1.0, momentum)))
        kept = 1.0 - self._closing
        bucket = floor(log(price) / _BUCKET)
        for side in (self._longs, self._shorts):
            side.shrink(kept)
            if opened:
                for leverage, share in LEVERAGES:
                    side.add(bucket, leverage, share * opened)
        self.open_interest = self.open_interest * kept + opened

    def liquidate(self, mark: float) -> tuple[int, int]:
        """Close by force what ``mark`` has reached: lots of longs to sell and of shorts to buy back.

        The other side's positions shrink by the same size: who was right takes the profit.
        """
        forced = []
        for side, other in ((self._longs, self._shorts), (self._shorts, self._longs)):
            lots = min(side.liquidate(mark), self.open_interest)
            if lots:
                other.shrink(1.0 - lots / self.open_interest)
                self.open_interest -= lots
            forced.append(round(lots))
        return forced[0], forced[1]

    def true_positions(self) -> list[TruePosition]:
        """Every cohort, longs first, by entry price and leverage."""
        return [
            TruePosition(
                instrument_id=self._id,
                side="long" if side.direction > 0 else "short",
                entry_price=entry_price(bucket),
                leverage=leverage,
                size=side.units[bucket, leverage] * side.worth * self._lot,
                liquidation_price=side.liquidation_price(bucket, leverage),
            )
            for side in (self._longs, self._shorts)
            for bucket, leverage in sorted(side.units)
        ]

    def _inherit(self, price: float) -> None:
        """The positions at the start: opened around ``price``, most of them near it, none of them due."""
        here = floor(log(price) / _BUCKET)
        for side in (self._longs, self._shorts):
            entries = [
                (here + offset, leverage, share * (_REACH + 1 - abs(offset)))
                for offset in range(-_REACH, _REACH + 1)
                for leverage, share in LEVERAGES
                if side.direction * (price - side.liquidation_price(here + offset, leverage)) > 0
            ]
            whole = fsum(weight for *_, weight in entries)
            for bucket, leverage, weight in entries:
                side.add(bucket, leverage, weight / whole * self.open_interest)
