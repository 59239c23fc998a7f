"""A connection to PostgreSQL, with or without TimescaleDB, whose errors are one line for a person."""

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sinks.errors import SinkError

__all__ = ["Connection", "DatabaseError", "UnreachableError", "address", "connect", "one_line"]

Connection = psycopg.Connection[tuple[Any, ...]]


class DatabaseError(SinkError):
    """The database cannot be reached, or refuses what was asked of it."""


class UnreachableError(DatabaseError):
    """No connection: the server is away, or does not let this role in."""


def connect(dsn: str, **options: str | int) -> Connection:
    """A connection in autocommit mode; ``options`` are libpq's and win over those of ``dsn``.

    Raises:
        DatabaseError: a malformed ``dsn``.
        UnreachableError: no server there, or it refuses the role or the database.
    """
    try:
        conninfo = make_conninfo(dsn, **{"application_name": "candlewick", "connect_timeout": 5, **options})
    except psycopg.ProgrammingError as error:
        raise DatabaseError(f"database connection string: {one_line(error)}; such as {_EXAMPLE}") from error
    try:
        return psycopg.Connection.connect(conninfo, autocommit=True)
    except psycopg.OperationalError as error:
        raise UnreachableError(f"database {address(dsn)}: {one_line(error)}") from error


def address(dsn: str) -> str:
    """Where ``dsn`` points to, fit for a message: without its password."""
    parts = conninfo_to_dict(dsn)
    names = ("host", "hostaddr", "port", "user", "dbname", "service")
    return " ".join(f"{name}={parts[name]}" for name in names if parts.get(name)) or "(libpq's defaults)"


def one_line(error: BaseException) -> str:
    """The text of ``error``, whose lines libpq indents and PostgreSQL follows by details."""
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip() and "^" not in line)


_EXAMPLE = "postgresql://candlewick@127.0.0.1:5432/candlewick"
