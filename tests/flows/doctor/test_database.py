from typing import Any, cast

import psycopg
import pytest

from flows.doctor.database import (
    check_clock,
    check_edition,
    check_migrations,
    check_reader,
    examine_database,
    judge_clock,
)
from flows.settings import DatabaseSettings, Settings
from sinks.database import Connection
from sinks.migrate import Migration, MigrationError


class StubConnection:
    """Answers every query with the one row."""

    def __init__(self, *row: Any) -> None:
        self._row = row

    def execute(self, _: str) -> "StubConnection":
        return self

    def fetchone(self) -> tuple[Any, ...]:
        return self._row


def answering(*row: Any) -> Connection:
    return cast(Connection, StubConnection(*row))


@pytest.mark.parametrize(
    ("edition", "embedded", "state", "found"),
    [
        ("timescale", False, "ok", "Community edition"),
        ("apache", False, "ok", "Apache edition"),
        (None, False, "warn", "plain PostgreSQL"),
        (None, True, "ok", "plain PostgreSQL"),
    ],
)
def test_the_edition(edition: str | None, embedded: bool, state: str, found: str) -> None:
    finding = check_edition(answering(edition), embedded=embedded)
    assert (finding.state, finding.found.startswith(found)) == (state, True)


def raising(error: Exception) -> Any:
    def pending(_: Connection) -> list[Migration]:
        raise error

    return pending


@pytest.mark.parametrize(
    ("pending", "state", "found"),
    [
        (lambda _: [], "ok", "all applied"),
        (
            lambda _: [Migration("0001.sql", ""), Migration("0002.sql", "")],
            "bad",
            "2 to be applied: 0001.sql, 0002.sql",
        ),
        (raising(MigrationError("0001.sql was changed")), "bad", "0001.sql was changed"),
        (raising(psycopg.errors.InsufficientPrivilege("permission denied")), "bad", "permission denied"),
    ],
)
def test_migrations(monkeypatch: pytest.MonkeyPatch, pending: Any, state: str, found: str) -> None:
    monkeypatch.setattr("flows.doctor.database.pending", pending)
    finding = check_migrations(answering())
    assert (finding.state, finding.found) == (state, found)
    assert (finding.advice == "") == (state == "ok")


@pytest.mark.parametrize(
    ("offset", "doubt", "state"),
    [
        (0.0, 0.0, "ok"),
        (-0.9, 0.0, "ok"),
        (1.5, 0.1, "warn"),
        (-1.5, 0.1, "warn"),
        (9.0, 8.5, "ok"),
        (-5.2, 0.1, "bad"),
    ],
)
def test_what_an_offset_of_clocks_means(offset: float, doubt: float, state: str) -> None:
    finding = judge_clock(offset, doubt, tolerance_s=5.0)
    assert finding.state == state
    assert ("chrony" in finding.advice) == (state != "ok")


def test_the_servers_clock_is_held_against_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([1_000_000_000_000, 1_000_200_000_000])
    monkeypatch.setattr("time.time_ns", lambda: next(times))
    finding = check_clock(answering(1_007.1), tolerance_s=5.0)
    assert (finding.state, finding.found) == ("bad", "+7.000 s from this machine's, give or take 0.100 s")


@pytest.mark.parametrize(
    "dsn",
    [
        "postgresql://candlewick:hunter2@127.0.0.1:1/candlewick",
        "postgres//candlewick:hunter2@127.0.0.1:1/candlewick",
        "postgresql://candlewick:hunt@er2@127.0.0.1:1/candlewick",
        "host=127.0.0.1 port=1 password=hunter2",
        "host=127.0.0.1 port=one password=hunter2",
        "host 127.0.0.1 password=hunter2",
    ],
)
def test_a_database_that_is_away_and_no_password_is_told(dsn: str) -> None:
    findings = examine_database(Settings(database=DatabaseSettings(dsn=dsn, read_dsn=dsn)))
    assert [finding.state for finding in findings] == ["bad"] * 5
    assert [finding.check for finding in findings][::4] == ["database", "read-only role"]
    assert all(finding.advice for finding in findings)
    assert not any(part in finding.found for finding in findings for part in ("hunter2", "er2"))
    assert not any("\n" in finding.found for finding in findings)


def test_a_malformed_read_only_string() -> None:
    assert check_reader("what?").found == "database.read_dsn is no connection string"
