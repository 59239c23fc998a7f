"""Vitals for tests."""

import time

from schemas.market import CONTROL
from schemas.vitals import EngineVitals, KeyVitals, PartitionVitals, SourceVitals, Stage, State, Vitals
from sinks.vitals import boot

__all__ = ["NOW", "SECOND", "TS", "engine", "key", "vitals"]

SECOND = 1_000_000_000
NOW = 5_000 * SECOND
"""By the machine's clock."""
TS = 1_723_161_600 * SECOND
"""Of day."""


def vitals(
    stage: Stage = "engine",
    *,
    turns: int = 1,
    state: State = "running",
    worker: int = 0,
    workers: int = 1,
    group: int = 7,
    clock: int = NOW,
    waits_for: str | None = None,
    partitions: dict[str, PartitionVitals] | None = None,
    engine: EngineVitals | None = None,
) -> Vitals:
    """One process' word."""
    return Vitals(
        stage=stage, worker=worker, workers=workers, pid=group + worker, group=group, boot=boot(), started=TS,
        written=time.time_ns(), clock=clock, turns=turns, state=state, waits_for=waits_for,
        waits_since=clock - 30 * SECOND if waits_for else 0, partitions=partitions or {}, engine=engine,
    )  # fmt: skip


def key(seen_s: float = 0.0, *, partition: int = 0, beats: bool = True) -> KeyVitals:
    """A key whose last message came ``seen_s`` seconds ago, stamped `TS`."""
    return KeyVitals(partition=partition, ts=TS, seen=NOW - round(seen_s * SECOND), beats=beats)


def engine(
    keys: dict[str, KeyVitals], *, sources: dict[str, tuple[float, list[str]]] | None = None, behind: int = 0
) -> Vitals:
    """An engine that has read partition 0 to ``behind`` messages from its end, and waits for all of ``keys``."""
    members = {name: NOW - 100 * SECOND for name in keys if name != CONTROL}
    heard = {
        name: SourceVitals(seen=NOW - round(ago * SECOND), members=fed) for name, (ago, fed) in (sources or {}).items()
    }
    known = EngineVitals(
        keys=keys, sources=heard, members=members, members_to=TS, told=dict.fromkeys(members, TS), newest=TS,
        newest_at=NOW,
    )  # fmt: skip
    read = PartitionVitals(following=100 - behind, end=100, lag_ms=0 if not behind else 20)
    return vitals(engine=known, partitions={"market.events[0]": read})
