"""Each fault does what it says and nothing else: runs with it are compared with the run without."""

from collections import Counter
from functools import cache
from itertools import pairwise

import pytest
from msgspec.structs import replace

from schemas.codec import DecodeError, decode_event, encode
from schemas.market import BookDelta, BookSnapshot, MarketEvent, Quote, Trade
from schemas.time import HOUR, MILLISECOND, SECOND
from sources.malformed import Malformed
from sources.simulator import Duplicate, Faults, FlashCrash, Gap, Garbage, Late, Outage, Simulator
from sources.simulator.faults import Fault, Schedule
from tests.sources.simulator.support import BTC, BTC_PERPETUAL, NAMES, START, RebuiltBook, config, of_type, own, records

AT = 100.0
MOMENT = START + 100 * SECOND


@cache
def clean_run() -> list[MarketEvent | Malformed]:
    return run(Faults())


def run(faults: Faults) -> list[MarketEvent | Malformed]:
    return records(faults, duration=300 * SECOND)


def difference(faults: Faults) -> tuple[list[MarketEvent | Malformed], list[MarketEvent | Malformed]]:
    """What is missing from a run with ``faults`` and what is new in it, in order; the rest is the same, in order."""
    clean, faulty = clean_run(), run(faults)
    assert all(a.ts_received <= b.ts_received for a, b in pairwise(faulty))
    before, after = [encode(record) for record in clean], [encode(record) for record in faulty]
    excess = Counter(before)
    excess.subtract(after)
    assert [value for value in before if not excess[value]] == [value for value in after if not excess[value]]
    return (
        [record for record, value in zip(clean, before, strict=True) if excess[value] > 0],
        [record for record, value in zip(faulty, after, strict=True) if excess[value] < 0],
    )


def test_no_faults_are_the_default() -> None:
    assert difference(Faults()) == ([], [])


def test_a_gap_loses_deltas_in_a_row_and_ends_with_a_book_snapshot() -> None:
    missing, new = difference(Faults(gap=Gap(at=(AT,), deltas=4, resync=5.0, only=(BTC,))))
    deltas = of_type(BookDelta, missing, BTC)
    assert len(missing) == len(deltas) == 4
    assert all(a.last_sequence == b.previous_sequence for a, b in pairwise(deltas))
    assert 0 <= deltas[0].ts_received - MOMENT < SECOND
    (healed,) = of_type(BookSnapshot, new, BTC)
    assert len(new) == 1
    assert 0 <= healed.ts_received - deltas[0].ts_received - 5 * SECOND < SECOND


@pytest.mark.parametrize("faults", [Faults(gap=Gap(at=(AT, 200.0))), Faults(outage=Outage(at=(AT, 200.0)))])
def test_the_book_snapshot_after_a_hole_is_the_true_book(faults: Faults) -> None:
    clean, faulty = clean_run(), run(faults)
    for name in NAMES:
        healed = of_type(BookSnapshot, faulty, name)
        assert len(healed) == 3
        for snapshot in healed:
            assert rebuilt(clean, name, snapshot.sequence).equals(snapshot)
        last = healed[-1]
        rest = of_type(BookDelta, faulty[faulty.index(last) :], name)
        assert rest[0].previous_sequence == last.sequence


def rebuilt(stream: list[MarketEvent | Malformed], name: str, sequence: int | None) -> RebuiltBook:
    book = RebuiltBook()
    for record in stream:
        if isinstance(record, BookSnapshot) and record.instrument_id == name:
            book.replace(record)
        elif isinstance(record, BookDelta) and record.instrument_id == name:
            book.apply(record)
        if book.sequence == sequence:
            return book
    raise AssertionError(f"no book of {name} has the sequence {sequence}")


def test_in_an_outage_nothing_is_received_and_a_book_snapshot_comes_first() -> None:
    faults = Faults(outage=Outage(at=(AT,), length=20.0))
    missing, new = difference(faults)
    assert len(of_type(BookSnapshot, new)) == len(new) == len(NAMES)
    faulty = run(faults)
    for name in NAMES:
        lost = [record.ts_received for record in own(name, missing)]
        assert MOMENT <= min(lost) < MOMENT + SECOND
        assert MOMENT + 19 * SECOND < max(lost) < MOMENT + 21 * SECOND
        after = next(record for record in own(name, faulty) if record.ts_received >= MOMENT)
        assert isinstance(after, BookSnapshot)
        assert 20 * SECOND <= after.ts_received - MOMENT < 21 * SECOND


