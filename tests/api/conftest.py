"""Stores to read from: a market in each kind of database, and empty ones."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import httpx
import pytest

from api.config import ApiConfig
from flows.embedded.postgres import EmbeddedPostgres
from schemas.time import MINUTE
from sinks.migrate import migrate
from tests.api.market import BTC, ETH, SPOT, fill, history
from tests.api.serving import running
from tests.integration.timescale_fixtures import new_database

__all__ = ["MINUTES", "market_in"]

MINUTES: Final = 240


@pytest.fixture(scope="session")
def until() -> int:
    """The time (ns) up to which the market goes: a while ago, in the middle of a minute."""
    return time.time_ns() // MINUTE * MINUTE - 30 * MINUTE + 31_000_000_000


@contextmanager
def market_in(dsn: str, until: int) -> Iterator[str]:
    """The connection string of a database beside ``dsn`` with three instruments that nobody adds to."""
    with new_database(dsn) as own:
        migrate(own)
        for instrument_id in (BTC, ETH, SPOT):
            fill(own, history(instrument_id, until, minutes=MINUTES))
        yield own


@pytest.fixture(scope="session")
def market(embedded: EmbeddedPostgres, until: int) -> Iterator[str]:
    """The connection string of a store with such a market."""
    with market_in(embedded.dsn, until) as dsn:
        yield dsn


@pytest.fixture(scope="session")
def api(market: str) -> Iterator[httpx.Client]:
    """The API over that market."""
    with running(ApiConfig(dsn=market, port=0)) as address, httpx.Client(base_url=address) as client:
        yield client


@pytest.fixture
def store(embedded: EmbeddedPostgres) -> Iterator[str]:
    """The connection string of a store of the test's own, without rows."""
    with new_database(embedded.dsn) as dsn:
        migrate(dsn)
        yield dsn
