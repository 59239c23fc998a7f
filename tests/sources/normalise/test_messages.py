"""Rules of single messages that no recording shows."""

import json
from typing import Any

import msgspec
import pytest

from schemas.market import BookDelta, BookSnapshot, FundingRate, MarketEvent, Quote, Trade
from schemas.time import MILLISECOND, SECOND
from sources.normalise.dialects import DIALECTS
from sources.normalise.venue import NormaliseError, Venue

MS = 1_720_000_000_000
NOW = MS * MILLISECOND


def read(name: str, *messages: Any) -> list[MarketEvent]:
    venue = Venue(name, DIALECTS[name].describe)
    raw = [json.dumps(message).encode() for message in messages]
    return [record for message in raw for record in DIALECTS[name].message(message, venue, NOW)]


def trade(**changes: Any) -> dict[str, Any]:
    wire = {"e": "trade", "E": MS, "T": MS, "s": "BTCUSDT", "t": 7, "p": "1.5", "q": "2", "X": "MARKET", "m": True}
    return {"stream": "btcusdt@trade", "data": wire | changes}


@pytest.mark.parametrize("kind", ["INSURANCE_FUND", "ADL", "NA"])
def test_prints_that_are_not_of_the_market_are_marked(kind: str) -> None:
    (found,) = read("binanceusdm", trade(X=kind))
    assert isinstance(found, Trade)
    assert not found.market
    assert (found.aggressor_side, found.trade_id, found.sequence) == ("sell", "7", 7)


@pytest.mark.parametrize("field", [{"p": "0"}, {"p": "nan"}, {"p": "inf"}, {"q": "-1"}, {"T": 1}, {"T": MS * 1_000}])
def test_values_outside_their_range_are_refused(field: dict[str, Any]) -> None:
    (name,) = field
    with pytest.raises(msgspec.ValidationError, match=name):
        read("binanceusdm", trade(**field))


def test_trades_and_their_aggregates_do_not_both_count() -> None:
    wire = {"e": "aggTrade", "E": MS, "a": 9, "s": "BTCUSDT", "p": "1.5", "q": "2", "f": 1, "l": 7, "T": MS, "m": False}
    aggregate = {"stream": "btcusdt@aggTrade", "data": wire}
    assert [record.sequence for record in read("binance", trade(), aggregate) if isinstance(record, Trade)] == [7]
    assert [record.sequence for record in read("binance", aggregate, trade()) if isinstance(record, Trade)] == [9]


def depth(stream: str, **changes: Any) -> dict[str, Any]:
    wire = {"e": "depthUpdate", "E": MS, "s": "BTCUSDT", "U": 4, "u": 6, "pu": 3, "b": [["1", "0"]], "a": [["2", "1"]]}
    return {"stream": stream, "data": wire | changes}


def test_the_best_levels_as_a_whole_are_no_delta() -> None:
    (found,) = read("binanceusdm", depth("btcusdt@depth20@100ms", pu=-1))
    assert isinstance(found, BookSnapshot)
    assert (found.sequence, found.depth, found.maintained) == (6, 20, False)


def test_a_message_that_cannot_be_read_decides_nothing_on_its_streams() -> None:
    venue = Venue("binanceusdm", DIALECTS["binanceusdm"].describe)
    with pytest.raises(msgspec.ValidationError):
        DIALECTS["binanceusdm"].message(json.dumps(depth("btcusdt@depth20", b=[["x", "1"]])).encode(), venue, NOW)
    (found,) = DIALECTS["binanceusdm"].message(json.dumps(depth("btcusdt@depth")).encode(), venue, NOW)
    assert isinstance(found, BookDelta)


def test_a_spot_book_is_not_read_from_futures_messages_nor_the_other_way() -> None:
    assert isinstance(read("binanceusdm", depth("btcusdt@depth"))[0], BookDelta)
    for venue, previous in (("binance", 3), ("binanceusdm", None)):
        with pytest.raises(NormaliseError, match="another of the venues"):
            read(venue, depth("btcusdt@depth", pu=previous))


def test_an_empty_side_is_no_quote() -> None:
    wire = {"u": 1, "s": "BTCUSDT", "b": "0.00000000", "B": "0", "a": "2", "A": "1"}
    assert read("binance", {"stream": "btcusdt@bookTicker", "data": wire}) == []
    ticker = {"instId": "BTC-USDT", "bidPx": "", "bidSz": "", "askPx": "2", "askSz": "1", "ts": str(MS)}
    assert read("okx", {"arg": {"channel": "tickers", "instId": "BTC-USDT"}, "data": [ticker]}) == []
    assert read("kraken", [1, ["0.0", "2.0", "1720000000.1", "0.0", "1.0"], "spread", "XBT/USD"]) == []


