"""The registry's topics on a real broker: making them, and saying what is not as it should be."""

import time
from collections.abc import Iterable
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from schemas.topics import TOPICS, Topic
from sinks.clients import LARGEST_MESSAGE, TIMEOUT_S, existing, words
from sinks.errors import SinkError
from sinks.kafka_admin import ConfigResource, NewTopic, ResourceType

__all__ = ["create_topics", "differences", "retention_ms"]

_FOR_EVER: Final = -1


def create_topics(
    admin: AdminClient,
    *,
    partitions: int,
    replication: int,
    keep: bool = False,
    topics: Iterable[Topic] = TOPICS,
) -> list[str]:
    """Make what is missing of ``topics``; the names of those made.

    Parameters:
        partitions: of every topic that does not have a number of its own.
        keep: keep all messages for ever. Kafka counts retention from a message's time stamp, so it would delete a
            recording that is older than the log's retention within minutes.

    Raises:
        SinkError: the broker does not answer, or refuses.
    """
    wanted = {topic.name: topic for topic in topics}
    missing = [name for name in wanted if name not in existing(admin)]
    if not missing:
        return []
    futures = admin.create_topics(
        [
            NewTopic(
                name, wanted[name].partitions or partitions, replication, config=_settings(wanted[name], keep=keep)
            )
            for name in missing
        ],
        request_timeout=TIMEOUT_S,
    )
    for name, future in futures.items():
        try:
            future.result()
        except KafkaException as error:
            raise SinkError(f"topic {name}: not created: {words(error)}") from error
    _await(admin, missing)
    return missing


def differences(
    admin: AdminClient, *, partitions: int, keep: bool = False, topics: Iterable[Topic] = TOPICS
) -> list[str]:
    """What is missing or otherwise than the registry says, one line each.

    Raises:
        SinkError: the broker does not answer.
    """
    counts = existing(admin)
    lines = []
    for topic in topics:
        if topic.name not in counts:
            lines.append(f"{topic.name}: missing")
            continue
        expected = topic.partitions or partitions
        if counts[topic.name] != expected:
            lines.append(f"{topic.name}: {counts[topic.name]} partitions, expected {expected}")
        found = _described(admin, topic.name)
        lines += [
            f"{topic.name}: {key} is {found.get(key)}, expected {value}"
            for key, value in _settings(topic, keep=keep).items()
            if found.get(key) != value
        ]
    return lines


def retention_ms(admin: AdminClient, topic: str) -> int | None:
    """How long ``topic`` keeps messages, counted from their time stamp; ``None``: for ever, or it cannot be known."""
    try:
        found = _described(admin, topic, timeout_s=1.0).get("retention.ms")
    except SinkError:
        return None  # the embedded broker has no settings to be read
    return None if found is None or int(found) < 0 else int(found)


def _settings(topic: Topic, *, keep: bool) -> dict[str, str]:
    settings = {
        "cleanup.policy": "compact" if topic.compacted else "delete",
        "retention.ms": str(_FOR_EVER if keep else topic.retention_ms),
        "message.timestamp.type": "CreateTime",
    }
    if topic.name == "dead_letters":
        settings["max.message.bytes"] = str(LARGEST_MESSAGE)
    return settings


def _await(admin: AdminClient, names: list[str]) -> None:
    """A broker hears of a new topic a little later than the controller that made it."""
    deadline = time.monotonic() + TIMEOUT_S
    while not existing(admin).keys() >= set(names):
        if time.monotonic() > deadline:
            raise SinkError(f"topics created, but not to be seen after {TIMEOUT_S:.0f} s: {', '.join(names)}")
        time.sleep(0.02)


def _described(admin: AdminClient, topic: str, *, timeout_s: float = TIMEOUT_S) -> dict[str, str | None]:
    resource = ConfigResource(ResourceType.TOPIC, topic)
    try:
        entries = admin.describe_configs([resource], request_timeout=timeout_s)[resource].result()
    except KafkaException as error:
        raise SinkError(f"topic {topic}: its settings cannot be read: {words(error)}") from error
    return {name: entry.value for name, entry in entries.items()}
