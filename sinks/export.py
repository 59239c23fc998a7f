"""Stored results as the files that a replay would have written: what data sets are made of."""

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed, Identifier

from schemas.market import InstrumentDefinition
from schemas.results import Bar, Context, ModelEvent, Vector
from schemas.signals import Signal
from sinks.database import Connection
from sinks.errors import SinkError

__all__ = ["ALL_TIME", "EXPORTED", "export", "model_changes", "newest_alert"]

EXPORTED: Final[dict[str, tuple[str, type[Struct], str]]] = {
    "signals.candidates": ("candidates", Signal, "time, id"),
    "features.vectors": ("features", Vector, "time, instrument_id, timeframe"),
    "features.context": ("contexts", Context, "time, instrument_id, timeframe"),
    "features.bars": ("bars", Bar, "time, instrument_id, timeframe, revision"),
    "reference.instruments": ("instruments", InstrumentDefinition, "instrument_id"),
}
"""By topic: table, record, order."""
ALL_TIME: Final = 0
_AT_ONCE: Final = 2_000


def export(
    connection: Connection, directory: Path, since: int = ALL_TIME, topics: Collection[str] = EXPORTED.keys()
) -> dict[str, int]:
    """Write a file for each of ``topics`` into ``directory``, of closes from ``since`` (ns) on; how many records each
    has.

    Raises:
        SinkError: a file cannot be written.
    """
    counts = {}
    for topic in topics:
        table, record, order = EXPORTED[topic]
        path = directory / f"{topic}.jsonl"
        try:
            with path.open("wb") as file:
                counts[topic] = 0
                for row in _rows(connection, _query(table, record, order), since):
                    file.write(msgspec.json.encode(msgspec.convert(row, record)) + b"\n")
                    counts[topic] += 1
        except OSError as error:
            raise SinkError(f"{path}: {error.strerror}") from error
    return counts


def model_changes(connection: Connection) -> Iterator[ModelEvent]:
    """The changelog of models, oldest first."""
    for row in _rows(connection, _query("model_events", ModelEvent, "time, stored_at, id"), ALL_TIME):
        yield msgspec.convert(row, ModelEvent)


def newest_alert(connection: Connection) -> int | None:
    """The close (ns) of the newest drift that raised an alert."""
    found = connection.execute("SELECT max(ts_close) FROM drift WHERE alert").fetchone()
    return None if found is None else found[0]


def _query(table: str, record: type[Struct], order: str) -> Composed:
    names = [field.name for field in msgspec.structs.fields(record)]
    columns = SQL(", ").join(SQL("id::text AS id") if name == "id" else Identifier(name) for name in names)
    timed = SQL("") if table == "instruments" else SQL("WHERE time >= ns_to_time(%(since)s) ")
    known = SQL("AND reason IS NULL ") if table == "features" else SQL("")
    return SQL("SELECT {} FROM {} {}{}ORDER BY {}").format(
        columns, Identifier(table), timed, known, SQL(", ").join(Identifier(name) for name in order.split(", "))
    )


def _rows(connection: Connection, query: Composed, since: int) -> Iterator[dict[str, Any]]:
    """Streamed, as there may be many."""
    with connection.transaction(), connection.cursor("export", row_factory=dict_row) as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(query, {"since": since})
        yield from cursor
