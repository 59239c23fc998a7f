"""Binance: spot, USD-M and coin-M futures. Combined-stream messages, REST answers and instrument lists.

Sources: Binance Open Platform, "Spot WebSocket Streams", "USD-M Futures WebSocket Market Streams" and "COIN-M ...".
"""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Meta, Raw, Struct, field

from schemas.market import (
    Amount,
    BookDelta,
    BookSnapshot,
    LevelSize,
    Liquidation,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Price,
    Quote,
    Size,
    Trade,
)  # fmt: skip
from schemas.time import MILLISECOND
from sources.normalise.binance_instruments import definitions
from sources.normalise.fields import Count, Millis, fraction, millis, sides
from sources.normalise.venue import NormaliseError, Unnamed, Venue

__all__ = ["message", "response", "subscribed"]

_REST_DEPTH: Final = 1_000
"""Levels a side that a REST book snapshot asks for unless its URL says otherwise."""

_Top = Annotated[float, Meta(ge=0, lt=1e15, description="0 where a side of the book is empty")]
_Levels = list[tuple[Price, LevelSize]]


class _Envelope(Struct):
    """A combined-stream message, or the body of a REST answer that a recorder wrote among them."""

    stream: str = ""
    data: Raw = Raw()
    id: Any = None
    last_update_id: int | None = field(name="lastUpdateId", default=None)
    open_interest: str | None = field(name="openInterest", default=None)


class _Request(Struct):
    streams: list[str] = field(name="params", default_factory=list)


class _Trade(Struct):
    symbol: str = field(name="s")
    price: Price = field(name="p")
    size: Size = field(name="q")
    traded: Millis = field(name="T")
    buyer_made: bool = field(name="m")
    number: Count | None = field(name="t", default=None)
    aggregate: Count | None = field(name="a", default=None)
    kind: str = field(name="X", default="MARKET")


class _Quote(Struct):
    symbol: str = field(name="s")
    bid_price: _Top = field(name="b")
    bid_size: LevelSize = field(name="B")
    ask_price: _Top = field(name="a")
    ask_size: LevelSize = field(name="A")
    sequence: Count = field(name="u")
    sent: Millis | None = field(name="E", default=None)


class _Depth(Struct):
    symbol: str = field(name="s")
    sent: Millis = field(name="E")
    first: Count = field(name="U")
    last: Count = field(name="u")
    bids: _Levels = field(name="b")
    asks: _Levels = field(name="a")
    previous: Annotated[int, Meta(ge=-1, le=2**63 - 1)] | None = field(name="pu", default=None)


class _Snapshot(Struct):
    bids: _Levels
    asks: _Levels
    last_update_id: Count = field(name="lastUpdateId")
    sent: Millis | None = field(name="E", default=None)
    symbol: str | None = None


class _Mark(Struct):
    symbol: str = field(name="s")
    sent: Millis = field(name="E")
    price: Price = field(name="p")
    index: Price | None = field(name="i", default=None)
    rate: str = field(name="r", default="")
    next_funding: int = field(name="T", default=0)


class _Order(Struct):
    symbol: str = field(name="s")
    side: str = field(name="S")
    price: Price = field(name="p")
    size: Size = field(name="q")
    traded: Millis = field(name="T")


class _Forced(Struct):
    order: _Order = field(name="o")


class _Interest(Struct):
    symbol: str
    open_interest: Amount = field(name="openInterest")
    time: Millis | None = None


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_REQUEST: Final = msgspec.json.Decoder(_Request)
_TRADE: Final = msgspec.json.Decoder(_Trade, strict=False)
_QUOTE: Final = msgspec.json.Decoder(_Quote, strict=False)
_DEPTH: Final = msgspec.json.Decoder(_Depth, strict=False)
_SNAPSHOT: Final = msgspec.json.Decoder(_Snapshot, strict=False)
_MARK: Final = msgspec.json.Decoder(_Mark, strict=False)
_FORCED: Final = msgspec.json.Decoder(_Forced, strict=False)
_INTEREST: Final = msgspec.json.Decoder(_Interest, strict=False)
_SEVERAL: Final = msgspec.json.Decoder(list[Raw])

