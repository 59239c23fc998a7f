"""A user's own Kafka topics as one feed, in the order in which their messages were received."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from heapq import heapify, heappop, heapreplace
from typing import Any, Final, cast

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition

from schemas.errors import place
from schemas.market import InstrumentDefinition
from schemas.time import MILLISECOND, SECOND
from schemas.topics import BY_NAME
from sources.errors import SourceError
from sources.group_offsets import GroupOffsets
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
from sources.malformed import Malformed
from sources.merge import Heard, Item
from sources.user_messages import KINDS
from sources.user_partition import UserPartition

__all__ = ["UserTopics"]

_BATCH: Final = 2_000
_NAP_S: Final = 0.01
_PULSE: Final = 100 * MILLISECOND
"""Between two items that say no more than that all topics are at their ends."""
_PROBE: Final = SECOND
"""Without a word from the broker for longer, it is asked for one."""
_PROBE_S: Final = 1.0
_ALWAYS_WHOLE: Final = "instruments"


class UserTopics:
    """Iterates over the records of ``topics`` by ``ts_received``, over what is `Malformed`, and over `Heard`. One pass.

    All partitions are merged: one that is at its end holds nobody up, of every other one a message has to be there
    before the earliest of all is handed out. So a backlog of hours comes in its order, however it is fetched, and a
    partition's own order stays. While all are at their ends and the broker answers, `Heard` says so.

    Definitions are read from the beginning at every start, and one is handed out right before the first record of its
    instrument, with that record's ``ts_received``: it holds from there on, however long ago it was written.

    Guarantee: every message that was not handed out before the last `commit` of ``group``, or a `LogError`: none is
    passed over in silence. A message may come again after a crash.

    Parameters:
        client: librdkafka's settings, ``bootstrap.servers`` among them.
        topics: by kind, see `user_messages.KINDS`; each kind has a topic of its own.
        group: whose committed offsets to go on at, else at the earliest; ``None``: earliest, and nothing is committed.
        stop: asked between items; once it says true the iteration ends.
        until_end: end where the topics ended at the start; then no `Heard`, and all is a function of the messages.
        waiting: messages of a partition that may wait for those of others.
        clock: the present in ns.

    Raises:
        SourceError: a kind that is not known, or a topic that cannot be read as one.
        LogError: the broker does not answer, lacks a topic, or messages are gone that were not read.
    """

    def __init__(
        self,
        client: Mapping[str, Any],
        topics: Mapping[str, str],
        group: str | None,
        stop: Callable[[], bool],
        *,
        until_end: bool = False,
        waiting: int = 20_000,
        clock: Callable[[], int] = time.time_ns,
        connect: Callable[[dict[str, Any]], Consumer] = consumer,
    ) -> None:
        _check(topics)
        settings = consumer_settings({"fetch.wait.max.ms": 20, "queued.min.messages": waiting, **client})
        self._stop, self._until_end, self._waiting, self._clock = stop, until_end, waiting, clock
        self._consumer = connect({**settings, **({"group.id": group} if group else {})})
        self._group = GroupOffsets(self._consumer, group) if group else None
        try:
            self._parts = self._opened(topics, str(settings["bootstrap.servers"]))
        except SourceError:
            self.close()
            raise
        self._by_place = {(part.topic, part.partition): part for part in self._parts}
        self._told = self._contact = 0
        self._asked = 0
        self._consumer.assign([part.at(part.next) for part in self._parts])

    @property
    def size(self) -> int:
        """Messages to read; 0 for a feed without end."""
        return sum(part.end - part.start for part in self._parts if part.end is not None)

    @property
    def read(self) -> int:
        """Messages read and handed out."""
        return sum(part.done - part.start for part in self._parts)

    def __iter__(self) -> Iterator[Item]:
        """The items; one counts as done with when the next one is asked for."""
        return _introduced(self._merged())

    def commit(self) -> None:
        """Remember what is done with; to be called when that has arrived where it went.

        Raises:
            LogError: the broker does not take it.
        """
        due = [part for part in self._parts if part.kind != _ALWAYS_WHOLE and part.done > part.committed]
        if self._group is None or not due:
            return
        self._group.commit([part.at(part.done) for part in due])
        for part in due:
            part.committed = part.done

    def close(self) -> None:
        """End the connection; nothing can be read or committed any more."""
        self._consumer.close()

    def _merged(self) -> Iterator[Item]:
        while not self._stop():
            yield from self._released()
            if self._until_end and not any(part.busy for part in self._parts):
                return
            self._balance()
            self._read()
            if self._idle():
                yield Heard(ts_received=self._told)

    def _released(self) -> Iterator[Item]:
        """What nothing earlier can come before any more."""
        if any(part.lacking for part in self._parts):
            return
        heads = [(part.waiting[0][0], index) for index, part in enumerate(self._parts) if part.waiting]
        heapify(heads)
        while heads and not self._stop():
            index = heads[0][1]
            part = self._parts[index]
            _, offset, item = part.waiting.popleft()
            yield item
            part.done = offset + 1
            if part.waiting:
                heapreplace(heads, (part.waiting[0][0], index))
            elif part.lacking:
                return
            else:
                heappop(heads)

    def _balance(self) -> None:
        """Fetch no more of what has enough waiting, and again what has not."""
        full = [part for part in self._parts if not part.paused and part.has(self._waiting)]
        slack = [part for part in self._parts if part.paused and not part.has(self._waiting // 2 + 1)]
        if full:
            self._consumer.pause([part.at() for part in full])
        if slack:
            self._consumer.resume([part.at() for part in slack])
        for part in (*full, *slack):
            part.paused = not part.paused

    def _read(self) -> None:
        messages = cast("list[Consumed]", self._consumer.consume(_BATCH, _NAP_S))
        if not messages:
            return
        self._contact = now = self._clock()
        for message in messages:
            error, part = message.error(), self._by_place.get((message.topic(), message.partition()))
            if part is None:
                raise LogError(f"the consumer of {', '.join(p.topic for p in self._parts)}: {error}")
            if error is None:
                part.take(message, now)
            elif error.code() == AT_END:
                part.at_end = True
                part.next = max(part.next, message.offset())  # transactions' markers have offsets too
            elif error.code() == OFFSET_GONE:
                raise part.gone(*offset_range(self._consumer, part.topic, part.partition))
            else:
                raise BrokerError(f"{place(part.topic, part.partition, part.next)}: {error.str()}")

    def _idle(self) -> bool:
        """Whether there is nothing to read and the broker is there to say so, and this was not told just now."""
        now = self._clock()
        if self._until_end or abs(now - self._told) < _PULSE or any(part.busy for part in self._parts):
            return False
        if abs(now - self._contact) > _PROBE and not self._answers():
            return False
        self._told = now
        return True

    def _answers(self) -> bool:
        """Whether the broker of a partition does; of another one each time."""
        try:
            self._consumer.get_watermark_offsets(self._parts[self._asked % len(self._parts)].at(), _PROBE_S)
        except KafkaException:
            return False
        self._asked += 1
        self._contact = self._clock()
        return True

    def _opened(self, topics: Mapping[str, str], broker: str) -> list[UserPartition]:
        listed = partitions_of(self._consumer, broker)
        missing = [f"{topic} ({kind})" for kind, topic in topics.items() if topic not in listed]
        if missing:
            raise LogError(f"no topic {', '.join(missing)} at {broker}; name topics that are there")
        places = [(kind, TopicPartition(topic, n)) for kind, topic in topics.items() for n in listed[topic]]
        committed = self._group.committed([asked for _, asked in places]) if self._group else {}
        parts = []
        for kind, asked in places:
            low, high = offset_range(self._consumer, asked.topic, asked.partition)
            start = low if kind == _ALWAYS_WHOLE else committed.get((asked.topic, asked.partition), low)
            part = UserPartition(kind, asked, start, high if self._until_end else None)
            if not low <= start <= high:
                raise part.gone(low, high)
            parts.append(part)
        return parts


def _check(topics: Mapping[str, str]) -> None:
    for kind, topic in topics.items():
        if kind not in KINDS:
            raise SourceError(f"topics of {kind!r} are not known, only of {', '.join(KINDS)}")
        if topic in BY_NAME:
            raise SourceError(f"{kind}={topic}: that is a topic of Candlewick's own; name one of yours")
        if list(topics.values()).count(topic) > 1:
            raise SourceError(f"{kind}={topic}: that topic is named twice; each kind has one of its own")
    if not topics:
        raise SourceError(f"no topic: name at least one, by what it holds: {', '.join(KINDS)}")


def _introduced(items: Iterable[Item]) -> Iterator[Item]:
    """``items`` with each definition moved to right before the first record of its instrument."""
    held: dict[str, InstrumentDefinition] = {}
    seen: set[str] = set()
    for item in items:
        if isinstance(item, (Malformed, Heard)) or item.instrument_id in seen:
            yield item
        elif isinstance(item, InstrumentDefinition):
            held[item.instrument_id] = item
        else:
            seen.add(item.instrument_id)
            if item.instrument_id in held:
                yield msgspec.structs.replace(held.pop(item.instrument_id), ts_received=item.ts_received)
            yield item
