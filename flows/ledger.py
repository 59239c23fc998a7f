"""The ledger of trials: an append-only file of everything that was tried, and of every test span looked at."""

import fcntl
import os
from collections.abc import Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from flows.errors import FlowError

__all__ = ["Ledger", "Trial"]


class Trial(Struct, frozen=True, kw_only=True):
    """One learner, with one configuration, held against one test span."""

    at: str
    """When, ISO 8601."""
    command: str
    dataset: str
    """SHA-256 of its manifest."""
    segment: str
    learner: str
    config: str
    """SHA-256 of it."""
    ts_start: int
    """Of the test span, ns."""
    ts_end: int
    passed: bool
    sharpe: float | None
    log_loss: float
    ic: float | None
    stretches: list[float]
    """What it would have earned in ten equal stretches of the span."""

    @property
    def span(self) -> tuple[str, str, int, int]:
        """What was looked at."""
        return self.dataset, self.segment, self.ts_start, self.ts_end

    @property
    def what(self) -> tuple[str, str]:
        """What was tried there."""
        return self.learner, self.config


class Ledger:
    """Lines of JSON, added under a lock, each one brought to the disk, none ever changed."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def trials(self) -> list[Trial]:
        """All of them, oldest first.

        Raises:
            FlowError: a line that is no trial.
        """
        if not self._path.exists():
            return []
        decoder = msgspec.json.Decoder(Trial)
        try:
            return list(map(decoder.decode, self._path.read_bytes().splitlines()))
        except OSError as error:
            raise FlowError(f"ledger {self._path}: {error.strerror}") from error
        except msgspec.MsgspecError as error:
            raise FlowError(f"ledger {self._path}: a line is no trial: {error}") from error

    def add(self, trials: Sequence[Trial]) -> None:
        """Append ``trials``.

        Raises:
            FlowError: the file cannot be written.
        """
        lines = b"".join(msgspec.json.encode(trial) + b"\n" for trial in trials)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("ab") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise FlowError(f"ledger {self._path}: {error.strerror}") from error
