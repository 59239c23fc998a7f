"""The database crashes, is locked, has no free connection, is away for minutes: signals do not wait, rows follow."""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import psycopg
import pytest

from tests.faults.conftest import Form, Markets
from tests.faults.stand import Stand
from tests.faults.table import Finding
from tests.faults.verdict import counts
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import until
from tests.integration.timescale_server import TimescaleServer

pytestmark = [pytest.mark.integration, pytest.mark.fault("database")]

_SECONDS: Final = 600
_CATCH_UP: Final = 10.0
"""Seconds that the store may take for a minute of backlog, at least once."""


def test_crashes_a_lock_and_no_connection(
    form: Form,
    market: Markets,
    brokers: Callable[[], KafkaBroker],
    timescale: TimescaleServer,
    timescale_database: str,
    tmp_path: Path,
    finding: Finding,
) -> None:
    """One after the other while the market goes on; the store is one process from beginning to end."""
    crashes, held_s = form.number(2, 5), form.amount(1.0, 12.0)
    finding.injected(f"{crashes} crashes (-m immediate); a locked table and no free connection, {held_s:.0f} s each")
    with Stand(brokers(), tmp_path, market(_SECONDS), dsn=timescale_database) as stand:
        feed = stand.feed(speed=_SECONDS / (6 + 2 * crashes + 2 * held_s))
        stand.start_engine()
        stand.store.start()
        for _ in range(crashes):
            more_rows(stand)
            timescale.crash()
            timescale.start()
        for fault in (locked_table, no_connection):
            more_rows(stand)
            with fault(timescale_database):
                time.sleep(held_s)
        feed.end()
        assert stand.store.alive, stand.store.words()
        stand.finish()
        verdict = stand.verdict()
    finding.found(**verdict._asdict())
    assert verdict.good


def test_away(
    form: Form,
    market: Markets,
    brokers: Callable[[], KafkaBroker],
    timescale: TimescaleServer,
    timescale_database: str,
    tmp_path: Path,
    finding: Finding,
) -> None:
    """The engine ends its work meanwhile; the store waits in as much memory, and then catches up."""
    away_s = form.amount(5.0, 300.0)
    finding.injected(f"database down for {away_s:.0f} s")
    with Stand(brokers(), tmp_path, market(_SECONDS), dsn=timescale_database) as stand:
        stand.store.start()
        feed = stand.feed(speed=_SECONDS / away_s)
        stand.start_engine()
        more_rows(stand)
        with timescale.away():
            began, memory_mb = time.monotonic(), stand.store.memory_mb
            feed.end(away_s + 60)
            fed = time.monotonic()
            stand.wait(stand.market.results)
            delay_s = time.monotonic() - fed
            time.sleep(max(0.0, began + away_s - time.monotonic()))
            grown_mb, backlog_s = stand.store.memory_mb - memory_mb, time.monotonic() - began
        began = time.monotonic()
        until(lambda: counts(timescale_database) == stand.market.rows, "all rows", patience_s=300)
        caught_up_s = time.monotonic() - began
        stand.finish()
        verdict = stand.verdict()
    finding.found(**verdict._asdict(), results_after_last_event_s=delay_s, store_grew_mb=grown_mb)
    finding.found(rows_complete_after_s=caught_up_s)
    assert verdict.good
    assert delay_s < form.limit_s(5.0)
    assert grown_mb < 20.0
    assert caught_up_s < form.limit_s(_CATCH_UP) * max(1.0, backlog_s / 60)


def more_rows(stand: Stand) -> None:
    """Until the store has written something more, or all that there will be."""
    wanted = min(rows(stand) + 1, stand.market.rows["books"])
    until(lambda: rows(stand) >= wanted or not stand.store.alive, "rows")
    assert stand.store.alive, stand.store.words()


def rows(stand: Stand) -> int:
    """In the tables, while the server is there."""
    with psycopg.connect(stand.dsn) as connection:
        found = connection.execute("SELECT count(*) FROM books").fetchone()
    return int(found[0]) if found else 0


@contextmanager
def locked_table(dsn: str) -> Iterator[None]:
    """Somebody changes a table without end; one, since with more there would be a deadlock now and then."""
    with psycopg.connect(dsn) as connection:
        connection.execute("LOCK TABLE bars IN ACCESS EXCLUSIVE MODE")
        yield
        connection.rollback()


@contextmanager
def no_connection(dsn: str) -> Iterator[None]:
    """The store has lost its session, and others have taken all that there are."""
    with ExitStack() as stack:
        taken = [stack.enter_context(psycopg.connect(dsn, autocommit=True))]
        taken[0].execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'candlewick store'"
        )
        with suppress(psycopg.OperationalError):
            while True:
                taken.append(stack.enter_context(psycopg.connect(dsn)))
        yield
