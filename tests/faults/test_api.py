"""The API under many listeners, some of whom read nothing, while engine and store do their work."""

import time
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles

import psycopg
import pytest

from benchmarks.api_load import Load, drive, serving
from tests.faults.conftest import Form, Markets
from tests.faults.stand import Stand
from tests.faults.table import Finding
from tests.integration.kafka_broker import KafkaBroker

pytestmark = [pytest.mark.integration, pytest.mark.fault("API under load"), pytest.mark.full]

_QUICK = {"rate_limit": 1e5, "ping_s": 1.0, "send_timeout_s": 1.0, "give_up_s": 2.0}


def test_listeners_that_stall(
    form: Form, market: Markets, brokers: Callable[[], KafkaBroker], timescale_database: str, tmp_path: Path,
    finding: Finding,
) -> None:  # fmt: skip
    """A live market behind it, whose topics and tables are as if nobody listened."""
    load = Load()
    live_s = form.amount(20.0, 60.0)
    finding.injected(
        f"{load.clients} WebSocket clients, {load.stalled} of them stalled, {load.requests:.0f} requests/s"
    )
    with Stand(brokers(), tmp_path, market(1_800), dsn=timescale_database) as stand:

        def work() -> dict[str, float]:
            feed = stand.feed(1_800 / live_s)
            stand.start_engine()
            stand.store.start()
            feed.end(live_s + 120)
            stand.wait(stand.market.results)
            stand.finish()
            with psycopg.connect(timescale_database) as connection:
                stored = connection.execute("SELECT signal_id::text FROM signal_order ORDER BY seq").fetchall()
            return dict.fromkeys((name for (name,) in stored), time.monotonic())

        with serving({"dsn": timescale_database, **_QUICK}) as (port, process):
            report = drive(port, process, load, work)
        verdict = stand.verdict()
    errors = sum(count for status, count in report.statuses.items() if status >= 500)
    p99_ms = 1_000 * quantiles(report.request_s, n=100)[98]
    finding.found(
        **verdict._asdict(), signals=report.signals, complete=report.complete, dropped=report.dropped,
        requests=len(report.request_s), server_errors=errors, p99_ms=p99_ms,
    )  # fmt: skip
    assert verdict.good
    assert (report.complete, report.dropped) == (load.clients - load.stalled, load.stalled)
    assert errors == 0
    assert p99_ms < 100
