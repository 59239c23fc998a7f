"""How far a consumer group has come, kept by the broker."""

import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from sources.kafka import TIMEOUT_S, LogError, words

__all__ = ["GroupOffsets"]

_PASSING: Final = {
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE, KafkaError.NOT_COORDINATOR,
}  # fmt: skip
"""What a broker says for a moment after it has started, or while the group moves to another one."""
_NAP_S: Final = 0.05


class GroupOffsets:
    """The offsets of ``group``, which has no members: who uses it says itself which partitions are read.

    Raises:
        LogError: the broker does not answer, or refuses; from any call.
    """

    def __init__(self, consumer: Consumer, group: str) -> None:
        self._consumer, self._group = consumer, group

    def committed(self, places: list[TopicPartition]) -> dict[tuple[str, int], int]:
        """By topic and partition of ``places`` the offset to go on at, where one was committed."""
        known = self._patiently(lambda: self._consumer.committed(places, TIMEOUT_S))
        return {(found.topic, found.partition): found.offset for found in known if found.offset >= 0}

    def commit(self, places: list[TopicPartition]) -> None:
        """Go on at ``places`` the next time."""
        self._patiently(lambda: self._consumer.commit(offsets=places, asynchronous=False))

    def _patiently(self, ask: Callable[[], list[TopicPartition]]) -> list[TopicPartition]:
        deadline = time.monotonic() + TIMEOUT_S
        while True:
            try:
                answer = ask()
                for found in answer:
                    if found.error is not None:
                        raise KafkaException(found.error)
            except KafkaException as error:
                if error.args[0].code() not in _PASSING or time.monotonic() > deadline:
                    raise LogError(f"offsets of group {self._group}: {words(error)}") from error
                time.sleep(_NAP_S)
            else:
                return answer
