"""Best quotes on their way into the bars, in Python and compiled."""

from itertools import groupby
from typing import Any, Final

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators import native
from operators.microstructure import BestQuote
from operators.numbering import RESTART
from operators.quote_queue import QuoteQueue, Stretch
from tests.operators.support import QUICK

MOST: Final = 300
Told = tuple[int, int, BestQuote | None]

PRICES: Final = st.sampled_from([(99.0, 101.0), (99.5, 101.0), (99.0, 100.5)])
SIZES: Final = st.sampled_from([0.0, 1.0, 2.5])
QUOTES: Final = st.builds(lambda prices, bid, ask: (prices[0], bid, prices[1], ask), PRICES, SIZES, SIZES)
NUMBERS: Final = st.sampled_from([0, 0, 1, 2, 3, 4, 5, 2**63 - 1])
TIMES: Final = st.integers(0, 30) | st.integers(RESTART, RESTART + 5)
TOLD: Final = st.tuples(TIMES, NUMBERS, QUOTES | st.none())


def plain(told: list[Told], last_at: int, last: int) -> list[Stretch]:
    """What is released of ``told``: in order, no copies, cut at losses, the quotes that begin or end a price."""
    kept: list[Told] = []
    for ts, number, best in sorted(told, key=lambda one: one[:2]):
        if best is not None and number:
            if number <= last and ts <= last_at + RESTART:
                continue
            last_at, last = ts, number
        kept.append((ts, number, best))
    stretches: list[Stretch] = []
    while kept:
        length = next((at for at, one in enumerate(kept) if one[2] is None), len(kept))
        runs = [
            list(run)
            for _, run in groupby(
                ((ts, best) for ts, _, best in kept[:length] if best), key=lambda one: (one[1][0], one[1][2])
            )
        ]
        ends = [best for run in runs for _, best in (run[0], run[-1])]
        moves = [(ts, best[0], best[2]) for (ts, best), *_ in runs]
        stretches.append((ends, moves, kept[length][0] if length < len(kept) else None))
        kept = kept[length + 1 :]
    return stretches


def queues() -> list[QuoteQueue]:
    return [native.quote_queue(MOST, native=compiled) for compiled in (False, True)]


@QUICK
@given(told=st.lists(TOLD, max_size=40), until=TIMES, later=st.lists(TOLD, max_size=20))
def test_what_is_released(told: list[Told], until: int, later: list[Told]) -> None:
    for queue in queues():
        for one in told:
            assert queue.add(*one)
        assert queue.release(until) == plain([one for one in told if one[0] < until], 0, 0)
        *_, last_at, last = queue.state()
        for one in later:
            queue.add(*one)
        assert queue.release(2 * RESTART) == plain([*(one for one in told if one[0] >= until), *later], last_at, last)


STEPS: Final = st.one_of(
    st.tuples(st.just("add"), TOLD), st.tuples(st.sampled_from(["release", "drop", "swap"]), TIMES)
)


@pytest.mark.skipif(not native.BUILT, reason="the compiled event path is not built on this machine")
@QUICK
@given(steps=st.lists(STEPS, max_size=60), burst=st.booleans())
def test_twins(steps: list[tuple[str, Any]], *, burst: bool) -> None:
    """The same comes out, and each goes on with the other's state; in a burst these are compressed."""
    python, compiled = queues()
    if burst:
        steps = [*(("add", (at * 7 % 29, 0, (99.0, 1.0, 101.0, float(at)))) for at in range(256)), *steps]
    for step, value in steps:
        if step == "swap":
            ours, theirs = (msgspec.msgpack.encode(queue.state()) for queue in (python, compiled))
            assert ours == theirs
            python, compiled = queues()
            python.restore(msgspec.msgpack.decode(theirs))
            compiled.restore(msgspec.msgpack.decode(ours))
        elif step == "add":
            assert python.add(*value) == compiled.add(*value)
        else:
            assert getattr(python, step)(value) == getattr(compiled, step)(value)
        assert python.last == compiled.last


def test_no_more_than_there_is_room_for() -> None:
    for queue in queues():
        for at in range(MOST):
            assert queue.add(at, 0, (99.0, 1.0, 101.0, 1.0))
        assert not queue.add(0, 0, None)
        assert queue.drop(10) == 10
        assert queue.add(0, 0, None)
