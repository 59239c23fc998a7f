"""From trades and quotes in event-time order to closed bars and vectors of all timeframes."""

from collections.abc import Callable
from typing import Any, Final

from operators.bars import BarSeries, OpenBar
from operators.config import InstrumentConfig
from operators.errors import StateError
from operators.features import SCHEMA_HASH, FeatureSet, Moment, Taints
from operators.listening import Listening
from operators.microstructure import OrderFlowImbalance
from operators.reorder import ReorderBuffer
from schemas.identifiers import derive
from schemas.market import ExchangeBar, Side
from schemas.results import Absence, Bar, Vector
from schemas.time import MINUTE, TIMEFRAME_NS, TIMEFRAMES, Timeframe, due_timeframes

__all__ = ["BarMaker", "BufferedQuote", "BufferedTrade", "Ended"]

BufferedTrade = tuple[int, int, int, float, float, Side | None]
"""Event time, sequence or 0, arrival, price, size, aggressor; size 0 for prints that are not of the market."""
BufferedQuote = tuple[int, int, int, float, float, float, float]
"""Event time, sequence or 0, arrival, bid, bid size, ask, ask size."""

Ended = tuple[list[Bar], list[Vector | Absence]]
"""Ended bars of revision 0, then revisions of earlier ones; one vector, or absence with its reason, a timeframe."""

_VERSION: Final = 1
_BASE: Final[Timeframe] = "1m"


