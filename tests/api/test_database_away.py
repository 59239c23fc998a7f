"""Without its database the API is up and says what is wrong; when the database is back, so is everything."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import psycopg
import pytest

from api.config import ApiConfig
from flows.embedded.postgres import EmbeddedPostgres
from sinks.migrate import migrate
from tests.api.market import BTC, definition, fill
from tests.api.serving import running, wait_for

START = 1_723_161_600_000_000_000
DATA = [
    "/instruments",
    "/signals",
    f"/signals/{BTC}",
    f"/bars/{BTC}",
    f"/features/{BTC}",
    f"/books/{BTC}",
    f"/levels/{BTC}?timeframe=1m",
    "/gaps",
    "/stats",
]


@pytest.fixture
def server() -> Iterator[EmbeddedPostgres]:
    with tempfile.TemporaryDirectory(prefix="pg-") as folder:
        Path(folder).chmod(0o755)
        with EmbeddedPostgres(Path(folder)) as postgres:
            yield postgres


def test_it_goes_and_comes(server: EmbeddedPostgres) -> None:
    migrate(server.dsn)
    fill(server.dsn, [definition(BTC, START)])
    server.stop()
    config = ApiConfig(dsn=server.dsn, port=0, connect_timeout_s=0.1, poll_interval_s=0.05)
    with running(config) as address, httpx.Client(base_url=address) as api:
        for path in DATA:
            answer = api.get(path)
            assert answer.status_code == 503
            assert answer.json()["error"].startswith("the database cannot be reached")
        assert api.get("/health").status_code == 200
        assert api.get("/").status_code == 200
        ready = api.get("/ready")
        assert ready.status_code == 503
        assert [check["name"] for check in ready.json()["checks"]] == ["database"]
        assert "candlewick_api_database_up 0.0" in api.get("/metrics").text

        server.start()
        wait_for(lambda: api.get("/instruments").status_code == 200, 30)
        assert api.get(f"/signals/{BTC}").json() == {"items": [], "next": None}
        assert "candlewick_api_database_up 1.0" in api.get("/metrics").text

        server.stop()
        assert {api.get("/signals").status_code for _ in range(5)} == {503}


def test_missing_tables_are_named(embedded: EmbeddedPostgres) -> None:
    with running(ApiConfig(dsn=embedded.dsn, port=0)) as address, httpx.Client(base_url=address) as api:
        answer = api.get("/signals")
        assert answer.status_code == 503
        assert answer.json()["error"] == "the database lacks tables of this version; `candlewick migrate` makes them"
        checks = {check["name"]: check for check in api.get("/ready").json()["checks"]}
    assert not checks["migrations"]["ok"]
    assert checks["migrations"]["detail"].startswith("no table instruments, signal_order, stream_offsets, bars")


def test_a_slow_query_is_ended(store: str) -> None:
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("ALTER TABLE gaps RENAME TO real_gaps")
        connection.execute("CREATE VIEW gaps AS SELECT real_gaps.* FROM pg_sleep(5) LEFT JOIN real_gaps ON true")
    config = ApiConfig(dsn=store, port=0, statement_timeout_s=0.1)
    with running(config) as address, httpx.Client(base_url=address) as api:
        answer = api.get("/gaps")
    assert answer.status_code == 503
    assert answer.json()["error"] == "the database took too long; ask for a shorter span or a smaller limit"


def test_a_role_that_may_not_read_is_told_what_to_grant(store: str) -> None:
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS api_test_stranger")
        connection.execute("CREATE ROLE api_test_stranger LOGIN")
    stranger = psycopg.conninfo.make_conninfo(store, user="api_test_stranger")
    with (
        running(ApiConfig(dsn=stranger, port=0, keys_interval_s=0.05)) as address,
        httpx.Client(base_url=address) as api,
    ):
        answer = api.get("/signals")
        assert answer.status_code == 503
        advice = "grant it candlewick_read and candlewick_keys"
        assert answer.json()["error"] == f"the database role may not read the tables; {advice}"
        with psycopg.connect(store, autocommit=True) as connection:
            connection.execute("GRANT candlewick_read, candlewick_keys TO api_test_stranger")
        wait_for(lambda: api.get("/instruments").status_code == 200)
        assert [api.get(path).status_code for path in DATA if "sim:" not in path] == [200] * 4
        assert api.get("/ready").json()["checks"][1]["ok"]
    with psycopg.connect(store, autocommit=True) as connection:
        connection.execute("DROP ROLE api_test_stranger")
