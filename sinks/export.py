"""Stored results as the files that a replay would have written: what data sets are made of."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed, Identifier

from schemas.market import InstrumentDefinition
from schemas.results import Bar, Context, ModelEvent, Vector
from schemas.signals import Direction, Signal
from schemas.time import Timeframe
from sinks.database import Connection
from sinks.errors import SinkError

__all__ = [
    "ALL_TIME", "EXPORTED", "Asked", "CandidateInputs", "candidate_inputs", "export", "last_of_others", "model_changes",
    "newest_alert",
]  # fmt: skip

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


class Asked(Struct, frozen=True, kw_only=True):
    """Which candidates a model was, or would have been, asked of."""

    strategy: str
    instruments: list[str]
    """Or their symbols; empty: all."""
    schema_hash: str
    context_hash: str


class CandidateInputs(Struct, frozen=True, kw_only=True):
    """What is known of a candidate at its decision."""

    direction: Direction
    score: float
    features: dict[str, float | None]
    """Of vector and context."""
    tainted: dict[str, str]


def export(
    connection: Connection, directory: Path, since: int = ALL_TIME, topics: Collection[str] = EXPORTED.keys(),
    timeframe: Timeframe | None = None,
) -> dict[str, int]:  # fmt: skip
    """Write a file for each of ``topics`` into ``directory``, of closes from ``since`` (ns) on, of all timeframes or
    one; how many records each has.

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
                for row in _rows(connection, _query(table, record, order), {"since": since, "timeframe": timeframe}):
                    file.write(msgspec.json.encode(msgspec.convert(row, record)) + b"\n")
                    counts[topic] += 1
        except OSError as error:
            raise SinkError(f"{path}: {error.strerror}") from error
    return counts


def model_changes(connection: Connection) -> Iterator[ModelEvent]:
    """The changelog of models, oldest first."""
    for row in _rows(connection, _query("model_events", ModelEvent, "time, stored_at, id"), {"since": ALL_TIME}):
        yield msgspec.convert(row, ModelEvent)


def candidate_inputs(
    connection: Connection, asked: Asked, since: int, until: int, most: int
) -> Iterator[CandidateInputs]:
    """Candidates with ``since <= ts_event < until`` (ns), oldest first; of more than ``most`` every nth."""
    values = {**msgspec.structs.asdict(asked), "since": since, "until": until, "most": most}
    query = SQL("""
        WITH chosen AS (
            SELECT *, row_number() OVER (ORDER BY time, id) - 1 AS place, count(*) OVER () AS places FROM candidates
            WHERE time >= ns_to_time(%(since)s) AND time < ns_to_time(%(until)s) AND strategy = %(strategy)s
              AND (%(instruments)s::text[] = '{}' OR ARRAY[instrument_id, substr(instrument_id,
                   strpos(instrument_id, ':') + 1)] && %(instruments)s::text[])
        )
        SELECT c.direction, f.features || x.features AS features, f.tainted || x.tainted AS tainted,
               (SELECT coalesce(sum((factor ->> 'contribution')::float8), 0)
                FROM jsonb_array_elements(c.key_factors) factor) AS score
        FROM chosen c
        JOIN features f ON f.instrument_id = c.instrument_id AND f.timeframe = c.timeframe AND f.time = c.time
        JOIN contexts x ON x.instrument_id = c.instrument_id AND x.timeframe = c.timeframe AND x.time = c.time
        WHERE place %% (1 + (places - 1) / %(most)s) = 0
          AND f.schema_hash = %(schema_hash)s AND x.schema_hash = %(context_hash)s
        ORDER BY c.time, c.id
    """)
    for row in _rows(connection, query, values):
        yield msgspec.convert(row, CandidateInputs)


def newest_alert(connection: Connection) -> int | None:
    """The close (ns) of the newest drift that raised an alert."""
    found = connection.execute("SELECT max(ts_close) FROM drift WHERE alert").fetchone()
    return None if found is None else found[0]


def last_of_others(connection: Connection, schema_hash: str, context_hash: str, since: int = ALL_TIME) -> int | None:
    """The last close (ns) from ``since`` on with features of another schema than these, if there is one."""
    query = """
        SELECT max(ts_close) FROM (
            SELECT max(ts_close) AS ts_close FROM features
            WHERE time >= ns_to_time(%(since)s) AND reason IS NULL AND schema_hash <> %(schema_hash)s
            UNION ALL
            SELECT max(ts_close) FROM contexts
            WHERE time >= ns_to_time(%(since)s) AND schema_hash <> %(context_hash)s
        ) AS others
    """
    values = {"since": since, "schema_hash": schema_hash, "context_hash": context_hash}
    found = connection.execute(query, values).fetchone()
    return None if found is None else found[0]


def _query(table: str, record: type[Struct], order: str) -> Composed:
    names = [field.name for field in msgspec.structs.fields(record)]
    columns = SQL(", ").join(SQL("id::text AS id") if name == "id" else Identifier(name) for name in names)
    timed = SQL("") if table == "instruments" else SQL("WHERE time >= ns_to_time(%(since)s) ")
    known = SQL("AND reason IS NULL ") if table == "features" else SQL("")
    own = "AND (%(timeframe)s::text IS NULL OR timeframe = %(timeframe)s) " if "timeframe" in names else ""
    return SQL("SELECT {} FROM {} {}{}{}ORDER BY {}").format(
        columns,
        Identifier(table),
        timed,
        known,
        SQL(own),
        SQL(", ").join(Identifier(name) for name in order.split(", ")),
    )


def _rows(connection: Connection, query: Composed | SQL, values: Mapping[str, object]) -> Iterator[dict[str, Any]]:
    """Streamed, as there may be many."""
    with connection.transaction(), connection.cursor("export", row_factory=dict_row) as cursor:
        cursor.itersize = _AT_ONCE
        cursor.execute(query, values)
        yield from cursor
