"""The per-instrument step as a whole: time, silence, what it refuses, what it forgets and what it does not."""

from typing import Any

import msgspec
import pytest

from operators.closed import Closed
from operators.config import InstrumentConfig
from operators.instrument import Instrument
from schemas.batches import Batch
from schemas.codec import encode
from schemas.layouts import Layout, LayoutError
from schemas.market import (
    ExternalMetric,
    InstrumentDefinition,
    MarketEvent,
    Membership,
    TapeEnd,
)  # fmt: skip
from schemas.results import Absence, DeadLetter
from schemas.time import SECOND, TIMEFRAME_NS, TIMEFRAMES
from schemas.topics import Outgoing
from tests.operators.support import (
    ID,
    LATER,
    START,
    absences,
    bars,
    beat,
    beats,
    delta,
    exchange_bar,
    gaps,
    in_order,
    ns,
    quote,
    run,
    snapshot,
    told,
    trade,
    vectors,
)

YEAR_2099 = 4_086_000_000 * SECOND


def market(end: float, begin: float = 0) -> list[MarketEvent]:
    """A trade a second and a heartbeat every quarter."""
    seconds = range(int(begin), int(end))
    return in_order(beats(begin, end), [trade(i, 100.0 + i % 3, number=i + 1) for i in seconds])


def moved(event: MarketEvent, **fields: Any) -> MarketEvent:
    return msgspec.structs.replace(event, **fields)