def test_a_quote_without_a_time_is_given_the_exchanges_as_last_known() -> None:
    wire = {"u": 1, "s": "BTCUSDT", "b": "1", "B": "1", "a": "2", "A": "1"}
    quote = {"stream": "btcusdt@bookTicker", "data": wire}
    first, _, second = read("binance", quote, trade(T=MS + 1_300), quote)
    assert isinstance(first, Quote)
    assert (first.ts_event, second.ts_event) == (NOW, NOW + 1_300 * MILLISECOND)


def test_okx_books_carry_unsigned_checksums_and_the_venues_numbers() -> None:
    row = {"asks": [["2", "1", "0", "1"]], "bids": [], "ts": str(MS), "checksum": -5, "seqId": 12, "prevSeqId": 11}
    message = {"arg": {"channel": "books", "instId": "BTC-USDT"}, "action": "update", "data": [row]}
    (found,) = read("okx", message)
    assert isinstance(found, BookDelta)
    assert (found.checksum, found.last_sequence, found.previous_sequence) == (2**32 - 5, 12, 11)
    (whole,) = read("okx", message | {"action": "snapshot"})
    assert isinstance(whole, BookSnapshot)
    assert (whole.depth, whole.maintained, whole.sequence) == (400, True, 12)
    with pytest.raises(NormaliseError, match="'partial' is neither"):
        read("okx", message | {"action": "partial"})


def test_okx_options_among_what_was_asked_for_are_passed_over() -> None:
    venue = Venue("okx", DIALECTS["okx"].describe)
    names = ("BTC-USD-220527-40000-C", "BTC-USDT")
    asked = {"op": "subscribe", "args": [{"channel": "trades", "instId": name} for name in names]}
    DIALECTS["okx"].subscribed("wss://x", json.dumps(asked).encode(), venue, NOW)
    assert [definition.instrument_id for definition in venue.introduced] == ["okx:BTC/USDT"]


def test_okx_funding_tells_the_interval_where_it_can() -> None:
    row = {"fundingRate": "0.0001", "fundingTime": str(MS), "nextFundingTime": str(MS + 4 * 3_600_000), "ts": str(MS)}
    (found,) = read("okx", {"arg": {"channel": "funding-rate", "instId": "BTC-USD-SWAP"}, "data": [row]})
    assert isinstance(found, FundingRate)
    assert (found.rate, found.next_funding, found.interval) == (0.0001, NOW, 4 * 3_600 * SECOND)


def test_kraken_levels_changed_twice_hold_the_last_and_republished_ones_tell_no_time() -> None:
    old = ["9.0", "1.0", "1500000000.000000", "r"]
    changes = [["9.5", "0.0", "1720000000.000001"], ["9.5", "2.0", "1720000000.000002"], old]
    (found,) = read("kraken", [1, {"b": changes, "c": "17"}, "book-10", "XBT/USD"])
    assert isinstance(found, BookDelta)
    assert (found.bid_prices, found.bid_sizes, found.checksum) == ([9.5, 9.0], [2.0, 1.0], 17)
    assert found.ts_event == 1_720_000_000_000_002_000
    (again,) = read("kraken", [1, {"b": [old], "c": "17"}, "book-10", "XBT/USD"])
    assert again.ts_event == NOW


def test_krakens_steps_are_the_digits_that_it_prints() -> None:
    name, venue = "kraken", Venue("kraken", DIALECTS["kraken"].describe)
    pairs = {"XXBTZUSD": {"wsname": "XBT/USD", "pair_decimals": 1, "lot_decimals": 8, "fees": [[0, 0.26]]}}
    DIALECTS[name].response("https://x/AssetPairs", json.dumps({"result": pairs}).encode(), venue, NOW)
    book = [1, {"as": [["9.50000", "1.00000000", "1720000000.0"]], "bs": []}, "book-10", "XBT/USD"]
    DIALECTS[name].message(json.dumps(book).encode(), venue, NOW)
    (found,) = venue.introduced
    assert (found.tick_size, found.lot_size, found.taker_fee) == (1e-5, 1e-8, 0.0026)
