"""Records put back into event-time order, as far as the allowed lateness reaches."""

from bisect import bisect_left
from itertools import accumulate
from operator import sub
from typing import Any, Final, Generic, TypeVar
from zlib import compress, decompress

import msgspec

__all__ = ["ReorderBuffer", "packed", "unpacked"]

_BURST: Final = 256
"""From so many records on the time is well spent that it takes to make a tenth of their 50 to 60 bytes each."""

Item = TypeVar("Item", bound=tuple[Any, ...])


class ReorderBuffer(Generic[Item]):
    """Tuples that begin with ``(ts_event, order, arrival)``; ``arrival`` is unique, so nothing behind it is compared.

    What is released is in the same order, and sums to the same float, however the input was shuffled within the
    allowance. Input is nearly sorted, so what is new is sorted alone and mostly goes behind what waits already.
    """

    __slots__ = ("_most", "_waiting", "new", "room")

    def __init__(self, most: int) -> None:
        self.new: list[Item] = []
        """To append to, as long as there is room."""
        self.room = self._most = most
        """How long `new` may become: ``most`` less what waits already."""
        self._waiting: list[Item] = []  # in order

    def __len__(self) -> int:
        return len(self._waiting) + len(self.new)

    def release(self, before: int) -> list[Item]:
        """Take out, in order, what has ``ts_event < before`` (ns)."""
        waiting, new = self._waiting, self.new
        if new:
            new.sort()
            in_order = not waiting or waiting[-1] < new[0]
            waiting += new
            new.clear()
            if not in_order:
                waiting.sort()
            self.room = self._most - len(waiting)
        if not waiting or waiting[0][0] >= before:
            return []
        at = bisect_left(waiting, (before,))
        released = waiting[:at]
        del waiting[:at]
        self.room = self._most - len(waiting)
        return released

    def items(self) -> list[Item]:
        """All that waits."""
        return self._waiting + self.new

    def state(self) -> list[Item] | bytes:
        """Plain data for recovery."""
        return packed(self.items())

    def restore(self, state: Any) -> None:
        """Take up ``state`` again."""
        items: Any = map(tuple, unpacked(state))
        self._waiting, self.new, self.room = [], list(items), self._most


def packed(items: list[Item]) -> list[Item] | bytes:
    """What waits as plain data for recovery; in a burst compressed, field by field, whole numbers by their steps."""
    if len(items) < _BURST:
        return items
    fields = [(all(type(one) is int for one in field), field) for field in zip(*items, strict=True)]
    steps = [(whole, list(map(sub, field, (0, *field))) if whole else field) for whole, field in fields]
    return compress(msgspec.msgpack.encode(steps), 1)


def unpacked(state: Any) -> Any:
    """The items that `packed` was given, as lists or tuples."""
    if not isinstance(state, bytes):
        return state
    fields = msgspec.msgpack.decode(decompress(state))
    return list(zip(*(accumulate(field) if whole else field for whole, field in fields), strict=True))
