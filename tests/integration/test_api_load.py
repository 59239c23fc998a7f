"""The API under 200 clients of its stream, of which 50 read nothing, while engine and store do their work."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
import pytest

from benchmarks.api_load import Load, Report, drive, serving, store
from schemas.time import MINUTE
from tests.api.market import BTC, fill, history
from tests.integration.golden import Golden
from tests.integration.kafka_broker import KafkaBroker
from tests.integration.pipeline import Pipeline, rows

pytestmark = pytest.mark.integration

LOAD = Load(seconds=4, signals=20, burst=200, requests=5.0)
QUICK = {"rate_limit": 1e5, "ping_s": 1.0, "send_timeout_s": 1.0, "give_up_s": 2.0, "poll_interval_s": 0.05}


def served_well(report: Report) -> None:
    """Everybody who reads has everything, nothing is kept for those who do not, and nothing failed."""
    assert report.complete == LOAD.clients - LOAD.stalled
    assert report.dropped == LOAD.stalled
    assert report.handles[1] - report.handles[0] < 10
    assert report.memory_mb[1] - report.memory_mb[0] < 80
    assert max(report.statuses) < 500


def test_engine_and_store_do_not_feel_it(
    recording: Path, golden: Golden, brokers: Callable[[], KafkaBroker], timescale_database: str, tmp_path: Path
) -> None:
    pipeline = Pipeline(brokers(), tmp_path, partitions=2, dsn=timescale_database)
    pipeline.run("ingest", "--tape", str(recording))

    def work() -> dict[str, float]:
        pipeline.run("run", "--until-end")
        pipeline.run("store", "--until-end")
        with psycopg.connect(timescale_database) as connection:
            stored = connection.execute("SELECT signal_id::text FROM signal_order ORDER BY seq").fetchall()
        return dict.fromkeys((name for (name,) in stored), time.monotonic())

    with serving({"dsn": timescale_database, **QUICK}) as (port, process):
        report = drive(port, process, LOAD, work)
    served_well(report)
    assert report.signals == len(golden["signals.published"]) > 0
    for topic, found in pipeline.read().items():
        if topic != "reference.instruments":
            assert found == {identifier: [value] for identifier, value in golden.get(topic, {}).items()}, topic
    assert rows(timescale_database) == {topic: set(expected) for topic, expected in golden.items()}


def test_bursts_reach_everybody_who_reads(timescale_database: str) -> None:
    fill(timescale_database, history(BTC, time.time_ns() // MINUTE * MINUTE, minutes=30))
    with serving({"dsn": timescale_database, **QUICK}) as (port, process):
        served_well(drive(port, process, LOAD, partial(store, timescale_database, LOAD)))
