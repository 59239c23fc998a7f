"""Kraken: WebSocket API v1 of the spot market, and its list of pairs.

Source: Kraken, "WebSocket API v1: public" and "Book checksum".
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct, field

from schemas.market import BookDelta, BookSnapshot, InstrumentDefinition, MarketEvent, Quote, Side, Trade
from sources.normalise.fields import checksum, level_size, price, seconds, size
from sources.normalise.venue import NormaliseError, Venue

__all__ = ["describe", "message", "response", "subscribed"]

_NAMES: Final = {"XBT": "BTC", "XDG": "DOGE"}
_SIDES: Final[dict[str, Side]] = {"b": "buy", "s": "sell"}
_STATUS: Final = {"online": "trading"}
_REPUBLISHED: Final = "r"

_Level = list[str]
_Handler = Callable[[list[Any], str, str, Venue, int], list[MarketEvent]]


class _Subscription(Struct, frozen=True):
    name: str = ""


class _Request(Struct):
    pairs: list[str] = field(name="pair", default_factory=list)
    subscription: _Subscription = _Subscription()


_REQUEST: Final = msgspec.json.Decoder(_Request)


def message(raw: bytes, venue: Venue, ts_received: int) -> list[MarketEvent]:
    """The records of one message; none where its channel has no record type (tickers, bars, subscription events)."""
    match msgspec.json.decode(raw):
        case {"event": str()}:
            return []
        case [int(), *payload, str(channel), str(symbol)]:
            handler = _HANDLERS.get(channel.partition("-")[0])
            return handler(payload, channel, symbol, venue, ts_received) if handler else []
    raise NormaliseError("neither an event nor a list of channel number, payload, channel name and pair")


def response(url: str, body: bytes, venue: Venue, _ts_received: int) -> list[MarketEvent]:
    """Takes up the list of pairs; no other REST answer has a record type."""
    if url.endswith("/AssetPairs"):
        venue.listed(_definitions(body))
    return []


def subscribed(_url: str, sent: bytes, venue: Venue, ts_received: int) -> None:
    """Make known the pairs whose channels were asked for, so that their silence can be told."""
    request = _REQUEST.decode(sent or b"{}")
    for symbol in request.pairs if request.subscription.name in _HANDLERS else ():
        venue.instrument(symbol, ts_received)


def describe(symbol: str) -> InstrumentDefinition:
    """The plain definition of a pair, without tick and lot."""
    base, slash, quote = symbol.partition("/")
    if not (base and slash and quote):
        raise NormaliseError(f"{symbol!r} is no pair")
    base, quote = _NAMES.get(base, base), _NAMES.get(quote, quote)
    return InstrumentDefinition(
        instrument_id=f"kraken:{base}/{quote}", ts_event=0, ts_received=0, kind="spot", base=base, quote=quote
    )


def _definitions(body: bytes) -> Iterator[tuple[str, InstrumentDefinition]]:
    for entry in msgspec.json.decode(body)["result"].values():
        symbol = entry.get("wsname")
        if symbol is None:  # dark pool: not on the public feed
            continue
        full = msgspec.structs.replace(
            describe(symbol),
            tick_size=_step(entry["pair_decimals"]),
            lot_size=_step(entry["lot_decimals"]),
            status=_STATUS.get(entry.get("status", "online"), "halted"),
            taker_fee=entry["fees"][0][1] / 100 if entry.get("fees") else None,
        )
        yield symbol, full


def _step(decimals: int) -> float:
    return float(f"1e-{decimals}")


def _trades(payload: list[Any], _channel: str, symbol: str, venue: Venue, ts_received: int) -> list[MarketEvent]:
    return [
        Trade(
            **venue.heading(symbol, seconds(traded), ts_received),
            price=price(paid),
            size=size(volume),
            aggressor_side=_SIDES[side],
        )
        for paid, volume, traded, side, *_ in payload[0]
    ]


def _spread(payload: list[Any], _channel: str, symbol: str, venue: Venue, ts_received: int) -> list[MarketEvent]:
    bid, ask, sent, bid_size, ask_size = payload[0]
    if not (float(bid) and float(ask)):  # a side of the book is empty
        return []
    return [
        Quote(
            **venue.heading(symbol, seconds(sent), ts_received),
            bid_price=price(bid),
            bid_size=level_size(bid_size),
            ask_price=price(ask),
            ask_size=level_size(ask_size),
        )
    ]


def _book(payload: list[Any], channel: str, symbol: str, venue: Venue, ts_received: int) -> list[MarketEvent]:
    parts: dict[str, Any] = {}
    for part in payload:  # an update of both sides comes as two objects, and null has been seen among them
        parts |= part or {}
    whole = "as" in parts or "bs" in parts
    bids: list[_Level] = parts.get("bs" if whole else "b", [])
    asks: list[_Level] = parts.get("as" if whole else "a", [])
    bid_sizes, ask_sizes = _levels(bids), _levels(asks)
    ts_event = _newest(bids + asks, venue, ts_received)
    if whole and (bids or asks):
        tick_size, lot_size = (_step(len(text.partition(".")[2])) for text in (bids or asks)[0][:2])
        venue.refine(symbol, ts_received, tick_size=tick_size, lot_size=lot_size)
    common: dict[str, Any] = {
        "instrument_id": venue.instrument(symbol, ts_received),
        "ts_event": ts_event,
        "ts_received": ts_received,
        "bid_prices": list(bid_sizes),
        "bid_sizes": list(bid_sizes.values()),
        "ask_prices": list(ask_sizes),
        "ask_sizes": list(ask_sizes.values()),
        "checksum": checksum(parts["c"]) if "c" in parts else None,
    }
    if whole:
        return [BookSnapshot(depth=int(channel.partition("-")[2] or 10), maintained=True, **common)]
    return [BookDelta(**common)]


def _levels(levels: list[_Level]) -> dict[float, float]:
    """Price to size; where a message changes a level twice, the last change holds."""
    return {price(level[0]): level_size(level[1]) for level in levels}


def _newest(levels: list[_Level], venue: Venue, ts_received: int) -> int:
    """The time of the newest change; a republished level keeps the time of long ago and tells nothing."""
    times = [seconds(level[2]) for level in levels if level[3:] != [_REPUBLISHED]]
    return venue.clock.observe(max(times, default=None), ts_received)


_HANDLERS: Final[dict[str, _Handler]] = {"trade": _trades, "spread": _spread, "book": _book}
