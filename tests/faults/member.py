"""One process of the system, to be mistreated from outside."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tests.integration.pipeline import COMMAND

__all__ = ["Member"]


class Member:
    """A subcommand as a process that a test ends and starts again; what it says is kept in a file."""

    def __init__(self, environment: Mapping[str, str], words: Path, *arguments: str) -> None:
        self._environment, self._words, self._arguments = environment, words, arguments
        self.began = 0.0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, **more: str) -> None:
        """A new process, once the one before has ended; ``more`` of environment for it alone."""
        assert not self.alive
        self.began = time.monotonic()
        with self._words.open("ab") as words:
            self.process = subprocess.Popen(
                [*COMMAND, *self._arguments], env={**self._environment, **more},
                stdin=subprocess.DEVNULL, stdout=words, stderr=words,
            )  # fmt: skip

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self.process is not None and self.process.poll() is None

    def send(self, number: int) -> None:
        """A signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, patience_s: float = 60.0) -> int:
        """Its end, and the status of that."""
        assert self.process is not None
        try:
            return self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self} does not end:\n{self.words()}") from None

    def kill(self) -> None:
        """kill -9, if it runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self, patience_s: float = 10.0) -> float:
        """SIGTERM, and a clean end in time; the seconds that it took."""
        began = time.monotonic()
        self.send(signal.SIGTERM)
        assert self.wait(patience_s) == 0, self.words()
        return time.monotonic() - began

    def end(self, patience_s: float = 240.0) -> None:
        """It ends by itself, and well."""
        assert self.wait(patience_s) == 0, self.words()

    def words(self) -> str:
        """The last of what it said."""
        return self._words.read_text(errors="replace")[-4_000:] if self._words.exists() else ""

    @property
    def memory_mb(self) -> float:
        """Resident."""
        assert self.process is not None
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1_024

    @property
    def files(self) -> int:
        """Open file handles."""
        assert self.process is not None
        with suppress(FileNotFoundError):
            return len(os.listdir(f"/proc/{self.process.pid}/fd"))  # noqa: PTH208, only their number
        return 0

    def __str__(self) -> str:
        return f"candlewick {' '.join(self._arguments)}"
