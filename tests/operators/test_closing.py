"""Bars and vectors as they leave the per-instrument step: lateness, revisions, emptiness, numbers, bars given."""

from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.closed import Closed
from operators.config import InstrumentConfig
from operators.instrument import Instrument
from schemas.market import MarketEvent, Side, TapeEnd, Trade
from schemas.results import Bar
from schemas.time import MINUTE
from schemas.topics import Outgoing
from tests.operators.support import (
    ID,
    QUICK,
    START,
    absences,
    bars,
    beat,
    beats,
    exchange_bar,
    gaps,
    in_order,
    ns,
    quote,
    run,
    told,
    trade,
    vectors,
)

LATENESS = 2.5
EVERY_TRADE = st.lists(
    st.tuples(st.integers(0, 2_399), st.integers(1, 9), st.integers(1, 99), st.booleans(), st.floats(0, LATENESS)),
    min_size=1, max_size=60,
)  # fmt: skip
"""Tenths of a second, price, size in tenths, bought, delay in s."""


def moved(events: list[MarketEvent], trades: list[Trade], delays: list[float]) -> list[MarketEvent]:
    """The log with ``trades`` in the places where they arrive after their delays; everything else stays."""
    placed = [(event.ts_event, 1, i, event) for i, event in enumerate(events)]
    placed += [
        (event.ts_event + round(delay * 1e9), 0, i, event)
        for i, (event, delay) in enumerate(zip(trades, delays, strict=True))
    ]
    return [event for *_, event in sorted(placed, key=lambda place: place[:3])]


@QUICK
@given(drawn=EVERY_TRADE, numbered=st.booleans())
def test_disorder_within_the_allowed_lateness_changes_no_byte(
    drawn: list[tuple[int, int, int, bool, float]], *, numbered: bool
) -> None:
    trades = [
        trade(
            tenths / 10, float(price), size / 10, side="buy" if bought else "sell",
            number=i if numbered else None, trade_id=str(i),
        )
        for i, (tenths, price, size, bought, _) in enumerate(sorted(drawn), 1)
    ]  # fmt: skip
    quotes = [quote(i * 7, 10.0 + i % 3, 20.0, number=i + 1) for i in range(30)]
    events = in_order(beats(0, 250), quotes)
    ordered = run(moved(events, trades, [0.0] * len(trades)))
    assert run(moved(events, trades, [delay for *_, delay in sorted(drawn)])) == ordered
    assert not gaps(ordered)
    assert 1 <= len(bars(ordered)) <= 4


def two_hours(*late: Trade) -> list[MarketEvent]:
    """A trade every 20 s for two hours and some; ``late`` ones arrive at 01:35:30."""
    trades = [trade(i * 20, 100.0 + i % 5, number=i + 1) for i in range(400)]
    events = in_order(beats(0, 7_800, 5), trades)
    at = next(i for i, event in enumerate(events) if event.ts_event >= ns(95 * 60 + 30))
    return events[:at] + list(late) + events[at:]


def test_beyond_it_every_bar_concerned_gets_a_revision_and_nothing_else_changes() -> None:
    late = [trade(94 * 60 + 1, 500.0, 7.0, side="sell", trade_id="x"), trade(94 * 60 + 2, 1.0, trade_id="y")]
    clean, out = run(two_hours()), run(two_hours(*late))
    revised = [bar for bar in told(out, Bar) if bar.revision]
    assert [(bar.timeframe, bar.ts_close) for bar in revised] == [
        ("1m", ns(95 * 60)), ("5m", ns(95 * 60)), ("15m", ns(105 * 60)), ("1h", ns(120 * 60)),
    ]  # fmt: skip
    for bar in revised:
        (first,) = [b for b in told(clean, Bar) if (b.timeframe, b.ts_close) == (bar.timeframe, bar.ts_close)]
        assert (bar.revision, bar.quality) == (1, ["late"])
        assert (bar.high, bar.low, bar.trades, bar.open) == (500.0, 1.0, first.trades + 2, first.open)
        assert bar.volume == first.volume + 8.0
        assert bar.sell_volume == first.sell_volume + 7.0
    (gap,) = gaps(out)
    assert (gap.kind, gap.count, gap.ts_start, gap.ts_end) == ("late", 2, ns(95 * 60), ns(96 * 60))
    ours = {bar.id for bar in revised} | {gap.id}
    assert [sent for sent in out if isinstance(sent, Closed) or sent.id not in ours] == clean


