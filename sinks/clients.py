"""What every Kafka client of the sinks has in common."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from schemas.secrets import discreet
from sinks.errors import BrokerAwayError, SinkError

__all__ = [
    "LARGEST_MESSAGE",
    "TIMEOUT_S",
    "Output",
    "admin",
    "answering",
    "common",
    "consumer",
    "partition_counts",
    "producer",
    "producer_settings",
    "words",
]

Output = tuple[str, int]
"""Topic and partition."""

_Client = TypeVar("_Client")

TIMEOUT_S: Final = 10.0
"""For an answer of the broker at the start."""

LARGEST_MESSAGE: Final = 4 << 20
"""Bytes: the largest dead letter holds a key and a value of `schemas.deadletters.LARGEST_PART` each in base64."""


def common(client: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of any client. What only consumers know is left out, since librdkafka warns of it each time."""
    known = {key: value for key, value in client.items() if not key.startswith("fetch.")}
    return {"reconnect.backoff.max.ms": 1_000, "logger": logging.getLogger("candlewick.kafka"), **known}


def producer_settings(client: Mapping[str, Any], delivery_timeout_s: float) -> dict[str, Any]:
    """An idempotent producer's: ``client`` may overrule the tuning, but not what the guarantees rest on."""
    tuning = {
        "compression.type": "lz4",
        "message.max.bytes": LARGEST_MESSAGE,
        "queue.buffering.max.kbytes": 32_768,  # of each producer; when it is full, who writes waits
    }
    guarantee = {
        "enable.idempotence": True,
        "acks": "all",
        "delivery.timeout.ms": round(delivery_timeout_s * 1_000),
    }
    return {**tuning, **common(client), **guarantee}


def admin(client: Mapping[str, Any]) -> AdminClient:
    """A client for questions about topics.

    Raises:
        SinkError: a setting that librdkafka refuses.
    """
    return _made(AdminClient, common(client))


def producer(settings: dict[str, Any]) -> Producer:
    """A client that writes; raises as `admin` does."""
    return _made(Producer, settings)


def consumer(settings: dict[str, Any]) -> Consumer:
    """A client that reads; raises as `admin` does."""
    return _made(Consumer, settings)


def partition_counts(asked: AdminClient, topics: Iterable[str]) -> dict[str, int]:
    """How many partitions each of ``topics`` has.

    Raises:
        SinkError: the broker does not answer, or lacks some of them.
    """
    seen, names = existing(asked), list(topics)
    missing = [name for name in names if name not in seen]
    if missing:
        raise SinkError(f"no topic {', '.join(missing)} at the broker; `candlewick topics create` makes them")
    return {name: seen[name] for name in names}


def existing(asked: AdminClient) -> dict[str, int]:
    """How many partitions each topic of the broker has.

    Raises:
        SinkError: the broker does not answer.
    """
    try:
        seen = asked.list_topics(timeout=TIMEOUT_S).topics
    except KafkaException as error:
        raise BrokerAwayError(f"Kafka does not answer: {words(error)}") from error
    return {name: len(topic.partitions) for name, topic in seen.items()}


@contextmanager
def answering(bootstrap: str) -> Iterator[None]:
    """Ask the broker in here.

    Raises:
        BrokerAwayError: it does not answer.
    """
    try:
        yield
    except KafkaException as error:
        raise BrokerAwayError(f"Kafka at {bootstrap} does not answer: {words(error)}") from error


def _made(kind: Callable[[dict[str, Any]], _Client], settings: dict[str, Any]) -> _Client:
    try:
        return kind(settings)
    except KafkaException as error:
        raise SinkError(f"kafka.client: {discreet(words(error), settings)}") from error


def words(error: KafkaException) -> str:
    """librdkafka's reason."""
    reason: KafkaError = error.args[0]
    return reason.str()
