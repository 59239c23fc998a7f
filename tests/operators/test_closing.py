"""Bars and vectors as they leave the per-instrument step: lateness, revisions, emptiness, numbers, bars given."""

from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.closed import Closed
from operators.config import InstrumentConfig
from operators.features import CATALOGUE
from operators.instrument import Instrument
from schemas.market import MarketEvent, Side, TapeEnd, Trade
from schemas.results import Bar, Vector
from schemas.time import MINUTE, SECOND, TIMEFRAMES
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


def test_a_hole_in_the_numbers_is_recorded_and_taints() -> None:
    prices = [trade(i, 10.0 + i % 7, number=i + 1) for i in range(200) if i not in {80, 81, 82}]
    out = run(in_order(beats(0, 210), prices))
    (gap,) = gaps(out)
    assert (gap.kind, gap.expected, gap.received, gap.count) == ("trade_sequence", 81, 84, 3)
    assert (gap.ts_start, gap.ts_end) == (ns(79), ns(83))
    assert [bar.quality for bar in bars(out)] == [[], ["gap"], []]
    clean, tainted, after = vectors(out)
    assert (clean.tainted, set(after.tainted)) == (
        {},
        {f.name for f in CATALOGUE if "trades" in f.inputs and f.memory != 1},
    )
    assert set(tainted.tainted) == {*after.tainted, "tfi", "taker_ratio"}
    assert tainted.tainted["tfi"] == "3 trades missing at 2023-12-09T00:01:23Z"


def delayed(*late: tuple[int, float]) -> list[MarketEvent]:
    """A trade a second, numbered; some arrive much later (s)."""
    moments = {i: i + 0.5 for i in range(200)} | dict(late)
    placed: list[tuple[float, MarketEvent]] = [
        (at, trade(i + 0.5, 10.0 + i % 7, number=i + 1)) for i, at in moments.items() if at < 200
    ]
    placed += [((event.ts_event - START) / SECOND, event) for event in beats(0, 210)]
    return [event for _, event in sorted(placed, key=lambda place: place[0])]


def test_a_hole_that_is_filled_before_its_bar_ends_is_none() -> None:
    out, ordered = run(delayed((80, 110.0), (81, 90.0), (118, 121.4))), run(delayed())
    assert not gaps(out)
    assert bars(out) == bars(ordered)
    assert vectors(out) == vectors(ordered)


def test_what_is_left_of_a_hole_when_its_bar_ends_is_lost() -> None:
    out = run(delayed((80, 110.0), (81, 200), (82, 121.0), (83, 130.0), (150, 200)))
    assert [(gap.kind, gap.expected, gap.received, gap.count) for gap in gaps(out)] == [
        ("trade_sequence", 82, 83, 1), ("trade_sequence", 84, 85, 1), ("trade_sequence", 151, 152, 1),
        ("late", None, None, 1),
    ]  # fmt: skip
    assert [bar.quality for bar in bars(out)] == [[], ["gap"], ["gap"]]
    assert [vector.tainted.get("tfi") for vector in vectors(out)] == [
        None, "1 trades missing at 2023-12-09T00:01:24.5Z", "1 trades missing at 2023-12-09T00:02:31.5Z",
    ]  # fmt: skip


def test_a_hole_is_told_at_the_end_of_a_tape() -> None:
    end = TapeEnd(instrument_id=ID, ts_event=ns(100), ts_received=ns(100), source="test")
    cut = [event for event in delayed((80, 200)) if event.ts_event <= ns(100)]
    assert [(gap.expected, gap.count) for gap in gaps(run([*cut, end]))] == [(81, 1)]


def test_numbers_that_begin_anew_are_recorded_once() -> None:
    old = [trade(i, 10.0, number=1_000 + i) for i in range(20)]
    new = [trade(30 + i, 10.0, number=i) for i in range(1, 20)]
    out = run(in_order(beats(0, 70), old, new))
    (gap,) = gaps(out)
    assert (gap.expected, gap.received, gap.count, gap.detail) == (1_020, 1, 1, "numbers begin anew")
    assert bars(out)[0].trades == 39


