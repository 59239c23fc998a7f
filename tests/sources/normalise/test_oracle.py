"""Our records beside those that two other projects make of the same messages."""

import gzip
import json
from collections import Counter
from datetime import datetime
from typing import Any

import pytest

from schemas.market import (
    BookDelta,
    BookSnapshot,
    FundingRate,
    Liquidation,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Quote,
    Trade,
)
from schemas.time import MILLISECOND
from sources.normalise.dialects import DIALECTS
from sources.normalise.fields import UNREADABLE
from sources.normalise.venue import Unnamed, Venue
from tests.data import DATA, needs_data

pytestmark = needs_data

VENUES = {
    "binance": "binance",
    "binance-futures": "binanceusdm",
    "binance-delivery": "binancecoinm",
    "okex": "okx",
    "okex-futures": "okx",
    "okex-swap": "okx",
    "kraken": "kraken",
}
COMPARED = {
    "binance": 6,
    "binance-futures": 9,
    "binance-delivery": 8,
    "okex": 5,
    "okex-futures": 8,
    "okex-swap": 7,
    "kraken": 7,
}
"""Pairs that are compared; the others are of API versions that are gone (OKX v3) or not ours yet (Kraken v2), have
nothing expected of them, or are of a channel without a record type."""
DIFFERENT = {
    ("binance", 9): "deltas held back until then are merged into the book snapshot",
    ("binance-futures", 7): "likewise",
    ("okex-swap", 24): "no quote of a ticker any more once the best levels were sent on a channel of their own",
}


def rows(name: str) -> list[dict[str, Any]]:
    with gzip.open(DATA / "oracle" / name) as file:
        return [json.loads(line) for line in file]


def nanoseconds(text: str) -> int:
    whole, _, fraction = text.removesuffix("Z").partition(".")
    return int(datetime.fromisoformat(whole + "+00:00").timestamp()) * 10**9 + int(fraction.ljust(9, "0"))


def read(venue: Venue, raw: Any, ts_received: int) -> list[MarketEvent]:
    message = raw if isinstance(raw, str) else json.dumps(raw)
    return DIALECTS[venue.name].message(message.encode(), venue, ts_received)


def levels(prices: list[float], sizes: list[float]) -> list[dict[str, float]]:
    return [{"price": price, "amount": size} for price, size in zip(prices, sizes, strict=True)]


def theirs(record: MarketEvent) -> dict[str, Any]:
    """``record`` in the terms of the other project, as far as its message alone can tell."""
    match record:
        case Trade():
            found = {"type": "trade", "price": record.price, "amount": record.size, "side": record.aggressor_side}
            return found | ({"id": record.trade_id} if record.trade_id else {})
        case Quote():
            return {
                "type": "book_ticker",
                "bidPrice": record.bid_price,
                "bidAmount": record.bid_size,
                "askPrice": record.ask_price,
                "askAmount": record.ask_size,
            }
        case BookSnapshot() | BookDelta():
            return {
                "type": "book_change",
                "isSnapshot": isinstance(record, BookSnapshot),
                "bids": levels(record.bid_prices, record.bid_sizes),
                "asks": levels(record.ask_prices, record.ask_sizes),
            }
        case Liquidation():
            return {"type": "liquidation", "price": record.price, "amount": record.size, "side": record.side}
        case MarkPrice():
            found = {"markPrice": record.price, "indexPrice": record.index_price, "fundingRate": record.funding_rate}
            found["fundingTimestamp"] = record.next_funding
        case FundingRate():
            found = {"fundingRate": record.rate, "fundingTimestamp": record.next_funding}
        case OpenInterest():
            found = {"openInterest": record.open_interest}
        case _:
            raise AssertionError(record)
    return {"type": "derivative_ticker"} | {name: value for name, value in found.items() if value is not None}


