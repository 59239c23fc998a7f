"""Notices that a topic gets more partitions while it is read: its keys move then, and no order of theirs is left."""

import threading
from contextlib import suppress
from typing import Any, Final

from confluent_kafka import KafkaException

from sources.kafka import TIMEOUT_S, LogError, consumer

__all__ = ["PartitionWatch"]

_EVERY_S: Final = 2.0


class PartitionWatch:
    """Asks the broker from a thread of its own, so that a slow one holds nobody up, for as long as somebody reads.

    Parameters:
        settings: a consumer's.
        partitions: how many there are to be.
    """

    def __init__(self, settings: dict[str, Any], topic: str, partitions: int) -> None:
        self._settings, self._topic, self._partitions = settings, topic, partitions
        self._found = partitions
        self._readers = 0
        self._stop = threading.Event()

    def enter(self) -> None:
        """Somebody begins to read."""
        self._readers += 1
        if self._readers == 1:
            self._stop = threading.Event()
            threading.Thread(target=self._watch, args=[self._stop], name="partitions", daemon=True).start()

    def leave(self) -> None:
        """Somebody has ended."""
        self._readers -= 1
        if not self._readers:
            self._stop.set()

    def check(self) -> None:
        """Raises LogError if there are others by now."""
        if self._found != self._partitions:
            raise LogError(
                f"topic {self._topic} has {self._found} partitions now and had {self._partitions}: instruments move, "
                "and no order of theirs is left; ingest into a new topic"
            )

    def _watch(self, stop: threading.Event) -> None:
        with consumer(self._settings) as asked:
            while not stop.wait(_EVERY_S):
                with suppress(KafkaException):  # the broker is away; who reads notices by itself
                    topics = asked.list_topics(self._topic, TIMEOUT_S).topics
                    self._found = len(topics[self._topic].partitions) or self._partitions
