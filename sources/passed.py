"""How far a log has come already: history can only be written where no record of its instrument is later."""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.codec import UNREADABLE, parse_event
from schemas.errors import place
from schemas.partitioner import partition_for
from schemas.time import MILLISECOND
from sources.kafka import AT_END, TIMEOUT_S, LogError, answered, consumer, consumer_settings, partition_count, words

__all__ = ["Later", "later"]

_BATCH: Final = 5_000
_WAIT_S: Final = 0.05  # consume() waits for a whole batch, or as long as this, at the end too
_QUIET: Final = frozenset({"instrument", "tape_end"})
"""Types of records that tell nothing of the market's time."""


class Later(NamedTuple):
    """A record that stands in the log and is not earlier than what is to be written."""

    place: str
    """Topic, partition and offset."""
    kind: str
    ts_event: int
    """ns."""


def later(client: Mapping[str, Any], topic: str, begins: Mapping[str, int]) -> dict[str, Later]:
    """By instrument, the first record in ``topic`` that is as late as what ``begins`` (ns) there, if there is one.

    Only messages as late as that are read, up to the log's present end.

    Raises:
        LogError: the broker does not answer, or lacks the topic.
    """
    settings = consumer_settings(client)
    count = partition_count(settings, topic)
    places: dict[int, dict[bytes, int]] = {}
    for name, begin in begins.items():
        places.setdefault(partition_for(name, count), {})[name.encode()] = begin
    found: dict[str, Later] = {}
    with consumer(settings) as asked:
        for partition, keys in places.items():
            try:
                _look(asked, topic, partition, keys, found)
            except KafkaException as error:
                raise LogError(f"{topic}[{partition}]: its end is not told: {words(error)}") from error
    return found


def _look(asked: Consumer, topic: str, partition: int, keys: dict[bytes, int], found: dict[str, Later]) -> None:
    begin = TopicPartition(topic, partition, min(keys.values()) // MILLISECOND)
    (start,) = answered(lambda: asked.offsets_for_times([begin], TIMEOUT_S))
    if start.error is not None:
        raise KafkaException(start.error)
    if start.offset < 0:
        return  # nothing is that late
    asked.assign([start])
    wanted = dict(keys)
    while wanted:
        for message in asked.consume(_BATCH, _WAIT_S):
            error = message.error()
            if error is not None:
                if error.code() == AT_END:
                    return
                raise KafkaException(error)
            key = message.key()
            if key not in wanted:
                continue
            try:
                event = parse_event(message.value() or b"")
            except UNREADABLE:
                continue  # the engine makes a dead letter of it
            kind = str(event.__struct_config__.tag)
            if event.ts_event >= wanted[key] and kind not in _QUIET:
                where = place(topic, partition, message.offset() or 0)
                found[key.decode()] = Later(where, kind, event.ts_event)
                del wanted[key]
