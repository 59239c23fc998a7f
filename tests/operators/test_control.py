"""Whom the desk waits for, by the control key's records."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.closed import Standing
from operators.config import InstrumentConfig
from operators.control import Control
from operators.errors import StateError
from schemas.batches import Batch
from schemas.codec import encode
from schemas.market import CONTROL, Activation, Heartbeat, MarketEvent, Membership, Review, TapeEnd, Trade
from schemas.time import MILLISECOND
from schemas.topics import Outgoing
from tests.operators.support import ID, QUICK, START, beat, ns


def join(at: float, *members: str, source: str = "a") -> Membership:
    return Membership(
        instrument_id=CONTROL, ts_event=ns(at), ts_received=ns(at), source=source, instrument_ids=list(members)
    )


def pulse(at: float) -> Heartbeat:
    return Heartbeat(instrument_id=CONTROL, ts_event=ns(at), ts_received=ns(at), source="a")


def feed(control: Control, *events: MarketEvent | bytes) -> list[Outgoing | Standing]:
    values = [event if isinstance(event, bytes) else encode(event) for event in events]
    return control.on_batch(Batch(CONTROL, 2, [(i, START // MILLISECOND, value) for i, value in enumerate(values)]))


def standings(*events: MarketEvent) -> list[Standing]:
    return [record for record in feed(Control(InstrumentConfig()), *events) if isinstance(record, Standing)]


def members(at: float, *names: str) -> Standing:
    return Standing(ns(at), names)


def test_closes_are_told_of_when_the_allowed_lateness_has_passed() -> None:
    found = standings(join(0, "b:y", "b:x"), pulse(2.4), pulse(2.5), pulse(62.25), pulse(62.5), pulse(62.75))
    assert found == [members(at, "b:x", "b:y") for at in (-60, 0, 60)]


def test_in_force_from_the_first_close_that_was_not_told_of() -> None:
    found = standings(pulse(125), join(61, "b:x"), pulse(185), join(600, "b:y"), pulse(630))
    assert found == [members(120), members(180, "b:x"), members(600, "b:y")]


def test_each_source_speaks_for_its_own_instruments() -> None:
    both = [join(0, "b:x"), join(0, "b:y", "b:x", source="b"), join(0, source="a")]
    found = standings(*both, pulse(65), join(66, source="b"), pulse(125))
    assert found == [members(60, "b:x", "b:y"), members(120)]


def test_memory_does_not_grow_with_time() -> None:
    control = Control(InstrumentConfig())
    for i in range(1_000):
        feed(control, join(i, *["b:x"][: i % 2]))
    assert len(control.state()) < 50


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
    assert [len(out), len(letters)] == [5, 4]
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
    state = Control(InstrumentConfig()).state()
    with pytest.raises(StateError, match="version 5, this program reads 1"):
        Control.restored(state[:1] + b"\x05" + state[2:], InstrumentConfig())
