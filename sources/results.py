"""The result topics as one source, for whoever copies them to somewhere else."""

import logging
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, cast

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from confluent_kafka import Consumer, KafkaError, TopicPartition

from schemas.errors import gone
from schemas.message import Message
from sources.kafka import (
    AT_END,
    OFFSET_GONE,
    BrokerError,
    Consumed,
    LogError,
    consumer,
    consumer_settings,
    offset_range,
    partitions_of,
)

__all__ = ["Offsets", "Position", "ResultTopics"]

Offsets = Mapping[tuple[str, int], int]
"""By topic and partition the offset to go on at."""

Position = Callable[[tuple[str, int], int, int], None]
"""Told of each topic and partition, once a second: the offset that comes next, and its end."""

_log: Final = logging.getLogger(__name__)
_POLL_S: Final = 0.05
_TELL_S: Final = 1.0


class ResultTopics(FixedPartitionedSource[list[Message], None]):
    """All partitions of ``topics``, read committed, an item a read: its messages, in offset order a partition.

    Unit of parallelism: none, one part with one consumer without a group reads all, as the results are few beside the
    log. Guarantee: every committed message from ``offsets`` on. It keeps no recovery state: who stores the messages
    stores the offsets with them. Once made it does not raise, for Bytewax would panic: it ends, and says why by
    ``failed``.

    Parameters:
        client: librdkafka's settings, ``bootstrap.servers`` among them.
        offsets: where to go on; a partition that is not among them begins at its earliest message.
        stop: asked before every read; once it says true the source ends.
        until_end: end once every partition has been read up to the end that it had at the start, or further.
        failed: called with the `LogError` that ended the source: no broker, no such topic, messages gone.
        batch_size: messages a read.
        at: told how far each partition is read, as far as that is known without asking the broker.
        transactional: those of ``topics`` that are written in transactions only.

    Raises:
        LogError: a setting that librdkafka refuses.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        topics: Iterable[str],
        offsets: Offsets,
        *,
        stop: Callable[[], bool],
        failed: Callable[[LogError], None],
        until_end: bool = False,
        batch_size: int = 5_000,
        at: Position = lambda _place, _following, _end: None,
        transactional: Collection[str] = (),
    ) -> None:
        self._settings = consumer_settings(client)
        consumer(self._settings).close()
        self._topics, self._offsets = tuple(topics), offsets
        self._stop, self._failed, self._until_end, self._batch_size = stop, failed, until_end, batch_size
        self._at, self._transactional = at, transactional

    def list_parts(self) -> list[str]:
        """The only one."""
        return ["results"]

    def build_part(self, step_id: str, for_part: str, resume_state: None) -> "_Part":  # noqa: ARG002, the signature is Bytewax's
        """The part; the broker is asked at its first read."""
        return _Part(
            consumer(self._settings), self._topics, self._offsets, self._settings["bootstrap.servers"],
            stop=self._stop, failed=self._failed, until_end=self._until_end, batch_size=self._batch_size, at=self._at,
            transactional=self._transactional,
        )  # fmt: skip


class _Part(StatefulSourcePartition[list[Message], None]):
    def __init__(
        self,
        consumer: Consumer,
        topics: tuple[str, ...],
        offsets: Offsets,
        broker: str,
        *,
        stop: Callable[[], bool],
        failed: Callable[[LogError], None],
        until_end: bool,
        batch_size: int,
        at: Position,
        transactional: Collection[str],
    ) -> None:
        self._consumer, self._topics, self._offsets, self._broker = consumer, topics, offsets, broker
        self._stop, self._failed, self._until_end, self._batch_size = stop, failed, until_end, batch_size
        self._at, self._told = at, float("-inf")
        self._transactional = transactional
        self._ends: dict[tuple[str, int], int] | None = None  # what is still to be read, once assigned
        self._starts: dict[tuple[str, int], int] = {}

    def next_batch(self) -> list[list[Message]]:
        if self._stop():
            raise StopIteration
        try:
            if self._ends is None:
                self._ends = self._assign()
            if self._until_end and not self._ends:
                raise StopIteration
            batch = self._read(self._ends)
        except LogError as error:
            self._failed(error)
            raise StopIteration from None
        self._tell()
        return [batch] if batch else []

    def snapshot(self) -> None:
        return None

    def close(self) -> None:
        self._consumer.close()

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told < _TELL_S:
            return
        self._told = now
        for at in self._consumer.position(self._consumer.assignment()):
            _, end = self._consumer.get_watermark_offsets(at, cached=True)
            if end >= 0:  # known from the first answer on; the position only from the first message on
                following = max(at.offset, self._starts[at.topic, at.partition])
                self._at((at.topic, at.partition), following, max(following, end))

    def _read(self, ends: dict[tuple[str, int], int]) -> list[Message]:
        batch = []
        for consumed in cast("list[Consumed]", self._consumer.consume(self._batch_size, _POLL_S)):
            error = consumed.error()
            if error is not None:
                self._judge(consumed, error, ends)
                continue
            topic, partition, offset = consumed.topic(), consumed.partition(), consumed.offset()
            batch.append(Message(topic, partition, offset, consumed.timestamp()[1], consumed.key(), consumed.value()))
            if offset + 1 >= ends.get((topic, partition), offset + 2):
                del ends[topic, partition]
        return batch

    def _judge(self, consumed: Consumed, error: KafkaError, ends: dict[tuple[str, int], int]) -> None:
        code = error.code()
        if code == AT_END:
            ends.pop((consumed.topic(), consumed.partition()), None)  # what is left are transactions' markers
        elif code == OFFSET_GONE:
            low, high = offset_range(self._consumer, consumed.topic(), consumed.partition())
            raise _lost(consumed.topic(), consumed.partition(), consumed.offset(), low, high)
        elif error.fatal():
            raise BrokerError(f"Kafka at {self._broker}: {error.str()}")
        else:
            _log.warning("Kafka at %s: %s; the client tries again", self._broker, error.str())

    def _assign(self) -> dict[tuple[str, int], int]:
        """Starts to read, and returns the end of each partition that has something to read."""
        starts, ends = [], {}
        for topic, partition in self._partitions():
            low, high = offset_range(self._consumer, topic, partition)
            start = self._offsets.get((topic, partition), low)
            if start == low - 1 and low == high and topic in self._transactional:
                start = low  # the last offset that such a topic has used is a transaction's marker
            if not low <= start <= high:
                raise _lost(topic, partition, start, low, high)
            starts.append(TopicPartition(topic, partition, start))
            if start < high:
                ends[topic, partition] = high
        self._consumer.assign(starts)
        self._starts = {(at.topic, at.partition): at.offset for at in starts}
        return ends

    def _partitions(self) -> list[tuple[str, int]]:
        found = partitions_of(self._consumer, self._broker)
        if missing := [topic for topic in self._topics if topic not in found]:
            raise LogError(f"topic {missing[0]}: there is none at {self._broker}; `candlewick topics create` makes it")
        return [(topic, partition) for topic in self._topics for partition in found[topic]]


def _lost(topic: str, partition: int, offset: int, low: int, high: int) -> LogError:
    return LogError(
        f"{gone(topic, partition, offset, low, high)}: restore the topic,"
        f" or go on without what is lost by deleting the row of {topic}, {partition} from stream_offsets"
    )
