"""What is in a database, for comparing one with another."""

from typing import Any

import psycopg

from sinks.tables import TABLES

__all__ = ["contents", "counts"]


def contents(dsn: str) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table in the order of its key, without the wall clock of the storing."""
    with psycopg.connect(dsn) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ  # of one moment, whoever writes meanwhile
        found = {}
        for table in TABLES.values():
            hidden = {"layout", "numbers"} if table.packed else set()
            columns = ", ".join([name for name in table.columns if name not in hidden] + ["time"] * bool(table.time))
            query = f"SELECT {columns} FROM {table.name} ORDER BY {table.columns[0]}"
            found[table.name] = connection.execute(query.encode()).fetchall()
        query = "SELECT topic, partition, next_offset FROM stream_offsets ORDER BY 1, 2"
        found["stream_offsets"] = connection.execute(query.encode()).fetchall()
    return found


def counts(dsn: str) -> dict[str, int]:
    """Rows by table."""
    return {name: len(rows) for name, rows in contents(dsn).items()}
