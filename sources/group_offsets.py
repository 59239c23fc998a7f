"""How far a consumer group has come, kept by the broker."""

from collections.abc import Callable

from confluent_kafka import Consumer, KafkaException, TopicPartition

from sources.kafka import TIMEOUT_S, LogError, answered, words

__all__ = ["GroupOffsets"]


class GroupOffsets:
    """The offsets of ``group``, which has no members: who uses it says itself which partitions are read.

    Raises:
        LogError: the broker does not answer, or refuses; from any call.
    """

    def __init__(self, consumer: Consumer, group: str) -> None:
        self._consumer, self._group = consumer, group

    def committed(self, places: list[TopicPartition]) -> dict[tuple[str, int], int]:
        """By topic and partition of ``places`` the offset to go on at, where one was committed."""
        known = self._asked(lambda: self._consumer.committed(places, TIMEOUT_S))
        return {(found.topic, found.partition): found.offset for found in known if found.offset >= 0}

    def commit(self, places: list[TopicPartition]) -> None:
        """Go on at ``places`` the next time."""
        self._asked(lambda: self._consumer.commit(offsets=places, asynchronous=False))

    def _asked(self, ask: Callable[[], list[TopicPartition]]) -> list[TopicPartition]:
        try:
            return answered(lambda: _without_error(ask()))
        except KafkaException as error:
            raise LogError(f"offsets of group {self._group}: {words(error)}") from error


def _without_error(places: list[TopicPartition]) -> list[TopicPartition]:
    for place in places:
        if place.error is not None:
            raise KafkaException(place.error)
    return places
