"""Trades by their numbers: holes, repetitions, and venues that number anew."""

from typing import Any

import msgspec
import pytest

from operators.features import CATALOGUE
from schemas.market import MarketEvent, TapeEnd, Trade
from schemas.results import Bar
from schemas.time import SECOND
from tests.operators.support import (
    ID,
    START,
    bars,
    beat,
    beats,
    gaps,
    in_order,
    ns,
    quote,
    run,
    told,
    trade,
    vectors,
)


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
        {f.name for f in CATALOGUE if "trades" in f.inputs and f.memory not in {0, 1}},
    )
    of_trades = {f.name for f in CATALOGUE if "trades" in f.inputs and f.memory}
    assert set(tainted.tainted) == of_trades > {*after.tainted, "tfi"}
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
