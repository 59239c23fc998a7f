"""Both lanes against the embedded broker; what only a real one does is in tests/integration."""

import secrets
from threading import Event
from typing import Any

import pytest

import sinks.clients
from flows.embedded.broker import CLIENT, EmbeddedBroker
from schemas.partitioner import partition_for
from schemas.topics import BY_NAME, Outgoing
from sinks.errors import SinkError
from sinks.gate import Past
from sinks.kafka import LAYOUT, KafkaFeatures, KafkaSignals
from tests.kafka_tools import put, read_all, write

Client = dict[str, Any]
TS_MS = 1_723_161_300_000


@pytest.fixture
def topics(embedded_kafka: Client) -> list[str]:
    """Two empty topics of four partitions."""
    names = [f"out.{secrets.token_hex(4)}" for _ in range(2)]
    for name in names:
        put(embedded_kafka, [], name)
    return names


def records(topic: str, count: int, key: str = "a") -> list[Outgoing]:
    return [Outgoing(topic, key, f"{topic}-{number}", b"%d" % number, TS_MS + number) for number in range(count)]


def test_a_feature_goes_to_its_keys_partition_with_its_identifier_and_time(
    embedded_kafka: Client, topics: list[str]
) -> None:
    sink = KafkaFeatures(embedded_kafka, topics=topics)
    parts = {name: sink.build_part("out", name, None) for name in sink.list_parts()}
    for key in "abcdefgh":
        names = sorted(sink.list_parts())
        write(parts[names[sink.part_fn(key) % len(names)]], [Outgoing(topics[0], key, key * 3, b"v", TS_MS)])
    found = list(read_all(embedded_kafka, topics[0]))
    assert {(read.key.decode(), read.identifier, read.ts_ms) for read in found} == {
        (key, key * 3, TS_MS) for key in "abcdefgh"
    }
    assert all(read.partition == partition_for(read.key.decode(), 4) for read in found)


@pytest.mark.parametrize("lane", ["features", "signals"])
def test_a_resumed_part_leaves_out_what_is_there(embedded_kafka: Client, topics: list[str], lane: str) -> None:
    sink: Any
    if lane == "features":
        sink, name = KafkaFeatures(embedded_kafka, topics=topics), f"{partition_for('a', 4):05d}"
    else:
        sink, name = KafkaSignals(embedded_kafka, topics=topics, transactions=False), "signals"
    batch = records(topics[0], 10)
    part = sink.build_part("out", name, None)
    write(part, batch[:3])
    state = part.snapshot()
    write(part, batch[3:6])
    for resume in (state, None):
        resumed = sink.build_part("out", name, resume)
        write(resumed, batch[0 if resume is None else 3 :])
    found = [(read.identifier, read.value) for read in read_all(embedded_kafka, topics[0])]
    assert found == [(one.id, one.value) for one in batch]


@pytest.mark.parametrize("past", [None, Past(whole=True)])
def test_who_reads_back_is_seen_to_be_at_work(embedded_kafka: Client, topics: list[str], past: Past | None) -> None:
    name, turns = f"{partition_for('a', 4):05d}", []

    def stop() -> bool:
        turns.append(1)
        return False

    write(KafkaFeatures(embedded_kafka, topics=topics).build_part("out", name, None), records(topics[0], 50))
    KafkaFeatures(embedded_kafka, topics=topics, past=past, stop=stop).build_part("out", name, None)
    assert len(turns) >= 50


def test_a_compacted_topic_is_written_again(
    embedded_kafka: Client, topics: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BY_NAME, topics[0], BY_NAME["reference.instruments"])
    sink = KafkaFeatures(embedded_kafka, topics=topics)
    name = f"{partition_for('a', 4):05d}"
    for _ in range(2):
        write(sink.build_part("out", name, None), records(topics[0], 2))
    assert [read.value for read in read_all(embedded_kafka, topics[0])] == [b"0", b"1", b"0", b"1"]


def test_a_batch_beyond_the_clients_queue_waits_for_room(embedded_kafka: Client, topics: list[str]) -> None:
    client = {**embedded_kafka, "queue.buffering.max.messages": 10}
    sink = KafkaSignals(client, topics=topics, transactions=False)
    write(sink.build_part("out", "signals", None), records(topics[0], 100))
    assert len(list(read_all(embedded_kafka, topics[0]))) == 100


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (Outgoing("elsewhere", "a", "id", b"", TS_MS), "topic elsewhere: not one of this lane's: out"),
        (Outgoing("", "a", "id", b"x" * 5_000_000, TS_MS), r"out\.\w+: not written: .*Message size too large"),
    ],
)
def test_a_record_that_cannot_be_written_is_named(
    embedded_kafka: Client, topics: list[str], record: Outgoing, reason: str
) -> None:
    record = Outgoing(record.topic or topics[0], record.key, record.id, record.value, record.ts_ms)
    sink = KafkaFeatures(embedded_kafka, topics=topics)
    with pytest.raises(SinkError, match=reason):
        write(sink.build_part("out", "00000", None), [record])


def test_topics_of_one_lane_have_one_number_of_partitions(embedded_kafka: Client, topics: list[str]) -> None:
    names = [topics[0], "signals.published"]
    with pytest.raises(SinkError, match=r"one number of partitions, but have: out\.\w+ 4, signals.published 1"):
        KafkaFeatures(embedded_kafka, topics=names)


def test_a_state_of_version_1_is_read_and_one_of_another_topic_layout_refused(
    embedded_kafka: Client, topics: list[str]
) -> None:
    sink = KafkaFeatures(embedded_kafka, topics=topics)
    first: Any = {"version": 1, "partitions": 4, "following": [(topics[0], 0, 0)]}
    sink.build_part("out", "00000", first)
    with pytest.raises(SinkError, match=r"sink 00000: .*the lane's topics have 4 partitions, recovery state is of 12"):
        sink.build_part("out", "00000", LAYOUT.seal({"partitions": 12, "following": []}))


@pytest.mark.parametrize("queue", [2, 100])
def test_a_stop_does_not_wait_for_a_broker_that_is_away(monkeypatch: pytest.MonkeyPatch, queue: int) -> None:
    monkeypatch.setattr("sinks.grace.GRACE_S", 0.1)
    stop = Event()
    with EmbeddedBroker() as broker:
        client = {"bootstrap.servers": broker.bootstrap, **CLIENT, "queue.buffering.max.messages": queue}
        parts = [
            KafkaFeatures(client, stop=stop.is_set).build_part("out", "00000", None),
            KafkaSignals(client, transactions=False, stop=stop.is_set).build_part("out", "signals", None),
        ]
    stop.set()
    for part, topic in zip(parts, ("features.bars", "signals.published"), strict=True):
        with pytest.raises(SinkError, match=f"{topic}: stopped, .* made again from the log at the next start"):
            write(part, records(topic, 3))


@pytest.mark.parametrize("lane", [KafkaFeatures, KafkaSignals])
def test_a_setting_that_is_none_is_named(lane: Any) -> None:
    with pytest.raises(SinkError, match=r'^kafka.client: No such configuration property: "securty.protocol"$'):
        lane({"securty.protocol": "ssl"})


def test_no_such_topic(embedded_kafka: Client) -> None:
    with pytest.raises(SinkError, match="no topic nowhere at the broker; `candlewick topics create` makes them"):
        KafkaSignals(embedded_kafka, topics=["nowhere"])


def test_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sinks.clients, "TIMEOUT_S", 0.1)
    with pytest.raises(SinkError, match="Kafka does not answer"):
        KafkaFeatures({"bootstrap.servers": "127.0.0.1:1"})
