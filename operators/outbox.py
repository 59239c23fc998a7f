"""Where a step collects the records that it makes, encoded and addressed."""

from typing import Any

from schemas.codec import encode
from schemas.market import InstrumentDefinition
from schemas.results import Absence, Bar, BookSample, Gap, Vector
from schemas.signals import Signal
from schemas.time import MILLISECOND
from schemas.topics import Outgoing

__all__ = ["outgoing"]

_TOPIC_OF: dict[type, str] = {
    Bar: "features.bars",
    Vector: "features.vectors",
    Absence: "features.vectors",
    BookSample: "features.books",
    Gap: "quality.gaps",
    InstrumentDefinition: "reference.instruments",
}


def outgoing(
    record: Bar | Vector | Absence | BookSample | Gap | InstrumentDefinition | Signal,
    *,
    key: str,
    identifier: str,
    ts: int,
    topic: str | None = None,
) -> Outgoing:
    """``record`` addressed to its topic; ``ts`` (ns) becomes the Kafka time stamp."""
    kind: type[Any] = type(record)
    return Outgoing(topic or _TOPIC_OF[kind], key, identifier, encode(record), ts // MILLISECOND)
