"""Bollinger bands beside TA-Lib's; %B and width, which it lacks, beside numpy."""

import numpy as np
import pytest
import talib

from operators.indicators.bollinger import BollingerBands
from tests.data import needs_data
from tests.operators.indicators.support import MADE, REAL, Series, real


def check(series: Series) -> None:
    bands = BollingerBands()
    ours = [bands.update(float(x)) for x in series.close]
    oracle = np.array(talib.BBANDS(series.close, 20, 2, 2)).T
    assert np.isnan(oracle[:19]).all()
    assert ours[:19] == [(None,) * 5] * 19
    for i in range(19, len(ours)):
        upper, middle, lower, percent, width = ours[i]
        # TA-Lib's variance is a difference of squares, which keeps half of the digits.
        assert (upper, middle, lower) == pytest.approx(tuple(oracle[i]), rel=1e-9)
        window = series.close[i - 19 : i + 1]
        reach = 4 * float(np.std(window))
        assert width == pytest.approx(reach / float(np.mean(window)), rel=1e-7, abs=1e-12)
        assert (percent is None) == (width == 0.0)
        if percent is not None:
            assert percent == pytest.approx((window[-1] - np.mean(window)) / reach + 0.5, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("series", MADE)
def test_as_ta_lib(series: Series) -> None:
    check(series)


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_ta_lib_on_real_bars(symbol: str, skip: int) -> None:
    check(real(symbol, skip))
