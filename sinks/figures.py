"""How much is stored, and up to when: what says whether data still flows, cheap however much there is."""

from typing import Any, Final

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed, Identifier

from schemas.time import TIMEFRAMES
from sinks.tables import TABLES

__all__ = ["TOPIC_OF", "LogOffset", "TableFigures", "log_offsets", "missing_tables", "table_figures"]

_ABOUT_THEM: Final = ("reference.instruments", "models.events")
TOPIC_OF: Final = {table.name: topic for topic, table in TABLES.items() if topic not in _ABOUT_THEM}
"""The tables of results, and the topic that fills each."""
_NEEDED: Final = ("instruments", "signal_order", "stream_offsets", *TOPIC_OF, "api_keys")
_COUNTED_BELOW: Final = 64 * 2**20  # bytes; counting the rows in them takes some 20 ms

_NEWEST_BY_INSTRUMENT: Final = SQL("""
    SELECT max(n.time) FROM instruments i CROSS JOIN LATERAL
    (SELECT time FROM {table} t WHERE t.instrument_id = i.instrument_id ORDER BY time DESC LIMIT 1) n
""")
_NEWEST_BY_TIMEFRAME: Final = SQL("""
    SELECT max(n.time) FROM instruments i CROSS JOIN unnest(%(timeframes)s::text[]) AS f (name) CROSS JOIN LATERAL
    (SELECT time FROM {table} t
     WHERE t.instrument_id = i.instrument_id AND t.timeframe = f.name ORDER BY time DESC LIMIT 1) n
""")
_NEWEST_OF_ALL: Final = SQL("SELECT max(time) FROM {table}")
_NEWEST: Final = {  # along the index that the table has
    "bars": _NEWEST_BY_TIMEFRAME,
    "features": _NEWEST_BY_TIMEFRAME,
    "books": _NEWEST_BY_INSTRUMENT,
    "levels": _NEWEST_BY_INSTRUMENT,
    "outcomes": _NEWEST_BY_INSTRUMENT,
}


class TableFigures(Struct, frozen=True, kw_only=True):
    """One table of results."""

    table: str
    topic: str
    """What fills it."""
    rows: int
    exact: bool
    """False for a large table, where ``rows`` is the server's estimate."""
    newest: int | None
    """Time of the newest row, ns in whole microseconds."""


class LogOffset(Struct, frozen=True, kw_only=True):
    """How far the store has read a partition."""

    topic: str
    partition: int
    next_offset: int


async def missing_tables(connection: AsyncConnection[Any]) -> list[str]:
    """Tables that the migrations make and this database does not have."""
    cursor = await connection.execute(
        "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL", (list(_NEEDED),)
    )
    return [row[0] for row in await cursor.fetchall()]


async def table_figures(connection: AsyncConnection[Any]) -> list[TableFigures]:
    """Rows and newest time of every table of results."""
    return [await _figures(connection, table, topic) for table, topic in TOPIC_OF.items()]


async def log_offsets(connection: AsyncConnection[Any]) -> list[LogOffset]:
    """Where the store goes on, by topic and partition."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute("SELECT topic, partition, next_offset FROM stream_offsets ORDER BY topic, partition")
        return [msgspec.convert(row, LogOffset) for row in await cursor.fetchall()]


async def _figures(connection: AsyncConnection[Any], table: str, topic: str) -> TableFigures:
    relation = TABLES[topic].relation
    size, rows = await _estimate(connection, relation)
    if exact := size < _COUNTED_BELOW:
        rows = await _number(connection, SQL("SELECT count(*) FROM {table}").format(table=Identifier(relation))) or 0
    newest = _NEWEST.get(table, _NEWEST_OF_ALL).format(table=Identifier(relation))
    return TableFigures(
        table=table, topic=topic, rows=rows, exact=exact,
        newest=await _number(connection, SQL("SELECT time_to_ns(({newest}))").format(newest=newest)),
    )  # fmt: skip


async def _estimate(connection: AsyncConnection[Any], table: str) -> tuple[int, int]:
    """Bytes of a table with its chunks, and the rows that the last analysis saw in them."""
    cursor = await connection.execute(
        """
        SELECT sum(pg_relation_size(c.oid))::bigint, sum(greatest(c.reltuples, 0))::bigint FROM pg_class c
        WHERE c.oid = %(table)s::regclass
           OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = %(table)s::regclass)
        """,
        {"table": table},
    )
    row = await cursor.fetchone()
    return (row[0], row[1]) if row else (0, 0)


async def _number(connection: AsyncConnection[Any], query: Composed) -> int | None:
    cursor = await connection.execute(query, {"timeframes": list(TIMEFRAMES)})
    row = await cursor.fetchone()
    return None if row is None or row[0] is None else int(row[0])
