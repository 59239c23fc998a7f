"""Putting records back into order."""

from typing import Any

import msgspec
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


@QUICK
@given(count=st.integers(0, 150) | st.integers(250, 400), until=st.integers(0, 160))
def test_what_waits_is_restored_however_many_there_are(count: int, until: int) -> None:
    buffer: ReorderBuffer[tuple[Any, ...]] = ReorderBuffer(500)
    buffer.new += [
        (i * 7 % 150, i % 3, i, i / 10, "buy" if i % 2 else None, None if i % 11 == 5 else 2**62 - i)
        for i in range(count)
    ]
    buffer.release(0)
    again: ReorderBuffer[tuple[Any, ...]] = ReorderBuffer(500)
    again.restore(msgspec.msgpack.decode(msgspec.msgpack.encode(buffer.state())))
    assert again.state() == buffer.state()
    assert again.release(until) == buffer.release(until)
    assert again.release(150) == buffer.release(150)


def test_a_bursts_state_is_small() -> None:
    buffer: ReorderBuffer[tuple[Any, ...]] = ReorderBuffer(50_000)
    begin = 1_723_161_471_000_000_000
    for i in range(2_000):
        ts, number = begin + i // 7 * 1_000_000, 5_266_591_769 + i
        buffer.new.append((ts, number, 43_904 + 3 * i, 61_698.0 + i % 40 / 10, i % 97 / 1_000, "sell", number))
    assert len(buffer.state()) < 20 * 2_000
