"""What tests do with a broker: topics of their own, messages in, everything out."""

import secrets
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition

from schemas.partitioner import partition_for
from schemas.topics import Topic
from sinks.clients import admin, existing
from sinks.topics import create_topics

__all__ = ["Read", "client", "ends", "make_topic", "produce", "read_all"]


class Read(NamedTuple):
    """A message as it stands in a topic."""

    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    identifier: str


def client(bootstrap: str) -> dict[str, str]:
    """The settings of a client."""
    return {"bootstrap.servers": bootstrap}


def make_topic(bootstrap: str, name: str, partitions: int) -> str:
    """A new topic that keeps all it is given; its full name."""
    full = f"{name}.{secrets.token_hex(4)}"
    topic = Topic(
        name=full, record=None, key="", lane="log", retention_ms=-1, partitions=partitions, summary=""
    )  # fmt: skip
    create_topics(admin(client(bootstrap)), partitions=partitions, replication=1, topics=[topic])
    return full


def produce(bootstrap: str, topic: str, messages: Iterable[tuple[str, bytes, int]], partitions: int) -> None:
    """Key, value and time stamp (ms) to where the key belongs."""
    producer = Producer({**client(bootstrap), "enable.idempotence": True})
    for key, value, ts_ms in messages:
        producer.produce(topic, value, key, partition_for(key, partitions), timestamp=ts_ms)
        producer.poll(0)
    assert producer.flush(30) == 0


def ends(bootstrap: str, topics: Iterable[str]) -> int:
    """How many offsets ``topics`` have used up in all."""
    names = list(topics)
    with Consumer({**client(bootstrap), "group.id": "test"}) as consumer:
        counts = existing(admin(client(bootstrap)))
        places = [TopicPartition(name, partition) for name in names for partition in range(counts[name])]
        return sum(consumer.get_watermark_offsets(place, 10)[1] for place in places)


def read_all(bootstrap: str, topic: str) -> Iterator[Read]:
    """Everything that a reader of committed messages sees."""
    settings = {
        **client(bootstrap), "group.id": "test", "isolation.level": "read_committed", "enable.partition.eof": True,
        "fetch.wait.max.ms": 10, "auto.offset.reset": "error",
    }  # fmt: skip
    partitions = range(existing(admin(client(bootstrap)))[topic])
    with Consumer(settings) as consumer:
        low = {part: consumer.get_watermark_offsets(TopicPartition(topic, part), 10)[0] for part in partitions}
        consumer.assign([TopicPartition(topic, part, low[part]) for part in partitions])
        left = len(partitions)
        while left:
            for message in consumer.consume(1_000, 0.02):
                error = message.error()
                if error is not None:
                    assert error.code() == KafkaError._PARTITION_EOF, error
                    left -= 1
                    continue
                identifier = dict(message.headers() or []).get("id") or b""
                assert isinstance(identifier, bytes)
                yield Read(
                    message.partition() or 0, message.offset() or 0, message.key(), message.value(), identifier.decode()
                )
