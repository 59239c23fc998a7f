"""The simple average beside TA-Lib's."""

import pytest
import talib

from operators.indicators.sma import SimpleMovingAverage
from tests.data import needs_data
from tests.operators.indicators.support import MADE, REAL, Series, assert_equal, real


def check(series: Series, period: int) -> None:
    sma = SimpleMovingAverage(period)
    assert_equal([sma.update(float(x)) for x in series.close], talib.SMA(series.close, timeperiod=period))


@pytest.mark.parametrize("period", [2, 50])
@pytest.mark.parametrize("series", MADE)
def test_as_ta_lib(series: Series, period: int) -> None:
    check(series, period)


@needs_data
@pytest.mark.parametrize("period", [50, 200])
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_ta_lib_on_real_bars(symbol: str, skip: int, period: int) -> None:
    check(real(symbol, skip), period)