def test_a_second_late_trade_makes_revision_2() -> None:
    events = two_hours(trade(94 * 60 + 1, 500.0, trade_id="x"))
    events.insert(-1, trade(94 * 60 + 3, 600.0, trade_id="y"))
    revised = [bar for bar in bars(run(events), revision=None) if bar.ts_close == ns(95 * 60)]
    assert [(bar.revision, bar.high) for bar in revised] == [(0, 104.0), (1, 500.0)]
    events += beats(7_801, 7_900)
    revised = [bar for bar in bars(run(events), revision=None) if bar.ts_close == ns(95 * 60)]
    assert [(bar.revision, bar.high) for bar in revised] == [(0, 104.0), (1, 500.0), (2, 600.0)]


def test_a_trade_older_than_any_bar_kept_is_counted_as_too_late() -> None:
    instrument = Instrument(ID, InstrumentConfig())
    run([beat(86_400 * 3), beat(86_400 * 3 + 1)], instrument=instrument)
    out = run([trade(1, 5.0, trade_id="x"), *beats(86_400 * 3 + 2, 86_400 * 3 + 70)], instrument=instrument)
    assert [(gap.kind, gap.count) for gap in gaps(out)] == [("too_late", 1)]
    assert not [bar for bar in told(out, Bar) if bar.revision]


def too_late(out: list[Outgoing | Closed]) -> list[tuple[str, int]]:
    return [(gap.detail, gap.count) for gap in gaps(out, "too_late")]


class TestNothingVanishes:
    """What comes after its time is told, also where no close follows that would tell it."""

    last: ClassVar[list[MarketEvent]] = [
        *two_hours(),
        trade(7_700, 900.0, trade_id="x"),
        trade(-9_000, 5.0, trade_id="y"),
    ]

    def test_at_the_end_of_a_tape(self) -> None:
        end = TapeEnd(instrument_id=ID, ts_event=ns(7_800), ts_received=ns(7_801), source="test")
        out = run([*self.last, end, end])
        assert [(gap.kind, gap.count, gap.ts_received) for gap in gaps(out)] == [
            ("late", 1, ns(7_801)), ("too_late", 1, ns(7_801)),
        ]  # fmt: skip
        assert {(gap.ts_start, gap.ts_end) for gap in gaps(out)} == {(ns(7_740), ns(7_800))}
        (bar,) = [bar for bar in bars(out, revision=1) if bar.ts_open == ns(7_680)]
        assert (bar.high, bar.quality) == (900.0, ["late"])

    def test_while_time_stands_still(self) -> None:
        """As when a tape is followed by an older one: its heartbeats move nothing."""
        old = [trade(at - 9_000, 5.0, trade_id=f"old {at}") for at in range(0, 600, 10)]
        out = run([*two_hours(), *in_order(beats(-9_000, -8_400), old)])
        assert too_late(out) == [("trades", 13)] * 4  # the rest waits for more
        assert not gaps(run([*two_hours(), *beats(-9_000, -8_400)]))

    def test_in_days_that_are_left_out(self) -> None:
        day = 86_400
        lost: list[MarketEvent] = [trade(1.5 * day, 7.0, trade_id="x"), trade(1.6 * day, 8.0, trade_id="y")]
        lost.append(quote(1.7 * day, 7.0, 8.0))
        live: list[MarketEvent] = in_order(
            beats(3 * day + 7_200, 3 * day + 7_400), [trade(3 * day + 7_210, 9.0, trade_id="z")]
        )
        out = run([*in_order(beats(0, 130), [trade(1, 6.0, trade_id="a")]), *lost, *live])
        assert too_late(out) == [("trades", 2), ("quotes", 1)]
        assert [bar.close for bar in bars(out) if "empty" not in bar.quality] == [6.0, 9.0]

    def test_quotes_that_no_number_shows_to_be_repetitions(self) -> None:
        quotes = [quote(i * 7, 10.0 + i % 3, 20.0, number=i + 1) for i in range(30)]
        new, again, bare = quote(60, 9.0, 20.0, number=99), quote(60, 9.0, 20.0, number=7), quote(61, 9.0, 20.0)
        for event, found in ((new, [("quotes", 1)]), (again, []), (bare, [("quotes", 1)])):
            out = run([*in_order(beats(0, 190), quotes[:28]), event, *in_order(beats(190.25, 250), quotes[28:])])
            assert too_late(out) == found

    def test_bars_of_the_time_before_the_first(self) -> None:
        past = [exchange_bar(60 * i, 100.0 + i) for i in range(1, 31)]
        assert too_late(run([*past[10:], *past, exchange_bar(1_860, 100.0)])) == [("bars", 10)]
        live: list[MarketEvent] = in_order(beats(1_801, 2_000), [trade(1_810, 5.0)])
        assert too_late(run([*live, *past, *beats(2_001, 2_100)])) == [("bars", 30)]

    def test_an_old_trade_does_not_take_the_place_of_bars_that_are_given(self) -> None:
        past = [exchange_bar(60 * i, 100.0 + i) for i in range(1, 31)]
        old = [trade(-9_000, 5.0, trade_id="x"), trade(700, 5.0, trade_id="y")]
        out = run([*past[10:20], *old, *past[20:]])
        assert len(bars(out)) == 20
        assert too_late(out) == [("trades", 1)]  # the other one is in a bar


