"""Which of an exchange's records were seen already, in little memory."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any, Final

from operators.ranges import NumberRanges
from schemas.time import MILLISECOND

__all__ = ["SeenIds", "number_of"]

_RANGES: Final = 512
_NAMES: Final = 256
_MOST: Final = 65_536
"""Of ranges, and of names, whatever comes within the window."""
_DIGITS: Final = 18
"""More do not surely fit into 64 bits."""


def number_of(identifier: str | None) -> int | None:
    """The number that ``identifier`` writes in the plainest way; ``None`` if it writes none.

    >>> [number_of(text) for text in ("12", "012", "1e3", "٣", None)]
    [12, None, None, None, None]
    """
    if identifier is None or len(identifier) > _DIGITS or not (identifier.isascii() and identifier.isdecimal()):
        return None
    return None if identifier[0] == "0" and identifier != "0" else int(identifier)


class SeenIds:
    """A repetition has the exchange's identifier and its event time, to the millisecond, of a record seen before.

    So a venue that begins to number anew gives new records: their numbers are known, but of an earlier time.

    Whole numbers are kept as ranges, each with the event times between which it was seen: a venue that numbers
    without holes needs a single one, however long it runs. Other identifiers are kept one by one. Nothing within
    ``window`` of the newest event time is forgotten (up to 65,536 of either kind), and beyond it the newest 512 ranges
    and 256 names at least. Of what is older than the oldest that is kept, nobody can tell whether it is a repetition.

    Parameters
    ----------
    window
        Nanoseconds of event time.

    Examples
    --------
    >>> seen, second = SeenIds(window=0), 1_000_000_000
    >>> [seen.add(i, int(i) * second) for i in ("7", "8", "8", "12", "9", "7")]
    [True, True, False, True, True, False]
    >>> [seen.add("7", 20 * second), seen.add("7", 20 * second)]
    [True, False]
    """

    __slots__ = ("_names", "_numbers")

    def __init__(self, window: int) -> None:
        self._numbers = _Numbers(window // MILLISECOND)
        self._names = _Names(window // MILLISECOND)

    def add(self, identifier: str, ts: int) -> bool | None:
        """Remember ``identifier`` with its event time (ns).

        True if it is new, False if it is a repetition, ``None`` if it is too old to tell.
        """
        number = number_of(identifier)
        ts //= MILLISECOND
        if number is None:
            return self._names.add(identifier, ts)
        count = self._numbers.count
        if number == count.next and count.latest <= ts and number < count.room:  # so it is nearly always
            count.next = number + 1
            count.latest = ts
            return True
        return self._numbers.add(number, ts)

    def state(self) -> list[Any]:
        """Plain data for recovery."""
        return [self._numbers.state(), self._names.state()]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again."""
        numbers, names = state
        self._numbers.restore(numbers)
        self._names.restore(names)


class _Memory:
    """How much is kept: ``_full`` is when to forget next, ``_floor`` the newest event time (ms) that was forgotten."""

    __slots__ = ("_floor", "_full", "_kept", "_window")

    def __init__(self, window: int, kept: int) -> None:
        self._window, self._kept = window, kept
        self._full, self._floor = 2 * kept, 0

    def _raise_floor(self, times: Iterable[int]) -> int:
        """Up to which of ``times`` to forget now."""
        ordered = sorted(times)
        floor = ordered[-self._kept - 1]
        if len(ordered) < _MOST:
            floor = min(floor, ordered[-1] - self._window)
        self._floor = max(self._floor, floor)
        left = len(ordered) - bisect_right(ordered, self._floor)
        self._full = min(2 * max(left, self._kept), _MOST)
        return self._floor


class _Numbers(_Memory):
    """The numbers since the venue last began anew, and those of its count before that."""

    __slots__ = ("_before", "count")

    def __init__(self, window: int) -> None:
        super().__init__(window, _RANGES)
        self.count, self._before = NumberRanges(), NumberRanges()

    def add(self, number: int, ts: int) -> bool | None:
        count = self.count
        known = count.times(number)
        if known is not None and ts > known[1]:
            self._begin_anew()
        elif (known is not None and ts >= known[0]) or (ts <= count.since and self._before.has(number, ts)):
            return False
        elif ts <= self._floor or known is not None:
            return None
        self.count.insert(number, ts)
        if len(self.count.lasts) > self._full:
            self.count.forget(self._raise_floor(self.count.lasts))
        return True

    def _begin_anew(self) -> None:
        self._floor = max(self._floor, self.count.since)
        self._before = self.count
        self.count = NumberRanges(max(self._before.lasts))

    def state(self) -> list[Any]:
        return [self._full, self._floor, self.count.state(), self._before.state()]

    def restore(self, state: list[Any]) -> None:
        self._full, self._floor, count, before = state
        self.count.restore(count)
        self._before.restore(before)


class _Names(_Memory):
    """Names and their event times (ms)."""

    __slots__ = ("_times",)

    def __init__(self, window: int) -> None:
        super().__init__(window, _NAMES)
        self._times: dict[str, int] = {}

    def add(self, name: str, ts: int) -> bool | None:
        known = self._times.get(name, self._floor)
        if ts <= known:
            return False if name in self._times and ts == known else None
        self._times[name] = ts
        if len(self._times) > self._full:
            floor = self._raise_floor(self._times.values())
            self._times = {name: last for name, last in self._times.items() if last > floor}
        return True

    def state(self) -> list[Any]:
        return [self._full, self._floor, self._times]

    def restore(self, state: list[Any]) -> None:
        self._full, self._floor, times = state
        self._times = dict(times)
