"""Which record becomes a row of which table: the bridge between the topics and ``deploy/migrations``."""

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any, Final
from uuid import UUID

import msgspec

from schemas.codec import DecodeError
from schemas.deadletters import identify, plausible_ms, readable
from schemas.market import InstrumentDefinition
from schemas.message import Message
from schemas.results import Absence, Context, DeadLetter, FeatureRecord, Vector
from schemas.signals import Outcome
from schemas.time import MILLISECOND
from schemas.topics import BY_NAME
from sinks.packing import Layout, Unpacker

__all__ = ["DEAD_LETTERS", "TABLES", "Row", "Table", "dead_letter", "decode"]

Row = tuple[Any, ...]
Unpacked = tuple[Any, Layout | None, Sequence[float | None] | None]


class Table(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """Where the records of a topic go."""

    name: str
    columns: tuple[str, ...]
    row: Callable[[Any], Row]
    """The values in the order of ``columns`` of a record; of a packed table, of what `Unpacker.decode` gives."""
    time: str | None = None
    """The column (ns) that ``time`` repeats; ``None`` where the table has no such column."""
    newest_by: str | None = None
    """Set where a later record replaces the row of equal key: the column that says which one is later."""
    immutable: bool = False
    """An equal identifier with other content is a contradiction that must not pass."""
    packed: bool = False
    """Features are in the columns ``layout`` and ``numbers``; under the table's name there is a view with them."""

    @property
    def relation(self) -> str:
        """Where the rows are."""
        return f"{self.name}_packed" if self.packed else self.name


def _table(
    name: str,
    columns: str,
    time: str,
    row: Callable[[Any], Row] | None = None,
    *,
    immutable: bool = False,
    packed: bool = False,
) -> Table:
    """A table keyed by ``id``; without ``row`` its other columns are named as the record's fields."""
    names = tuple(columns.split())
    rest = attrgetter(*names)
    return Table(
        name=name,
        columns=("id", *names),
        row=row or (lambda record: (_uuid(record.id), *rest(record))),
        time=time,
        immutable=immutable,
        packed=packed,
    )


def _uuid(text: str) -> UUID:
    """Three times as fast as its constructor, and as strict as the wire."""
    return msgspec.convert(text, UUID)


def _features(unpacked: Unpacked) -> Row:
    record, layout, numbers = unpacked
    head = (_uuid(record.id), record.instrument_id, record.timeframe, record.ts_close, record.ts_decided)
    if isinstance(record, Absence):
        return (*head, None, None, None, None, None, None, None, record.reason)
    return (*head, record.schema_hash, layout, numbers, _PACKED, record.tainted, record.bid, record.ask, None)


def _context(unpacked: Unpacked) -> Row:
    record, layout, numbers = unpacked
    head = (_uuid(record.id), record.instrument_id, record.timeframe, record.ts_close, record.ts_decided)
    return (*head, record.schema_hash, layout, numbers, _PACKED, record.tainted)


def _outcome(record: Outcome) -> Row:
    return (_uuid(record.id), _uuid(record.signal_id), *_outcome_rest(record))


def _dead_letter(record: DeadLetter) -> Row:
    key = None if record.key is None else b64decode(record.key, validate=True)
    value = None if record.value is None else b64decode(record.value, validate=True)
    place = (record.topic, record.partition, record.offset)
    return (_uuid(record.id), *place, record.reason, record.ts_received, key, value, record.truncated)


_SIGNAL: Final = """
    instrument_id timeframe strategy strategy_version direction confidence calibrated horizon entry_low entry_high stop
    targets risk_reward size ts_event ts_decided expiry key_factors explanation models schema_hash quality bid ask
    status vetoes"""
_BAR: Final = """
    instrument_id timeframe ts_open ts_close ts_decided revision open high low close volume notional trades buy_volume
    sell_volume bid_first bid_low bid_high bid_last ask_first ask_low ask_high ask_last origin quality"""
_CONTEXT: Final = "instrument_id timeframe ts_close ts_decided schema_hash layout numbers features tainted"
_FEATURES: Final = f"{_CONTEXT} bid ask reason"
_PACKED: Final[Mapping[str, float]] = {}
"""In the column ``features`` of a row that has numbers: there were rows before there were numbers."""
_BOOK: Final = "instrument_id ts_event bid_prices bid_sizes ask_prices ask_sizes imbalance stale"
_GAP: Final = "instrument_id kind ts_start ts_end ts_received expected received count detail"
_DRIFT: Final = "instrument_id timeframe feature ts_close measure value threshold alert"
_OUTCOME: Final = "instrument_id status ts_event price gross_return fees slippage funding net_return theoretical"
_outcome_rest: Final = attrgetter(*_OUTCOME.split())
_INSTRUMENT: Final = InstrumentDefinition.__struct_fields__

DEAD_LETTERS: Final = _table(
    "dead_letters", "topic partition log_offset reason ts_received key value truncated", "ts_received", _dead_letter
)
TABLES: Final[Mapping[str, Table]] = {
    "reference.instruments": Table(
        name="instruments", columns=_INSTRUMENT, row=attrgetter(*_INSTRUMENT), newest_by="ts_received"
    ),
    "features.bars": _table("bars", _BAR, "ts_close"),
    "features.vectors": _table("features", _FEATURES, "ts_close", _features, packed=True),
    "features.context": _table("contexts", _CONTEXT, "ts_close", _context, packed=True),
    "features.books": _table("books", _BOOK, "ts_event"),
    "signals.candidates": _table("candidates", _SIGNAL, "ts_event", immutable=True),
    "signals.published": _table("signals", _SIGNAL, "ts_event", immutable=True),
    "signals.outcomes": _table("outcomes", f"signal_id {_OUTCOME}", "ts_event", _outcome, immutable=True),
    "quality.gaps": _table("gaps", _GAP, "ts_end"),
    "quality.drift": _table("drift", _DRIFT, "ts_close"),
    "models.events": _table("model_events", "model version event ts_event details", "ts_event"),
    "dead_letters": DEAD_LETTERS,
}
"""By topic: every topic but the log itself."""

_decoders: Final[dict[str, Callable[[bytes], Any]]] = {
    topic: msgspec.json.Decoder(BY_NAME[topic].record).decode for topic in TABLES
} | {
    "features.vectors": Unpacker(FeatureRecord, Vector).decode,
    "features.context": Unpacker(Context, Context).decode,
}


def decode(message: Message) -> Row:
    """The row of ``message`` for the table of its topic.

    Raises:
        DecodeError: the value is not a record of its topic, or an identifier in it is not a UUID.
    """
    if message.value is None:
        raise DecodeError("no value")
    try:
        return TABLES[message.topic].row(_decoders[message.topic](message.value))
    except (ValueError, RecursionError) as error:  # msgspec's, UUID's and base64's errors are all ValueErrors
        raise DecodeError(str(error)) from error


def dead_letter(message: Message, reason: str) -> Row:
    """The row of ``dead_letters`` that keeps ``message`` whole; nothing in it can be refused by the database."""
    place = (message.topic, message.partition, message.offset)
    identifier = UUID(identify(*place, message.key, message.value))
    ts_received = plausible_ms(message.ts_ms) * MILLISECOND
    return (identifier, *place, readable(reason), ts_received, message.key, message.value, None)
