"""How a message that cannot be read is kept: with its place, the reason and its bytes."""

from base64 import b64encode
from hashlib import sha256
from typing import Final

from schemas.codec import encode
from schemas.identifiers import derive
from schemas.results import DeadLetter
from schemas.time import MILLISECOND
from schemas.topics import Outgoing

__all__ = ["LARGEST_PART", "dead_letter", "identify", "plausible_ms", "readable"]

LARGEST_PART: Final = 1 << 20
"""Bytes of a key or value that are kept: both in base64 fit into a message, whatever the size of what came."""
_LONGEST_REASON: Final = 1_000  # characters; reasons quote what they refuse


def dead_letter(
    topic: str, partition: int, offset: int, ts_ms: int, key: bytes | None, value: bytes | None, reason: str
) -> Outgoing:
    """The dead letter of one message, addressed to its topic; there is one for any message.

    ``topic`` may also be the name of a feed or file that never got as far as a topic; ``offset`` then counts in it.
    """
    topic, ts_ms = readable(topic), plausible_ms(ts_ms)
    identifier = identify(topic, partition, offset, key, value)
    letter = DeadLetter(
        id=identifier,
        topic=topic,
        partition=partition,
        offset=offset,
        reason=readable(reason)[:_LONGEST_REASON],
        ts_received=ts_ms * MILLISECOND,
        key=_kept(key),
        value=_kept(value),
        truncated="; ".join(filter(None, (_cut("key", key), _cut("value", value)))) or None,
    )
    return Outgoing("dead_letters", f"{topic}[{partition}]", identifier, encode(letter), ts_ms)


def identify(topic: str, partition: int, offset: int, key: bytes | None, value: bytes | None) -> str:
    """The identifier of a message's dead letter; other bytes at the same place, as in a new file, are another one."""
    return derive("dead", topic, partition, offset, _digest(key), _digest(value))


def plausible_ms(ts_ms: int) -> int:
    """``ts_ms``, or 0 where it is none (-1) or beyond the year 2109: a producer may write any number.

    Retention takes what is as of 0 at once: who knows another time of the log gives that instead.
    """
    return ts_ms if 0 <= ts_ms < 2**42 else 0


def readable(text: str) -> str:
    """``text`` with what neither UTF-8 nor the database can hold written out."""
    return text.replace("\0", r"\0").encode(errors="backslashreplace").decode()


def _kept(part: bytes | None) -> str | None:
    return None if part is None else b64encode(part[:LARGEST_PART]).decode()


def _cut(name: str, part: bytes | None) -> str | None:
    if part is None or len(part) <= LARGEST_PART:
        return None
    return f"{name}: the first {LARGEST_PART} of {len(part)} bytes, SHA-256 of all {_digest(part)}"


def _digest(part: bytes | None) -> str:
    return "" if part is None else sha256(part).hexdigest()
