"""What a process tells of itself once a second: plain data, so that a supervisor, the API and people can read it.

Times of day are for people (ns since 1970). What is measured by is the machine's monotonic ``clock``, common to all its
processes (ns since it booted), so that a step of the time of day looks like nothing at all.
"""

from typing import Literal

from msgspec import Struct

__all__ = [
    "WATCHDOG", "Check", "DriftVitals", "EngineVitals", "KeyVitals", "PartitionVitals", "SinkVitals", "SourceVitals",
    "Stage", "State", "Vitals",
]  # fmt: skip

WATCHDOG = "watchdog"
"""The source of heartbeats that tell of somebody else's silence; no ingester may be called so."""

Stage = Literal["engine", "store", "api", "supervisor"]
State = Literal["starting", "resuming", "running", "stopping", "stopped"]


class PartitionVitals(Struct, kw_only=True):
    """How far a partition is read."""

    following: int
    """Offset of the next message."""
    end: int
    """Offset behind the last message, as the broker last told."""
    lag_ms: int | None
    """How long ago there was no more than what is read by now; ``None``: the end as of the start is not reached yet."""


class KeyVitals(Struct, kw_only=True):
    """The last arrival of a key on the log; what the watchdog wrote itself does not count."""

    partition: int
    ts: int
    """When it was received by its ingester, ns."""
    seen: int
    """When it was read, by the ``clock``."""
    beats: bool = False
    """Heartbeats that prove something were among its messages: their absence says something."""


class SourceVitals(Struct, kw_only=True):
    """An ingester, by its heartbeats on the control key."""

    seen: int
    """When the last one was read, by the ``clock``."""
    members: list[str] = []
    """The instruments that it said it feeds; empty as long as it was not heard to say so."""
    heard: int = 0
    """Event time (ns) of its last sign of life."""
    pause: int = 0
    """Event time (ns) between the last two; long where only bars are fed."""
    gone: bool = False
    """Its last heartbeat said, in its name, that it is not connected."""


class SinkVitals(Struct, kw_only=True):
    """Writes of a lane, and at the end of an epoch the wait until the broker has acknowledged them."""

    writes: int = 0
    seconds: float = 0.0
    """In all."""
    last_ms: float = 0.0


class DriftVitals(Struct, kw_only=True):
    """The last that was told of a model's drift, by the input that is furthest beyond its threshold."""

    seen: int
    """When it was written, by the ``clock``."""
    ts_close: int
    """Of the window, ns."""
    feature: str = ""
    """Empty where no input of the window has a threshold."""
    psi: float = 0.0
    threshold: float = 0.0


class EngineVitals(Struct, kw_only=True):
    """What a worker of the engine knows of market and desk. The figures are of what this worker has seen itself."""

    keys: dict[str, KeyVitals] = {}
    sources: dict[str, SourceVitals] = {}
    told: dict[str, int] = {}
    """Last close (ns) that each instrument has told the desk about."""
    newest: int = 0
    """The last of those closes."""
    newest_at: int = 0
    """When it was told first, by the ``clock``."""
    members: dict[str, int] = {}
    """Whom the desk waits for, as last told, and since when, by the ``clock``."""
    members_to: int = 0
    """The last close (ns) for which that was told; 0 where the control key is another worker's."""
    unready: dict[str, str] = {}
    """Instrument to why the strategy cannot judge it: features that are not known, no vector at all."""
    stale: set[str] = set()
    """Instruments whose order book is out of sequence."""
    drift: dict[str, DriftVitals] = {}
    """By model."""
    epoch_ms: float | None = None
    """How long the last epoch took from the source's snapshot to the last sink's."""
    sinks: dict[str, SinkVitals] = {}
    """By lane."""


class Vitals(Struct, kw_only=True):
    """One process of a stage."""

    stage: Stage
    worker: int = 0
    workers: int = 1
    pid: int
    group: int
    """The process that was started as this stage: the worker itself, or the one that watches over all workers."""
    boot: str
    """Of the machine: the clock begins anew with each."""
    started: int
    written: int
    clock: int
    """When it was written."""
    turns: int
    """Grows whenever the working thread gets its turn, be it to wait for a broker that is away."""
    state: State
    resume_ms: int | None = None
    """From the process' start to its first turn at the work."""
    waits_for: str | None = None
    """What the working thread waits for without getting a turn meanwhile: ``database``."""
    waits_since: int = 0
    """By the ``clock``."""
    counts: dict[str, int] = {}
    """Since the start, by kind: ``events``, ``late``, ``gaps.book_sequence``, ``written.features.bars``."""
    partitions: dict[str, PartitionVitals] = {}
    """By topic and number: ``market.events[3]``."""
    engine: EngineVitals | None = None


class Check(Struct, frozen=True, kw_only=True):
    """One condition of readiness."""

    name: str
    ok: bool
    detail: str
