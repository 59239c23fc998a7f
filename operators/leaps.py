"""Records that leap ahead of their key: believed when another record of the key has come as far."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from schemas.layouts import Layout
from schemas.time import MINUTE

__all__ = ["LEAP", "Held", "Leaps"]

LEAP: Final = 5 * MINUTE
"""Receive time that may lie between two records of a key: above the pause of any ingester that is at work."""
_WAIT: Final = MINUTE
"""Receive time by which the key has to go on without another such record until a leap is refuted."""
_MOST: Final = 8
_LAYOUT: Final = Layout("leaps", 1)


class Held(Struct, array_like=True):
    """A message and its place."""

    partition: int
    offset: int
    ts_ms: int
    value: bytes
    ts_received: int
    """Of the record in it, ns."""
    since: int = 0
    """Where the key stood when it came, ns; 0: at its beginning."""


class Leaps:
    """Holds what was received more than `LEAP` after everything the key is known to have come to.

    Whoever says that it is an hour later than all others say is wrong, or has only spoken first: the next record tells.
    One that was received no more than `LEAP` before the one that is held confirms it; if there is none while the key
    goes on for a minute, it is refuted. That also goes for the first record of a key.

    Parameters:
        near: how far ahead of the key (ns) a record need not be judged at all; no more than `LEAP` counts.

    >>> leaps, second = Leaps(near=0), 1_000_000_000
    >>> def judge(s): return [m.offset for m in leaps.judge(Held(0, s, 0, b"", 10_000 * second + s * second))[0]]
    >>> [judge(s) for s in (1, 2, 3_600, 3, 3_601)]
    [[], [1, 2], [], [3], [3600, 3601]]
    """

    __slots__ = ("_held", "_near", "_reached", "limit")

    def __init__(self, near: int) -> None:
        self._near = min(near, LEAP)
        self._reached = 0
        self._held: list[Held] = []
        self.limit = self._near
        """Records received later than this (ns) have to be judged, the others can be taken as they are."""

    @property
    def reached(self) -> int:
        """How far the key is known to have come, ns; 0: not at all."""
        return self._reached

    def plain(self, ts_received: int, patience: int = 0) -> bool:
        """Whether `judge` would give back just this message."""
        return not self._held and ts_received <= self._reached + LEAP + patience

    def judge(self, message: Held, patience: int = 0) -> tuple[list[Held], list[Held]]:
        """The messages that can be taken now, in the order of the log, and those that are refuted.

        ``patience`` (ns) is by how much it may come later than others do.
        """
        earliest = message.ts_received + LEAP
        taken = [held for held in self._held if held.ts_received <= earliest]
        self._held = [held for held in self._held if held.ts_received > earliest]
        for held in taken:
            self._reached = max(self._reached, held.ts_received)
        refuted: list[Held] = []
        if message.ts_received > self._reached + LEAP + patience:
            message.since = self._reached
            self._held.append(message)
            refuted, self._held = self._held[:-_MOST], self._held[-_MOST:]
        else:
            taken.append(message)
        self._set_limit()
        return taken, refuted

    def reach(self, ts_received: int) -> list[Held]:
        """The key has come to ``ts_received`` (ns); the messages that are refuted by that."""
        if ts_received <= self._reached:
            return []
        self._reached = ts_received
        if not self._held:
            self.limit = ts_received + self._near
            return []
        refuted = [held for held in self._held if held.since and ts_received - held.since >= _WAIT]
        if refuted:
            self._held = [held for held in self._held if held not in refuted]
        for held in self._held:
            held.since = held.since or ts_received
        self._set_limit()
        return refuted

    def _set_limit(self) -> None:
        """Above it is what may leap, and what would confirm something that is held."""
        self.limit = min([self._reached + self._near, *(held.ts_received - LEAP - 1 for held in self._held)])

    def state(self) -> list[Any]:
        """Plain data for recovery."""
        return [_LAYOUT.version, self._reached, self._held]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again.

        Raises:
            LayoutError: of a version from which no way leads here.
        """
        _, self._reached, held = _LAYOUT.bring(state[0], state)
        self._held = msgspec.convert(held, list[Held])
        self._set_limit()