def test_what_happened_before_the_minute_of_the_first_heartbeat_is_too_late() -> None:
    early = [trade(-90, 7.0, trade_id="a"), trade(-61, 8.0, trade_id="b"), trade(10, 9.0, trade_id="c")]
    out = run([*early, quote(-80, 1.0, 2.0), *beats(40, 200)])
    assert too_late(out) == [("trades", 2), ("quotes", 1)]
    assert [(bar.ts_open, bar.close, bar.quality, bar.bid_first) for bar in bars(out)] == [
        (START, 9.0, ["partial"], None),
        (START + MINUTE, 9.0, ["empty"], None),
        (START + 2 * MINUTE, 9.0, ["empty"], None),
    ]


def test_longer_bars_equal_bars_built_of_the_trades() -> None:
    trades = [event for event in two_hours() if isinstance(event, Trade)]
    out = run(two_hours())
    for timeframe, minutes in (("5m", 5), ("15m", 15), ("1h", 60)):
        found = [bar for bar in told(out, Bar) if bar.timeframe == timeframe]
        assert len(found) == 7_797 // (minutes * 60)
        for bar in found:
            inside = [event for event in trades if bar.ts_open <= event.ts_event < bar.ts_close]
            prices = [event.price for event in inside]
            assert (bar.open, bar.high, bar.low, bar.close) == (prices[0], max(prices), min(prices), prices[-1])
            assert (bar.trades, bar.volume) == (len(inside), sum(event.size for event in inside))
            assert bar.notional == pytest.approx(sum(event.price * event.size for event in inside))


def test_longer_bars_are_built_of_revision_0() -> None:
    late = trade(95 * 60 + 1, 900.0, trade_id="x")  # for the first minute of the running 5m bar
    events = two_hours()
    at = next(i for i, event in enumerate(events) if event.ts_event >= ns(97 * 60))
    found = bars(run([*events[:at], late, *events[at:]]), "5m", revision=None)
    assert [(b.revision, b.high) for b in found if b.ts_close == ns(100 * 60)] == [(0, 104.0), (1, 900.0)]


def test_a_bar_begun_before_the_first_heartbeat_is_partial_and_told_to_no_indicator() -> None:
    out = run(in_order(beats(30, 400), [trade(i, 10.0, number=i + 1) for i in range(31, 400)]))
    assert [(bar.ts_close, bar.quality) for bar in bars(out)][:2] == [(ns(60), ["partial"]), (ns(120), [])]
    assert [(gone.ts_close, gone.reason) for gone in absences(out)] == [(ns(60), "the bar is partial")]
    assert [vector.features["cvd"] for vector in vectors(out)] == [None] * 5  # the session's beginning was missed
    assert bars(out, "5m")[0].quality == ["partial"]
    assert [gone.ts_close for gone in absences(out, "5m")] == [ns(300)]


def test_empty_bars_stand_at_the_last_price() -> None:
    out = run(in_order(beats(0, 200), [trade(70, 10.0), trade(75, 12.0)]))
    assert [(b.ts_close, b.close, b.volume, b.quality) for b in bars(out)] == [
        (ns(120), 12.0, 2.0, []), (ns(180), 12.0, 0.0, ["empty"]),
    ]  # fmt: skip
    assert [(gone.ts_close, gone.reason) for gone in absences(out)] == [
        (ns(0), "no bar: nobody listened, or no price is known"),
        (ns(60), "no bar: nobody listened, or no price is known"),
    ]
    assert vectors(out)[1].features["tfi"] is None


