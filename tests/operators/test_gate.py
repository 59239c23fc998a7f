"""One record whose time is wrong, of any type and anywhere: it becomes a dead letter, and nothing else changes."""

from functools import cache
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.closed import Closed, Standing
from operators.config import InstrumentConfig
from operators.control import Control
from operators.instrument import Instrument
from schemas.batches import Batch
from schemas.codec import encode
from schemas.market import (
    CONTROL,
    Activation,
    ExchangeBar,
    FundingRate,
    Heartbeat,
    InstrumentDefinition,
    Liquidation,
    LongShortRatio,
    MarketEvent,
    MarkPrice,
    Membership,
    OpenInterest,
    Review,
    TapeEnd,
)  # fmt: skip
from schemas.results import Bar, DeadLetter
from schemas.time import HOUR, MILLISECOND, MINUTE, SECOND, floor_to
from schemas.topics import Outgoing
from tests.data import needs_data
from tests.operators.support import (
    ID,
    QUICK,
    bars,
    beat,
    beats,
    delta,
    in_order,
    ns,
    quote,
    run,
    snapshot,
    told,
    trade,
)
from tests.operators.test_instrument_properties import everything, tape

Message = tuple[int, int, bytes]
Out = list[Outgoing | Closed | Standing]
CONFIG: Final = InstrumentConfig()
YEAR_2100: Final = 4_102_444_800 * SECOND
_AT: Final[dict[str, Any]] = {"instrument_id": ID, "ts_event": ns(0), "ts_received": ns(0)}
_OF_CONTROL: Final[dict[str, Any]] = {**_AT, "instrument_id": CONTROL}
OF_INSTRUMENTS: Final[list[MarketEvent]] = [
    trade(0, 7.0, trade_id="odd"),
    trade(0, 7.0, number=10**9),
    quote(0, 7.0, 8.0, number=10**9),
    quote(0, 7.0, 8.0),
    delta(0, [(7.0, 1.0)]),
    delta(0, [(7.0, 1.0)], first=10**9, last=10**9),
    snapshot(0, [(7.0, 1.0)], [(8.0, 1.0)], sequence=10**9),
    beat(0),
    beat(0, connected=False, source="another"),
    InstrumentDefinition(**_AT, kind="spot", base="A", quote="B", tick_size=7.0),
    FundingRate(**_AT, rate=0.5),
    MarkPrice(**_AT, price=7.0, index_price=9.0, funding_rate=0.5),
    OpenInterest(**_AT, open_interest=7.0),
    LongShortRatio(**_AT, accounts=7.0),
    Liquidation(**_AT, side="buy", price=7.0, size=7.0),
    ExchangeBar(**_AT, timeframe="1m", ts_open=ns(-60), open=7.0, high=7.0, low=7.0, close=7.0, volume=7.0),
    TapeEnd(**_AT, source="another"),
]
OF_THE_CONTROL_KEY: Final[list[MarketEvent]] = [
    Heartbeat(**_OF_CONTROL, source="a"),
    Heartbeat(**_OF_CONTROL, source="another", connected=False),
    Membership(**_OF_CONTROL, source="a", instrument_ids=["x:ghost"]),
    Membership(**_OF_CONTROL, source="another", instrument_ids=[]),
    Review(**_OF_CONTROL, signal_id="x", decision="reject", reviewer="y"),
    Activation(**_OF_CONTROL, model="x", version="1", effective_close=ns(0)),
]
WRONG: Final = [("event",), ("event", "receipt"), ("event", "receipt", "message"), ("receipt",), ("receipt", "message")]
"""Which of a record's times are ahead; if its receipt is, that may say nothing about the event."""


