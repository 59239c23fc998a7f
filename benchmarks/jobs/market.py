"""The job as one writes it without Candlewick: messages and a class, in plain Python; all peers run this same code.

Of each instrument it keeps the book by sequence number, the best quotes with their order-flow imbalance, one-second
bars, four indicators and the imbalance of ten levels, and gives one message of features a second. It puts nothing in
order, finds nothing late, doubled or lost, knows one timeframe, and nothing of it survives a restart.
"""

from heapq import nlargest, nsmallest
from typing import Any

import msgspec

__all__ = ["Instrument", "Market", "decode"]

_SECOND = 1_000_000_000


class _Message(msgspec.Struct, tag_field="type"):
    instrument_id: str
    ts_event: int


class Trade(_Message, tag="trade"):
    """A trade."""

    price: float
    size: float


class Quote(_Message, tag="quote"):
    """Best bid and ask."""

    bid_price: float
    bid_size: float
    ask_price: float
    ask_size: float


class _Levels(_Message):
    bid_prices: list[float]
    bid_sizes: list[float]
    ask_prices: list[float]
    ask_sizes: list[float]


class Snapshot(_Levels, tag="book_snapshot"):
    """A whole book."""

    sequence: int = 0


class Delta(_Levels, tag="book_delta"):
    """Changes of a book."""

    last_sequence: int = 0


class _Heartbeat(_Message, tag="heartbeat"): ...


class _Definition(_Message, tag="instrument"): ...


class _TapeEnd(_Message, tag="tape_end"): ...


class _Bar(_Message, tag="bar"): ...


class _Membership(_Message, tag="membership"): ...


class _MarkPrice(_Message, tag="mark_price"): ...


class _FundingRate(_Message, tag="funding_rate"): ...


class _OpenInterest(_Message, tag="open_interest"): ...


class _Liquidation(_Message, tag="liquidation"): ...


Levels = tuple[list[float], list[float]]
"""Prices and sizes."""
decode = msgspec.json.Decoder(
    Trade | Quote | Snapshot | Delta | _Heartbeat | _Definition | _TapeEnd | _Membership | _Bar
    | _MarkPrice | _FundingRate | _OpenInterest | _Liquidation
).decode  # fmt: skip


