"""Sorts the records of a file, more than memory holds (Knuth, The Art of Computer Programming 3, 5.4).

However many keys there are, at most `FAN_IN` files are open at once.
"""

import heapq
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

import msgspec

__all__ = ["BUFFER", "FAN_IN", "OVERHEAD", "Entry", "Runs"]

Entry = tuple[int, str, int, bytes]
"""Time stamp in ms, key, number within what came of that key, value; entries sort by all of them."""

BUFFER: Final = 1 << 17
"""Bytes read or written at a time."""
FAN_IN: Final = 128
OVERHEAD: Final = 200
"""Bytes of Python objects an entry beside its value."""

_Place = tuple[int, str, int]
_places: Final = msgspec.json.Decoder(list[_Place])
_LINES, _PLACES = ".lines", ".places"
_BLOCK: Final = 1_000
"""Entries that are merged at a time."""


class Runs:
    """Takes the entries of one file in any order, and gives the file: a value a line, sorted.

    By replacement selection: only the older half of what is in memory is written, and what continues a run goes into
    it. So entries that come nearly in order are one run, and that is the file already.

    Parameters:
        whole: the file, in an existing directory; those beside it that have its name and a number are this object's.
    """

    def __init__(self, whole: Path) -> None:
        self._whole = whole
        self._entries: list[Entry] = []
        self._runs: list[Path] = []
        self._written = 0
        self._end: _Place = (0, "", 0)  # of the last run
        self.size = 0
        """Bytes in memory."""
        self.count = 0
        """Entries taken."""

    def add(self, entry: Entry) -> None:
        """Take ``entry``; its value holds no line break, as nothing encoded as JSON does."""
        self._entries.append(entry)
        self.count += 1
        self.size += len(entry[3]) + OVERHEAD

    def spill(self) -> None:
        """Have less in memory."""
        self._write((len(self._entries) + 1) // 2)

    def finish(self) -> Path:
        """All that was taken, as the file."""
        self._write(len(self._entries))
        if len(self._runs) > 1:
            self._merge()
        (run,) = self._runs
        run.with_suffix(_PLACES).unlink()
        return run.with_suffix(_LINES).rename(self._whole)

    def _write(self, count: int) -> None:
        entries = self._entries
        entries.sort()
        older, self._entries = entries[:count], entries[count:]
        if not older:
            return
        if not self._runs or older[0] < self._end:
            if len(self._runs) == FAN_IN // 2 - 1:  # two files each, and two more that they are merged into
                self._merge()
            self._begin()
        self.size -= self._append(older) + OVERHEAD * len(older)
        self._end = older[-1][:3]

    def _begin(self) -> None:
        self._runs.append(self._whole.with_name(f"{self._whole.name}{self._written:06d}.run"))
        self._written += 1

    def _append(self, entries: list[Entry]) -> int:
        """Write ``entries`` to the last run; how many bytes their values have."""
        run = self._runs[-1]
        values = [value for *_, value in entries]
        with run.with_suffix(_LINES).open("ab") as lines, run.with_suffix(_PLACES).open("ab") as places:
            written = lines.write(b"\n".join(values)) - len(values) + 1
            lines.write(b"\n")
            places.write(msgspec.json.encode([entry[:3] for entry in entries]) + b"\n")
        return written

    def _merge(self) -> None:
        runs, self._runs = self._runs, []
        self._begin()
        merged = heapq.merge(*map(_read, runs))
        while block := list(islice(merged, _BLOCK)):
            self._append(block)
        for run in runs:
            run.with_suffix(_LINES).unlink()
            run.with_suffix(_PLACES).unlink()


def _read(run: Path) -> Iterator[Entry]:
    with run.with_suffix(_PLACES).open("rb") as blocks, run.with_suffix(_LINES).open("rb", BUFFER) as lines:
        for block in blocks:
            for place in _places.decode(block):
                yield (*place, next(lines)[:-1])
