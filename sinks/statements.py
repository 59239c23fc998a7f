"""Statements of the read queries: conditions that count where their values are given, and rows as records."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, LiteralString, TypeVar

import msgspec
from msgspec import Struct
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.sql import SQL, Composed, Identifier

from schemas.time import Timeframe

__all__ = ["Condition", "Connection", "Position", "columns", "fetch", "fetch_as", "of_market", "of_span", "select"]

T = TypeVar("T", bound=Struct)
Connection = AsyncConnection[Any]
Condition = tuple[LiteralString, Mapping[str, object]]
"""SQL, and the values that it names."""


class Position(Struct, frozen=True, array_like=True):
    """The last row of a page: its time (ns) and identifier, the order of every list."""

    ts: int
    id: str


def of_market(instrument_id: str | None, timeframe: Timeframe | None = None) -> list[Condition]:
    """Rows of an instrument, of a timeframe; ``None``: of any."""
    return [
        ("instrument_id = %(instrument_id)s", {"instrument_id": instrument_id}),
        ("timeframe = %(timeframe)s", {"timeframe": timeframe}),
    ]


def of_span(
    since: int | None, until: int | None, after: Position | None, *, unique_time: bool = False
) -> list[Condition]:
    """Rows from ``since`` on and before ``until`` (ns), behind ``after``; ``unique_time``: one row has each time."""
    # Conditions are on `time`, by which a hypertable is cut: chunks outside are not even opened.
    behind: LiteralString = (
        "time < ns_to_time(%(after)s)" if unique_time else "(time, id) < (ns_to_time(%(after)s), %(after_id)s::uuid)"
    )
    return [
        ("time >= ns_to_time(%(since)s)", {"since": since}),
        ("time < ns_to_time(%(until)s)", {"until": until}),
        (behind, {"after": after.ts if after else None, "after_id": after.id if after else None}),
    ]


_EVERYTHING: Final = SQL("")


def select(
    record: type[Struct],
    table: LiteralString,
    conditions: Sequence[Condition],
    *,
    distinct: SQL = _EVERYTHING,
    also: Sequence[str] = (),
) -> tuple[Composed, dict[str, object]]:
    """A statement up to its WHERE, of the conditions whose values are all given, and those values."""
    wanted = [(text, values) for text, values in conditions if None not in values.values()]
    query = SQL("SELECT {distinct}{columns} FROM {table} WHERE {conditions} ").format(
        distinct=distinct,
        columns=columns(record, *also),
        table=Identifier(table),
        conditions=SQL(" AND ").join([SQL("true"), *(SQL(text) for text, _ in wanted)]),
    )
    return query, {name: value for _, values in wanted for name, value in values.items()}


def columns(record: type[Struct], *also: str) -> Composed:
    """What is read of a table to make ``record`` of it."""
    names = [*(field.name for field in msgspec.structs.fields(record)), *also]
    return SQL(", ").join(SQL("id::text AS id") if name == "id" else Identifier(name) for name in names)


async def fetch_as(
    connection: Connection, query: Composed | SQL, values: Mapping[str, object], limit: int, record: type[T]
) -> list[T]:
    """The first ``limit`` rows as records."""
    return [msgspec.convert(row, record) for row in await fetch(connection, query, {**values, "limit": limit})]


async def fetch(connection: Connection, query: Composed | SQL, values: Any) -> list[dict[str, Any]]:
    """The rows of ``query``, as mappings."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, values)
        return await cursor.fetchall()