@pytest.mark.parametrize("pause", [0.5, 6, 600])
@pytest.mark.parametrize("numbered", [True, False])
def test_trades_of_a_venue_that_numbers_anew_are_all_there(pause: float, *, numbered: bool) -> None:
    """A restarted venue gives old numbers to new trades; a second ingester repeats both."""
    ids: list[dict[str, Any]] = [{"number": i} if numbered else {"trade_id": str(i)} for i in range(1, 41)]
    lives = [[trade(begin + i / 4, 10.0, **names) for i, names in enumerate(ids)] for begin in (0, 9.75 + pause)]
    events = in_order(beats(0, 90 + pause), *lives)
    repeated = [event for i, event in enumerate(events) for event in (event, events[max(i - 30, 0)])]
    for out in (run(events), run(repeated)):
        assert sum(bar.trades for bar in bars(out)) == 80
        assert [(gap.kind, gap.detail) for gap in gaps(out)] == [("trade_sequence", "numbers begin anew")] * numbered
    assert run(repeated) == run(events)


def test_a_trade_too_old_to_tell_whether_it_is_a_repetition_is_counted() -> None:
    many = [trade(i / 10, 10.0, trade_id=f"n{i}") for i in range(1_200)]
    events = in_order(beats(0, 121), many)
    out = run([*events, many[0], many[-1], trade(1, 500.0, trade_id="never seen"), *beats(122, 200)])
    assert [(gap.kind, gap.count) for gap in gaps(out)] == [("too_late", 2)]
    assert not [bar for bar in told(out, Bar) if bar.revision]


def test_repetitions_change_nothing() -> None:
    trades = [trade(i / 3, 10.0 + i % 7, 1 + i % 3, number=i + 1) for i in range(500)]
    named = [trade(i / 2, 12.0, trade_id=f"n{i}") for i in range(200)]
    quotes = [quote(i / 4, 9.0 + i % 3, 30.0 - i % 5, (1.0 + i % 4, 2.0), number=i + 1) for i in range(600)]
    events = in_order(beats(0, 170), trades, named, quotes)
    once = run(events)
    assert run([event for event in events for _ in range(2)]) == once
    lag = 40
    interleaved = [
        event
        for i in range(len(events) + lag)
        for event in (events[i : i + 1] + (events[i - lag : i - lag + 1] if i >= lag else []))
    ]
    assert run(interleaved) == once


def test_trades_with_a_sequence_and_no_identifier_are_recognised_too() -> None:
    one = Trade(instrument_id=ID, ts_event=ns(1), ts_received=ns(1), price=5.0, size=1.0, sequence=4)
    assert bars(run([beat(0), one, one, *beats(2, 70)]))[0].trades == 1


def test_two_trades_of_one_number_are_no_hole() -> None:
    twins = [msgspec.structs.replace(trade(i, 5.0, number=4), trade_id=name) for i, name in ((1, "a"), (2, "b"))]
    out = run([beat(0), *twins, *beats(2, 70)])
    assert bars(out)[0].trades == 2
    assert not gaps(out)


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


