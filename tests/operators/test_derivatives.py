"""Funding, mark price, open interest and liquidations as last known."""

import msgspec
import pytest

from operators.config import InstrumentConfig
from operators.derivatives import Derivatives, Settlement
from operators.errors import Refused
from operators.feature import Moment
from operators.instrument import Instrument
from schemas.market import (
    FundingRate,
    InstrumentDefinition,
    Liquidation,
    LongShortRatio,
    MarketEvent,
    MarkPrice,
    OpenInterest,
    Side,
)
from schemas.time import HOUR
from sources.tapes.tape import open_tapes
from tests.data import DATA, needs_data
from tests.operators.indicators.support import rank_of
from tests.operators.support import ID, START, beat, beats, ns, run, trade, vectors


def mark(at: float, price: float, index: float | None = None, **more: float) -> MarkPrice:
    return MarkPrice(
        instrument_id=ID, ts_event=ns(at), ts_received=ns(at), price=price, index_price=index,
        funding_rate=more.get("rate"), next_funding=START + int(more["next"]) * HOUR if "next" in more else None,
    )  # fmt: skip


def liquidation(at: float, side: Side, size: float) -> Liquidation:
    return Liquidation(instrument_id=ID, ts_event=ns(at), ts_received=ns(at), side=side, price=9.0, size=size)


def interest(at: float, amount: float) -> OpenInterest:
    return OpenInterest(instrument_id=ID, ts_event=ns(at), ts_received=ns(at), open_interest=amount)


def ratio(at: float, **ratios: float) -> LongShortRatio:
    return LongShortRatio(instrument_id=ID, ts_event=ns(at), ts_received=ns(at), **ratios)


def test_nothing_is_known_before_it_is_told() -> None:
    known = Derivatives()
    assert (known.mark_price, known.basis_bps, known.funding_rate, known.open_interest) == (None, None, None, None)
    known.on_mark(mark(1, 100.0))
    assert (known.mark_price, known.basis_bps, known.funding_rate) == (100.0, None, None)


def test_basis() -> None:
    known = Derivatives()
    known.on_mark(mark(1, 100.5, 100.0))
    assert known.basis_bps == pytest.approx(50.0)
    known.on_mark(mark(2, 1e14, 5e-324))
    assert known.basis_bps is None  # no number stands for this


def test_no_basis_is_made_with_an_index_price_of_before() -> None:
    known = Derivatives()
    known.on_mark(mark(1, 100.5, 100.0))
    known.on_mark(mark(2, 101.0))
    assert (known.mark_price, known.basis_bps) == (101.0, None)
    known.on_mark(mark(3, 101.0, 100.0))
    assert known.basis_bps == pytest.approx(100.0)


def test_older_news_is_ignored() -> None:
    known = Derivatives()
    known.on_mark(mark(5, 100.0, 100.0, rate=0.0001))
    known.on_mark(mark(4, 90.0, 95.0, rate=0.0009))
    known.on_funding(FundingRate(instrument_id=ID, ts_event=ns(3), ts_received=ns(3), rate=0.5))
    known.on_open_interest(interest(5, 7.0))
    known.on_open_interest(interest(4, 8.0))
    assert (known.mark_price, known.index_price, known.funding_rate, known.open_interest) == (100.0, 100.0, 0.0001, 7.0)
    known.on_funding(FundingRate(instrument_id=ID, ts_event=ns(6), ts_received=ns(6), rate=0.5))
    assert known.funding_rate == 0.5


def test_open_interest_that_is_repeated_hides_no_liquidation() -> None:
    """Between two words on it the price has passed long positions, to which the fall is put down."""
    once, twice = Derivatives(), Derivatives()
    for known in (once, twice):
        known.on_mark(mark(1, 100.0))
        known.on_open_interest(interest(1, 1_000.0))
        known.on_open_interest(interest(2, 2_000.0))
        known.on_mark(mark(3, 98.0))
        if known is twice:
            known.on_open_interest(interest(2, 2_000.0))
        known.on_open_interest(interest(4, 1_700.0))
    assert once.outlook is not None
    assert twice.outlook == once.outlook