_Handler = Callable[[Raw | bytes, str, Venue, int], MarketEvent | None]


def message(raw: bytes, venue: Venue, ts_received: int) -> list[MarketEvent]:
    """The records of one WebSocket message; none where it is of a stream that has no record type (klines, tickers).

    Raises:
        Unnamed: a REST book snapshot that a recorder wrote among them, as futures send it: without its symbol.
    """
    envelope = _ENVELOPE.decode(raw)
    if envelope.stream:
        handler, symbol = _route(envelope.stream)
        if handler is None:
            return []
        if symbol:
            record = handler(envelope.data, symbol, venue, ts_received)
            return [] if record is None else [record]
        parts = _SEVERAL.decode(envelope.data) if bytes(envelope.data).startswith(b"[") else [envelope.data]
        records = [handler(part, "", venue, ts_received) for part in parts]
        return [record for record in records if record is not None]
    if envelope.last_update_id is not None:
        return [_snapshot(raw, "", venue, ts_received, depth=_REST_DEPTH)]
    if envelope.open_interest is not None:
        return [_interest(raw, "", venue, ts_received)]
    if envelope.id is not None:  # the answer to a subscription
        return []
    raise NormaliseError("neither a combined-stream message nor a REST book snapshot")


def response(url: str, body: bytes, venue: Venue, ts_received: int) -> list[MarketEvent]:
    """The records of a REST answer: book snapshots; instrument lists go to ``venue``; all else has no record type."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    match parts.path.rpartition("/")[2]:
        case "exchangeInfo":
            venue.listed(definitions(venue.name, body))
        case "depth":
            depth = int(query.get("limit") or _REST_DEPTH)
            return [_snapshot(body, query.get("symbol", ""), venue, ts_received, depth=depth)]
        case "openInterest":
            return [_interest(body, "", venue, ts_received)]
    return []


def subscribed(url: str, sent: bytes, venue: Venue, ts_received: int) -> None:
    """Make known the instruments whose streams were asked for, so that their silence can be told."""
    streams = dict(parse_qsl(urlsplit(url).query)).get("streams", "").split("/")
    for stream in _REQUEST.decode(sent).streams if sent else streams:
        handler, symbol = _route(stream)
        if handler and symbol:
            venue.instrument(symbol, ts_received)


def _trade(data: Raw | bytes, _symbol: str, venue: Venue, ts_received: int) -> MarketEvent | None:
    wire = _TRADE.decode(data)
    number = wire.number if wire.number is not None else wire.aggregate
    stream = "trade" if wire.number is not None else "aggTrade"
    if not venue.first("trades", wire.symbol, stream):
        return None
    return Trade(
        **venue.heading(wire.symbol, wire.traded * MILLISECOND, ts_received),
        price=wire.price,
        size=wire.size,
        aggressor_side="sell" if wire.buyer_made else "buy",
        trade_id=None if number is None else str(number),
        sequence=number,  # both kinds are numbered without holes, an instrument each
        market=wire.kind == "MARKET",
    )


def _quote(data: Raw | bytes, _symbol: str, venue: Venue, ts_received: int) -> MarketEvent | None:
    wire = _QUOTE.decode(data)
    if not (wire.bid_price and wire.ask_price):
        return None
    return Quote(
        **venue.heading(wire.symbol, _ns(wire.sent), ts_received),
        bid_price=wire.bid_price,
        bid_size=wire.bid_size,
        ask_price=wire.ask_price,
        ask_size=wire.ask_size,
        sequence=wire.sequence,
    )


def _delta(data: Raw | bytes, _symbol: str, venue: Venue, ts_received: int) -> MarketEvent | None:
    wire = _DEPTH.decode(data)
    if (wire.previous is None) != (venue.name == "binance"):
        raise NormaliseError("only futures chain book deltas by 'pu', and all of them do: is it another of the venues?")
    if not venue.first("book", wire.symbol, "depth"):
        return None
    return BookDelta(
        **venue.heading(wire.symbol, wire.sent * MILLISECOND, ts_received),
        **sides(wire.bids, wire.asks),
        first_sequence=wire.first,
        last_sequence=wire.last,
        previous_sequence=wire.previous if wire.previous is not None and wire.previous >= 0 else None,
    )


def _partial(data: Raw | bytes, symbol: str, venue: Venue, ts_received: int, *, depth: int) -> MarketEvent | None:
    """The best levels as a whole: spot sends them like a REST answer, futures like an update."""
    if _ENVELOPE.decode(data).last_update_id is not None:
        book = _snapshot(data, symbol, venue, ts_received, depth=depth)
    else:
        wire = _DEPTH.decode(data)
        heading = venue.heading(wire.symbol, wire.sent * MILLISECOND, ts_received)
        book = BookSnapshot(**heading, **sides(wire.bids, wire.asks), sequence=wire.last, depth=depth)
    return book if venue.first("book", symbol, "partial") else None


def _snapshot(
    data: Raw | bytes, symbol: str, venue: Venue, ts_received: int, *, depth: int | None = None
) -> BookSnapshot:
    wire = _SNAPSHOT.decode(data)

    def complete(instrument_id: str) -> BookSnapshot:
        return BookSnapshot(
            instrument_id=instrument_id,
            ts_event=venue.clock.observe(_ns(wire.sent), ts_received),
            ts_received=ts_received,
            **sides(wire.bids, wire.asks),
            sequence=wire.last_update_id,
            depth=depth,
        )

    symbol = wire.symbol or symbol
    if not symbol:
        raise Unnamed("a book snapshot", complete)
    return complete(venue.instrument(symbol, ts_received))


def _mark(data: Raw | bytes, _symbol: str, venue: Venue, ts_received: int) -> MarketEvent:
    wire = _MARK.decode(data)
    funded = wire.next_funding > 0  # contracts with an expiry send 0
    return MarkPrice(
        **venue.heading(wire.symbol, wire.sent * MILLISECOND, ts_received),
        price=wire.price,
        index_price=wire.index,
        funding_rate=fraction(wire.rate) if funded and wire.rate else None,
        next_funding=millis(wire.next_funding) if funded else None,
    )


def _liquidation(data: Raw | bytes, _symbol: str, venue: Venue, ts_received: int) -> MarketEvent:
    order = _FORCED.decode(data).order
    return Liquidation(
        **venue.heading(order.symbol, order.traded * MILLISECOND, ts_received),
        side="buy" if order.side == "BUY" else "sell",
        price=order.price,
        size=order.size,
    )


def _interest(data: Raw | bytes, _symbol: str, venue: Venue, ts_received: int) -> MarketEvent:
    wire = _INTEREST.decode(data)
    return OpenInterest(**venue.heading(wire.symbol, _ns(wire.time), ts_received), open_interest=wire.open_interest)


def _ns(ms: int | None) -> int | None:
    return None if ms is None else ms * MILLISECOND


_HANDLERS: Final[dict[str, _Handler]] = {
    "trade": _trade,
    "aggTrade": _trade,
    "bookTicker": _quote,
    "depth": _delta,
    "depth5": partial(_partial, depth=5),
    "depth10": partial(_partial, depth=10),
    "depth20": partial(_partial, depth=20),
    "depthSnapshot": _snapshot,
    "markPrice": _mark,
    "forceOrder": _liquidation,
    "openInterest": _interest,
}


@lru_cache(4096)
def _route(stream: str) -> tuple[_Handler | None, str]:
    """Who reads a stream, and the symbol in its name: ``btcusdt@depth@100ms``; ``!markPrice@arr`` is of all symbols."""
    symbol, _, channel = stream.partition("@")
    if symbol.startswith("!"):
        return _HANDLERS.get(symbol[1:]), ""
    return _HANDLERS.get(channel.partition("@")[0]), symbol.upper()
