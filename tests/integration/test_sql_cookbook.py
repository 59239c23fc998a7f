"""Every query of the cookbook, on both kinds of server, with a reader's rights."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import psycopg
import pytest

from flows.embedded.postgres import EmbeddedPostgres
from sinks.migrate import migrate
from sinks.timescale import TimescaleWriter
from tests.integration.records import messages, results
from tests.integration.timescale_fixtures import new_database
from tests.integration.timescale_server import TimescaleServer

pytestmark = pytest.mark.integration

_PAGE: Final = Path(__file__).parents[2] / "docs" / "sql-cookbook.md"
_QUERIES: Final = re.findall(
    r"^### ([^\n]+)\n(?:(?!###).)*?```sql\n(.*?)```", _PAGE.read_text(), re.DOTALL | re.MULTILINE
)


@pytest.fixture(scope="module", params=["timescale", "embedded"])
def researcher(request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
    """A reader of a database with three hours in it."""
    server: TimescaleServer | EmbeddedPostgres = request.getfixturevalue(request.param)
    with new_database(server.dsn) as dsn:
        migrate(dsn)
        writer = TimescaleWriter(dsn)
        assert writer.write(messages(results()))
        writer.close()
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("SET ROLE candlewick_read")
            yield connection


def test_the_page_has_no_query_without_a_question() -> None:
    assert len(_QUERIES) == _PAGE.read_text().count("```sql") >= 12


@pytest.mark.parametrize(("question", "query"), _QUERIES, ids=[question for question, _ in _QUERIES])
def test_it_answers(researcher: psycopg.Connection, question: str, query: str) -> None:
    rows = researcher.execute(query.encode()).fetchall()
    assert rows
    assert any(value is not None for value in rows[0])
