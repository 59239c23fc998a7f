"""When the next round of something is due: by cron, and sooner after one that failed or was killed."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from flows.appended import append, torn
from flows.cron import Cron
from flows.errors import FlowError

__all__ = ["Marks", "Rounds"]

_IN_FORCE: Final = timedelta(minutes=3)
"""After a round: what it decided counts from a close to come, and the next one has to know of it by the store."""
_REST: Final = 4
"""Times as long as a round took, at least, before the next one."""
_WAIT: Final = timedelta(minutes=5)
_LONGER: Final = 3
_TRIES: Final = 6
"""After the first: 5 minutes, 15, 45, and so on up to 20 hours, so that a day's outage is outlasted."""


class Rounds:
    """Tries a round that failed again after a while, each time a longer one, until the slot after it.

    Parameters:
        times: of the slots.
        now: nothing is due before.
        at_once: the first round is due now, whatever the slots.
        begun: when the last one was; if a slot has gone by since, one is due now.
    """

    def __init__(self, times: Cron, now: datetime, *, at_once: bool = False, begun: datetime | None = None) -> None:
        self._times, self._slot = times, times.after(now)
        missed = begun is not None and times.after(begun) <= now
        self.due = now if at_once or missed else self._slot
        self.failures = 0
        """In a row, of this slot."""

    def done(self, begun: datetime, ended: datetime) -> None:
        """A round went well: the next one is due when what it decided is in force, and not at once after a long one."""
        self.failures = 0
        self.due = self._slot = self._times.after(ended + max(_IN_FORCE, _REST * (ended - begun)))

    def failed(self, ended: datetime) -> None:
        """A round failed."""
        if ended >= self._slot:
            self.failures, self._slot = 0, self._times.after(ended)
        self.due = self._slot
        if self.failures < _TRIES:
            self.due = min(self._slot, ended + _WAIT * _LONGER**self.failures)
        self.failures += 1


class _Mark(Struct, frozen=True, omit_defaults=True):
    begun: datetime
    ended: datetime | None = None
    """Well; one that failed has not."""


class Marks:
    """A file of when rounds began and ended, so that what was killed is taken up again, and a slot that went by while
    nobody ran is not lost.

    Raises:
        FlowError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._last = self._read()

    @property
    def begun(self) -> datetime | None:
        """When the last round began."""
        return None if self._last is None else self._last.begun

    @property
    def open(self) -> bool:
        """Whether the last round did not come to its end."""
        return self._last is not None and self._last.ended is None

    def begin(self, now: datetime) -> None:
        """A round begins.

        Raises:
            FlowError: the file cannot be written.
        """
        self._write(_Mark(now))

    def end(self, now: datetime) -> None:
        """It came to its end; raises as `begin`."""
        if self._last is not None:
            self._write(_Mark(self._last.begun, now))

    def _write(self, mark: _Mark) -> None:
        try:
            append(self._path, msgspec.json.encode(mark) + b"\n", _decoded)
        except OSError as error:
            raise FlowError(f"{self._path}: {error.strerror}") from error
        self._last = mark

    def _read(self) -> _Mark | None:
        try:
            data = self._path.read_bytes()
            lines = data[: len(data) - len(torn(data, _decoded))].splitlines()
            return _decoded(lines[-1]) if lines else None
        except FileNotFoundError:
            return None
        except OSError as error:
            raise FlowError(f"{self._path}: {error.strerror}") from error
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise FlowError(f"{self._path}: its last line is no mark of a round: {error}") from error


def _decoded(line: bytes) -> _Mark:
    return msgspec.json.decode(line, type=_Mark)
