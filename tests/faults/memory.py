"""A limit on a process's memory beyond which the kernel kills it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

__all__ = ["MemoryGroup", "memory_group"]

_ROOT: Final = Path("/sys/fs/cgroup")


class MemoryGroup:
    """A control group of either version."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        old = (folder / "memory.limit_in_bytes").exists()
        self._limit = folder / ("memory.limit_in_bytes" if old else "memory.max")
        self._usage = folder / ("memory.usage_in_bytes" if old else "memory.current")

    def add(self, process: int) -> None:
        """What it takes from now on counts."""
        (self.folder / "cgroup.procs").write_text(str(process))

    def tighten(self, room: int) -> None:
        """From now on it gets only so many bytes more."""
        self._limit.write_text(str(int(self._usage.read_text()) + room))


@contextmanager
def memory_group() -> Iterator[MemoryGroup]:
    """For the processes of a test; skips it where none may be made."""
    parent = _ROOT / "memory" if (_ROOT / "memory").is_dir() else _ROOT
    folder = parent / f"candlewick-faults-{os.getpid()}"
    try:
        folder.mkdir()
        group = MemoryGroup(folder)
        group.tighten(1 << 40)
    except OSError as error:
        if folder.exists():
            folder.rmdir()
        pytest.skip(f"an out-of-memory kill: not tried, because no memory cgroup may be made here: {error.strerror}")
    try:
        yield group
    finally:
        folder.rmdir()
