"""Sweeps of the book beside their plain definition: all its states in a list, searched forward."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.flow.resilience import Resilience, SweepsPart
from schemas.time import SECOND
from tests.data import needs_data
from tests.operators.flow.support import TAPES, bests
from tests.operators.support import QUICK

NAMES = ("sweeps", "sweep_recovered", "sweep_recovery")
State = tuple[int, list[float], list[float]]
"""Event time, best bids, best asks."""


def plain(states: list[State]) -> list[tuple[int, int, bool, int] | tuple[int]]:
    """Of each sweep its place; and of those that are waited for where that ends, whether well, and after how long."""
    found: list[tuple[int, int, bool, int] | tuple[int]] = []
    busy = -1
    for at in range(1, len(states)):
        (_, bids, asks), (ts, new_bids, new_asks) = states[at - 1 : at + 1]
        spread = asks[0] - bids[0]
        if not (new_bids[0] < bids[2] or new_asks[0] > asks[2]) or new_asks[0] - new_bids[0] <= spread * (1 + 1e-9):
            continue
        if at < busy:
            found.append((at,))
            continue
        for end in range(at + 1, len(states)):
            waited = states[end][0] - ts
            back = states[end][2][0] - states[end][1][0] <= spread * (1 + 1e-9)
            if back or waited > 10 * SECOND:
                found.append((at, end, back and waited <= 10 * SECOND, min(waited, 10 * SECOND)))
                busy = end
                break
        else:
            found.append((at,))
            busy = len(states)
    return found


@needs_data
@pytest.mark.parametrize("name", TAPES)
def test_on_real_tapes(name: str) -> None:
    best, marks = bests(name)
    states = [(one.ts, one.levels[0], one.levels[2]) for one in best]
    known = [one.known for one in best]
    decided = [(count, [vector.features[name] for name in NAMES]) for vector, count in marks]
    # Where a book is not known the meter begins anew; so no further than that.
    states = states[: known.index(False) if False in known else None]
    sweeps, compared = plain(states), 0
    for (begin, _), (end, found) in pairwise(decided):
        if end > len(states):
            assert found == [None] * 3
            break
        ended = [sweep for sweep in sweeps if len(sweep) > 1 and begin <= sweep[1] < end]
        number = sum(begin <= sweep[0] < end for sweep in sweeps)
        well, waited = sum(sweep[2] for sweep in ended), sum(sweep[3] for sweep in ended)
        rest = [well / len(ended), waited / len(ended) / SECOND] if ended else [None, None]
        assert found == [number, *(None if x is None else pytest.approx(x, rel=1e-9) for x in rest)]
        compared += number
    assert compared > 0


STATES = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 12), st.integers(1, 12)).map(lambda s: (s[0], s[1], s[1] + s[2])),
    max_size=60,
)


def levels(bid: float, ask: float) -> tuple[list[float], list[float], list[float], list[float]]:
    return [bid - i for i in range(3)], [1.0] * 3, [ask + i for i in range(3)], [1.0] * 3


@QUICK
@given(steps=STATES, cut=st.integers(0, 59))
def test_any_book(steps: list[tuple[int, int, int]], cut: int) -> None:
    """Seconds to the next state, best bid and best ask."""
    meter, states, ts = Resilience(), list[State](), 0
    for at, (seconds, bid, ask) in enumerate(steps):
        if at == cut:
            again = Resilience()
            again.restore(meter.state())
            meter = again
        ts += seconds * SECOND
        top = levels(float(bid), float(ask))
        meter.update(ts, top)
        states.append((ts, top[0], top[2]))
        if not at:
            assert meter.take() is None  # it was not known before
    if not steps:
        return
    sweeps = plain(states)
    ended = [sweep for sweep in sweeps if len(sweep) > 1]
    assert meter.take() == SweepsPart(
        1, len(sweeps), len(ended), sum(sweep[2] for sweep in ended), sum(sweep[3] for sweep in ended)
    )


def test_a_lost_book_is_waited_for_no_more() -> None:
    meter = Resilience()
    for ts, top in enumerate((levels(9.0, 10.0), levels(5.0, 10.0), None, levels(9.0, 10.0), levels(9.0, 10.0))):
        meter.update(ts, top)
    assert meter.take() is None
    assert meter.take() == SweepsPart(1, 0, 0, 0, 0)


def test_parts_add_up() -> None:
    assert SweepsPart(1, 2, 2, 1, 5).plus(SweepsPart(2, 1, 0, 0, 0)) == SweepsPart(3, 3, 2, 1, 5)
