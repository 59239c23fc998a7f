"""`candlewick run` as a process that works on a broker's log until it is told to stop."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from benchmarks.broker import Stage
from schemas.vitals import Vitals
from sinks.vitals import read_vitals

__all__ = ["Engine", "engine"]

_PATIENCE_S: Final = 120.0
_TALKATIVE: Final = '{"threshold": 0.2, "cooldown_bars": 0}'
"""A strategy that has an opinion at most closes, so that there is something to time."""


class Engine:
    """The process, and what it tells of itself."""

    def __init__(self, at: Stage, folder: Path, settings: Mapping[str, str]) -> None:
        self._vitals = folder / "vitals"
        environment = {
            **os.environ,
            "CANDLEWICK_KAFKA__BOOTSTRAP": at.bootstrap,
            "CANDLEWICK_ENGINE__RECOVERY_DIR": str(folder / "recovery"),
            "CANDLEWICK_SUPERVISOR__DIR": str(self._vitals),
            "CANDLEWICK_STRATEGY": _TALKATIVE,
            **settings,
        }
        self._log = folder / "engine.log"
        self.spawned = time.monotonic()
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flows.child", str(os.getpid()), "run"],
                env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def vitals(self) -> Vitals | None:
        """As last written, once a second."""
        return next((one for one in read_vitals(self._vitals, ["engine"]) if one.pid == self.process.pid), None)

    def caught_up(self) -> bool:
        """Whether all partitions were read to their ends."""
        known = self.vitals()
        return known is not None and bool(known.partitions) and all(
            place.following >= place.end for place in known.partitions.values()
        )  # fmt: skip

    def until(self, condition: Callable[[], bool], what: str, *, nap: float = 0.05) -> None:
        """Wait for ``condition``.

        Raises:
            RuntimeError: it does not come, or the engine ended.
        """
        deadline = time.monotonic() + _PATIENCE_S
        while not condition():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"no {what}; the engine said: {self._log.read_text(errors='replace')[-2_000:]}")
            time.sleep(nap)

    def stop(self) -> None:
        """Ask it to end, and wait."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


@contextmanager
def engine(at: Stage, folder: Path, **settings: str) -> Iterator[Engine]:
    """An engine that runs until the end of the context; ``settings`` are environment variables."""
    running = Engine(at, folder, settings)
    try:
        yield running
        if running.process.returncode is None:
            running.stop()
    finally:
        running.process.kill()
        running.process.wait()
