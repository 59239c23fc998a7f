"""How the book stands, beside its plain definition over all levels."""

from collections.abc import Sequence
from heapq import nlargest, nsmallest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.book import OrderBook
from operators.flow.shape import MEASURES, depths, shape, slope
from schemas.market import Heartbeat
from tests.data import needs_data
from tests.operators.flow.support import TAPES, Book, books, recorded
from tests.operators.support import QUICK, beats, delta, in_order, run, snapshot, trade, vectors

NAMES = [feature.name for feature in MEASURES[0].features]


def plain(book: Book) -> list[float | None]:
    """With NumPy, over whole sides; ``None`` beyond what the snapshot reached."""
    bids, asks = (np.array(sorted(side.items())) for side in (book.bids, book.asks))
    if bids[-1, 0] < book.lowest or asks[0, 0] > book.highest:  # nobody knows what the best levels are
        return [None] * len(NAMES)
    mid = (bids[-1, 0] + asks[0, 0]) / 2
    depth: list[float | None] = []
    for bps in (10, 25, 50):
        low, high = mid * (1 - bps / 1e4), mid * (1 + bps / 1e4)
        depth.append(float(bids[bids[:, 0] >= low, 1].sum()) if low >= book.lowest else None)
        depth.append(float(asks[asks[:, 0] <= high, 1].sum()) if high <= book.highest else None)
    shares = [
        None if bid is None or ask is None else (bid - ask) / (bid + ask)
        for bid, ask in zip(depth[::2], depth[1::2], strict=True)
    ]
    best = bids[::-1][:20], asks[:20]
    if best[0][-1, 0] < book.lowest or best[1][-1, 0] > book.highest:
        slopes: list[float | None] = [None, None]
    else:
        slopes = [
            float(np.linalg.lstsq(1e4 * np.abs(side[:, :1] / mid - 1), np.cumsum(side[:, 1]), rcond=None)[0][0])
            for side in best
        ]
    if bids[-10, 0] < book.lowest or asks[9, 0] > book.highest:
        return [*shares, None, *depth, *slopes, None]
    (bid, ask), (bought, sold) = (
        [np.average(side[:10, 0], weights=side[:10, 1]) for side in best], [side[:10, 1].sum() for side in best],
    )  # fmt: skip
    weighted = float((bid * sold + ask * bought) / (bought + sold))
    return [*shares, float(1e4 * (weighted / mid - 1)), *depth, *slopes, weighted]


@needs_data
@pytest.mark.parametrize("name", TAPES)
def test_on_real_tapes(name: str) -> None:
    tape = recorded(name)
    decided = {vector.ts_decided: vector for vector in tape.vectors}
    known: set[str] = set()
    for event, book in books(tape):
        vector = decided.pop(event.ts_received, None) if isinstance(event, Heartbeat) else None
        if vector is not None:
            for feature, right in zip(NAMES, plain(book), strict=True):
                found = vector.features[feature]
                assert found == (None if right is None else pytest.approx(right, rel=1e-9, abs=1e-9)), feature
                known |= set() if found is None else {feature}
    assert not decided
    assert {"depth_bid_10bps", "slope_ask_20", "weighted_mid_10"} <= known
    assert "depth_ask_50bps" not in known


LEVELS = st.lists(st.tuples(st.integers(0, 400), st.floats(0.001, 1e6)), min_size=1, max_size=300)


def filled(
    bids: Sequence[tuple[int, float]], asks: Sequence[tuple[int, float]], depth: int | None, *, native: bool = True
) -> OrderBook:
    book = OrderBook(native=native)
    down = dict(sorted({99.0 - at / 100: size for at, size in bids}.items(), reverse=True)[:depth])
    up = dict(sorted({99.01 + at / 100: size for at, size in asks}.items())[:depth])
    book.on_snapshot(snapshot(0, list(down.items()), list(up.items()), sequence=0, depth=depth or 1_000))
    return book


@QUICK
@given(
    bids=LEVELS,
    asks=LEVELS,
    bps=st.sampled_from([10, 25, 50]),
    read=st.booleans(),
    depth=st.none() | st.integers(1, 99),
)
def test_depth_of_any_book_read_before_or_not(
    bids: list[tuple[int, float]], asks: list[tuple[int, float]], bps: int, read: bool, depth: int | None
) -> None:
    book, twin = filled(bids, asks, depth), filled(bids, asks, depth, native=False)
    if read:
        book.top(1)
        twin.top(1)
    again = OrderBook()
    again.restore(book.state())
    assert repr(shape(again)) == repr(shape(book)) == repr(shape(twin))
    mid = (nlargest(1, book.bids.levels)[0] + nsmallest(1, book.asks.levels)[0]) / 2
    low, high = mid * (1 - bps / 1e4), mid * (1 + bps / 1e4)
    cut = depth is not None and len(book.bids) >= depth, depth is not None and len(book.asks) >= depth
    bid, ask = depths(book, mid)[(10, 25, 50).index(bps)]
    wanted = [
        sum(size for price, size in book.bids.levels.items() if price >= low),
        sum(size for price, size in book.asks.levels.items() if price <= high),
    ]
    assert bid == (None if cut[0] and min(book.bids.levels) > low else pytest.approx(wanted[0]))
    assert ask == (None if cut[1] and max(book.asks.levels) < high else pytest.approx(wanted[1]))


def test_a_book_that_the_venue_maintains_is_known_to_its_last_level() -> None:
    levels = [(99.0 - i / 10, 1.0) for i in range(4)], [(99.1 + i / 10, 1.0) for i in range(4)]
    for count, known in ((4, None), (25, 4.0)):
        book = OrderBook()
        book.on_snapshot(snapshot(0, *levels, depth=count, maintained=True))
        twin = OrderBook(native=False)
        twin.restore(book.state())
        assert shape(twin) == shape(book)
        assert depths(book, 99.05) == [(1.0, 1.0), (2.0, 2.0), (known, known)]


def test_few_levels_have_depth_but_no_slope() -> None:
    assert slope([1.0] * 19, [1.0] * 19, 1.0) is None
    bids, asks = [(100.0 - i / 100, 2.0) for i in range(9)], [(100.01 + i / 100, 1.0) for i in range(9)]
    events = in_order([snapshot(1, bids, asks, sequence=0, depth=50)], [trade(1, 100.0, number=1)])
    lost = [delta(70, [(99.0, 1.0)], first=9, last=9)]
    first, second = vectors(run(in_order(events, lost, [trade(90, 100.0, number=2)], beats(0, 130))))
    found = dict(zip(NAMES, (first.features[name] for name in NAMES), strict=True))
    assert (found["depth_bid_10bps"], found["depth_ask_10bps"], found["obi_10bps"]) == (18.0, 9.0, 1 / 3)
    assert [name for name in NAMES if found[name] is None] == [
        "weighted_mid_10_bps", "slope_bid_20", "slope_ask_20", "weighted_mid_10",
    ]  # fmt: skip
    assert {second.features[name] for name in NAMES} == {None}
