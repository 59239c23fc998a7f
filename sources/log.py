"""The log ``market.events`` as a source of the dataflow."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final, TypedDict, cast

from bytewax.inputs import FixedPartitionedSource, StatefulSourcePartition
from confluent_kafka import Consumer, KafkaError, TopicPartition

from schemas.batches import Batch, Rejected, RejectedMessage
from schemas.deadletters import plausible_ms
from schemas.errors import gone, place
from schemas.failpoints import reach
from schemas.layouts import REBUILD, Layout, unversioned
from schemas.partitioner import partition_for
from schemas.topics import LOG
from sources.kafka import (
    AT_END,
    OFFSET_GONE,
    BrokerError,
    Consumed,
    LogError,
    consumer,
    consumer_settings,
    offset_range,
    partition_count,
)  # fmt: skip
from sources.pace import Pace
from sources.partitions import PartitionWatch

__all__ = ["LAYOUT", "KafkaLog", "LogError", "LogState"]

Item = tuple[str, Batch | Rejected]

LAYOUT: Final = Layout("log", 3, {1: unversioned, 2: lambda state: {**state, "stamp_ms": 0}})
"""Of a `LogState`."""
_NAP: Final = timedelta(milliseconds=4)
"""Between two questions to a partition that had nothing to give."""
_QUEUED_KB: Final = 196_608
"""Fetched ahead of all partitions together, while those who work on it, or write its results, are slower."""
_LONGEST_KEY: Final = 512  # bytes; an instrument has at most 128 characters
_NO_KEY: Final = ("", f"the key is missing, or longer than {_LONGEST_KEY} bytes")


class LogState(TypedDict):
    """Where a part goes on."""

    partitions: int
    """Of the topic: with another number, instruments would be elsewhere."""
    offset: int
    """Of the next message."""
    stamp_ms: int
    """The last plausible time stamp before it; 0: none."""


class KafkaLog(FixedPartitionedSource[Item, bytes]):
    """A Kafka topic in offset order: per key and read one `Batch`, and one `Rejected` of what has no place in it.

    Unit of parallelism: the partition, one part and one consumer each, with explicit offsets and no consumer group.
    Guarantee: every committed message exactly once from the resume state on, or a `LogError`: messages that retention
    took away are never passed over in silence, and a topic that gets more partitions is read no further.

    Parameters:
        client: librdkafka's settings, ``bootstrap.servers`` among them.
        batch_size: messages a read.
        max_ahead_s: how far a partition may run ahead of the slowest other one read by this process, in seconds of
            the messages' time stamps.
        stop: asked before every read; once it says true the parts end, cleanly and resumable.
        until_end: end each part at the end that its partition had when it was opened.
        start: first offset a partition where there is no resume state; the earliest where it says nothing.

    Raises:
        LogError: the broker does not answer, or has no such topic.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        *,
        topic: str = LOG,
        batch_size: int = 5_000,
        max_ahead_s: float = 600.0,
        stop: Callable[[], bool] = lambda: False,
        until_end: bool = False,
        start: Mapping[int, int] | None = None,
    ) -> None:
        self._settings = consumer_settings(client)
        self._topic = topic
        self._partitions = partition_count(self._settings, topic)
        queued = min(self._settings["queued.max.messages.kbytes"], max(_QUEUED_KB // self._partitions, 1_024))
        self._settings = consumer_settings({"queued.max.messages.kbytes": queued, **client})
        self._batch_size = batch_size
        self._pace = Pace(max_ahead_s * 1_000)
        self._watch = PartitionWatch(self._settings, topic, self._partitions)
        self._stop = stop
        self._until_end = until_end
        self._start = start or {}

    def list_parts(self) -> list[str]:
        """The partitions' numbers, padded because Bytewax sorts names as text."""
        return [f"{partition:05d}" for partition in range(self._partitions)]

    def build_part(self, step_id: str, for_part: str, resume_state: bytes | None) -> "_Part":  # noqa: ARG002, the signature is Bytewax's
        """The partition from where ``resume_state`` left it.

        Raises:
            LogError: the state is of another topic layout, or the messages that come next are gone.
            LayoutError: the state is of another version, or damaged.
        """
        partition = int(for_part)
        if resume_state is None:
            offset, stamp_ms = self._start.get(partition), 0
        else:
            state: LogState = LAYOUT.unseal(resume_state)
            self._check(partition, state)
            offset, stamp_ms = state["offset"], state["stamp_ms"]
        return _Part(
            consumer(self._settings), self._topic, partition, self._partitions, offset, stamp_ms,
            batch_size=self._batch_size, pace=self._pace, watch=self._watch, stop=self._stop, until_end=self._until_end,
        )  # fmt: skip

    def _check(self, partition: int, state: LogState) -> None:
        where = f"{self._topic}[{partition}]"
        if state["partitions"] != self._partitions:
            raise LogError(
                f"{where}: the topic has {self._partitions} partitions, recovery state is of {state['partitions']}: "
                "instruments have moved, and no order of theirs is left; ingest into a new topic"
            )


class _Part(StatefulSourcePartition[Item, bytes]):
    def __init__(
        self,
        consumer: Consumer,
        topic: str,
        partition: int,
        partitions: int,
        offset: int | None,
        stamp_ms: int,
        *,
        batch_size: int,
        pace: Pace,
        watch: PartitionWatch,
        stop: Callable[[], bool],
        until_end: bool,
    ) -> None:
        self._consumer, self._topic, self._partition, self._partitions = consumer, topic, partition, partitions
        self._batch_size, self._pace, self._watch, self._stop = batch_size, pace, watch, stop
        self._name, self._stamp_ms = f"{partition:05d}", stamp_ms
        low, high = self._range()
        self._next = low if offset is None else offset
        if not low <= self._next <= high:
            raise self._gone(low, high)
        self._end, self._known_end = high if until_end else None, high
        self._here = TopicPartition(topic, partition)
        self._idle = False
        self._judge = lru_cache(maxsize=4_096)(self._read_key)
        consumer.assign([TopicPartition(topic, partition, self._next)])
        pace.enter(self._name)
        watch.enter()

    def next_batch(self) -> list[Item]:
        if self._stop() or (self._end is not None and self._next >= self._end):
            self._pace.leave(self._name)
            raise StopIteration
        self._watch.check()
        self._idle = self._pace.must_wait(self._name)
        if self._idle:
            return []
        reach("log.read.before")
        messages = cast("list[Consumed]", self._consumer.consume(self._batch_size, 0))
        self._idle = not messages
        if not messages:
            return []
        reach("log.read.after")
        return self._items(messages)

    def next_awake(self) -> datetime | None:
        return datetime.now(UTC) + _NAP if self._idle else None  # Bytewax would ask a thousand times a second

    def snapshot(self) -> bytes:
        reach("log.snapshot")
        return LAYOUT.seal(LogState(partitions=self._partitions, offset=self._next, stamp_ms=self._stamp_ms))

    def close(self) -> None:
        self._watch.leave()
        self._consumer.close()

    def position(self) -> tuple[int, int]:
        """Offset of the next message, and the one behind the last as the broker last told; nobody is asked."""
        _, end = self._consumer.get_watermark_offsets(self._here, cached=True)
        self._known_end = max(self._known_end, end, self._next)  # until the first answer, `end` is negative
        return self._next, self._known_end

    def _items(self, messages: list[Consumed]) -> list[Item]:
        end = self._end
        if end is not None and messages[-1].offset() >= end:
            messages = [message for message in messages if message.offset() < end]
            self._next = end
        groups: dict[bytes | None, list[tuple[int, int, bytes]]] = {}
        for message in messages:
            key = message.key()
            if key is None and message.error() is not None:  # what the client says itself has no key
                self._at_end(message)
                continue
            group = groups.get(key)
            if group is None:
                groups[key] = group = []
            group.append((message.offset(), message.timestamp()[1], message.value() or b""))
        if messages and messages[-1].error() is None:
            self._next = max(self._next, messages[-1].offset() + 1)
            self._pace.moved(self._name, messages[-1].timestamp()[1])
        items, rejected = self._routed(groups)
        if rejected:
            dead = f"dead:{self._topic}:{self._name}"
            items.append((dead, Rejected(dead, self._topic, self._partition, self._stamped(rejected, messages))))
        stamps = (plausible_ms(message.timestamp()[1]) for message in reversed(messages))
        self._stamp_ms = next(filter(None, stamps), self._stamp_ms)
        return items

    def _stamped(self, rejected: list[RejectedMessage], messages: list[Consumed]) -> list[RejectedMessage]:
        """In order; one without a plausible time stamp has that of the last message before it that has one.

        Retention goes by it: as of 1970, a dead letter would be gone at once.
        """
        stamp_ms, stamps = self._stamp_ms, dict[int, int]()
        for message in messages:
            stamp_ms = plausible_ms(message.timestamp()[1]) or stamp_ms
            stamps[message.offset()] = stamp_ms
        found = [(offset, stamps[offset], key, value, reason) for offset, _, key, value, reason in rejected]
        return sorted(found, key=lambda message: message[0])

    def _routed(
        self, groups: dict[bytes | None, list[tuple[int, int, bytes]]]
    ) -> tuple[list[Item], list[RejectedMessage]]:
        items: list[Item] = []
        rejected: list[RejectedMessage] = []
        for key, messages in groups.items():
            name, reason = self._judge(key) if key and len(key) <= _LONGEST_KEY else _NO_KEY
            if reason:
                rejected += [(offset, ts_ms, key, value, reason) for offset, ts_ms, value in messages]
            else:
                items.append((name, Batch(name, self._partition, messages)))
        return items, rejected

    def _read_key(self, key: bytes) -> tuple[str, str]:
        try:
            name = key.decode()
        except UnicodeDecodeError as error:
            return "", f"the key is not UTF-8: {error.reason} at byte {error.start}"
        right = partition_for(name, self._partitions)
        if right != self._partition:
            return "", f"key {name!r} belongs to partition {right} of {self._partitions}"
        return name, ""

    def _at_end(self, message: Consumed) -> None:
        """The client says once, by a message that is an error, that this is the end for now."""
        error = cast("KafkaError", message.error())
        if error.code() == OFFSET_GONE:
            raise self._gone(*self._range())
        if error.code() != AT_END:
            raise BrokerError(f"{place(self._topic, self._partition, self._next)}: {error.str()}")
        self._next = max(self._next, message.offset())  # transactions' markers have offsets too
        self._pace.at_end(self._name)

    def _range(self) -> tuple[int, int]:
        return offset_range(self._consumer, self._topic, self._partition)

    def _gone(self, low: int, high: int) -> LogError:
        return LogError(f"{gone(self._topic, self._partition, self._next, low, high)}: restore the topic, or {REBUILD}")