def test_records_are_those_of_the_other_project() -> None:
    venues = {exchange: Venue(name, DIALECTS[name].describe) for exchange, name in VENUES.items()}
    compared: Counter[str] = Counter()
    for row in rows("normalised_pairs.jsonl.gz"):
        exchange, message, expected = row["exchange"], row["message"], row["expected"]
        unknown = exchange not in VENUES or "table" in message or row["test"].endswith("v2 messages")
        if unknown or not expected or (exchange, row["i"]) in DIFFERENT:
            continue
        venue = venues[exchange]
        records = read(venue, message, nanoseconds(row["local_timestamp"]))
        kinds = {theirs(record)["type"] for record in records}
        wanted = [entry for entry in expected if entry["type"] in kinds]
        if not wanted:
            assert not records
            continue
        assert len(wanted) == len(records)
        for record, entry in zip(records, wanted, strict=True):
            # Theirs times a message without a time by its receipt, ours by the exchange's clock as last known.
            timed = entry["type"] != "derivative_ticker" and entry["timestamp"] != entry["localTimestamp"]
            assert not timed or isinstance(record, BookSnapshot) or record.ts_event == nanoseconds(entry["timestamp"])
            if "fundingTimestamp" in entry:
                entry["fundingTimestamp"] = nanoseconds(entry["fundingTimestamp"])
            ours = theirs(record)
            assert ours == {name: entry.get(name) for name in ours}, (exchange, row["i"])
            if not entry["symbol"].startswith("book-"):  # one of theirs has the channel's name there
                assert record.instrument_id == venue.instrument(entry["symbol"], record.ts_received)
        compared[exchange] += 1
    assert compared == COMPARED


SILENT = {"ticker", "candlestick"}
"""Kinds of message that no record type stands for (OKX tickers, though, are quotes)."""
FOREIGN = {
    ("binance", "option"): "another of Binance's venues",
    ("okx_v3", None): "switched off",
    ("kraken", "inverse"): "Kraken's futures venue",
    ("kraken", "l2_snapshot"): "REST, without its URL",
    ("okx", "l2_snapshot"): "REST, without its URL",
    ("okx", "open_interest"): "REST, without its URL",
    ("okx", "option"): "no record type for options",
}


def is_foreign(row: dict[str, Any]) -> bool:
    exchange, market, kind = row["exchange"], row["market"], row["kind"]
    if '"table"' in row["raw"]:
        return True
    told = {(exchange, None), (exchange, kind), (exchange, market), (exchange, market.partition("_")[0])}
    return bool(told & FOREIGN.keys())


def venue_of(row: dict[str, Any]) -> Venue:
    name = row["exchange"]
    if name == "binance" and row["market"] != "spot":
        name = "binanceusdm" if row["market"].startswith("linear") else "binancecoinm"
    return Venue(name, DIALECTS[name].describe)


def test_every_message_of_our_venues_is_read_or_known_to_have_no_record() -> None:
    seen: Counter[str] = Counter()
    for row in rows("raw_messages.jsonl.gz"):
        if row["exchange"] not in {"binance", "okx", "okx_v3", "kraken"}:
            continue
        if is_foreign(row):
            seen["foreign"] += 1
            continue
        try:
            records = read(venue_of(row), row["raw"], 1_720_000_000 * 10**9)
        except Unnamed as unnamed:
            records = [unnamed.complete("binance:BTC/USDT")]
        silent = row["kind"] in SILENT and not (row["exchange"] == "okx" and row["kind"] == "ticker")
        assert bool(records) is not silent, row["raw"]
        seen["silent" if silent else "read"] += 1
    assert seen == {"read": 66, "silent": 22, "foreign": 50}


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b"{}", b'{"stream":"btcusdt@trade","data":{}}', b'"x"', b"\xff"])
@pytest.mark.parametrize("name", DIALECTS)
def test_what_is_no_message_is_told(name: str, raw: bytes) -> None:
    with pytest.raises(UNREADABLE):
        DIALECTS[name].message(raw, Venue(name, DIALECTS[name].describe), 1_720_000_000 * 1000 * MILLISECOND)
