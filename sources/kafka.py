"""What every consumer of ours has in common."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from schemas.errors import AwayError
from schemas.secrets import discreet
from sources.errors import SourceError

__all__ = [
    "AT_END",
    "OFFSET_GONE",
    "TIMEOUT_S",
    "BrokerAwayError",
    "BrokerError",
    "Consumed",
    "LogError",
    "answered",
    "consumer",
    "consumer_settings",
    "offset_range",
    "partition_count",
    "partitions_of",
    "words",
]

Answer = TypeVar("Answer")
TIMEOUT_S: Final = 10.0
"""For an answer of the broker at the start."""

_NAP_S: Final = 0.05
_PASSING: Final = {
    KafkaError._TRANSPORT, KafkaError._DESTROY_BROKER, KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001, the client names its codes so
    KafkaError.LEADER_NOT_AVAILABLE, KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR,
}  # fmt: skip
"""What is said for a moment where a connection broke under the question, or a broker has just started or taken over."""

AT_END: Final = KafkaError._PARTITION_EOF  # noqa: SLF001, the names of what the client tells itself begin like this
"""Code of a message that is an error and says that the partition has no more for now."""
OFFSET_GONE: Final = KafkaError._AUTO_OFFSET_RESET  # noqa: SLF001, the client names its codes so
"""Code of a message that is an error and says that the next one is not there."""


class Consumed(Protocol):
    """A consumed message: of what the client's stubs call optional, only key and value are."""

    def error(self) -> KafkaError | None: ...
    def topic(self) -> str: ...
    def partition(self) -> int: ...
    def offset(self) -> int: ...
    def timestamp(self) -> tuple[int, int]: ...
    def key(self) -> bytes | None: ...
    def value(self) -> bytes | None: ...


class LogError(SourceError):
    """The log cannot be read from where it has to be read on; the text names topic, partition and offset."""


class BrokerError(LogError):
    """The broker did not give what was asked of it; a new start from the last snapshot may go well."""

    exit_status = 1


class BrokerAwayError(LogError, AwayError):
    """The broker does not answer."""


def consumer_settings(client: Mapping[str, Any]) -> dict[str, Any]:
    """librdkafka's settings: ``client`` may overrule the tuning, but not what the guarantees rest on."""
    tuning = {
        "group.id": "candlewick",  # the client insists on one; nothing is committed to it
        "fetch.queue.backoff.ms": 5,  # the default of 1000 costs four fifths of the speed
        "fetch.wait.max.ms": 100,
        "queued.max.messages.kbytes": 16_384,  # a partition
        "logger": logging.getLogger("candlewick.kafka"),
    }
    guarantee = {
        "enable.auto.commit": False,
        "auto.offset.reset": "error",
        "isolation.level": "read_committed",
        "enable.partition.eof": True,  # tells an idle partition from a slow one
    }
    return {**tuning, **client, **guarantee}


def consumer(settings: dict[str, Any]) -> Consumer:
    """A client that reads.

    Raises:
        LogError: a setting that librdkafka refuses.
    """
    try:
        return Consumer(settings)
    except KafkaException as error:
        raise LogError(f"kafka.client: {discreet(words(error), settings)}") from error


def partition_count(settings: dict[str, Any], topic: str) -> int:
    """How many partitions ``topic`` has.

    Raises:
        LogError: the broker does not answer, has no such topic, or a setting is refused.
    """
    broker = settings.get("bootstrap.servers")
    with consumer(settings) as asked:
        found = partitions_of(asked, broker)
    if topic not in found:
        raise LogError(f"topic {topic}: there is none at {broker}; `candlewick topics create` makes it")
    return len(found[topic])


def partitions_of(asked: Consumer, broker: Any) -> dict[str, list[int]]:
    """The partitions of every topic there is.

    Raises:
        BrokerAwayError: no answer.
    """
    try:
        found = answered(lambda: asked.list_topics(timeout=TIMEOUT_S)).topics
    except KafkaException as error:
        raise BrokerAwayError(f"Kafka at {broker} does not answer: {words(error)}") from error
    return {name: sorted(topic.partitions) for name, topic in found.items()}


def offset_range(asked: Consumer, topic: str, partition: int) -> tuple[int, int]:
    """The first offset that a partition holds, and the one behind its last.

    Raises:
        BrokerAwayError: no answer.
    """
    place = TopicPartition(topic, partition)
    try:
        return answered(lambda: asked.get_watermark_offsets(place, TIMEOUT_S))
    except KafkaException as error:
        raise BrokerAwayError(f"{topic}[{partition}]: no answer on its offsets: {words(error)}") from error


def answered(ask: Callable[[], Answer]) -> Answer:
    """What ``ask`` brings, asked again for `TIMEOUT_S` while the broker's trouble is one that passes.

    Raises:
        KafkaException: another trouble, or one that has not passed.
    """
    deadline = time.monotonic() + TIMEOUT_S
    while True:
        try:
            return ask()
        except KafkaException as error:
            if error.args[0].code() not in _PASSING or time.monotonic() > deadline:
                raise
            time.sleep(_NAP_S)


def words(error: KafkaException) -> str:
    """librdkafka's reason."""
    reason: KafkaError = error.args[0]
    return reason.str()
