"""One instrument's resting orders: two sides without holes, in whole ticks and lots."""

from typing import Final

from schemas.market import BookDelta, BookSnapshot
from sources.simulator.config import Grid, Listing, SimulatorConfig
from sources.simulator.randomness import Draw, exponentials

__all__ = ["Book", "BookSide"]

_MARGIN: Final = 50  # levels by which a side may outgrow what is asked for, so that its far end seldom changes
_FRESH: Final = 5  # best levels that are quoted anew at every move
_PULL: Final = 0.6  # how far a quoted size comes towards its new mean in one step
_NOISE: Final = 0.6  # share of a level's mean size that is random


class BookSide:
    """One side. A level's key counts ticks away from the market: the best level has the smallest key.

    That is the tick number itself for asks and its negative for bids, so both sides are one code.
    """

    def __init__(self, *, best: int, levels: int, mean_lots: float, draw: Draw) -> None:
        self.levels: dict[int, int] = {}
        """Key to size in lots, without holes from ``best`` to ``far``."""
        self.changes: dict[int, int] = {}
        """What a delta has to tell, since somebody last cleared it; 0 lots: the level is gone."""
        self.best = best
        self.far = best - 1
        self._least = levels
        # The book is thin where the market is and three times as thick from 40 ticks on.
        self._means = [mean_lots * min(1.0 + distance / 20.0, 3.0) for distance in range(levels + 2 * _MARGIN)]
        self._draw = draw
        self.move(best, 1.0)

    def move(self, best: int, factor: float) -> None:
        """Let ``best`` be the best level, with sizes near it ``factor`` times their mean."""
        levels, changes = self.levels, self.changes
        far = self.far
        if not self._least <= far - best + 1 <= self._least + 2 * _MARGIN:
            far = best + self._least + _MARGIN - 1
        for passed in (range(self.best, min(best, self.far + 1)), range(max(far + 1, self.best), self.far + 1)):
            for key in passed:
                del levels[key]
                changes[key] = 0
        for fresh in (range(best, min(self.best, far + 1)), range(max(self.far + 1, best), far + 1)):
            for key in fresh:
                levels[key] = changes[key] = self._size(key - best, factor)
        self.best, self.far = best, far
        for key in range(best, best + _FRESH):
            if key not in changes:
                old = levels[key]
                new = old + round(_PULL * (self._size(key - best, factor) - old))
                if new != old:
                    levels[key] = changes[key] = new

    def take(self, lots: int) -> list[tuple[int, int]]:
        """Fill a market order of ``lots`` from the best level on: (key, lots) of each fill. The last level stays."""
        fills: list[tuple[int, int]] = []
        while lots > 0 and self.best < self.far:
            key, there = self.best, self.levels[self.best]
            if there > lots:
                self.levels[key] = self.changes[key] = there - lots
                fills.append((key, lots))
                break
            del self.levels[key]
            self.changes[key] = 0
            fills.append((key, there))
            lots -= there
            self.best += 1
        return fills

    def _size(self, distance: int, factor: float) -> int:
        return 1 + int(self._means[distance] * factor * (1.0 - _NOISE + _NOISE * self._draw()))


class Book:
    """Both sides, and the messages a venue would send of them."""

    def __init__(self, config: SimulatorConfig, listing: Listing, *, bid: int, ask: int) -> None:
        """``bid`` and ``ask`` are the best prices in ticks."""
        self._id = listing.instrument_id
        self._ticks = Grid.of(listing.tick_size)
        self._lots = Grid.of(listing.lot_size)
        draw = exponentials(config.seed, f"book/{listing.instrument_id}")
        mean_lots = listing.level_size / listing.lot_size
        self.bids = BookSide(best=-bid, levels=config.levels, mean_lots=mean_lots, draw=draw)
        self.asks = BookSide(best=ask, levels=config.levels, mean_lots=mean_lots, draw=draw)
        self.sequence = 1
        """Of the last change told."""
        self.forget()

    def move(self, bid: int, ask: int, tilt: float) -> None:
        """Let ``bid`` and ``ask`` (ticks) be the best prices; sizes lean to the bid's side by a factor ``tilt``."""
        self.bids.move(-bid, tilt)
        self.asks.move(ask, 1.0 / tilt)

    def top(self) -> tuple[float, float, float, float]:
        """Best bid price and size, best ask price and size."""
        bids, asks, ticks, lots = self.bids, self.asks, self._ticks, self._lots
        return (
            -bids.best * ticks.numerator / ticks.denominator,
            bids.levels[bids.best] * lots.numerator / lots.denominator,
            asks.best * ticks.numerator / ticks.denominator,
            asks.levels[asks.best] * lots.numerator / lots.denominator,
        )

    def delta(self, ts_event: int, ts_received: int) -> BookDelta:
        """What has changed since the last delta, best level first; there must be something."""
        previous = self.sequence
        self.sequence += len(self.bids.changes) + len(self.asks.changes)
        bid_prices, bid_sizes = self._flat(self.bids.changes, -1)
        ask_prices, ask_sizes = self._flat(self.asks.changes, 1)
        self.forget()
        return BookDelta(
            instrument_id=self._id,
            ts_event=ts_event,
            ts_received=ts_received,
            bid_prices=bid_prices,
            bid_sizes=bid_sizes,
            ask_prices=ask_prices,
            ask_sizes=ask_sizes,
            first_sequence=previous + 1,
            last_sequence=self.sequence,
            previous_sequence=previous,
        )

    def snapshot(self, ts_event: int, ts_received: int) -> BookSnapshot:
        """The whole book as of the last delta."""
        bid_prices, bid_sizes = self._flat(self.bids.levels, -1)
        ask_prices, ask_sizes = self._flat(self.asks.levels, 1)
        return BookSnapshot(
            instrument_id=self._id,
            ts_event=ts_event,
            ts_received=ts_received,
            bid_prices=bid_prices,
            bid_sizes=bid_sizes,
            ask_prices=ask_prices,
            ask_sizes=ask_sizes,
            sequence=self.sequence,
            depth=1 + max(len(bid_prices), len(ask_prices)),  # more than there is: both sides are whole
        )

    def forget(self) -> None:
        """Drop the changes that have been told."""
        self.bids.changes.clear()
        self.asks.changes.clear()

    def _flat(self, levels: dict[int, int], sign: int) -> tuple[list[float], list[float]]:
        keys = sorted(levels)
        scale, ticks = sign * self._ticks.numerator, self._ticks.denominator
        lot, lots = self._lots.numerator, self._lots.denominator
        return [key * scale / ticks for key in keys], [levels[key] * lot / lots for key in keys]
