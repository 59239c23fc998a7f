"""Who may supervise a stage: one at a time in a directory, and how a new one takes over from the old one."""

import fcntl
import os
import signal
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

from flows.errors import FlowError

__all__ = ["hold"]

_PATIENCE_S: Final = 30.0
_POLL_S: Final = 0.05
_FLOCK: Final = "hhqqi4x"
"""The kernel's struct flock: type, whence, start, length, process."""


@contextmanager
def hold(directory: Path, stages: Sequence[str], *, take_over: bool, stop: Callable[[], bool]) -> Iterator[None]:
    """Hold ``stages`` in ``directory``, made if missing.

    Parameters:
        take_over: ask the supervisor that holds one of them to end, and wait until all of its processes have.
        stop: ends the wait.

    Raises:
        FlowError: another supervisor holds one and is not to be replaced, or it does not end.
    """
    with ExitStack() as held:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            directory.chmod(0o700)
            for stage in stages:
                handle = os.open(directory / f"{stage}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                held.callback(os.close, handle)
                _lock(handle, stage, directory, take_over=take_over, stop=stop)
        except OSError as error:
            raise FlowError(f"supervisor.dir {directory}: {error.strerror}; name a directory that is ours") from error
        yield


def _lock(handle: int, stage: str, directory: Path, *, take_over: bool, stop: Callable[[], bool]) -> None:
    deadline, asked = time.monotonic() + _PATIENCE_S, 0
    while (holder := _holder(handle)) is not None:
        if holder <= 0:  # a number that names no process of ours; as a target of a signal it names many
            raise FlowError(
                f"supervisor.dir {directory}: the {stage} is held elsewhere, by another host or container; "
                "stop it there, or name a directory of this host"
            )
        if not take_over:
            raise FlowError(
                f"supervisor.dir {directory}: process {holder} supervises the {stage} here; stop it, or begin with "
                "--take-over"
            )
        if holder != asked:
            asked = holder
            with suppress(ProcessLookupError):
                os.kill(holder, signal.SIGTERM)
        if stop() or time.monotonic() > deadline:
            raise FlowError(f"supervisor.dir {directory}: process {holder} has not given up the {stage}")
        time.sleep(_POLL_S)


def _holder(handle: int) -> int | None:
    """The process that holds the lock (0 or less: one that we cannot see); ``None`` if it is ours now."""
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        found = fcntl.fcntl(handle, fcntl.F_GETLK, struct.pack(_FLOCK, fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
        kind, _, _, _, holder = struct.unpack(_FLOCK, found)
        return holder if kind != fcntl.F_UNLCK else _holder(handle)
    return None
