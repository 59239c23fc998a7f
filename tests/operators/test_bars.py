"""A bar while it is open, beside sums and extremes of its trades."""

from random import Random

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.bars import OpenBar
from operators.errors import Refused
from schemas.market import Side
from schemas.time import HOUR, MINUTE
from tests.operators.support import ID, QUICK, START, exchange_bar

SIDES: list[Side | None] = ["buy", "sell", None]
TRADES = st.lists(
    st.tuples(st.integers(0, 5 * MINUTE - 1), st.integers(1, 9), st.integers(1, 9), st.sampled_from(SIDES)),
    min_size=1, max_size=40,
)  # fmt: skip
FIGURES = (
    "open", "high", "low", "close", "open_at", "close_at", "volume", "notional", "buy_volume", "sell_volume", "trades",
    "quality",
)  # fmt: skip
QUOTES = tuple(f"{side}_{what}" for side in ("bid", "ask") for what in ("first", "low", "high", "last"))
Trades = list[tuple[int, int, int, Side | None]]


def filled(trades: Trades) -> OpenBar:
    bar = OpenBar(START)
    for number, (ts, price, size, side) in enumerate(trades):
        bar.trade((START + ts, number), float(price), float(size), side)
    return bar


def figures(bar: OpenBar) -> list[object]:
    return [getattr(bar, name) for name in FIGURES]


@QUICK
@given(trades=TRADES, shuffle=st.randoms())
def test_the_order_of_arrival_does_not_matter(trades: Trades, shuffle: Random) -> None:
    numbered = list(enumerate(trades))
    shuffle.shuffle(numbered)
    bar = OpenBar(START)
    for number, (ts, price, size, side) in numbered:
        bar.trade((START + ts, number), float(price), float(size), side)
    by_time = [trade for _, trade in sorted(numbered, key=lambda item: (item[1][0], item[0]))]
    prices = [price for _, price, _, _ in by_time]
    assert (bar.open, bar.high, bar.low, bar.close) == (prices[0], max(prices), min(prices), prices[-1])
    assert bar.trades == len(trades)
    assert bar.volume == sum(size for _, _, size, _ in trades)
    assert bar.notional == sum(price * size for _, price, size, _ in trades)
    assert bar.buy_volume == sum(size for _, _, size, side in trades if side == "buy")
    assert bar.sell_volume == sum(size for _, _, size, side in trades if side == "sell")