def test_a_random_outage_takes_all_instruments_at_once() -> None:
    faulty = run(Faults(outage=Outage(per_hour=24.0, length=5.0)))
    times = {name: [s.ts_event for s in of_type(BookSnapshot, faulty, name)][1:] for name in NAMES}
    assert times[BTC]
    assert all(times[name] == times[BTC] for name in NAMES)


def test_a_late_trade_comes_as_much_later_as_set() -> None:
    missing, new = difference(Faults(late=Late(at=(AT,), by=6.5, only=(BTC,))))
    (trade,) = of_type(Trade, missing)
    assert new == [replace(trade, ts_received=trade.ts_event + 6_500 * MILLISECOND)]


def test_a_late_trade_is_not_lost_at_the_end() -> None:
    faults = Faults(late=Late(at=(250.0,), by=3_600.0, only=(BTC,)))
    last = run(faults)[-1]
    assert isinstance(last, Trade)
    assert last.ts_received == last.ts_event + HOUR


def test_a_duplicate_is_the_same_record_again() -> None:
    missing, new = difference(Faults(duplicate=Duplicate(at=(AT,), only=(BTC_PERPETUAL,))))
    assert missing == []
    (copy,) = new
    assert not isinstance(copy, Malformed)
    originals = [
        record
        for record in clean_run()
        if not isinstance(record, Malformed) and replace(copy, ts_received=record.ts_received) == record
    ]
    assert len(originals) == 1
    assert copy.ts_received > originals[0].ts_received


def test_garbage_comes_between_the_records_and_is_none() -> None:
    missing, new = difference(Faults(garbage=Garbage(at=(AT, 200.0), per_hour=120.0)))
    assert missing == []
    garbage = of_type(Malformed, new)
    assert len(garbage) == len(new) > 2 * len(NAMES)
    for piece in garbage:
        with pytest.raises(DecodeError):
            decode_event(piece.raw)
        assert piece.place.startswith("simulator sim:")
        assert piece.reason == f"cut off after {len(piece.raw)} bytes"


def test_a_flash_crash_falls_and_recovers_with_a_wide_spread() -> None:
    crash = FlashCrash(at=(AT,), drop=0.1, fall=5.0, recovery=60.0)
    quotes = of_type(Quote, run(Faults(flash_crash=crash)), BTC)
    mids = {(q.ts_event - START) // SECOND: 0.5 * (q.bid_price + q.ask_price) for q in quotes}
    spreads = {(q.ts_event - START) // SECOND: q.ask_price - q.bid_price for q in quotes}
    assert mids[105] / mids[99] == pytest.approx(0.9, abs=0.01)
    assert mids[165] / mids[99] == pytest.approx(0.995, abs=0.01)
    assert mids[240] / mids[99] == pytest.approx(1.0, abs=0.015)
    assert min(mids, key=lambda second: mids[second]) in range(104, 108)
    assert max(spreads[second] for second in range(103, 108)) > 4 * max(spreads[second] for second in range(60, 99))
    before = of_type(Quote, clean_run(), BTC)
    assert quotes[:200] == before[:200]


def test_random_faults_come_as_often_as_set() -> None:
    schedule = Schedule(Fault(per_hour=60.0), seed=3, start=START, name="gap", instrument_id=BTC)
    count = 0
    while schedule.take(START + 50 * HOUR) is not None:
        count += 1
    assert count == pytest.approx(3_000, rel=0.06)


def test_given_and_random_times_come_in_order_and_once() -> None:
    schedule = Schedule(Fault(per_hour=60.0, at=(500.0, 20.0)), seed=3, start=START, name="gap", instrument_id=BTC)
    times = []
    while (due := schedule.next) is not None and due < START + HOUR:
        assert schedule.take(due - 1) is None
        times.append(due)
        assert schedule.take(due) == due
    assert times == sorted(times)
    assert {START + 20 * SECOND, START + 500 * SECOND} < {*times}


def test_faults_at_once_leave_a_stream_in_order() -> None:
    rate = 200.0
    faults = Faults(
        gap=Gap(per_hour=rate), outage=Outage(per_hour=rate, length=2.0), late=Late(per_hour=rate, by=1.5),
        duplicate=Duplicate(per_hour=rate), garbage=Garbage(per_hour=rate), flash_crash=FlashCrash(per_hour=20.0),
    )  # fmt: skip
    simulator = Simulator(config(faults=faults))
    received = [record.ts_received for record in simulator]
    assert received == sorted(received)
