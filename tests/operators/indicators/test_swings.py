"""Swings beside a look at the whole series: the same ones, and none before it could be known."""

import pytest

from operators.bars import OpenBar
from operators.indicators.swings import REACH, Swings
from tests.operators.indicators.support import REAL, bars_of, walked_bars


def plain(values: list[float], i: int, reach: int) -> bool:
    """Whether bar ``i`` is a swing high, seen from the end."""
    if i < reach or i + reach >= len(values):
        return False
    return values[i] > max(values[i - reach : i]) and values[i] >= max(values[i + 1 : i + reach + 1])


@pytest.mark.parametrize("reach", [1, 2, 3])
def test_as_defined_and_when_they_become_knowable(reach: int) -> None:
    check(walked_bars(11, 600), reach)


@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_defined_on_real_bars(symbol: str, skip: int) -> None:
    check(bars_of(symbol, skip), REACH)


def check(bars: list[OpenBar], reach: int) -> None:
    highs, lows = [bar.high for bar in bars], [bar.low for bar in bars]
    swings = Swings(reach)
    told = [swings.update(bar.high, bar.low) for bar in bars]
    mirrored = [-low for low in lows]
    for i in range(len(bars)):
        at = i - reach
        assert told[i][0] == (highs[at] if at >= 0 and plain(highs, at, reach) else None)
        assert told[i][1] == (lows[at] if at >= 0 and plain(mirrored, at, reach) else None)
    assert sum(top is not None for top, _ in told) > 20


def test_of_equal_highs_the_first_counts() -> None:
    swings = Swings(1)
    told = [swings.update(high, 0.0)[0] for high in (1.0, 2.0, 2.0, 1.0, 1.0)]
    assert told == [None, None, 2.0, None, None]
