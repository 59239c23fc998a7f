"""What is put between the records of a tape."""

from collections import defaultdict
from collections.abc import Iterable
from typing import ClassVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.closed import Closed, Standing
from operators.config import InstrumentConfig
from operators.control import Control
from operators.desk.barrier import Barrier
from operators.instrument import Instrument
from schemas.batches import Batch
from schemas.codec import encode
from schemas.market import (
    CONTROL,
    ExchangeBar,
    ExternalMetric,
    Heartbeat,
    InstrumentDefinition,
    MarketEvent,
    Membership,
    TapeEnd,
    Trade,
)
from schemas.time import MILLISECOND, MINUTE, SECOND
from sources.malformed import Malformed
from sources.merge import SILENCE, Heard, Item
from sources.sequencer import BEAT, sequence

START = 1_720_000_200 * SECOND  # a full ten minutes
AHEAD = 1_300 * MILLISECOND


def trade(received: int, instrument_id: str = "binance:BTC/USDT", *, event: int | None = None) -> Trade:
    return Trade(
        instrument_id=instrument_id,
        ts_event=START + (received if event is None else event),
        ts_received=START + received,
        price=1.0,
        size=1.0,
    )


def bar(minute: int, instrument_id: str = "binance:BTC/USDT") -> ExchangeBar:
    close = START + minute * MINUTE
    return ExchangeBar(
        instrument_id=instrument_id,
        ts_event=close,
        ts_received=close,
        timeframe="1m",
        ts_open=close - MINUTE,
        open=1.0,
        high=1.0,
        low=1.0,
        close=1.0,
        volume=1.0,
    )


def definition(received: int, base: str) -> InstrumentDefinition:
    return InstrumentDefinition(
        instrument_id=f"binance:{base}/USDT",
        ts_event=START + received,
        ts_received=START + received,
        kind="spot",
        base=base,
        quote="USDT",
    )


def of(feeds: Iterable[list[Item]]) -> list[MarketEvent]:
    found = list(sequence(*feeds, source="test"))
    return [item for item in found if not isinstance(item, Malformed)]


def beats(records: list[MarketEvent], instrument_id: str = "binance:BTC/USDT") -> list[tuple[int, int, bool]]:
    return [
        (record.ts_received - START, record.ts_event - START, record.connected)
        for record in records
        if isinstance(record, Heartbeat) and record.instrument_id == instrument_id
    ]


