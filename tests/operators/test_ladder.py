"""One side of the book beside a dict that is sorted whenever it is read."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators import ladder, native
from operators.ladder import Ladder
from tests.operators.support import QUICK

PRICES = st.integers(1, 60).map(lambda ticks: ticks / 10)
SIZES = st.sampled_from([0.0, 0.0, 0.5, 1.0, 3.0])
LEVELS = st.lists(st.tuples(PRICES, SIZES), max_size=25)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("update"), LEVELS),
        st.tuples(st.just("replace"), LEVELS),
        st.tuples(st.just("trim"), st.integers(1, 30)),
        st.tuples(st.just("best"), st.integers(1, 40)),
        st.tuples(st.just("within"), PRICES),
        st.tuples(st.just("restore"), st.none()),
    ),
    max_size=40,
)


@pytest.fixture(scope="module", autouse=True)
def small_bounds() -> Iterator[None]:
    """So small that every one of them is met in a short stream."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ladder, "_KEPT", 6)
        yield


def empty(sign: int, *, compiled: bool) -> Ladder:
    return native.sides(native=compiled)[sign < 0]


COMPILED = pytest.mark.parametrize("compiled", [False, True] if native.BUILT else [False])


@COMPILED
@QUICK
@given(steps=STEPS, sign=st.sampled_from([1, -1]))
def test_equals_a_sorted_dict(steps: list[tuple[str, object]], sign: int, *, compiled: bool) -> None:
    side, plain = empty(sign, compiled=compiled), dict[float, float]()
    for step, what in steps:
        if step in {"update", "replace"}:
            assert isinstance(what, list)
            if step == "replace":
                plain.clear()
            for price, size in what:
                plain[price] = size
                if not size:
                    del plain[price]
            prices, sizes = [price for price, _ in what], [size for _, size in what]
            (side.update if step == "update" else side.replace)(prices, sizes)
        elif step == "trim":
            assert isinstance(what, int)
            assert side.trim(what) == (len(plain) > what)
            plain = {price: plain[price] for price in sorted(plain, reverse=sign > 0)[:what]}
        elif step == "best":
            assert isinstance(what, int)
            assert side.best(what) == sorted(plain, reverse=sign > 0)[:what]
        elif step == "within":
            assert isinstance(what, float)
            inside = [price for price in sorted(plain, reverse=sign > 0) if sign * price >= sign * what]
            assert side.within(what) == (inside, [plain[price] for price in inside])
        else:
            saved = side.state()
            side = empty(sign, compiled=compiled)
            side.restore(saved)
        assert side.levels == plain
        assert len(side) == len(plain)
    best_first = sorted(plain, reverse=sign > 0)
    assert side.best(100) == best_first
    if best_first:
        assert side.worst() == best_first[-1]
        assert side.top(3) == (best_first[:3], [plain[price] for price in best_first[:3]])
        bound = best_first[len(best_first) // 2]
        inside = [price for price in best_first if sign * price >= sign * bound]
        assert side.within(bound) == (inside, [plain[price] for price in inside])


@COMPILED
def test_of_a_price_that_comes_twice_the_last_size_counts(*, compiled: bool) -> None:
    side = empty(1, compiled=compiled)
    side.update([1.0, 1.0, 2.0, 2.0], [0.0, 5.0, 5.0, 0.0])
    assert side.levels == {1.0: 5.0}
    side.replace([3.0, 3.0], [1.0, 0.0])
    assert side.levels == {}


@COMPILED
def test_lists_of_different_lengths_are_an_error(*, compiled: bool) -> None:
    with pytest.raises(ValueError, match="zip"):
        empty(1, compiled=compiled).update([1.0, 2.0], [1.0])


def test_what_lies_within_a_distance_is_not_looked_for_in_the_whole_side_each_time() -> None:
    side = Ladder(1)
    side.replace([float(price) for price in range(1, 1_001)], [1.0] * 1_000)
    assert len(side.within(900.0)[0]) == 101
    kept = side._best
    for second in range(200):
        side.update([1_000.0 - second % 50, 500.0 + second % 50], [1.0 + second % 2, float(second % 2)])
        assert len(side.within(900.0 - second % 20)[0]) == 101 + second % 20
    assert side._best is kept  # a scan makes a new one
