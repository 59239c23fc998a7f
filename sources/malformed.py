"""What a source could not read: it travels with the records, so that nothing vanishes between a feed and the log."""

from msgspec import Struct

from schemas.errors import place

__all__ = ["Malformed"]


class Malformed(Struct, frozen=True, kw_only=True):
    """Bytes that are no record of their feed."""

    feed: str
    """The topic, or what else was read: a file, a simulation."""
    partition: int | None = None
    """Of the topic; ``None`` for a feed that has none."""
    offset: int
    """Of the message; of a file the line, counted from 1."""
    raw: bytes
    """The bytes as they came, whole."""
    reason: str
    """What is wrong with them."""
    ts_received: int
    """ns; 0: unknown. For people to look at: nothing is put in order by the time of what could not be read."""

    @property
    def place(self) -> str:
        """Where they were found, as a person would look them up."""
        if self.partition is None:
            return f"{self.feed}:{self.offset}"
        return place(self.feed, self.partition, self.offset)
