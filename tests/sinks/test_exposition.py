"""The vitals in Prometheus' format."""

import time
from pathlib import Path

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from schemas.market import CONTROL
from schemas.time import SECOND
from schemas.vitals import DriftVitals, KeyVitals, SinkVitals
from sinks.exposition import VitalsCollector
from sinks.health import Limits
from sinks.vitals import write_vitals
from tests.vitals_samples import engine, vitals


def scraped(folder: Path) -> dict[tuple[str, ...], float]:
    registry = CollectorRegistry()
    registry.register(VitalsCollector(folder, Limits()))
    families = text_string_to_metric_families(generate_latest(registry).decode())
    return {(sample.name, *sample.labels.values()): sample.value for family in families for sample in family.samples}


def test_nobody_has_written(tmp_path: Path) -> None:
    assert scraped(tmp_path / "nowhere") == {}


def test_everything_that_is_known_is_told(tmp_path: Path) -> None:
    now = time.monotonic_ns()
    heard = KeyVitals(partition=0, ts=1, seen=now, beats=True)
    worker = msgspec.structs.replace(
        engine({CONTROL: heard, "sim:A": heard, "sim:B": heard}), clock=now, resume_ms=1_500,
        counts={"events": 7, "gaps.late": 2, "written.features.bars": 3, "drift_alerts.majors": 1},
    )  # fmt: skip
    assert worker.engine is not None
    worker.engine.sinks = {"signals": SinkVitals(writes=4, seconds=0.02, last_ms=5.0)}
    worker.engine.epoch_ms = 250.0
    worker.engine.drift = {
        "majors": DriftVitals(seen=now - 9 * SECOND, ts_close=1, feature="obi_10", psi=0.3, threshold=0.25),
        "alts": DriftVitals(seen=now, ts_close=1),
    }
    worker.engine.unready = {"sim:A": "why", "sim:GONE": "why"}
    write_vitals(tmp_path, worker)
    boss = vitals("supervisor", clock=now)
    write_vitals(tmp_path, msgspec.structs.replace(boss, counts={"restarts.engine": 2, "heartbeats": 9}))
    found = scraped(tmp_path)
    assert 9 <= found["candlewick_drift_age_seconds", "majors"] < 60
    assert {labels[1:] for labels in found if labels[0] == "candlewick_drift_psi"} == {("obi_10", "majors")}
    assert (
        found.items()
        >= {
            ("candlewick_up", "engine", "0"): 1.0,
            ("candlewick_resume_seconds", "engine", "0"): 1.5,
            ("candlewick_events_total", "0"): 7.0,
            ("candlewick_gaps_total", "late", "0"): 2.0,
            ("candlewick_written_total", "features.bars", "0"): 3.0,
            ("candlewick_restarts_total", "engine", "0"): 2.0,
            ("candlewick_watchdog_heartbeats_total", "0"): 9.0,
            ("candlewick_lag_messages", "market.events[0]"): 0.0,
            ("candlewick_lag_seconds", "market.events[0]"): 0.0,
            ("candlewick_ready", "instruments"): 0.0,
            ("candlewick_ready", "desk"): 1.0,
            ("candlewick_members",): 2.0,
            ("candlewick_unready",): 1.0,
            ("candlewick_sink_write_seconds_count", "signals"): 4.0,
            ("candlewick_sink_last_write_seconds", "signals"): 0.005,
            ("candlewick_epoch_seconds",): 0.25,
            ("candlewick_drift_psi", "obi_10", "majors"): 0.3,
            ("candlewick_drift_threshold", "obi_10", "majors"): 0.25,
            ("candlewick_drift_alerts_total", "majors", "0"): 1.0,
        }.items()
    )
