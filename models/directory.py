"""A registry in a directory: a folder a version, which appears by one rename."""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from stat import S_ISREG
from typing import Final

from models.errors import ModelRefused, RegistryAway, RegistryError, VersionAway

__all__ = ["MOST", "Directory"]

MOST: Final = 64 << 20
"""Bytes of one file; what is larger is no model of ours."""


class Directory:
    """See `models.registry.Storage`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def models(self) -> list[str]:
        """Names of folders; none where nothing is.

        Raises:
            RegistryError: what is there is no directory, or cannot be read.
        """
        try:
            return [path.name for path in self._root.iterdir()]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RegistryError(f"models.dir: {self._root}: {error.strerror}") from error

    def versions(self, model: str) -> list[str]:
        """Names of folders in that of ``model``.

        Raises:
            RegistryAway: it cannot be read.
        """
        folder = self._root / model
        with self._told():
            return [path.name for path in folder.iterdir()] if folder.is_dir() else []

    def holds(self, model: str, version: str) -> bool:
        """Whether there is such a version.

        Raises:
            RegistryAway: that cannot be told.
        """
        with self._told():
            return (self._root / model / version).is_dir()

    def files(self, model: str, version: str) -> set[str]:
        """Names of all that is in a version.

        Raises:
            VersionAway: the folder cannot be read.
        """
        folder = self._root / model / version
        try:
            return {path.name for path in folder.iterdir()}
        except OSError as error:
            raise VersionAway(f"the folder of {model} {version}: {error.strerror}") from error

    def read(self, model: str, version: str, name: str) -> bytes:
        """One file of a version.

        Raises:
            VersionAway: it cannot be read.
            ModelRefused: it is too large, or leads elsewhere.
        """
        path = self._root / model / version / name
        told = f"{name} of {model} {version}"  # for all to read: where it lies is nobody's business
        try:
            about = path.lstat()
            if not S_ISREG(about.st_mode):
                raise ModelRefused(f"{told} is no plain file")
            if about.st_size > MOST:
                raise ModelRefused(f"{told} has more than {MOST} bytes")
            return path.read_bytes()
        except OSError as error:
            raise VersionAway(f"{told}: {error.strerror}") from error

    def add(self, model: str, version: str, files: Mapping[str, bytes]) -> None:
        """Write a version beside the others, bring it to the disk and give it its name; what is there stays.

        Raises:
            RegistryError: the directory cannot be written.
        """
        try:
            with self._alone():
                target = self._root / model / version
                if target.is_dir():
                    return
                fresh = Path(tempfile.mkdtemp(prefix=".adding-", dir=self._root))
                for name, content in files.items():
                    _write(fresh / name, content)
                fresh.chmod(0o755)
                target.parent.mkdir(exist_ok=True)
                _sync(fresh)
                fresh.rename(target)
                _sync(target.parent)
                _sync(self._root)
        except OSError as error:
            raise RegistryError(f"registry {self._root}: {error.strerror}; nothing was added") from error

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise RegistryAway(f"registry {self._root}: {error.strerror}") from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the directory, and clear away what an add that died has left."""
        self._root.mkdir(parents=True, exist_ok=True)
        handle = os.open(self._root / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            for left in self._root.glob(".adding-*"):
                shutil.rmtree(left)
            yield
        finally:
            os.close(handle)


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
