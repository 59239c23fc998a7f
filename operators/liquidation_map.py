"""Where positions would be liquidated: estimated from how open interest moved at which price."""

from bisect import bisect_left
from math import exp, floor, fsum, log
from typing import Final, NamedTuple

from operators.state import Slotted

__all__ = ["LEVERAGES", "MAINTENANCE", "REACH", "Cluster", "LiquidationMap", "Outlook", "Profile"]

LEVERAGES: Final = ((5, 0.25), (10, 0.35), (20, 0.22), (50, 0.12), (100, 0.06))
"""Leverage, and the share of new positions that is assumed to take it. Venues do not tell; what they offer as a default
(10 and 20) is taken most, and losses weed out the highest."""
MAINTENANCE: Final = 0.005
"""Maintenance margin as a fraction of the position: that of the lowest tiers of the large venues' majors."""
REACH: Final = 0.1
"""How far from the price, as a logarithm, clusters are looked for."""

_BIN: Final = 2e-3
"""Logarithmic width: 20 basis points. What is assumed of leverage and margin is not exact enough for less."""
_FARTHEST: Final = round(0.7 / _BIN)
"""Bins from the price, half or twice of it: what is beyond is forgotten, so that the map stays small."""
_DENSE: Final = 2.0
"""Times the mean density within `REACH` that makes a cluster."""


class Cluster(NamedTuple):
    """Neighbouring bins that hold more than usual."""

    price: float
    """Of the heaviest bin."""
    size: float
    """Of all of them, in units of open interest."""


class Outlook(NamedTuple):
    """What the map says at a price; ``None``: there is no such cluster."""

    above: Cluster | None
    """The nearest one of short positions."""
    below: Cluster | None
    """The nearest one of long positions."""
    size_above: float
    """Of all within `REACH`."""
    size_below: float


class Profile(NamedTuple):
    """Sizes by price."""

    lowest: float
    """Where the first bin begins."""
    width: float
    """Of a bin, as a logarithm."""
    sizes: list[float]
    """Of each bin, in units of open interest."""


class _Side(Slotted):
    """Cohorts by the bin of their liquidation price, ascending, in units that are worth less when positions close."""

    __slots__ = ("bins", "units", "worth")

    def __init__(self) -> None:
        self.bins: list[int] = []
        self.units: list[float] = []
        self.worth = 1.0

    def add(self, number: int, size: float) -> None:
        at = bisect_left(self.bins, number)
        if at == len(self.bins) or self.bins[at] != number:
            self.bins.insert(at, number)
            self.units.insert(at, 0.0)
        self.units[at] += size / self.worth

    def cut_below(self, first: int) -> float:
        """Take the bins below ``first`` out; their size."""
        if not self.bins or first <= self.bins[0]:
            return 0.0
        at = bisect_left(self.bins, first)
        gone = fsum(self.units[:at]) * self.worth
        del self.bins[:at], self.units[:at]
        return gone

    def cut_above(self, last: int) -> float:
        """Take the bins above ``last`` out; their size."""
        if not self.bins or self.bins[-1] <= last:
            return 0.0
        at = bisect_left(self.bins, last + 1)
        gone = fsum(self.units[at:]) * self.worth
        del self.bins[at:], self.units[at:]
        return gone

    def shrink(self, factor: float) -> None:
        """Leave only ``factor`` of every cohort."""
        self.worth *= max(factor, 0.0)
        if self.worth < 1e-6:
            self.units = [units * self.worth for units in self.units]
            self.worth = 1.0

    def within(self, first: int, last: int) -> dict[int, float]:
        """The sizes of the bins from ``first`` to ``last``."""
        part = slice(bisect_left(self.bins, first), bisect_left(self.bins, last + 1))
        return {number: units * self.worth for number, units in zip(self.bins[part], self.units[part], strict=True)}


