"""Several feeds made into one, in the order of their receipt."""

from collections.abc import Iterable, Iterator, Sequence
from heapq import heappop, heappush
from typing import Final

from msgspec import Struct

from schemas.market import MarketEvent
from schemas.time import SECOND
from sources.malformed import Malformed

__all__ = ["SILENCE", "Heard", "Item", "advance", "merge"]


class Heard(Struct, frozen=True, kw_only=True):
    """Something came that has no record type: nothing to hand on, but proof that somebody listened."""

    ts_received: int
    """ns."""


Item = MarketEvent | Malformed | Heard
"""What a feed yields."""

SILENCE: Final = 5 * SECOND
"""A feed that says nothing for longer had nobody listening to it."""


def advance(now: int, ts_received: int) -> int:
    """A feed's time after a record received at ``ts_received`` (ns), its time before being ``now``.

    It never goes back by a little. It does go back by more than `SILENCE`: then either what went before was a receipt
    that cannot be right, or another of several parallel captures begins.
    """
    return ts_received if ts_received > now or ts_received < now - SILENCE else now


def _after(now: int, item: Item) -> int:
    """Malformed items move no time: what cannot be read may be wrong about its time too."""
    return now if isinstance(item, Malformed) else advance(now, item.ts_received)


def merge(feeds: Sequence[Iterable[Item]]) -> Iterator[tuple[int, Item | None]]:
    """The items of all feeds by time of receipt, each with its feed's index, and ``None`` where a feed has ended.

    Each feed keeps its own order; of equal times the feed named first goes first. Holds one item a feed.
    """
    waiting: list[tuple[int, int, Item, Iterator[Item]]] = []
    for index, feed in enumerate(feeds):
        items = iter(feed)
        first = next(items, None)
        if first is None:
            yield index, None
        else:
            heappush(waiting, (_after(0, first), index, first, items))
    while waiting:
        now, index, item, items = heappop(waiting)
        bound = waiting[0][:2] if waiting else None
        while True:
            yield index, item
            following = next(items, None)
            if following is None:
                yield index, None
                break
            item, now = following, _after(now, following)
            if bound is not None and (now, index) > bound:
                heappush(waiting, (now, index, item, items))
                break
