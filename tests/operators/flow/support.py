"""What the per-instrument step makes of real recordings, worked out once for all tests of this folder."""

from collections.abc import Iterator
from functools import cache
from typing import Final, NamedTuple

from schemas.market import BookDelta, BookSnapshot, MarketEvent, Quote, Trade
from schemas.results import Vector
from schemas.time import TIMEFRAME_NS, Timeframe
from tests.operators.support import run, vectors
from tests.operators.test_instrument_properties import tape

__all__ = ["TAPES", "Book", "Recorded", "books", "inside", "recorded"]

TAPES: Final = ("2023", "2024")


class Recorded(NamedTuple):
    """A tape, its trades and quotes in order of time, and the vectors whose whole time it holds."""

    events: tuple[MarketEvent, ...]
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
    return Recorded(events, trades, quotes, whole)


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


def inside(vector: Vector) -> tuple[int, int]:
    """The event times (ns) of a vector's bar: from, and up to."""
    return vector.ts_close - TIMEFRAME_NS[vector.timeframe], vector.ts_close
