"""Replay: the engine over recorded input, without Kafka and without a database, as fast as it goes."""

from collections import Counter
from pathlib import Path
from typing import Literal

from msgspec import Struct

from flows.engine import engine_flow
from flows.feeds import Feed
from flows.memory import MemoryLog
from flows.progress import shown
from flows.runtime import run_here
from flows.settings import Settings
from sinks.files import FileSink

__all__ = ["Replayed", "replay"]


class Replayed(Struct):
    """What a replay wrote."""

    records: Counter[str]
    """By topic."""


def replay(settings: Settings, feed: Feed, out: Path, fmt: Literal["jsonl", "parquet"] = "jsonl") -> Replayed:
    """Run ``feed`` through the engine into one file a topic in ``out``.

    Raises:
        CandlewickError: an input that cannot be read or an output that cannot be written.
    """
    with FileSink(out, fmt) as features, FileSink(out, fmt) as signals, shown(feed) as items:
        run_here(engine_flow(settings, MemoryLog(items), features, signals))
    return Replayed(features.written + signals.written)
