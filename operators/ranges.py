"""Numbers that a venue has given, as ranges of them and of the event times that they were given at."""

from array import array
from bisect import bisect_right
from itertools import accumulate, chain
from operator import add, sub
from typing import Any, Final

__all__ = ["NumberRanges"]

_SLACK: Final = 5_000
"""Milliseconds by which event times of neighbouring numbers may be out of order."""


class NumberRanges:
    """Disjoint ranges in order; of each the first and last number, and the first and last event time (ms).

    Ranges of neighbouring numbers become one if their times follow each other too.

    Attributes
    ----------
    since
        Last event time of the count before.
    next, latest, room
        The range added to last is open: it is what lies before ``next``, was last seen at ``latest``, and can be
        made longer by numbers below ``room``.
    """

    __slots__ = ("_ends", "_firsts", "_lasts", "_open", "_starts", "latest", "next", "room", "since")

    def __init__(self, since: int = 0) -> None:
        self.since = since
        self._starts, self._ends, self._firsts, self._lasts = (array("q") for _ in range(4))
        self._reopen(-1)

    @property
    def lasts(self) -> "array[int]":
        """The last event times of all ranges."""
        self._close()
        return self._lasts

    def times(self, number: int) -> tuple[int, int] | None:
        """First and last event time of the range that ``number`` is in."""
        self._close()
        at = bisect_right(self._starts, number) - 1
        return (self._firsts[at], self._lasts[at]) if at >= 0 and number <= self._ends[at] else None

    def has(self, number: int, ts: int) -> bool:
        """Whether ``number`` was seen about then."""
        times = self.times(number)
        return times is not None and times[0] <= ts <= times[1]

    def insert(self, number: int, ts: int) -> None:
        """Add a number that is in no range."""
        at = bisect_right(self._starts, number)
        self._starts.insert(at, number)
        self._ends.insert(at, number)
        self._firsts.insert(at, ts)
        self._lasts.insert(at, ts)
        self._join(at)
        self._reopen(at - 1 if self._join(at - 1) else at)

    def forget(self, floor: int) -> None:
        """Drop what was last seen up to ``floor``."""
        left = [at for at, last in enumerate(self.lasts) if last > floor]
        self._starts, self._ends, self._firsts, self._lasts = (
            array("q", [column[at] for at in left]) for column in self._columns()
        )
        self._reopen(len(left) - 1)

    def _join(self, at: int) -> bool:
        """Make one of the range there and the next one, if they follow each other in number and in time."""
        if at < 0 or at + 1 >= len(self._starts) or self._ends[at] + 1 != self._starts[at + 1]:
            return False
        if self._lasts[at] > self._firsts[at + 1] + _SLACK:
            return False
        self._starts[at + 1] = self._starts[at]
        self._firsts[at + 1] = min(self._firsts[at : at + 2])
        self._lasts[at + 1] = max(self._lasts[at : at + 2])
        for column in self._columns():
            del column[at]
        return True

    def _reopen(self, at: int) -> None:
        """Open this range; -1: none."""
        self._open = at
        self.room = self._starts[at + 1] - 1 if at + 1 < len(self._starts) else 2**63 - 1
        self.next, self.latest = (self._ends[at] + 1, self._lasts[at]) if at >= 0 else (-1, 0)
        if self.latest <= self.since:
            self.room = -1  # it may be of the count before

    def _close(self) -> None:
        if self._open >= 0:
            self._ends[self._open], self._lasts[self._open] = self.next - 1, self.latest

    def _columns(self) -> tuple["array[int]", ...]:
        return self._starts, self._ends, self._firsts, self._lasts

    def state(self) -> list[Any]:
        """Differences, as these are small: of a range's start to the end before, and to its own end; so for times."""
        self._close()
        starts, ends, firsts, lasts = self._columns()
        return [
            self.since,
            list(map(sub, starts, chain((0,), ends))),
            list(map(sub, ends, starts)),
            list(map(sub, firsts, chain((0,), firsts))),
            list(map(sub, lasts, firsts)),
        ]

    def restore(self, state: list[Any]) -> None:
        self.since, gaps, lengths, steps, spans = state
        self._ends = array("q", accumulate(map(add, gaps, lengths)))
        self._starts = array("q", map(sub, self._ends, lengths))
        self._firsts = array("q", accumulate(steps))
        self._lasts = array("q", map(add, self._firsts, spans))
        self._reopen(len(self._ends) - 1)
