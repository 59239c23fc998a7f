"""The migrations on a real TimescaleDB and on plain PostgreSQL: the same names, the same answers, clear errors."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from typer import Typer
from typer.testing import CliRunner

from flows.cli.migrate import migrate as command
from flows.embedded.postgres import EmbeddedPostgres
from sinks.database import DatabaseError, UnreachableError
from sinks.migrate import MigrationError, migrate, read_migrations
from sinks.timescale import TimescaleWriter
from tests.integration.records import messages, results
from tests.integration.timescale_fixtures import new_database
from tests.integration.timescale_server import TimescaleServer

pytestmark = pytest.mark.integration

_COLUMNS = """
    SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY 1, 2"""


def _login(dsn: str, group: str) -> str:
    """A connection string for a role of its own in ``group``."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        name = f"{group}_{connection.info.dbname}"
        connection.execute(f"CREATE ROLE {name} LOGIN IN ROLE {group}".encode())
    return make_conninfo(dsn, user=name)


def test_a_second_run_finds_nothing_to_do(empty_database: str) -> None:
    assert migrate(empty_database) == [migration.name for migration in read_migrations()]
    assert migrate(empty_database) == []


def test_both_servers_have_the_same_columns(timescale: TimescaleServer, embedded: EmbeddedPostgres) -> None:
    found = []
    for server in (timescale, embedded):
        with new_database(server.dsn) as dsn:
            migrate(dsn)
            with psycopg.connect(dsn) as connection:
                found.append(connection.execute(_COLUMNS).fetchall())
    assert found[0] == found[1]


def test_tables_are_hypertables_where_the_extension_is(timescale_database: str) -> None:
    with psycopg.connect(timescale_database) as connection:
        rows = connection.execute("SELECT hypertable_name FROM timescaledb_information.hypertables").fetchall()
    assert {name for (name,) in rows} == {
        "bars", "features_packed", "contexts_packed", "books", "candidates", "signals", "outcomes", "gaps", "drift",
        "dead_letters", "levels",
    }  # fmt: skip


def test_plain_servers_say_so(embedded: EmbeddedPostgres) -> None:
    remarks: list[str] = []
    with new_database(embedded.dsn) as dsn:
        migrate(dsn, notify=remarks.append)
    assert remarks == ["TimescaleDB is not loaded by this server: plain tables"]


def test_times_are_exact_and_buckets_alike(database: str) -> None:
    with psycopg.connect(database) as connection:
        row = connection.execute(
            "SELECT time_to_ns(ns_to_time(1723161600123456789)),"
            " time_bucket(interval '7 days', timestamptz '2024-08-09 12:00+00')"
        ).fetchone()
    assert row == (1723161600123456000, datetime(2024, 8, 5, tzinfo=UTC))