def test_a_settlement_is_the_step_of_the_next_funding_time() -> None:
    known, end = Derivatives(), 8 * 3_600.0
    assert known.on_mark(mark(1, 1.0, rate=0.1, next=8)) is None
    assert known.on_mark(mark(2, 1.0, rate=0.1, next=8)) is None
    assert known.on_mark(mark(end, 1.0, rate=0.2, next=16)) == Settlement(ns(end), START + 8 * HOUR, START + 16 * HOUR)
    assert (known.funding_interval, known.read(Moment()).funding_settled) == (8 * HOUR, 0.1)
    assert known.on_mark(mark(end + 1, 1.0, rate=0.1, next=12)) is None  # a correction


@pytest.mark.parametrize(("at", "later"), [(60.0, HOUR), (8 * 3_600.0 - 5, 1_000_000)])
def test_a_next_funding_time_that_is_corrected_settles_nothing(at: float, later: int) -> None:
    known = Derivatives()
    known.on_mark(mark(1, 1.0, rate=0.1, next=8))
    moved = msgspec.structs.replace(mark(at, 1.0, rate=0.1), next_funding=START + 8 * HOUR + later)
    assert known.on_mark(moved) is None
    assert (known.next_funding, known.funding_interval) == (START + 8 * HOUR + later, None)
    assert known.read(Moment()).funding_settled is None


def test_a_table_tells_what_was_settled_and_not_what_runs() -> None:
    known = Derivatives()
    for i, rate in enumerate((0.1, 0.2)):
        known.on_funding(
            FundingRate(
                instrument_id=ID, ts_event=ns(i * 28_800.0), ts_received=ns(i), rate=rate, settled=True,
                interval=8 * HOUR if i else None,
            )
        )  # fmt: skip
        told = known.read(Moment())
        assert (told.funding_settled, told.funding_rate, told.funding_percentile) == (rate, None, None)
    assert told.next_funding == START + 16 * HOUR


@pytest.mark.parametrize(("back", "settled"), [(7, 0.1), (15, None)])
def test_after_a_silence_the_last_settlement_is_known_if_none_was_missed(back: int, settled: float | None) -> None:
    known = Derivatives()
    known.on_mark(mark(0, 1.0, rate=0.1, next=1))
    known.on_mark(mark(3_600, 1.0, rate=0.2, next=9))
    known.forget()
    assert known.read(Moment()).funding_settled is None
    known.on_mark(mark(back * 3_600.0, 1.0, rate=0.3, next=9 if back < 9 else 17))
    assert known.read(Moment()).funding_settled == settled


def test_rates_of_other_intervals_are_ranked_by_what_they_cost() -> None:
    known = Derivatives()
    for i in range(40):
        known.on_mark(mark(i * 28_800.0, 1.0, rate=1e-4 + i % 2 * 1e-6, next=8 * (i + 1)))
    for i in range(3):
        known.on_mark(mark(40 * 28_800.0 + i * 14_400, 1.0, rate=0.50001e-4, next=320 + 4 * (i + 1)))
    assert known.funding_interval == 4 * HOUR
    assert known.funding_percentile == pytest.approx(0.5, abs=0.05)


def test_ratios_each_as_last_told_and_the_oldest_says_how_old_they_are() -> None:
    known = Derivatives()
    known.on_ratio(ratio(3, accounts=1.5, taker_volume=0.9))
    known.on_ratio(ratio(5, accounts=1.6))
    known.on_ratio(ratio(4, accounts=1.4, top_positions=2.0))
    assert known.ratios == (1.6, None, 2.0, 0.9, ns(3))
    again = Derivatives()
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(known.state())))
    assert again.ratios == known.ratios
    again.forget()
    assert again.ratios is None


def test_next_to_no_open_interest_is_refused() -> None:
    with pytest.raises(Refused, match=r"\$\.open_interest 5e-324 is neither 0 nor at least 1e-18"):
        Derivatives().on_open_interest(interest(1, 5e-324))


def test_open_interest_of_which_only_the_value_is_told_is_divided_by_the_price() -> None:
    known = Derivatives()
    worth = OpenInterest(instrument_id=ID, ts_event=ns(2), ts_received=ns(2), open_interest=600.0, in_quote=True)
    known.on_open_interest(worth)
    assert known.open_interest is None  # no price is known
    known.on_bar(90.0, 110.0, 100.0)
    known.on_open_interest(worth)
    assert known.open_interest == 6.0


