"""A stage's pulse: what its working thread does, written down once a second by a thread beside it."""

import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from schemas.vitals import EngineVitals, PartitionVitals, Stage, State, Vitals
from sinks.vitals import boot, write_vitals

__all__ = ["Lag", "Pulse"]

_log: Final = logging.getLogger(__name__)
_EVERY_S: Final = 1.0
_MILLISECOND: Final = 1_000_000


class Lag:
    """How far behind its end a partition is read, in messages and time.

    Time is measured by laps: how long it took to reach what was the end when the lap began. That holds for recordings
    of long ago as well, whose time stamps say nothing about delay.

    Parameters:
        following: offset of the next message.
        end: offset behind the last one.
        now: ns, by any clock.
    """

    __slots__ = ("_end", "_following", "_lap", "_mark", "_marked")

    def __init__(self, following: int, end: int, now: int) -> None:
        self._following, self._end = following, end
        self._mark, self._marked = end, now
        self._lap: int | None = None
        self.moved(following, end, now)

    def moved(self, following: int, end: int, now: int) -> None:
        """The partition is read up to ``following`` and ends at ``end``."""
        self._following, self._end = following, end
        if following >= self._mark:
            self._lap = now - self._marked if following < end else 0
            self._mark, self._marked = end, now

    def vitals(self, now: int) -> PartitionVitals:
        """As of ``now``."""
        lag = None if self._lap is None else max(self._lap, now - self._marked) if self._following < self._end else 0
        return PartitionVitals(
            following=self._following, end=self._end, lag_ms=None if lag is None else lag // _MILLISECOND
        )


class Pulse:
    """The vitals of this process, for as long as a ``with`` block; entered in the working thread.

    All figures come from the working thread; the thread beside it only writes them down. So a worker that hangs is seen
    by `turns` that do not grow, while a process that is stopped as a whole does not write any more.

    Parameters:
        directory: where to; one that cannot be written costs a warning, and nothing else.
        group: the process that was started as this stage, if it is not this one.
        stop: what ends the stage.
        engine: of a worker of the engine, what it knows to begin with.
    """

    def __init__(
        self,
        directory: Path,
        stage: Stage,
        *,
        worker: int = 0,
        workers: int = 1,
        group: int | None = None,
        stop: Callable[[], bool] = lambda: False,
        engine: EngineVitals | None = None,
    ) -> None:
        self._directory, self._stage, self._worker, self._workers = directory, stage, worker, workers
        self._group, self._stop = group or os.getpid(), stop
        self._begun, self._started = _process_start()
        self._turns = 0
        self._resume_ms: int | None = None
        self._waiting: tuple[str, int] | None = None
        self._over = threading.Event()
        self.written = True
        """Whether the last writing down went well."""
        self._writer = threading.Thread(target=self._run, name="vitals", daemon=True)
        self.state: State = "starting"
        self.counts: Counter[str] = Counter()
        self.lags: dict[str, Lag] = {}
        self.engine = engine

    def stopped(self) -> bool:
        """Whether to stop: what sources and sinks ask before each read and in each wait, so asking is a turn."""
        self._turns += 1
        return self._stop()

    def turn(self) -> None:
        """The working thread is at work."""
        self._turns += 1

    def at_work(self) -> None:
        """The stage has resumed and does its work from now on."""
        if self._resume_ms is None:
            self._resume_ms = (time.monotonic_ns() - self._begun) // _MILLISECOND
            self.state = "running"

    def read_to(self, place: tuple[str, int], following: int, end: int) -> None:
        """A partition of the input is read up to ``following``, and ends at ``end``."""
        self.at_work()
        name, now = f"{place[0]}[{place[1]}]", time.monotonic_ns()
        lag = self.lags.get(name)
        if lag is None:
            self.lags[name] = Lag(following, end, now)
        else:
            lag.moved(following, end, now)

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """In here the thread gets no turn as long as ``what`` does not answer."""
        self._waiting = what, time.monotonic_ns()
        try:
            yield
        finally:
            self._waiting = None
            self._turns += 1

    def vitals(self) -> Vitals:
        """As of now."""
        clock, waiting = time.monotonic_ns(), self._waiting
        state: State = "stopping" if self.state == "running" and self._stop() else self.state
        return Vitals(
            stage=self._stage, worker=self._worker, workers=self._workers, pid=os.getpid(), group=self._group,
            boot=boot(), started=self._started, written=time.time_ns(), clock=clock, turns=self._turns, state=state,
            resume_ms=self._resume_ms, waits_for=waiting[0] if waiting else None,
            waits_since=waiting[1] if waiting else 0, counts=dict(self.counts),
            partitions={name: lag.vitals(clock) for name, lag in list(self.lags.items())}, engine=self.engine,
        )  # fmt: skip

    def __enter__(self) -> Self:
        self._write()
        self._writer.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._writer.join()
        self.state = "stopped"
        self._write()

    def _run(self) -> None:
        while not self._over.wait(_EVERY_S):
            self._write()

    def _write(self) -> None:
        try:
            write_vitals(self._directory, self.vitals())
        except OSError as error:
            if self.written:
                _log.warning("supervisor.dir %s: %s; nobody can watch over this process", self._directory, error)
            self.written = False
        else:
            self.written = True


def _process_start() -> tuple[int, int]:
    """When this process was started: by the monotonic clock, and by the time of day; now where that is not told."""
    clock, wall = time.monotonic_ns(), time.time_ns()
    try:
        ticks = int(Path("/proc/self/stat").read_text("ascii").rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return clock, wall
    age = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - ticks * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    return clock - age, wall - age
