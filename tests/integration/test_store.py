"""`candlewick store` between a real Kafka and a real TimescaleDB."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import msgspec
import psycopg
import pytest
from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from flows.settings import DatabaseSettings, KafkaSettings, Settings
from flows.store import run_store
from schemas.message import Message
from schemas.topics import BY_NAME
from sinks.database import DatabaseError
from sinks.errors import ContradictionError
from sinks.migrate import migrate
from sinks.tables import TABLES
from sinks.timescale import TimescaleWriter
from sinks.topics import create_topics
from sinks.vitals import read_vitals
from sources.kafka import LogError
from sources.results import ResultTopics
from tests.integration.contents import contents, counts
from tests.integration.kafka_broker import KafkaBroker, MissingError, fetch
from tests.integration.records import messages, results, signal
from tests.integration.timescale_fixtures import new_database
from tests.integration.timescale_server import TimescaleServer

pytestmark = pytest.mark.integration

_PARTITIONS = 3


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaBroker]:
    """A broker of our own with all topics, as the store reads every one of them."""
    try:
        jars, archive = fetch()
    except MissingError as error:
        pytest.skip(f"real Apache Kafka: not run, because {error}")
    with KafkaBroker(tmp_path_factory.mktemp("store"), jars, archive=archive) as broker:
        create_topics(_admin(broker), partitions=_PARTITIONS, replication=1, keep=True)
        yield broker


@pytest.fixture
def dsn(broker: KafkaBroker, timescale_database: str) -> str:
    """A database whose store goes on at the present end of the topics: what other tests wrote is not its business."""
    with (
        psycopg.connect(timescale_database) as connection,
        Consumer({"bootstrap.servers": broker.bootstrap, "group.id": "test"}) as consumer,
    ):
        for topic in TABLES:
            for partition in range(BY_NAME[topic].partitions or _PARTITIONS):
                end = _end(consumer, TopicPartition(topic, partition))
                connection.execute("INSERT INTO stream_offsets VALUES (%s, %s, %s)", [topic, partition, end])
    return timescale_database


def _end(consumer: Consumer, place: TopicPartition) -> int:
    """The next offset of ``place``; a topic that was just made may have no leader yet."""
    deadline = time.monotonic() + 20
    while True:
        try:
            return consumer.get_watermark_offsets(place, 10)[1]
        except KafkaException:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def _admin(broker: KafkaBroker) -> AdminClient:
    return AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})


def _settings(broker: KafkaBroker, dsn: str) -> Settings:
    return Settings(kafka=KafkaSettings(bootstrap=broker.bootstrap), database=DatabaseSettings(dsn=dsn))


def _spread(batch: Iterable[Message]) -> list[Message]:
    """The messages over the partitions of their topics."""
    return [
        message._replace(partition=number % (BY_NAME[message.topic].partitions or _PARTITIONS))
        for number, message in enumerate(batch)
    ]


def _produce(broker: KafkaBroker, batch: Iterable[Message]) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap, "enable.idempotence": True})
    for message in batch:
        producer.produce(
            message.topic, message.value, message.key, message.partition, timestamp=message.ts_ms
        )  # fmt: skip
    assert producer.flush(30) == 0


def test_the_store_copies_each_topic_once_and_goes_on_where_it_was(
    broker: KafkaBroker, dsn: str, timescale: TimescaleServer
) -> None:
    batch = _spread(messages(results(60)))
    half = len(batch) // 2
    settings = _settings(broker, dsn)
    _produce(broker, batch[:half])
    first = run_store(settings, until_end=True)
    assert run_store(settings, until_end=True) == Counter()
    _produce(broker, [*batch[half:], Message("features.bars", 0, 0, 5, b"key", b"nothing of ours")])
    second = run_store(settings, until_end=True)
    assert (first + second).total() == len(batch) + 1
    found = contents(dsn)
    with new_database(timescale.dsn) as other:
        migrate(other)
        writer = TimescaleWriter(other)
        assert writer.write(batch)
        writer.close()
        expected = contents(other)
    assert [row[7] for row in found.pop("dead_letters") if row not in expected["dead_letters"]] == [b"nothing of ours"]
    for table in found.keys() - {"stream_offsets"}:
        assert found[table] == expected[table]


def test_only_committed_messages_are_stored(broker: KafkaBroker, dsn: str) -> None:
    producer = Producer({"bootstrap.servers": broker.bootstrap, "transactional.id": "test"})
    producer.init_transactions(10)
    for committed, close in ((False, 1), (True, 2), (False, 3)):
        (message,) = messages([("signals.published", signal(close=signal().ts_event + close))])
        producer.begin_transaction()
        producer.produce(message.topic, message.value, partition=0)
        if committed:
            producer.commit_transaction(10)
        else:
            producer.abort_transaction(10)
    assert run_store(_settings(broker, dsn), until_end=True) == Counter(signals=1)
    assert counts(dsn)["signals"] == 1


def test_messages_that_are_gone_are_not_passed_over(broker: KafkaBroker, dsn: str) -> None:
    settings = _settings(broker, dsn)
    bars = [message for message in messages(results(10)) if message.topic == "features.bars"]
    _produce(broker, bars[:1])
    run_store(settings, until_end=True)
    _produce(broker, bars[1:4])
    (next_offset,) = (row[2] for row in contents(dsn)["stream_offsets"] if row[:2] == ("features.bars", 0))
    admin = _admin(broker)  # its requests end with it
    for future in admin.delete_records([TopicPartition("features.bars", 0, next_offset + 2)]).values():
        future.result(30)
    reason = rf"features.bars\[0\]: offsets {next_offset} to {next_offset + 1} are gone, the topic now begins"
    with pytest.raises(LogError, match=reason):
        run_store(settings, until_end=True)


def test_a_contradiction_ends_it_though_nothing_more_comes(broker: KafkaBroker, dsn: str) -> None:
    """A batch is stored while the next one is waited for, here for ever."""
    other = msgspec.structs.replace(signal(), confidence=0.62)
    _produce(broker, messages([("signals.published", signal()), ("signals.published", other)]))
    with pytest.raises(ContradictionError, match="signals has another row of identifier"):
        run_store(_settings(broker, dsn))
    assert counts(dsn)["signals"] == 0


def test_a_missing_topic_is_named(broker: KafkaBroker) -> None:
    said: list[LogError] = []
    source = ResultTopics(
        {"bootstrap.servers": broker.bootstrap}, ["features.nothing"], {}, stop=lambda: False, failed=said.append
    )
    part = source.build_part("step", "results", None)
    with pytest.raises(StopIteration):
        part.next_batch()
    part.close()
    assert "topic features.nothing: there is none at 127.0.0.1" in str(said[0])


def test_missing_tables_are_named_before_anything_is_read(timescale: TimescaleServer) -> None:
    with new_database(timescale.dsn) as empty, pytest.raises(DatabaseError, match="run `candlewick migrate` first"):
        run_store(Settings(database=DatabaseSettings(dsn=empty)), until_end=True)


def test_sigterm_ends_it_well_even_while_the_database_is_away(
    broker: KafkaBroker, timescale: TimescaleServer, dsn: str, tmp_path: Path
) -> None:
    batch = _spread(messages(results(60)))
    later = iter(batch[20:])
    _produce(broker, batch[:20])
    environment = {
        **os.environ,
        "CANDLEWICK_KAFKA__BOOTSTRAP": broker.bootstrap,
        "CANDLEWICK_DATABASE__DSN": dsn,
        "CANDLEWICK_SUPERVISOR__DIR": str(tmp_path),
    }

    def waits() -> bool:
        _produce(broker, islice(later, 1))
        return [vitals.waits_for for vitals in read_vitals(tmp_path, ["store"])] == ["database"]

    command = [sys.executable, "-m", "flows.cli.main", "store"]
    errors = tmp_path / "errors"
    with errors.open("w") as said, subprocess.Popen(command, env=environment, stderr=said) as store:
        try:
            _until(lambda: sum(counts(dsn).values()) == 20 + len(contents(dsn)["stream_offsets"]), errors)
            with timescale.away():
                _until(waits, errors)  # who looks at it sees why nothing is stored, however little there is to store
                _produce(broker, later)
                assert "trying again" in errors.read_text()
                store.terminate()
                assert store.wait(10) == 0
        finally:
            store.kill()
    assert run_store(_settings(broker, dsn), until_end=True).total() == len(batch) - 20


def _until(condition: Callable[[], bool], errors: Path) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, errors.read_text()
        time.sleep(0.02)
