"""How the book stands: imbalance by levels and by distance, depth, slope, and the middle weighted by levels."""

from bisect import bisect_right
from collections.abc import Sequence
from functools import reduce
from itertools import accumulate
from operator import add
from typing import Final

from operators import native
from operators.book import OrderBook
from operators.feature import Close, Feature, Stateless, one
from operators.ladder import Ladder
from operators.microstructure import Levels, imbalance

__all__ = ["MEASURES", "depths", "shape", "slope", "weighted_mid"]

_COUNTED: Final = (1, 5, 10, 20)
"""Levels a side whose imbalance is told."""
_BANDS: Final = (10, 25, 50)
"""Basis points from the middle."""
_SLOPED: Final = 20
"""Levels a side that a slope is drawn through."""
_WEIGHED: Final = 10
"""Levels a side in the weighted middle."""


def shape(book: OrderBook) -> tuple[float | None, ...]:
    """The imbalances by levels, then all features of this file in the catalogue's order; ``None``: not known so far.

    Sums are plain ones of the levels from the best one on, so they do not depend on the order in which these came.
    """
    return _read(book) if isinstance(book.bids, Ladder) else native.shape(book)


def _read(book: OrderBook) -> tuple[float | None, ...]:
    best = book.top(1)
    if best is None:
        return (None,) * (len(_COUNTED) + len(_UNKNOWN))
    mid = (best[0][0] + best[2][0]) / 2.0
    tops = [(count, book.top(count)) for count in _COUNTED]
    counted = [
        imbalance(top[1], top[3]) if top is not None and len(top[0]) == len(top[2]) == count else None
        for count, top in tops
    ]
    bands = depths(book, mid)
    top = book.top(_SLOPED)
    slopes = (None, None) if top is None else (slope(top[0], top[1], mid), slope(top[2], top[3], mid))
    weighted = book.top(_WEIGHED)
    middles: tuple[float | None, float | None] = (None, None)
    if weighted is not None and len(weighted[0]) == len(weighted[2]) == _WEIGHED:
        found = weighted_mid(weighted)
        middles = 10_000.0 * (found / mid - 1.0), found
    imbalances = (_imbalance(*band) for band in bands)
    return (*counted, *imbalances, middles[0], *(side for band in bands for side in band), *slopes, middles[1])


def depths(book: OrderBook, mid: float) -> list[tuple[float | None, float | None]]:
    """What is bid and what is asked within each band around ``mid``, in size; ``None``: not known so far."""
    lowest, highest = book.reach
    lows, highs = ([mid * (1.0 + side * bps / 10_000.0) for bps in _BANDS] for side in (-1, 1))
    bids = _depths(book.bids, lows, sum(low >= lowest for low in lows))
    asks = _depths(book.asks, highs, sum(high <= highest for high in highs))
    return list(zip(bids, asks, strict=True))


def _depths(side: Ladder, bounds: list[float], known: int) -> list[float | None]:
    """Within the first ``known`` of ``bounds``, which lie ever further from the best level."""
    found: list[float | None] = [None] * len(bounds)
    if known:
        prices, sizes = side.within(bounds[known - 1])
        so_far = [0.0, *accumulate(sizes)]
        for at, bound in enumerate(bounds[:known]):
            found[at] = so_far[bisect_right(prices, -side.sign * bound, key=lambda price: -side.sign * price)]
    return found


def slope(prices: Sequence[float], sizes: Sequence[float], mid: float) -> float | None:
    """Size that a basis point further from the middle adds: least squares of depth so far on distance, through 0.

    ``None`` with fewer than 20 levels.

    >>> prices = [100.0 - 0.01 * i for i in range(1, 21)]
    >>> round(slope(prices, [3.0] * 20, 100.0), 9)
    3.0
    """
    if len(prices) < _SLOPED:
        return None
    depth = distances = products = 0.0
    for price, size in zip(prices, sizes, strict=True):
        distance = 10_000.0 * abs(price / mid - 1.0)
        depth += size
        products += distance * depth
        distances += distance * distance
    return products / distances if distances else None


def weighted_mid(top: Levels) -> float:
    """Mean price of each side's levels by size, weighted by the other side's size.

    >>> weighted_mid(([9.0, 8.0], [3.0, 1.0], [11.0, 12.0], [1.0, 1.0]))
    10.583333333333334
    """
    bids, asks = reduce(add, top[1]), reduce(add, top[3])
    bid = reduce(add, [price * size for price, size in zip(top[0], top[1], strict=True)]) / bids
    ask = reduce(add, [price * size for price, size in zip(top[2], top[3], strict=True)]) / asks
    return (bid * asks + ask * bids) / (bids + asks)


def _imbalance(bids: float | None, asks: float | None) -> float | None:
    if bids is None or asks is None or not bids + asks:
        return None
    return (bids - asks) / (bids + asks)


def _step(_: Stateless, close: Close) -> tuple[float | None, ...]:
    return close.moment.shape or _UNKNOWN


_SHALLOW: Final = "the book is stale, or does not reach that deep"

MEASURES = (
    one(
        Stateless, _step,
        *(
            Feature(
                name=f"obi_{bps}bps", unit="ratio", low=-1.0, high=1.0, inputs=("book",),
                null=f"{_SHALLOW}, or is empty there",
                summary=f"Size imbalance within {bps} bps of the middle", source="its definition",
                formula=f"(bids - asks) / (bids + asks), sizes of levels within {bps} bps of the book's middle",
            )
            for bps in _BANDS
        ),
        Feature(
            name=f"weighted_mid_{_WEIGHED}_bps", unit="bps", inputs=("book",), null=_SHALLOW,
            summary=f"weighted_mid_{_WEIGHED} over the middle, minus one", source="Stoikov 2018, over levels",
            formula=f"10000 (weighted_mid_{_WEIGHED} / mid - 1)",
        ),
        *(
            Feature(
                name=f"depth_{side}_{bps}bps", unit="size", low=0.0, inputs=("book",), null=_SHALLOW,
                summary=f"Size of all {side}s within {bps} bps of the middle", source="its definition",
                formula=f"sum of the sizes of {side}s within {bps} bps of the book's middle",
            )
            for bps in _BANDS
            for side in ("bid", "ask")
        ),
        *(
            Feature(
                name=f"slope_{side}_{_SLOPED}", unit="size/bps", low=0.0, inputs=("book",), null=_SHALLOW,
                summary=f"Size that a basis point further from the middle adds to the {side}s",
                formula=f"sum(distance depth) / sum(distance^2) over {_SLOPED} levels; distance: bps from the middle, "
                "depth: sizes up to the level", source="order book slope: Naes, Skjeltorp 2006, here in sizes",
            )
            for side in ("bid", "ask")
        ),
        Feature(
            name=f"weighted_mid_{_WEIGHED}", unit="quote", low=0.0, inputs=("book",), null=_SHALLOW,
            summary=f"Middle weighted by the opposite sizes of {_WEIGHED} levels", source="Stoikov 2018, over levels",
            formula="(bid asks + ask bids) / (bids + asks); bid, ask: mean prices by size, bids, asks: sizes of all",
        ),
    ),
)  # fmt: skip
_UNKNOWN: Final = (None,) * len(MEASURES[0].features)
