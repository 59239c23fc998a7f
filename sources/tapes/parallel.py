"""Which files of a venue follow one another, and which were recorded side by side."""

from collections.abc import Sequence
from pathlib import Path

from sources.tapes.files import Damage, PartFile

__all__ = ["parallel"]


def parallel(paths: Sequence[Path]) -> list[list[Path]]:
    """``paths`` as tapes: a file that begins before the one named before it has ended begins a tape of its own.

    Only files that begin with a plain receive time are looked at; others always go on with the tape before them.

    Raises:
        TapeError: a file that cannot be opened.
    """
    tapes: list[list[Path]] = []
    end = 0
    for path in paths:
        begin, following = _span(path) if len(paths) > 1 else (0, 0)
        if not tapes or (begin and begin < end):
            tapes.append([path])
        else:
            tapes[-1].append(path)
        end = following or end
    return tapes


def _span(path: Path) -> tuple[int, int]:
    """First and last receive time as they stand there, 0 where lines do not begin with one."""
    first = last = b""
    try:
        for line in PartFile(path).lines():
            first = first or line
            last = line
    except Damage:
        pass  # told in its place when the tape is read
    return _stamp(first), _stamp(last)


def _stamp(line: bytes) -> int:
    stamp = line.partition(b" ")[0]
    return int(stamp) if stamp.isdigit() else 0
