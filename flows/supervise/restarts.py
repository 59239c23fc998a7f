"""When a stage that has died is started again, and when it is given up."""

from collections import deque
from typing import Final

__all__ = ["Restarts"]

_FIRST_S: Final = 0.5
_LONGEST_S: Final = 30.0
_AWAY_S: Final = 5.0
"""Who only waits for something that is away should be there soon after it."""
_GOOD_S: Final = 60.0


class Restarts:
    """The first restart comes at once; each further one waits twice as long, until the stage has run well for a minute.

    Parameters:
        deaths: so many within ``within_s`` seconds are a crash loop.

    >>> restarts = Restarts(deaths=4, within_s=60)
    >>> restarts.started(0.0); restarts.died(1.0), restarts.died(2.0), restarts.died(3.0), restarts.died(4.0)
    (0.0, 0.5, 1.0, None)
    """

    def __init__(self, deaths: int, within_s: float) -> None:
        self._within_s = within_s
        self._deaths: deque[float] = deque(maxlen=deaths)
        self._started = 0.0
        self._in_a_row = 0

    def started(self, now: float) -> None:
        """The stage was started at ``now`` (seconds, monotonic)."""
        self._started = now

    def died(self, now: float) -> float | None:
        """Seconds until the next start; ``None``: this is a crash loop."""
        self._deaths.append(now)
        if len(self._deaths) == self._deaths.maxlen and now - self._deaths[0] <= self._within_s:
            return None
        return self._delay(now, _LONGEST_S)

    def went_without(self, now: float) -> float:
        """Seconds until the next start of a stage that ended since something it needs is away; tried for ever."""
        return self._delay(now, _AWAY_S)

    def _delay(self, now: float, longest_s: float) -> float:
        if now - self._started >= _GOOD_S:
            self._in_a_row = 0
        delay = _FIRST_S * 2 ** min(self._in_a_row - 1, 20) if self._in_a_row else 0.0
        self._in_a_row += 1
        return min(delay, longest_s)