class LiquidationMap(Slotted):
    """Cohorts of long and short positions by the price at which their margin is used up.

    A rise of open interest opens as much on either side at the present price, spread over `LEVERAGES`. A fall closes
    what the price has liquidated since the last word on it, with as much of the other side, and for the rest a part of
    all. What the mark price has passed is liquidated. Positions that were there before the first rise, and those that
    change hands while open interest stays, are not known.

    The liquidation price of an isolated position that pays no fees, ``entry (1 - side (1 / leverage - maintenance))``,
    is that of the venues' own guides; the idea of cohorts from open interest that of the liquidation heatmaps which are
    published of it.
    """

    __slots__ = ("_interest", "_longs", "_passed_longs", "_passed_shorts", "_shorts")

    def __init__(self) -> None:
        self._interest: float | None = None
        self._longs, self._shorts = _Side(), _Side()
        self._passed_longs = self._passed_shorts = 0.0

    def on_interest(self, interest: float, price: float) -> None:
        """Take the open interest told while the mark price was ``price``."""
        before, self._interest = self._interest, interest
        if before is not None and interest > before:
            self._open(interest - before, price)
        elif before is not None and interest < before:
            self._close(before - interest, before)
        self._passed_longs = self._passed_shorts = 0.0

    def on_price(self, low: float, high: float) -> None:
        """The mark price was between ``low`` and ``high``: liquidate what it has passed."""
        bottom, top = _bin(low), _bin(high)
        self._passed_longs += self._longs.cut_above(bottom - 1)
        self._passed_shorts += self._shorts.cut_below(top + 1)

    def forget(self) -> None:
        """Nobody listened for a while: from what open interest moves next is not known."""
        self._interest = None
        self._passed_longs = self._passed_shorts = 0.0

    def outlook(self, price: float) -> Outlook | None:
        """What lies around ``price``; ``None`` as long as no rise of open interest was seen."""
        if not self._longs.bins and not self._shorts.bins:
            return None
        here, reach = _bin(price), round(REACH / _BIN)
        above = self._shorts.within(here + 1, here + reach)
        below = self._longs.within(here - reach, here - 1)
        return Outlook(
            _nearest(above, range(here + 1, here + reach + 1)),
            _nearest(below, range(here - 1, here - reach - 1, -1)),
            fsum(above.values()),
            fsum(below.values()),
        )

    def profile(self, price: float) -> Profile | None:
        """What lies within `REACH` of ``price``, bin by bin; ``None`` as long as no rise of open interest was seen."""
        if not self._longs.bins and not self._shorts.bins:
            return None
        here, reach = _bin(price), round(REACH / _BIN)
        longs, shorts = self._longs.within(here - reach, here), self._shorts.within(here, here + reach)
        found = range(min([*longs, *shorts], default=here), max([*longs, *shorts], default=here - 1) + 1)
        return Profile(
            exp(found.start * _BIN), _BIN, [longs.get(number, 0.0) + shorts.get(number, 0.0) for number in found]
        )

    def density(self) -> dict[float, tuple[float, float]]:
        """By price, ascending, the size of the long and of the short positions that would be liquidated there."""
        sides = (self._longs, self._shorts)
        longs, shorts = (side.within(side.bins[0], side.bins[-1]) if side.bins else {} for side in sides)
        numbers = sorted({*longs, *shorts})
        return {_price(number): (longs.get(number, 0.0), shorts.get(number, 0.0)) for number in numbers}

    def _open(self, size: float, price: float) -> None:
        at, here = log(price), _bin(price)
        self._longs.cut_below(here - _FARTHEST)
        self._shorts.cut_above(here + _FARTHEST)
        for leverage, share in LEVERAGES:
            margin = 1.0 / leverage - MAINTENANCE
            self._longs.add(floor((at + log(1.0 - margin)) / _BIN), share * size)
            self._shorts.add(floor((at + log(1.0 + margin)) / _BIN), share * size)

    def _close(self, fall: float, before: float) -> None:
        """``before`` was open; the fall is put down to liquidations first, as far as they go."""
        passed = self._passed_longs + self._passed_shorts
        forced = min(fall, passed)
        if forced:
            self._shorts.shrink(1.0 - forced * (self._passed_longs / passed) / before)
            self._longs.shrink(1.0 - forced * (self._passed_shorts / passed) / before)
        if fall > forced:
            rest = 1.0 - (fall - forced) / (before - forced)
            self._longs.shrink(rest)
            self._shorts.shrink(rest)


def _nearest(sizes: dict[int, float], outwards: range) -> Cluster | None:
    """The first run of dense bins on the way ``outwards``."""
    if not sizes:
        return None
    dense = _DENSE * fsum(sizes.values()) / len(outwards)
    heaviest, most, whole = 0, 0.0, 0.0
    for number in outwards:
        size = sizes.get(number, 0.0)
        if size >= dense:
            whole += size
            if size > most:
                heaviest, most = number, size
        elif whole:
            break
    return Cluster(_price(heaviest), whole) if whole else None


def _bin(price: float) -> int:
    return floor(log(price) / _BIN)


def _price(number: int) -> float:
    return exp((number + 0.5) * _BIN)