class Instrument:
    """All that is known of one instrument."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.bids: dict[float, float] = {}
        self.asks: dict[float, float] = {}
        self.sequence = self.second = 0
        self.bid = self.bid_size = self.ask = self.ask_size = self.flow = 0.0
        self.open = self.high = self.low = self.close = self.volume = 0.0
        self.ema = self.gain = self.loss = self.atr = self.notional = self.traded = 0.0

    def on_trade(self, price: float, size: float) -> None:
        """Add to the bar."""
        if not self.volume:
            self.open = self.high = self.low = price
        elif price > self.high:
            self.high = price
        elif price < self.low:
            self.low = price
        self.close = price
        self.volume += size
        self.notional += price * size
        self.traded += size

    def on_quote(self, bid: float, bid_size: float, ask: float, ask_size: float) -> None:
        """Note the best bid and ask, and what flowed."""
        if bid >= self.bid:
            self.flow += bid_size
        if bid <= self.bid:
            self.flow -= self.bid_size
        if ask <= self.ask:
            self.flow -= ask_size
        if ask >= self.ask:
            self.flow += self.ask_size
        self.bid, self.bid_size, self.ask, self.ask_size = bid, bid_size, ask, ask_size

    def on_snapshot(self, sequence: int, bids: Levels, asks: Levels) -> None:
        """Begin the book, each side given by prices and sizes."""
        self.bids, self.asks = dict(zip(*bids, strict=True)), dict(zip(*asks, strict=True))
        self.sequence = sequence

    def on_delta(self, sequence: int, bids: Levels, asks: Levels) -> None:
        """Change the book."""
        if sequence <= self.sequence:
            return
        self.sequence = sequence
        for side, (prices, sizes) in ((self.bids, bids), (self.asks, asks)):
            for price, size in zip(prices, sizes, strict=True):
                if size:
                    side[price] = size
                else:
                    side.pop(price, None)

    def end(self, ts: int) -> bytes | None:
        """End the second: indicators and imbalance."""
        first, self.second = not self.second, ts // _SECOND
        if first:
            return None
        close, before = self.close, self.ema or self.close
        change = close - before
        self.ema = before + change * 2 / 21
        self.gain += (max(change, 0.0) - self.gain) / 14
        self.loss += (max(-change, 0.0) - self.loss) / 14
        self.atr += (max(self.high - self.low, abs(change)) - self.atr) / 14
        bids = [self.bids[price] for price in nlargest(10, self.bids)]
        asks = [self.asks[price] for price in nsmallest(10, self.asks)]
        bought, sold = sum(bids), sum(asks)
        quoted = self.bid_size + self.ask_size
        features = {
            "instrument": self.name, "ts": ts, "open": self.open, "high": self.high, "low": self.low, "close": close,
            "volume": self.volume, "bid": self.bid, "ask": self.ask, "flow": self.flow,
            "microprice": (self.bid * self.ask_size + self.ask * self.bid_size) / quoted if quoted else None,
            "ema": self.ema, "rsi": 100 - 100 / (1 + self.gain / self.loss) if self.loss else 100.0, "atr": self.atr,
            "vwap": self.notional / self.traded if self.traded else None,
            "imbalance": (bought - sold) / (bought + sold) if bought + sold else None,
        }  # fmt: skip
        self.open = self.high = self.low = close
        self.volume = self.flow = 0.0
        return msgspec.json.encode(features)


class Market:
    """All instruments; the same for messages that were decoded to classes and to dicts."""

    def __init__(self) -> None:
        self.instruments: dict[str, Instrument] = {}

    def take(self, event: Any) -> bytes | None:
        """Take a message; the features of the second that it ends, if it ends one."""
        instrument = self._instrument(event.instrument_id)
        done = instrument.end(event.ts_event) if event.ts_event // _SECOND > instrument.second else None
        kind = type(event)
        if kind is Quote:
            instrument.on_quote(event.bid_price, event.bid_size, event.ask_price, event.ask_size)
        elif kind is Delta:
            bids, asks = (event.bid_prices, event.bid_sizes), (event.ask_prices, event.ask_sizes)
            instrument.on_delta(event.last_sequence, bids, asks)
        elif kind is Trade:
            instrument.on_trade(event.price, event.size)
        elif kind is Snapshot:
            bids, asks = (event.bid_prices, event.bid_sizes), (event.ask_prices, event.ask_sizes)
            instrument.on_snapshot(event.sequence, bids, asks)
        return done

    def take_dict(self, event: dict[str, Any]) -> bytes | None:
        """The same for a dict."""
        instrument, ts = self._instrument(event["instrument_id"]), event["ts_event"]
        done = instrument.end(ts) if ts // _SECOND > instrument.second else None
        kind = event["type"]
        if kind == "quote":
            instrument.on_quote(event["bid_price"], event["bid_size"], event["ask_price"], event["ask_size"])
        elif kind == "book_delta":
            bids, asks = (event["bid_prices"], event["bid_sizes"]), (event["ask_prices"], event["ask_sizes"])
            instrument.on_delta(event["last_sequence"], bids, asks)
        elif kind == "trade":
            instrument.on_trade(event["price"], event["size"])
        elif kind == "book_snapshot":
            bids, asks = (event["bid_prices"], event["bid_sizes"]), (event["ask_prices"], event["ask_sizes"])
            instrument.on_snapshot(event["sequence"], bids, asks)
        return done

    def _instrument(self, name: str) -> Instrument:
        instrument = self.instruments.get(name)
        if instrument is None:
            instrument = self.instruments[name] = Instrument(name)
        return instrument
