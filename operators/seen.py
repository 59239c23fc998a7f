"""Which of an exchange's identifiers were seen already, in little memory."""

from bisect import bisect_right
from typing import Any, Final

__all__ = ["SeenIds", "number_of"]

_RANGES: Final = 1_024
_NAMES: Final = 1_024
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
    """Duplicates are recognised by the exchange's own identifiers.

    Whole numbers are kept as disjoint ranges: a venue that numbers without holes needs a single one, however long it
    runs. Other identifiers are kept as they are. Of either kind 1,024 are kept, the lowest or oldest go first.

    Examples
    --------
    >>> seen = SeenIds()
    >>> [seen.add(i) for i in ("7", "8", "8", "12", "9", "7", "x", "x")]
    [True, True, False, True, True, False, True, False]
    """

    __slots__ = ("_ends", "_names", "_starts")

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        self._names: dict[str, None] = {}

    def add(self, identifier: str) -> bool:
        """Remember ``identifier``; False if it was there already."""
        number = number_of(identifier)
        return self._add_name(identifier) if number is None else self._add_number(number)

    def _add_number(self, number: int) -> bool:
        starts, ends = self._starts, self._ends
        if ends and number == ends[-1] + 1:
            ends[-1] = number
            return True
        at = bisect_right(starts, number) - 1
        if at >= 0 and number <= ends[at]:
            return False
        joins_left = at >= 0 and ends[at] + 1 == number
        joins_right = at + 1 < len(starts) and starts[at + 1] == number + 1
        if joins_left and joins_right:
            ends[at] = ends.pop(at + 1)
            del starts[at + 1]
        elif joins_left:
            ends[at] = number
        elif joins_right:
            starts[at + 1] = number
        else:
            starts.insert(at + 1, number)
            ends.insert(at + 1, number)
            if len(starts) > _RANGES:
                del starts[0], ends[0]
        return True

    def _add_name(self, name: str) -> bool:
        if name in self._names:
            return False
        self._names[name] = None
        if len(self._names) > _NAMES:
            del self._names[next(iter(self._names))]
        return True

    def state(self) -> list[Any]:
        """Plain data for recovery."""
        return [self._starts, self._ends, list(self._names)]

    def restore(self, state: list[Any]) -> None:
        """Take up ``state`` again."""
        self._starts, self._ends = list(state[0]), list(state[1])
        self._names = dict.fromkeys(state[2])
