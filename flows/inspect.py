"""What a tape holds, instrument by instrument: counts, losses, the final book, bars, settlements, checksums."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from operators.bars import OpenBar
from operators.book import OrderBook
from operators.checksum import CHECKSUMS, decimals_of
from schemas.market import (
    BookDelta,
    BookSnapshot,
    ExchangeBar,
    ExternalMetric,
    FundingRate,
    InstrumentDefinition,
    Liquidation,
    MacroEvent,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Quote,
    Trade,
)
from schemas.time import MILLISECOND, MINUTE, floor_to
from sources.malformed import Malformed
from sources.merge import Heard, Item

__all__ = ["InstrumentReport", "TapeReport"]

_COUNTED: Final[dict[type[Any], str]] = {
    kind: str(kind.__struct_config__.tag)
    for kind in (
        Trade, Quote, BookSnapshot, BookDelta, MarkPrice, FundingRate, OpenInterest, Liquidation, ExchangeBar,
        ExternalMetric, MacroEvent,
    )
}  # fmt: skip
"""What a venue says, by tag: heartbeats, definitions and the like are ours."""
_SHOWN: Final = 10


class InstrumentReport:
    """One instrument of a tape.

    Attributes
    ----------
    events
        Records by type, as their tag calls it.
    trade_gaps
        Holes in the numbers of its trades.
    """

    def __init__(self, instrument_id: str) -> None:
        self.events: Counter[str] = Counter()
        self.trade_gaps = 0
        self.book = OrderBook(CHECKSUMS.get(instrument_id.partition(":")[0]))
        self._bars: dict[int, OpenBar] = {}
        self._not_market: list[int | str | None] = []
        self._settlements: list[dict[str, int]] = []
        self._next_funding: int | None = None
        self._last_trade: int | None = None

    def add(self, record: MarketEvent) -> None:
        """Take in the next record of this instrument."""
        tag = _COUNTED.get(type(record))
        if tag is not None:
            self.events[tag] += 1
        match record:
            case Trade():
                self._trade(record)
            case BookDelta():
                self.book.on_delta(record)
            case BookSnapshot():
                self.book.on_snapshot(record)
            case MarkPrice() | FundingRate():
                self._funding(record.ts_event, record.next_funding)
            case InstrumentDefinition():
                self.book.decimals = (decimals_of(record.tick_size), decimals_of(record.lot_size))
            case _:
                pass

    def result(self) -> dict[str, Any]:
        """Everything as plain data; times in ms, ``book`` None where no book snapshot came."""
        return {
            "events": dict(self.events),
            "gaps": self.trade_gaps + self.book.gaps,
            "book": self._book() if self.events["book_snapshot"] else None,
            "bars_1m": [_bar(self._bars[ts_open]) for ts_open in sorted(self._bars)],
            "not_market_trades": self._not_market,
            "funding_settlements": self._settlements,
            "checksums": {"right": self.book.checksums_right, "wrong": self.book.checksums_wrong},
        }

    def _trade(self, trade: Trade) -> None:
        number, last = trade.sequence, self._last_trade
        if number is not None and (last is None or number > last):
            self.trade_gaps += last is not None and number > last + 1
            self._last_trade = number
        if not trade.market:
            name = trade.trade_id
            self._not_market.append(int(name) if name is not None and name.isdecimal() else name)
            return
        ts_open = floor_to(trade.ts_event, MINUTE)
        bar = self._bars.get(ts_open)
        if bar is None:
            bar = self._bars[ts_open] = OpenBar(ts_open)
        bar.trade((trade.ts_event, self.events["trade"]), trade.price, trade.size, trade.aggressor_side)

    def _funding(self, ts_event: int, following: int | None) -> None:
        before = self._next_funding
        if following is None or following == before:
            return
        self._next_funding = following
        if before is not None:
            moments = {"at_ms": ts_event, "old_ms": before, "new_ms": following}
            self._settlements.append({name: ts // MILLISECOND for name, ts in moments.items()})

    def _book(self) -> dict[str, Any]:
        book = self.book
        return {
            "last_update_id": book.sequence,
            "applied": book.applied,
            "dropped_old": book.dropped_old,
            "bids": [list(level) for level in zip(*book.bids.top(_SHOWN), strict=True)],
            "asks": [list(level) for level in zip(*book.asks.top(_SHOWN), strict=True)],
            "levels": [len(book.bids), len(book.asks)],
        }


class TapeReport:
    """A whole tape: its instruments in the order of their appearance, and what could not be read."""

    def __init__(self, items: Iterable[Item]) -> None:
        self.instruments: dict[str, InstrumentReport] = {}
        self.malformed = 0
        self.first_malformed: Malformed | None = None
        for item in items:
            if isinstance(item, Malformed):
                self.malformed += 1
                self.first_malformed = self.first_malformed or item
            elif not isinstance(item, Heard) and (type(item) in _COUNTED or isinstance(item, InstrumentDefinition)):
                report = self.instruments.get(item.instrument_id)
                if report is None:
                    report = self.instruments[item.instrument_id] = InstrumentReport(item.instrument_id)
                report.add(item)

    def result(self) -> dict[str, Any]:
        """Everything as plain data, see `InstrumentReport.result`."""
        return {"instruments": {name: report.result() for name, report in self.instruments.items()}}


def _bar(bar: OpenBar) -> dict[str, int | float]:
    return {
        "open_ms": bar.ts_open // MILLISECOND,
        "open": bar.open,
        "high": bar.high,
        "low": bar.low,
        "close": bar.close,
        "volume": bar.volume,
        "notional": bar.notional,
        "trades": bar.trades,
    }
