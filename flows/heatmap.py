"""Estimated liquidation levels of a recording: what they said at each close, and on a simulation what was true."""

from collections.abc import Callable, Iterable, Mapping
from math import floor, fsum, isfinite, log, nan
from typing import Final

from flows.feeds import Entry
from models.levels import Forced, Sample
from operators.derivatives import Derivatives
from operators.liquidation_map import REACH, Cluster
from schemas.market import ExchangeBar, Liquidation, MarkPrice, OpenInterest
from schemas.time import HOUR, TIMEFRAME_NS, Timeframe, floor_to
from sources.malformed import Malformed
from sources.simulator import Simulator

__all__ = ["Truth", "Watch", "watched"]

_BIN: Final = 5e-3
"""Logarithmic width of the bins in which estimate and truth are compared."""
_STALE: Final = HOUR
"""ns without a word on open interest, or on the price of more than a bar, after which nothing is predicted."""
_TOLD: Final = (MarkPrice, ExchangeBar, OpenInterest, Liquidation)
_Told = MarkPrice | ExchangeBar | OpenInterest | Liquidation


class _Density:
    """Longs and shorts by logarithmic distance from ``price``."""

    def __init__(self, price: float) -> None:
        self._price = price
        self.sizes: tuple[dict[int, float], dict[int, float]] = ({}, {})

    @property
    def whole(self) -> bool:
        """Whether there is something on either side."""
        return all(self.sizes)

    def add(self, price: float, side: int, size: float) -> None:
        """Of 0 (long) or 1 (short) positions; what is farther than `REACH` does not count."""
        distance = abs(log(price / self._price))
        if size > 0.0 and distance <= REACH:
            at = floor(distance / _BIN)
            self.sizes[side][at] = self.sizes[side].get(at, 0.0) + size

    def overlap(self, other: "_Density", *, mirrored: bool = False) -> float:
        """The part that both have in common, each side's whole counted as one half."""
        found = 0.0
        for side in (0, 1):
            ours, theirs = self.sizes[side], other.sizes[1 - side if mirrored else side]
            whole, others = fsum(ours.values()), fsum(theirs.values())
            found += fsum(min(size / whole, theirs.get(at, 0.0) / others) for at, size in ours.items()) / 2.0
        return found


class Watch:
    """One instrument's derivatives, sampled at each close of ``timeframe`` by its mark price, or by its bars."""

    def __init__(self, timeframe: Timeframe) -> None:
        self._length = TIMEFRAME_NS[timeframe]
        self.derivatives = Derivatives()
        self.samples: list[Sample] = []
        self._close = self._low = self._high = nan
        self._next = self._interest_at = self._priced_at = 0
        self._forced: list[Forced] = []

    def on_event(self, event: _Told) -> None:
        """Take a record of the instrument."""
        if isinstance(event, MarkPrice):
            self._reach(event.ts_event)
            self.derivatives.on_mark(event)
            self._price(event.ts_event, event.price, event.price, event.price)
        elif isinstance(event, ExchangeBar) and self.derivatives.mark_price is None:
            self._reach(event.ts_open)
            self.derivatives.on_bar(event.low, event.high, event.close)
            self._price(event.ts_event, event.low, event.high, event.close)
        elif isinstance(event, OpenInterest):
            self._reach(event.ts_event)
            self.derivatives.on_open_interest(event)
            self._interest_at = event.ts_event
        elif isinstance(event, Liquidation):
            self._reach(event.ts_event)
            self._forced.append(Forced(event.side, event.price, event.price * event.size))

    def _reach(self, ts: int) -> None:
        """Take the samples of the closes up to ``ts``."""
        if not isfinite(self._close):
            self._next = floor_to(ts, self._length) + self._length
        while self._next <= ts:
            stale = self._next - min(self._interest_at, self._priced_at) > max(_STALE, self._length)
            outlook = None if stale else self.derivatives.outlook
            above, below = (None, None) if outlook is None else (outlook.above, outlook.below)
            self.samples.append(
                Sample(
                    self._next, self._low, self._high, self._close, self._distance(above), self._distance(below),
                    tuple(self._forced),
                )
            )  # fmt: skip
            self._low = self._high = self._close
            self._forced.clear()
            self._next += self._length

    def _distance(self, cluster: Cluster | None) -> float:
        return nan if cluster is None else abs(log(cluster.price / self._close))

    def _price(self, ts: int, low: float, high: float, close: float) -> None:
        self._priced_at, self._low, self._high, self._close = ts, min(low, self._low), max(high, self._high), close


class Truth:
    """On a simulated market: how far the estimate is where the positions truly are, within `REACH` of the price."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self.overlaps: dict[str, list[tuple[float, float]]] = {}
        """By instrument, of each call the overlap of both densities (0 to 1), and that of the mirrored estimate."""

    def __call__(self, watches: Mapping[str, Watch]) -> None:
        """Compare them as of now."""
        positions = self._simulator.true_positions()
        for name, watch in watches.items():
            price = watch.derivatives.mark_price
            if price is None:
                continue
            truth, estimate = _Density(price), _Density(price)
            for position in positions:
                if position.instrument_id == name:
                    truth.add(position.liquidation_price, int(position.side == "short"), position.size)
            for at, sizes in watch.derivatives.density().items():
                for side, size in enumerate(sizes):
                    estimate.add(at, side, size)
            if truth.whole and estimate.whole:
                told = self.overlaps.setdefault(name, [])
                told.append((truth.overlap(estimate), truth.overlap(estimate, mirrored=True)))


def watched(
    items: Iterable[Entry], timeframe: Timeframe, every_hour: Callable[[Mapping[str, Watch]], None] | None = None,
    refused: Callable[[Malformed], None] = lambda _: None,
) -> dict[str, Watch]:  # fmt: skip
    """The instruments of a feed of which open interest is told.

    ``every_hour`` of the feed's time is called; ``refused`` is handed what is no record.
    """
    watches: dict[str, Watch] = {}
    due = 0
    for item in items:
        if isinstance(item, Malformed):
            refused(item)
        if not isinstance(item, _TOLD):
            continue
        if item.ts_received >= due:
            if due and every_hour is not None:
                every_hour(watches)
            due = floor_to(item.ts_received, HOUR) + HOUR
        watches.setdefault(item.instrument_id, Watch(timeframe)).on_event(item)
    return {name: watch for name, watch in watches.items() if watch.derivatives.open_interest is not None}
