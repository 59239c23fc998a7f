"""Putting records back into order."""

from hypothesis import given
from hypothesis import strategies as st

from operators.reorder import ReorderBuffer
from tests.operators.support import QUICK


@QUICK
@given(times=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3)), max_size=40), until=st.integers(0, 22))
def test_released_sorted_and_nothing_is_lost(times: list[tuple[int, int]], until: int) -> None:
    buffer: ReorderBuffer[tuple[int, int, int, object]] = ReorderBuffer(99)
    for arrival, (ts, order) in enumerate(times):
        buffer.new.append((ts, order, arrival, object()))  # what stands behind the arrival cannot be compared
    released = [item[:3] for item in buffer.release(until)]
    everything = sorted((ts, order, arrival) for arrival, (ts, order) in enumerate(times))
    assert released == [item for item in everything if item[0] < until]
    assert [item[:3] for item in buffer.release(99)] == [item for item in everything if item[0] >= until]
    assert buffer.release(99) == buffer.new == []


def test_what_is_released_is_the_callers_own() -> None:
    buffer: ReorderBuffer[tuple[int, int, int]] = ReorderBuffer(99)
    buffer.release(5).append((1, 1, 1))
    assert len(buffer) == 0
