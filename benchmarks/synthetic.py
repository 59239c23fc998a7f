"""Markets made for one purpose: many instruments, books of a given depth, bars that close together."""

from collections.abc import Iterator
from typing import Final

from benchmarks.data import PARTITIONS, Written
from schemas.codec import encode
from schemas.market import (
    CONTROL,
    BookDelta,
    BookSnapshot,
    ExchangeBar,
    Heartbeat,
    InstrumentDefinition,
    MarketEvent,
    Membership,
    Quote,
    Trade,
)  # fmt: skip
from schemas.partitioner import partition_for
from schemas.time import DAY, MINUTE, SECOND, TIMEFRAME_NS, Timeframe

__all__ = ["BEAT", "MIDNIGHT", "Synthetic"]

MIDNIGHT: Final = 1_723_161_600 * SECOND  # 2024-08-09, where all timeframes end together
BEAT: Final = SECOND // 4
_PRICE: Final = 100.0
_TICK: Final = 0.01


class Synthetic:
    """So many instruments, each with so many levels a side; the same messages every time."""

    def __init__(self, instruments: int, levels: int) -> None:
        self.names = [f"bench:I{number:03d}/USDT" for number in range(instruments)]
        self._levels = levels
        self._places = {name: partition_for(name, PARTITIONS) for name in [*self.names, CONTROL]}
        self._sequence = 0

    def begin(self, ts: int) -> Iterator[Written]:
        """Definitions, members and whole books."""
        bids = [round(_PRICE - _TICK * (i + 1), 2) for i in range(self._levels)]
        asks = [round(_PRICE + _TICK * (i + 1), 2) for i in range(self._levels)]
        sizes = [1.0 + i % 7 for i in range(self._levels)]
        for name in self.names:
            yield self._written(
                InstrumentDefinition(
                    instrument_id=name, ts_event=ts, ts_received=ts, kind="spot", base=name[6:10], quote="USDT",
                    tick_size=_TICK, lot_size=0.001,
                )
            )  # fmt: skip
            yield self._written(
                BookSnapshot(
                    instrument_id=name, ts_event=ts, ts_received=ts, bid_prices=bids, bid_sizes=sizes,
                    ask_prices=asks, ask_sizes=sizes, sequence=0,
                )
            )  # fmt: skip
        yield self._written(
            Membership(instrument_id=CONTROL, ts_event=ts, ts_received=ts, source="bench", instrument_ids=self.names)
        )

    def history(self, until: int) -> Iterator[Written]:
        """Bars from the day's begin: whole hours, then minutes; so every timeframe has a whole bar at its end."""
        day = (until - 1) // DAY * DAY
        hours = (until - 1 - day) // TIMEFRAME_NS["1h"]
        for hour in range(hours):
            yield from self._bars("1h", day + hour * TIMEFRAME_NS["1h"], hour)
        first = day + hours * TIMEFRAME_NS["1h"]
        for minute in range((until - first) // MINUTE):
            yield from self._bars("1m", first + minute * MINUTE, minute)

    def second(self, ts: int) -> Iterator[Written]:
        """A second of trading from ``ts`` (ns) on: four heartbeats, two quotes, a trade, a delta of twenty levels."""
        self._sequence += 1
        number, way = self._sequence, self._sequence % 9
        for quarter in range(4):
            now = ts + quarter * BEAT
            for name in self.names:
                if quarter % 2 == 0:
                    yield self._quote(name, now, number, way)
                if quarter == 1:
                    yield self._trade(name, now, number, way)
                if quarter == 3:
                    yield self._delta(name, now, number)
            yield from self.beat(now + BEAT)

    def beat(self, ts: int) -> Iterator[Written]:
        """A heartbeat of everybody."""
        for name in [*self.names, CONTROL]:
            yield self._written(Heartbeat(instrument_id=name, ts_event=ts, ts_received=ts, source="bench"))

    def _bars(self, timeframe: Timeframe, begin: int, number: int) -> Iterator[Written]:
        end = begin + TIMEFRAME_NS[timeframe]
        begins, ends = (_PRICE * (1 + 0.001 * ((number + i) % 11 - 5)) for i in (0, 1))
        for name in self.names:
            yield self._written(
                ExchangeBar(
                    instrument_id=name, ts_event=end, ts_received=end, timeframe=timeframe, ts_open=begin, open=begins,
                    high=max(begins, ends) + _TICK, low=min(begins, ends) - _TICK, close=ends, volume=100.0, trades=50,
                    buy_volume=55.0,
                )
            )  # fmt: skip

    def _quote(self, name: str, ts: int, number: int, way: int) -> Written:
        return self._written(
            Quote(
                instrument_id=name, ts_event=ts, ts_received=ts, bid_price=_PRICE - _TICK, bid_size=1.0 + way,
                ask_price=_PRICE + _TICK, ask_size=9.0 - way, sequence=4 * number + ts // BEAT % 4,
            )
        )  # fmt: skip

    def _trade(self, name: str, ts: int, number: int, way: int) -> Written:
        return self._written(
            Trade(
                instrument_id=name, ts_event=ts, ts_received=ts, price=_PRICE + _TICK * (way % 3 - 1), size=0.5,
                aggressor_side="buy" if way % 3 else "sell", trade_id=str(number), sequence=number,
            )
        )  # fmt: skip

    def _delta(self, name: str, ts: int, number: int) -> Written:
        places = range(number % 50, min(number % 50 + 10, self._levels))
        return self._written(
            BookDelta(
                instrument_id=name, ts_event=ts, ts_received=ts,
                bid_prices=[round(_PRICE - _TICK * (i + 1), 2) for i in places],
                bid_sizes=[1.0 + (i + number) % 5 for i in places],
                ask_prices=[round(_PRICE + _TICK * (i + 1), 2) for i in places],
                ask_sizes=[1.0 + (i + number) % 5 for i in places],
                first_sequence=number, last_sequence=number,
            )
        )  # fmt: skip

    def _written(self, event: MarketEvent) -> Written:
        key = event.instrument_id
        kind = str(event.__struct_config__.tag).encode()
        return Written(key, self._places[key], encode(event), event.ts_received, kind)
