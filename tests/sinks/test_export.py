"""What is stored comes out as the files of a replay, and the changelog in its order."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest

from flows.embedded.postgres import EmbeddedPostgres
from schemas.results import Bar, Vector
from schemas.time import MINUTE, TIMEFRAME_NS
from schemas.topics import BY_NAME
from sinks.errors import SinkError
from sinks.export import export, model_changes, newest_alert
from sinks.migrate import migrate
from tests.api.market import BTC, fill, history
from tests.integration.timescale_fixtures import new_database

UNTIL = 1_723_161_600_000_000_000
TOPICS = ("signals.candidates", "features.vectors", "features.bars", "reference.instruments")


@pytest.fixture(scope="module")
def dsn(embedded: EmbeddedPostgres) -> Iterator[str]:
    with new_database(embedded.dsn) as own:
        migrate(own)
        fill(own, history(BTC, UNTIL, minutes=100))
        yield own


def repr_of(record: Any) -> str:
    return str(getattr(record, "id", record.instrument_id))


def test_equal_to_what_was_stored(dsn: str, tmp_path: Path) -> None:
    stored = [(topic, record) for topic, record in history(BTC, UNTIL, minutes=100) if topic in TOPICS]
    with psycopg.connect(dsn, autocommit=True) as connection:
        counts = export(connection, tmp_path)
    for topic in TOPICS:
        lines = (tmp_path / f"{topic}.jsonl").read_bytes().splitlines()
        found = [msgspec.json.decode(line, type=BY_NAME[topic].record) for line in lines]
        expected = [
            one for name, one in stored if name == topic and (topic != "features.vectors" or isinstance(one, Vector))
        ]
        assert counts[topic] == len(found) == len(expected) > 0
        assert sorted(found, key=repr_of) == sorted(expected, key=repr_of)


def test_only_what_is_new_enough(dsn: str, tmp_path: Path) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        export(connection, tmp_path, UNTIL - 10 * MINUTE)
    lines = (tmp_path / "features.vectors.jsonl").read_bytes().splitlines()
    assert lines
    assert min(msgspec.json.decode(line, type=Vector).ts_close for line in lines) >= UNTIL - 10 * MINUTE


def test_of_one_timeframe_alone(dsn: str, tmp_path: Path) -> None:
    topic = "features.bars"
    path, found = tmp_path / f"{topic}.jsonl", list[bytes]()
    with psycopg.connect(dsn, autocommit=True) as connection:
        export(connection, tmp_path, topics=[topic])
        everything = path.read_bytes().splitlines()
        for name in TIMEFRAME_NS:
            export(connection, tmp_path, topics=[topic], timeframe=name)
            lines = path.read_bytes().splitlines()
            assert {msgspec.json.decode(line, type=Bar).timeframe for line in lines} <= {name}
            found += lines
    assert sorted(found) == sorted(everything) != []


def test_the_changelog_is_in_order_and_alerts_are_found(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        events = list(model_changes(connection))
        assert [event.ts_event for event in events] == sorted(event.ts_event for event in events)
        assert len(events) >= 1
        assert newest_alert(connection) is None


def test_a_directory_that_is_not_there_is_one_line(dsn: str, tmp_path: Path) -> None:
    with (
        psycopg.connect(dsn, autocommit=True) as connection,
        pytest.raises(SinkError, match=r"candidates\.jsonl: No such file"),
    ):
        export(connection, tmp_path / "nowhere")
