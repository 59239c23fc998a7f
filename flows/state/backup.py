"""A copy of a recovery directory, taken while the engine runs."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

from flows.errors import FlowError
from flows.state.manifest import read_manifest, write_manifest
from flows.state.snapshots import DATABASE, damage, opened, resume_epoch

__all__ = ["back_up"]


def back_up(directory: Path, into: Path) -> int:
    """Copy what ``directory`` holds to the new directory ``into``, there as a whole or not at all; its epoch.

    SQLite copies within one reading transaction, so what an engine writes meanwhile is in the next copy.

    Raises:
        FlowError: there is no state, ``into`` is there already or cannot be made, or the copy is damaged.
    """
    if into.exists():
        raise FlowError(f"{into} is there already: a backup is a directory of its own")
    manifest = read_manifest(directory)
    if manifest is None:
        raise FlowError(f"{directory} holds no recovery state")
    fresh = into.with_name(f"{into.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        fresh.mkdir(mode=0o700, parents=True)
        with opened(directory) as source, closing(sqlite3.connect(fresh / DATABASE)) as target:
            source.backup(target)
            wrong, epoch = damage(target), resume_epoch(target)
        if wrong is not None:
            raise FlowError(f"{directory / DATABASE} is damaged: {wrong}")
        write_manifest(fresh, manifest)
        fresh.rename(into)
    except (OSError, sqlite3.Error) as error:
        raise FlowError(f"{into}: no backup: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return epoch
