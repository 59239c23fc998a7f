"""Simulations that several tests look at, and a book rebuilt from what was received."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final, TypeVar

from schemas.market import BookDelta, BookSnapshot, MarketEvent
from schemas.time import HOUR, SECOND
from sources.malformed import Malformed
from sources.simulator import LISTINGS, Faults, Simulator, SimulatorConfig

__all__ = ["BTC", "BTC_PERPETUAL", "NAMES", "START", "RebuiltBook", "config", "hour", "of_type", "own", "records"]

START: Final = 1_722_470_400 * SECOND  # 2024-08-01T00:00:00Z
NAMES: Final = [listing.instrument_id for listing in LISTINGS]
BTC, BTC_PERPETUAL = NAMES[:2]

Record = TypeVar("Record")


def config(**changes: Any) -> SimulatorConfig:
    """Ten minutes of the default market, with ``changes``."""
    settings: dict[str, Any] = {"seed": 7, "start": START, "duration": 600 * SECOND} | changes
    return SimulatorConfig(**settings)


@cache
def hour() -> tuple[Simulator, list[MarketEvent]]:
    """An hour without faults, and its simulator at the end."""
    simulator = Simulator(config(duration=HOUR))
    return simulator, [record for record in simulator if not isinstance(record, Malformed)]


def records(faults: Faults | None = None, **changes: Any) -> list[MarketEvent | Malformed]:
    """All that a simulation with ``faults`` yields."""
    return list(Simulator(config(faults=faults or Faults(), **changes)))


def of_type(
    kind: type[Record], stream: Sequence[MarketEvent | Malformed], instrument_id: str | None = None
) -> list[Record]:
    """The records of one type, of one instrument if it is named."""
    return [
        record
        for record in stream
        if isinstance(record, kind) and instrument_id in (None, getattr(record, "instrument_id", None))
    ]


def own(name: str, stream: Sequence[MarketEvent | Malformed]) -> list[MarketEvent]:
    """The records of one instrument."""
    return [record for record in stream if not isinstance(record, Malformed) and record.instrument_id == name]


class RebuiltBook:
    """What a careful listener knows: levels by price."""

    def __init__(self) -> None:
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.sequence: int | None = None

    def replace(self, book: BookSnapshot) -> None:
        """Start anew."""
        self.bids = dict(zip(book.bid_prices, book.bid_sizes, strict=True))
        self.asks = dict(zip(book.ask_prices, book.ask_sizes, strict=True))
        self.sequence = book.sequence

    def apply(self, delta: BookDelta) -> bool:
        """Take the changes; whether ``delta`` follows the one before."""
        follows = delta.previous_sequence == self.sequence
        self.sequence = delta.last_sequence
        for levels, prices, sizes in (
            (self.bids, delta.bid_prices, delta.bid_sizes),
            (self.asks, delta.ask_prices, delta.ask_sizes),
        ):
            for price, size in zip(prices, sizes, strict=True):
                if size:
                    levels[price] = size
                else:
                    del levels[price]  # a level that is not there would be an error of the stream
        return follows

    @property
    def best(self) -> tuple[float, float]:
        """Best bid and best ask."""
        return max(self.bids), min(self.asks)

    def equals(self, book: BookSnapshot) -> bool:
        """Whether this is the book of ``book``."""
        other = RebuiltBook()
        other.replace(book)
        return (self.bids, self.asks, self.sequence) == (other.bids, other.asks, other.sequence)