class TestBarsThatAreGiven:
    """Where an exchange or a history file gives bars, nothing else is needed to move time on."""

    def test_each_closes_itself_and_the_longer_ones(self) -> None:
        out = run([exchange_bar(60 * i, 100.0 + i) for i in range(1, 61)])
        assert [len(bars(out, timeframe)) for timeframe in TIMEFRAMES] == [60, 12, 4, 1, 0, 0]
        assert not gaps(out)
        assert {(bar.origin, *bar.quality) for bar in told(out, Bar)} == {("exchange",)}
        hour = bars(out, "1h")[0]
        assert (hour.open, hour.high, hour.low, hour.close, hour.volume, hour.trades) == (100, 161, 99, 160, 120, 180)
        assert vectors(out)[-1].features["ema_20"] is not None
        assert vectors(out)[-1].features["cvd"] == 0.0
        assert vectors(out)[-1].ts_decided == exchange_bar(3_600, 1.0).ts_received

    def test_longer_ones_alone(self) -> None:
        out = run([exchange_bar(300 * i, 100.0 + i, timeframe="5m") for i in range(1, 13)])
        assert [len(bars(out, timeframe)) for timeframe in TIMEFRAMES] == [0, 12, 4, 1, 0, 0]
        assert not absences(out)

    def test_repetitions_and_bars_of_the_past_change_nothing(self) -> None:
        given_bars = [exchange_bar(60 * i, 100.0 + i) for i in range(1, 31)]
        once = run(given_bars)
        assert run([bar for i, bar in enumerate(given_bars) for bar in (bar, given_bars[i // 2])]) == once

    def test_a_longer_one_over_shorter_ones_is_known_already(self) -> None:
        minutes = [exchange_bar(60 * i, 100.0 + i) for i in range(1, 21)]
        fives = {i: exchange_bar(60 * i, 100.0, timeframe="5m", volume=99.0) for i in (5, 10, 15, 20)}
        both = [event for i, bar in enumerate(minutes, 1) for event in (fives.get(i), bar) if event is not None]
        out = run(both)
        assert [bar.volume for bar in bars(out, "15m")] == [30.0]

    def test_a_hole_is_a_silence(self) -> None:
        out = run([exchange_bar(60 * i, 100.0) for i in range(1, 31) if not 11 <= i <= 13])
        (gap,) = gaps(out)
        assert (gap.kind, gap.ts_start, gap.ts_end) == ("disconnected", ns(600), ns(780))
        assert [gone.ts_close for gone in absences(out)] == [ns(660), ns(720), ns(780)]
        assert [bar.quality for bar in bars(out, "15m")] == [["gap"], []]
        assert "nobody listened" in vectors(out)[10].tainted["ema_20"]

    def test_a_hole_of_months_is_told_shortly(self) -> None:
        out = run([exchange_bar(60, 100.0), *[exchange_bar(86_400 * 90 + i * 60, 100.0) for i in (60, 61)]])
        assert len(absences(out)) < 2 * 1_440
        assert bars(out)[-1].ts_close == ns(86_400 * 90 + 3_660)

    def test_from_history_to_trades_without_a_seam(self) -> None:
        history = [exchange_bar(60 * i, 100.0 + i % 3) for i in range(1, 61)]
        live = in_order(beats(3_600.25, 3_800), [trade(3_610, 150.0), trade(3_700, 151.0)])
        out = run([*history, *live, exchange_bar(3_840, 1.0)])
        assert not gaps(out)
        assert [(bar.close, bar.origin, bar.quality) for bar in bars(out)[-4:]] == [
            (100.0, "exchange", []), (150.0, "trades", []), (151.0, "trades", []), (151.0, "trades", ["empty"]),
        ]  # fmt: skip
        assert not told(out, Vector)[-1].tainted
        assert len(bars(out)) == 63  # what the exchange gives no longer counts

    @pytest.mark.parametrize("at", [-5_000, 1_000, 3_599, 3_600])
    def test_trades_that_come_before_the_history_change_nothing(self, at: int) -> None:
        history = [exchange_bar(60 * i, 100.0 + i % 3) for i in range(1, 61)]
        early = [trade(at, 150.0, number=7), trade(at, 151.0, number=9)]
        live = in_order(beats(3_600.25, 3_800), [trade(3_700, 151.0, number=10)])
        out, usual = run([*early, *history, *live]), run([*history, *early, *live])
        assert [(gap.kind, gap.count) for gap in gaps(out)] == [("too_late", 2)] * (at < 0) + [
            ("trade_sequence", 1)
        ] * (at == 3_600)
        assert told(out, Vector) == told(usual, Vector)
        assert len(bars(out)) == 62 + (at == 3_600)

    def test_a_trade_of_their_time_is_in_them_already(self) -> None:
        history = [exchange_bar(60 * i, 100.0) for i in range(1, 63)]
        live = in_order(beats(3_720.25, 4_000), [trade(3_730, 150.0)])
        again = [trade(3_650, 999.0, trade_id="x"), trade(100, 999.0, trade_id="y")]
        assert run([*history, *live[:200], *again, *live[200:]]) == run([*history, *live])

    def test_one_that_comes_after_its_close_was_passed_is_counted(self) -> None:
        out = run([exchange_bar(60, 100.0), *beats(61, 190), exchange_bar(120, 100.0), *beats(191, 250)])
        assert [(gap.kind, gap.count) for gap in gaps(out)] == [("too_late", 1)]
        assert [gone.ts_close for gone in absences(out)] == [ns(120), ns(180), ns(240)]

    def test_best_quotes_are_put_into_it(self) -> None:
        out = run([*in_order(beats(0, 59.75), [quote(10, 9.0, 12.0), quote(59.5, 8.0, 11.0)]), exchange_bar(60, 10.0)])
        (bar,) = bars(out)
        assert (bar.bid_first, bar.bid_last, bar.ask_last, bar.origin) == (9.0, 8.0, 11.0, "exchange")
        assert vectors(out)[0].bid == 8.0


def test_only_the_timeframes_asked_for_are_told() -> None:
    config = InstrumentConfig(timeframes=("5m", "1h"))
    out = run(two_hours(), config)
    assert {bar.timeframe for bar in told(out, Bar)} == {"5m", "1h"}
    whole = [bar for bar in told(run(two_hours()), Bar) if bar.timeframe in {"5m", "1h"}]
    assert told(out, Bar) == whole
    closed = [sent for sent in out if isinstance(sent, Closed)]
    assert [[record.timeframe for record in one.records] for one in closed[1:6]] == [[], [], [], [], ["5m"]]