@pytest.mark.parametrize("told", ["by marks", "alone"])
def test_the_rank_of_a_funding_rate_among_those_settled(told: str) -> None:
    known, settled = Derivatives(), list[float]()
    for i in range(130):
        rate = (i * 37 % 101) * 1e-5
        if told == "by marks":
            known.on_mark(mark(i * 28_800.0, 1.0, rate=rate, next=8 * (i + 1)))
        else:
            known.on_funding(
                FundingRate(
                    instrument_id=ID, ts_event=ns(i * 28_800.0 + 0.01), ts_received=ns(i), rate=rate, interval=8 * HOUR
                )
            )  # fmt: skip
        expected = rank_of(rate, settled[-87:]) if i >= 20 else None  # of 29 days
        assert known.funding_percentile == (None if expected is None else pytest.approx(expected))
        settled.append(rate)
    assert known.read(Moment()).funding_settled == settled[-2]
    assert len(set(settled)) < len(settled)


def test_what_was_forced_is_counted_by_side_and_only_once() -> None:
    instrument = Instrument(ID, InstrumentConfig())
    events = [liquidation(1, "sell", 2.0), liquidation(2, "buy", 3.0), liquidation(2, "buy", 3.5)]
    run([*events, *events], instrument=instrument)
    assert instrument._derivatives.forced == (1, 18.0, 2, 58.5)


def test_after_a_silence_no_price_of_before_says_where_levels_lie() -> None:
    known, found = Derivatives(), list[bool]()
    known.on_mark(mark(1, 100.0))
    known.on_open_interest(interest(1, 1_000.0))
    known.on_open_interest(interest(2, 2_000.0))
    found.append(known.outlook is not None)
    known.forget()
    known.on_open_interest(interest(3, 2_000.0))
    found.append(known.outlook is not None)
    known.on_bar(90.0, 110.0, 105.0)  # its price stands for the mark price until that is told
    found.append(known.outlook is not None)
    assert found == [True, False, True]


@pytest.mark.parametrize(("inverse", "notional"), [(False, 18.0), (True, 200.0)])
def test_what_was_forced_is_worth_what_its_contracts_are(inverse: bool, notional: float) -> None:
    instrument = Instrument(ID, InstrumentConfig())
    kind = InstrumentDefinition(
        instrument_id=ID, ts_event=START, ts_received=START, kind="perpetual", base="BTC", quote="USD", settle="USD",
        contract_multiplier=100.0 if inverse else 1.0, inverse=inverse, tick_size=0.1, lot_size=1.0,
    )  # fmt: skip
    run([kind, liquidation(1, "sell", 2.0)], instrument=instrument)
    assert instrument._derivatives.forced == (1, notional, 0, 0.0)


def test_after_a_silence_all_has_to_be_told_again() -> None:
    told = mark(1, 101.0, 100.0, rate=0.0002, next=8)
    before: list[MarketEvent] = [beat(0), told, trade(2, 9.0), *beats(3, 70, 1)]
    events = [*before, *beats(100, 130, 1), trade(130, 9.0), *beats(131, 190, 1)]
    known = [(vector.features["basis_bps"], vector.features["funding_rate"]) for vector in vectors(run(events))]
    assert known == [(pytest.approx(100.0), 0.0002), (None, None)]


def test_restored_it_goes_on_as_before() -> None:
    known, again = Derivatives(), Derivatives()
    known.on_mark(mark(5, 100.0, 99.0, rate=0.0001, next=8))
    known.on_liquidation(liquidation(6, "sell", 2.0))
    again.restore(known.state())
    assert again.on_mark(mark(4, 1.0)) is None
    assert again.state() == known.state()


@needs_data
def test_the_settlement_of_a_real_tape() -> None:
    files = [DATA / "ws_raw/binance_2023-04-05_funding" / f"usdm_btcusdt_2023040{day}.dat.gz" for day in (4, 5)]
    known = Derivatives()
    marks = [item for item in open_tapes([(files, "binanceusdm")])[0] if isinstance(item, MarkPrice)]
    settled = [found for found in map(known.on_mark, marks) if found is not None]
    assert settled == [Settlement(1680652801000 * 10**6, 1680652800000 * 10**6, 1680681600000 * 10**6)]
