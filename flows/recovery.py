"""The recovery directory: one partition, private, held by one engine at a time."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flows.errors import FlowError
from flows.runtime import RecoveryConfig, init_db_dir

__all__ = ["recovery"]


@contextmanager
def recovery(directory: Path) -> Iterator[Any]:
    """Hold ``directory`` and prepare it on first use.

    A single recovery partition: with two, a torn write of one gave silently wrong state. Mode 0700, since what is
    resumed from is code that is trusted.

    Raises:
        FlowError: another engine holds it, or it cannot be written.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        handle = os.open(directory / "engine.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise FlowError(f"engine.recovery_dir {directory}: {error.strerror}; name a directory that is ours") from error
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise FlowError(
                f"engine.recovery_dir {directory} is held by another running engine; stop it or name another directory"
            ) from error
        if not list(directory.glob("*.sqlite3")):
            init_db_dir(directory, 1)
        yield RecoveryConfig(str(directory))
    finally:
        os.close(handle)
