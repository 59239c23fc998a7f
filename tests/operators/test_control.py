"""Whom the desk waits for, by the control key's records."""

from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from operators.closed import Reading, Standing
from operators.config import InstrumentConfig
from operators.control import Control
from schemas.batches import Batch
from schemas.codec import encode
from schemas.layouts import Layout, LayoutError
from schemas.market import (
    CONTROL,
    Activation,
    ExternalMetric,
    Heartbeat,
    MacroEvent,
    MarketEvent,
    Membership,
    Review,
    TapeEnd,
    Trade,
)  # fmt: skip
from schemas.time import SECOND
from schemas.topics import Outgoing
from tests.operators.support import ID, LATER, QUICK, START, beat, gaps, in_order, ns


def join(at: float, *members: str, source: str = "a") -> Membership:
    return Membership(
        instrument_id=CONTROL, ts_event=ns(at), ts_received=ns(at), source=source, instrument_ids=list(members)
    )


def pulse(at: float, source: str = "a", *, connected: bool = True) -> Heartbeat:
    return Heartbeat(instrument_id=CONTROL, ts_event=ns(at), ts_received=ns(at), source=source, connected=connected)


def pulses(start: int, end: int, source: str = "a", step: int = 5) -> list[MarketEvent]:
    return [pulse(at, source) for at in range(start, end, step)]


def feed(control: Control, *events: MarketEvent | bytes) -> list[Outgoing | Standing | Reading]:
    values = [event if isinstance(event, bytes) else encode(event) for event in events]
    return control.on_batch(Batch(CONTROL, 2, [(i, LATER, value) for i, value in enumerate(values)]))


def standings(*events: MarketEvent) -> list[Standing]:
    """Without the time at which what they say was known."""
    out = feed(Control(InstrumentConfig()), *events)
    return [replace(record, ts_decided=0) for record in out if isinstance(record, Standing)]


