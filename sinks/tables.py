"""Which record becomes a row of which table: the bridge between the topics and ``deploy/migrations``."""

from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
from msgspec import Struct
from msgspec.structs import astuple

from schemas.codec import DecodeError
from schemas.deadletters import identify, plausible_ms, readable
from schemas.market import InstrumentDefinition
from schemas.message import Message
from schemas.results import (
    Bar,
    BookSample,
    Context,
    DeadLetter,
    Drift,
    FeatureRecord,
    Gap,
    LevelProfile,
    ModelEvent,
    Vector,
)
from schemas.signals import Outcome, Signal
from schemas.time import MILLISECOND
from sinks.packing import Packer, Unpacker, packer, stored

__all__ = ["DEAD_LETTERS", "TABLES", "Row", "Table", "dead_letter", "decode"]

Row = tuple[Any, ...]
Decode = Callable[[bytes], Row]


class Table(Struct, frozen=True, kw_only=True, eq=False):
    """Where the records of a topic go."""

    name: str
    columns: tuple[str, ...]
    decode: Decode
    """A record's values in the order of ``columns``."""
    time: str | None = None
    """The column (ns) that ``time`` repeats; ``None`` where the table has no such column."""
    newest_by: str | None = None
    """Set where a later record replaces the row of equal key: the column that says which one is later."""
    immutable: bool = False
    """An equal identifier with other content is a contradiction that must not pass."""
    packed: bool = False
    """Features are in the columns ``layout`` and ``numbers``; under the table's name there is a view with them."""
    packer: Packer | None = None
    """Makes the same rows in less time, where it can: those that nobody has to look into."""

    @property
    def relation(self) -> str:
        """Where the rows are."""
        return f"{self.name}_packed" if self.packed else self.name


def _table(name: str, record: type[Struct], time: str | None, **more: Any) -> Table:
    """A table whose columns are the record's fields."""
    decoder = msgspec.json.Decoder(stored(record))
    columns = record.__struct_fields__
    if time is not None and not more:
        more["packer"] = packer(record, time, narrow=("revision",))
    return Table(name=name, columns=columns, decode=lambda value: astuple(decoder.decode(value)), time=time, **more)


def _features() -> Decode:
    unpack = Unpacker(FeatureRecord, Vector).decode

    def row(value: bytes) -> Row:
        record, layout, numbers = unpack(value)
        head = (record.id, record.instrument_id, record.timeframe, record.ts_close, record.ts_decided)
        if layout is None:
            return (*head, None, None, None, None, None, None, None, record.reason)
        return (*head, record.schema_hash, layout, numbers, _PACKED, record.tainted, record.bid, record.ask, None)

    return row


def _contexts() -> Decode:
    unpack = Unpacker(Context, Context).decode

    def row(value: bytes) -> Row:
        record, layout, numbers = unpack(value)
        head = (record.id, record.instrument_id, record.timeframe, record.ts_close, record.ts_decided)
        return (*head, record.schema_hash, layout, numbers, _PACKED, record.tainted)

    return row


def _dead_letters() -> Decode:
    decoder = msgspec.json.Decoder(stored(DeadLetter))

    def row(value: bytes) -> Row:
        *head, key, payload, truncated = astuple(decoder.decode(value))
        return (*head, _bytes(key), _bytes(payload), truncated)

    return row


def _bytes(text: str | None) -> bytes | None:
    return None if text is None else b64decode(text, validate=True)


_CONTEXT: Final = (
    "id", "instrument_id", "timeframe", "ts_close", "ts_decided", "schema_hash", "layout", "numbers", "features",
    "tainted",
)  # fmt: skip
_PACKED: Final[Mapping[str, float]] = {}
"""In the column ``features`` of a row that has numbers: there were rows before there were numbers."""
DEAD_LETTERS: Final = Table(
    name="dead_letters",
    columns=("id", "topic", "partition", "log_offset", "reason", "ts_received", "key", "value", "truncated"),
    decode=_dead_letters(),
    time="ts_received",
)
TABLES: Final[Mapping[str, Table]] = {
    "reference.instruments": _table("instruments", InstrumentDefinition, None, newest_by="ts_received"),
    "features.bars": _table("bars", Bar, "ts_close"),
    "features.vectors": Table(
        name="features",
        columns=(*_CONTEXT, "bid", "ask", "reason"),
        decode=_features(),
        time="ts_close",
        packed=True,
        packer=packer(Vector, "ts_close", nulls=1),
    ),
    "features.context": Table(
        name="contexts",
        columns=_CONTEXT,
        decode=_contexts(),
        time="ts_close",
        packed=True,
        packer=packer(Context, "ts_close"),
    ),
    "features.books": _table("books", BookSample, "ts_event"),
    "features.levels": _table("levels", LevelProfile, "ts_close"),
    "signals.candidates": _table("candidates", Signal, "ts_event", immutable=True),
    "signals.published": _table("signals", Signal, "ts_event", immutable=True),
    "signals.outcomes": _table("outcomes", Outcome, "ts_event", immutable=True),
    "quality.gaps": _table("gaps", Gap, "ts_end"),
    "quality.drift": _table("drift", Drift, "ts_close"),
    "models.events": _table("model_events", ModelEvent, "ts_event"),
    "dead_letters": DEAD_LETTERS,
}
"""By topic: every topic but the log itself."""


def decode(message: Message) -> Row:
    """The row of ``message`` for the table of its topic.

    Raises:
        DecodeError: the value is not a record of its topic, or an identifier in it is not a UUID.
    """
    if message.value is None:
        raise DecodeError("no value")
    try:
        return TABLES[message.topic].decode(message.value)
    except (ValueError, RecursionError) as error:  # msgspec's and base64's errors are all ValueErrors
        raise DecodeError(str(error)) from error


def dead_letter(message: Message, reason: str) -> Row:
    """The row of ``dead_letters`` that keeps ``message`` whole; nothing in it can be refused by the database."""
    place = (message.topic, message.partition, message.offset)
    identifier = UUID(identify(*place, message.key, message.value))
    ts_received = plausible_ms(message.ts_ms) * MILLISECOND
    return (identifier, *place, readable(reason), ts_received, message.key, message.value, None)
