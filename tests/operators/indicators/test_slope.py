"""The slope of the average beside TA-Lib's average."""

import numpy as np
import pytest
import talib

from operators.indicators.slope import AverageSlope
from tests.operators.indicators.support import MADE, Series


@pytest.mark.parametrize("series", MADE)
def test_as_ta_lib(series: Series) -> None:
    slope = AverageSlope(50)
    ours = [slope.update(float(x)) for x in series.close]
    average = talib.EMA(series.close, 50)
    for i, (value, change) in enumerate(ours):
        assert (value is None) == bool(np.isnan(average[i]))
        assert (change is None) == (i < 50)
        if change is not None:
            assert change == pytest.approx(1e4 * (average[i] / average[i - 1] - 1), rel=1e-6, abs=1e-8)