class BarMaker:
    """Closes the minutes of one instrument, one after the other, and everything that ends with them.

    Trades and quotes are put into the two buffers in any order; the caller says with `settle` how far event time can
    no longer change, and ends each minute with `close_minute`.
    """

    def __init__(self, instrument_id: str, config: InstrumentConfig) -> None:
        self.instrument_id = instrument_id
        self.closed_to: int | None = None
        """End of the last closed minute; trades before it are late."""
        self.trades: ReorderBuffer[BufferedTrade] = ReorderBuffer()
        self.quotes: ReorderBuffer[BufferedQuote] = ReorderBuffer()
        self.last_sequence: int | None = None
        self._emitted = set(config.timeframes)
        self._last_quote_sequence = 0
        self._ofi = OrderFlowImbalance()
        self._series = {name: BarSeries(name) for name in TIMEFRAMES}
        self._features = {name: FeatureSet() for name in TIMEFRAMES}

    def late(self, at: tuple[int, int], price: float, size: float, side: Side | None) -> bool:
        """Put a trade of a closed minute into the bars it belongs to; False if none of them is kept any more."""
        kept = [series.late(at, price, size, side) for series in self._series.values()]
        return any(kept)

    def settle(self, before: int, on_hole: Callable[[int, int, int], None]) -> None:
        """Move what happened before ``before`` (ns) into the open bar, in event-time order.

        ``on_hole(expected, found, ts)`` is told of every hole in a numbered sequence of trades.
        """
        base = self._series[_BASE]
        trades = self.trades.release(before)
        if trades:
            bar = base.current(trades[0][0])
            for ts, sequence, _, price, size, side in trades:
                if sequence:
                    known = self.last_sequence
                    if known is not None and sequence > known + 1:
                        on_hole(known + 1, sequence, ts)
                        if "gap" not in bar.quality:
                            bar.quality.append("gap")
                    if known is None or sequence > known:
                        self.last_sequence = sequence
                if size:
                    bar.trade((ts, sequence), price, size, side)
        quotes = self.quotes.release(before)
        if quotes:
            bar, ofi = base.current(quotes[0][0]), self._ofi
            for _, sequence, _, bid, bid_size, ask, ask_size in quotes:
                if sequence:
                    if sequence <= self._last_quote_sequence:
                        continue  # a second ingester's copy
                    self._last_quote_sequence = sequence
                bar.quote(bid, ask)
                ofi.update(bid, bid_size, ask, ask_size)

    def close_minute(self, ts_decided: int, listening: Listening, taints: Taints, moment: Moment) -> Ended:
        """End the minute at `closed_to` and every longer bar that ends there."""
        assert self.closed_to is not None
        start, end = self.closed_to, self.closed_to + MINUTE
        base = self._series[_BASE]
        bar = base.current(start)
        heard = listening.heard(start, end)
        if heard == "nothing" and not bar.trades:
            base.bar = None
        elif not listening.before(start):
            bar.quality.append("partial")
        elif heard != "all" and "gap" not in bar.quality:
            bar.quality.append("gap")
        return self._end(_BASE, base.close(end), end, ts_decided, taints, moment)

    def exchange_bar(self, event: ExchangeBar, taints: Taints, moment: Moment) -> Ended:
        """Take a bar that the exchange or a history file gives; it closes itself and the longer ones that end there."""
        series = self._series[event.timeframe]
        series.bar = OpenBar.of(event)
        bar = series.close(event.ts_event)
        return self._end(event.timeframe, bar, event.ts_event, event.ts_received, taints, moment)

    def skip_to(self, ts: int) -> None:
        """Leave out the time up to ``ts`` (ns), in which nobody listened and nothing ended."""
        self.closed_to = ts

    def _end(
        self, shortest: Timeframe, first: OpenBar | None, ts_close: int, ts_decided: int, taints: Taints, moment: Moment
    ) -> Ended:
        self.closed_to = ts_close
        bars: list[Bar] = []
        records: list[Vector | Absence] = []
        length, ofi = TIMEFRAME_NS[shortest], self._ofi.take()
        for name, series in self._series.items():
            if first is not None and series.length > length:
                series.absorb(first, length)
            self._features[name].add_flow(ofi)
        for name in due_timeframes(ts_close):
            if TIMEFRAME_NS[name] < length:
                continue
            bar = first if name == shortest else self._series[name].close(ts_close)
            record = self._decide(name, bar, ts_close, ts_decided, taints, moment)
            if name in self._emitted:
                records.append(record)
                if bar is not None:
                    bars.append(bar.record(self.instrument_id, name, ts_decided))
        for name, series in self._series.items():
            revised = series.revisions()
            if name in self._emitted:
                bars += [bar.record(self.instrument_id, name, ts_decided) for bar in revised]
        return bars, records

    def _decide(
        self, name: Timeframe, bar: OpenBar | None, ts_close: int, ts_decided: int, taints: Taints, moment: Moment
    ) -> Vector | Absence:
        features = self._features[name]
        identifier = derive("vector", self.instrument_id, name, ts_close)
        if bar is None or "partial" in bar.quality:
            features.take(moment)
            return Absence(
                id=identifier,
                instrument_id=self.instrument_id,
                timeframe=name,
                ts_close=ts_close,
                ts_decided=ts_decided,
                reason="no bar: nobody listened, or nothing was traded yet" if bar is None else "bar is partial",
            )
        features.update(bar)
        return Vector(
            id=identifier,
            instrument_id=self.instrument_id,
            timeframe=name,
            ts_close=ts_close,
            ts_decided=ts_decided,
            schema_hash=SCHEMA_HASH,
            features=features.take(moment),
            tainted=taints.of(name, ts_close),
            bid=moment.bid,
            ask=moment.ask,
        )

    def state(self) -> dict[str, Any]:
        """Plain data for recovery."""
        return {
            "version": _VERSION,
            "closed_to": self.closed_to,
            "trades": self.trades.items,
            "quotes": self.quotes.items,
            "sequences": [self.last_sequence, self._last_quote_sequence],
            "ofi": self._ofi.state(),
            "series": {name: series.state() for name, series in self._series.items()},
            "features": {name: features.state() for name, features in self._features.items()},
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up ``state`` again.

        Raises:
            StateError: of another version.
        """
        if state["version"] != _VERSION:
            raise StateError(f"closing state has version {state['version']}, this program reads {_VERSION}")
        self.closed_to = state["closed_to"]
        self.trades.items = [tuple(item) for item in state["trades"]]
        self.quotes.items = [tuple(item) for item in state["quotes"]]
        self.last_sequence, self._last_quote_sequence = state["sequences"]
        self._ofi.restore(state["ofi"])
        for name in TIMEFRAMES:
            self._series[name].restore(state["series"][name])
            self._features[name].restore(state["features"][name])
