"""How long the broker is waited for once a stop was asked for."""

import time
from collections.abc import Callable
from typing import Final

__all__ = ["GRACE_S", "STEP_S", "Grace", "never"]

GRACE_S: Final = 5.0
"""Enough for a broker that is there, and well within the ten seconds in which a process has to end."""
STEP_S: Final = 0.5
"""A wait inside the client: signal handlers get their turn only between two of them."""


def never() -> bool:
    """A stop that is not asked for."""
    return False


class Grace:
    """The patience of one wait: without limit until ``stop`` says true, `GRACE_S` from then on."""

    def __init__(self, stop: Callable[[], bool]) -> None:
        self._stop = stop
        self._until: float | None = None

    def over(self) -> bool:
        """Whether to give up; to be asked after each step in which nothing came."""
        if self._until is None:
            if not self._stop():
                return False
            self._until = time.monotonic() + GRACE_S
        return time.monotonic() > self._until
