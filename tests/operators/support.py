"""Records as a test writes them, and what the per-instrument step makes of them."""

from collections.abc import Iterable, Sequence
from typing import Any, Final, TypeVar

import msgspec
from hypothesis import settings

from operators.closed import Closed
from operators.config import InstrumentConfig
from operators.instrument import Instrument
from schemas.batches import Batch
from schemas.codec import encode
from schemas.market import BookDelta, BookSnapshot, ExchangeBar, Heartbeat, MarketEvent, Quote, Side, Trade
from schemas.results import Absence, Bar, DeadLetter, Gap, LevelProfile, Vector
from schemas.time import DAY, MILLISECOND, SECOND, TIMEFRAME_NS, Timeframe
from schemas.topics import BY_NAME, Outgoing

ID: Final = "binanceusdm:BTC/USDT:USDT"
START: Final = 19_700 * DAY
"""The first moment of a day, ns."""
DELAY: Final = 10 * MILLISECOND
"""From event to receipt."""
LATER: Final = 4_102_444_800_000
"""A time stamp of a message (ms) that no record can be ahead of."""

QUICK: Final = settings(deadline=None, max_examples=50)
"""For properties: machines that test are busy."""

Levels = Sequence[tuple[float, float]]
Record = TypeVar("Record", Absence, Bar, DeadLetter, Gap, LevelProfile, Vector)


def ns(seconds: float) -> int:
    """That many seconds after `START`."""
    return START + round(seconds * SECOND)


def trade(
    at: float, price: float, size: float = 1.0, *, number: int | None = None, side: Side | None = "buy",
    market: bool = True, trade_id: str | None = None,
) -> Trade:  # fmt: skip
    return Trade(
        instrument_id=ID, ts_event=ns(at), ts_received=ns(at) + DELAY, price=price, size=size, aggressor_side=side,
        market=market, sequence=number, trade_id=str(number) if number is not None else trade_id,
    )  # fmt: skip


def quote(
    at: float, bid: float, ask: float, sizes: tuple[float, float] = (1.0, 1.0), *, number: int | None = None
) -> Quote:
    return Quote(
        instrument_id=ID, ts_event=ns(at), ts_received=ns(at) + DELAY, bid_price=bid, bid_size=sizes[0],
        ask_price=ask, ask_size=sizes[1], sequence=number,
    )  # fmt: skip


def beat(at: float, *, connected: bool = True, source: str = "test") -> Heartbeat:
    return Heartbeat(instrument_id=ID, ts_event=ns(at), ts_received=ns(at) + DELAY, source=source, connected=connected)


def beats(start: float, end: float, step: float = 0.25, *, connected: bool = True) -> list[Heartbeat]:
    """Heartbeats from ``start`` to ``end`` (s), the last one included."""
    return [beat(start + i * step, connected=connected) for i in range(round((end - start) / step) + 1)]


def snapshot(
    at: float, bids: Levels, asks: Levels, *, sequence: int | None = None, depth: int | None = None,
    maintained: bool = False, checksum: int | None = None,
) -> BookSnapshot:  # fmt: skip
    return BookSnapshot(
        instrument_id=ID, ts_event=ns(at), ts_received=ns(at) + DELAY, sequence=sequence, depth=depth,
        maintained=maintained, checksum=checksum, **_levels(bids, asks),
    )  # fmt: skip


def delta(
    at: float, bids: Levels = (), asks: Levels = (), *, first: int | None = None, last: int | None = None,
    previous: int | None = None, checksum: int | None = None,
) -> BookDelta:  # fmt: skip
    return BookDelta(
        instrument_id=ID, ts_event=ns(at), ts_received=ns(at) + DELAY, first_sequence=first, last_sequence=last,
        previous_sequence=previous, checksum=checksum, **_levels(bids, asks),
    )  # fmt: skip


def exchange_bar(
    at: float, close: float, *, timeframe: Timeframe = "1m", volume: float = 2.0, buy_volume: float | None = 1.0
) -> ExchangeBar:
    """A bar that closes at ``at`` (s)."""
    return ExchangeBar(
        instrument_id=ID, ts_event=ns(at), ts_received=ns(at) + DELAY, timeframe=timeframe,
        ts_open=ns(at) - TIMEFRAME_NS[timeframe], open=close - 1.0, high=close + 1.0, low=close - 2.0, close=close,
        volume=volume, notional=volume * close, trades=3, buy_volume=buy_volume,
    )  # fmt: skip


def in_order(*parts: Iterable[MarketEvent]) -> list[MarketEvent]:
    """All records by receipt; of equal ones those named first go first."""
    return sorted((event for part in parts for event in part), key=lambda event: event.ts_received)


def batch(events: Iterable[MarketEvent], first_offset: int = 0) -> Batch:
    """The records as the log's source hands them on."""
    messages = [(first_offset + i, event.ts_received // MILLISECOND, encode(event)) for i, event in enumerate(events)]
    return Batch(ID, 3, messages)


def run(
    events: Iterable[MarketEvent], config: InstrumentConfig | None = None, *, instrument: Instrument | None = None
) -> list[Outgoing | Closed]:
    """What an instrument makes of ``events``."""
    instrument = instrument or Instrument(ID, config or InstrumentConfig())
    return instrument.on_batch(batch(events))


def told(out: Iterable[Outgoing | Closed], kind: type[Record]) -> list[Record]:
    """The records of one type among what came out, read back from their bytes."""
    found: list[Record] = []
    for sent in out:
        if isinstance(sent, Outgoing) and sent.topic != "reference.instruments":
            record = msgspec.json.decode(sent.value, type=BY_NAME[sent.topic].record)
            if isinstance(record, kind):
                assert record.id == sent.id
                found.append(record)
    return found


def bars(out: Iterable[Outgoing | Closed], timeframe: Timeframe = "1m", *, revision: int | None = 0) -> list[Bar]:
    """The bars of one timeframe; ``revision=None``: all revisions."""
    return [b for b in told(out, Bar) if b.timeframe == timeframe and revision in {None, b.revision}]


def vectors(out: Iterable[Outgoing | Closed], timeframe: Timeframe = "1m") -> list[Vector]:
    return [v for v in told(out, Vector) if v.timeframe == timeframe]


def absences(out: Iterable[Outgoing | Closed], timeframe: Timeframe = "1m") -> list[Absence]:
    return [a for a in told(out, Absence) if a.timeframe == timeframe]


def gaps(out: Iterable[Outgoing | Closed], kind: str | None = None) -> list[Gap]:
    return [g for g in told(out, Gap) if kind in {None, g.kind}]


def _levels(bids: Levels, asks: Levels) -> dict[str, Any]:
    return {
        "bid_prices": [price for price, _ in bids],
        "bid_sizes": [size for _, size in bids],
        "ask_prices": [price for price, _ in asks],
        "ask_sizes": [size for _, size in asks],
    }