class TestTime:
    def test_only_heartbeats_close(self) -> None:
        instrument = Instrument(ID, InstrumentConfig())
        run(market(59), instrument=instrument)
        assert run([trade(i, 100.0, number=i + 1) for i in range(59, 5_000)], instrument=instrument) == []

    def test_a_bar_closes_when_the_allowed_lateness_has_passed(self) -> None:
        instrument = Instrument(ID, InstrumentConfig())
        run(market(60), instrument=instrument)
        assert not bars(run(beats(60.25, 62.25), instrument=instrument))
        (bar,) = bars(run([beat(62.5)], instrument=instrument))
        assert (bar.ts_close, bar.ts_decided) == (ns(60), beat(62.5).ts_received)

    def test_exactly_one_record_for_each_timeframe_and_close(self) -> None:
        out = run(market(4_000))
        for timeframe in TIMEFRAMES[:4]:
            seconds = TIMEFRAME_NS[timeframe] // SECOND
            closes = [v.ts_close for v in vectors(out, timeframe)] + [a.ts_close for a in absences(out, timeframe)]
            assert sorted(closes) == [ns(i * seconds) for i in range(3_997 // seconds + 1)]
        closed = [sent for sent in out if isinstance(sent, Closed)]
        assert [one.ts_close for one in closed] == [ns(i * 60) for i in range(67)]
        assert [len(one.records) for one in closed][:6] == [6, 1, 1, 1, 1, 2]

    def test_heartbeats_of_the_past_change_nothing(self) -> None:
        events = market(130, 20)
        old = [past for event in events for past in (event, beat(20, connected=False), beat(0))]
        assert run(old) == run(events)

    def test_an_event_from_the_future_is_quarantined_and_changes_nothing_else(self) -> None:
        clean = market(130)
        for event in (trade(31, 9.0), quote(31, 1.0, 2.0), beat(31), delta(31), snapshot(31, [], [])):
            early = moved(event, ts_event=event.ts_event + 3_600 * SECOND)
            out = run([*clean[:150], early, *clean[150:]])
            (letter,) = told(out, DeadLetter)
            assert letter.reason == "$.ts_event is from the future: 3599.990 s after it was received"
            assert (letter.topic, letter.partition, letter.offset) == ("market.events", 3, 150)
            assert [one for one in out if isinstance(one, Closed) or one.topic != "dead_letters"] == run(clean)

    def test_a_clock_that_is_a_little_ahead_is_believed(self) -> None:
        event = moved(trade(5, 9.0), ts_received=ns(0.1))
        assert not told(run([event]), DeadLetter)
        assert told(run([moved(event, ts_event=ns(5.2))]), DeadLetter)


class TestSilence:
    def test_nobody_listens_for_a_while(self) -> None:
        off = beats(90, 110, connected=False)
        out = run([*market(90)[:-1], *off, *market(250, 110.25)])
        begins, ends, hole = gaps(out)
        assert (begins.kind, begins.ts_start, begins.ts_end, begins.detail) == (
            "disconnected", ns(89.75), ns(90), "nobody listens",
        )  # fmt: skip
        assert (ends.kind, ends.ts_start, ends.ts_end, ends.detail) == (
            "disconnected", ns(89.75), ns(110.25), "listening again",
        )  # fmt: skip
        assert (hole.kind, hole.count) == ("trade_sequence", 20)
        assert [bar.quality for bar in bars(out)] == [[], ["gap"], [], []]
        clean, tainted, *after = vectors(out)
        assert (clean.tainted, tainted.tainted["tfi"]) == ({}, "nobody listened until 2023-12-09T00:01:50.25Z")
        assert [("tfi" in vector.tainted, "ema_20" in vector.tainted) for vector in after] == [(False, True)] * 2

    def test_heartbeats_that_stay_away_are_a_silence_too(self) -> None:
        out = run([*market(90), *market(300, 200)])
        first = gaps(out)[0]
        assert (first.kind, first.ts_start, first.ts_end) == ("disconnected", ns(90), ns(200))
        assert [(bar.ts_close, bar.quality) for bar in bars(out)] == [
            (ns(60), []), (ns(120), ["gap"]), (ns(240), ["gap"]),
        ]  # fmt: skip
        assert [gone.ts_close for gone in absences(out)] == [ns(0), ns(180)]

    def test_as_long_as_the_timeout_is_no_silence(self) -> None:
        trades = [trade(i, 9.0, number=i + 1) for i in range(100)]
        assert not gaps(run(in_order(beats(0, 100, 5), trades)))
        assert len(gaps(run(in_order(beats(0, 100, 5.25), trades)))) > 3

    def test_after_a_silence_the_price_is_not_known_until_the_next_trade(self) -> None:
        out = run([*market(90), *beats(200, 320), trade(330, 50.0), *beats(320.25, 500)])
        assert [bar.ts_close for bar in bars(out)][2:] == [ns(360), ns(420), ns(480)]
        assert {bar.close for bar in bars(out)[2:]} == {50.0}
        assert [gone.ts_close for gone in absences(out)] == [ns(0), ns(180), ns(240), ns(300)]

    @pytest.mark.parametrize("days", [3, 400, 25_000])
    def test_a_silence_of_months_is_told_shortly(self, days: int) -> None:
        later = days * 86_400 + 7_200
        out = run([*market(130), *market(later + 130, later)])
        assert len(gaps(out, "disconnected")) == 1
        assert len(told(out, Absence)) < 3 * 1_440
        assert bars(out)[-1].ts_close == ns(later + 120)
        assert vectors(out)[-1].features["tfi"] == 1.0

    def test_a_heartbeat_of_another_age_does_not_keep_the_engine_busy(self) -> None:
        far = moved(beat(0), ts_event=YEAR_2099, ts_received=YEAR_2099)
        assert len(run([*market(130), far, *market(140, 131)])) < 6_000

    def test_the_first_heartbeats_without_connection(self) -> None:
        out = run([*beats(0, 70, connected=False), *market(190, 70.25)])
        assert [gone.ts_close for gone in absences(out)] == [ns(0), ns(60)]
        assert [bar.quality for bar in bars(out)] == [["gap"], []]


class TestDefinitions:
    @staticmethod
    def definition(at: float, **more: Any) -> InstrumentDefinition:
        return InstrumentDefinition(
            instrument_id=ID, ts_event=ns(at), ts_received=ns(at), kind="perpetual", base="BTC", quote="USDT", **more
        )

    def test_told_when_they_are_others_than_known(self) -> None:
        first, again = self.definition(0, tick_size=0.1), self.definition(600, tick_size=0.1)
        halted = self.definition(700, tick_size=0.1, status="halted")
        old = self.definition(650, tick_size=9.0)
        out = [sent for sent in run([first, first, again, halted, old, again]) if isinstance(sent, Outgoing)]
        assert [msgspec.json.decode(sent.value, type=InstrumentDefinition) for sent in out] == [first, halted]
        assert len({sent.id for sent in out}) == 2

    def test_two_at_once_have_two_identifiers(self) -> None:
        out = run([self.definition(0, tick_size=0.1), self.definition(0, tick_size=0.01)])
        assert len({sent.id for sent in out if isinstance(sent, Outgoing)}) == 2

    def test_the_desk_is_told_the_one_in_force(self) -> None:
        out = run([self.definition(0, lot_size=0.5), *market(70)])
        closed = [sent for sent in out if isinstance(sent, Closed)]
        assert closed[-1].definition == self.definition(0, lot_size=0.5)


class TestRefused:
    def reasons(self, *values: bytes) -> list[str]:
        out = Instrument(ID, InstrumentConfig()).on_batch(Batch(ID, 3, [(7, LATER, value) for value in values]))
        assert all(isinstance(sent, Outgoing) and sent.topic == "dead_letters" for sent in out)
        return [letter.reason for letter in told(out, DeadLetter)]

    def test_another_instruments_record(self) -> None:
        other = encode(moved(trade(0, 1.0), instrument_id="okx:X/Y"))
        assert self.reasons(other) == [f"$.instrument_id is 'okx:X/Y', the message's key is {ID!r}"]

    def test_the_control_keys_records(self) -> None:
        member = Membership(instrument_id=ID, ts_event=START, ts_received=START, source="x", instrument_ids=[])
        assert self.reasons(encode(member)) == ["$.type: Membership belongs to the control key, not to an instrument"]

    def test_bars_that_are_no_bars(self) -> None:
        odd = [
            moved(exchange_bar(60, 9.0), ts_open=START + 1), moved(exchange_bar(60, 9.0), ts_event=ns(61)),
            exchange_bar(60, 9.0, volume=1.0, buy_volume=2.0),
        ]  # fmt: skip
        assert [reason.split()[0] for reason in self.reasons(*map(encode, odd))] == [
            "$.ts_open", "$.ts_event", "$.buy_volume",
        ]  # fmt: skip

    def test_what_was_refused_leaves_no_trace(self) -> None:
        clean = [exchange_bar(60 * i, 100.0) for i in range(1, 11)]
        odd = moved(exchange_bar(360, 9.0), ts_event=ns(361))
        out = run([*clean[:5], odd, *clean[5:]])
        assert [one for one in out if isinstance(one, Closed) or one.topic != "dead_letters"] == run(clean)

    def test_the_letter_holds_the_bytes_and_their_place(self) -> None:
        out = Instrument(ID, InstrumentConfig()).on_batch(Batch(ID, 11, [(42, 1_700, b"\xff{")]))
        (letter,) = told(out, DeadLetter)
        assert (letter.topic, letter.partition, letter.offset, letter.ts_received) == (
            "market.events", 11, 42, 1_700_000_000,
        )  # fmt: skip
        assert (letter.key, letter.value) == ("YmluYW5jZXVzZG06QlRDL1VTRFQ6VVNEVA==", "/3s=")

    def test_a_known_record_without_effect_here(self) -> None:
        assert run([TapeEnd(instrument_id=ID, ts_event=START, ts_received=START, source="x")]) == []

    def test_a_metric_is_of_no_instrument(self) -> None:
        metric = ExternalMetric(
            instrument_id=ID, ts_event=START, ts_received=START, metric="fear_greed", value=3.0, asset="BTC"
        )
        (letter,) = told(run([metric]), DeadLetter)
        assert letter.reason == "$.type: ExternalMetric belongs to the control key, not to an instrument"


def test_the_state_of_another_version_is_refused() -> None:
    with pytest.raises(LayoutError, match=r"instrument state has version 1, .* knows no way from there"):
        Instrument.restored(Layout("instrument", 1).seal({}), InstrumentConfig())
