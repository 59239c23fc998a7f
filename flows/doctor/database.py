"""The database: reachable, which edition, how far migrated, and its clock."""

import time
from typing import Final

import psycopg

from flows.doctor.finding import Finding, State, not_checked
from flows.settings import Settings
from schemas.time import SECOND
from sinks.database import Connection, DatabaseError, address, connect, fault, one_line
from sinks.migrate import MigrationError, pending

__all__ = [
    "check_clock",
    "check_edition",
    "check_migrations",
    "check_reader",
    "examine_database",
    "judge_clock",
    "malformed",
]

_DEPENDENT: Final = ("timescaledb", "migrations", "clock of the database")
_WARN_S: Final = 1.0


def examine_database(settings: Settings) -> list[Finding]:
    """The findings of this module, in their order."""
    dsn, read_dsn = settings.database.dsn, settings.database.read_dsn
    findings = _examine_writer(dsn, settings)
    return findings if read_dsn is None else [*findings, check_reader(read_dsn)]


def _examine_writer(dsn: str, settings: Settings) -> list[Finding]:
    wrong = malformed("database", "database.dsn", dsn)
    if wrong is not None:
        return [wrong, *(not_checked(name, "database.dsn is wrong") for name in _DEPENDENT)]
    try:
        with connect(dsn) as connection:
            version = connection.info.parameter_status("server_version")
            return [
                Finding("database", "ok", f"PostgreSQL {version}, {address(dsn)}"),
                check_edition(connection, embedded=settings.profile == "embedded"),
                check_migrations(connection),
                check_clock(connection, settings.engine.future_tolerance_s),
            ]
    except (DatabaseError, psycopg.Error) as error:
        advice = "start PostgreSQL or TimescaleDB there, or set database.dsn; `make demo` brings its own"
        broken = Finding("database", "bad", one_line(error), advice)
        return [broken, *(not_checked(name, "there is no database") for name in _DEPENDENT)]


def malformed(check: str, key: str, dsn: str) -> Finding | None:
    """What is wrong with ``dsn`` as a text, told without repeating any of it."""
    wrong = fault(dsn)
    if wrong is None:
        return None
    found, _, advice = wrong.partition("; ")
    return Finding(check, "bad", f"{key} {found}", advice)


def check_edition(connection: Connection, *, embedded: bool) -> Finding:
    """Which TimescaleDB there is, and what the tables lack without it."""
    row = connection.execute("SELECT current_setting('timescaledb.license', true)").fetchone()
    edition = row[0] if row else None
    if edition == "timescale":
        return Finding("timescaledb", "ok", "Community edition: hypertables, compression, retention")
    if edition == "apache":
        found = "Apache edition: hypertables, but no compression and no retention"
        return Finding("timescaledb", "ok", found, "the Community edition compresses and drops old data by itself")
    found = "plain PostgreSQL: ordinary tables with the same names and queries"
    advice = "" if embedded else "fine for small amounts; TimescaleDB for months of data"
    return Finding("timescaledb", "ok" if embedded else "warn", found, advice)


def check_migrations(connection: Connection) -> Finding:
    """Whether the tables are those of this version."""
    try:
        missing = pending(connection)
    except MigrationError as error:
        return Finding("migrations", "bad", str(error), "run the version of Candlewick that this database is of")
    except psycopg.Error as error:
        return Finding("migrations", "bad", one_line(error), "GRANT candlewick_write TO the role of database.dsn")
    if missing:
        names = ", ".join(migration.name for migration in missing)
        return Finding("migrations", "bad", f"{len(missing)} to be applied: {names}", "candlewick migrate")
    return Finding("migrations", "ok", "all applied")


def check_clock(connection: Connection, tolerance_s: float) -> Finding:
    """How far the server's clock is from ours, to half of a round trip.

    Parameters:
        tolerance_s: beyond it an event counts as from the future (``engine.future_tolerance_s``).
    """
    sent = time.time_ns()
    row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    received = time.time_ns()
    theirs = float(row[0]) if row else 0.0
    return judge_clock(theirs - (sent + received) / 2 / SECOND, (received - sent) / 2 / SECOND, tolerance_s)


def judge_clock(offset_s: float, doubt_s: float, tolerance_s: float) -> Finding:
    """What an offset between two clocks means; all in seconds."""
    certain = max(0.0, abs(offset_s) - doubt_s)
    state: State = "bad" if certain > tolerance_s else "warn" if certain > _WARN_S else "ok"
    advice = "" if state == "ok" else "synchronise both machines' clocks (chrony, NTP)"
    found = f"{offset_s:+.3f} s from this machine's, give or take {doubt_s:.3f} s"
    return Finding("clock of the database", state, found, advice)


def check_reader(dsn: str) -> Finding:
    """Whether the role that may only read can do so."""
    check = "read-only role"
    wrong = malformed(check, "database.read_dsn", dsn)
    if wrong is not None:
        return wrong
    try:
        with connect(dsn) as connection:
            connection.execute("SELECT FROM signals LIMIT 0")
    except (DatabaseError, psycopg.Error) as error:
        advice = "candlewick migrate, then GRANT candlewick_read TO the role of database.read_dsn"
        return Finding(check, "bad", one_line(error), advice)
    return Finding(check, "ok", address(dsn))
