"""What the API's own tests do not reach: the order of storing under writers that overlap."""

import threading
from collections.abc import AsyncIterator, Iterator
from uuid import UUID

import psycopg
import pytest
from psycopg import AsyncConnection

from flows.embedded.postgres import EmbeddedPostgres
from schemas.signals import Signal
from schemas.time import MINUTE
from sinks.figures import missing_tables
from sinks.migrate import migrate
from sinks.queries import newest_stored, signals_after, stored_seq
from sinks.queries import signal as by_identifier
from tests.api.market import BTC, signal
from tests.integration.timescale_fixtures import new_database

START = 1_723_161_600_000_000_000
INSERT = """
    INSERT INTO signals (id, time, instrument_id, timeframe, strategy, strategy_version, direction, confidence,
        calibrated, horizon, entry_low, entry_high, stop, targets, risk_reward, ts_event, ts_decided, expiry,
        key_factors, explanation, models, schema_hash, quality, bid, ask, status, vetoes)
    VALUES (%(id)s, ns_to_time(%(ts_event)s), %(instrument_id)s, '1m', 'x', '1', 'long', 0.5, false, 1, 1, 1, 1,
        '{1,2,3}', 2, %(ts_event)s, 1, 1, '[]', '', '[]', '', '{}', 1, 1, 'published', '{}')
    ON CONFLICT DO NOTHING
"""


def published(minute: int) -> Signal:
    record = list(signal(BTC, START + minute * MINUTE, 64_000.0))[-1][1]
    assert isinstance(record, Signal)
    return record


def insert(connection: psycopg.Connection[tuple[object, ...]], minute: int) -> None:
    one = published(minute)
    connection.execute(INSERT, {"id": one.id, "ts_event": one.ts_event, "instrument_id": BTC})


@pytest.fixture(scope="module")
def server(embedded: EmbeddedPostgres) -> EmbeddedPostgres:
    return embedded


@pytest.fixture
def dsn(server: EmbeddedPostgres) -> Iterator[str]:
    with new_database(server.dsn) as own:
        migrate(own)
        yield own


@pytest.fixture
async def connection(dsn: str) -> AsyncIterator[AsyncConnection[tuple[object, ...]]]:
    async with await AsyncConnection.connect(dsn, autocommit=True) as opened:
        yield opened


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_who_commits_later_is_later_in_the_order(
    dsn: str, connection: AsyncConnection[tuple[object, ...]]
) -> None:
    second_done = threading.Event()

    def second() -> None:
        with psycopg.connect(dsn) as other:
            insert(other, 2)
        second_done.set()

    with psycopg.connect(dsn) as first:
        insert(first, 1)
        thread = threading.Thread(target=second)
        thread.start()
        assert not second_done.wait(0.3)  # it waits for the first, so that nobody can see it sooner
        assert await signals_after(connection, 0, limit=10) == []
    thread.join()
    seen = await signals_after(connection, 0, limit=10)
    assert [one.signal and one.signal.id for one in seen] == [published(1).id, published(2).id]
    assert await newest_stored(connection) == (seen[-1].seq, published(2).id)
    assert await stored_seq(connection, published(1).id) == seen[0].seq
    assert await signals_after(connection, seen[0].seq, limit=10) == seen[1:]


@pytest.mark.anyio
async def test_a_signal_that_comes_again_keeps_its_place(
    dsn: str, connection: AsyncConnection[tuple[object, ...]]
) -> None:
    for minutes in ((1, 2), (2, 1, 3)):
        with psycopg.connect(dsn) as writer:
            for minute in minutes:
                insert(writer, minute)
    assert [one.signal and one.signal.ts_event for one in await signals_after(connection, 0, limit=10)] == [
        START + minute * MINUTE for minute in (1, 2, 3)
    ]
    assert await stored_seq(connection, str(UUID(int=0))) is None


@pytest.mark.anyio
async def test_a_signal_is_found_by_its_identifier(dsn: str, connection: AsyncConnection[tuple[object, ...]]) -> None:
    with psycopg.connect(dsn) as writer:
        insert(writer, 1)
    found = await by_identifier(connection, published(1).id)
    assert found is not None
    assert (found.id, found.status, found.models) == (published(1).id, "published", [])
    assert await by_identifier(connection, str(UUID(int=0))) is None


@pytest.mark.anyio
async def test_missing_tables(server: EmbeddedPostgres, connection: AsyncConnection[tuple[object, ...]]) -> None:
    assert await missing_tables(connection) == []
    await connection.execute("ALTER TABLE gaps RENAME TO something_else")
    assert await missing_tables(connection) == ["gaps"]
