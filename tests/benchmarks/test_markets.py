"""The markets that are measured on do what they are for."""

import secrets
from collections import Counter
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import msgspec
import pytest

from benchmarks.broker import send
from benchmarks.data import PARTITIONS, SIMULATED, Written, copies
from benchmarks.jobs import floor, plain
from benchmarks.jobs.task import Task
from benchmarks.parts.closing import LATENESS, before
from benchmarks.synthetic import BEAT, MIDNIGHT, Synthetic
from flows.feeds import simulated_feed
from flows.ingest import Recorder, ingest
from operators.closed import Closed, Told
from operators.config import DeskConfig, InstrumentConfig, StrategyConfig
from operators.control import Control
from operators.desk.desk import Desk
from operators.instrument import Instrument
from schemas.batches import Batch
from schemas.codec import decode_event
from schemas.market import CONTROL, Membership
from schemas.partitioner import partition_for
from schemas.signals import Signal
from schemas.time import MILLISECOND, SECOND, TIMEFRAMES
from schemas.topics import Outgoing
from sources.simulator import Simulator, SimulatorConfig
from tests.kafka_tools import Client, read_all


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six instruments for some seconds, as ingest writes them."""
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    config = SimulatorConfig(seed=7, start=MIDNIGHT, duration=5 * SECOND, instruments=SIMULATED)
    with Recorder(path) as writer:
        ingest(simulated_feed(Simulator(config)).items, writer)
    return path


def said(messages: Iterable[Written]) -> tuple[list[Outgoing], list[Told]]:
    """What the keyed steps make of ``messages``: for the topics, and for the desk."""
    rows: dict[str, list[tuple[int, int, bytes]]] = {}
    for offset, message in enumerate(messages):
        rows.setdefault(message.key, []).append((offset, message.ts_received // MILLISECOND, message.value))
    config, sent, told = InstrumentConfig(), list[Outgoing](), list[Told]()
    for key, own in rows.items():
        keyed = Control(config) if key == CONTROL else Instrument(key, config)
        for record in keyed.on_batch(Batch(key, partition_for(key, PARTITIONS), own)):
            if isinstance(record, Outgoing):
                sent.append(record)
            else:
                told.append(record)
    return sent, told


def test_a_close_of_all_timeframes_has_something_to_decide() -> None:
    market = Synthetic(6, 20)
    beats = (market.beat(MIDNIGHT + LATENESS - early) for early in (BEAT, 0))
    sent, told = said(chain(before(market), *beats))
    topics = Counter(record.topic for record in sent)
    assert topics["dead_letters"] == topics["quality.gaps"] == 0
    last = [record.records for record in told if isinstance(record, Closed) and record.ts_close == MIDNIGHT]
    assert [len(records) for records in last] == [len(TIMEFRAMES)] * 6
    desk = Desk(DeskConfig(strategy=StrategyConfig(threshold=0.2, cooldown_bars=0)))
    records = [record for record in desk.on_batch(told) if record.topic == "signals.candidates"]
    signals = [msgspec.json.decode(record.value, type=Signal) for record in records]
    assert {signal.direction for signal in signals if signal.ts_event == MIDNIGHT} == {"long", "short"}
    assert min(signal.ts_event for signal in signals) < MIDNIGHT  # the first ones are not timed


def test_copies_close_at_the_same_moments(log: Path) -> None:
    messages = list(copies(log, instruments=18, seconds=60.0, history=2))
    once = Counter(message.key for message in copies(log, instruments=6, seconds=60.0, history=2))
    counts = Counter(message.key for message in messages)
    assert len(counts) == 18 + 1
    assert sum(counts.values()) == 3 * sum(once.values()) - 2 * once[CONTROL]
    assert all(partition_for(message.key, PARTITIONS) == message.partition for message in messages)
    joined = decode_event(next(message.value for message in messages if message.kind == b"membership"))
    assert isinstance(joined, Membership)
    assert {*joined.instrument_ids} == {*counts} - {CONTROL}
    sent, _ = said(messages)
    assert not [record for record in sent if record.topic == "dead_letters"]


def test_the_jobs_read_the_whole_log(log: Path, embedded_kafka: Client) -> None:
    topic, output = (f"benchmark.{secrets.token_hex(4)}" for _ in range(2))
    messages = list(copies(log, instruments=6, seconds=60.0))
    moved = [msgspec.structs.replace(message, partition=message.partition % 4) for message in messages]
    count = send(embedded_kafka, moved, dict.fromkeys({message.kind for message in moved}, topic))
    bootstrap = str(embedded_kafka["bootstrap.servers"])
    task = Task(bootstrap=bootstrap, messages=count, topic=topic, output=output)
    done = [floor.measure(task), plain.measure(task)]
    assert [measure.messages for measure in done] == [count, count]
    assert all(measure.cpu > 0 and measure.seconds > 0 for measure in done)
    features = Counter(record.key.decode() for record in read_all(embedded_kafka, output))
    assert {*features.values()} == {5}
    assert len(features) == 6 + 1  # it takes the control key for another instrument
