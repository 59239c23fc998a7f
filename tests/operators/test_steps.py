"""The steps on Bytewax: the same as the pure classes, with any number of workers, and across crashes."""

from collections import defaultdict
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from sqlite3 import connect
from typing import Any

import bytewax.operators as op
import msgspec
import pytest
from bytewax.dataflow import Dataflow
from bytewax.testing import TestingSink, TestingSource

from flows.runtime import RecoveryConfig, cluster_main, init_db_dir, run_here
from operators.config import DeskConfig, InstrumentConfig
from operators.control import Control
from operators.desk.desk import Desk
from operators.instrument import Instrument
from operators.steps import decide
from schemas.batches import Batch, Rejected
from schemas.codec import encode
from schemas.market import CONTROL, Heartbeat, MarketEvent, Membership
from schemas.time import MILLISECOND
from schemas.topics import Outgoing
from tests.operators.support import ID, LATER, beat, beats, exchange_bar, in_order, ns, quote, snapshot, trade

OTHER = "okx:ETH/USDT"
Item = tuple[str, Batch | Rejected]
END = 250
CONFIG = InstrumentConfig()
REFUSED = Rejected("dead:00003", "market.events", 3, [(9, 5, None, b"x", "no key"), (10, 5, b"k", None, "no value")])


def of(instrument_id: str) -> list[MarketEvent]:
    """An hour of rising bars, then a market in which buyers press on."""
    history = [exchange_bar(60 * i, 1_000.0 + i) for i in range(-60, 1)]
    trades = [trade(i, 1_000.0 + i // 10, number=i + 1) for i in range(END)]
    quotes = [quote(i + 0.5, 1_000.0 + i // 10, 1_000.2 + i // 10, (9.0, 1.0), number=i + 1) for i in range(END)]
    bids = [(900.0 - i, 9.0) for i in range(12)]
    books = [snapshot(1, bids, [(1_300.0 + i, 1.0) for i in range(12)], sequence=1)]
    events = [*history, *in_order(beats(0.25, END), trades, quotes, books)]
    return [msgspec.structs.replace(event, instrument_id=instrument_id) for event in events]


def control() -> list[MarketEvent]:
    member = Membership(
        instrument_id=CONTROL, ts_event=ns(-3_660), ts_received=ns(-3_660), source="test", instrument_ids=[ID, OTHER]
    )
    pulses = [
        Heartbeat(instrument_id=CONTROL, ts_event=ns(t), ts_received=ns(t), source="test") for t in range(END + 1)
    ]
    return [member, *pulses]


def batches(size: int) -> list[Item]:
    """The log as its source hands it on, ``size`` messages a read."""
    log = sorted([*of(ID), *of(OTHER), *control()], key=lambda event: event.ts_received)
    items: list[Item] = []
    for begin in range(0, len(log), size):
        found: dict[str, list[tuple[int, int, bytes]]] = defaultdict(list)
        for offset, event in enumerate(log[begin : begin + size], begin):
            found[event.instrument_id].append((offset, event.ts_received // MILLISECOND, encode(event)))
        items += [(key, Batch(key, 0, messages)) for key, messages in found.items()]
    return [*items[:3], (REFUSED.key, REFUSED), *items[3:]]


def flow(
    items: list[Any],
    features: list[tuple[str, Outgoing]],
    signals: list[tuple[str, Outgoing]],
    late: dict[int, int] | None = None,
) -> Dataflow:
    dataflow = Dataflow("test")
    lanes = decide(op.input("log", dataflow, TestingSource(items)), CONFIG, DeskConfig(), late=late)
    op.output("features", lanes.features, TestingSink(features))
    op.output("signals", lanes.signals, TestingSink(signals))
    return dataflow


def expected() -> tuple[dict[str, list[Outgoing]], list[Outgoing]]:
    """What the pure classes say: the features by key, the desk's contexts last, and the signals."""
    desk = Desk(DeskConfig())
    said: dict[str, list[Outgoing]] = {}
    to_the_desk = []
    for key, events in ((ID, of(ID)), (OTHER, of(OTHER)), (CONTROL, control())):
        keyed = Control(CONFIG) if key == CONTROL else Instrument(key, CONFIG)
        out = keyed.on_batch(Batch(key, 0, [(0, LATER, encode(event)) for event in events]))
        said[key] = [record for record in out if isinstance(record, Outgoing)]
        to_the_desk += [record for record in out if not isinstance(record, Outgoing)]
    signals: list[Outgoing] = []
    for record in desk.on_batch(to_the_desk):
        (said[record.key] if record.topic == "features.context" else signals).append(record)
    return said, signals


def by_key(sent: list[tuple[str, Outgoing]]) -> dict[str, list[Outgoing]]:
    found: dict[str, list[Outgoing]] = {ID: [], OTHER: [], CONTROL: []}
    for key, record in sent:
        assert key == record.key
        if record.topic != "dead_letters":
            found[key].append(record)
    # Each step's own order is fixed; when the desk's records come between the instrument's, batches decide.
    return {key: sorted(records, key=_is_context) for key, records in found.items()}


def _is_context(record: Outgoing) -> bool:
    return record.topic == "features.context"


def test_the_expectation_is_worth_something() -> None:
    said, signals = expected()
    wanted = {"features.bars", "features.vectors", "features.books", "features.context"}
    assert {record.topic for record in said[ID]} >= wanted
    assert {(record.topic, record.key) for record in signals} == {
        (topic, key) for topic in ("signals.candidates", "signals.published") for key in (ID, OTHER)
    }


@pytest.mark.parametrize("size", [50, 5_000])
def test_one_worker(size: int) -> None:
    features: list[tuple[str, Outgoing]] = []
    signals: list[tuple[str, Outgoing]] = []
    run_here(flow(batches(size), features, signals))
    assert (by_key(features), [record for _, record in signals]) == expected()
    letters = [record for _, record in features if record.topic == "dead_letters"]
    assert [record.key for record in letters] == ["market.events[3]"] * 2
    assert b"no key" in letters[0].value


def test_two_workers() -> None:
    features: list[tuple[str, Outgoing]] = []
    signals: list[tuple[str, Outgoing]] = []
    cluster_main(flow(batches(200), features, signals), [], 0, worker_count_per_proc=2)
    assert (by_key(features), [record for _, record in signals]) == expected()


def test_the_desk_s_records_of_the_ledger_are_of_the_lane_of_features() -> None:
    features: list[tuple[str, Outgoing]] = []
    signals: list[tuple[str, Outgoing]] = []
    run_here(flow([item for item in batches(5_000) if item[0] != CONTROL] + alone(), features, signals))
    assert {record.key for _, record in signals} == {ID}
    ledger = [(key, record) for key, record in features if record.topic == "quality.gaps"]
    assert {key for key, _ in ledger} == {OTHER}
    assert all(key == record.key and b'"kind":"undecided"' in record.value for key, record in ledger)


def alone() -> list[Item]:
    """The control key, with one member."""
    joined = msgspec.structs.replace(control()[0], instrument_ids=[ID])
    messages = [
        (i, event.ts_received // MILLISECOND, encode(event)) for i, event in enumerate([joined, *control()[1:]])
    ]
    return [(CONTROL, Batch(CONTROL, 0, messages))]


def test_after_crashes_and_a_stop_it_goes_on_from_its_states(tmp_path: Path) -> None:
    init_db_dir(tmp_path, 1)
    items: list[Any] = list(batches(100))
    for at, sentinel in ((7, TestingSource.ABORT()), (21, TestingSource.EOF()), (40, TestingSource.ABORT())):
        items.insert(at, sentinel)
    features: list[tuple[str, Outgoing]] = []
    signals: list[tuple[str, Outgoing]] = []
    dataflow = flow(items, features, signals)
    for _ in range(6):  # more than there are ends
        cluster_main(dataflow, [], 0, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(str(tmp_path)))
    said, decided = expected()
    # What was written after the last state is written again: the sinks know it by its identifier.
    assert {key: list(dict.fromkeys(_plain(found))) for key, found in by_key(features).items()} == {
        key: _plain(found) for key, found in said.items()
    }
    assert list(dict.fromkeys(_plain([record for _, record in signals]))) == _plain(decided)


def kept(directory: Path) -> set[str]:
    """The keys of the instrument step of which recovery holds a state."""
    (file,) = directory.glob("*.sqlite3")
    with closing(connect(file)) as store:
        rows = store.execute("SELECT state_key FROM snaps WHERE step_id = 'test.instrument' AND ser_change IS NOT NULL")
        return {key for (key,) in rows}


def test_a_key_of_which_every_record_is_refused_is_not_kept(tmp_path: Path) -> None:
    init_db_dir(tmp_path, 1)
    junk: list[Item] = [(f"junk:{i}", Batch(f"junk:{i}", 0, [(i, 5, b"{}"), (i, 5, b"")])) for i in range(50)]
    later: list[Item] = [
        (ID, Batch(ID, 0, [(90, 5, b"{}")])),
        (ID, Batch(ID, 0, [(91, 5, b"{}"), (92, LATER, encode(beat(1)))])),
    ]
    features: list[tuple[str, Outgoing]] = []
    dataflow = flow([*junk, (REFUSED.key, REFUSED), *later, *later[:1]], features, [])
    cluster_main(dataflow, [], 0, epoch_interval=timedelta(0), recovery_config=RecoveryConfig(str(tmp_path)))
    assert kept(tmp_path) == {ID}
    assert len([record for _, record in features if record.topic == "dead_letters"]) == 105


def _plain(records: list[Outgoing]) -> list[tuple[str, str, bytes]]:
    return [(record.topic, record.id, record.value) for record in records]


def test_an_instrument_whose_beginning_is_lost_is_tainted_and_trades_on_nothing() -> None:
    """But not one that is new after that."""
    items = batches(50)
    features: list[tuple[str, Outgoing]] = []
    signals: list[tuple[str, Outgoing]] = []
    first = {key: batch.messages[0][0] for key, batch in reversed(items) if isinstance(batch, Batch)}
    run_here(flow(items, features, signals, {0: first[OTHER]}))
    vectors = [msgspec.json.decode(one.value) for _, one in features if one.topic == "features.vectors"]
    tainted = {vector["instrument_id"] for vector in vectors if "ema_20" in vector.get("tainted", ())}
    assert first[ID] < first[OTHER]
    assert tainted == {ID}
    assert {one.key for _, one in signals if one.topic == "signals.published"} == {OTHER}
