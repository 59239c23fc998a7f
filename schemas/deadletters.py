"""How a message that cannot be read is kept: with its place, the reason and its bytes."""

from base64 import b64encode

from schemas.codec import encode
from schemas.identifiers import derive
from schemas.results import DeadLetter
from schemas.time import MILLISECOND
from schemas.topics import Outgoing

__all__ = ["dead_letter"]


def dead_letter(
    topic: str, partition: int, offset: int, ts_ms: int, key: bytes | None, value: bytes | None, reason: str
) -> Outgoing:
    """The dead letter of one message, addressed to its topic.

    ``topic`` may also be the name of a feed or file that never got as far as a topic; ``offset`` then counts in it.
    """
    identifier = derive("dead", topic, partition, offset)
    letter = DeadLetter(
        id=identifier,
        topic=topic,
        partition=partition,
        offset=offset,
        reason=reason,
        ts_received=ts_ms * MILLISECOND,
        key=None if key is None else b64encode(key).decode(),
        value=None if value is None else b64encode(value).decode(),
    )
    return Outgoing("dead_letters", f"{topic}[{partition}]", identifier, encode(letter), ts_ms)
