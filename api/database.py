"""The API's way to the store: a small pool of connections that can only read, and never for long."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, Final, Self

import psycopg
from fastapi import Depends, Request
from psycopg import AsyncConnection, IsolationLevel
from psycopg_pool import AsyncConnectionPool, PoolClosed, PoolTimeout, TooManyRequests

from api.config import ApiConfig
from api.errors import NotFoundError, reason
from sinks.queries import instrument_exists

__all__ = ["Database", "Store", "require_instrument"]

_WAITING: Final = 64  # requests in line for a connection; more get 503 at once rather than after the timeout
_RECONNECT_S: Final = 5.0  # give up an attempt after this: the next request begins a new one, without long back-off


class Database:
    """Connections to the store, opened when first needed: the API starts, and says so, without a database."""

    def __init__(self, config: ApiConfig) -> None:
        self._statement_timeout = f"{config.statement_timeout_s * 1000:.0f}ms"
        self._pool = AsyncConnectionPool(
            config.dsn, kwargs={"connect_timeout": max(2, round(config.connect_timeout_s))},
            min_size=1, max_size=config.connections, open=False, timeout=config.connect_timeout_s,
            max_waiting=_WAITING, reconnect_timeout=_RECONNECT_S, configure=self._configure,
            check=AsyncConnectionPool.check_connection, name="candlewick-api",
        )  # fmt: skip

    async def _configure(self, connection: AsyncConnection[Any]) -> None:
        await connection.set_read_only(True)
        await connection.set_isolation_level(IsolationLevel.REPEATABLE_READ)  # a request sees one state
        await connection.execute("SELECT set_config('statement_timeout', %s, false)", (self._statement_timeout,))
        await connection.commit()

    async def __aenter__(self) -> Self:
        await self._pool.open(wait=False)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close(timeout=1.0)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection[Any]]:
        """A connection in a read-only transaction of its own.

        Raises:
            UnavailableError: the database cannot be reached, is too slow, or is not the one this version needs.
        """
        try:
            async with self._pool.connection() as connection:
                yield connection
        except (psycopg.Error, PoolTimeout, PoolClosed, TooManyRequests) as error:
            raise reason(error) from error


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


Store = Annotated[Database, Depends(_database)]
"""A route's parameter."""


async def require_instrument(connection: AsyncConnection[Any], symbol: str) -> None:
    """Refuse a symbol that is not a known instrument.

    Raises:
        NotFoundError: there is no definition of it.
    """
    if "\0" in symbol or not await instrument_exists(connection, symbol):
        raise NotFoundError(f"unknown instrument {symbol!r:.140}; /instruments lists the known ones")
