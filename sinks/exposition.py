"""The vitals as Prometheus reads them."""

import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from schemas.time import SECOND
from schemas.vitals import EngineVitals, Vitals
from sinks.health import FRESH_S, Limits, checks, dead_sources, desk_wait, silent_keys
from sinks.vitals import read_vitals, together

__all__ = ["VitalsCollector"]

_COUNTERS = {
    "events": ("candlewick_events", "Messages of the log that were read", ()),
    "gaps": ("candlewick_gaps", "What was lost, late or found again, by kind", ("kind",)),
    "written": ("candlewick_written", "Results handed to the broker, by topic", ("topic",)),
    "stored": ("candlewick_stored", "Messages that became rows, by table", ("table",)),
    "restarts": ("candlewick_restarts", "Starts of a stage beyond its first", ("stage",)),
    "stalls": ("candlewick_stalls", "Kills of a stage that made no progress", ("stage",)),
    "drift_alerts": ("candlewick_drift_alerts", "Alerts of drift, by model", ("model",)),
    "heartbeats": ("candlewick_watchdog_heartbeats", "Heartbeats written for the silent", ()),
}  # fmt: skip
"""By the first word of a count's name; what follows the dot is its label."""


class VitalsCollector(Collector):
    """Reads the directory when it is scraped; where nobody has written, there is nothing to tell."""

    def __init__(self, directory: Path, limits: Limits) -> None:
        self._directory, self._limits = directory, limits

    def collect(self) -> Iterable[Metric]:
        """All families that the vitals have something for."""
        found, now = read_vitals(self._directory), time.monotonic_ns()
        if not found:
            return
        yield from _processes(found, now)
        yield from _counters(found)
        yield from _partitions(found)
        ready = GaugeMetricFamily("candlewick_ready", "1 if this condition of readiness holds", labels=["check"])
        for check in checks(found, now, self._limits):
            ready.add_metric([check.name], float(check.ok))
        yield ready
        if any(vitals.engine is not None for vitals in found):
            known = together(vitals.engine for vitals in found if vitals.engine is not None)
            yield from _market(found, known, now, self._limits)
            yield from _engine(known)
            yield from _drift(known, now)


def _processes(found: Sequence[Vitals], now: int) -> Iterable[Metric]:
    labels = ["stage", "worker"]
    up = GaugeMetricFamily("candlewick_up", "1 while the process runs and writes its vitals", labels=labels)
    turns = CounterMetricFamily("candlewick_turns", "Turns of the working thread", labels=labels)
    resume = GaugeMetricFamily("candlewick_resume_seconds", "From the start of the process to its work", labels=labels)
    for vitals in found:
        who = [vitals.stage, str(vitals.worker)]
        up.add_metric(who, float(vitals.state == "running" and now - vitals.clock <= FRESH_S * SECOND))
        turns.add_metric(who, vitals.turns)
        if vitals.resume_ms is not None:
            resume.add_metric(who, vitals.resume_ms / 1_000)
    return up, turns, resume


def _counters(found: Sequence[Vitals]) -> Iterable[Metric]:
    families = {
        word: CounterMetricFamily(name, text, labels=[*labels, "worker"])
        for word, (name, text, labels) in _COUNTERS.items()
    }
    for vitals in found:
        for name, count in vitals.counts.items():
            word, _, label = name.partition(".")
            if word in families:
                families[word].add_metric([*([label] if label else []), str(vitals.worker)], count)
    return families.values()


def _partitions(found: Sequence[Vitals]) -> Iterable[Metric]:
    behind = GaugeMetricFamily("candlewick_lag_messages", "Messages to the partition's end", labels=["partition"])
    late = GaugeMetricFamily("candlewick_lag_seconds", "How late the partition is read", labels=["partition"])
    for vitals in found:
        for name, read in vitals.partitions.items():
            behind.add_metric([name], read.end - read.following)
            if read.lag_ms is not None:
                late.add_metric([name], read.lag_ms / 1_000)
    return behind, late


def _market(found: Sequence[Vitals], known: EngineVitals, now: int, limits: Limits) -> Iterable[Metric]:
    wait = desk_wait(known, now)
    slow = GaugeMetricFamily(
        "candlewick_desk_wait_seconds", "How long the oldest undecided close waits for whom", labels=["slowest"]
    )
    if wait is not None:
        slow.add_metric([wait.slowest], max(wait.seconds, 0.0))
    silent = [one.key for one in silent_keys(found, now, limits.liveness_s)]
    figures = {
        "members": ("Instruments that the desk waits for", len(known.members)),
        "unready": ("Instruments that cannot be judged", len(known.unready.keys() & known.members.keys())),
        "stale_books": ("Order books out of sequence", len(known.stale & known.members.keys())),
        "silent_keys": ("Keys of the log that should be heard and are not", len(silent)),
        "dead_ingesters": ("Ingesters without heartbeats", len(dead_sources(found, now, limits.liveness_s))),
    }
    return slow, *(GaugeMetricFamily(f"candlewick_{name}", text, value) for name, (text, value) in figures.items())


def _engine(known: EngineVitals) -> Iterable[Metric]:
    writes = SummaryMetricFamily(
        "candlewick_sink_write_seconds", "Writes, with the waits for acknowledgement", labels=["lane"]
    )
    for lane, sink in known.sinks.items():
        writes.add_metric([lane], sink.writes, sink.seconds)
    last = GaugeMetricFamily("candlewick_sink_last_write_seconds", "The last of them", labels=["lane"])
    for lane, sink in known.sinks.items():
        last.add_metric([lane], sink.last_ms / 1_000)
    yield writes
    yield last
    if known.epoch_ms is not None:
        yield GaugeMetricFamily(
            "candlewick_epoch_seconds", "From the source's snapshot to the last sink's", known.epoch_ms / 1_000
        )


def _drift(known: EngineVitals, now: int) -> Iterable[Metric]:
    """Of each model one input, the furthest: all of them are in the store."""
    labels = ["model", "feature"]
    index = GaugeMetricFamily("candlewick_drift_psi", "Of the input furthest beyond its threshold", labels=labels)
    limit = GaugeMetricFamily("candlewick_drift_threshold", "The threshold of that input", labels=labels)
    age = GaugeMetricFamily("candlewick_drift_age_seconds", "Since drift was last told", labels=["model"])
    for model, told in known.drift.items():
        age.add_metric([model], (now - told.seen) / SECOND)
        if told.feature:
            index.add_metric([model, told.feature], told.psi)
            limit.add_metric([model, told.feature], told.threshold)
    return index, limit, age
