"""How the book stands at a decision: depth and imbalance by distance, slope, and the middle weighted by levels."""

from collections.abc import Sequence
from math import fsum
from typing import Final

from operators.book import OrderBook
from operators.feature import Close, Feature, Stateless, one
from operators.microstructure import Levels

__all__ = ["MEASURES", "depths", "shape", "slope", "weighted_mid"]

_BANDS: Final = (10, 25, 50)
"""Basis points from the middle."""
_SLOPED: Final = 20
"""Levels a side that a slope is drawn through."""
_WEIGHED: Final = 10
"""Levels a side in the weighted middle."""


def shape(book: OrderBook) -> tuple[float | None, ...]:
    """All features of this file, in the catalogue's order."""
    best = book.top(1)
    if best is None:
        return _UNKNOWN
    mid = (best[0][0] + best[2][0]) / 2.0
    bands = depths(book, mid)
    top = book.top(_SLOPED)
    slopes = (None, None) if top is None else (slope(top[0], top[1], mid), slope(top[2], top[3], mid))
    weighted = book.top(_WEIGHED)
    middles: tuple[float | None, float | None] = (None, None)
    if weighted is not None and len(weighted[0]) == len(weighted[2]) == _WEIGHED:
        found = weighted_mid(weighted)
        middles = found, 10_000.0 * (found / mid - 1.0)
    imbalances = (_imbalance(*band) for band in bands)
    return (*imbalances, *(side for band in bands for side in band), *slopes, *middles)


def depths(book: OrderBook, mid: float) -> list[tuple[float | None, float | None]]:
    """What is bid and what is asked within each band around ``mid``, in size; ``None``: the book is not known so far.

    Sums are exact, so they do not depend on the order in which levels came.
    """
    lowest, highest = book.reach
    found: list[tuple[float | None, float | None]] = []
    for bps in _BANDS:
        low, high = mid * (1.0 - bps / 10_000.0), mid * (1.0 + bps / 10_000.0)
        found.append(
            (
                fsum(book.bids.within(low)) if low >= lowest else None,
                fsum(book.asks.within(high)) if high <= highest else None,
            )
        )
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
    bids, asks = sum(top[1]), sum(top[3])
    bid = sum(price * size for price, size in zip(top[0], top[1], strict=True)) / bids
    ask = sum(price * size for price, size in zip(top[2], top[3], strict=True)) / asks
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
        Feature(
            name=f"weighted_mid_{_WEIGHED}_bps", unit="bps", inputs=("book",), null=_SHALLOW,
            summary=f"weighted_mid_{_WEIGHED} over the middle, minus one", source="Stoikov 2018, over levels",
            formula=f"10000 (weighted_mid_{_WEIGHED} / mid - 1)",
        ),
    ),
)  # fmt: skip
_UNKNOWN: Final = (None,) * len(MEASURES[0].features)
