"""The slope of the average beside TA-Lib's average."""

import numpy as np
import pytest
import talib

from operators.indicators.slope import AverageSlope
from tests.data import needs_data
from tests.operators.indicators.support import MADE, REAL, Series, real


@pytest.mark.parametrize("series", MADE)
def test_as_ta_lib(series: Series) -> None:
    check(series)


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_ta_lib_on_real_bars(symbol: str, skip: int) -> None:
    check(real(symbol, skip))


def check(series: Series) -> None:
    slope = AverageSlope(50)
    ours = [slope.update(float(x)) for x in series.close]
    average = talib.EMA(series.close, 50)
    for i, (value, change) in enumerate(ours):
        assert (value is None) == bool(np.isnan(average[i]))
        assert (change is None) == (i < 50)
        if change is not None:
            assert change == pytest.approx(1e4 * (average[i] / average[i - 1] - 1), rel=1e-6, abs=1e-8)
