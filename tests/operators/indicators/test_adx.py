"""ADX, +DI and -DI beside TA-Lib's."""

import pytest
import talib

from operators.errors import OperatorError
from operators.indicators.adx import AverageDirectionalIndex
from tests.data import needs_data
from tests.operators.indicators.support import MADE, REAL, Series, assert_equal, real


def check(series: Series, period: int) -> None:
    adx = AverageDirectionalIndex(period)
    bars = zip(series.high, series.low, series.close, strict=True)
    ours = [adx.update(float(high), float(low), float(close)) for high, low, close in bars]
    prices = (series.high, series.low, series.close)
    oracles = (talib.ADX(*prices, period), talib.PLUS_DI(*prices, period), talib.MINUS_DI(*prices, period))
    for column, oracle in zip(zip(*ours, strict=True), oracles, strict=True):
        assert_equal(list(column), oracle)


@pytest.mark.parametrize("period", [2, 14])
@pytest.mark.parametrize("series", MADE)
def test_as_ta_lib(series: Series, period: int) -> None:
    check(series, period)


@needs_data
@pytest.mark.parametrize(("symbol", "skip"), REAL)
def test_as_ta_lib_on_real_bars(symbol: str, skip: int) -> None:
    check(real(symbol, skip), 14)


def test_a_period_below_two_is_refused_by_name_and_value() -> None:
    with pytest.raises(OperatorError, match="ADX: period is 1, it must be at least 2"):
        AverageDirectionalIndex(1)
