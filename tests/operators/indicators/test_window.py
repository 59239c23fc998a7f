"""Windows beside exact sums, on every prefix: what has left leaves nothing behind, wherever in the ring it was."""

from itertools import pairwise
from math import fsum, log
from statistics import fmean, pstdev
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.errors import OperatorError
from operators.indicators.bollinger import BollingerBands
from operators.indicators.returns import RealisedVolatility
from operators.indicators.sma import SimpleMovingAverage
from operators.indicators.volume import VolumeRatio
from operators.indicators.window import Mean, Window
from operators.native.twins import compiled

RNG = np.random.default_rng(1)
WALK = np.exp(np.cumsum(RNG.normal(0, 0.001, 60)))
SERIES = {
    "walk": (60_000 * WALK).tolist(),
    "small": (1e-8 * WALK).tolist(),
    "walk, nothing, walk": [*WALK.tolist(), *[0.0] * 60, *WALK.tolist()],
    "uniform, then constant": [*RNG.uniform(-1e-3, 1e-3, 50).tolist(), *[1e-4] * 50, 1.1e-4],
    "large, then tiny": [*RNG.choice([1e14, 1.0, 1e-18], 50).tolist(), *[1e-18] * 50, 3e-18, 1e-18],
}


def check(values: list[float], length: int) -> None:
    mean, window = Mean(length), Window(length)
    for i, x in enumerate(values):
        mean.push(x)
        window.push(x)
        last = values[max(0, i + 1 - length) : i + 1]
        size = max(map(abs, last))
        assert mean.full == window.full == (i + 1 >= length)
        assert mean.total == fsum(last)
        assert mean.mean == fmean(last)
        assert window.newest == x
        assert window.mean == pytest.approx(fmean(last), rel=1e-12, abs=1e-15 * size)
        if len(set(last)) == 1:
            assert (window.mean, *window.spread()) == (x, 0.0, 0.0)
        else:
            assert window.deviation == pytest.approx(pstdev(last), rel=1e-13)


@pytest.mark.parametrize("length", [1, 2, 20])
@pytest.mark.parametrize("name", SERIES)
def test_as_defined_on_every_prefix(name: str, length: int) -> None:
    check(SERIES[name], length)


@settings(max_examples=50)
@given(st.lists(st.sampled_from([0.0, 1e-18, 0.1, 1.0, 3.0, 7e14, -0.1, -1e-9, -2e33]), min_size=1), st.integers(1, 9))
def test_as_defined_on_any_values(values: list[float], length: int) -> None:
    check(values, length)


@pytest.mark.parametrize("make", [Mean, Window, lambda length: compiled(Mean(length)), lambda n: compiled(Window(n))])
@pytest.mark.parametrize("name", SERIES)
def test_only_the_values_in_it_count(name: str, make: Any) -> None:
    """To the bit: a start from stored bars has the ring at another place than an uninterrupted run."""
    found = set()
    for begin in range(21):
        one = make(20)
        for x in SERIES[name][begin:]:
            one.push(x)
        found.add((one.mean, getattr(one, "total", None), getattr(one, "deviation", None)))
    assert len(found) == 1


def old(values: list[float], length: int, *sums: float) -> list[Any]:
    """The ring as in the layouts before this one, with what slid."""
    last = values[-length:]
    at = (len(values) - length) % length
    return [at, *sums[:-1], [*last[length - at :], *last[: length - at]], length, sums[-1]]


def test_states_with_sums_that_slid_go_on_without_what_was_left_in_them() -> None:
    values = WALK.tolist()[:47]
    squares = [log(x / before) ** 2 for before, x in pairwise(values)]
    bars: list[tuple[Any, list[Any]]] = [
        (BollingerBands(20), [1, *old(values, 20, 1e-9, 0.9), 2.0]),
        (SimpleMovingAverage(20), [2, *old(values, 20, 0.9)]),
        (VolumeRatio(20), [2, *old(values, 20, 0.9)]),
        (
            RealisedVolatility((5, 7, 20)),
            [3, values[-1], [1, *old(squares, 20, 0.1)], [1, *old(squares, 5, 0.1)], 0, [1, *old(squares, 7, 0.1)]],
        ),
    ]
    for measure, state in bars:
        again = type(measure)((5, 7, 20)) if isinstance(measure, RealisedVolatility) else type(measure)(20)
        again.restore(state)
        for x in values:
            measure.update(x)
        assert [again.update(x) for x in values] == [measure.update(x) for x in values]


@pytest.mark.parametrize("make", [lambda one: one, compiled])
def test_of_nothing_all_is_zero(make: Any) -> None:
    mean, window = make(Mean(3)), make(Window(3))
    window.push(7.0)
    window.clear()
    assert (mean.total, mean.mean, mean.full) == (0.0, 0.0, False)
    assert (window.newest, window.mean, window.spread(), window.full) == (0.0, 0.0, (0.0, 0.0), False)


def test_a_length_below_one_is_refused_by_name_and_value() -> None:
    with pytest.raises(OperatorError, match="VWAP: period is 0, it must be at least 1"):
        Window(0, "VWAP")
