"""What the per-instrument step makes of real recordings, worked out once for all tests of this folder."""

from functools import cache
from typing import Final

from schemas.market import MarketEvent
from schemas.results import Vector
from schemas.time import TIMEFRAME_NS, Timeframe
from tests.operators.support import run, vectors
from tests.operators.test_instrument_properties import tape

__all__ = ["TAPES", "inside", "recorded"]

TAPES: Final = ("2023", "2024")


@cache
def recorded(name: str) -> tuple[tuple[MarketEvent, ...], dict[Timeframe, list[Vector]]]:
    """A tape, and its vectors of one and of five minutes whose time the tape holds from before the beginning on."""
    events = tape(name)
    out = run(events)
    begin = events[0].ts_event
    told: dict[Timeframe, list[Vector]] = {"1m": vectors(out, "1m"), "5m": vectors(out, "5m")}
    whole: dict[Timeframe, list[Vector]] = {
        timeframe: [vector for vector in found if vector.ts_close - TIMEFRAME_NS[timeframe] > begin]
        for timeframe, found in told.items()
    }
    return events, whole


def inside(vector: Vector) -> tuple[int, int]:
    """The event times (ns) of a vector's bar: from, and up to."""
    return vector.ts_close - TIMEFRAME_NS[vector.timeframe], vector.ts_close
