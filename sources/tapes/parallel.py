"""Which files of a venue follow one another, and which were recorded side by side."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from sources.tapes.files import Damage, PartFile
from sources.tapes.tape import is_own, receive_times

__all__ = ["parallel"]

_LINES: Final = 64
"""At either end of a file, among which one is looked for that can be read."""


def parallel(paths: Sequence[Path], venue: str | None) -> list[list[Path]]:
    """``paths`` as tapes: a file that begins before the one named before it has ended begins a tape of its own.

    Only files of messages behind a plain receive time are looked at; others go on with the tape before them, but for
    Candlewick's own recordings, which are tapes of their own.

    Raises:
        TapeError: a file that cannot be opened.
    """
    if len(paths) < 2:
        return [list(paths)] if paths else []
    tapes: list[list[Path]] = []
    recorded = False  # whether the last tape is a recording
    dated: Path | None = None  # the last file with receive times
    for path in paths:
        head = list(islice(_lines(path), _LINES))
        own = bool(head) and is_own(head[0])
        begin = next(receive_times(head, venue), 0)
        overlaps = dated is not None and begin > 0 and begin < _end(dated, venue)
        if not tapes or own or (recorded and head) or overlaps:
            tapes.append([path])
            recorded = own
        else:
            tapes[-1].append(path)
        dated = path if begin else dated
    return tapes


def _end(path: Path, venue: str | None) -> int:
    """The last receive time, ns: known only when all of the file was unpacked."""
    return max(receive_times(deque(_lines(path), _LINES), venue), default=0)


def _lines(path: Path) -> Iterator[bytes]:
    """Those that are not blank, as far as the file can be read."""
    try:
        yield from filter(bytes.strip, PartFile(path).lines())
    except Damage:
        return  # told in its place when the tape is read
