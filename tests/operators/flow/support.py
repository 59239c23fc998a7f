"""What the per-instrument step makes of real recordings, worked out once for all tests of this folder."""

from collections.abc import Iterator
from functools import cache
from heapq import nlargest, nsmallest
from typing import Final, NamedTuple

from operators.closed import Closed
from operators.microstructure import Levels
from schemas.market import BookDelta, BookSnapshot, Heartbeat, MarketEvent, Quote, Trade
from schemas.results import Vector
from schemas.time import TIMEFRAME_NS, Timeframe
from schemas.topics import Outgoing
from tests.operators.support import run, vectors
from tests.operators.test_instrument_properties import tape

__all__ = ["TAPES", "Book", "Recorded", "bests", "books", "inside", "recorded"]

TAPES: Final = ("2023", "2024")


class Recorded(NamedTuple):
    """A tape, what came of it, its trades and quotes in order of time, and the vectors whose whole time it holds."""

    events: tuple[MarketEvent, ...]
    out: list[Outgoing | Closed]
    trades: list[Trade]
    quotes: list[Quote]
    vectors: list[Vector]


@cache
def recorded(name: str) -> Recorded:
    """Of the perpetual; bars of one minute, then of five."""
    events = tape(name)
    out = run(events)
    lengths: tuple[Timeframe, ...] = ("1m", "5m")
    whole = [
        vector
        for timeframe in lengths
        for vector in vectors(out, timeframe)
        if vector.ts_close - TIMEFRAME_NS[timeframe] > events[0].ts_event
    ]
    trades = [event for event in events if isinstance(event, Trade) and event.market]
    quotes = [event for event in events if isinstance(event, Quote)]
    trades.sort(key=lambda event: (event.ts_event, event.sequence))
    quotes.sort(key=lambda event: (event.ts_event, event.sequence))
    return Recorded(events, out, trades, quotes, whole)


class Book(NamedTuple):
    """All levels of each side, and how far from the middle they are known."""

    bids: dict[float, float]
    asks: dict[float, float]
    lowest: float
    highest: float


def books(tape: Recorded) -> Iterator[tuple[MarketEvent, Book]]:
    """The events of a tape from its only book snapshot on, each with the book after it."""
    (begin,) = [event for event in tape.events if isinstance(event, BookSnapshot)]
    at = tape.events.index(begin)
    early = [event for event in tape.events[:at] if isinstance(event, BookDelta)]
    book = Book({}, {}, min(begin.bid_prices), max(begin.ask_prices))
    for event in (begin, *early, *tape.events[at + 1 :]):
        if event is begin or (isinstance(event, BookDelta) and (event.last_sequence or 0) >= (begin.sequence or 0)):
            assert isinstance(event, (BookDelta, BookSnapshot))
            for side, prices, sizes in (
                (book.bids, event.bid_prices, event.bid_sizes), (book.asks, event.ask_prices, event.ask_sizes),
            ):  # fmt: skip
                side.update(zip(prices, sizes, strict=True))
                for price in [price for price in prices if side.get(price) == 0]:
                    del side[price]
        yield event, book


class Best(NamedTuple):
    """The five best levels of a side each after a change, at its event time (ns), and whether so many are known."""

    ts: int
    levels: Levels
    known: bool


@cache
def bests(name: str) -> tuple[list[Best], list[tuple[Vector, int]]]:
    """Of a tape after each delta; and each vector of a minute, with how many of these came before its decision."""
    tape = recorded(name)
    found: list[Best] = []
    decided: list[tuple[Vector, int]] = []
    left = [vector for vector in tape.vectors if vector.timeframe == "1m"]
    for event, book in books(tape):
        if isinstance(event, BookDelta):
            bids, asks = nlargest(5, book.bids), nsmallest(5, book.asks)
            levels = bids, [book.bids[price] for price in bids], asks, [book.asks[price] for price in asks]
            found.append(Best(event.ts_event, levels, bids[-1] >= book.lowest and asks[-1] <= book.highest))
        elif isinstance(event, Heartbeat) and left and event.ts_received == left[0].ts_decided:
            decided.append((left.pop(0), len(found)))
    return found, decided


def inside(vector: Vector) -> tuple[int, int]:
    """The event times (ns) of a vector's bar: from, and up to."""
    return vector.ts_close - TIMEFRAME_NS[vector.timeframe], vector.ts_close
