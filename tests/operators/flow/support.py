"""What the per-instrument step makes of real recordings, worked out once for all tests of this folder."""

from functools import cache
from typing import Final, NamedTuple

from schemas.market import MarketEvent, Quote, Trade
from schemas.results import Vector
from schemas.time import TIMEFRAME_NS, Timeframe
from tests.operators.support import run, vectors
from tests.operators.test_instrument_properties import tape

__all__ = ["TAPES", "Recorded", "inside", "recorded"]

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


def inside(vector: Vector) -> tuple[int, int]:
    """The event times (ns) of a vector's bar: from, and up to."""
    return vector.ts_close - TIMEFRAME_NS[vector.timeframe], vector.ts_close
