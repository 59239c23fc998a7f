"""Recovery directories as engines leave them behind."""

import json
import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from flows.recovery import recovery
from flows.settings import Settings
from flows.state.manifest import MANIFEST
from flows.state.snapshots import DATABASE
from sources.log import LAYOUT

__all__ = ["advance", "begin", "database_of", "directory", "edit", "keep"]


def begin(settings: Settings, **options: Any) -> None:
    """As an engine does that ends at once."""
    with recovery(settings, **options):
        pass


def directory(settings: Settings) -> Path:
    return settings.engine.recovery_dir


@contextmanager
def database_of(settings: Settings) -> Iterator[sqlite3.Connection]:
    """Open, and closed after a commit, so that all is in the file."""
    with closing(sqlite3.connect(directory(settings) / DATABASE)) as database, database:
        yield database


def edit(settings: Settings, **changes: Any) -> None:
    """Change the manifest."""
    file = directory(settings) / MANIFEST
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def advance(settings: Settings, offset: int, flow: str = "candlewick") -> None:
    """Leave behind what an engine does that has read four partitions up to ``offset``."""
    with database_of(settings) as database:
        database.execute("INSERT INTO exs (ex_num, worker_count, resume_epoch) VALUES (0, 1, 1)")
        database.execute("INSERT INTO fronts (ex_num, worker_index, worker_frontier) VALUES (0, 0, 3)")
        database.executemany(
            "INSERT INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?, ?, 2, ?)",
            [
                (f"{flow}.log", f"{at:05d}", pickle.dumps(LAYOUT.seal({"partitions": 4, "offset": offset})))
                for at in range(4)
            ],
        )


def keep(settings: Settings, step: str, key: str, state: Any) -> None:
    """Let a key of a step have this state."""
    with database_of(settings) as database:
        database.execute(
            "INSERT OR REPLACE INTO snaps (step_id, state_key, snap_epoch, ser_change) VALUES (?, ?, 2, ?)",
            [f"candlewick.{step}", key, pickle.dumps(state)],
        )
