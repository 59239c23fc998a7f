"""Crossings beside a plain look at the signs."""

import pytest

from operators.indicators.cross import CROSS_AGES, Cross, EmaCross
from operators.indicators.ema import ExponentialMovingAverage
from tests.data import needs_data
from tests.operators.indicators.support import REAL, Series, real, walk


def test_as_the_signs_say() -> None:
    assert crossings(walk(100.0, 4)) > 5


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_the_signs_say_on_real_bars(symbol: str, skip: int) -> None:
    assert crossings(real(symbol, skip)) > 5


def crossings(series: Series) -> int:
    fast, slow, both, found = ExponentialMovingAverage(9), ExponentialMovingAverage(21), EmaCross(9, 21), 0
    signs: list[int] = []
    for x in series.close.tolist():
        a, b = fast.update(x), slow.update(x)
        ours = both.update(x)
        assert ours[:2] == (a, b)
        if a is None or b is None:
            assert ours[2:] == (None, None)
            continue
        sign = (a > b) - (a < b)
        expected = sign if signs and sign and sign != signs[-1] else 0
        found += abs(expected)
        signs.append(sign or (signs[-1] if signs else 0))
        signs = signs[-CROSS_AGES - 2 :]
        ages = [len(signs) - 1 - i for i in range(1, len(signs)) if signs[i] != signs[i - 1]]
        assert ours[2:] == (expected, float(ages[-1]) if ages and ages[-1] <= CROSS_AGES else None)
    return found


def test_an_old_crossing_is_forgotten() -> None:
    cross = Cross()
    cross.update(-1.0)
    assert cross.update(1.0) == (1.0, 0.0)
    ages = [cross.update(1.0)[1] for _ in range(CROSS_AGES + 2)]
    assert ages == [*(float(age) for age in range(1, CROSS_AGES + 1)), None, None]
