"""A host's clock that can be set, for the processes that are started under it."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

__all__ = ["HostClock"]

_SOURCE = Path(__file__).with_name("clock.c")


class HostClock:
    """The time of day, some seconds off, of every process with `environment`; skips the test where no C compiler is."""

    def __init__(self, folder: Path) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("a stepped host clock: not tried, because no C compiler (cc) is on PATH")
        library, self._offset = folder / "clock.so", folder / "clock.offset"
        subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", library, _SOURCE], check=True)
        self.set(0)
        self.environment = {"LD_PRELOAD": str(library), "CLOCK_OFFSET": str(self._offset)}

    def set(self, ahead_s: int) -> None:
        """So many seconds ahead of the true time, from now on."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:  # the same file, which they have open
            file.write(struct.pack("=q", ahead_s))
