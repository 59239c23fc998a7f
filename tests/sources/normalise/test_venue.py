"""A venue's clock and instruments."""

import pytest

from schemas.time import SECOND
from sources.normalise.dialects import DIALECTS
from sources.normalise.venue import FUTURE_TOLERANCE, Clock, NormaliseError, NotOurs, Venue

NOW = 1_700_000_000 * SECOND


def test_without_any_time_the_receipt_stands_in() -> None:
    assert Clock().at(NOW) == NOW


def test_the_clock_is_the_greatest_time_sent() -> None:
    clock = Clock()
    assert [clock.observe(ts, NOW) for ts in (NOW + 7, NOW + 3)] == [NOW + 7, NOW + 3]
    assert clock.at(NOW + SECOND) == NOW + 7


def test_a_time_from_the_far_future_is_not_believed() -> None:
    clock = Clock()
    clock.observe(NOW, NOW)
    clock.observe(NOW + FUTURE_TOLERANCE + 1, NOW)
    assert clock.at(NOW) == NOW


def test_what_another_tape_will_tell_is_not_known_yet() -> None:
    """A merge reads one message of each tape ahead."""
    clock = Clock()
    clock.observe(NOW - SECOND, NOW)
    clock.observe(NOW + 2 * SECOND, NOW + 3 * SECOND)
    assert [clock.at(NOW + n * SECOND) for n in range(5)] == [NOW + n * SECOND for n in (-1, 0, 1, 2, 2)]


def test_the_clock_goes_back_where_receipts_do() -> None:
    clock = Clock()
    clock.observe(NOW, NOW)
    earlier = NOW - 60 * SECOND
    assert clock.at(earlier) == earlier
    clock.observe(earlier + 1, earlier)
    assert clock.at(earlier + SECOND) == earlier + 1


@pytest.mark.parametrize(
    ("venue", "symbol", "instrument_id", "kind", "multiplier", "inverse"),
    [
        ("binance", "BTCUSDT", "binance:BTC/USDT", "spot", 1, False),
        ("binance", "ADAEUR", "binance:ADA/EUR", "spot", 1, False),
        ("binanceusdm", "1000SHIBUSDT", "binanceusdm:1000SHIB/USDT:USDT", "perpetual", 1, False),
        ("binanceusdm", "BTCUSDT_210924", "binanceusdm:BTC/USDT:USDT-210924", "future", 1, False),
        ("binancecoinm", "BTCUSD_PERP", "binancecoinm:BTC/USD:BTC", "perpetual", 100, True),
        ("binancecoinm", "BNBUSD_PERP", "binancecoinm:BNB/USD:BNB", "perpetual", 10, True),
        ("binancecoinm", "BTCUSD_210924", "binancecoinm:BTC/USD:BTC-210924", "future", 100, True),
        ("okx", "BTC-USDT", "okx:BTC/USDT", "spot", 1, False),
        ("okx", "UNI-USD-SWAP", "okx:UNI/USD:UNI", "perpetual", 10, True),
        ("okx", "BTC-USDT-SWAP", "okx:BTC/USDT:USDT", "perpetual", 1, False),
        ("okx", "BTC-USD-220527", "okx:BTC/USD:BTC-220527", "future", 100, True),
        ("kraken", "XMR/USD", "kraken:XMR/USD", "spot", 1, False),
        ("kraken", "XBT/CHF", "kraken:BTC/CHF", "spot", 1, False),
        ("kraken", "XDG/XBT", "kraken:DOGE/BTC", "spot", 1, False),
    ],
)
def test_instruments_are_named_in_ccxts_terms(
    venue: str, symbol: str, instrument_id: str, kind: str, multiplier: float, *, inverse: bool
) -> None:
    found = DIALECTS[venue].describe(symbol)
    assert (found.instrument_id, found.kind) == (instrument_id, kind)
    assert (found.contract_multiplier, found.inverse) == (multiplier, inverse)
    assert (found.funding_interval is not None) is (kind == "perpetual")
    assert (found.expiry is not None) is (kind == "future")


@pytest.mark.parametrize(("venue", "symbol"), [("binance", "USDT"), ("okx", "BTC"), ("kraken", "XBTUSD")])
def test_what_is_no_symbol_is_told(venue: str, symbol: str) -> None:
    with pytest.raises(NormaliseError, match=symbol):
        DIALECTS[venue].describe(symbol)


def test_options_are_not_ours() -> None:
    with pytest.raises(NotOurs):
        DIALECTS["okx"].describe("BTC-USD-220304-32000-P")


def test_an_instrument_is_introduced_once_and_again_when_it_proves_to_be_another() -> None:
    venue = Venue("kraken", DIALECTS["kraken"].describe)
    for _ in range(2):
        assert venue.instrument("XBT/USD", NOW) == "kraken:BTC/USD"
    assert len(venue.introduced) == 1
    venue.introduced = []
    for _ in range(2):
        venue.refine("XBT/USD", NOW, tick_size=0.1, lot_size=1e-8)
    assert [(found.tick_size, found.lot_size) for found in venue.introduced] == [(0.1, 1e-8)]


def test_only_the_first_of_two_tellings_of_the_same_counts() -> None:
    venue = Venue("binance", DIALECTS["binance"].describe)
    told = [venue.first("trades", symbol, stream) for symbol in "AB" for stream in ("trade", "aggTrade", "trade")]
    assert told == [True, False, True] * 2
