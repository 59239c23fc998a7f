"""The triple barrier: what it takes for an entry and an exit, and that it knows nothing of the bars to come."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from models.barriers import Bracket, Label, TripleBarrier
from models.costs import Costs
from models.errors import ModelError
from schemas.results import Bar
from schemas.signals import Signal
from schemas.time import HOUR, MILLISECOND, MINUTE, SECOND

FREE = Costs(taker_fees=((0.0, 0.0),), slippage=0.0, half_spread=0.0)
LONG = Bracket(
    candidate_id="c", instrument_id="sim:A/B", sign=1, limit=101.0, stop=98.0, targets=[102.0, 104.0, 106.0],
    ts_decided=MINUTE + 2 * SECOND, expiry=5 * MINUTE, ts_horizon=9 * MINUTE,
)  # fmt: skip


def bar(at: int, low: float, high: float, first: float = 100.0, last: float = 100.0, **fields: Any) -> Bar:
    """The minute ``at``, as a history file gives it."""
    return Bar(
        id="", instrument_id="sim:A/B", timeframe="1m", ts_open=at * MINUTE, ts_close=(at + 1) * MINUTE,
        ts_decided=(at + 1) * MINUTE + SECOND, revision=0, open=first, high=high, low=low, close=last, volume=1.0,
        notional=100.0, trades=1, buy_volume=0.0, sell_volume=1.0, **fields,
    )  # fmt: skip


def quoted(one: Bar, spread: float) -> Bar:
    """``one`` with a book whose bid are its trade prices."""
    return replace(
        one, bid_first=one.open, bid_low=one.low, bid_high=one.high, bid_last=one.close, ask_first=one.open + spread,
        ask_low=one.low + spread, ask_high=one.high + spread, ask_last=one.close + spread,
    )  # fmt: skip


def run(bars: list[Bar], bracket: Bracket = LONG, costs: Costs = FREE) -> tuple[Label | None, int]:
    """The label, and how many bars it took."""
    barrier = TripleBarrier(bracket=bracket, costs=costs)
    for count, one in enumerate(bars, 1):
        label = barrier.on_bar(one)
        if label is not None:
            return label, count
    return None, len(bars)


def ended(bars: list[Bar], bracket: Bracket = LONG, costs: Costs = FREE) -> Label:
    label, _ = run(bars, bracket, costs)
    assert label is not None
    return label


def test_entry_is_at_the_first_ask_of_a_bar_that_begins_after_the_decision_and_the_latency() -> None:
    bars = [quoted(bar(at, 99.5, 100.5, first=99.0 + at / 10), 0.2) for at in range(10)]
    label = ended(bars)
    assert (label.status, label.ts_entry, label.entry) == ("horizon", 2 * MINUTE, 99.4)
    assert (label.exit, label.ts_exit, label.ts_end) == (100.0, 9 * MINUTE, 9 * MINUTE + SECOND)
    assert not label.spread_model
    late = replace(LONG, ts_decided=2 * MINUTE - 100 * MILLISECOND)
    assert ended(bars, late).ts_entry == 3 * MINUTE  # the latency reaches into the third minute


def test_a_bar_without_quotes_is_priced_by_the_stated_half_spread_and_says_so() -> None:
    label = ended([bar(at, 99.5, 100.5) for at in range(10)], costs=replace(FREE, half_spread=1e-3))
    assert label.spread_model
    assert [label.entry, label.exit] == pytest.approx([100.1, 99.9])
    exact = replace(LONG, ts_decided=2 * MINUTE)  # such bars cannot tell what 250 ms do
    assert ended([bar(at, 99.5, 100.5) for at in range(10)], exact).ts_entry == 2 * MINUTE
    slow = replace(FREE, latency=MINUTE)
    assert ended([bar(at, 99.5, 100.5) for at in range(10)], exact, slow).ts_entry == 3 * MINUTE


def test_the_stop_comes_first_where_a_bar_holds_both() -> None:
    label = ended([bar(2, 97.0, 105.0)])
    assert (label.status, label.exit, label.reached) == ("stop", 98.0, 0)


def test_a_gap_fills_beyond_the_stop_and_not_beyond_the_target() -> None:
    calm = bar(2, 99.0, 101.0)
    label = ended([calm, bar(3, 95.0, 97.0, first=96.0)])
    assert (label.status, label.exit, label.ts_exit) == ("stop", 96.0, 3 * MINUTE)
    label = ended([calm, bar(3, 90.0, 108.0, first=107.0)])  # it was there before it fell
    assert (label.status, label.exit, label.reached) == ("target", 104.0, 3)


def test_a_market_beyond_the_limit_is_waited_for_until_the_entry_expires() -> None:
    away = [bar(at, 101.5, 102.5, first=102.0, last=102.0) for at in range(2, 10)]
    label, count = run(away)
    assert label is not None
    assert (label.status, label.net_return, label.win, count) == ("unfilled", None, None, 3)
    back = [*away[:2], bar(4, 100.9, 110.0, first=102.0)]
    label, _ = run(back)
    assert label is None  # the target of the bar in whose midst it was filled may have been before that
    filled = ended([*back, bar(5, 99.0, 105.0)])
    assert (filled.status, filled.entry, filled.ts_entry) == ("target", 101.0, 5 * MINUTE)


@pytest.mark.parametrize("first", [97.5, 104.5])
def test_who_finds_the_market_beyond_stop_or_target_does_not_enter(first: float) -> None:
    assert ended([bar(2, 97.0, 105.0, first=first)]).status == "unfilled"


def test_a_bar_without_trade_or_quote_fills_nothing() -> None:
    bars = [bar(2, 100.0, 100.0, quality=["empty"]), *(bar(at, 99.5, 100.5) for at in range(3, 10))]
    assert ended(bars).ts_entry == 3 * MINUTE


def test_missing_bars_are_told_and_the_horizon_ends_at_the_first_price_after_them() -> None:
    label = ended([bar(2, 99.5, 100.5), bar(20, 99.5, 100.5, first=100.4)])
    assert (label.status, label.exit, label.gap) == ("horizon", 100.4, True)


def test_fees_slippage_and_settled_funding_on_mark_notional_are_taken_off() -> None:
    costs = Costs(taker_fees=((0.0, 1e-3), (1e6, 5e-4)), slippage=1e-4, half_spread=0.0, traded=2e6, notional=400_000.0)
    barrier = TripleBarrier(bracket=LONG, costs=costs)
    barrier.on_funding(2 * MINUTE, 1.0, 1.0)  # before the entry
    assert barrier.on_bar(bar(2, 99.5, 100.5)) is None
    barrier.on_funding(2 * MINUTE + 5 * MILLISECOND, 1.0, 1.0)  # at its very second
    barrier.on_funding(3 * MINUTE, 1e-4, 110.0)
    label = barrier.on_bar(bar(3, 99.5, 104.0))
    assert label is not None
    assert label.gross_return == pytest.approx(0.04)
    assert label.fees == pytest.approx(5e-4 * 2.04)
    assert label.slippage == pytest.approx(2e-4 * 2.04)
    assert label.funding == pytest.approx(1.1e-4)
    assert label.net_return == pytest.approx(0.04 - 5e-4 * 2.04 - 2e-4 * 2.04 - 1.1e-4)


prices = st.floats(90.0, 110.0).map(lambda price: round(price, 2))


@st.composite
def markets(draw: st.DrawFn) -> list[Bar]:
    """A run of minutes, with a book or without."""
    spread = draw(st.one_of(st.none(), st.floats(0.0, 0.5)))
    bars = []
    for at in range(12):
        first, last, one, other = (draw(prices) for _ in range(4))
        plain = bar(at, min(first, last, one, other), max(first, last, one, other), first, last)
        bars.append(plain if spread is None else quoted(plain, spread))
    return bars


def mirrored(one: Bar) -> Bar:
    """``one`` reflected at 100, bid and ask exchanged."""
    sides = {
        f"{ours}_{mine}": None if value is None else 200.0 - value
        for ours, theirs in (("bid", "ask"), ("ask", "bid"))
        for mine, its in (("first", "first"), ("low", "high"), ("high", "low"), ("last", "last"))
        for value in [getattr(one, f"{theirs}_{its}")]
    }
    return replace(
        one, open=200.0 - one.open, close=200.0 - one.close, low=200.0 - one.high, high=200.0 - one.low, **sides
    )


@given(markets())
def test_a_short_is_a_long_in_the_mirror(bars: list[Bar]) -> None:
    short = replace(LONG, sign=-1, limit=99.0, stop=102.0, targets=[98.0, 96.0, 94.0])
    ours, theirs = ended(bars), ended([mirrored(one) for one in bars], short)
    assert (ours.status, ours.ts_entry, ours.ts_exit, ours.reached) == (
        theirs.status, theirs.ts_entry, theirs.ts_exit, theirs.reached,
    )  # fmt: skip
    if ours.entry is not None and theirs.entry is not None and ours.exit is not None and theirs.exit is not None:
        assert [ours.entry, ours.exit] == pytest.approx([200.0 - theirs.entry, 200.0 - theirs.exit])


@given(markets(), st.integers(0, 11))
def test_no_bar_after_the_end_and_none_before_the_decision_changes_the_label(bars: list[Bar], change: int) -> None:
    label, count = run(bars)
    assert label is not None
    other = bar(change, 1.0, 1_000.0, 1.0, 1_000.0)
    if change >= count or bars[change].ts_close <= LONG.ts_decided:
        assert run([*bars[:change], other, *bars[change + 1 :]])[0] == label
    assert label.ts_end > LONG.ts_decided
    if label.ts_entry is not None and label.ts_exit is not None:
        assert LONG.ts_decided < label.ts_entry <= label.ts_exit <= label.ts_end


@given(markets(), st.integers(0, 11))
def test_a_barrier_goes_on_where_its_plain_data_stood(bars: list[Bar], cut: int) -> None:
    barrier = TripleBarrier(bracket=LONG, costs=FREE)
    early = [label for one in bars[:cut] if (label := barrier.on_bar(one))][:1]
    if not early:
        barrier = msgspec.msgpack.decode(msgspec.msgpack.encode(barrier), type=TripleBarrier)
        early = [label for one in bars[cut:] if (label := barrier.on_bar(one))][:1]
    assert early == [ended(bars)]


def test_the_bracket_of_a_signal_takes_its_size_in_quote_currency() -> None:
    signal = Signal(
        id="s", instrument_id="sim:A/B", timeframe="5m", strategy="x", strategy_version="1", direction="short",
        confidence=0.6, calibrated=False, horizon=2 * HOUR, entry_low=100.0, entry_high=101.0, stop=103.0,
        targets=[99.0, 97.0, 95.0], risk_reward=1.0, size=3.0, ts_event=HOUR, ts_decided=HOUR + SECOND,
        expiry=HOUR + 15 * MINUTE, key_factors=[], explanation="", models=[], schema_hash="", quality=[], bid=100.0,
        ask=102.0, status="vetoed",
    )  # fmt: skip
    bracket = Bracket.of(signal)
    assert (bracket.sign, bracket.limit, bracket.ts_horizon, bracket.notional) == (-1, 100.0, 3 * HOUR, None)
    with pytest.raises(ModelError, match="neutral"):
        Bracket.of(replace(signal, direction="neutral"))
