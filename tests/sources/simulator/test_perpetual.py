"""Marks, funding, open interest and liquidations."""

from itertools import pairwise

import pytest
from msgspec.structs import replace

from schemas.market import FundingRate, Liquidation, MarkPrice, OpenInterest, Trade
from schemas.time import HOUR, MILLISECOND, SECOND
from sources.simulator import LISTINGS, Faults, FlashCrash, Simulator
from sources.simulator.perpetual import Funding, funding_rate
from sources.simulator.positions import Positions
from tests.sources.simulator.support import BTC, BTC_PERPETUAL, NAMES, START, config, hour, of_type, records

PERPETUALS = NAMES[1:]


def test_only_perpetuals_have_derivative_data() -> None:
    for kind in (MarkPrice, FundingRate, OpenInterest, Liquidation):
        assert not of_type(kind, hour()[1], BTC)


@pytest.mark.parametrize("name", PERPETUALS)
def test_mark_and_index_come_each_second_and_follow_the_book(name: str) -> None:
    _, stream = hour()
    marks = of_type(MarkPrice, stream, name)
    assert [mark.ts_event for mark in marks] == [START + i * SECOND for i in range(3601)]
    trades = {trade.ts_event // SECOND: trade.price for trade in of_type(Trade, stream, name)}
    for mark in marks:
        assert mark.index_price is not None
        assert mark.price == pytest.approx(mark.index_price, rel=0.01)
        if mark.ts_event // SECOND in trades:
            assert trades[mark.ts_event // SECOND] == pytest.approx(mark.price, rel=0.01)


def test_a_settlement_is_seen_in_the_stream() -> None:
    settlement = START + 8 * HOUR
    stream = records(start=settlement - 90 * SECOND, duration=180 * SECOND, instruments=LISTINGS[3:])
    marks = of_type(MarkPrice, stream)
    settled = [(a.next_funding, b.ts_event) for a, b in pairwise(marks) if a.next_funding != b.next_funding]
    assert settled == [(settlement, settlement)]
    assert marks[-1].next_funding == settlement + 8 * HOUR
    rates = of_type(FundingRate, stream)
    assert [(rate.ts_event - settlement) // SECOND for rate in rates] == [-90, -30, 0, 30, 90]
    assert [rate.next_funding for rate in rates] == [settlement] * 2 + [settlement + 8 * HOUR] * 3
    assert {rate.interval for rate in rates} == {8 * HOUR}


def test_funding_settles_each_eight_hours() -> None:
    begin = START + 5 * HOUR + 100 * MILLISECOND
    funding = Funding(8 * HOUR, begin)
    settled = [ts for ts in range(begin, begin + 26 * HOUR, SECOND) if funding.second(ts, 0.0)]
    assert settled == [START + hours * HOUR + 100 * MILLISECOND for hours in (8, 16, 24)]


@pytest.mark.parametrize(
    ("premium", "rate"),
    [(0.0, 0.0001), (0.0003, 0.0001), (-0.0003, 0.0001), (0.001, 0.0005), (-0.001, -0.0005), (0.5, 0.0075)],
)
def test_funding_is_the_premium_drawn_to_the_interest(premium: float, rate: float) -> None:
    assert funding_rate(premium, 8 * HOUR) == rate


def test_funding_averages_the_interval_with_linear_weights() -> None:
    funding = Funding(8 * HOUR, START)
    for i, premium in enumerate((0.001, 0.002, 0.003)):
        assert not funding.second(START + i * SECOND, premium)
    assert funding.rate == pytest.approx((1 * 0.001 + 2 * 0.002 + 3 * 0.003) / 6 - 0.0005, abs=1e-8)
    assert funding.second(START + 8 * HOUR, 0.001)
    assert funding.rate == pytest.approx(0.0005)


def test_open_interest_is_the_sum_of_the_true_positions() -> None:
    simulator, stream = hour()
    for name in PERPETUALS:
        told = of_type(OpenInterest, stream, name)
        for side in ("long", "short"):
            held = [p.size for p in simulator.true_positions() if p.instrument_id == name and p.side == side]
            assert sum(held) == pytest.approx(told[-1].open_interest, rel=1e-3)
        assert len({record.open_interest for record in told}) > 300


def test_open_interest_grows_with_volume_and_more_when_prices_rise() -> None:
    def after_a_minute(volume: int, momentum: float) -> float:
        positions = Positions(LISTINGS[1], 61_000.0)
        for _ in range(60):
            positions.second(61_000.0, volume, momentum)
        return positions.open_interest

    assert after_a_minute(0, 0.0) < after_a_minute(500, -1.0) < after_a_minute(500, 0.0) < after_a_minute(500, 1.0)


def test_a_position_is_liquidated_where_its_margin_ends() -> None:
    positions = Positions(LISTINGS[1], 61_000.0)
    before = positions.true_positions()
    for position in before:
        away = 1.0 / position.leverage - 0.004
        factor = 1.0 - away if position.side == "long" else 1.0 + away
        assert position.liquidation_price == pytest.approx(position.entry_price * factor)
    mark = 59_500.0
    due = sum(p.size for p in before if p.side == "long" and p.liquidation_price >= mark)
    assert positions.liquidate(mark) == (round(due / 0.001), 0)
    assert positions.open_interest == pytest.approx(4_000_000 - due / 0.001)
    assert all(p.liquidation_price < mark for p in positions.true_positions() if p.side == "long")
    assert positions.liquidate(mark) == (0, 0)


def test_open_interest_that_begins_at_nothing_stays_within_a_days_openings() -> None:
    positions = Positions(replace(LISTINGS[1], open_interest=0.0), 61_000.0)
    assert sum(position.size for position in positions.true_positions()) == 0
    for _ in range(2_000):
        positions.second(61_000.0, 300, 0.0)
    assert 0 < positions.open_interest < 0.3 * 300 * 2_000


def test_a_market_without_longs_begins_again() -> None:
    positions = Positions(LISTINGS[1], 61_000.0)
    sold, bought = positions.liquidate(1.0)
    assert (sold, bought) == (4_000_000, 0)
    assert positions.open_interest == pytest.approx(0.0, abs=1e-3)
    positions.second(30_000.0, 300, 0.0)
    assert positions.open_interest == pytest.approx(90.0, abs=1e-3)
    assert sum(p.size for p in positions.true_positions() if p.side == "short") == pytest.approx(0.09, abs=1e-5)


def test_positions_do_not_pile_up_for_ever() -> None:
    positions = Positions(LISTINGS[1], 61_000.0)
    for day in range(400):
        positions.second(61_000.0 * 1.001 ** (day % 50), 300, 0.0)
        positions._longs.shrink(0.5)
        positions._shorts.shrink(0.5)
    assert len(positions.true_positions()) < 2 * 5 * 161
    assert positions._longs.worth > 1e-7


def test_a_crash_liquidates_longs_in_a_cascade() -> None:
    crash = FlashCrash(at=(60.0,), drop=0.06)
    simulator = Simulator(config(faults=Faults(flash_crash=crash), duration=180 * SECOND))
    stream = list(simulator)
    forced = of_type(Liquidation, stream, BTC_PERPETUAL)
    sold = [record for record in forced if record.side == "sell"]
    assert len(sold) > 10
    assert min(record.ts_event for record in sold) >= START + 60 * SECOND
    # Each is an order that meets the book: a trade of the same moment and price comes right after it.
    trades = {(trade.ts_event, trade.price, trade.aggressor_side) for trade in of_type(Trade, stream, BTC_PERPETUAL)}
    assert all((record.ts_event, record.price, record.side) in trades for record in forced)
    interest = [record.open_interest for record in of_type(OpenInterest, stream, BTC_PERPETUAL)]
    assert interest[-1] < 0.9 * interest[0]
