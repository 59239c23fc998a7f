"""Databases for tests: a real TimescaleDB, and the PostgreSQL that Candlewick brings with it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from flows.embedded.postgres import EmbeddedPostgres
from sinks.migrate import migrate
from tests.integration.timescale_server import MissingError, TimescaleServer, fetch

__all__ = ["database", "embedded", "empty_database", "new_database", "timescale", "timescale_database"]

_numbers: Final = count(1)


@pytest.fixture(scope="session")
def timescale() -> Iterator[TimescaleServer]:
    """A real TimescaleDB; who stops or crashes it leaves it running."""
    try:
        packages = fetch()
    except MissingError as error:
        pytest.skip(f"real TimescaleDB: not run, because {error}")
    with TimescaleServer(packages) as server:
        yield server


@pytest.fixture(scope="session")
def embedded() -> Iterator[EmbeddedPostgres]:
    """The embedded PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        Path(folder).chmod(0o755)  # the server may run as another user
        with EmbeddedPostgres(Path(folder)) as server:
            yield server


@contextmanager
def new_database(dsn: str) -> Iterator[str]:
    """An empty database beside the one of ``dsn``, dropped at the end whoever is still connected."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    yield make_conninfo(dsn, dbname=name)
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@pytest.fixture
def timescale_database(timescale: TimescaleServer) -> Iterator[str]:
    """The connection string of a migrated TimescaleDB without rows."""
    with new_database(timescale.dsn) as dsn:
        migrate(dsn)
        yield dsn


@pytest.fixture(params=["timescale", "embedded"])
def empty_database(request: pytest.FixtureRequest) -> Iterator[str]:
    """The connection string of a database without tables, of each kind of server."""
    server: TimescaleServer | EmbeddedPostgres = request.getfixturevalue(request.param)
    with new_database(server.dsn) as dsn:
        yield dsn


@pytest.fixture
def database(empty_database: str) -> str:
    """The same after the migrations."""
    migrate(empty_database)
    return empty_database
