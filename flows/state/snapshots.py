"""The states in a recovery directory, read as they lie in Bytewax's SQLite file, which a running engine may hold."""

import io
import pickle
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from msgspec import Struct

from flows.errors import FlowError
from schemas.layouts import LayoutError
from sources.log import LAYOUT

__all__ = ["DATABASE", "Snapshot", "damage", "flows_of", "log_offsets", "opened", "resume_epoch", "snapshots"]

DATABASE: Final = "part-0.sqlite3"
"""The one recovery partition: of two, a torn write of one gave silently wrong state."""

# The frontier of the last execution's slowest worker, as Bytewax works it out.
_RESUME: Final = """
    WITH last AS (SELECT ex_num, worker_count, resume_epoch FROM exs ORDER BY ex_num DESC LIMIT 1),
    reached AS (SELECT worker_index, MAX(worker_frontier) AS frontier FROM fronts JOIN last USING (ex_num) GROUP BY 1)
    SELECT CASE WHEN (SELECT COUNT(*) FROM reached) < worker_count THEN resume_epoch
                ELSE (SELECT MIN(frontier) FROM reached) END
    FROM last"""
_NEWEST: Final = """
    SELECT step_id, state_key, MAX(snap_epoch), ser_change FROM snaps WHERE snap_epoch < ? AND step_id LIKE ?
    GROUP BY step_id, state_key ORDER BY step_id, state_key"""


class Snapshot(Struct, frozen=True):
    """The state of one key of one step."""

    step: str
    """Without the flow's name."""
    key: str
    epoch: int
    size: int
    """Bytes."""
    state: Any
    """Plain data, as the step's or connector's ``snapshot`` gave it."""


@contextmanager
def opened(directory: Path, mode: Literal["ro", "rw"] = "ro") -> Iterator[sqlite3.Connection]:
    """The database in ``directory``; ``rw`` is for who holds it, and tidies up what a crash left.

    Raises:
        FlowError: there is none, or SQLite cannot read it.
    """
    file = directory / DATABASE
    if not file.exists():
        raise FlowError(f"{directory} holds no recovery state")
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode={mode}", uri=True, timeout=5.0)) as connection:
            yield connection
    except sqlite3.Error as error:
        raise FlowError(f"{file}: {error}") from error


def damage(connection: sqlite3.Connection, *, thoroughly: bool = False) -> str | None:
    """The first thing that SQLite finds wrong with its file, if there is one."""
    check = "integrity_check" if thoroughly else "quick_check"
    try:
        found = str(connection.execute(f"PRAGMA {check}(1)").fetchone()[0])
        if found == "ok" and not connection.execute("SELECT part_index FROM parts").fetchall():
            return "it was never finished"
    except sqlite3.DatabaseError as error:
        return str(error)
    return None if found == "ok" else " ".join(found.split())


def resume_epoch(connection: sqlite3.Connection) -> int:
    """The epoch that would be begun next; 1 where nothing has run yet."""
    found = connection.execute(_RESUME).fetchone()
    return 1 if found is None else int(found[0])


def snapshots(connection: sqlite3.Connection, *, step: str = "") -> Iterator[Snapshot]:
    """The states from which an engine would resume, of all steps or one.

    Raises:
        FlowError: one of them is not plain data; it is not looked into any further, as that would run its code.
    """
    asked = [resume_epoch(connection), f"%.{step}" if step else "%"]
    for step_id, key, epoch, pickled in connection.execute(_NEWEST, asked):
        if pickled is not None:  # else the key was discarded
            yield Snapshot(step_id.partition(".")[2], key, epoch, len(pickled), _plain(pickled, step_id, key))


def flows_of(connection: sqlite3.Connection) -> set[str]:
    """The names of the flows whose steps have a state here."""
    return {step.partition(".")[0] for (step,) in connection.execute("SELECT DISTINCT step_id FROM snaps")}


def log_offsets(connection: sqlite3.Connection) -> dict[int, int]:
    """By partition of the log where it would be gone on with; empty before the first snapshot.

    Raises:
        FlowError: a state that cannot be read.
    """
    found = {}
    for snapshot in snapshots(connection, step="log"):
        try:
            found[int(snapshot.key)] = int(LAYOUT.unseal(snapshot.state)["offset"])
        except LayoutError as error:
            raise FlowError(f"state of log, key {snapshot.key}: {error}") from error
    return found


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"it holds {module}.{name}, and only plain data is expected")


def _plain(pickled: bytes, step: str, key: str) -> Any:
    try:
        return _Unpickler(io.BytesIO(pickled)).load()
    except Exception as error:  # a damaged pickle raises anything
        raise FlowError(f"state of {step}, key {key}: {error}") from error
