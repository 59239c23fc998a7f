"""Going through pages while rows are added: nothing that was there is left out, nothing comes twice."""

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.config import ApiConfig
from flows.embedded.postgres import EmbeddedPostgres
from schemas.time import MINUTE, TIMEFRAMES
from sinks.migrate import migrate
from tests.api.market import Filler, definition, signal
from tests.api.serving import running
from tests.integration.timescale_fixtures import new_database

START = 1_723_161_600_000_000_000
moments = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(TIMEFRAMES)), max_size=6, unique=True)
"""Minutes and timeframes of signals; those of one minute share their time and are told apart by their identifier."""


class Desk:
    """Publishes signals, and reads them page by page."""

    def __init__(self, filler: Filler, api: httpx.Client) -> None:
        self._filler, self._api = filler, api
        self._names = (f"sim:X{number}/USDT" for number in count())

    def new_instrument(self) -> str:
        """An instrument without signals."""
        name = next(self._names)
        self._filler.put([definition(name, START)])
        return name

    def publish(self, name: str, at: list[Any]) -> None:
        """A signal of each of these minutes and timeframes, where there is none yet."""
        self._filler.put(
            record
            for minute, timeframe in at
            for record in signal(name, START + minute * MINUTE, 64_000.0, timeframe=timeframe)
        )

    def page(self, name: str, **query: str | int) -> tuple[list[tuple[int, str]], str | None]:
        """Time and identifier of what is on it, and the cursor behind it."""
        answer = self._api.get(f"/signals/{name}", params=query)
        assert answer.status_code == 200, answer.text
        body = answer.json()
        return [(item["ts_event"], item["id"]) for item in body["items"]], body["next"]


@pytest.fixture(scope="module")
def desk(embedded: EmbeddedPostgres) -> Iterator[Desk]:
    with new_database(embedded.dsn) as dsn:
        migrate(dsn)
        with (
            closing(Filler(dsn)) as filler,
            running(ApiConfig(dsn=dsn, port=0)) as address,
            httpx.Client(base_url=address) as api,
        ):
            yield Desk(filler, api)


@settings(max_examples=40, deadline=None)
@given(before=moments, meanwhile=st.lists(moments, max_size=4), limit=st.integers(1, 4))
def test_pages_neither_lose_nor_double_while_signals_are_added(
    desk: Desk, before: list[Any], meanwhile: list[list[Any]], limit: int
) -> None:
    name = desk.new_instrument()
    desk.publish(name, before)
    expected, last = desk.page(name, limit=500)
    assert last is None
    additions = iter(meanwhile)
    seen: list[tuple[int, str]] = []
    query: dict[str, str | int] = {"limit": limit}
    while True:
        shown, cursor = desk.page(name, **query)
        seen += shown
        if cursor is None:
            break
        assert len(shown) == limit
        query["cursor"] = cursor
        desk.publish(name, next(additions, []))
    assert seen == sorted({*seen}, reverse=True)
    assert {*expected} <= {*seen}
