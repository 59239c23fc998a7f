"""Sorts more records than memory holds: sorted runs on disk, merged (Knuth, The Art of Computer Programming 3, 5.4).

However many keys there are, at most `FAN_IN` files are open at once.
"""

import heapq
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Final

import msgspec

__all__ = ["BUFFER", "FAN_IN", "Entry", "Runs"]

Entry = tuple[str, int, str, int, bytes]
"""Topic, time stamp in ms, key, number within what came of that topic and key, value; entries sort by all of them."""

BUFFER: Final = 1 << 17
"""Bytes read or written at a time."""
FAN_IN: Final = 128
_OVERHEAD: Final = 300  # bytes of Python objects an entry beside its value

_place: Final = msgspec.json.Decoder(tuple[str, int, str, int])


class Runs:
    """Takes entries in any order and gives them back sorted, once.

    Parameters:
        directory: an existing one; the files in it that begin with ``name`` are this object's.
        memory: bytes kept there before a run is written.
    """

    def __init__(self, directory: Path, memory: int, name: str = "") -> None:
        self._directory, self._memory, self._name = directory, memory, name
        self._entries: list[Entry] = []
        self._size = 0
        self._written = 0
        self._runs: list[Path] = []

    def add(self, entry: Entry) -> None:
        """Take ``entry``; its value holds no line break, as nothing encoded as JSON does."""
        self._entries.append(entry)
        self._size += len(entry[4]) + _OVERHEAD
        if self._size > self._memory:
            self._spill()

    def merged(self) -> Iterator[Entry]:
        """All that was taken, sorted."""
        self._entries.sort()
        return heapq.merge(self._entries, *map(_read, self._runs))

    def put_aside(self) -> list[Path]:
        """All that was taken, as runs on disk; who `adopt`s them has them from now on."""
        if self._entries:
            self._spill()
        runs, self._runs = self._runs, []
        return runs

    def adopt(self, runs: Iterable[Path]) -> None:
        """Take what another object has put aside."""
        for run in runs:
            self._keep(run)

    def _spill(self) -> None:
        self._entries.sort()
        run = self._write(self._entries)
        self._entries, self._size = [], 0
        self._keep(run)

    def _keep(self, run: Path) -> None:
        self._runs.append(run)
        if len(self._runs) == FAN_IN - 1:  # one more is open for what they are merged into
            whole = self._write(heapq.merge(*map(_read, self._runs)))
            for part in self._runs:
                part.unlink()
            self._runs = [whole]

    def _write(self, entries: Iterable[Entry]) -> Path:
        run = self._directory / f"{self._name}{self._written:06d}.run"
        self._written += 1
        with run.open("wb", BUFFER) as file:
            for *place, value in entries:
                file.write(b"%b\n%b\n" % (msgspec.json.encode(place), value))
        return run


def _read(run: Path) -> Iterator[Entry]:
    with run.open("rb", BUFFER) as file:
        for line in file:
            place: tuple[Any, ...] = _place.decode(line)
            yield (*place, next(file)[:-1])
