"""Bollinger bands beside TA-Lib's, and with %B and width, which it lacks, beside their definition."""

import numpy as np
import pytest
import talib

from operators.indicators.bollinger import BollingerBands
from tests.data import needs_data
from tests.operators.indicators.support import LULLS, MADE, REAL, Series, real


def check(series: Series) -> None:
    """Distances from the first close of a window are exact, so numpy's deviation of them is 0 in a flat market."""
    bands = BollingerBands()
    ours = [bands.update(float(x)) for x in series.close]
    assert ours[:19] == [(None,) * 5] * 19
    for i in range(19, len(ours)):
        window = series.close[i - 19 : i + 1]
        distances = window - window[0]
        mean, reach = float(window[0] + distances.mean()), 2.0 * float(distances.std())
        if reach == 0.0:
            assert ours[i] == (mean, mean, mean, None, 0.0)
        else:
            percent = float(distances[-1] - distances.mean()) / (2.0 * reach) + 0.5
            wanted = (mean + reach, mean, mean - reach, percent, 2.0 * reach / mean)
            assert ours[i] == pytest.approx(wanted, rel=1e-9, abs=1e-12 * mean)


@pytest.mark.parametrize("series", MADE)
def test_as_ta_lib(series: Series) -> None:
    check(series)
    beside_ta_lib(series)


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_ta_lib_on_real_bars(symbol: str, skip: int) -> None:
    check(real(symbol, skip))
    beside_ta_lib(real(symbol, skip))


def beside_ta_lib(series: Series) -> None:
    bands = BollingerBands()
    ours = np.array([bands.update(float(x))[:3] for x in series.close], float)
    np.testing.assert_allclose(ours, np.array(talib.BBANDS(series.close, 20, 2, 2)).T, rtol=1e-9)


@pytest.mark.parametrize("series", LULLS)
def test_nothing_is_left_of_moves_that_are_over(series: Series) -> None:
    """As it is of TA-Lib's sums, which slide."""
    check(series)


def test_a_leap_of_the_price_leaves_nothing_below_zero() -> None:
    bands = BollingerBands()
    prices = [*np.random.default_rng(1).choice([1e-18, 1.0, 1e14], 40).tolist(), *[1e-18] * 25]
    for _, middle, _, _, width in [bands.update(x) for x in prices][19:]:
        assert middle is not None
        assert middle > 0.0
        assert width is not None
        assert width >= 0.0