def left_out(*events: MarketEvent) -> list[tuple[int, int, int, str]]:
    """Start and end of each record about who is left out, in seconds, how many it is about, and its words."""
    found = gaps([sent for sent in feed(Control(InstrumentConfig()), *events) if isinstance(sent, Outgoing)])
    assert {(gap.kind, gap.instrument_id) for gap in found} <= {("left_out", CONTROL)}
    return [((g.ts_start - START) // SECOND, (g.ts_end - START) // SECOND, g.count, g.detail) for g in found]


def members(at: float, *names: str) -> Standing:
    return Standing(ns(at), names)


def test_closes_are_told_of_when_the_allowed_lateness_has_passed() -> None:
    found = standings(join(0, "b:y", "b:x"), pulse(2.4), pulse(2.5), pulse(62.25), pulse(62.5), pulse(62.75))
    assert found == [members(-60), members(0, "b:x", "b:y"), members(60, "b:x", "b:y")]


def test_it_says_when_it_was_known_who_is_a_member() -> None:
    """By what last changed it: to say the same again is no news, to leave somebody out is."""
    again: list[MarketEvent] = [join(0, "b:x"), join(1, "b:y", source="b"), join(70, "b:x")]
    events = in_order(again, [join(200, source="b")], pulses(2, 300, step=1), pulses(2, 62, "b", step=1))
    found = [one for one in feed(Control(InstrumentConfig()), *events) if isinstance(one, Standing)]
    assert [(len(one.members), (one.ts_decided - START) / SECOND) for one in found[1:]] == [
        (2, 1.0), (1, 92.0), (1, 92.0), (1, 92.0), (1, 200.0),
    ]  # fmt: skip


def test_in_force_from_the_first_close_that_was_not_told_of() -> None:
    found = standings(pulse(125), join(61, "b:x"), pulse(185), join(600, "b:y"), pulse(630))
    assert found == [members(120), members(180, "b:x"), members(540), members(600, "b:y")]


def test_nobody_is_named_for_the_time_before_it_was_known() -> None:
    """It has nothing to say of it, and would be waited for."""
    found = standings(join(0, "b:x"), pulse(30), join(150, "b:x", "b:y"), pulse(300))
    assert found == [members(-60), members(0, "b:x"), members(120, "b:x"), members(240, "b:x", "b:y")]


def metric(published: float, value: float = 50.0, received: float | None = None) -> ExternalMetric:
    return ExternalMetric(
        instrument_id=CONTROL, ts_event=ns(published), ts_received=ns(published if received is None else received),
        metric="fear_greed", value=value,
    )  # fmt: skip


def test_a_reading_is_known_from_its_publication_and_receipt_on_and_at_no_close_told_of_before() -> None:
    late, early, coming = metric(61, received=64), metric(-90_000), metric(131, received=130)
    event = MacroEvent(
        instrument_id=CONTROL, ts_event=ns(90), ts_received=ns(90), name="FOMC 2024-09", ts_scheduled=ns(900_000)
    )
    out = feed(Control(InstrumentConfig()), join(0, "b:x"), pulse(62.5), late, early, event, pulse(122.5), coming)
    told = [one for one in out if isinstance(one, Reading)]
    assert told == [
        Reading(ns(64), late), Reading(ns(60) + 1, early), Reading(ns(90), event), Reading(ns(131), coming),
    ]  # fmt: skip
    closes = [one.ts_close if isinstance(one, Standing) else one for one in out]
    assert closes.index(told[0]) < closes.index(ns(120)) < closes.index(told[3])


def test_a_metric_out_of_its_bounds_or_that_nobody_knows_is_a_dead_letter() -> None:
    good = encode(metric(60))
    bad = {
        b'"value":101.0': "value 101.0: fear_greed goes from 0.0 to 100.0",
        b'"value":1e999': "$.value",
        b'"value":"50"': "$.value",
        b'"metric":"greed","value":50.0': "$.metric",
        b'"asset":"","value":50.0': "$.asset",
    }
    values = [good.replace(b'"metric":"fear_greed"', b"") if b"metric" in one else good for one in bad]
    values = [
        value.replace(b'"value":50.0', one).replace(b",,", b",").replace(b",}", b"}")
        for value, one in zip(values, bad, strict=True)
    ]
    out = feed(Control(InstrumentConfig()), *values)
    assert all(isinstance(one, Outgoing) and one.topic == "dead_letters" for one in out)
    for one, reason in zip(out, bad.values(), strict=True):
        assert isinstance(one, Outgoing)
        assert reason in one.value.decode()


def test_each_source_speaks_for_its_own_instruments() -> None:
    both = [join(0, "b:x"), join(50, "b:y", "b:x", source="b"), join(50, source="a")]
    found = standings(*both, pulse(65), pulse(65, "b"), join(66, source="b"), pulse(125))
    assert found == [members(0), members(60, "b:x", "b:y"), members(120)]


def test_a_close_is_told_of_when_every_source_has_come_to_it() -> None:
    """Else one that dies before it would be waited for there."""
    events: list[MarketEvent] = [join(50, "b:x"), join(50, "b:y", source="b"), pulse(65), pulse(62, "b"), pulse(66)]
    assert standings(*events) == [members(0)]
    assert standings(*events, pulse(62.5, "b")) == [members(0), members(60, "b:x", "b:y")]


def test_who_speaks_seldom_and_is_heard_twice_is_not_silent() -> None:
    slow = [pulse(at) for at in (60, 120, 120, 60, 180, 240)]
    assert left_out(join(0, "x"), join(0, "y", source="b"), *slow, *pulses(0, 240, source="b")) == []


def test_memory_does_not_grow_with_time() -> None:
    control = Control(InstrumentConfig())
    for i in range(1_000):
        feed(control, join(i, *["b:x"][: i % 2]))
    assert len(control.state()) < 70
    for i in range(1_000):
        feed(control, join(i * 600, "b:x", source=f"run {i}"), pulse(i * 600))
    assert len(control.state()) < 10_000


class TestSilentSources:
    """An ingester that dies without its last words does not hold the desk up for ever."""

    dies: ClassVar[list[MarketEvent]] = in_order(
        [join(0, "b:x"), join(1, "b:y", "b:z", source="b")], pulses(2, 400), pulses(2, 100, "b")
    )

    def test_its_members_are_left_out_when_time_has_gone_on_without_it(self) -> None:
        everybody = [members(at, "b:x", "b:y", "b:z") for at in (0, 60)]
        assert standings(*self.dies) == [
            members(-60),
            *everybody,
            *[members(at, "b:x") for at in (120, 180, 240, 300, 360)],
        ]
        words = "source b is silent since 2023-12-09T00:01:37Z, no longer counted on for b:y, b:z after the close "
        assert left_out(*self.dies) == [(97, 132, 2, words + "2023-12-09T00:01:00Z")]

    def test_it_is_waited_for_again_when_it_is_back(self) -> None:
        events = in_order(self.dies, pulses(250, 400, "b"))
        assert [len(standing.members) for standing in standings(*events)] == [0, 3, 3, 1, 1, 1, 3, 3]
        back = "source b is heard again, counted on for b:y, b:z after the close 2023-12-09T00:04:00Z"
        assert left_out(*events)[1:] == [(240, 250, 2, back)]

    def test_as_long_as_the_timeout_is_no_silence(self) -> None:
        for seconds, count in ((30, 0), (31, 1)):
            assert len(left_out(join(62.5 - seconds, "b:y", source="b"), join(62, "b:x"), pulse(62.5))) == count

    def test_one_that_is_said_to_be_gone_is_left_out_at_once(self) -> None:
        gone = [pulse(42, "b", connected=False), *pulses(60, 186), *pulses(130, 186, "b")]
        found = standings(*in_order(self.dies[:10], gone))
        assert [len(standing.members) for standing in found] == [0, 3, 1, 1, 3]

    def test_one_that_lags_is_not_left_out_and_counted_on_in_turn(self) -> None:
        lagging = [event for at in range(100) for event in (pulse(at + 30 + 2 * (at % 2)), pulse(at, "b"))]
        events: list[MarketEvent] = [join(0, "b:x"), join(0, "b:y", source="b"), *lagging]
        assert len(left_out(*events)) == 1

    def test_a_tape_of_long_ago_beside_a_live_market_is_not_waited_for(self) -> None:
        live = [join(0, "b:x"), *pulses(0, 400)]
        begin = -86_400 * 300
        old: list[MarketEvent] = [join(begin, "b:y", source="tape"), *pulses(begin, begin + 400, "tape")]
        events = [event for pair in zip(live, old, strict=True) for event in pair]
        assert [set(standing.members) for standing in standings(*events)] == [set(), *[{"b:x"}] * 7]

    def test_one_that_feeds_bars_has_longer_pauses(self) -> None:
        hourly = [event for at in range(0, 30_000, 3_600) for event in (join(at, "b:y", source="b"), pulse(at, "b"))]
        found = standings(*in_order([join(0, "b:x")], pulses(0, 40_000), hourly))
        with_it = [(standing.ts_close - START) // SECOND for standing in found if "b:y" in standing.members]
        # Its pause is known from the second bar on, and all closes between two of its bars are told of at once.
        assert with_it == [*range(7_140, 30_000, 3_600)]

    def test_an_instrument_that_another_feeds_too_is_still_waited_for(self) -> None:
        events = in_order(self.dies, [join(2, "b:y")])
        assert standings(*events)[-1] == members(360, "b:y")

    def test_a_long_list_is_cut_short(self) -> None:
        names = [f"b:{i:02}" for i in range(25)]
        ((_, _, count, words),) = left_out(join(0, *names, source="b"), join(60, "b:x"), pulse(63))
        assert count == 25
        assert "for b:00, b:01," in words
        assert "b:09 and 15 more after" in words


def test_an_activation_counts_from_its_close_or_from_the_next_one_that_is_not_told_of() -> None:
    def asked(close: float, received: float = 0) -> Activation:
        return Activation(
            instrument_id=CONTROL, ts_event=ns(received), ts_received=ns(received), model="m", version="1",
            effective_close=ns(close),
        )  # fmt: skip

    out = feed(Control(InstrumentConfig()), asked(120), join(0, "b:x"), pulse(130), asked(60, 131), asked(180, 131))
    known = [told.known for told in out if isinstance(told, Reading)]
    assert known == [ns(120), ns(131), ns(180)]
    assert feed(Control(InstrumentConfig()), asked(-60), pulse(130), asked(120, 0))[-1] == Reading(
        ns(120) + 1, asked(120)
    )


def test_heartbeats_of_the_past_tell_nothing() -> None:
    assert standings(pulse(200), pulse(130), pulse(190), pulse(250)) == [members(180), members(240)]


def test_what_has_no_business_here_becomes_a_dead_letter() -> None:
    trade = Trade(instrument_id=CONTROL, ts_event=ns(0), ts_received=ns(0), price=1.0, size=1.0)
    ahead = Heartbeat(instrument_id=CONTROL, ts_event=ns(60), ts_received=ns(0), source="a")
    review = Review(
        instrument_id=CONTROL, ts_event=ns(0), ts_received=ns(0), signal_id="s", decision="reject", reviewer="r"
    )
    activation = Activation(
        instrument_id=CONTROL, ts_event=ns(0), ts_received=ns(0), model="m", version="1", effective_close=ns(60)
    )
    end = TapeEnd(instrument_id=CONTROL, ts_event=ns(0), ts_received=ns(0), source="a")
    out = feed(Control(InstrumentConfig()), review, beat(1), trade, b"{", ahead, activation, end, pulse(65))
    letters = [record.value.decode() for record in out if isinstance(record, Outgoing)]
    assert [len(out), len(letters)] == [6, 4]
    assert Reading(ns(60), activation) in out
    for letter, reason in zip(
        letters,
        [
            f"$.instrument_id is '{ID}', the message's key is 'candlewick:control'",
            "$.type: Trade belongs to an instrument, not to the control key",
            "Input data was truncated",
            "$.ts_event is from the future: 60.000 s after it was received",
        ],
        strict=True,
    ):
        assert reason in letter
    assert isinstance(out[-1], Standing)


@QUICK
@given(values=st.lists(st.binary(max_size=60), max_size=10))
def test_any_bytes_become_one_dead_letter_each(values: list[bytes]) -> None:
    out = feed(Control(InstrumentConfig()), *values)
    assert [record.id for record in out if isinstance(record, Outgoing)] == [
        record.id for record in feed(Control(InstrumentConfig()), *values) if isinstance(record, Outgoing)
    ]
    assert len(out) == len(values)


def test_restored_anywhere_it_goes_on_as_before() -> None:
    config = InstrumentConfig()
    joins = join(0, "b:x"), join(70, "b:y", source="b"), join(150, source="a")
    events: list[MarketEvent] = [joins[0], pulse(65), joins[1], joins[2], pulse(190), pulse(300)]
    for cut in range(len(events)):
        control = Control(config)
        feed(control, *events[:cut])
        again = Control.restored(control.state(), config)
        assert feed(again, *events[cut:]) == feed(control, *events[cut:])
        assert again.state() == control.state()


def test_the_state_of_another_version_is_refused() -> None:
    with pytest.raises(LayoutError, match="control state has version 6, newer than"):
        Control.restored(Layout("control", 6).seal([]), InstrumentConfig())