def test_a_busy_tape_beats_every_quarter_of_a_second_of_receipt() -> None:
    found = of([[trade(tenth * SECOND // 10, event=tenth * SECOND // 10 + AHEAD) for tenth in range(11)]])
    moments = beats(found)
    assert [received for received, _, _ in moments] == [BEAT, 2 * BEAT, 3 * BEAT, 4 * BEAT, SECOND]
    # 50 ms since the last record at 200 ms, and so on: the exchange's clock moves on with ours in between.
    assert [event - received for received, event, _ in moments] == [AHEAD] * 5
    assert beats(found, CONTROL) == moments


def test_what_begins_and_ends_the_log() -> None:
    found = of([[definition(0, "BTC"), definition(0, "ETH"), trade(0), trade(SECOND)]])
    members = ["binance:BTC/USDT", "binance:ETH/USDT"]
    assert [type(record) for record in found[:4]] == [InstrumentDefinition, InstrumentDefinition, Membership, Trade]
    assert isinstance(found[2], Membership)
    assert (found[2].source, found[2].instrument_ids) == ("test", members)
    *beating, first, second, last = found[-6:]
    assert [record.instrument_id for record in beating] == [*members, CONTROL]
    assert all(isinstance(record, Heartbeat) for record in beating)
    assert [(type(record), record.instrument_id) for record in (first, second)] == [(TapeEnd, name) for name in members]
    assert isinstance(last, Membership)
    assert last.instrument_ids == []


def test_a_new_instrument_is_a_member_before_its_first_record() -> None:
    found = of([[trade(0), trade(1, "okx:BTC/USDT"), trade(2)]])
    said = [record.instrument_ids for record in found if isinstance(record, Membership)]
    assert said == [["binance:BTC/USDT"], ["binance:BTC/USDT", "okx:BTC/USDT"], []]


def test_a_short_gap_is_bridged_and_a_long_one_shown() -> None:
    short = beats(of([[trade(0), trade(SILENCE)]]))
    assert [received for received, _, _ in short] == [0, SILENCE, SILENCE]
    long = beats(of([[trade(0), trade(SILENCE + 1), trade(SILENCE + BEAT)]]))
    assert [received for received, _, _ in long] == [0, SILENCE + BEAT, SILENCE + BEAT]
    heard = [Heard(ts_received=START + second * SECOND) for second in range(1, 10)]
    kept = beats(of([[trade(0), *heard, trade(10 * SECOND)]]))
    assert [received for received, _, _ in kept[:-1]] == [second * SECOND for second in range(11)]


def test_metrics_prove_no_listening_and_move_no_time() -> None:
    """Else a figure in the midst of a silence would hide it."""
    quiet: list[Item] = [trade(0), trade(SECOND), trade(9 * SECOND), trade(9 * SECOND + BEAT)]
    told: list[Item] = [
        ExternalMetric(
            instrument_id=CONTROL, ts_event=START + at, ts_received=START + at, metric="fear_greed", value=5.0
        )
        for at in (-3_600 * SECOND, 5 * SECOND, 9 * SECOND, 40 * SECOND)
    ]
    both = of([quiet, told])
    assert [one for one in both if not isinstance(one, ExternalMetric)] == of([quiet])
    assert [one for one in both if isinstance(one, ExternalMetric)] == told
    assert of([told]) == told


def test_all_is_said_again_every_ten_minutes_of_event_time() -> None:
    feed: list[Item] = [definition(0, "BTC"), *[trade(second * SECOND) for second in range(25 * 60)]]
    found = of([feed])
    defined = [record.ts_event - START for record in found if isinstance(record, InstrumentDefinition)]
    assert defined == [0, 10 * MINUTE, 20 * MINUTE]
    said = [(record.ts_event - START, record.instrument_ids) for record in found if isinstance(record, Membership)]
    assert said[:-1] == [(ts, ["binance:BTC/USDT"]) for ts in defined]


def test_feeds_that_end_within_a_heartbeat_of_each_other_end_together() -> None:
    """Recorded side by side and stopped at once, they are no silence."""
    for pause, together in ((47 * MILLISECOND, True), (BEAT - 1, True), (BEAT, False)):
        feed: list[Item] = [trade(n * BEAT, "okx:BTC/USDT") for n in range(9)]
        found = of([[trade(0), trade(2 * SECOND - pause)], feed])
        assert all(record.connected for record in found if isinstance(record, Heartbeat)) == together
        ends = {record.ts_received - START for record in found if isinstance(record, TapeEnd)}
        assert ends == {2 * SECOND} if together else {2 * SECOND - BEAT, 2 * SECOND}


def test_a_feed_that_ends_before_the_others_is_not_connected_any_more() -> None:
    long: list[Item] = [trade(tenth * BEAT, "okx:BTC/USDT") for tenth in range(9)]
    found = of([[trade(0), trade(SECOND)], long])
    ends = {record.instrument_id: record.ts_received - START for record in found if isinstance(record, TapeEnd)}
    assert ends == {"binance:BTC/USDT": SECOND, "okx:BTC/USDT": 2 * SECOND}
    connected = {received: flag for received, _, flag in beats(found)}
    assert [received for received in sorted(connected) if connected[received]] == [BEAT * n for n in range(1, 5)]
    assert [received for received in sorted(connected) if not connected[received]] == [BEAT * n for n in range(5, 9)]
    assert all(flag for _, _, flag in beats(found, "okx:BTC/USDT"))


def test_an_instrument_of_two_feeds_ends_with_the_later_one() -> None:
    found = of([[trade(0), trade(1)], [trade(0), trade(SECOND)]])
    (end,) = [record for record in found if isinstance(record, TapeEnd)]
    assert end.ts_received == START + SECOND


def test_times_that_cannot_be_right_do_no_harm() -> None:
    year = 365 * 24 * 60 * MINUTE
    feed: list[Item] = [trade(0), trade(10, event=year), trade(year, event=20), trade(30), trade(SECOND)]
    assert beats(of([feed])) == [(10, 0, True), (30, 30, True), (SECOND, SECOND, True), (SECOND, SECOND, True)]


def test_what_is_malformed_moves_no_clock() -> None:
    good: list[Item] = [trade(0), trade(SECOND), trade(2 * SECOND)]
    for ts_received in (0, START, START + 30 * SECOND, START + 60 * MINUTE):
        malformed = Malformed(feed="x", offset=1, raw=b"?", reason="?", ts_received=ts_received)
        found = list(sequence([*good[:2], malformed, good[2]], source="test"))
        assert [item for item in found if item is not malformed] == of([good])


def test_a_tape_of_nothing_readable_says_nothing_of_its_own() -> None:
    malformed = Malformed(feed="x", offset=1, raw=b"?", reason="?", ts_received=0)
    assert list(sequence([malformed], source="test")) == [malformed]
    assert list(sequence([], [], source="test")) == []


def test_an_instrument_of_bars_alone_has_no_heartbeats_until_another_record_comes() -> None:
    history: list[Item] = [definition(MINUTE, "BTC"), *[bar(minute) for minute in range(1, 6)]]
    found = of([[*history, trade(5 * MINUTE + SECOND), trade(5 * MINUTE + 2 * SECOND)]])
    first, *_ = beats(found)
    assert first == (5 * MINUTE + 2 * SECOND, 5 * MINUTE + 2 * SECOND, True)
    assert [received for received, _, _ in beats(found, CONTROL)][:6] == [
        *[minute * MINUTE for minute in range(1, 6)], 5 * MINUTE + SECOND
    ]  # fmt: skip
    assert [record.instrument_ids for record in found if isinstance(record, Membership)] == [["binance:BTC/USDT"], []]


def test_an_instrument_whose_bars_stay_away_is_not_connected() -> None:
    others: list[Item] = [trade(second * SECOND, "okx:BTC/USDT") for second in range(60, 6 * 60)]
    found = of([[bar(1), *others], [bar(5)]])
    moments = beats(found)
    assert {connected for _, _, connected in moments} == {False}
    assert [moments[0][1], moments[-1][1]] == [3 * MINUTE, 5 * MINUTE]


def test_bars_change_nothing_for_an_instrument_that_gives_more() -> None:
    feed: list[Item] = [trade(0), *[Heard(ts_received=START + n * SECOND) for n in range(1, 60)]]
    assert beats(of([[*feed, bar(1), bar(2)]]))[:60] == beats(of([[*feed, trade(MINUTE), trade(2 * MINUTE)]]))[:60]


def test_the_desks_time_is_that_of_the_venue_furthest_behind() -> None:
    """Else the desk would be told of closes for which records of that venue are still to come, or never will."""
    behind = [trade(n * BEAT, "okx:BTC/USDT", event=n * BEAT - SECOND) for n in range(12)]
    found = of([[trade(n * BEAT) for n in range(12)], list(behind)])
    assert beats(found, CONTROL)[4:] == beats(found, "okx:BTC/USDT")[4:]
    times = [event for _, event, _ in beats(found, CONTROL)]
    assert times[-1] == 11 * BEAT - SECOND
    assert times == sorted(times)


def test_a_tape_that_ends_between_the_closes_of_two_venues_leaves_nobody_waiting() -> None:
    """What is put into the log behind it is decided as if it were alone."""
    ends = MINUTE + 3 * SECOND  # with an allowance of 2.5 s past the minute for one venue, and not for the other
    times = range(0, ends, BEAT)
    behind = [trade(n, "okx:BTC/USDT", event=n - SECOND) for n in times]
    first = of([[trade(n) for n in times], list(behind)])
    second = of([[trade(n, "kraken:BTC/USD") for n in range(5 * MINUTE, 8 * MINUTE, BEAT)]])
    assert closes([*first, *second]) == [*closes(first), *closes(second)]
    assert len(closes(second)) == 3


def test_a_tape_that_ends_before_a_bar_leaves_nobody_waiting() -> None:
    """The instrument of bars would have ended the second minute by a bar that did not come any more."""
    ends = 2 * MINUTE + 3 * SECOND
    trades: list[Item] = [trade(n, "okx:BTC/USDT") for n in range(0, ends, BEAT)]
    first = of([[*trades[:241], bar(1), *trades[241:]]])
    second = of([[trade(n, "kraken:BTC/USD") for n in range(5 * MINUTE, 8 * MINUTE, BEAT)]])
    assert closes(first)[-1] == START + MINUTE
    assert closes([*first, *second]) == [*closes(first), *closes(second)]


def test_bars_that_come_late_do_not_hold_the_desk_up_any_longer() -> None:
    """The desk's time goes on with the other venue's, a minute beyond the last bar at the most."""
    late = [msgspec.structs.replace(bar(n), ts_received=START + n * MINUTE + 2 * SECOND) for n in range(1, 4)]
    found = of([[trade(n, "okx:BTC/USDT") for n in range(0, 3 * MINUTE, BEAT)], list(late)])
    behind = {received: received - event for received, event, _ in beats(found, CONTROL)}
    assert max(behind.values()) == 2 * SECOND + 1
    assert behind[2 * MINUTE - BEAT] == behind[2 * MINUTE + 2 * SECOND + BEAT] == 0


def closes(records: list[MarketEvent]) -> list[int]:
    """Those that the desk decides upon (ns)."""
    config = InstrumentConfig()
    control, barrier = Control(config), Barrier()
    instruments: dict[str, Instrument] = {}
    for offset, record in enumerate(records):
        name = record.instrument_id
        batch = Batch(name, 0, [(offset, record.ts_received // MILLISECOND, encode(record))])
        if name != CONTROL and name not in instruments:
            instruments[name] = Instrument(name, config)
        step = control if name == CONTROL else instruments[name]
        for told in step.on_batch(batch):
            if isinstance(told, (Closed, Standing)):
                barrier.add(told)
    return [close for close, *_ in barrier.ready()]


def said(source: str, instrument_id: str, begin: int, end: int) -> list[MarketEvent]:
    """What an ingester writes of an instrument that is traded every 250 ms."""
    feed = [trade(n, instrument_id) for n in range(begin, end, BEAT)]
    return [item for item in sequence(feed, source=source) if not isinstance(item, Malformed)]


class TestSeveralIngesters:
    """The desk goes on without those who are not there, in the time of those who are."""

    end = 6 * MINUTE
    live: ClassVar[list[MarketEvent]] = said("live", "binance:BTC/USDT", 0, end)

    def test_an_old_tape_beside_a_live_market(self) -> None:
        long_ago = 300 * 24 * 60 * MINUTE
        old = said("tape", "okx:BTC/USDT", -long_ago, self.end - long_ago)
        both = [record for pair in zip(self.live, old, strict=False) for record in pair]
        assert closes(self.live)[1:] == [close for close in closes(both) if close > START]
        assert len(closes(self.live)) == 6

    @pytest.mark.parametrize("last", [1, 59.75, 60, 62.25, 62.5, 100, 122.25, 122.5, 122.75])
    def test_an_ingester_that_dies_without_its_last_words(self, last: float) -> None:
        other = said("other", "okx:BTC/USDT", 0, self.end)
        dies = [record for record in other if record.ts_received <= START + last * SECOND]
        both = sorted([*self.live, *dies], key=lambda record: record.ts_received)
        assert closes(both) == closes(self.live)


steps = st.one_of(st.integers(0, BEAT), st.integers(0, 2 * SILENCE), st.integers(-BEAT, 0))
items = st.tuples(steps, st.integers(-3 * SECOND, 3 * SECOND), st.sampled_from(["a:X", "a:Y", "b:X"]))


@st.composite
def feeds(draw: st.DrawFn) -> list[list[Item]]:
    made: list[list[Item]] = []
    for _ in range(draw(st.integers(1, 3))):
        feed: list[Item] = []
        received = 0
        for step, delay, instrument_id in draw(st.lists(items, max_size=40)):
            received = max(received + step, 0)
            feed.append(trade(received, instrument_id, event=received + delay))
        made.append(feed)
    return made


@settings(deadline=None)
@given(feeds())
def test_the_same_items_give_the_same_stream(given_feeds: list[list[Item]]) -> None:
    first, second = (b"\n".join(map(encode, of(given_feeds))) for _ in range(2))
    assert first == second


@settings(deadline=None)
@given(feeds())
def test_without_what_was_inserted_the_input_is_left(given_feeds: list[list[Item]]) -> None:
    found = [record for record in of(given_feeds) if isinstance(record, Trade)]
    for feed in given_feeds:
        mine = {id(record) for record in feed}
        assert [record for record in found if id(record) in mine] == feed
    assert len(found) == sum(map(len, given_feeds))


@settings(deadline=None)
@given(feeds())
def test_heartbeats_only_go_forward_and_never_further_than_is_known(given_feeds: list[list[Item]]) -> None:
    last: dict[str, tuple[int, int]] = {}
    bounds: dict[str, list[tuple[int, int]]] = defaultdict(list)
    members: list[str] = []
    now = 0
    for record in of(given_feeds):
        match record:
            case Trade():
                assert record.instrument_id in members
                bounds[record.instrument_id[0]].append((record.ts_event, record.ts_received))
                now = max(now, record.ts_received)
            case Membership():
                members = record.instrument_ids
            case Heartbeat():
                moment = (record.ts_received, record.ts_event)
                before = last.get(record.instrument_id, (0, 0))
                assert moment[0] >= before[0]
                assert moment[1] >= before[1]
                last[record.instrument_id] = moment
                if record.instrument_id != CONTROL:
                    known = bounds[record.instrument_id[0]]
                    assert record.ts_event <= max(event + max(record.ts_received - at, 0) for event, at in known)
            case _:
                pass
    if now:
        assert members == []
