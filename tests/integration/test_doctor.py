"""The doctor where everything runs."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from flows.doctor import examine
from flows.settings import ApiSettings, DatabaseSettings, EngineSettings, KafkaSettings, Settings
from schemas.market import TapeEnd
from schemas.time import SECOND
from schemas.topics import TOPICS
from sinks.clients import admin
from sinks.log_writer import LogWriter
from sinks.topics import create_topics
from tests.integration.kafka_broker import KafkaBroker

pytestmark = pytest.mark.integration


def test_nothing_is_bad_where_all_is_made(
    brokers: Callable[[], KafkaBroker], timescale_database: str, tmp_path: Path
) -> None:
    broker = brokers()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        free = probe.getsockname()[1]
    settings = Settings(
        kafka=KafkaSettings(bootstrap=broker.bootstrap, partitions=3),
        database=DatabaseSettings(dsn=timescale_database, read_dsn=timescale_database),
        engine=EngineSettings(recovery_dir=tmp_path / "recovery"),
        api=ApiSettings(port=free),
    )
    before = {finding.check: finding for finding in examine(settings)}
    assert before["topics"].advice == "candlewick topics create"
    assert before["clock of the log"].state == "bad"

    create_topics(admin(broker.client), partitions=3, replication=1)
    found = {finding.check: finding for finding in examine(settings)}
    assert [finding for finding in found.values() if finding.state == "bad"] == []
    assert found["topics"].found == f"all {len(TOPICS)} as registered"
    assert found["timescaledb"].found.startswith("Apache edition")
    assert found["migrations"].found == "all applied"
    assert found["read-only role"].state == "ok"

    with psycopg.connect(timescale_database) as connection:
        connection.execute("DELETE FROM schema_migrations WHERE name = '0003_views.sql'")
    with LogWriter(broker.client) as log:
        ahead = time.time_ns() + 600 * SECOND
        log.write(TapeEnd(instrument_id="a:X", ts_event=ahead, ts_received=ahead, source="test"))
    late = {finding.check: finding for finding in examine(settings)}
    assert late["migrations"].advice == "candlewick migrate"
    assert late["clock of the log"].state == "warn"
    assert late["clock of the log"].found.endswith(" s ahead of this machine")
    other = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"partitions": 4})})
    wrong = {finding.check: finding for finding in examine(other)}["topics"]
    assert wrong.found.startswith("market.events: 3 partitions, expected 4; ")
