"""A Kafka message and its place, still undecoded."""

from typing import NamedTuple

__all__ = ["Message"]


class Message(NamedTuple):
    """What a consumer hands on; a tuple, as hundreds of thousands pass in a second."""

    topic: str
    partition: int
    offset: int
    ts_ms: int
    """Kafka's time stamp, ms; -1 where the broker has none."""
    key: bytes | None
    value: bytes | None
