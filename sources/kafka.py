"""What every consumer of ours has in common."""

import logging
from collections.abc import Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaError, KafkaException

from schemas.errors import AwayError
from schemas.secrets import discreet
from sources.errors import SourceError

__all__ = [
    "TIMEOUT_S",
    "BrokerAwayError",
    "BrokerError",
    "LogError",
    "consumer",
    "consumer_settings",
    "partition_count",
    "words",
]

TIMEOUT_S: Final = 10.0
"""For an answer of the broker at the start."""


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
        try:
            topics = asked.list_topics(timeout=TIMEOUT_S).topics
        except KafkaException as error:
            raise BrokerAwayError(f"Kafka at {broker} does not answer: {words(error)}") from error
    if topic not in topics:
        raise LogError(f"topic {topic}: there is none at {broker}; `candlewick topics create` makes it")
    return len(topics[topic].partitions)


def words(error: KafkaException) -> str:
    """librdkafka's reason."""
    reason: KafkaError = error.args[0]
    return reason.str()
