"""Files of lines that are only added to: an add is whole, and takes the place of what one that died has left."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from schemas.codec import DecodeError

__all__ = ["append", "torn"]


def append(path: Path, lines: bytes, decode: Callable[[bytes], object]) -> None:
    """Add ``lines``, each with its end, under a lock and brought to the disk.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        data = file.read()
        kept = data[: len(data) - len(torn(data, decode))]
        file.truncate(len(kept))
        file.write(b"\n" + lines if kept and not kept.endswith(b"\n") else lines)
        file.flush()
        os.fsync(file.fileno())


def torn(data: bytes, decode: Callable[[bytes], object]) -> bytes:
    """The end of ``data`` that is the beginning of an object's line, and none yet that ``decode`` takes."""
    last = data.rpartition(b"\n")[2]
    try:
        if last[:1] in b"{\0":  # anything else nobody of us began, and a loss of power leaves zeros
            decode(last)
    except (msgspec.MsgspecError, UnicodeDecodeError, DecodeError):
        return last
    return b""
