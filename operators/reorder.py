"""Records put back into event-time order, as far as the allowed lateness reaches."""

from bisect import bisect_left
from typing import Any, Generic, TypeVar

__all__ = ["ReorderBuffer"]

Item = TypeVar("Item", bound=tuple[Any, ...])


class ReorderBuffer(Generic[Item]):
    """Tuples that begin with ``(ts_event, order, arrival)``; ``arrival`` is unique, so nothing behind it is compared.

    What is released is in the same order, and sums to the same float, however the input was shuffled within the
    allowance. Input is nearly sorted, which is what makes sorting it again cheap.
    """

    __slots__ = ("items",)

    def __init__(self) -> None:
        self.items: list[Item] = []

    def release(self, before: int) -> list[Item]:
        """Take out, in order, what has ``ts_event < before`` (ns)."""
        items = self.items
        items.sort()
        at = bisect_left(items, (before,))
        released, self.items = items[:at], items[at:]
        return released
