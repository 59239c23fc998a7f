"""Puts rows into the tables, by one session: straight into a table, or by way of a temporary one.

A COPY straight into a table is half the work for the server, but it cannot pass over a row that is there already: it
fails as a whole. Rows are written again only where offsets were set back, or where a producer that was thought dead
left an identifier a second time. So the straight way is taken until it meets such a row, and again from the first
batch on that turned out to be all new.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Final, LiteralString

from psycopg import errors
from psycopg.sql import SQL, Composed, Identifier

from sinks.database import Connection
from sinks.native import Encoder, encoder
from sinks.packing import Layout
from sinks.tables import TABLES, Row, Table

__all__ = ["Loader", "stored_time"]

Rows = Sequence[Row | bytes]
_FEW: Final = 1_000
_INT8: Final = 20
"""The type of a ``timestamptz`` on its way: both travel as eight bytes, and whole microseconds are what it is."""
_EPOCH_S: Final = 946_684_800.0
"""PostgreSQL's times count from the year 2000."""


class Loader:
    """Of one session, whose temporary tables it makes.

    Raises:
        psycopg.Error: whatever the server refuses.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._types: dict[Table, list[int]] = {}
        self._encoders: dict[Table, Encoder | None] = {}
        self._left: Counter[Table] = Counter()
        self._met: set[Table] = set()
        self._layouts: set[Layout] = set()
        for table in TABLES.values():
            connection.execute(_sql(_CREATE, table))
            described = connection.execute(_sql(_DESCRIBE, table)).description or []
            self._types[table] = [_INT8 if column.name == "time" else column.type_code for column in described]
            count = len(table.columns)
            time_at = -1 if table.time is None else table.columns.index(table.time)
            self._encoders[table] = encoder(self._types[table][:count], time_at)

    def takes_bytes(self, table: Table) -> bool:
        """Whether rows of the table's packer are in the form of its columns, which are the migrations' as a rule."""
        packer = table.packer
        return (
            packer is not None
            and self._encoders[table] is not None
            and tuple(self._types[table][: len(packer.types)]) == packer.types
        )

    def name(self, layouts: Iterable[Layout]) -> None:
        """Stores the names that ``layouts`` stand for."""
        for layout in set(layouts) - self._layouts:
            self.connection.execute(_LAYOUT, [layout, list(layout.names)])
            self._layouts.add(layout)

    def load(self, table: Table, rows: Rows) -> object | None:
        """Stores those of ``rows`` that are not there yet, all or none of them; bytes only where it `takes_bytes`.

        Returns:
            The identifier of a row that is there with other content, in a table where that is a contradiction.
        """
        if table.newest_by is None and not table.immutable and table not in self._met:
            try:
                with self.connection.transaction():  # a savepoint
                    self._copy(_STRAIGHT, table, rows)
            except errors.UniqueViolation:
                self._met.add(table)
            else:
                return None
        with self.connection.transaction():
            return self._by_way(table, rows)

    def _by_way(self, table: Table, rows: Rows) -> object | None:
        # What earlier calls left. TRUNCATE costs milliseconds, DELETE leaves dead rows to step over: each in its place.
        self.connection.execute(_sql(_TRUNCATE if self._left[table] > _FEW else _DELETE, table))
        self._left[table] = len(rows) + (0 if self._left[table] > _FEW else self._left[table])
        self._copy(_COPY, table, rows)
        inserted = self.connection.execute(_sql(_INSERT if table.newest_by is None else _UPSERT, table)).rowcount
        if inserted == len(rows):
            self._met.discard(table)
        found = self.connection.execute(_sql(_DIFFERENT, table)).fetchone() if table.immutable else None
        return None if found is None else found[0]

    def _copy(self, template: LiteralString, table: Table, rows: Rows) -> None:
        native = self._encoders[table]
        with self.connection.cursor() as cursor, cursor.copy(_sql(template, table)) as copy:
            if native is not None:
                for piece in native.pieces(rows):
                    copy.write(piece)
                return
            copy.set_types(self._types[table])
            at = None if table.time is None else table.columns.index(table.time)
            for row in rows:
                assert isinstance(row, tuple)
                copy.write_row(row if at is None else (*row, stored_time(row[at])))


def stored_time(ns: int) -> int:
    """What ``ns_to_time`` of the migrations makes of it, to the last bit; a row of any other time is refused."""
    microseconds = ns // 1_000 if ns >= 0 else -(-ns // 1_000)
    return round((microseconds / 1e6 - _EPOCH_S) * 1e6)


_CREATE: Final = "CREATE TEMP TABLE {incoming} AS SELECT {columns} FROM {table} WITH NO DATA"
_DESCRIBE: Final = "SELECT {columns} FROM pg_temp.{incoming} LIMIT 0"
_LAYOUT: Final = "INSERT INTO feature_layouts (layout, names) VALUES (%s, %s) ON CONFLICT DO NOTHING"
_DELETE: Final = "DELETE FROM pg_temp.{incoming}"
_TRUNCATE: Final = "TRUNCATE pg_temp.{incoming}"
_STRAIGHT: Final = "COPY {table} ({columns}) FROM STDIN (FORMAT binary)"
_COPY: Final = "COPY pg_temp.{incoming} ({columns}) FROM STDIN (FORMAT binary)"
_INSERT: Final = "INSERT INTO {table} ({columns}) SELECT {columns} FROM pg_temp.{incoming} ON CONFLICT DO NOTHING"
_UPSERT: Final = """
    INSERT INTO {table} AS kept ({columns})
    SELECT DISTINCT ON ({key}) {columns} FROM pg_temp.{incoming} ORDER BY {key}, {newest_by} DESC, ctid DESC
    ON CONFLICT ({key}) DO UPDATE SET ({columns}, stored_at) = ROW ({excluded}, now())
    WHERE kept.{newest_by} <= EXCLUDED.{newest_by}"""
# LIMIT keeps the planner at one index look-up a row, however large the table is.
_DIFFERENT: Final = """
    SELECT incoming.id FROM pg_temp.{incoming} AS incoming
    CROSS JOIN LATERAL (SELECT {columns} FROM {table} WHERE id = incoming.id LIMIT 2) AS kept
    WHERE ROW (kept.*) IS DISTINCT FROM ROW (incoming.*) LIMIT 1"""


@cache
def _sql(template: LiteralString, table: Table) -> bytes:
    columns = [*table.columns, *(["time"] if table.time else [])]

    def names(prefix: LiteralString = "") -> Composed:
        return SQL(", ").join(SQL(prefix) + Identifier(column) for column in columns)

    return (
        SQL(template)
        .format(
            table=Identifier(table.relation),
            incoming=Identifier(f"incoming_{table.name}"),
            columns=names(),
            excluded=names("EXCLUDED."),
            key=Identifier(table.columns[0]),
            newest_by=Identifier(table.newest_by or ""),
        )
        .as_bytes()
    )
