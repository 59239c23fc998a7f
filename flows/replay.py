"""Replay: the engine over recorded input, without Kafka and without a database, as fast as it goes."""

import os
from collections import Counter
from pathlib import Path
from typing import Final, Literal

from msgspec import Struct

from flows.engine import FLOW, desk_flow, engine_flow, instrument_config
from flows.feeds import Feed
from flows.memory import MemoryLog
from flows.progress import shown
from flows.runtime import run_here
from flows.settings import Settings
from flows.shares import Shares, Start
from operators.desk.desk import READ
from operators.features import NAMES
from sinks.files import FileSink
from sources.history import History
from sources.metrics import Metrics

__all__ = ["Replayed", "replay", "workers_for"]

_LARGE: Final = 4_000_000
"""Bytes of tables, packed as they are, from which helpers are worth their start; a tape is read in less than that."""
_MOST: Final = 4
"""Helpers; with more of them the desk, which is one, is what takes longest."""


class Replayed(Struct):
    """What a replay wrote."""

    records: Counter[str]
    """By topic."""


def replay(
    settings: Settings, feed: Feed, out: Path, fmt: Literal["jsonl", "parquet"] = "jsonl", workers: int = 0
) -> Replayed:
    """Run ``feed`` through the engine into one file a topic in ``out``.

    The instruments are dealt out to ``workers`` processes beside this one, if any; the files are the same.

    Raises:
        CandlewickError: an input that cannot be read or an output that cannot be written.
    """
    with FileSink(out, fmt) as features, FileSink(out, fmt) as signals, shown(feed) as items:
        if workers:
            shelf = features.build_part(f"{FLOW}.features", "files", None).shelf
            start = Start(instrument_config(settings), _read(settings, feed))
            with Shares(items, start, workers, shelf) as happened:
                run_here(desk_flow(settings, happened, features, signals))
                happened.check()
        else:
            run_here(engine_flow(settings, MemoryLog(items), features, signals))
    return Replayed(features.written + signals.written)


def _read(settings: Settings, feed: Feed) -> tuple[str, ...]:
    """The features that the desk reads: all of them if a model may come into force, which no table can have happen."""
    history = bool(feed.origins) and all(isinstance(origin, History | Metrics) for origin in feed.origins)
    return READ if history and not settings.models.online else NAMES


def workers_for(feed: Feed) -> int:
    """As many `replay` workers as ``feed`` is worth on this machine; 0 for a small one, or on a single processor."""
    processors = len(os.sched_getaffinity(0))
    tables = sum(origin.size for origin in feed.origins if isinstance(origin, History))
    return min(processors, _MOST) if processors > 1 and tables >= _LARGE else 0
