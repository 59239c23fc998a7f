"""Records put back into event-time order, as far as the allowed lateness reaches."""

from bisect import bisect_left
from typing import Any, Final, Generic, TypeVar
from zlib import compress, decompress

import msgspec

__all__ = ["ReorderBuffer", "packed", "unpacked"]

_BURST: Final = 256
"""From so many records on the time is well spent that it takes to make a quarter of their 50 to 60 bytes each."""

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

    def state(self) -> list[Item] | bytes:
        """Plain data for recovery; in a burst compressed."""
        return packed(self._waiting + self.new)

    def restore(self, state: Any) -> None:
        """Take up ``state`` again."""
        items: Any = map(tuple, unpacked(state))
        self._waiting, self.new, self.room = [], list(items), self._most


def packed(items: list[Item]) -> list[Item] | bytes:
    """What waits as plain data for recovery; in a burst compressed."""
    return items if len(items) < _BURST else compress(msgspec.msgpack.encode(items), 1)


def unpacked(state: Any) -> Any:
    """The items that `packed` was given, as lists or tuples."""
    return msgspec.msgpack.decode(decompress(state)) if isinstance(state, bytes) else state
