"""Measures of the book and of the best quotes."""

from collections.abc import Sequence
from functools import reduce
from operator import add

from operators.state import Slotted
from schemas.market import Side

__all__ = [
    "BestQuote",
    "BufferedTrade",
    "Levels",
    "Move",
    "OrderFlowImbalance",
    "imbalance",
    "microprice",
    "spread_bps",
]

BestQuote = tuple[float, float, float, float]
"""Bid, its size, ask, its size."""
Levels = tuple[list[float], list[float], list[float], list[float]]
"""Bid prices, bid sizes, ask prices, ask sizes, best first."""
Move = tuple[int, float, float]
"""Event time (ns) at which the best prices changed, bid, ask."""
BufferedTrade = tuple[int, int, int, float, float, Side | None, int | None]
"""Event time, place among those of the same time, arrival, price, size, aggressor, sequence; size 0 for prints that
are not of the market."""


def spread_bps(bid: float, ask: float) -> float:
    """Spread in hundredths of a percent of the middle.

    >>> spread_bps(99.5, 100.5)
    100.0
    """
    return 20_000.0 * (ask - bid) / (ask + bid)


def microprice(bid: float, bid_size: float, ask: float, ask_size: float) -> float | None:
    """The middle weighted by the opposite sizes: the price leans to the thinner side.

    The first-order form of S. Stoikov, The micro-price, 2018. ``None`` if both sizes are 0.

    >>> microprice(100.0, 3.0, 101.0, 1.0)
    100.75
    """
    total = bid_size + ask_size
    return (bid * ask_size + ask * bid_size) / total if total > 0 else None


def imbalance(bid_sizes: Sequence[float], ask_sizes: Sequence[float]) -> float | None:
    """``(bids - asks) / (bids + asks)`` of the sizes given, -1 to 1; ``None`` if all are 0.

    >>> imbalance([3.0, 1.0], [1.0])
    0.6
    """
    bids, asks = reduce(add, bid_sizes, 0.0), reduce(add, ask_sizes, 0.0)  # from Python 3.12 on `sum` adds otherwise
    total = bids + asks
    return (bids - asks) / total if total > 0 else None


class OrderFlowImbalance(Slotted):
    """Net pressure on the best quotes since last taken.

    Each change of the best bid adds its new size if the price did not fall and takes away its old size if it did not
    rise; asks the other way round. R. Cont, A. Kukanov, S. Stoikov, The Price Impact of Order Book Events, 2014,
    equation 5. In the instrument's size unit.

    Examples
    --------
    >>> ofi = OrderFlowImbalance()
    >>> ofi.update([(100.0, 5.0, 101.0, 5.0), (100.0, 8.0, 101.0, 4.0), (100.5, 1.0, 101.0, 4.0)])
    >>> ofi.take()
    5.0
    """

    __slots__ = ("_known", "_last", "_sum")
    VERSION = 3

    def __init__(self) -> None:
        self._last: BestQuote | None = None
        self._known = False  # at any time since last taken
        self._sum = 0.0

    def update(self, quotes: Sequence[BestQuote]) -> None:
        """Take best quotes in order; of several at equal prices the first and the last are enough."""
        if not quotes:
            return
        total = self._sum
        old_bid, old_bid_size, old_ask, old_ask_size = self._last or quotes[0]
        for bid, bid_size, ask, ask_size in quotes:
            if bid == old_bid:
                flow = bid_size - old_bid_size
            elif bid > old_bid:
                flow = bid_size
            else:
                flow = -old_bid_size
            if ask == old_ask:
                flow = flow - ask_size + old_ask_size
            elif ask < old_ask:
                flow -= ask_size
            else:
                flow += old_ask_size
            total += flow
            old_bid, old_bid_size, old_ask, old_ask_size = bid, bid_size, ask, ask_size
        self._last, self._sum, self._known = quotes[-1], total, True

    def lose(self) -> None:
        """Nothing is known to compare the next quote with."""
        self._last = None

    def take(self) -> float | None:
        """The sum since last taken, which begins anew; 0 if quotes stood still, ``None`` if none was known."""
        total, known = self._sum, self._known
        self._sum, self._known = 0.0, self._last is not None
        return total if known else None
