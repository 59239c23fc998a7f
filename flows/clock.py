"""A time of day that is set back under a running process."""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from schemas.errors import AwayError

__all__ = ["ClockWatch", "ended_if_set_back"]

_log: Final = logging.getLogger(__name__)
_EVERY_S: Final = 0.5
_HARMLESS_S: Final = 2.0
"""A leap second, a correction: nobody minds a pause of that length."""


class ClockWatch:
    """How far the time of day was set back.

    Parameters:
        wall: the time of day, seconds.
        monotonic: what runs on evenly, seconds.
    """

    def __init__(self, wall: Callable[[], float] = time.time, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._wall, self._monotonic = wall, monotonic
        self._ahead = wall() - monotonic()

    def set_back_s(self) -> float:
        """Seconds since the last look; negative if it was set forward."""
        before, self._ahead = self._ahead, self._wall() - self._monotonic()
        return before - self._ahead


@contextmanager
def ended_if_set_back() -> Iterator[None]:
    """In here the process ends, with the status of what is worth another start, if the clock is set back.

    Bytewax sleeps and ends its epochs by the time of day, and librdkafka may wait by it: after a step of an hour back
    they would do nothing for an hour. They can't be woken up, but any moment is good enough to end and to go on from
    the last snapshot, or from what was committed. A step forward only ends an epoch early.
    """
    over = threading.Event()
    watch = ClockWatch()

    def look() -> None:
        while not over.wait(_EVERY_S):
            back_s = watch.set_back_s()
            if back_s > _HARMLESS_S:
                _log.error("the clock was set back by %.0f s: this process ends, to go on where it was", back_s)
                os._exit(AwayError.exit_status)

    thread = threading.Thread(target=look, name="clock", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
