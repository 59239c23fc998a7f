"""Markets made for one purpose: many instruments, books of a given depth, bars that close together."""

from collections.abc import Iterator
from math import pi, sin
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
_TICK: Final = 0.01
_PERIOD: Final = 2 * 60 * MINUTE
_HISTORY: Final[dict[Timeframe, int]] = {"1h": 600, "15m": 1_140, "5m": 1_365, "1m": 1_440}
"""Minutes of the day up to which there are bars of a timeframe; so that the shorter three have 50 of their own."""


class Synthetic:
    """So many instruments, each with so many levels a side; the same messages every time.

    Prices swing by a percent, each instrument's at a time of its own: at any moment some rise and others fall.
    """

    def __init__(self, instruments: int, levels: int) -> None:
        self.names = [f"bench:I{number:03d}/USDT" for number in range(instruments)]
        self._levels = levels
        self._middles: dict[str, float] = {}
        self._places = {name: partition_for(name, PARTITIONS) for name in [*self.names, CONTROL]}
        self._sequence = 0

    def begin(self, ts: int) -> Iterator[Written]:
        """Definitions, members and whole books, about the price of ``ts`` (ns) that all trade at from then on."""
        sizes = [1.0 + i % 7 for i in range(self._levels)]
        for number, name in enumerate(self.names):
            self._middles[name] = self._price(number, ts)
            yield self._written(
                InstrumentDefinition(
                    instrument_id=name, ts_event=ts, ts_received=ts, kind="spot", base=name[6:10], quote="USDT",
                    tick_size=_TICK, lot_size=0.001,
                )
            )  # fmt: skip
            bids, asks = self._prices(name, range(self._levels))
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
        """Bars from the day's begin, ever shorter ones; so every timeframe has a whole bar at its end."""
        day = at = (until - 1) // DAY * DAY
        for timeframe, minutes in _HISTORY.items():
            end, length = min(day + minutes * MINUTE, until), TIMEFRAME_NS[timeframe]
            while at + length <= end:
                yield from self._bars(timeframe, at)
                at += length

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

    def _bars(self, timeframe: Timeframe, begin: int) -> Iterator[Written]:
        end = begin + TIMEFRAME_NS[timeframe]
        for number, name in enumerate(self.names):
            first, last = self._price(number, begin), self._price(number, end)
            yield self._written(
                ExchangeBar(
                    instrument_id=name, ts_event=end, ts_received=end, timeframe=timeframe, ts_open=begin, open=first,
                    high=max(first, last) + _TICK, low=min(first, last) - _TICK, close=last, volume=100.0, trades=50,
                    buy_volume=55.0,
                )
            )  # fmt: skip

    def _price(self, number: int, ts: int) -> float:
        turn = ts % _PERIOD / _PERIOD + number / len(self.names)
        return round(100.0 + sin(2 * pi * turn), 2)

    def _prices(self, name: str, places: range) -> tuple[list[float], list[float]]:
        """Of the levels at these places, from the best one on: bids and asks."""
        middle = self._middles[name]
        bids = [round(middle - _TICK * (i + 1), 2) for i in places]
        return bids, [round(middle + _TICK * (i + 1), 2) for i in places]

    def _quote(self, name: str, ts: int, number: int, way: int) -> Written:
        (bid,), (ask,) = self._prices(name, range(1))
        return self._written(
            Quote(
                instrument_id=name, ts_event=ts, ts_received=ts, bid_price=bid, bid_size=1.0 + way,
                ask_price=ask, ask_size=9.0 - way, sequence=4 * number + ts // BEAT % 4,
            )
        )  # fmt: skip

    def _trade(self, name: str, ts: int, number: int, way: int) -> Written:
        return self._written(
            Trade(
                instrument_id=name, ts_event=ts, ts_received=ts, price=self._middles[name] + _TICK * (way % 3 - 1),
                size=0.5, aggressor_side="buy" if way % 3 else "sell", trade_id=str(number), sequence=number,
            )
        )  # fmt: skip

    def _delta(self, name: str, ts: int, number: int) -> Written:
        places = range(number % 50, min(number % 50 + 10, self._levels))
        bids, asks = self._prices(name, places)
        sizes = [1.0 + (i + number) % 5 for i in places]
        return self._written(
            BookDelta(
                instrument_id=name, ts_event=ts, ts_received=ts, bid_prices=bids, bid_sizes=sizes, ask_prices=asks,
                ask_sizes=sizes, first_sequence=number, last_sequence=number,
            )
        )  # fmt: skip

    def _written(self, event: MarketEvent) -> Written:
        key = event.instrument_id
        kind = str(event.__struct_config__.tag).encode()
        return Written(key, self._places[key], encode(event), event.ts_received, kind)