def test_prints_that_are_not_of_the_market_count_only_as_numbers() -> None:
    events = in_order(
        beats(0, 70), [trade(1, 10.0, number=1), trade(2, 99.0, 50.0, number=2, market=False), trade(3, 11.0, number=3)]
    )
    out = run(events)
    (bar,) = bars(out)
    assert (bar.high, bar.volume, bar.trades) == (11.0, 2.0, 2)
    assert not gaps(out)
    assert not gaps(run([*events, trade(4, 99.0, 1.0, trade_id="z", market=False), *beats(71, 130)]))


def test_quotes_of_a_bar() -> None:
    quotes = [quote(10, 9.0, 12.0, number=1), quote(20, 8.0, 11.0, number=2), quote(61, 10.0, 13.0, number=3)]
    out = run(in_order(beats(0, 130), [trade(5, 10.0), trade(65, 10.0)], quotes))
    first, second = bars(out)
    assert (first.bid_first, first.bid_low, first.bid_high, first.bid_last) == (9.0, 8.0, 9.0, 8.0)
    assert (first.ask_first, first.ask_low, first.ask_high, first.ask_last) == (12.0, 11.0, 12.0, 11.0)
    assert (second.bid_first, second.bid_last) == (10.0, 10.0)


def test_trades_of_one_moment_without_numbers_keep_the_order_of_arrival() -> None:
    sides: list[Side | None] = [None, "buy", "sell", None]
    together = [trade(1, price, side=side) for price, side in zip((9.0, 7.0, 8.0, 8.0), sides, strict=True)]
    (bar,) = bars(run([beat(0), *together, *beats(2, 70)]))
    assert (bar.open, bar.close, bar.high, bar.low, bar.trades) == (9.0, 8.0, 9.0, 7.0, 4)
    (bar,) = bars(run([beat(0), *reversed(together), *beats(2, 70)]))
    assert (bar.open, bar.close) == (8.0, 9.0)


def test_a_quote_of_the_first_moment_of_a_bar_is_in_it_however_late() -> None:
    events = [*in_order(beats(0, 62.5), [trade(1, 9.0), trade(60, 9.0)]), quote(60, 5.0, 6.0), *beats(62.75, 130)]
    assert [bar.bid_first for bar in bars(run(events))] == [None, 5.0]


def test_a_quote_may_change_on_one_side_alone() -> None:
    quotes = [quote(i, bid, ask) for i, (bid, ask) in enumerate([(9.0, 12.0), (8.0, 12.0), (8.0, 11.0), (8.0, 13.0)])]
    (bar,) = bars(run(in_order(beats(0, 70), [trade(5, 10.0)], quotes)))
    assert (bar.bid_low, bar.bid_last, bar.ask_low, bar.ask_high, bar.ask_last) == (8.0, 8.0, 11.0, 13.0, 13.0)


def test_quotes_in_disorder_are_put_back_by_their_numbers() -> None:
    quotes = [quote(10, 9.0, 12.0, number=1), quote(10, 8.0, 11.0, number=2), quote(10.1, 10.0, 13.0, number=3)]
    ordered = run([beat(0), trade(1, 10.0), *quotes, *beats(10.25, 70)])
    assert run([beat(0), trade(1, 10.0), quotes[2], quotes[0], quotes[1], *beats(10.25, 70)]) == ordered


@pytest.mark.parametrize("kind", ["trades", "quotes"])
def test_memory_is_bounded_when_heartbeats_do_not_come(kind: str) -> None:
    instrument = Instrument(ID, InstrumentConfig())
    one = trade(1, 10.0) if kind == "trades" else quote(1, 10.0, 11.0)
    out = run([beat(0), *[one] * 50_003], instrument=instrument)
    letters = [sent for sent in out if not isinstance(sent, Closed) and sent.topic == "dead_letters"]
    assert len(letters) == 3
    assert f"50000 {kind} wait for a heartbeat, there is no room for more".encode() in letters[0].value
    out = run([trade(2, 10.0, trade_id="z"), *beats(2, 70, 1)], instrument=instrument)
    (vector,) = vectors(out)
    assert f"50000 {kind} wait" in vector.tainted["tfi" if kind == "trades" else "ofi"]


def test_only_the_timeframes_asked_for_are_told() -> None:
    config = InstrumentConfig(timeframes=("5m", "1h"))
    out = run(two_hours(), config)
    assert {bar.timeframe for bar in told(out, Bar)} == {"5m", "1h"}
    whole = [bar for bar in told(run(two_hours()), Bar) if bar.timeframe in {"5m", "1h"}]
    assert told(out, Bar) == whole
    closed = [sent for sent in out if isinstance(sent, Closed)]
    assert [[record.timeframe for record in one.records] for one in closed[1:6]] == [[], [], [], [], ["5m"]]
