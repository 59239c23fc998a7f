"""OKX: WebSocket API v5, public channels, and its instrument lists.

Source: OKX API guide v5, "Order Book Trading: Market Data" and "Public Data: WebSocket".
"""

from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Annotated, Final
from urllib.parse import parse_qsl, urlsplit

import msgspec
from msgspec import Meta, Raw, Struct, field

from schemas.market import (
    Amount,
    BookDelta,
    BookSnapshot,
    FundingRate,
    LevelSize,
    Liquidation,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Price,
    Quote,
    Side,
    Size,
    Trade,
)
from schemas.time import MILLISECOND
from sources.normalise.fields import Count, Millis, Name, fraction, level_size, millis, price, sides
from sources.normalise.okx_instruments import definitions
from sources.normalise.venue import NormaliseError, NotOurs, Venue

__all__ = ["message", "response", "subscribed"]

_DEPTH: Final = {"books": 400, "books-l2-tbt": 400, "books50-l2-tbt": 50, "books5": 5}
"""Levels a side that a book channel keeps up to date."""

_Levels = list[tuple[Price, LevelSize, str, str]]


class _Argument(Struct):
    channel: str
    instrument: str = field(name="instId", default="")


class _Envelope(Struct):
    event: str | None = None
    argument: _Argument | None = field(name="arg", default=None)
    action: str = "snapshot"
    data: list[Raw] = []


class _Requests(Struct):
    arguments: list[_Argument] = field(name="args", default_factory=list)


class _Trade(Struct):
    number: Name = field(name="tradeId")
    price: Price = field(name="px")
    size: Size = field(name="sz")
    side: Side
    traded: Millis = field(name="ts")


class _Book(Struct):
    bids: _Levels
    asks: _Levels
    sent: Millis = field(name="ts")
    checksum: int | None = None
    sequence: Count | None = field(name="seqId", default=None)
    previous: Annotated[int, Meta(ge=-1, le=2**63 - 1)] | None = field(name="prevSeqId", default=None)


class _Ticker(Struct):
    bid_price: str = field(name="bidPx")
    bid_size: str = field(name="bidSz")
    ask_price: str = field(name="askPx")
    ask_size: str = field(name="askSz")
    sent: Millis = field(name="ts")


class _Funding(Struct):
    next_funding: Millis = field(name="fundingTime")
    rate: str = field(name="fundingRate", default="")
    following: str = field(name="nextFundingTime", default="")
    sent: Millis | None = field(name="ts", default=None)


class _Mark(Struct):
    price: Price = field(name="markPx")
    sent: Millis = field(name="ts")


class _Interest(Struct):
    open_interest: Amount = field(name="oi")
    sent: Millis = field(name="ts")


class _Order(Struct):
    price: Price = field(name="bkPx")
    size: Size = field(name="sz")
    side: Side
    traded: Millis = field(name="ts")


class _Liquidations(Struct):
    instrument: str = field(name="instId")
    details: list[_Order]


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_REQUESTS: Final = msgspec.json.Decoder(_Requests)
_TRADE: Final = msgspec.json.Decoder(_Trade, strict=False)
_BOOK: Final = msgspec.json.Decoder(_Book, strict=False)
_TICKER: Final = msgspec.json.Decoder(_Ticker, strict=False)
_FUNDING: Final = msgspec.json.Decoder(_Funding, strict=False)
_MARK: Final = msgspec.json.Decoder(_Mark, strict=False)
_INTEREST: Final = msgspec.json.Decoder(_Interest, strict=False)
_LIQUIDATIONS: Final = msgspec.json.Decoder(_Liquidations, strict=False)

_Handler = Callable[[Raw, str, Venue, int], list[MarketEvent]]


def message(raw: bytes, venue: Venue, ts_received: int) -> list[MarketEvent]:
    """The records of one WebSocket message; none where its channel has no record type (candles, index tickers).

    Instruments of a kind that has none (options) are passed over.
    """
    if raw == b"pong":
        return []
    envelope = _ENVELOPE.decode(raw)
    argument = envelope.argument
    if argument is None or envelope.event is not None:
        if envelope.event is None:
            raise NormaliseError("neither data of a channel nor an event")
        return []
    channel, symbol = argument.channel, argument.instrument
    handler = _HANDLERS.get(channel)
    if channel in _DEPTH:
        handler = partial(_book, channel=channel, action=envelope.action)
    records: list[MarketEvent] = []
    for row in envelope.data if handler else ():
        try:
            records += handler(row, symbol, venue, ts_received) if handler else ()
        except NotOurs:
            continue
    return records


