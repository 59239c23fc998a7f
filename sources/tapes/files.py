"""Lines of files, packed or plain, one pass and without ever stopping at damage."""

import gzip
import io
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from sources.tapes.errors import TapeError

__all__ = ["Damage", "OneFile", "PartFile"]

_CHUNK: Final = 1 << 18
_LONGEST: Final = 1 << 26
"""Bytes; an instrument list has 3.5 million, and what is longer than this is no line of a tape."""


class Damage(Exception):
    """The file can be read no further; ``rest`` is what was read after the last whole line."""

    def __init__(self, reason: str, rest: bytes) -> None:
        super().__init__(reason)
        self.rest = rest


class PartFile:
    """One file of a tape.

    Raises:
        TapeError: missing, a directory, not permitted, or without a single byte in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.read = 0
        """Bytes of the file (as it is on disk) read so far."""
        try:
            with path.open("rb") as file:
                self._packed = file.read(2) == b"\x1f\x8b"
                self.size = file.seek(0, io.SEEK_END)
        except OSError as error:
            raise TapeError(f"tape {path}: {error.strerror or error}") from error
        if not self.size:
            raise TapeError(f"tape {path}: the file is empty")

    def lines(self) -> Iterator[bytes]:
        """The lines without their ends.

        Raises:
            Damage: packed data that is cut short or corrupt, or a line without end.
        """
        with self.path.open("rb") as file, gzip.open(file) if self._packed else file as unpacked:
            rest: list[bytes] = []
            length = 0
            for chunk in self._chunks(file, unpacked, rest):
                *lines, tail = chunk.split(b"\n")
                if lines:
                    rest.append(lines[0])
                    lines[0] = b"".join(rest)
                    rest.clear()
                    length = 0
                    yield from lines
                rest.append(tail)
                length += len(tail)
                if length > _LONGEST:
                    raise Damage(f"no end of line within {_LONGEST} bytes", b"".join(rest))
            if last := b"".join(rest):
                yield last

    def _chunks(
        self, file: io.BufferedReader, unpacked: io.BufferedReader | gzip.GzipFile, rest: list[bytes]
    ) -> Iterator[bytes]:
        while True:
            try:
                chunk = unpacked.read1(_CHUNK)
            except (OSError, EOFError, zlib.error) as error:
                raise Damage(f"packed data cut short or corrupt: {error}", b"".join(rest)) from error
            if not chunk:
                return
            self.read = file.tell()
            yield chunk


class OneFile:
    """An input that is one file, and tells how far it is read; raises as `PartFile`."""

    def __init__(self, path: Path) -> None:
        self._part = PartFile(path)

    @property
    def size(self) -> int:
        """Bytes of the file as it is on disk."""
        return self._part.size

    @property
    def read(self) -> int:
        """Bytes of these read so far."""
        return self._part.read
