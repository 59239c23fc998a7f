"""Sending to many clients without keeping those waiting who ask something."""

import asyncio
import time
from typing import Final

__all__ = ["Pace"]

_SHARE: Final = 0.5  # of the loop's time for sending, when there is more to send than that
_AT_ONCE_S: Final = 0.002  # sends in one go take no longer, which is what a request may have to wait
_LONGEST_S: Final = 0.001  # a send that takes longer has waited for something else
_WEIGHT: Final = 1 / 16


class Pace:
    """Hands out places in time: together, all senders take at most half of it."""

    def __init__(self) -> None:
        self._cost = 0.0  # seconds of one send, smoothed
        self._free = 0.0  # the place that is handed out next

    async def turn(self) -> float:
        """Wait for a place; when it came, to be given to `took` after the send."""
        now = time.perf_counter()
        place = max(self._free, now)
        self._free = place + self._cost / _SHARE
        if place - now > _AT_ONCE_S:
            await asyncio.sleep(place - now)
            now = time.perf_counter()
        return now

    def took(self, since: float) -> None:
        """A send that began at ``since`` is done."""
        spent = min(time.perf_counter() - since, _LONGEST_S)
        self._cost += _WEIGHT * (spent - self._cost)
