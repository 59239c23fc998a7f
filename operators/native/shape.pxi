"""How the book stands."""

cdef struct Tops:
    Py_ssize_t bids, asks  # levels of each side
    double reach_bid, reach_ask
    Py_ssize_t maintained  # levels a side that the venue keeps up to date, -1: all


# Those of `operators.flow.shape`, which itself asks for what is compiled here.
cdef tuple _COUNTED = (1, 5, 10, 20)
cdef tuple _BANDS = (10, 25, 50)
cdef enum:
    SLOPED = 20
    WEIGHED = 10


cdef bint known_top(Tops *tops, Ladder bids, Ladder asks, Py_ssize_t count) noexcept:
    """Whether `operators.book.OrderBook.top` tells so many levels, or all of a side that has fewer."""
    cdef Py_ssize_t down = min(count, tops.bids), up = min(count, tops.asks)
    return (
        down > 0 and up > 0 and bids.price(down - 1) >= tops.reach_bid and asks.price(up - 1) <= tops.reach_ask
        and (down == count or tops.reach_bid == -INFINITY) and (up == count or tops.reach_ask == INFINITY)
        and (tops.maintained < 0 or count <= tops.maintained)
    )


cdef object ratio(double bids, double asks):
    return (bids - asks) / (bids + asks) if bids + asks > 0.0 else None


cdef double size_of(Ladder side, Py_ssize_t count) noexcept:
    cdef double total = 0.0
    cdef Py_ssize_t at
    for at in range(count):
        total += side.size(at)
    return total


cdef object slope_of(Ladder side, double mid):
    cdef double depth = 0.0, distances = 0.0, products = 0.0, distance
    cdef Py_ssize_t at
    if side.count < SLOPED:
        return None
    for at in range(SLOPED):
        distance = 10_000.0 * fabs(side.price(at) / mid - 1.0)
        depth += side.size(at)
        products += distance * depth
        distances += distance * distance
    return products / distances if distances != 0.0 else None


cdef double mean_price(Ladder side, double total) noexcept:
    cdef double products = 0.0
    cdef Py_ssize_t at
    for at in range(WEIGHED):
        products += side.price(at) * side.size(at)
    return products / total


def shape(book):
    """The twin of `operators.flow.shape.shape`."""
    cdef Ladder bids = book.bids, asks = book.asks
    cdef Tops tops
    cdef double mid, low, high, lowest, highest, bid = 0.0, ask = 0.0, middle, all_bids, all_asks
    cdef Py_ssize_t count, down = 0, up = 0
    cdef bint bid_known = True, ask_known = True
    cdef list found = [], depths = []
    cdef object weighted = None, above = None
    tops.bids, tops.asks = bids.count, asks.count
    tops.reach_bid, tops.reach_ask = book._reach_bid, book._reach_ask
    tops.maintained = -1 if book.maintained is None else book.maintained
    if not book.trusted or not known_top(&tops, bids, asks, 1):
        return (None,) * 17
    mid = (bids.price(0) + asks.price(0)) / 2.0
    for count in _COUNTED:
        if min(tops.bids, tops.asks) >= count and known_top(&tops, bids, asks, count):
            found.append(ratio(size_of(bids, count), size_of(asks, count)))
        else:
            found.append(None)
    lowest, highest = tops.reach_bid, tops.reach_ask
    if tops.maintained >= 0:
        lowest = bids.price(tops.bids - 1) if tops.bids >= tops.maintained else lowest
        highest = asks.price(tops.asks - 1) if tops.asks >= tops.maintained else highest
    for count in _BANDS:
        low, high = mid * (1.0 - count / 10_000.0), mid * (1.0 + count / 10_000.0)
        bid_known, ask_known = bid_known and low >= lowest, ask_known and high <= highest
        while bid_known and down < tops.bids and bids.price(down) >= low:
            bid += bids.size(down)
            down += 1
        while ask_known and up < tops.asks and asks.price(up) <= high:
            ask += asks.size(up)
            up += 1
        found.append(ratio(bid, ask) if bid_known and ask_known else None)
        depths.append(bid if bid_known else None)
        depths.append(ask if ask_known else None)
    if min(tops.bids, tops.asks) >= WEIGHED and known_top(&tops, bids, asks, WEIGHED):
        all_bids, all_asks = size_of(bids, WEIGHED), size_of(asks, WEIGHED)
        middle = mean_price(bids, all_bids) * all_asks + mean_price(asks, all_asks) * all_bids
        middle = middle / (all_bids + all_asks)
        weighted, above = middle, 10_000.0 * (middle / mid - 1.0)
    found.append(above)
    found += depths
    found += [slope_of(bids, mid), slope_of(asks, mid)] if known_top(&tops, bids, asks, SLOPED) else [None, None]
    found.append(weighted)
    return tuple(found)
