"""Who asks whether it is ready costs the store little, however many ask."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from psycopg import AsyncConnection

from api.config import ApiConfig
from api.database import Database
from api.readiness import Readying


class _Counting(Database):
    asked = 0

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection[Any]]:
        """A connection, counted."""
        self.asked += 1
        async with super().read() as connection:
            yield connection


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.mark.anyio
async def test_all_who_ask_within_a_second_are_given_one_answer(market: str) -> None:
    now, config = [100.0], ApiConfig(dsn=market, max_book_age_s=1e6, max_close_age_s=1e6)
    async with _Counting(config) as store:
        readying = Readying(store, config, lambda: now[0])
        told = await asyncio.gather(*(readying.state() for _ in range(100)))
        assert all(each.ready for each in told)
        now[0] += 0.9
        await readying.state()
        assert store.asked == 1
        now[0] += 0.2
        await asyncio.gather(*(readying.state() for _ in range(100)))
        assert store.asked == 2
