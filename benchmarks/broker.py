"""A real Kafka with a log in it, and empty result topics for every run."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from msgspec import Struct

from benchmarks.data import PARTITIONS, Written
from schemas.time import MILLISECOND
from schemas.topics import LOG, TOPICS, Topic
from sinks.clients import admin, existing, producer_settings
from sinks.topics import create_topics
from tests.integration.kafka_broker import KafkaBroker, fetch

__all__ = ["Stage", "put", "send", "stage", "writer"]

_JVM: Final = ("-XX:+UseSerialGC",)  # unlike the tests' broker it has its optimising compiler
_COMPACTED: Final = {topic.name for topic in TOPICS if topic.compacted}


class Stage(Struct):
    """A broker and what its log holds."""

    broker: KafkaBroker
    admin: AdminClient
    instruments: int
    messages: int

    @property
    def bootstrap(self) -> str:
        """Where it listens."""
        return self.broker.bootstrap

    def clear(self) -> None:
        """Empty the result topics, but the compacted one, which nobody reads back."""
        counts = existing(self.admin)
        results = [topic.name for topic in TOPICS if topic.name != LOG and topic.name not in _COMPACTED]
        ends = [TopicPartition(name, number, -1) for name in results for number in range(counts[name])]
        for done in self.admin.delete_records(ends).values():
            done.result(30)

    def topic(self, name: str) -> str:
        """Make a further topic, if it is not there; its name."""
        made = Topic(name=name, record=None, key="", lane="features", retention_ms=-1, summary="")
        create_topics(self.admin, partitions=PARTITIONS, replication=1, topics=[made])
        return name


@contextmanager
def stage(folder: Path, messages: Iterable[Written], *, instruments: int) -> Iterator[Stage]:
    """A broker that runs until the end of the context with ``messages`` in its log; nothing of it is kept."""
    jars, _ = fetch()
    with TemporaryDirectory(dir=folder) as place, KafkaBroker(Path(place, "kafka"), jars, jvm=_JVM) as broker:
        asked = admin(broker.client)
        create_topics(asked, partitions=PARTITIONS, replication=1, keep=True)
        count = send(broker.client, messages)
        yield Stage(broker, asked, instruments, count)


def writer(client: Mapping[str, Any]) -> Producer:
    """A producer with ingest's settings; its first write waits for the broker to know it."""
    return Producer({"linger.ms": 5, **producer_settings(client, 300.0)})


def send(
    to: Producer | Mapping[str, Any],
    messages: Iterable[Written],
    topic: str | Mapping[bytes, str] = LOG,
    *,
    header: str = "type",
) -> int:
    """Write ``messages`` as ingest does, perhaps those of some kinds only, each to a topic of its own; how many.

    Parameters:
        to: a `writer`, or a client's settings to make one of.
    """
    producer = to if isinstance(to, Producer) else writer(to)
    count = 0
    for message in messages:
        name = topic if isinstance(topic, str) else topic.get(message.kind)
        if name is not None:
            put(producer, name, message, header)
            count += 1
    producer.flush()
    return count


def put(producer: Producer, topic: str, message: Written, header: str = "type") -> None:
    """Hand one message to ``producer``, waiting where its queue is full."""
    while True:
        try:
            producer.produce(
                topic, message.value, message.key, message.partition,
                timestamp=message.ts_received // MILLISECOND, headers=[(header, message.kind)],
            )  # fmt: skip
            return
        except BufferError:
            producer.poll(0.1)
