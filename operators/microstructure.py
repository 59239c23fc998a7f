"""Measures of the book and of the best quotes."""

from collections.abc import Sequence

from operators.state import Slotted

__all__ = ["OrderFlowImbalance", "imbalance", "microprice", "spread_bps"]


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
    bids, asks = sum(bid_sizes), sum(ask_sizes)
    total = bids + asks
    return (bids - asks) / total if total > 0 else None


class OrderFlowImbalance(Slotted):
    """Net pressure on the best quotes since last taken.

    Each change of the best bid adds its new size if the price did not fall and takes away its old size if it did not
    rise; asks the other way round. R. Cont, A. Kukanov, S. Stoikov, The Price Impact of Order Book Events, 2014,
    equation 5. In the instrument's size unit; ``None`` if there was no quote to compare with.

    Examples
    --------
    >>> ofi = OrderFlowImbalance()
    >>> ofi.update(100.0, 5.0, 101.0, 5.0); ofi.update(100.0, 8.0, 101.0, 4.0); ofi.update(100.5, 1.0, 101.0, 4.0)
    >>> ofi.take()
    5.0
    """

    __slots__ = ("_ask", "_ask_size", "_bid", "_bid_size", "_sum")

    def __init__(self) -> None:
        self._bid: float | None = None
        self._bid_size = self._ask = self._ask_size = 0.0
        self._sum = 0.0

    def update(self, bid: float, bid_size: float, ask: float, ask_size: float) -> None:
        """Take the best quotes after a change."""
        if self._bid is not None:
            flow = 0.0
            if bid >= self._bid:
                flow += bid_size
            if bid <= self._bid:
                flow -= self._bid_size
            if ask <= self._ask:
                flow -= ask_size
            if ask >= self._ask:
                flow += self._ask_size
            self._sum += flow
        self._bid, self._bid_size, self._ask, self._ask_size = bid, bid_size, ask, ask_size

    def take(self) -> float | None:
        """The sum since last taken, which begins anew; 0 if quotes stood still, ``None`` if none was ever seen."""
        if self._bid is None:
            return None
        total, self._sum = self._sum, 0.0
        return total