@QUICK
@given(trades=TRADES)
def test_parts_put_together_are_the_whole(trades: Trades) -> None:
    whole, longer = OpenBar(START), OpenBar(START)
    parts: dict[int, OpenBar] = {}
    for number, (ts, price, size, side) in enumerate(sorted(trades, key=lambda trade: trade[0])):
        part = parts.setdefault(ts // MINUTE, OpenBar(START + ts // MINUTE * MINUTE))
        for bar in (whole, part):
            bar.trade((START + ts, number), float(price), float(size), side)
            bar.quotes([(0, float(price), float(price + size))])
    for minute in range(5):
        part = parts.get(minute, OpenBar(START + minute * MINUTE))
        if minute not in parts:
            part.empty(77.0)
        longer.absorb(part)
    assert figures(longer) == figures(whole)
    assert [getattr(longer, name) for name in QUOTES] == [getattr(whole, name) for name in QUOTES]


@QUICK
@given(trades=TRADES, late=TRADES)
def test_late_trades_put_in_afterwards_are_as_if_they_had_come_in_time(trades: Trades, late: Trades) -> None:
    bar, later = filled(trades), OpenBar(START)
    for number, (ts, price, size, side) in enumerate(late, len(trades)):
        later.trade((START + ts, number), float(price), float(size), side)
    bar.absorb(later)
    assert figures(bar) == figures(filled(trades + late))


def test_quotes_keep_first_lowest_highest_and_last() -> None:
    bar = OpenBar(START)
    for bid, ask in ((10.0, 12.0), (9.0, 13.0), (11.0, 11.5), (10.5, 11.0)):
        bar.quotes([(0, bid, ask)])
    record = bar.record(ID, "1m", 0)
    assert (record.bid_first, record.bid_low, record.bid_high, record.bid_last) == (10.0, 9.0, 11.0, 10.5)
    assert (record.ask_first, record.ask_low, record.ask_high, record.ask_last) == (12.0, 11.0, 13.0, 11.0)


def test_without_quotes_nothing_is_said_of_them() -> None:
    record = filled([(0, 5, 1, "buy")]).record(ID, "5m", 3)
    assert [getattr(record, name) for name in QUOTES] == [None] * 8
    assert (record.ts_open, record.ts_close, record.ts_decided) == (START, START + 5 * MINUTE, 3)


def test_an_empty_bar_stands_at_the_last_price() -> None:
    bar = OpenBar(START)
    bar.empty(7.0)
    assert (bar.traded, bar.open, bar.high, bar.low, bar.close, bar.volume) == (False, 7.0, 7.0, 7.0, 7.0, 0.0)
    assert bar.quality == ["empty"]


def test_flags_of_parts_are_taken_over_once_but_emptiness_is_not() -> None:
    longer, part = OpenBar(START), OpenBar(START)
    part.empty(7.0)
    part.flag("gap")
    longer.absorb(part)
    longer.absorb(part)
    assert (longer.traded, longer.quality) == (False, ["gap"])


def test_each_revision_has_an_identifier_of_its_own() -> None:
    bar = filled([(0, 5, 1, "buy")])
    first = bar.record(ID, "1m", 0)
    bar.revision = 1
    assert len({first.id, bar.record(ID, "1m", 0).id, bar.record(ID, "5m", 0).id}) == 3


def test_restored_it_goes_on_as_before() -> None:
    bar = filled([(3, 5, 1, "buy"), (1, 4, 2, None)])
    bar.quotes([(0, 1.0, 2.0)])
    bar.flag("gap")
    again = OpenBar.restored(msgspec.msgpack.decode(msgspec.msgpack.encode(bar.state())))
    for one in (bar, again):
        one.trade((START, 0), 9.0, 1.0, "sell")
    assert again.state() == bar.state()
    assert again.record(ID, "1m", 0) == bar.record(ID, "1m", 0)


class TestExchangeBar:
    def test_as_one_of_ours(self) -> None:
        bar = OpenBar.of(exchange_bar(300, 50.0, timeframe="5m", volume=10.0, buy_volume=4.0))
        assert figures(bar)[:4] == [49.0, 51.0, 48.0, 50.0]
        assert (bar.volume, bar.notional, bar.buy_volume, bar.sell_volume, bar.trades) == (10.0, 500.0, 4.0, 6.0, 3)
        assert (bar.traded, bar.origin, bar.ts_open) == (True, "exchange", START)

    def test_notional_falls_back_to_the_mean_price(self) -> None:
        event = msgspec.structs.replace(exchange_bar(60, 50.0, buy_volume=None), notional=None, trades=None)
        bar = OpenBar.of(event)
        assert bar.notional == pytest.approx(2.0 * (51.0 + 48.0 + 50.0) / 3)
        assert (bar.buy_volume, bar.sell_volume, bar.trades, bar.traded) == (0.0, 0.0, 0, True)

    def test_one_that_does_not_begin_where_its_timeframe_does_is_refused(self) -> None:
        event = exchange_bar(90, 50.0)
        with pytest.raises(Refused, match=r"\$\.ts_open 2023-12-09T00:00:30Z is not where a 1m bar begins"):
            OpenBar.of(event)

    def test_one_whose_close_is_not_its_end_is_refused(self) -> None:
        event = msgspec.structs.replace(exchange_bar(60, 50.0), ts_event=START + HOUR)
        with pytest.raises(Refused, match=r"\$\.ts_event .*01:00:00Z is not the close of the bar, .*00:01:00Z"):
            OpenBar.of(event)

    @pytest.mark.parametrize("notional", [0.0, 95.0, 105.0, 1e6])
    def test_a_notional_of_other_prices_than_its_own_is_refused(self, notional: float) -> None:
        event = msgspec.structs.replace(exchange_bar(60, 50.0), notional=notional)
        with pytest.raises(Refused, match=rf"\$\.notional {notional} is not \$\.volume 2\.0 times a price"):
            OpenBar.of(event)

    def test_a_rounded_notional_is_brought_to_its_prices(self) -> None:
        assert OpenBar.of(msgspec.structs.replace(exchange_bar(60, 50.0), notional=95.9)).notional == 96.0

    def test_next_to_no_volume_is_refused(self) -> None:
        with pytest.raises(Refused, match=r"\$\.volume 5e-324 is neither 0 nor at least 1e-18"):
            OpenBar.of(exchange_bar(60, 50.0, volume=5e-324, buy_volume=None))

    def test_trades_without_volume_are_refused(self) -> None:
        with pytest.raises(Refused, match=r"\$\.trades 3 beside a \$\.volume of 0"):
            OpenBar.of(exchange_bar(60, 50.0, volume=0.0, buy_volume=None))

    def test_more_bought_than_traded_is_refused(self) -> None:
        with pytest.raises(Refused, match=r"\$\.buy_volume 3\.0 is above \$\.volume 2\.0"):
            OpenBar.of(exchange_bar(60, 50.0, volume=2.0, buy_volume=3.0))