def test_the_wide_view_has_a_column_a_feature(database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("SELECT refresh_features_wide(ARRAY['b', 'a c'])")
        columns = [column.name for column in connection.execute("SELECT * FROM features_wide").description or []]
    assert columns[-2:] == ["b", "a c"]


def test_features_stored_before_they_were_packed_are_read_as_before(empty_database: str, tmp_path: Path) -> None:
    for migration in read_migrations():
        if migration.name < "0140":
            (tmp_path / migration.name).write_text(migration.sql)
    migrate(empty_database, tmp_path)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute("""
            INSERT INTO features
                (id, time, instrument_id, timeframe, ts_close, ts_decided, schema_hash, features, tainted)
            VALUES (
                gen_random_uuid(), ns_to_time(7000), 'x:A', '1m', 7000, 8000, 'old', '{"b": 2.5, "a": null}', '{}'
            )""")
        connection.execute("SELECT refresh_features_wide()")
        connection.execute("CREATE VIEW a_users_own AS SELECT b FROM features_wide")
        migrate(empty_database)
        rows = [
            connection.execute("SELECT features FROM features").fetchall(),
            connection.execute("SELECT features FROM vectors").fetchall(),
            connection.execute("SELECT feature, value FROM feature_values ORDER BY 1").fetchall(),
            connection.execute("SELECT a, b FROM features_wide").fetchall(),
            connection.execute("SELECT * FROM a_users_own").fetchall(),
        ]
    assert rows == [[({"a": None, "b": 2.5},)]] * 2 + [[("a", None), ("b", 2.5)], [(None, 2.5)], [(2.5,)]]


def test_tables_with_most_rows_have_one_index(database: str) -> None:
    """Each further one is upkeep at every row that is stored."""
    query = "SELECT tablename FROM pg_indexes WHERE schemaname = 'public' GROUP BY 1 HAVING count(*) = 1"
    with psycopg.connect(database) as connection:
        once = {name for (name,) in connection.execute(query).fetchall()}
    assert once >= {"books", "levels", "bars", "features_packed", "contexts_packed", "drift"}


def test_readers_read_and_writers_write_no_more_than_they_must(database: str) -> None:
    writer = TimescaleWriter(_login(database, "candlewick_write"))
    assert writer.write(messages(results(60)))
    writer.close()
    with psycopg.connect(_login(database, "candlewick_read"), autocommit=True) as connection:
        for view in ("bars", "features_wide", "feature_values", "bars_daily", "gaps_hourly", "instruments"):
            assert connection.execute(f"SELECT count(*) > 0 FROM {view}".encode()).fetchone() == (True,)
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("DELETE FROM bars")
    user = f"candlewick_write_{psycopg.conninfo.conninfo_to_dict(database)['dbname']}"
    with psycopg.connect(make_conninfo(database, user=user), autocommit=True) as connection:
        for forbidden in ("DELETE FROM bars", "UPDATE signals SET confidence = 1", "DROP TABLE bars"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(forbidden.encode())


def test_who_may_only_read_holds_up_neither_the_store_nor_a_signal(timescale_database: str) -> None:
    writer = TimescaleWriter(_login(timescale_database, "candlewick_write"), patience=0.1)
    with psycopg.connect(_login(timescale_database, "candlewick_read")) as reader:
        for key in ("hashtextextended('signal_order', 0)", 0x6377746F72):
            reader.execute(f"SELECT pg_advisory_lock({key})".encode())
        reader.execute("LOCK TABLE signals, signal_order IN ACCESS SHARE MODE")
        for stronger in ("LOCK TABLE signal_turn IN ACCESS SHARE MODE", "SELECT FROM signal_order FOR KEY SHARE"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), reader.transaction():
                reader.execute(stronger.encode())
        done: list[bool] = []
        work = threading.Thread(target=lambda: done.append(writer.write(messages(results(60)))), daemon=True)
        work.start()
        work.join(20)
        assert done == [True]
    writer.close()


def test_a_signal_is_numbered_only_once_the_one_before_is_visible(database: str) -> None:
    """Or a reader that has seen the later number would never see the earlier one."""
    writer = TimescaleWriter(database)
    assert writer.write(messages(results(60)))
    writer.close()
    another = """
        INSERT INTO signals SELECT r.* FROM signals s,
            jsonb_populate_record(s, jsonb_build_object('id', gen_random_uuid())) r LIMIT 1"""
    numbers = "SELECT count(*) FROM signal_order"
    with psycopg.connect(database) as first, psycopg.connect(database) as second:
        before = first.execute(numbers).fetchone()
        first.execute(another)
        second.execute("SET lock_timeout = '50ms'")
        second.commit()
        with pytest.raises(psycopg.errors.LockNotAvailable), second.transaction():
            second.execute(another)
        assert second.execute(numbers).fetchone() == before  # readers do not wait
        first.commit()
        second.execute(another)


def test_a_role_without_rights_is_told_so(database: str) -> None:
    reader = TimescaleWriter(_login(database, "candlewick_read"), patience=0.0)
    with pytest.raises(DatabaseError, match="permission denied for"):
        reader.write(messages(results(1)))
    reader.close()


def test_a_failing_file_is_undone_and_named(empty_database: str, tmp_path: Path) -> None:
    (tmp_path / "0001_first.sql").write_text("CREATE TABLE schema_migrations (name text, sha256 text);")
    (tmp_path / "0002_second.sql").write_text("CREATE TABLE kept (x int);\n\n-- why\nSELECT 1,\n  colour FROM kept;\n")
    with pytest.raises(MigrationError, match=r"0002_second.sql line 5, in `SELECT 1,`: column .colour. does not exist"):
        migrate(empty_database, tmp_path)
    (tmp_path / "0002_second.sql").write_text("CREATE TABLE kept (x int);")
    assert migrate(empty_database, tmp_path) == ["0002_second.sql"]


def test_a_changed_or_unknown_file_is_refused(empty_database: str, tmp_path: Path) -> None:
    first = tmp_path / "0001_first.sql"
    first.write_text("CREATE TABLE schema_migrations (name text, sha256 text);")
    migrate(empty_database, tmp_path)
    first.write_text("CREATE TABLE schema_migrations (name text, sha256 text, more text);")
    with pytest.raises(MigrationError, match=r"0001_first.sql was changed after it was applied"):
        migrate(empty_database, tmp_path)
    first.unlink()
    with pytest.raises(MigrationError, match="unknown to this version"):
        migrate(empty_database, tmp_path)


def test_who_may_not_create_tables_is_told_by_whom_to_migrate(empty_database: str) -> None:
    with psycopg.connect(empty_database, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE guest_{connection.info.dbname} LOGIN".encode())
        guest = make_conninfo(empty_database, user=f"guest_{connection.info.dbname}")
    with pytest.raises(MigrationError, match=r"0001_tables.sql line 11, .*permission denied .*role that owns"):
        migrate(guest)
    migrate(empty_database)
    with pytest.raises(DatabaseError, match=r"^database .*: permission denied for table schema_migrations$"):
        migrate(guest)


@pytest.mark.parametrize(
    ("dsn", "message"),
    [
        ("host=127.0.0.1 port=1 dbname=x", r"database host=127.0.0.1 port=1 dbname=x: .*refused"),
        ("postgresql://nobody:secret@127.0.0.1:1/x", r"database host=127.0.0.1 port=1 user=nobody dbname=x: "),
    ],
)
def test_an_unreachable_server_is_named_without_its_password(dsn: str, message: str) -> None:
    with pytest.raises(UnreachableError, match=message) as caught:
        migrate(dsn)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_malformed_connection_string_is_answered_with_a_right_one() -> None:
    with pytest.raises(DatabaseError, match=r"such as postgresql://"):
        migrate("hots=here")


def test_the_command_says_what_it_did(empty_database: str) -> None:
    app = Typer()
    app.command()(command)
    done = CliRunner().invoke(app, ["--dsn", empty_database])
    assert done.exit_code == 0
    assert "applied 0001_tables.sql" in done.stdout
    assert "up to date" in CliRunner().invoke(app, ["--dsn", empty_database]).stdout


def test_times_for_people_are_exact_to_the_microsecond(database: str) -> None:
    """As far as any time stamp of a record may go, and next to its limits."""
    exact = "timestamptz '1970-01-01 00:00:00+00' + (ns / 1000) * interval '1 microsecond'"
    spread = "(1230768000 + n * 287167.44)::bigint * 1000000000 + n * 7919 % 1000000000 FROM generate_series(0, 9999) n"
    limits = "unnest(ARRAY[0, 999, 1000, 1230768000000000000, 4102444799999999999, 4102444800000000000])"
    query = f"""
        SELECT count(*) > 10000, count(*) FILTER (WHERE ns_to_time(ns) <> {exact})
        FROM (SELECT {spread} UNION SELECT {limits}) AS t (ns)"""
    with psycopg.connect(database) as connection:
        assert connection.execute(query.encode()).fetchone() == (True, 0)
