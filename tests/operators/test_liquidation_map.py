"""Estimated liquidation levels against cohorts that are kept one by one."""

from math import floor, log
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.derivatives import Derivatives
from operators.liquidation_map import LEVERAGES, MAINTENANCE, REACH, LiquidationMap
from schemas.market import MarkPrice, OpenInterest
from schemas.results import LevelProfile
from tests.operators.support import ID, exchange_bar, in_order, ns, run, told

WIDTH = 2e-3


class Plain:
    """The same rules, a cohort at a time."""

    def __init__(self) -> None:
        self.longs: list[list[float]] = []  # liquidation price as a logarithm, size
        self.shorts: list[list[float]] = []
        self.interest: float | None = None
        self.passed = [0.0, 0.0]

    def on_interest(self, interest: float, price: float) -> None:
        before, self.interest = self.interest, interest
        if before is not None and interest > before:
            for leverage, share in LEVERAGES:
                margin = 1 / leverage - MAINTENANCE
                self.longs.append([log(price) + log(1 - margin), share * (interest - before)])
                self.shorts.append([log(price) + log(1 + margin), share * (interest - before)])
        elif before is not None and interest < before:
            fall, passed = before - interest, sum(self.passed)
            forced = min(fall, passed)
            for cohorts, others in ((self.longs, self.passed[1]), (self.shorts, self.passed[0])):
                for cohort in cohorts:
                    if forced:
                        cohort[1] *= 1 - forced * others / passed / before
                    if fall > forced:
                        cohort[1] *= 1 - (fall - forced) / (before - forced)
        self.passed = [0.0, 0.0]

    def on_price(self, low: float, high: float) -> None:
        bottom, top = floor(log(low) / WIDTH), floor(log(high) / WIDTH)
        reached = [cohort for cohort in self.longs if floor(cohort[0] / WIDTH) >= bottom]
        self.passed[0] += sum(size for _, size in reached)
        self.longs = [cohort for cohort in self.longs if floor(cohort[0] / WIDTH) < bottom]
        reached = [cohort for cohort in self.shorts if floor(cohort[0] / WIDTH) <= top]
        self.passed[1] += sum(size for _, size in reached)
        self.shorts = [cohort for cohort in self.shorts if floor(cohort[0] / WIDTH) > top]

    def sizes(self) -> dict[int, tuple[float, float]]:
        found: dict[int, list[float]] = {}
        for side, cohorts in enumerate((self.longs, self.shorts)):
            for price, size in cohorts:
                found.setdefault(floor(price / WIDTH), [0.0, 0.0])[side] += size
        return {number: (long, short) for number, (long, short) in found.items()}


STEPS = st.lists(
    st.tuples(st.floats(-0.03, 0.03), st.floats(0.0, 0.02), st.one_of(st.none(), st.floats(0.0, 2_000.0))), max_size=60
)


def play(steps: list[tuple[float, float, float | None]], *maps: Any) -> float:
    """A market of returns, ranges and words on open interest; its last price."""
    price = 100.0
    for move, spread, interest in steps:
        price *= 1.0 + move
        for one in maps:
            one.on_price(price * (1.0 - spread), price * (1.0 + spread))
            if interest is not None:
                one.on_interest(interest, price)
    return price


@given(STEPS)
def test_as_cohort_by_cohort(steps: list[tuple[float, float, float | None]]) -> None:
    ours, plain = LiquidationMap(), Plain()
    price = play(steps, ours, plain)
    found = {floor(log(at) / WIDTH): sizes for at, sizes in ours.density().items()}
    for number, sizes in plain.sizes().items():
        assert found.pop(number) == pytest.approx(sizes, rel=1e-9, abs=1e-6)
    assert not found
    outlook, here = ours.outlook(price), floor(log(price) / WIDTH)
    if outlook is not None:
        reach = round(REACH / WIDTH)
        near = [(number - here, *sizes) for number, sizes in plain.sizes().items() if abs(number - here) <= reach]
        assert outlook.size_below == pytest.approx(sum(long for at, long, _ in near if at < 0), rel=1e-9, abs=1e-6)
        assert outlook.size_above == pytest.approx(sum(short for at, _, short in near if at > 0), rel=1e-9, abs=1e-6)


@given(STEPS, st.integers(0, 60))
def test_a_restart_anywhere_changes_no_bit(steps: list[tuple[float, float, float | None]], at: int) -> None:
    whole, first = LiquidationMap(), LiquidationMap()
    play(steps, whole)
    price = 100.0
    for number, (move, spread, interest) in enumerate(steps):
        if number == at:
            packed = msgspec.msgpack.encode(first.state())
            first = LiquidationMap()
            first.restore(msgspec.msgpack.decode(packed))
        price *= 1.0 + move
        first.on_price(price * (1.0 - spread), price * (1.0 + spread))
        if interest is not None:
            first.on_interest(interest, price)
    assert first.state() == whole.state()


