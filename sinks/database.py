"""A connection to PostgreSQL, with or without TimescaleDB, whose errors are one line for a person."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from schemas.errors import AwayError
from sinks.errors import SinkError

__all__ = [
    "Connection", "DatabaseError", "ServerError", "UnreachableError", "address", "check_dsn", "connect", "fault",
    "in_one_line", "one_line",
]  # fmt: skip

_EXAMPLE: Final = "postgresql://candlewick:secret@127.0.0.1:5432/candlewick"
_PORTS: Final = re.compile(r"[\d,]*")
Connection = psycopg.Connection[tuple[Any, ...]]


class DatabaseError(SinkError):
    """The database cannot be reached, or refuses what was asked of it."""


class ServerError(DatabaseError):
    """The server failed at what it should be able to do; a new start may go well."""

    exit_status = 1


class UnreachableError(DatabaseError, AwayError):
    """No connection, or none that may write now: the server is away, does not let this role in, or is another's."""


def fault(dsn: str) -> str | None:
    """What is wrong with ``dsn`` as a text, told without repeating any of it: a password may stand anywhere.

    libpq takes what follows an unescaped @ or / of a password for host, port or database, and names those in errors.
    """
    try:
        parts = {name: str(value) for name, value in conninfo_to_dict(dsn).items()}
    except psycopg.Error:
        return f"is no connection string; write it such as {_EXAMPLE}"
    is_url = dsn.startswith(("postgresql://", "postgres://"))
    if is_url and any("@" in parts.get(name, "") for name in ("host", "port", "dbname")):
        return f"has an @ or / within user or password; write @ as %40 and / as %2F, such as {_EXAMPLE}"
    if not _PORTS.fullmatch(parts.get("port", "")):
        return f"has a port that is no number; write it such as {_EXAMPLE}"
    return None


def check_dsn(dsn: str) -> None:
    """Refuse a malformed ``dsn`` before libpq says anything of it.

    Raises:
        DatabaseError: what `fault` found.
    """
    if (wrong := fault(dsn)) is not None:
        raise DatabaseError(f"the database's connection string {wrong}")


def connect(dsn: str, **options: str | int) -> Connection:
    """A connection in autocommit mode; ``options`` are libpq's and win over those of ``dsn``.

    Raises:
        DatabaseError: a malformed ``dsn``.
        UnreachableError: no server there, or it refuses the role or the database.
    """
    check_dsn(dsn)
    conninfo = make_conninfo(dsn, **{"application_name": "candlewick", "connect_timeout": 5, **options})
    try:
        return psycopg.Connection.connect(conninfo, autocommit=True)
    except psycopg.OperationalError as error:
        raise UnreachableError(f"database {address(dsn)}: {one_line(error)}") from error


def address(dsn: str) -> str:
    """Where ``dsn`` points to, fit for a message: without its password.

    Raises:
        DatabaseError: a malformed ``dsn``.
    """
    check_dsn(dsn)
    parts = conninfo_to_dict(dsn)
    names = ("host", "hostaddr", "port", "user", "dbname", "service")
    return " ".join(f"{name}={parts[name]}" for name in names if parts.get(name)) or "(libpq's defaults)"


@contextmanager
def in_one_line(dsn: str) -> Iterator[None]:
    """What PostgreSQL refuses in here becomes a `DatabaseError` that says so in one line."""
    try:
        yield
    except psycopg.Error as error:
        raise DatabaseError(f"database {address(dsn)}: {one_line(error)}") from error


def one_line(error: BaseException) -> str:
    """The text of ``error``, whose lines libpq indents and PostgreSQL follows by details."""
    return "; ".join(line.strip() for line in str(error).splitlines() if line.strip() and "^" not in line)
