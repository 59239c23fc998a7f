"""The other end of `benchmarks.jobs.watch`: a process of its own, so that nothing here delays what it sees."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from benchmarks.broker import Stage
from benchmarks.jobs.watch import Arrival, Asked

__all__ = ["Watch", "watching"]


class Watch:
    """What arrives in topics from now on."""

    def __init__(self, at: Stage, topics: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.jobs.watch"], cwd=Path(__file__).resolve().parents[1],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(msgspec.json.encode(Asked(at.bootstrap, list(topics))) + b"\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == b"ready\n", "the watcher has failed"

    def arrivals(self) -> list[Arrival]:
        """All that came, once nothing more does."""
        out, _ = self._process.communicate(timeout=120)
        return msgspec.json.decode(out, type=list[Arrival])

    def close(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        self._process.wait()


@contextmanager
def watching(at: Stage, topics: Sequence[str]) -> Iterator[Watch]:
    """Watch from now on; ends with the context."""
    watch = Watch(at, topics)
    try:
        yield watch
    finally:
        watch.close()
