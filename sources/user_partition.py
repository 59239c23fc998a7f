"""One partition of a user's own topics."""

from collections import deque

from confluent_kafka import TopicPartition

from schemas.codec import DecodeError
from schemas.errors import gone
from schemas.time import MILLISECOND
from sources.kafka import Consumed, LogError
from sources.malformed import Malformed
from sources.merge import Item, advance
from sources.user_messages import MessageReader

__all__ = ["UserPartition"]


class UserPartition:
    """A partition, and what of it was read and not yet handed out."""

    __slots__ = (
        "at_end", "committed", "done", "end", "kind", "next", "now", "partition", "paused", "reader", "start", "topic",
        "waiting",
    )  # fmt: skip

    def __init__(self, kind: str, asked: TopicPartition, start: int, end: int | None) -> None:
        self.kind, self.topic, self.partition = kind, asked.topic, asked.partition
        self.reader = MessageReader(kind)
        self.start = self.next = self.done = self.committed = start
        self.end = end
        self.at_end = self.paused = False
        self.now = 0
        self.waiting: deque[tuple[int, int, Item]] = deque()

    @property
    def lacking(self) -> bool:
        """Whether nothing is there, and something may be on its way."""
        if self.waiting:
            return False
        return not self.at_end if self.end is None else self.next < self.end

    @property
    def busy(self) -> bool:
        """Whether something is there, or on its way."""
        return bool(self.waiting) or self.lacking

    def has(self, count: int) -> bool:
        """Whether ``count`` messages wait, or nothing more is to be read."""
        return len(self.waiting) >= count or (self.end is not None and self.next >= self.end)

    def at(self, offset: int = -1001) -> TopicPartition:
        """Its place, as the client wants it."""
        return TopicPartition(self.topic, self.partition, offset)

    def take(self, message: Consumed, now: int) -> None:
        """Read a message, unless it came after the end."""
        offset = message.offset()
        if self.end is not None and offset >= self.end:
            self.next = self.end
            return
        self.next, self.at_end = offset + 1, False
        ts_message = message.timestamp()[1] * MILLISECOND
        item: Item
        try:
            item = self.reader.read(message.value(), ts_message, now)
            self.now = advance(self.now, item.ts_received)
        except DecodeError as error:
            received = ts_message if 0 < ts_message <= now else self.now
            item = Malformed(
                feed=self.topic, partition=self.partition, offset=offset,
                raw=message.value() or b"", reason=str(error), ts_received=received,
            )  # fmt: skip
        self.waiting.append((self.now, offset, item))

    def gone(self, low: int, high: int) -> LogError:
        """What to say where the next message is not there any more."""
        return LogError(
            f"{gone(self.topic, self.partition, self.next, low, high)}; start under another source name to begin with "
            "what is left"
        )