def test_where_a_position_is_liquidated() -> None:
    """A long of leverage 10 at 100 loses its margin but the maintenance margin at 90.5, a short at 109.5."""
    levels = LiquidationMap()
    levels.on_interest(0.0, 100.0)
    levels.on_interest(100.0, 100.0)
    density = levels.density()
    assert min(density, key=lambda at: abs(at - 90.5)) == pytest.approx(90.5, rel=WIDTH)
    assert density[min(density, key=lambda at: abs(at - 90.5))] == pytest.approx((35.0, 0.0))
    assert density[min(density, key=lambda at: abs(at - 109.5))] == pytest.approx((0.0, 35.0))
    assert sum(long for long, _ in density.values()) == pytest.approx(100.0)
    outlook = levels.outlook(100.0)
    assert outlook is not None
    assert outlook.below is not None
    assert outlook.below.price == pytest.approx(99.5, rel=WIDTH)  # leverage 100
    assert outlook.below.size == pytest.approx(6.0)


@given(STEPS)
def test_a_profile_is_the_density_around_the_price(steps: list[tuple[float, float, float | None]]) -> None:
    levels = LiquidationMap()
    price = play(steps, levels)
    profile, density = levels.profile(price), levels.density()
    assert (profile is None) == (not density)
    if profile is not None:
        first, here = round(log(profile.lowest) / profile.width), floor(log(price) / WIDTH)
        found = {first + at: size for at, size in enumerate(profile.sizes) if size}
        near = {floor(log(at) / WIDTH): sum(sizes) for at, sizes in density.items()}
        assert found == {at: size for at, size in near.items() if size and abs(at - here) <= round(REACH / WIDTH)}
        assert len(profile.sizes) <= 2 * round(REACH / WIDTH) + 1


def test_a_profile_is_told_every_five_minutes_of_what_has_open_interest() -> None:
    bars = [exchange_bar(60.0 * minute, 100.0) for minute in range(1, 13)]
    interest = [
        OpenInterest(instrument_id=ID, ts_event=ns(at), ts_received=ns(at), open_interest=size)
        for at, size in ((181.0, 1.0), (182.0, 5.0))
    ]
    profiles = told(run(in_order(bars, interest)), LevelProfile)
    assert [profile.ts_close for profile in profiles] == [ns(300), ns(600)]
    assert profiles[0].open_interest == 5.0
    # Four fifths are known; of these the bars, from 98 to 101, have passed longs of 100 and 50 and shorts of 100.
    longs, shorts = 0.22 + 0.35, 0.12 + 0.22 + 0.35
    assert sum(profiles[0].shares) == pytest.approx(0.8 * (longs + shorts), abs=1e-4)
    assert profiles[0].lowest == pytest.approx(90.5, rel=WIDTH)
    assert told(run(bars), LevelProfile) == []


def test_what_the_mark_price_has_passed_is_gone_once() -> None:
    levels = LiquidationMap()
    levels.on_interest(0.0, 100.0)
    levels.on_interest(100.0, 100.0)
    levels.on_price(95.0, 100.0)  # leverages of 100, 50 and 20 are out: 40 longs
    assert sum(long for long, _ in levels.density().values()) == pytest.approx(60.0)
    levels.on_interest(60.0, 95.0)
    assert sum(long for long, _ in levels.density().values()) == pytest.approx(60.0)  # the fall was theirs
    assert sum(short for _, short in levels.density().values()) == pytest.approx(60.0)  # who had the other side
    levels.on_interest(30.0, 95.0)
    assert sum(long for long, _ in levels.density().values()) == pytest.approx(30.0)


def test_it_stays_small() -> None:
    """Whatever the price does: by two orders of magnitude and back, with a rise at each step."""
    levels, price, interest = LiquidationMap(), 100.0, 0.0
    for number in range(20_000):
        price *= 1.001 if number % 10_000 < 5_000 else 1 / 1.001
        interest += 1.0
        levels.on_price(price, price)
        levels.on_interest(interest, price)
    assert len(levels.density()) < 750
    assert len(msgspec.msgpack.encode(levels.state())) < 12_000


def test_after_a_silence_the_first_word_says_nothing() -> None:
    levels = LiquidationMap()
    levels.on_interest(10.0, 100.0)
    levels.forget()
    levels.on_interest(90.0, 100.0)
    assert levels.outlook(100.0) is None


def test_bars_stand_for_the_mark_price_where_it_is_not_told() -> None:
    def interest(at: float, amount: float) -> OpenInterest:
        return OpenInterest(instrument_id=ID, ts_event=ns(at), ts_received=ns(at), open_interest=amount)

    known = Derivatives()
    known.on_open_interest(interest(1, 10.0))  # at which price is not known
    known.on_bar(99.0, 101.0, 100.0)
    known.on_open_interest(interest(2, 10.0))
    known.on_open_interest(interest(3, 20.0))
    assert known.outlook is not None
    known.on_bar(80.0, 100.0, 90.0)
    assert known.outlook is not None
    assert known.outlook.size_below == 0.0
    known.on_mark(MarkPrice(instrument_id=ID, ts_event=ns(4), ts_received=ns(4), price=95.0))
    known.on_bar(1.0, 1_000.0, 95.0)
    assert known.outlook.size_above > 0.0