def messages(events: list[MarketEvent]) -> list[Message]:
    return [(i, event.ts_received // MILLISECOND, encode(event)) for i, event in enumerate(events)]


def with_one_more(log: list[Message], at: int, now: int, event: MarketEvent, wrong: tuple[str, ...]) -> list[Message]:
    """``event`` put before the message at that place, as of ``now`` (ns), some of its times an hour ahead."""
    step = floor_to(now, MINUTE) if isinstance(event, ExchangeBar) else now
    ts_event = step + HOUR if "event" in wrong else step
    ts_received = now + HOUR if "receipt" in wrong else now
    moved = msgspec.structs.replace(event, ts_event=ts_event, ts_received=ts_received)
    if isinstance(moved, ExchangeBar):
        moved = msgspec.structs.replace(moved, ts_open=ts_event - MINUTE)
    ts_ms = (now + HOUR if "message" in wrong else now) // MILLISECOND
    return [*log[:at], (10**6, ts_ms, encode(moved)), *log[at:]]


def taken(key: str, log: list[Message]) -> Out:
    step = Control(CONFIG) if key == CONTROL else Instrument(key, CONFIG)
    return [*step.on_batch(Batch(key, 3, log))]


def the_letter(out: Out) -> tuple[Out, DeadLetter]:
    """What came out beside the one dead letter."""
    (letter,) = told([sent for sent in out if not isinstance(sent, Standing)], DeadLetter)
    return [sent for sent in out if not (isinstance(sent, Outgoing) and sent.topic == "dead_letters")], letter


@cache
def market() -> tuple[list[MarketEvent], list[Message], Out]:
    """A stream in which all kinds of trouble come up, and what it gives."""
    events = everything()
    return events, messages(events), taken(ID, messages(events))


@cache
def control() -> tuple[list[MarketEvent], list[Message], Out]:
    pulses = [[Heartbeat(**at(s), source=source) for s in range(0, 400, 2)] for source in ("a", "b")]
    joins = [Membership(**at(s), source=source, instrument_ids=[f"x:{source}"]) for s in (0, 200) for source in "ab"]
    events = in_order(joins, *pulses)
    return events, messages(events), taken(CONTROL, messages(events))


def at(seconds: int) -> dict[str, Any]:
    return {"instrument_id": CONTROL, "ts_event": ns(seconds), "ts_received": ns(seconds)}


@QUICK
@given(event=st.sampled_from(OF_INSTRUMENTS), wrong=st.sampled_from(WRONG), place=st.floats(0, 1))
def test_one_record_an_hour_ahead_changes_nothing(event: MarketEvent, wrong: tuple[str, ...], place: float) -> None:
    """Of any type an instrument has, wherever it is put; a minute of the stream has to follow."""
    events, log, clean = market()
    places = [i for i, other in enumerate(events) if other.ts_received < ns(280)]
    i = places[round(place * (len(places) - 1))]
    rest, letter = the_letter(taken(ID, with_one_more(log, i, events[i].ts_received, event, wrong)))
    assert letter.offset == 10**6
    assert letter.reason.startswith(("$.ts_event is from the future: 3", "$.ts_received is"))
    assert rest == clean


@QUICK
@given(event=st.sampled_from(OF_THE_CONTROL_KEY), wrong=st.sampled_from(WRONG), place=st.floats(0, 1))
def test_nor_does_one_of_the_control_key(event: MarketEvent, wrong: tuple[str, ...], place: float) -> None:
    events, log, clean = control()
    i = round(place * 300)
    rest, letter = the_letter(taken(CONTROL, with_one_more(log, i, events[i].ts_received, event, wrong)))
    assert letter.offset == 10**6
    assert rest == clean


@needs_data
def test_nor_does_one_in_a_recorded_stream() -> None:
    events = list(tape("2024")[:20_000])
    log = messages(events)
    clean = taken(ID, log)
    for event in OF_INSTRUMENTS[::2]:
        rest, letter = the_letter(taken(ID, with_one_more(log, 3_000, events[3_000].ts_received, event, WRONG[2])))
        assert letter.offset == 10**6
        assert rest == clean


@pytest.mark.parametrize("ts_ms", [None, YEAR_2100 // MILLISECOND])
def test_a_heartbeat_of_the_year_2100_does_not_deafen_an_instrument(ts_ms: int | None) -> None:
    """Neither where its message's time stamp contradicts it nor where that says 2100 too."""
    stream = in_order(beats(0, 250), [trade(i, 100.0 + i % 3, number=i + 1) for i in range(250)])
    far = encode(msgspec.structs.replace(beat(0), ts_event=YEAR_2100, ts_received=YEAR_2100))
    log = messages(stream)
    log.insert(300, (10**6, ts_ms or log[300][1], far))
    rest, letter = the_letter(taken(ID, log))
    assert rest == run(stream)
    assert ("message's time stamp" in letter.reason) == (ts_ms is None)


def test_a_receipt_before_the_message_s_time_stamp_is_believed() -> None:
    """Who fills the log with what was recorded long ago may let the client put the present time on the messages."""
    stream = in_order(beats(0, 130), [trade(i, 100.0, number=i + 1) for i in range(130)])
    log = [(offset, YEAR_2100 // MILLISECOND, value) for offset, _, value in messages(stream)]
    assert taken(ID, log) == run(stream)


@pytest.mark.parametrize("stamp", [-1, 0, 2**62])
def test_what_cannot_be_read_and_has_no_time_is_as_of_where_its_key_stands(stamp: int) -> None:
    log = messages([*beats(0, 10)])
    log.insert(7, (10**6, stamp, b"{"))
    _, letter = the_letter(taken(ID, log))
    assert letter.ts_received == log[6][1] * MILLISECOND


@pytest.mark.parametrize("pause", [600, 86_400 * 40])
def test_after_a_pause_nothing_is_lost(pause: int) -> None:
    """The first record leaps, the next one confirms it."""
    stream: list[MarketEvent] = []
    for begin in (0, 100 + pause):
        trades = [trade(begin + i, 100.0, trade_id=f"{begin + i}") for i in range(100)]
        stream += in_order(trades, beats(begin, begin + 100))
    out = run(stream)
    assert not told(out, DeadLetter)
    assert sum(bar.trades for bar in told(out, Bar) if bar.timeframe == "1m") == 100 + 20 + 60


def test_bars_of_days_need_no_second_one() -> None:
    days = [
        ExchangeBar(
            instrument_id=ID, ts_event=ns(86_400 * day), ts_received=ns(86_400 * day), timeframe="1d",
            ts_open=ns(86_400 * (day - 1)), open=7.0, high=7.0, low=7.0, close=7.0, volume=7.0,
        )
        for day in range(1, 6)
    ]  # fmt: skip
    assert [len(bars(run(days[:count]), "1d")) for count in range(1, 6)] == [0, 2, 3, 4, 5]
