"""Three topics of a user's own, written out of step and with garbage in between, become the log that they tell of."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from operator import attrgetter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, Producer, TopicPartition

from flows.engine import engine_flow
from flows.feeds import Feed, topics_feed
from flows.replay import replay
from flows.runtime import run_here
from flows.settings import Settings
from schemas.codec import decode_event, encode
from schemas.market import (
    CONTROL,
    FundingRate,
    InstrumentDefinition,
    Liquidation,
    MarketEvent,
    MarkPrice,
    Membership,
    OpenInterest,
    TapeEnd,
    Trade,
)  # fmt: skip
from schemas.time import MILLISECOND, MINUTE
from schemas.topics import LOG
from sinks.files import FileSink
from sources.group_offsets import GroupOffsets
from sources.log import KafkaLog
from sources.sequencer import sequence
from sources.simulator import LISTINGS, Simulator, SimulatorConfig
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline, until
from tests.kafka_tools import make_topic, read_all

pytestmark = pytest.mark.integration

START = 1_723_161_580_000_000_000  # 2024-08-08 23:59:40 UTC: whether the first minute is whole shall not hang on ms
DERIVATIVES = (FundingRate, MarkPrice, OpenInterest, Liquidation)
EXAMPLE = Path(__file__).resolve().parents[2] / "docs/examples/produce_own_topics.py"

Bars = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def market() -> list[MarketEvent]:
    """Three minutes of three instruments."""
    config = SimulatorConfig(seed=5, start=START, duration=3 * MINUTE, instruments=LISTINGS[:3])
    return [item for item in Simulator(config) if isinstance(item, MarketEvent)]


@pytest.fixture(scope="module")
def expected(market: list[MarketEvent], tmp_path_factory: pytest.TempPathFactory) -> Bars:
    """The bars of the same market, sequenced directly."""
    folder = tmp_path_factory.mktemp("direct")
    replay(Settings(), Feed(sequence(market, source="direct")), folder)
    return bars(folder)


def bars(folder: Path) -> Bars:
    """Bars of revision 0 by identifier; when they were decided hangs on the moments of heartbeats."""
    lines = (folder / "features.bars.jsonl").read_bytes().splitlines()
    found = {record["id"]: record for record in map(msgspec.json.decode, lines) if not record.get("revision")}
    for record in found.values():
        del record["ts_decided"]
    return found


def bars_of_the_log(bootstrap: str, folder: Path) -> Bars:
    """What the engine makes of all that is in the log."""
    log = KafkaLog({"bootstrap.servers": bootstrap}, until_end=True)
    with FileSink(folder) as features, FileSink(folder) as signals:
        run_here(engine_flow(Settings(), log, features, signals))
    return bars(folder)


def in_the_log(bootstrap: str) -> int:
    """Records there that the sequencer did not put in."""
    inserted = {"heartbeat", "membership", "tape_end"}
    return sum(read.kind not in inserted for read in read_all({"bootstrap.servers": bootstrap}, LOG))


def own_topics(bootstrap: str, market: Iterable[MarketEvent]) -> str:
    """Topics of three partitions: first all trades, told as shortly as can be, then derivatives, then the books."""
    client = {"bootstrap.servers": bootstrap}
    named = {kind: make_topic(client, f"my.{kind}", 3) for kind in ("trades", "derivatives", "books")}
    producer = Producer({**client, "enable.idempotence": True})
    for kind, topic in named.items():
        records = [record for record in market if kind_of(record) == kind]
        for number, record in enumerate(records):
            fields = msgspec.json.decode(encode(record))
            if kind == "trades":
                del fields["type"], fields["ts_received"]
            ts_ms = record.ts_received // MILLISECOND
            producer.produce(topic, msgspec.json.encode(fields), record.instrument_id, timestamp=ts_ms)
            if number % 500 == 0:
                producer.produce(topic, b'{"type": "trade", "price": -1}', timestamp=ts_ms)
            producer.poll(0)
    assert producer.flush(30) == 0
    return ",".join(f"{kind}={topic}" for kind, topic in named.items())


def kind_of(record: MarketEvent) -> str:
    return "trades" if isinstance(record, Trade) else "derivatives" if isinstance(record, DERIVATIVES) else "books"


def test_what_was_written_out_of_step_gives_the_bars_of_the_market(
    market: list[MarketEvent], expected: Bars, kafka: KafkaBroker, tmp_path: Path
) -> None:
    topics = own_topics(kafka.bootstrap, market)
    feed = topics_feed({"bootstrap.servers": kafka.bootstrap}, topics, until_end=True, resume=False)
    replay(Settings(), feed, tmp_path)
    assert feed.read == feed.size > len(market)
    assert bars(tmp_path) == expected
    letters = [msgspec.json.decode(line) for line in (tmp_path / "dead_letters.jsonl").read_bytes().splitlines()]
    assert len(letters) == feed.size - len(market)
    assert {letter["topic"].split("[")[0] for letter in letters} == {pair.split("=")[1] for pair in topics.split(",")}


def test_killed_in_the_middle_and_started_again_nothing_is_lost_or_counted_twice(
    market: list[MarketEvent], expected: Bars, brokers: Callable[[], KafkaBroker], tmp_path: Path
) -> None:
    pipeline = Pipeline(brokers(), tmp_path, partitions=4)
    bootstrap = pipeline.broker.bootstrap
    topics = own_topics(bootstrap, market)
    ingest = pipeline.start("ingest", "--topics", topics, "--until-end", "--speed", "60")
    try:
        group = "candlewick.ingest.topics"
        with Consumer({"bootstrap.servers": bootstrap, "group.id": group}) as consumer:
            places = [TopicPartition(pair.split("=")[1], n) for pair in topics.split(",") for n in range(3)]
            until(lambda: bool(GroupOffsets(consumer, group).committed(places)), "a commit", ingest)
        goal = pipeline.count(LOG) + 300
        until(lambda: pipeline.count(LOG) >= goal, "records after it", ingest)
    finally:
        ingest.kill()
        ingest.communicate()
    before = in_the_log(bootstrap)
    pipeline.run("ingest", "--topics", topics, "--until-end")
    assert len(market) < in_the_log(bootstrap) < len(market) + before, "it goes on where it last committed"
    assert bars_of_the_log(bootstrap, tmp_path / "out") == expected
    assert "no topic nowhere (trades) at" in pipeline.fail("ingest", "--topics", "trades=nowhere", status=2)


def test_the_documents_example_live_until_sigterm(brokers: Callable[[], KafkaBroker], tmp_path: Path) -> None:
    pipeline = Pipeline(brokers(), tmp_path, partitions=2)
    client = {"bootstrap.servers": pipeline.broker.bootstrap}
    environment = {**os.environ, "KAFKA": pipeline.broker.bootstrap}
    subprocess.run([sys.executable, str(EXAMPLE)], env=environment, check=True, timeout=30)
    topics = "trades=my.trades,books=my.books,derivatives=my.funding,instruments=my.instruments"
    ingest = pipeline.start("ingest", "--topics", topics)

    def heard_after_the_last_trade() -> bool:
        kinds = [read.kind for read in sorted(read_all(client, LOG), key=attrgetter("ts_ms"))]
        return kinds.count("trade") == 180 and kinds[::-1].index("trade") > 8

    try:
        until(heard_after_the_last_trade, "heartbeats while nothing comes", ingest)
        pipeline.stop(ingest)
    finally:
        ingest.kill()
        ingest.communicate()
    records = [decode_event(read.value) for read in read_all(client, LOG)]
    defined = [record for record in records if isinstance(record, InstrumentDefinition)]
    assert {record.tick_size for record in defined} == {0.1}
    assert [record.instrument_id for record in records if isinstance(record, TapeEnd)] == ["myvenue:BTC/USDT:USDT"]
    said = [record for record in records if record.instrument_id == CONTROL and isinstance(record, Membership)]
    assert [record.instrument_ids for record in said][-1] == []
    assert list(topics_feed(client, topics, until_end=True).items) == []
