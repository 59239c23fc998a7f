"""A role for each part, on the real TimescaleDB: each can do its work, and none can do more."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from api.config import ApiConfig
from sinks.api_keys import add_key
from sinks.database import connect
from sinks.migrate import migrate
from sinks.timescale import TimescaleWriter
from tests.api.serving import running
from tests.integration.records import messages, results
from tests.integration.timescale_fixtures import new_database
from tests.integration.timescale_server import TimescaleServer

pytestmark = pytest.mark.integration

_ROLES: Final = Path(__file__).parents[2] / "deploy" / "roles.sql"


@pytest.fixture(scope="module")
def dsn(timescale: TimescaleServer) -> Iterator[str]:
    """A database with the roles of the documentation, migrated by its owner."""
    with new_database(timescale.dsn) as name:
        with psycopg.connect(name, autocommit=True) as superuser:
            for _ in range(2):
                superuser.execute(_ROLES.read_bytes())
        migrate(make_conninfo(name, user="candlewick_owner"))
        yield name


def test_the_store_writes_the_api_reads_and_the_owner_keeps_the_keys(dsn: str) -> None:
    writer = TimescaleWriter(make_conninfo(dsn, user="candlewick_store"))
    assert writer.write(messages(results(60)))
    writer.close()
    with connect(make_conninfo(dsn, user="candlewick_owner")) as owner:
        add_key(owner, "desk", "read")
    config = ApiConfig(dsn=make_conninfo(dsn, user="candlewick_api"), port=0)
    with running(config) as address:
        assert httpx.get(f"{address}/health").status_code == 200
    with connect(make_conninfo(dsn, user="candlewick_api")) as api:
        assert api.execute("SELECT count(*) FROM api_keys").fetchone() == (1,)
        assert api.execute("SELECT count(*) > 0 FROM signals").fetchone() == (True,)
    with connect(make_conninfo(dsn, user="candlewick_owner")) as owner:
        assert owner.execute("SELECT count(*) FROM timescaledb_information.hypertables").fetchone() == (11,)


@pytest.mark.parametrize("role", ["candlewick_store", "candlewick_api"])
@pytest.mark.parametrize(
    "statement",
    [
        "DROP TABLE signals", "ALTER TABLE signals ADD COLUMN x int", "TRUNCATE signals", "DELETE FROM signals",
        "UPDATE signals SET confidence = 1", "CREATE TABLE mine (x int)", "CREATE SCHEMA mine", "DROP VIEW bars_latest",
        "INSERT INTO api_keys (id, name, role, hash) VALUES ('x', 'x', 'admin', sha256('x'))", "DELETE FROM api_keys",
        "INSERT INTO audit (actor, action, subject, detail) VALUES ('', '', '', '')", "DELETE FROM audit",
        "INSERT INTO schema_migrations (name, sha256) VALUES ('x', 'x')", "CREATE ROLE mine",
        "SET ROLE candlewick_owner",
    ],
)  # fmt: skip
def test_neither_changes_tables_results_or_keys(dsn: str, role: str, statement: str) -> None:
    with connect(make_conninfo(dsn, user=role)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        ("candlewick_store", "SELECT FROM api_keys"),
        ("candlewick_api", "INSERT INTO stream_offsets (topic, partition, next_offset) VALUES ('x', 0, 0)"),
        ("candlewick_api", "CREATE TEMP TABLE mine (x int)"),
        ("candlewick_api", "SELECT refresh_features_wide()"),
    ],
)
def test_each_has_less_than_the_other(dsn: str, role: str, statement: str) -> None:
    with connect(make_conninfo(dsn, user=role)) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute(statement.encode())
