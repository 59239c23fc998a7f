"""Which files of a venue follow one another, and which were recorded side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from sources.tapes.files import Damage, PartFile

__all__ = ["parallel"]

_OWN: Final = b'{"type":'


def parallel(paths: Sequence[Path]) -> list[list[Path]]:
    """``paths`` as tapes: a file that begins before the one named before it has ended begins a tape of its own.

    Only files that begin with a plain receive time are looked at; others go on with the tape before them, but for
    Candlewick's own recordings, which are tapes of their own.

    Raises:
        TapeError: a file that cannot be opened.
    """
    tapes: list[list[Path]] = []
    end = 0
    for path in paths:
        first, last = _ends(path) if len(paths) > 1 else (b"", b"")
        if not tapes or first.startswith(_OWN) or 0 < _stamp(first) < end:
            tapes.append([path])
        else:
            tapes[-1].append(path)
        end = _stamp(last) or end
    return tapes


def _ends(path: Path) -> tuple[bytes, bytes]:
    """The first line and the last one."""
    first = last = b""
    try:
        for line in PartFile(path).lines():
            first = first or line
            last = line
    except Damage:
        pass  # told in its place when the tape is read
    return first, last


def _stamp(line: bytes) -> int:
    """The receive time as it stands there, 0 where the line does not begin with one."""
    stamp = line.partition(b" ")[0]
    return int(stamp) if stamp.isdigit() else 0