def response(url: str, body: bytes, venue: Venue, ts_received: int) -> list[MarketEvent]:
    """The records of a REST answer: book snapshots; instrument lists go to ``venue``; all else has no record type."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    match parts.path.rpartition("/")[2]:
        case "instruments":
            venue.listed(definitions(body))
        case "books":
            return [
                _snapshot(_BOOK.decode(row), query["instId"], venue, ts_received, int(query.get("sz", 1)), held=False)
                for row in _ENVELOPE.decode(body).data
            ]
    return []


def subscribed(_url: str, sent: bytes, venue: Venue, ts_received: int) -> None:
    """Make known the instruments whose channels were asked for, so that their silence can be told."""
    for argument in _REQUESTS.decode(sent).arguments if sent else ():
        if argument.instrument and (argument.channel in _HANDLERS or argument.channel in _DEPTH):
            with suppress(NotOurs):
                venue.instrument(argument.instrument, ts_received)


def _trade(row: Raw, symbol: str, venue: Venue, ts_received: int, *, channel: str) -> list[MarketEvent]:
    wire = _TRADE.decode(row)
    if not venue.first("trades", symbol, channel):
        return []
    return [
        Trade(
            **venue.heading(symbol, wire.traded * MILLISECOND, ts_received),
            price=wire.price,
            size=wire.size,
            aggressor_side=wire.side,
            trade_id=wire.number,  # no sequence: a message may stand for several fills, and then numbers are left out
        )
    ]


def _book(row: Raw, symbol: str, venue: Venue, ts_received: int, *, channel: str, action: str) -> list[MarketEvent]:
    wire = _BOOK.decode(row)
    if not venue.first("book", symbol, channel):
        return []
    if action == "snapshot":
        return [_snapshot(wire, symbol, venue, ts_received, _DEPTH[channel], held=channel != "books5")]
    if action != "update":
        raise NormaliseError(f"action {action!r} is neither snapshot nor update")
    return [
        BookDelta(
            **venue.heading(symbol, wire.sent * MILLISECOND, ts_received),
            **sides(wire.bids, wire.asks),
            checksum=_unsigned(wire.checksum),
            last_sequence=wire.sequence,
            previous_sequence=wire.previous if wire.previous is not None and wire.previous >= 0 else None,
        )
    ]


def _snapshot(wire: _Book, symbol: str, venue: Venue, ts_received: int, depth: int, *, held: bool) -> BookSnapshot:
    return BookSnapshot(
        **venue.heading(symbol, wire.sent * MILLISECOND, ts_received),
        **sides(wire.bids, wire.asks),
        checksum=_unsigned(wire.checksum),
        sequence=wire.sequence,
        depth=depth,
        maintained=held,
    )


def _unsigned(checksum: int | None) -> int | None:
    return None if checksum is None else checksum & 0xFFFFFFFF


def _best(row: Raw, symbol: str, venue: Venue, ts_received: int) -> list[MarketEvent]:
    wire = _BOOK.decode(row)
    if not (wire.bids and wire.asks):
        return []
    return [
        Quote(
            **venue.heading(symbol, wire.sent * MILLISECOND, ts_received),
            bid_price=wire.bids[0][0],
            bid_size=wire.bids[0][1],
            ask_price=wire.asks[0][0],
            ask_size=wire.asks[0][1],
            sequence=wire.sequence,
        )
    ]


def _ticker(row: Raw, symbol: str, venue: Venue, ts_received: int) -> list[MarketEvent]:
    wire = _TICKER.decode(row)
    if not (wire.bid_price and wire.ask_price):  # a side of the book is empty
        return []
    return [
        Quote(
            **venue.heading(symbol, wire.sent * MILLISECOND, ts_received),
            bid_price=price(wire.bid_price),
            bid_size=level_size(wire.bid_size),
            ask_price=price(wire.ask_price),
            ask_size=level_size(wire.ask_size),
        )
    ]


def _funding(row: Raw, symbol: str, venue: Venue, ts_received: int) -> list[MarketEvent]:
    wire = _FUNDING.decode(row)
    if not wire.rate:
        return []
    interval = millis(wire.following) - wire.next_funding * MILLISECOND if wire.following else 0
    return [
        FundingRate(
            **venue.heading(symbol, None if wire.sent is None else wire.sent * MILLISECOND, ts_received),
            rate=fraction(wire.rate),
            next_funding=wire.next_funding * MILLISECOND,
            interval=interval if interval > 0 else None,
        )
    ]


def _mark(row: Raw, symbol: str, venue: Venue, ts_received: int) -> list[MarketEvent]:
    wire = _MARK.decode(row)
    return [MarkPrice(**venue.heading(symbol, wire.sent * MILLISECOND, ts_received), price=wire.price)]


def _interest(row: Raw, symbol: str, venue: Venue, ts_received: int) -> list[MarketEvent]:
    wire = _INTEREST.decode(row)
    heading = venue.heading(symbol, wire.sent * MILLISECOND, ts_received)
    return [OpenInterest(**heading, open_interest=wire.open_interest)]


def _liquidations(row: Raw, _symbol: str, venue: Venue, ts_received: int) -> list[MarketEvent]:
    wire = _LIQUIDATIONS.decode(row)
    return [
        Liquidation(
            **venue.heading(wire.instrument, order.traded * MILLISECOND, ts_received),
            side=order.side,
            price=order.price,
            size=order.size,
        )
        for order in wire.details
    ]


_HANDLERS: Final[dict[str, _Handler]] = {
    "trades": partial(_trade, channel="trades"),
    "trades-all": partial(_trade, channel="trades-all"),
    "bbo-tbt": _best,
    "tickers": _ticker,
    "funding-rate": _funding,
    "mark-price": _mark,
    "open-interest": _interest,
    "liquidation-orders": _liquidations,
}
