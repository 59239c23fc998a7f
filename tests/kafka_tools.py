"""What tests do with a broker: topics of their own, messages in, everything out."""

import secrets
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from bytewax.outputs import StatefulSinkPartition
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry
from confluent_kafka.cimpl import NewPartitions

from schemas.topics import Outgoing, Topic
from sinks.clients import admin, existing
from sinks.kafka_admin import ConfigResource, ResourceType
from sinks.topics import create_topics

__all__ = ["Client", "Read", "ends", "grow", "limit", "make_topic", "put", "read_all", "trim", "write"]

Client = Mapping[str, Any]
"""A client's settings."""

_MINIMUM = {"group.id": "test", "auto.offset.reset": "error", "fetch.wait.max.ms": 10, "enable.partition.eof": True}


class Read(NamedTuple):
    """A message as it stands in a topic."""

    partition: int
    offset: int
    key: bytes
    value: bytes
    ts_ms: int
    identifier: str
    kind: str


def make_topic(client: Client, name: str, partitions: int) -> str:
    """A new topic on a real broker that keeps all it is given; its full name."""
    full = f"{name}.{secrets.token_hex(4)}"
    topic = Topic(name=full, record=None, key="", lane="log", retention_ms=-1, partitions=partitions, summary="")
    create_topics(admin(client), partitions=partitions, replication=1, topics=[topic])
    return full


def put(client: Client, messages: Iterable[tuple[bytes | None, bytes | None, int, int]], topic: str) -> str:
    """Messages (key, value, partition, time stamp in ms) into ``topic``; its name.

    The embedded broker makes a topic that it is asked for.
    """
    producer = Producer({"bootstrap.servers": client["bootstrap.servers"], "enable.idempotence": True})
    producer.list_topics(topic, 10)
    for key, value, partition, ts_ms in messages:
        producer.produce(topic, value, key, partition, timestamp=ts_ms)
        producer.poll(0)
    assert producer.flush(30) == 0
    return topic


def trim(client: Client, topic: str, before: int) -> None:
    """Delete what ``topic``, of one partition, holds before an offset."""
    asked = admin(client)
    for done in asked.delete_records([TopicPartition(topic, 0, before)]).values():
        done.result(10)


def limit(client: Client, topic: str, largest: int) -> None:
    """Let ``topic`` take messages of so many bytes at most."""
    entry = ConfigEntry("max.message.bytes", str(largest), incremental_operation=AlterConfigOpType.SET)
    resource, asked = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry]), admin(client)
    asked.incremental_alter_configs([resource])[resource].result(10)


def grow(client: Client, topic: str, partitions: int) -> None:
    """Let ``topic`` have so many partitions."""
    asked = admin(client)
    for done in asked.create_partitions([NewPartitions(topic, partitions)]).values():
        done.result(10)


def ends(client: Client, topics: Iterable[str]) -> int:
    """How many offsets ``topics`` have used up in all."""
    counts = existing(admin(client))
    with Consumer({**client, **_MINIMUM}) as consumer:
        places = [TopicPartition(name, partition) for name in topics for partition in range(counts[name])]
        return sum(consumer.get_watermark_offsets(place, 10)[1] for place in places)


def read_all(client: Client, topic: str) -> Iterator[Read]:
    """Everything that a reader of committed messages sees."""
    partitions = range(existing(admin(client))[topic])
    with Consumer({**client, **_MINIMUM, "isolation.level": "read_committed"}) as consumer:
        low = {part: consumer.get_watermark_offsets(TopicPartition(topic, part), 10)[0] for part in partitions}
        consumer.assign([TopicPartition(topic, part, low[part]) for part in partitions])
        left = {*partitions}  # a topic that grows has several ends
        while left:
            for message in consumer.consume(1_000, 0.02):
                error = message.error()
                if error is not None:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    left.discard(message.partition() or 0)
                    continue
                headers = dict(message.headers() or [])
                yield Read(
                    message.partition() or 0, message.offset() or 0, message.key() or b"", message.value() or b"",
                    message.timestamp()[1], _text(headers.get("id")), _text(headers.get("type")),
                )  # fmt: skip


def _text(header: str | bytes | None) -> str:
    return header.decode() if isinstance(header, bytes) else header or ""


def write(part: StatefulSinkPartition[Outgoing, bytes], records: list[Outgoing]) -> None:
    """Write ``records`` by a sink's part, and wait for the broker's acknowledgement."""
    part.write_batch(records)
    part.snapshot()
