"""Order-flow imbalance of levels beside its plain definition, term by term, on books that are sorted anew each time."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.flow.levels import LEVELS, LevelFlow, LevelsPart
from schemas.market import MarketEvent
from tests.data import needs_data
from tests.operators.flow.support import TAPES, bests
from tests.operators.support import QUICK, beats, delta, in_order, run, snapshot, trade, vectors

Sides = tuple[list[float], list[float], list[float], list[float]]
NAMES = [f"mlofi_{level}" for level in range(1, LEVELS + 1)]


def plain(sides: list[Sides]) -> list[float]:
    """Equations 3 to 5 of Xu, Gould and Howison, for every level and pair of books."""
    sums = [0.0] * LEVELS
    for (b0, r0, a0, q0), (b, r, a, q) in pairwise(sides):
        for m in range(LEVELS):
            bought = r[m] if b[m] > b0[m] else r[m] - r0[m] if b[m] == b0[m] else -r0[m]
            sold = -q0[m] if a[m] > a0[m] else q[m] - q0[m] if a[m] == a0[m] else q[m]
            sums[m] += bought - sold
    return sums


@needs_data
@pytest.mark.parametrize("name", TAPES)
def test_on_real_tapes(name: str) -> None:
    """Of all books from one decision to the next, unless one of them reaches beyond the snapshot."""
    states, decided = bests(name)
    compared = 0
    for (_, begin), (vector, end) in pairwise(decided):
        found, seen = [vector.features[name] for name in NAMES], states[begin - 1 : end]
        known = all(state.known for state in seen)
        wanted = pytest.approx(plain([state.levels for state in seen]), rel=1e-9, abs=1e-9)
        assert found == (wanted if known else [None] * LEVELS)
        compared += known
    assert compared >= 1


STEPS = st.lists(st.lists(st.integers(0, 3), min_size=12, max_size=12), max_size=30)


def sides(sizes: list[int]) -> Sides:
    """Six possible prices a side; a size of 0 is no level."""
    bids = [(100.0 - i, float(size)) for i, size in enumerate(sizes[:6]) if size]
    asks = [(101.0 + i, float(size)) for i, size in enumerate(sizes[6:]) if size]
    both = [level[:LEVELS] for level in (bids, asks)]
    return ([p for p, _ in both[0]], [s for _, s in both[0]], [p for p, _ in both[1]], [s for _, s in both[1]])


@QUICK
@given(steps=STEPS, closes=st.sets(st.integers(0, 29)), cut=st.integers(0, 29))
def test_minutes_in_which_the_levels_were_always_known(steps: list[list[int]], closes: set[int], cut: int) -> None:
    flow, seen = LevelFlow(), list[Sides]()
    total: LevelsPart | None = None
    whole = False
    for at, sizes in enumerate(steps):
        if at == cut:
            again = LevelFlow()
            again.restore(flow.state())
            flow = again
        seen.append(sides(sizes))
        flow.update(seen[-1])
        if at in closes:
            part, before = flow.take(), whole
            whole = min(len(seen[-1][0]), len(seen[-1][2])) == LEVELS
            if before and all(min(len(book[0]), len(book[2])) == LEVELS for book in seen):
                assert part is not None
                assert part.minutes == 1
                assert part.sums == pytest.approx(plain(seen))
                total = part if total is None else total.plus(part)
            else:
                assert part is None
            seen = seen[-1:]
    assert total is None or total.minutes <= len(closes)


def test_without_enough_levels_nothing_is_known_of_the_minute() -> None:
    flow, level = LevelFlow(), [1.0] * LEVELS
    whole, still = (level, level, level, level), LevelsPart(1, (0.0,) * LEVELS)
    told = []
    for some in ([], [(level[1:], level[1:], level, level)], [whole], [whole], [], [None], [whole], []):
        for book in some:
            flow.update(book)
        told.append(flow.take())
    assert told == [None, None, None, still, still, None, None, still]


def test_a_bar_is_known_if_all_its_minutes_are() -> None:
    bids, asks = [(100.0 - i, 1.0) for i in range(8)], [(101.0 + i, 1.0) for i in range(8)]
    events = in_order([snapshot(10, bids, asks, sequence=0)], [trade(i, 100.0, number=i + 1) for i in range(610)])
    deltas = [delta(t, [(100.0, 1.0 + t)], first=i, last=i) for i, t in enumerate((90, 400, 500), 1)]
    out = run(in_order(events, deltas, beats(0, 610)))
    assert [vector.features["mlofi_1"] for vector in vectors(out)][:3] == [None, 90.0, 0.0]
    assert [vector.features["mlofi_1"] for vector in vectors(out, "5m")] == [None, 410.0]


def test_what_a_lost_book_missed_is_in_no_sum() -> None:
    bids, asks = [(100.0 - i, 1.0) for i in range(8)], [(101.0 + i, 1.0) for i in range(8)]
    deltas = [delta(30, [(100.0, 5.0)], first=1, last=1), delta(40, [(100.0, 50.0)], first=7, last=7)]
    begin: list[MarketEvent] = [snapshot(10, bids, asks, sequence=0)]
    again: list[MarketEvent] = [
        snapshot(70, [(100.0, 500.0), *bids[1:]], asks, sequence=9),
        delta(80, [(100.0, 502.0)], first=10, last=10),
    ]
    trades = [trade(i, 100.0, number=i + 1) for i in range(190)]
    out = vectors(run(in_order(begin, deltas, again, trades, beats(0, 190))))
    assert [vector.features["mlofi_1"] for vector in out] == [None, None, 0.0]
    assert ["mlofi_1" in vector.tainted for vector in out] == [True, True, False]
