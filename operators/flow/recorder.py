"""All that is measured between two closes of one instrument."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from operators.bars import OpenBar
from operators.book import OrderBook
from operators.flow.impact import ImpactMeter, ImpactPart
from operators.flow.intensity import TradeClock, TradesPart
from operators.flow.large import LargePart, LargeTrades
from operators.flow.levels import LEVELS, LevelFlow, LevelsPart
from operators.flow.ofi import FlowPart
from operators.flow.part import Flow
from operators.flow.resilience import Resilience, SweepsPart
from operators.flow.samples import BookMeter, SamplesPart
from operators.flow.spread import SpreadMeter, SpreadPart
from operators.flow.vpin import Vpin, VpinPart
from operators.microstructure import BestQuote, BufferedTrade, Move, OrderFlowImbalance
from operators.state import Slotted

__all__ = ["Recorder", "add_flow", "restored_flow"]

_PARTS: Final[dict[str, Any]] = {
    "book": SamplesPart, "impact": ImpactPart, "large": LargePart, "levels": LevelsPart, "ofi": FlowPart,
    "spread": SpreadPart, "sweeps": SweepsPart, "trades": TradesPart, "vpin": VpinPart,
}  # fmt: skip


class Recorder(Slotted):
    """Hands each meter what it measures, and takes the minute's parts from them."""

    __slots__ = ("_book", "_clock", "_impact", "_large", "_levels", "_ofi", "_resilience", "_spread", "_vpin")
    VERSION = 5

    def __init__(self) -> None:
        self._book = BookMeter()
        self._clock = TradeClock()
        self._impact = ImpactMeter()
        self._large = LargeTrades()
        self._levels = LevelFlow()
        self._ofi = OrderFlowImbalance()
        self._resilience = Resilience()
        self._spread = SpreadMeter()
        self._vpin = Vpin()

    def begin(self, ts: int) -> None:
        """Nothing is known of what came before ``ts`` (ns)."""
        self._impact.begin(ts)
        self.lose_quotes(ts)
        self.take(ts, None, heard=False)

    def quotes(self, quotes: Sequence[BestQuote], moves: Sequence[Move]) -> None:
        """Take best quotes in order, of those at equal prices the first and the last, and when prices changed."""
        self._ofi.update(quotes)
        self._spread.update(moves)
        self._impact.quotes(moves)

    def trades(self, trades: Sequence[BufferedTrade]) -> None:
        """Take trades, in order of time."""
        self._clock.update(trades)
        self._large.update(trades)
        self._impact.trades(trades)

    def lose_quotes(self, ts: int) -> None:
        """From ``ts`` (ns) on the best quotes are not known."""
        self._ofi.lose()
        self._spread.lose(ts)
        self._impact.lose(ts)

    def book(self, ts: int, book: OrderBook) -> None:
        """Take the book after a change at ``ts`` (ns)."""
        top = book.top(LEVELS)
        if self._levels.update(top) or self._resilience.waits:
            self._resilience.update(ts, top)

    def lose_book(self) -> None:
        """The book is not known from now on."""
        self._levels.update(None)
        self._resilience.update(0, None)

    def sample(self, values: Sequence[float | None]) -> None:
        """Take how the book stands, as `BookMeter` takes it."""
        self._book.add(values)

    def take(self, end: int, bar: OpenBar | None, *, heard: bool) -> Flow:
        """What was seen up to ``end`` (ns) since last taken, in which ``bar`` was closed, if anything is known of it.

        ``heard``: somebody listened all the time.
        """
        self._vpin.update(bar, end)
        ofi = self._ofi.take()
        parts = {
            "book": self._book.take(),
            "impact": self._impact.take(end),
            "large": self._large.take(end),
            "levels": self._levels.take(),
            "ofi": None if ofi is None else FlowPart(ofi),
            "spread": self._spread.take(end),
            "sweeps": self._resilience.take(),
            "trades": self._clock.take(end, heard=heard),
            "vpin": VpinPart(self._vpin.value) if bar is not None else None,
        }
        return {name: part for name, part in parts.items() if part is not None}


def add_flow(flow: Flow, later: Flow) -> None:
    """Add ``later`` to ``flow``."""
    for name, part in later.items():
        known = flow.get(name)
        flow[name] = part if known is None else known.plus(part)


def restored_flow(state: dict[str, Any]) -> Flow:
    """The flow whose plain data this is."""
    return {name: msgspec.convert(values, _PARTS[name]) for name, values in state.items()}
