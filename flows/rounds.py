"""When the next round of something is due: by cron, and sooner after one that failed."""

from datetime import datetime, timedelta
from typing import Final

from flows.cron import Cron

__all__ = ["Rounds"]

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
    """

    def __init__(self, times: Cron, now: datetime, *, at_once: bool = False) -> None:
        self._times, self._slot = times, times.after(now)
        self.due = now if at_once else self._slot
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
